"""OpenRouter's typed errors: the HTTP status of each word that names one, and its kind.

`error_type` is the same on every endpoint; `code` and `type` are the endpoint's own, coarser words.
Follows https://openrouter.ai/docs/api-reference/errors-and-debugging#typed-error-codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

# What LiteLLM's fallbacks tell apart beyond the status: a prompt that is too long, and a refusal
# on grounds of content.
Kind: TypeAlias = Literal["context", "policy"]
CONTEXT: Final[Kind] = "context"
POLICY: Final[Kind] = "policy"

# `unmapped` is missing: OpenRouter could not tell what it is, so status and words decide.
STATUSES: Final[Mapping[str, int]] = {
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
    "authentication": 401,
    "payment_required": 402,
    "permission_denied": 403,
    "not_found": 404,
    "image_not_found": 404,
    "precondition_failed": 412,
    "payload_too_large": 413,
    "unprocessable": 422,
    "rate_limit_exceeded": 429,
    "server": 500,
    "provider_unavailable": 502,
    "provider_overloaded": 503,
    "timeout": 504,
}

# Types, and codes that say as much.
KINDS: Final[Mapping[str, Kind]] = {
    "context_length_exceeded": CONTEXT,
    "content_policy_violation": POLICY,
    "refusal": POLICY,
    "content_filter": POLICY,
    "moderation": POLICY,
    "bio_policy": POLICY,
    "cyber_policy": POLICY,
    "image_content_policy_violation": POLICY,
    "misalignment_policy_violation": POLICY,
}

# Limits that a prompt may have passed, or something else: the words tell which. What each means
# where they don't.
LIMITS: Final[Mapping[str, str]] = {
    "string_too_long": "One text of the request is longer than the provider accepts for its field.",
    "token_limit_exceeded": "A token budget of the account is used up, not the model's context.",
    "max_tokens_exceeded": "The answer reached max_tokens; raise it, or ask for less.",
}

# Types that may also stand for a prompt beyond the model's context: the words tell. OpenRouter
# gives `invalid_request` to refusals of providers whose reason it does not recognize.
REFINED_BY_WORDS: Final = frozenset({*LIMITS, "invalid_request", "invalid_prompt"})

# The endpoints' own words, as `code` or `type` of an error, with the status they stand for.
STATUS_OF_CODE: Final[Mapping[str, int]] = {
    **STATUSES,
    "bad_request": 400,
    "invalid_request_error": 400,
    "empty_image_file": 400,
    "failed_to_download_image": 400,
    "image_file_not_found": 400,
    "image_file_too_large": 400,
    "image_parse_error": 400,
    "invalid_base64_image": 400,
    "invalid_image_format": 400,
    "invalid_image_mode": 400,
    "invalid_image_url": 400,
    "unsupported_image_media_type": 400,
    "authentication_error": 401,
    "unauthorized": 401,
    "invalid_api_key": 401,
    "billing_error": 402,
    "insufficient_credits": 402,
    "insufficient_quota": 402,
    "forbidden": 403,
    "permission_error": 403,
    "content_filter": 403,
    "moderation": 403,
    "bio_policy": 403,
    "cyber_policy": 403,
    "image_content_policy_violation": 403,
    "misalignment_policy_violation": 403,
    "data_residency_mismatch": 404,
    "not_found_error": 404,
    "model_not_found": 404,
    "request_timeout": 408,
    "timeout_error": 408,
    "rate_limit": 429,
    "rate_limit_error": 429,
    "too_many_requests": 429,
    "api_error": 500,
    "internal_server_error": 500,
    "server_error": 500,
    "unmapped": 500,
    "bad_gateway": 502,
    "provider_error": 502,
    "upstream_error": 502,
    "service_unavailable": 503,
    "vector_store_timeout": 504,
    "overloaded": 529,
    "overloaded_error": 529,
}

# The statuses that are one class of LiteLLM's exceptions, under the first of each.
_FAMILIES: Final[Mapping[int, int]] = {
    **{status: status for status in (401, 402, 403, 404, 422, 429, 502)},
    **dict.fromkeys((503, 529), 503),
    **dict.fromkeys((504, 408, 524), 504),
}


def family(status: int) -> int:
    """The status that stands for all those of the same LiteLLM exception."""
    return _FAMILIES.get(status, 400 if status < 500 else 500)
