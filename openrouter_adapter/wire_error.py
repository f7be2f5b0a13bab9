"""What an error of the wire says: its status, its words, its facts, when to come again.

Plain functions on what OpenRouter sent; errors.py makes LiteLLM's exceptions of it. No key and
nothing of a flagged prompt is in the words.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import time
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

# What is kept of the words of one speaker.
MOST_CHARACTERS: Final = 500

_KEY = re.compile(r"\b(sk-(?:or-)?[A-Za-z0-9]{0,4}|Bearer +)[A-Za-z0-9_.-]{12,}")

# Codes in words, as they come in stream chunks, with the status they stand for.
_STATUS_OF_WORD: Final[Mapping[str, int]] = {
    "bad_request": 400,
    "invalid_request": 400,
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "context_length_exceeded": 400,
    "max_tokens_exceeded": 400,
    "authentication": 401,
    "authentication_error": 401,
    "unauthorized": 401,
    "invalid_api_key": 401,
    "payment_required": 402,
    "insufficient_credits": 402,
    "insufficient_quota": 402,
    "forbidden": 403,
    "permission_denied": 403,
    "permission_error": 403,
    "content_filter": 403,
    "content_policy_violation": 403,
    "moderation": 403,
    "not_found": 404,
    "not_found_error": 404,
    "model_not_found": 404,
    "timeout": 408,
    "request_timeout": 408,
    "timeout_error": 408,
    "payload_too_large": 413,
    "unprocessable": 422,
    "rate_limit": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "too_many_requests": 429,
    "api_error": 500,
    "internal_server_error": 500,
    "server": 500,
    "server_error": 500,
    "bad_gateway": 502,
    "provider_error": 502,
    "upstream_error": 502,
    "service_unavailable": 503,
    "provider_unavailable": 503,
    "overloaded": 529,
    "overloaded_error": 529,
    "provider_overloaded": 529,
}


def status_of(code: Any, default: int = 502) -> int:
    """The HTTP status that an error's `code` means: a number, a number in words, or a word."""
    if isinstance(code, str):
        word = code.strip().lower().replace(" ", "_")
        if not re.fullmatch("[0-9]{3}", word):
            return _STATUS_OF_WORD.get(word, default)
        code = int(word)
    if isinstance(code, int | float) and not isinstance(code, bool) and 400 <= code <= 599:
        return int(code)
    return default


def words(error: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """OpenRouter's message, who said it, the provider's own words, the moderation's reasons."""
    flagged = metadata.get("flagged_input")
    message = _without_flagged(str(error.get("message") or "the request failed"), flagged)
    parts = [_cut(message)]
    provider = metadata.get("provider_name")
    raw = _raw_words(metadata.get("raw"), flagged)
    if provider and raw:
        parts.append(f"{provider} said: {raw}")
    elif provider:
        parts.append(f"provider: {provider}")
    elif raw:
        parts.append(raw)
    reasons = metadata.get("reasons")
    if isinstance(reasons, list) and reasons:
        parts.append("reasons: " + ", ".join(map(str, reasons)))
    return " | ".join(parts)


def _without_flagged(text: str, flagged: Any) -> str:
    """A text without the prompt that moderation named, before it is cut or straightened.

    OpenRouter shortens a long one in its middle, `start...end`; a provider may say it whole.
    """
    if not isinstance(flagged, str) or not flagged.strip():
        return text
    start, _, end = flagged.partition("...")
    pattern = r"\s+".join(map(re.escape, flagged.split()))
    if start.strip() and end.strip():
        ends = (r"\s+".join(map(re.escape, piece.split())) for piece in (start, end))
        pattern += "|" + r".*?".join(ends)
    return re.sub(f"(?is){pattern}", "[flagged input]", text)


def _raw_words(raw: Any, flagged: Any = None) -> str:
    """The upstream's own words: its message where the body is JSON, else the body, cut."""
    if isinstance(raw, str):
        with contextlib.suppress(orjson.JSONDecodeError):
            parsed = orjson.loads(raw)
            if isinstance(parsed, dict):
                return _raw_words(parsed, flagged)
    elif isinstance(raw, dict):
        inner = raw.get("error", raw)
        message = inner.get("message") if isinstance(inner, dict) else inner
        if isinstance(message, str) and message:
            raw = message
    return "" if raw is None else plain_words(_without_flagged(text_of(raw), flagged))


def text_of(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return type(value).__name__


def plain_words(text: str) -> str:
    """Text without markup and line breaks, cut short."""
    if "<" in text and ">" in text:
        text = re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]{1,500}>", " ", text[:20_000])
    return _cut(" ".join(text.split()))


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def without_keys(text: str) -> str:
    """A text in which API keys are cut to how they begin."""
    return _KEY.sub(r"\1…", text)


def facts(
    body: Mapping[str, Any],
    error: Mapping[str, Any],
    metadata: Mapping[str, Any],
    headers: Mapping[str, str] | None,
) -> dict[str, Any]:
    """What is kept of a failed request: its code, ids, who served it, its cost in USD, ….

    A key is absent where the wire had nothing. Neither the prompt nor raw words are among them.
    """
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    found: dict[str, Any] = {
        "code": error.get("code"),
        "type": error.get("type"),
        "generation_id": (headers or {}).get("x-generation-id") or body.get("id"),
        "model": body.get("model"),
        "provider": body.get("provider"),
        "user_id": body.get("user_id"),
        "cost": usage.get("cost"),
        "usage": usage or None,
    }
    found |= {
        name: value
        for name, value in metadata.items()
        if name not in {"flagged_input", "raw", "headers"}
    }
    return {name: value for name, value in found.items() if value is not None}


def with_retry_after(
    headers: Mapping[str, str] | None, metadata: Mapping[str, Any]
) -> dict[str, str]:
    """The response headers, with those that OpenRouter puts into the error's metadata.

    `X-RateLimit-Reset` is in milliseconds since 1970; LiteLLM reads Retry-After in seconds.
    """
    merged = {name.lower(): value for name, value in (headers or {}).items()}
    inner = metadata.get("headers")
    if isinstance(inner, dict):
        for name, value in inner.items():
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                merged.setdefault(str(name).lower(), str(value))
    if "retry-after" not in merged and "x-ratelimit-reset" in merged:
        seconds = _seconds_until(merged["x-ratelimit-reset"])
        if seconds is not None:
            merged["retry-after"] = str(seconds)
    return {name: value for name, value in merged.items() if (name + value).isascii()}


def _seconds_until(reset: str) -> int | None:
    try:
        seconds = float(reset) / 1000 - time.time()
    except ValueError:
        return None
    return math.ceil(seconds) if 0 < seconds < 86_400 * 32 else None
