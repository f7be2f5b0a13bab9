"""Middle-out: a prompt that is too long loses its middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import answers, tokens

if TYPE_CHECKING:
    from .plugins import Plugins

# Endpoints up to this context compress unless they are told not to.
_ON_BY_DEFAULT = 8192
_OMITTED = " […] "


def wanted(body: dict[str, Any], plugins: Plugins, context_length: int) -> bool:
    """Tell whether a request lets its prompt be compressed on an endpoint."""
    transforms = body.get("transforms")
    if transforms is not None:
        return "middle-out" in transforms
    return plugins.get("context-compression") is not None or context_length <= _ON_BY_DEFAULT


def middle_out(messages: list[dict[str, Any]], budget: int) -> list[dict[str, Any]]:
    """Return messages of at most `budget` tokens: half from the start and half from the end.

    Whole messages are dropped from the middle; where two are left, their texts lose their own
    middles.
    """
    kept = list(messages)
    while len(kept) > 2 and tokens.prompt_tokens(kept) > budget:
        del kept[len(kept) // 2]
    if tokens.prompt_tokens(kept) <= budget:
        return kept
    frame = tokens.TOKENS_PER_REPLY + tokens.TOKENS_PER_MESSAGE * len(kept)
    share = max(2, (budget - frame) // len(kept))
    return [
        {**message, "content": _squeezed(answers.text_of(message.get("content")), share)}
        for message in kept
    ]


def _squeezed(text: str, limit: int) -> str:
    ids = tokens.encode(text)
    if len(ids) <= limit:
        return text
    # The mark takes tokens itself, and so may the seams.
    half = max(1, (limit - 2 * tokens.count(_OMITTED)) // 2)
    decode = tokens.encoding().decode_bytes
    start, end = decode(ids[:half]), decode(ids[-half:])
    return start.decode(errors="ignore") + _OMITTED + end.decode(errors="ignore")
