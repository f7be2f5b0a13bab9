"""Options from a call's keywords, prefixed with `openrouter_` or not, in one flat dict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openrouter_adapter.options import headers
from openrouter_adapter.options.names import OPENROUTER_FIELDS
from openrouter_adapter.options.slips import warn_of_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PREFIX = "openrouter_"


def gather(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that were given, each under its plain name.

    A keyword wins over its prefixed twin, with its whole value: `provider=` and
    `openrouter_provider=` are never merged. Parameters that are None were not given. The order
    stays, and so do the values: they are the caller's own objects. Options for headers are left
    out (headers.py).
    """
    fields: dict[str, Any] = {}
    for name, value in parameters.items():
        if value is None:
            continue
        if name.startswith(PREFIX) and name in headers.NAMES:
            continue
        if name.startswith(PREFIX) and (plain := name[len(PREFIX) :]):
            if parameters.get(plain) is None:
                fields[plain] = value
        else:
            fields[name] = value
    return fields


def gather_known(parameters: Mapping[str, Any], also: Collection[str] = ()) -> dict[str, Any]:
    """Return what is for OpenRouter among all parameters of a call, under plain names.

    For endpoints where LiteLLM hands over its own with the caller's: options, the endpoint's
    fields in `also`, and whatever has the prefix, which says itself that it is meant. Of other
    names, those that look like a slip of a known one are said in a warning.
    """
    meant: dict[str, Any] = {}
    for name, value in parameters.items():
        if name in OPENROUTER_FIELDS or name in also or name.startswith(PREFIX):
            meant[name] = value
        elif isinstance(value, str | int | float | list | dict):
            warn_of_name(name)
    return gather(meant)
