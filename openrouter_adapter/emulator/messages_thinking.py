"""Thinking on `/messages`: what a request asks for, an answer's blocks, and blocks sent back."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson

from . import reasoning
from .bodies import check, invalid_option
from .errors import invalid_body

if TYPE_CHECKING:
    from .answers import Thought

# A block with the reasoning of any model, in OpenRouter's own words; it follows the answer.
PREFIX = "openrouter.reasoning:"
_MIN_BUDGET = 1024
_KINDS = ("enabled", "disabled", "adaptive")


def wish(body: dict[str, Any], effort: str | None) -> dict[str, Any]:
    """Return the chat's `reasoning`.

    Args:
        body: The request.
        effort: Its `output_config.effort`.

    Raises:
        ApiError: 400 for an invalid budget.
    """
    asked = body.get("thinking") or {}
    check("thinking", asked, {"type": str, "budget_tokens": int})
    kind = asked.get("type", "disabled")
    if kind not in _KINDS:
        raise invalid_option("thinking.type", _KINDS)
    if kind == "enabled":
        budget = asked.get("budget_tokens") or 0
        if budget < _MIN_BUDGET:
            raise invalid_body(f"thinking.budget_tokens: Input should be >= {_MIN_BUDGET}")
        if (body.get("max_tokens") or budget + 1) <= budget:
            raise invalid_body("`max_tokens` must be greater than `thinking.budget_tokens`.")
    wished: dict[str, Any] = {"enabled": kind != "disabled"}
    return {**wished, "effort": effort} if effort else wished


def detail(block: dict[str, Any], path: str) -> list[dict[str, Any]]:
    """Return the reasoning details of a block that is sent back, with its place as `path`.

    Raises:
        ApiError: 400 for a block without its fields, or with data that is not OpenRouter's.
    """
    name = "data" if block["type"] == "redacted_thinking" else "thinking"
    for needed in (name,) if name == "data" else (name, "signature"):
        if not isinstance(block.get(needed), str):
            raise invalid_body(f"{path}.{needed}: Invalid input: expected string")
    if name == "thinking":
        signature = block["signature"]
        form = reasoning.ANTHROPIC if signature else reasoning.UNSIGNED
        text = {"type": "reasoning.text", "text": block["thinking"], "format": form}
        return [{**text, "signature": signature, "path": path}]
    data = block["data"]
    if not data.startswith(PREFIX):
        form = reasoning.ANTHROPIC
        return [{"type": "reasoning.encrypted", "data": data, "format": form, "path": path}]
    try:
        found = orjson.loads(base64.b64decode(data.removeprefix(PREFIX), validate=True))
    except ValueError:
        raise invalid_body(f"{path}.data: Invalid input: not data of OpenRouter") from None
    if found.get("signature"):
        found = {**found, "format": reasoning.ANTHROPIC}
    return [{**found, "path": path}]


def blocks(
    form: str, thoughts: tuple[Thought, ...], *, is_omitted: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the blocks before an answer, and those that OpenRouter adds after it.

    Args:
        form: The format of the model's reasoning.
        thoughts: The model's thoughts.
        is_omitted: Whether the request wants no text.
    """
    before: list[dict[str, Any]] = []
    after: list[dict[str, Any]] = []
    for thought in thoughts:
        if form == reasoning.ANTHROPIC and thought.is_redacted:
            before.append({"type": "redacted_thinking", "data": reasoning.seal(thought.text)})
            continue
        text = "" if is_omitted else thought.text
        for one in reasoning.details(form, text, is_redacted=thought.is_redacted):
            shown = one.get("text", one.get("summary"))
            if shown is not None:
                signature = reasoning.sign(text) if "signature" in one else ""
                block = {"type": "thinking", "thinking": text, "signature": signature}
                before.append(block)
            if text or "data" in one:
                after.append({"type": "redacted_thinking", "data": _wrapped(one)})
    return before, after


def _wrapped(one: dict[str, Any]) -> str:
    # A text goes without its format, as recorded; encrypted data can't.
    left_out = {"index"} if "data" in one else {"index", "format"}
    kept = {name: value for name, value in one.items() if name not in left_out}
    packed = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)
    return PREFIX + base64.b64encode(packed).decode()
