"""Options from a call's keywords, prefixed with `openrouter_` or not, in one flat dict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "openrouter_"


def gather(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that were given, each under its plain name.

    A keyword wins over its prefixed twin, with its whole value: `provider=` and
    `openrouter_provider=` are never merged. Parameters that are None were not given. The order
    stays, and so do the values: they are the caller's own objects.
    """
    fields: dict[str, Any] = {}
    for name, value in parameters.items():
        if value is None:
            continue
        if name.startswith(PREFIX) and (plain := name[len(PREFIX) :]):
            if parameters.get(plain) is None:
                fields[plain] = value
        else:
            fields[name] = value
    return fields
