"""A Messages answer: checked, with its bill, and the object that LiteLLM's callers get."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter import late_bills
from openrouter_adapter.wire import errors, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.wire.usage import Bill

_GENERATION: Final = "gen-"
# Anthropic's type of an error by its status: https://docs.anthropic.com/en/api/errors
_TYPES: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class MessagesAnswer(dict[str, Any], late_bills.Billed):
    """The answer of a Messages request, as it came, with LiteLLM's hidden params."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        """Takes the wire's answer."""
        super().__init__(body)
        self._hidden_params: dict[str, Any] = {}


def parse(
    content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
) -> dict[str, Any]:
    """The checked answer in a response's bytes.

    Raises:
        One of LiteLLM's exceptions: they hold an error, or no message.
    """
    body = errors.read_body(content, headers, model)
    if not isinstance(body.get("content"), list):
        raise errors.no_answer(facts(body), "the answer has no content", headers, model)
    return body


def facts(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message in the form of a chat's answer, without its content: usage, ids, cost.

    `msg_…` is Anthropic's id, not one that `GET /generation` knows.
    """
    found = {name: value for name, value in message.items() if name not in {"content", "type"}}
    if not str(message.get("id")).startswith(_GENERATION):
        found.pop("id", None)
    given = message.get("usage")
    if isinstance(given, dict):
        found["usage"] = chat_usage(given)
    return found


def chat_usage(given: Mapping[str, Any]) -> dict[str, Any]:
    """Anthropic's usage in the names of a chat's, whose prompt includes the cached tokens."""
    read, written = _count(given, "cache_read_input_tokens"), _count(given, _WRITTEN)
    prompt = _count(given, "input_tokens") + read + written
    answer = _count(given, "output_tokens")
    thought = given.get("output_tokens_details")
    thinking = _count(thought, "thinking_tokens") or _count(thought, "reasoning_tokens")
    others = {name: value for name, value in given.items() if name in _KEPT and value is not None}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": thinking},
        **others,
    }


_WRITTEN: Final = "cache_creation_input_tokens"
_KEPT: Final = frozenset({"cost", "cost_details", "is_byok", "server_tool_use"})


def _count(given: Any, name: str) -> int:
    value = given.get(name) if isinstance(given, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def read_bill(
    message: Mapping[str, Any], headers: Mapping[str, str] | None, stop_reason: Any = None
) -> Bill:
    """The bill of a message, or of what has arrived of one."""
    bill = usage.read_bill(facts(message), headers)
    reason = stop_reason or message.get("stop_reason")
    return dataclasses.replace(bill, finish_reason=reason if isinstance(reason, str) else None)


def error_event(exception: Exception) -> bytes:
    """Anthropic's event for a failure in the middle of a stream."""
    status = getattr(exception, "status_code", None)
    known: Mapping[str, Any] = getattr(exception, "openrouter", None) or {}
    error = {
        "type": _TYPES.get(status if isinstance(status, int) else 500, "api_error"),
        "message": str(getattr(exception, "message", None) or exception),
    }
    if known.get("error_type"):
        error["error_type"] = str(known["error_type"])
    data = orjson.dumps({"type": "error", "error": error})
    return b"event: error\ndata: " + data + b"\n\n"
