"""Errors as OpenRouter types them: `error_type`, `availability` and the form of each endpoint.

A fault's options choose them: `type=`, `provider-code=`, and for a model that is unavailable
`availability=`, `retryable=`, `retry-after=`, `excluded=`, `constraint=` and `instead=`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUSES = {
    "context_length_exceeded": 400,
    "string_too_long": 400,
    "token_limit_exceeded": 400,
    "max_tokens_exceeded": 400,
    "content_policy_violation": 400,
    "refusal": 400,
    "invalid_request": 400,
    "invalid_prompt": 400,
    "invalid_image": 400,
    "image_too_large": 400,
    "image_too_small": 400,
    "unsupported_image_format": 400,
    "image_download_failed": 400,
    "image_not_found": 404,
    "not_found": 404,
    "authentication": 401,
    "payment_required": 402,
    "permission_denied": 403,
    "precondition_failed": 412,
    "payload_too_large": 413,
    "unprocessable": 422,
    "rate_limit_exceeded": 429,
    "provider_overloaded": 503,
    "provider_unavailable": 502,
    "server": 500,
    "unmapped": 500,
    "timeout": 504,
}
# Type of each availability code, and whether the same request may succeed later.
AVAILABILITY = {
    "model_not_found": ("invalid_request", False),
    "wrong_endpoint": ("invalid_request", False),
    "no_endpoints": ("not_found", False),
    "model_deprecated": ("not_found", False),
    "model_unavailable_upstream": ("not_found", False),
    "capacity_exhausted": ("rate_limit_exceeded", True),
    "temporarily_unavailable": ("provider_overloaded", True),
    "region_restricted": ("permission_denied", False),
    "privacy_restricted": ("not_found", False),
    "constraint_filtered": ("not_found", False),
    "free_variant_ended": ("not_found", False),
}
_DOCS = "https://openrouter.ai/docs/errors"

# Coarser codes of Responses and of Messages; all other types are server errors.
_RESPONSES_CODES = {
    "rate_limit_exceeded": "rate_limit_exceeded",
    "context_length_exceeded": "invalid_prompt",
    "invalid_request": "invalid_prompt",
    "content_policy_violation": "image_content_policy_violation",
}
# The type of an error on `/messages` that has no other, by status; other statuses are unmapped.
_MESSAGES_ERROR_TYPES = {
    **{status: name for name, status in reversed(STATUSES.items())},
    400: "invalid_request",
    404: "not_found",
    500: "server",
    **dict.fromkeys((408, 524), "timeout"),
    529: "provider_overloaded",
}
_MESSAGES_TYPES = {
    **dict.fromkeys((400, 412, 413, 422), "invalid_request_error"),
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def type_of(options: Mapping[str, str]) -> str | None:
    """Return the type that a fault's options choose, None if they choose none."""
    code = options.get("availability", "")
    return options.get("type") or AVAILABILITY.get(code, (None,))[0]


def typed(error: dict[str, Any], status: int, options: Mapping[str, str]) -> dict[str, Any]:
    """Return an `error` with the type and the availability that a fault's options choose.

    A 500 has only its type. The error of an unavailable model has `http_status` instead of `code`.
    """
    error_type, metadata = type_of(options), {**(error.get("metadata") or {})}
    if error_type is None and "availability" not in options:
        return error
    if status == 500:
        metadata, error = {}, {**error, "message": "Internal Server Error"}
    elif "provider-code" in options:
        metadata["provider_code"] = options["provider-code"]
    if "availability" in options:
        return {
            "message": error["message"],
            "error_type": error_type,
            "http_status": status,
            "availability": _availability(options),
            "metadata": {**metadata, "previous_errors": []},
        }
    return {**error, "metadata": {**metadata, "error_type": error_type}}


def _availability(options: Mapping[str, str]) -> dict[str, Any]:
    code = options["availability"]
    _, is_retryable = AVAILABILITY.get(code, (None, False))
    if "retryable" in options:
        is_retryable = options["retryable"] == "true"
    found: dict[str, Any] = {
        "code": code,
        "retryable": is_retryable,
        "requested_models": [options["requested"]] if "requested" in options else [],
        "docs_url": f"{_DOCS}#{code}",
    }
    if "retry-after" in options:
        found["retry_after"] = int(options["retry-after"])
    for option, name in (("excluded", "excluded_by"), ("instead", "fallback_models")):
        if option in options:
            found[name] = options[option].split("+")
    if "constraint" in options:
        field, _, detail = options["constraint"].partition(":")
        found["constraint"] = {"field": field, "detail": detail}
    return found


def failed_response(whole: Mapping[str, Any], error: Mapping[str, Any]) -> dict[str, Any]:
    """Return a failed response: its own code is coarse, its `error_type` precise."""
    metadata = error.get("metadata") or {}
    error_type = error.get("error_type") or metadata.get("error_type")
    raw = f": {metadata['raw']}" if "raw" in metadata else ""
    kept = {name: error[name] for name in ("http_status", "availability") if name in error}
    found = {
        "code": _RESPONSES_CODES.get(error_type or "", "server_error"),
        "message": f"{error['message']}{raw}",
        **kept,
    }
    response = {**whole, "status": "failed", "completed_at": None, "error": found}
    return response if error_type is None else {**response, "error_type": error_type}


def messages_envelope(
    error: Mapping[str, Any], status: int, error_type: str | None = None
) -> dict[str, Any]:
    """Return Anthropic's envelope of an `error`.

    Args:
        error: The `error` object.
        status: The HTTP status.
        error_type: Its type if the object has none; None chooses it by the status.
    """
    metadata = {**(error.get("metadata") or {})}
    typed_by_fault = error.get("error_type") or metadata.pop("error_type", None)
    found = {
        "type": _MESSAGES_TYPES.get(status, "api_error"),
        "message": error["message"],
        "error_type": typed_by_fault or error_type or _MESSAGES_ERROR_TYPES.get(status, "unmapped"),
    }
    if "availability" in error:
        found["availability"] = error["availability"]
    envelope = {"type": "error", "error": found, "request_id": None}
    return {**envelope, "metadata": metadata} if metadata else envelope


def route(model: str, provider: str) -> dict[str, Any]:
    """Return the `openrouter_metadata` of a request that failed at its only endpoint."""
    endpoint = {"provider": provider, "model": model, "selected": False}
    available = [endpoint] if provider else []
    return {
        "requested": model,
        "strategy": "direct",
        "region": "local",
        "summary": f"available={len(available)}",
        "attempt": 1,
        "is_byok": False,
        "endpoints": {"total": len(available), "available": available},
    }
