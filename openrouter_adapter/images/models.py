"""Image models: outputs and parameters, as read from OpenRouter's lists or as of this release.

OpenRouter refuses a model that only answers with images on the chat route, so the route of a
request depends on the model. Routes are chosen in layers below the catalogue, which therefore
passes the lists that it reads to `learn` and `describe`; nothing here reads a file or the network.
See https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Parameters = Mapping[str, Any]

MOST_IMAGES: Final = 10
"""The largest `n` that the images API takes of any model."""

# Fields that may have a descriptor. `size` is not among them: OpenRouter converts it to the fields
# that a model accepts.
_DESCRIBED: Final = (
    *("aspect_ratio", "background", "input_references", "n", "output_compression"),
    *("output_format", "quality", "resolution", "seed"),
)
# OpenRouter drops these for models that lack them.
_IGNORED: Final = frozenset({"output_compression", "quality"})

_only_images: dict[str, bool] = {}
_parameters: dict[str, Parameters] = {}


@dataclass(frozen=True, slots=True)
class ImageModel:
    """A model that makes images.

    Attributes:
        only_images: Whether it only answers with images. OpenRouter refuses a chat whose
            `modalities` ask such a model for text.
        parameters: `supported_parameters` of OpenRouter's image models: a descriptor for each field
            that the model accepts. None if they are unknown.
        are_read: Whether the parameters were read from OpenRouter, so that requests can be checked
            against them; those of this release may be out of date, and only help to plan.
    """

    only_images: bool
    parameters: Parameters | None = None
    are_read: bool = False

    def takes(self, field: str) -> bool:
        """Whether the model accepts a field; True if its parameters are unknown."""
        return self.parameters is None or field in self.parameters

    @property
    def most_images(self) -> int:
        """The largest `n` of one request to the images API."""
        if self.parameters is None:
            return MOST_IMAGES
        descriptor = self.parameters.get("n")
        most = descriptor.get("max") if isinstance(descriptor, dict) else 1
        if isinstance(most, bool) or not isinstance(most, int | float):
            return MOST_IMAGES
        return min(max(int(most), 1), MOST_IMAGES)

    @property
    def aspect_ratios(self) -> tuple[str, ...] | None:
        """The ratios that OpenRouter lists for the model; None if they were not read."""
        if not self.are_read or self.parameters is None:
            return None
        descriptor = self.parameters.get("aspect_ratio")
        values = descriptor.get("values") if isinstance(descriptor, dict) else None
        if not isinstance(values, list):
            return None
        return tuple(value for value in values if isinstance(value, str) and ":" in value)


def find(model: str) -> ImageModel | None:
    """The entry of a model that makes images; None for any other, and for unknown ones.

    Args:
        model: As a request names it, with or without `openrouter/`; a variant such as `:free`
            counts as the model itself unless it has an entry of its own.
    """
    name = model.removeprefix("openrouter/")
    base = name.partition(":")[0]
    for tried in (name, base) if base != name else (name,):
        only = _only_images.get(tried)
        read = _parameters.get(tried)
        known = _shipped().get(tried)
        if read is not None:
            return ImageModel(bool(known and known[0] if only is None else only), read, True)
        if only is not None:
            return ImageModel(only, known[1] if known else None)
        if known is not None:
            return ImageModel(*known)
    return None


def learn(only_images: Mapping[str, bool]) -> None:
    """Stores which models make images, and whether they answer with nothing else."""
    _only_images.update(only_images)


def describe(parameters: Mapping[str, Parameters]) -> None:
    """Stores OpenRouter's current `supported_parameters`, by the model's name."""
    _parameters.update(parameters)


def forget() -> None:
    """Forgets everything that was read; the entries of this release stay."""
    _only_images.clear()
    _parameters.clear()


def faults(fields: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields of a request that a model does not accept, each with the reason.

    Args:
        fields: The request's fields, as they would be sent.
        parameters: The model's `supported_parameters`.
    """
    for name in _DESCRIBED:
        value = fields.get(name)
        descriptor = parameters.get(name)
        if name == "input_references":
            value = len(value) if isinstance(value, list) else int(value is not None)
        if descriptor is None:
            if value not in {None, 0} and name not in _IGNORED and (name, value) != ("n", 1):
                known = ", ".join(sorted(set(parameters) & set(_DESCRIBED)))
                yield name, f"the model takes no {name}, but {known or 'a prompt only'}"
        elif value is not None and isinstance(descriptor, dict):
            allowed = _allowed(value, descriptor)
            if allowed is not None:
                yield name, f"{name}={value!r}: the model takes {allowed}"


