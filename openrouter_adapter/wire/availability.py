"""`error.availability`: why a model can't be served, and what a person can do about it.

Follows https://openrouter.ai/docs/api-reference/errors-and-debugging#model-availability-errors.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.wire import error_kinds

if TYPE_CHECKING:
    from collections.abc import Mapping

# The status of each code, and whether the same request may succeed later.
CODES: Final[Mapping[str, tuple[int, bool]]] = {
    "model_not_found": (400, False),
    "wrong_endpoint": (400, False),
    "region_restricted": (403, False),
    "no_endpoints": (404, False),
    "model_deprecated": (404, False),
    "model_unavailable_upstream": (404, False),
    "privacy_restricted": (404, False),
    "constraint_filtered": (404, False),
    "free_variant_ended": (404, False),
    "capacity_exhausted": (429, True),
    "temporarily_unavailable": (503, True),
}

_FILTERS: Final[Mapping[str, str]] = {
    "geo": "your region",
    "data_region": "the data region",
    "data_policy:zdr": "zero data retention",
    "data_policy:training": "no training on prompts",
    "max_price": "the maximum price",
    "context_length": "the context length",
    "require_parameters": "parameters that every provider must support",
    "quantization": "the quantization",
    "allowed_providers": "the allowed providers",
}

# Statuses that LiteLLM retries, and those that its Router doesn't.
_RETRIED: Final = frozenset({429, 500, 502, 503, 504})
_FINAL: Final = frozenset({400, 402, 404, 422})

_LONGEST_WAIT: Final = 86_400 * 32
_MOST_CHARACTERS: Final = 300
_MOST_NAMES: Final = 10


def status_of_code(availability: Mapping[str, Any]) -> int | None:
    """The documented status of its code; None for a code that is not known."""
    code = availability.get("code")
    return CODES[code][0] if isinstance(code, str) and code in CODES else None


def revised_status(availability: Mapping[str, Any], status: int) -> int:
    """The status by which LiteLLM retries what may succeed later, and nothing else.

    `retryable` decides if the code is unknown, or if it contradicts the documentation of the code.
    """
    code, is_retryable = availability.get("code"), availability.get("retryable")
    if not isinstance(is_retryable, bool):
        return status
    if isinstance(code, str) and code in CODES and CODES[code][1] == is_retryable:
        return status
    if is_retryable:
        return status if error_kinds.family(status) in _RETRIED else 503
    return status if error_kinds.family(status) in _FINAL else 404


def retry_after(availability: Mapping[str, Any]) -> int | None:
    """Whole seconds to wait; None if it names none."""
    seconds = availability.get("retry_after")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    return math.ceil(seconds) if 0 <= seconds <= _LONGEST_WAIT else None


def words(availability: Mapping[str, Any]) -> list[str]:
    """Parts of an error message: what excluded the model, alternatives, where to read more."""
    parts: list[str] = []
    excluded = _names(availability.get("excluded_by"))
    if excluded:
        parts.append("excluded by: " + ", ".join(map(_filter, excluded)))
    constraint = availability.get("constraint")
    if isinstance(constraint, dict) and constraint:
        field, detail = constraint.get("field"), constraint.get("detail")
        parts.append(": ".join(_cut(str(one)) for one in ("constraint", field, detail) if one))
    instead = _names(availability.get("fallback_models"))
    if instead:
        parts.append("available instead: " + ", ".join(instead))
    seconds = retry_after(availability)
    if seconds:
        parts.append(f"try again in {seconds} s")
    page = availability.get("docs_url")
    if isinstance(page, str) and page:
        parts.append(f"see {_cut(page)}")
    return parts


def _filter(name: str) -> str:
    return f"{_FILTERS[name]} ({name})" if name in _FILTERS else name


def _names(value: Any) -> list[str]:
    names = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    return [_cut(name) for name in names[:_MOST_NAMES]]


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
