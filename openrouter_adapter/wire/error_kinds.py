"""What an error is: its HTTP status and kind, by OpenRouter's type or by the wordings of providers.

`error_type` is the same on every endpoint; `code` and `type` are the endpoint's own, coarser words.
Follows https://openrouter.ai/docs/api-reference/errors-and-debugging#typed-error-codes.

A prompt that is too long is told apart from other limits in tokens (a rate, a budget, an invalid
`max_tokens`), for which a model with a longer context is no cure.
"""

from __future__ import annotations

import re
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


# An upstream may repeat the prompt in its error, and the reason comes first.
_MOST_READ: Final = 4000

_CONTEXT_WORDINGS: Final = (
    # OpenAI, OpenRouter, vLLM, Fireworks and Mistral give the length that they allow.
    r"maximum context (?:length|limit)",
    # SGLang, Anthropic, llama.cpp, LM Studio, OpenAI's Responses, MiniMax, Ollama, …
    r"(?:exceed\w*|er than|too (?:long|large) for)\b.{0,60}\bcontext (?:window|length|size|limit)",
    r"\bcontext[ _](?:window|length|size|limit)[ _](?:is |was |has been )?exceed",
    # Anthropic, Bedrock, Ollama
    r"\b(?:prompt|inputs?)(?: text)? (?:is |are |was )?too long\b",
    # Gemini, Vertex AI, GitHub Copilot
    r"\b(?:input|prompt) token count\b.{0,40}\b(?:exceed|but )",
    r"exceeds? the maximum number of tokens allowed",
    # DeepInfra, Amazon Nova
    r"\b(?:input|prompt) tokens\b.{0,40}\bexceed",
    r"\btoo many (?:input|prompt) tokens\b",
    r"\btoo many tokens: ",  # Cohere
    r"\bmaximum (?:prompt|input) length is \d",  # xAI
    r"\b(?:prompt|input) length\b.{0,40}\bexceeds?\b",  # SGLang, TensorRT-LLM
    r"\bprompt exceeds max(?:imum)? length\b",  # Z.AI
    r"\binput length should be \[",  # Alibaba
    r"\breduce the length of the (?:messages|prompt|input)\b",  # Groq, Cerebras
    r"\bexceeded model token limit\b",  # Moonshot
    r"\blonger than the (?:maximum )?(?:model|input) length\b",  # vLLM
    r"`?inputs`? (?:tokens \+|must have less than \d)",  # Text Generation Inference
    r"\bcurrent length is \d+ while limit is\b",  # Cerebras
    # OpenAI limits characters too, in each field that holds a piece of the prompt.
    r"'(?:input|prompt|instructions|[^']*\b(?:content|text|output)\b[^']*)': string too long",
)
_OTHER_LIMITS: Final = (
    r"\b(?:tokens?|requests?)(?: |_|-)?(?:per|/)(?: |_|-)?(?:sec|min|hour|day|month)",
    r"\b[io]?[tr]p[md]\b",  # TPM, RPD, ITPM, …
    r"\brate.?limit",
    r"\b(?:quota|throttl\w+|credits|afford)\b",
    # A name or an id that is too long.
    r"'(?!(?:input|prompt|instructions)'|[^']*\b(?:content|text|output)\b)[^']*': string too long",
)
_CONTEXT: Final = re.compile("|".join(_CONTEXT_WORDINGS))
_OTHER_LIMIT: Final = re.compile("|".join(_OTHER_LIMITS))
_MAX_TOKENS: Final = re.compile(r"max_?(?:\w+_)?tokens")
_OF_PROMPT: Final = re.compile(r"\b(?:inputs?|prompts?|messages?|requested|your request)\b")

_POLICY: Final = re.compile(
    "content_policy_violation|content management policy|content_filter|input was flagged"
    "|requires moderation"
)


def family(status: int) -> int:
    """The status that stands for all those of the same LiteLLM exception."""
    return _FAMILIES.get(status, 400 if status < 500 else 500)


def of_words(text: str, status: int) -> Kind | None:
    """What a text of OpenRouter or of a provider says that an error of this status is about.

    500 and 502 are what many an upstream's refusal of a long prompt arrives with.
    """
    text = text[:_MOST_READ].lower()
    if status in {400, 403} and (
        _POLICY.search(text) or _litellm_says("is_azure_content_policy_violation_error", text)
    ):
        return POLICY
    return CONTEXT if status in {400, 413, 422, 500, 502} and _is_of_context(text) else None


def _is_of_context(text: str) -> bool:
    if _OTHER_LIMIT.search(text):
        return False
    if _MAX_TOKENS.search(text) and not _OF_PROMPT.search(text):
        # The answer's length is invalid by itself, whatever the prompt's is.
        return False
    return bool(_CONTEXT.search(text)) or _litellm_says(
        "is_error_str_context_window_exceeded", text
    )


def _litellm_says(check: str, text: str) -> bool:
    """What LiteLLM's own list of wordings says, which grows with each version."""
    try:
        from litellm.litellm_core_utils.exception_mapping_utils import ExceptionCheckers

        return getattr(ExceptionCheckers, check)(text) is True
    except (ImportError, AttributeError, TypeError):
        return False