def _allowed(value: Any, descriptor: Mapping[str, Any]) -> str | None:
    """The values that a descriptor allows; None if it allows the given one."""
    values = descriptor.get("values")
    if descriptor.get("type") == "enum" and isinstance(values, list):
        return None if value in values else " | ".join(map(repr, values))
    least, most = descriptor.get("min"), descriptor.get("max")
    if descriptor.get("type") != "range" or not _is_number(value):
        return None
    too_few = _is_number(least) and value < least
    too_many = _is_number(most) and value > most
    return f"{least} to {most}" if too_few or too_many else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# OpenRouter's image models on 5 October 2026, for requests made before its own lists were read:
# from `GET /images/models` and `GET /images/models/{author}/{slug}/endpoints`. Only what is
# needed to plan a request: which models only answer with images, how many images a request may ask
# for, and the tiers of size. Prices, and everything that OpenRouter checks itself, are read, not
# shipped.
_TO_4K: Final = ("1K", "2K", "4K")
_TO_2K: Final = ("1K", "2K")

# By author and the highest `n`: names, with their tiers of size.
_ONLY_IMAGES: Final[dict[tuple[str, int], dict[str, tuple[str, ...]]]] = {
    ("black-forest-labs", 1): {
        "flux-3-image": ("768", "1K", "1.5K", "2K", "4K"),
        **dict.fromkeys(("flux.2-flex", "flux.2-klein-4b", "flux.2-max", "flux.2-pro"), ()),
    },
    ("bytedance-seed", 10): {"seedream-4.5": _TO_4K},
    ("bytedance-seed", 4): {"seedream-5-0-lite": ("2K", "4K")},
    ("bytedance-seed", 1): {"seedream-5-0-flash": _TO_2K, "seedream-5-0-pro": _TO_2K},
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
    ("qwen", 6): {"qwen-image-3": _TO_2K, "qwen-image-3-pro": _TO_2K},
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
        **dict.fromkeys(("riverflow-v2-fast", "riverflow-v2-pro", "riverflow-v2.5-pro"), _TO_4K),
        "riverflow-v2.5-fast": _TO_2K,
    },
    ("x-ai", 1): {
        "grok-imagine-image-2.0": _TO_2K,
        "grok-imagine-image-quality": _TO_2K,
    },
}
_ALSO_TEXT: Final[dict[tuple[str, int], dict[str, tuple[str, ...]]]] = {
    ("google", 1): {
        "gemini-2.5-flash-image": (),
        "gemini-3-pro-image": _TO_4K,
        "gemini-3-pro-image-preview": _TO_4K,
        "gemini-3.1-flash-image": ("512", *_TO_4K),
        "gemini-3.1-flash-image-preview": ("512", *_TO_4K),
        "gemini-3.1-flash-lite-image": ("1K",),
    },
    ("openai", 10): dict.fromkeys(("gpt-5-image", "gpt-5-image-mini", "gpt-5.4-image-2"), ()),
}


@cache
def _shipped() -> dict[str, tuple[bool, dict[str, Any]]]:
    return {
        f"{author}/{slug}": (only_images, _shipped_parameters(most, tiers))
        for only_images, group in ((True, _ONLY_IMAGES), (False, _ALSO_TEXT))
        for (author, most), models in group.items()
        for slug, tiers in models.items()
    }


def _shipped_parameters(most: int, tiers: tuple[str, ...]) -> dict[str, Any]:
    """Parameters in OpenRouter's own form: a descriptor for each field."""
    found: dict[str, Any] = {"n": {"type": "range", "min": 1, "max": most}}
    if tiers:
        found["resolution"] = {"type": "enum", "values": list(tiers)}
    return found
