"""What is in LiteLLM's places now."""

from __future__ import annotations

import pkgutil
from typing import Any

from openrouter_adapter.hooks.table import Place, find, places


def in_place() -> list[Any]:
    """Return what is in each place now."""
    found = map(find, places())
    return [one[2] for one in found if one is not None]


def attribute_in(place: Place, *names: str) -> Any:
    """Return the first of these attributes that is there; a class's as it can be put back.

    None if it has none: some places are created.
    """
    owner = pkgutil.resolve_name(place.module)
    held = vars(owner) if isinstance(owner, type) else {}
    found = (
        held[name] if name in held else getattr(owner, name)
        for name in names
        if name and hasattr(owner, name)
    )
    return next(found, None)
