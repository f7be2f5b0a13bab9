"""Models that a misspelled name may stand for."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openrouter_adapter.catalog.catalog import Model

# Below this similarity a name is another name, not a misspelled one.
_CLOSENESS: Final = 0.7
# A name that is right but for the author comes after one that is nearly right in full.
_OTHER_AUTHOR: Final = 0.95


def near(name: str, catalog: Iterable[Model], most: int = 3) -> list[str]:
    """Ids of models that a name may stand for, the likeliest first; empty if none is close.

    Args:
        name: A name that the catalogue lacks, with or without an author and `openrouter/`.
        catalog: The models.
        most: The number of ids, at most.
    """
    wanted = name.lower().removeprefix("openrouter/")
    author, _, slug = wanted.rpartition("/")
    scored = []
    for model in catalog:
        known = model.id.lower()
        likeness = _likeness(slug, known.partition("/")[2])
        if author:
            likeness = max(likeness * _OTHER_AUTHOR, _likeness(wanted, known))
        if likeness >= _CLOSENESS:
            scored.append((-likeness, model.id))
    return [model_id for _, model_id in sorted(scored)[:most]]


def did_you_mean(name: str, catalog: Iterable[Model]) -> str:
    """The near names as a question; empty if there are none."""
    found = near(name, catalog)
    return f"Did you mean {' or '.join(found)}?" if found else ""


def _likeness(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= _CLOSENESS else 0.0
