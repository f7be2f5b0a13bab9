"""An error of the wire: its status, kind, words, facts, and the time to retry after.

Plain functions on OpenRouter's JSON; errors.py makes LiteLLM's exceptions from it. The words
contain no key and nothing of a flagged prompt.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from openrouter_adapter.wire import availability, error_kinds

if TYPE_CHECKING:
    from collections.abc import Mapping

# The number of characters that are kept of one source's words.
MOST_CHARACTERS: Final = 500

_KEY = re.compile(r"\b(sk-(?:or-)?[A-Za-z0-9]{0,4}|Bearer +)[A-Za-z0-9_.-]{12,}")


class Meaning(NamedTuple):
    """The meaning of an error: its HTTP status, and its kind if it has one."""

    status: int
    kind: error_kinds.Kind | None


class WireError:
    """`{"error": …}` of an endpoint: a whole body, a stream's chunk, or a choice.

    Attributes:
        error_type: OpenRouter's own type; empty if it names none.
        availability: Why the model can't be served; empty if the reason is another.
        metadata: `error.metadata`.
    """

    def __init__(self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        """Takes the object that has `error`, and the response headers."""
        error = body["error"]
        self._error: dict[str, Any] = (
            error if isinstance(error, dict) else {"message": text_of(error)}
        )
        self._body, self._headers = body, headers
        self.metadata = _dict(self._error.get("metadata"))
        if not self.metadata and body.get("type") == "error":
            self.metadata = _dict(body.get("metadata"))  # Anthropic's envelope.
        self.availability = _dict(self._error.get("availability") or body.get("availability"))
        said = [place.get("error_type") for place in (self.metadata, self._error, body)]
        types = [one for one in said if isinstance(one, str) and one]
        known = [one for one in types if one in error_kinds.STATUSES]
        self.error_type: str = next(iter(known or types), "")

    def meaning(self, status: int | None = None) -> Meaning:
        """Its meaning: the type takes precedence over the status, and both over the wording.

        Args:
            status: The HTTP status; None if it was 200.
        """
        found = status if status is not None and status >= 400 else self._status()
        typed = error_kinds.STATUSES.get(self.error_type)
        if typed is not None and error_kinds.family(typed) != error_kinds.family(found):
            found = typed
        if self.availability:
            found = availability.revised_status(self.availability, found)
        return Meaning(found, self._kind(found))

    def _status(self) -> int:
        error = self._error
        for number in (error.get("code"), error.get("http_status")):
            found = _status_of_number(number)
            if found is not None:
                return found
        return (
            error_kinds.STATUSES.get(self.error_type)
            or availability.status_of_code(self.availability)
            or status_of(error.get("code"), status_of(error.get("type")))
        )

    def _kind(self, status: int) -> error_kinds.Kind | None:
        if status == 403 and self.metadata.get("reasons"):
            return error_kinds.POLICY
        is_refined = self.error_type in error_kinds.REFINED_BY_WORDS
        if self.error_type in error_kinds.STATUSES and not is_refined:
            return error_kinds.KINDS.get(self.error_type)
        raw = _upstream_error(self.metadata.get("raw"))
        codes = [self._error.get("code"), self._error.get("type"), raw.get("code")]
        codes.append(self.metadata.get("provider_code"))
        for code in codes:
            if isinstance(code, str) and code in error_kinds.KINDS:
                return error_kinds.KINDS[code]
        said = (self._error.get("message"), raw.get("message"), *codes)
        found = error_kinds.of_words(" | ".join(str(one) for one in said if one), status)
        return None if is_refined and found != error_kinds.CONTEXT else found

    def words(self, kind: error_kinds.Kind | None) -> str:
        """OpenRouter's message, the provider's words and codes, and advice."""
        metadata, flagged = self.metadata, self.metadata.get("flagged_input")
        message = str(self._error.get("message") or "the request failed")
        parts = [_cut(_without_flagged(message, flagged))]
        provider = metadata.get("provider_name")
        raw = _raw_words(metadata.get("raw"), flagged)
        if provider and raw:
            parts.append(f"{provider} said: {raw}")
        elif provider:
            parts.append(f"provider: {provider}")
        elif raw:
            parts.append(raw)
        for label, value in (
            ("provider code", metadata.get("provider_code")),
            ("reasons", metadata.get("reasons")),
            ("patterns", metadata.get("patterns")),
            ("native finish reason", self._native_finish_reason()),
        ):
            if value:
                listed = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
                parts.append(f"{label}: {_cut(_without_flagged(listed, flagged))}")
        if kind is None and self.error_type in error_kinds.LIMITS:
            parts.append(error_kinds.LIMITS[self.error_type])
        return " | ".join([*parts, *availability.words(self.availability)])

    def _native_finish_reason(self) -> Any:
        """The upstream's own finish reason of the choice that has the error."""
        choices = self._body.get("choices")
        found = [_dict(choice) for choice in (choices if isinstance(choices, list) else ())]
        return next(filter(None, (choice.get("native_finish_reason") for choice in found)), None)

    def facts(self) -> dict[str, Any]:
        """Facts of a failed request: its code, ids, provider, cost in USD, ….

        A key is missing if the wire had nothing. Neither the prompt nor raw words are among them.
        """
        body, error = self._body, self._error
        usage = _dict(body.get("usage"))
        generation_id = (self._headers or {}).get("x-generation-id") or body.get("id")
        found: dict[str, Any] = {
            "code": error.get("code"),
            "type": error.get("type"),
            "error_type": self.error_type or None,
            "http_status": error.get("http_status"),
            "generation_id": generation_id or body.get("request_id"),
            "model": body.get("model"),
            "provider": body.get("provider"),
            "user_id": body.get("user_id"),
            "native_finish_reason": self._native_finish_reason(),
            "cost": usage.get("cost"),
            "usage": usage or None,
            "availability": self.availability or None,
            "openrouter_metadata": body.get("openrouter_metadata"),
        }
        hidden = {"error_type", "flagged_input", "raw", "headers"}
        found |= {name: value for name, value in self.metadata.items() if name not in hidden}
        return {name: value for name, value in found.items() if value is not None}

    def headers(self) -> dict[str, str]:
        """The response headers, with those in the error itself.

        `X-RateLimit-Reset` is in milliseconds since 1970; LiteLLM reads Retry-After in seconds.
        """
        merged = {name.lower(): value for name, value in (self._headers or {}).items()}
        for name, value in _dict(self.metadata.get("headers")).items():
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                merged.setdefault(str(name).lower(), str(value))
        if "retry-after" not in merged:
            seconds = _seconds_until(merged.get("x-ratelimit-reset", ""))
            if seconds is None:
                seconds = availability.retry_after(self.availability)
            if seconds is not None:
                merged["retry-after"] = str(seconds)
        return merged


