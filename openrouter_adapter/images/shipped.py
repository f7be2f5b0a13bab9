"""OpenRouter's image models on 5 October 2026, for requests made before its own lists were read.

From `GET /images/models` and `GET /images/models/{author}/{slug}/endpoints`. Only what a request
is planned by: which models answer with images alone, how many images a request may ask for, and
the tiers of size. Prices, and everything that OpenRouter checks itself, are read, not shipped.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

_ALL: Final = ("1K", "2K", "4K")
_SMALL: Final = ("1K", "2K")

# By author and `n` at most: names, with their tiers of size.
_ONLY_IMAGES: Final[dict[tuple[str, int], dict[str, tuple[str, ...]]]] = {
    ("black-forest-labs", 1): {
        "flux-3-image": ("768", "1K", "1.5K", "2K", "4K"),
        **dict.fromkeys(("flux.2-flex", "flux.2-klein-4b", "flux.2-max", "flux.2-pro"), ()),
    },
    ("bytedance-seed", 10): {"seedream-4.5": _ALL},
    ("bytedance-seed", 4): {"seedream-5-0-lite": ("2K", "4K")},
    ("bytedance-seed", 1): {"seedream-5-0-flash": _SMALL, "seedream-5-0-pro": _SMALL},
    ("inclusionai", 1): {"ming-image-0.1-design": (), "ming-image-0.1-design-layer": ()},
    ("krea", 1): dict.fromkeys(("krea-2-large", "krea-2-medium", "krea-2-medium-turbo"), ("1K",)),
    ("meta", 1): {"muse-image": ()},
    ("microsoft", 1): dict.fromkeys(
        ("mai-image-2.5", "mai-image-2.5-pro", "mai-image-2.6", "mai-image-2.6-flash"), ()
    ),
    ("openai", 10): dict.fromkeys(
        (
            *("gpt-image-1", "gpt-image-1-mini", "gpt-image-2"),
            *("gpt-image-2.5-flare", "gpt-image-2.5-sunburst"),
        ),
        (),
    ),
    ("qwen", 6): {"qwen-image-3": _SMALL, "qwen-image-3-pro": _SMALL},
    ("recraft", 6): dict.fromkeys(
        (
            *("recraft-v3", "recraft-v4", "recraft-v4-pro", "recraft-v4-pro-vector"),
            *("recraft-v4-styles", "recraft-v4-styles-pro", "recraft-v4-styles-pro-vector"),
            *("recraft-v4-styles-vector", "recraft-v4-vector", "recraft-v4.1"),
            *("recraft-v4.1-flash", "recraft-v4.1-pro", "recraft-v4.1-pro-vector"),
            *("recraft-v4.1-utility", "recraft-v4.1-utility-pro", "recraft-v4.1-vector"),
        ),
        (),
    ),
    ("sourceful", 1): {
        **dict.fromkeys(("riverflow-v2-fast", "riverflow-v2-pro", "riverflow-v2.5-pro"), _ALL),
        "riverflow-v2.5-fast": _SMALL,
    },
    ("x-ai", 1): {"grok-imagine-image-2.0": _SMALL, "grok-imagine-image-quality": _SMALL},
}
_ALSO_TEXT: Final[dict[tuple[str, int], dict[str, tuple[str, ...]]]] = {
    ("google", 1): {
        "gemini-2.5-flash-image": (),
        "gemini-3-pro-image": _ALL,
        "gemini-3-pro-image-preview": _ALL,
        "gemini-3.1-flash-image": ("512", *_ALL),
        "gemini-3.1-flash-image-preview": ("512", *_ALL),
        "gemini-3.1-flash-lite-image": ("1K",),
    },
    ("openai", 10): dict.fromkeys(("gpt-5-image", "gpt-5-image-mini", "gpt-5.4-image-2"), ()),
}


def find(name: str) -> tuple[bool, dict[str, Any]] | None:
    """Whether a model answers with images alone, and what it takes; None for an unknown model."""
    return _table().get(name)


@cache
def _table() -> dict[str, tuple[bool, dict[str, Any]]]:
    return {
        f"{author}/{slug}": (only_images, _parameters(most, tiers))
        for only_images, group in ((True, _ONLY_IMAGES), (False, _ALSO_TEXT))
        for (author, most), models in group.items()
        for slug, tiers in models.items()
    }


def _parameters(most: int, tiers: tuple[str, ...]) -> dict[str, Any]:
    """In OpenRouter's own form: a descriptor for each field."""
    found: dict[str, Any] = {"n": {"type": "range", "min": 1, "max": most}}
    if tiers:
        found["resolution"] = {"type": "enum", "values": list(tiers)}
    return found
