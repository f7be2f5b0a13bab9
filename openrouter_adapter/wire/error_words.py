"""What an error is about where no type says it: the wordings of many providers.

A prompt that is too long is told apart from other limits in tokens (a rate, a budget, an invalid
`max_tokens`), for which a model with a longer context is no cure.
"""

from __future__ import annotations

import re
from typing import Final

from openrouter_adapter.wire.error_types import CONTEXT, POLICY, Kind

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


def kind(text: str, status: int) -> Kind | None:
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