def status_of(code: Any, default: int = 502) -> int:
    """The HTTP status of an error's `code`: a number, also as text, or a word."""
    number = _status_of_number(code)
    if number is not None or not isinstance(code, str):
        return number or default
    return error_kinds.STATUS_OF_CODE.get(code.strip().lower().replace(" ", "_"), default)


def _status_of_number(code: Any) -> int | None:
    if isinstance(code, str) and re.fullmatch(r"\s*[0-9]{3}\s*", code):
        code = int(code)
    is_number = isinstance(code, int | float) and not isinstance(code, bool)
    return int(code) if is_number and 400 <= code <= 599 else None


def _without_flagged(text: str, flagged: Any) -> str:
    """A text without the prompt that moderation flagged; called before the text is shortened.

    OpenRouter shortens a long prompt in its middle, `start...end`; a provider may quote it whole.
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
    """The upstream's own words: its message if the body is JSON, else the body, shortened."""
    message = _upstream_error(raw).get("message")
    return "" if message is None else plain_words(_without_flagged(text_of(message), flagged))


def _upstream_error(raw: Any) -> dict[str, Any]:
    """The upstream's error, with `message` and `code` if it has them, whatever its form."""
    if isinstance(raw, str):
        with contextlib.suppress(orjson.JSONDecodeError):
            parsed = orjson.loads(raw)
            if isinstance(parsed, dict):
                raw = parsed
    if isinstance(raw, dict):
        inner = raw.get("error", raw)
        if isinstance(inner, str) and inner:
            return {"message": inner}
        if isinstance(inner, dict) and isinstance(inner.get("message"), str) and inner["message"]:
            return inner
    return {"message": raw}


def text_of(value: Any) -> str:
    """A text unchanged, anything else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return type(value).__name__


def plain_words(text: str) -> str:
    """Text without markup and line breaks, shortened."""
    if "<" in text and ">" in text:
        text = re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]{1,500}>", " ", text[:20_000])
    return _cut(" ".join(text.split()))


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def without_keys(text: str) -> str:
    """A text in which only the beginnings of API keys are left."""
    return _KEY.sub(r"\1…", text)


def _seconds_until(reset: str) -> int | None:
    try:
        seconds = float(reset) / 1000 - time.time()
    except ValueError:
        return None
    return math.ceil(seconds) if 0 < seconds < 86_400 * 32 else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
