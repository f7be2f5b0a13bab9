"""The HTTP status and the kind of an error, by OpenRouter's type or by providers' wordings.

`error_type` is the same on every endpoint; `code` and `type` are the endpoint's own, and coarser.
Follows https://openrouter.ai/docs/api-reference/errors-and-debugging#typed-error-codes.

A prompt that is too long is distinguished from other limits in tokens (a rate, a budget, an invalid
`max_tokens`), for which a model with a longer context doesn't help.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

# Kinds that have fallbacks of their own in LiteLLM: a prompt that is too long, and a refusal of the
# content.
Kind: TypeAlias = Literal["context", "policy"]
CONTEXT: Final[Kind] = "context"
POLICY: Final[Kind] = "policy"

# `unmapped` is missing: OpenRouter did not recognize the error, so status and wording decide.
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

# By types, and by codes with the same meaning.
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

# Limits that the prompt or something else may have exceeded: the wording decides. If it
# doesn't, the text here is used.
LIMITS: Final[Mapping[str, str]] = {
    "string_too_long": "One text of the request is longer than the provider accepts for its field.",
    "token_limit_exceeded": "A token budget of the account is used up, not the model's context.",
    "max_tokens_exceeded": "The answer reached max_tokens; raise it, or ask for less.",
}

# Types that may also mean a prompt beyond the model's context: the wording decides. OpenRouter uses
# `invalid_request` for refusals of providers whose reason it does not recognize.
REFINED_BY_WORDS: Final = frozenset({*LIMITS, "invalid_request", "invalid_prompt"})

# The endpoints' own values of an error's `code` or `type`, with the status that they stand for.
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

# The statuses that share a class of LiteLLM's exceptions, under the first of each.
_FAMILIES: Final[Mapping[int, int]] = {
    **{status: status for status in (401, 402, 403, 404, 422, 429, 502)},
    **dict.fromkeys((503, 529), 503),
    **dict.fromkeys((504, 408, 524), 504),
}


# The reason comes first; after it, an upstream may repeat the prompt.
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
    # OpenAI also limits characters, in each field that holds a part of the prompt.
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
    "content[_ ]policy[_ ]violation|content management policy|content_filter|input was flagged"
    "|requires moderation"
)


def family(status: int) -> int:
    """The status that stands for all those of the same LiteLLM exception."""
    return _FAMILIES.get(status, 400 if status < 500 else 500)


def of_words(text: str, status: int) -> Kind | None:
    """The kind of an error of this status, by the wording of OpenRouter or of a provider.

    Many upstreams' refusals of a long prompt arrive with 500 or 502.
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
        # The length of the answer is invalid by itself, whatever that of the prompt.
        return False
    return bool(_CONTEXT.search(text)) or _litellm_says(
        "is_error_str_context_window_exceeded", text
    )


def _litellm_says(check: str, text: str) -> bool:
    """The result of LiteLLM's own list of wordings, which grows with each version."""
    try:
        from litellm.litellm_core_utils.exception_mapping_utils import ExceptionCheckers

        return getattr(ExceptionCheckers, check)(text) is True
    except (ImportError, AttributeError, TypeError):
        return False
