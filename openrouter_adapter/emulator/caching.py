"""Prompt caching as at Anthropic and Gemini: `cache_control` in one request, reads by the next."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from . import tokens
from .errors import anthropic_error

if TYPE_CHECKING:
    from .catalog import Endpoint

MAX_BREAKPOINTS = 4
# Anthropic's smallest minimum; shorter prefixes are not cached.
MIN_TOKENS = 1024
_LIFETIMES = {"5m": 300.0, "1h": 3600.0}


@dataclass(frozen=True, slots=True)
class CacheUse:
    """Prompt tokens read from and written to a cache."""

    read: int = 0
    written: int = 0
    written_1h: int = 0


@dataclass(frozen=True, slots=True)
class _Block:
    """A block of a prompt, with the hash of the prompt up to its end."""

    prefix: bytes
    end: int
    lifetime: str | None


class PromptCache:
    """The cached prefixes of all endpoints."""

    def __init__(self) -> None:
        """Start empty."""
        self._expiries: dict[tuple[str, bytes], float] = {}

    def use(self, body: dict[str, Any], endpoint: Endpoint, model: str, now: float) -> CacheUse:
        """Read from and write to the cache for a request.

        Args:
            body: The request.
            endpoint: The endpoint; without cache prices it caches nothing.
            model: The model's id.
            now: Seconds since 1970.
        """
        if not has_breakpoints(body) or "input_cache_read" not in endpoint.pricing:
            return CacheUse()
        blocks = _blocks(body)
        marked = [place for place, block in enumerate(blocks) if block.lifetime]
        if not marked or blocks[marked[-1]].end < MIN_TOKENS:
            return CacheUse()
        where = f"{model} {endpoint.tag}"
        read = self._longest(blocks[: marked[-1] + 1], where, now)
        written = {"5m": 0, "1h": 0}
        start = read
        for place in marked:
            block = blocks[place]
            if block.end > start and block.end >= MIN_TOKENS:
                written[block.lifetime or "5m"] += block.end - start
                start = block.end
            expiry = now + _LIFETIMES[block.lifetime or "5m"]
            self._expiries[where, block.prefix] = expiry
        return CacheUse(read, written["5m"], written["1h"])

    def _longest(self, blocks: list[_Block], where: str, now: float) -> int:
        # Any cached prefix is found, with or without a breakpoint in this request.
        for block in reversed(blocks):
            if self._expiries.get((where, block.prefix), 0.0) > now and block.end >= MIN_TOKENS:
                return block.end
        return 0


def has_breakpoints(body: dict[str, Any]) -> bool:
    """Return whether a request has cache breakpoints."""
    return bool(body.get("cache_control")) or _marks(body) > 0


def check_breakpoints(body: dict[str, Any], provider: str) -> None:
    """Refuse more breakpoints than Anthropic allows.

    Raises:
        ApiError: 400 with Anthropic's words in `metadata.raw`.
    """
    found = _marks(body) + bool(body.get("cache_control"))
    if found > MAX_BREAKPOINTS:
        problem = f"A maximum of 4 blocks with cache_control may be provided. Found {found}."
        raise anthropic_error(provider, problem)


def _marks(body: dict[str, Any]) -> int:
    marks = sum("cache_control" in tool for tool in body.get("tools") or ())
    for message in body["messages"]:
        marks += "cache_control" in message
        content = message.get("content")
        if isinstance(content, list):
            marks += sum("cache_control" in part for part in content)
    return marks


def _blocks(body: dict[str, Any]) -> list[_Block]:
    """Return the blocks of a prompt in Anthropic's order."""
    pieces: list[tuple[Any, int, Any]] = []
    for tool in body.get("tools") or ():
        bare = {name: value for name, value in tool.items() if name != "cache_control"}
        size = tokens.count(orjson.dumps(bare).decode())
        pieces.append((bare, size, tool.get("cache_control")))
    for message in body["messages"]:
        pieces += _message_pieces(message)
    digest = hashlib.sha256()
    blocks: list[_Block] = []
    end = 0
    for bare, size, mark in pieces:
        digest.update(orjson.dumps(bare, option=orjson.OPT_SORT_KEYS))
        end += size
        blocks.append(_Block(digest.digest(), end, _lifetime(mark)))
    if body.get("cache_control") and blocks:
        # Automatic caching marks the last block.
        last = blocks[-1]
        blocks[-1] = _Block(last.prefix, last.end, _lifetime(body["cache_control"]))
    return blocks


def _message_pieces(message: dict[str, Any]) -> list[tuple[Any, int, Any]]:
    role, content = message.get("role"), message.get("content")
    if not isinstance(content, list):
        # A string is equal to a list of one text part.
        part = {"type": "text", "text": content or ""}
        calls = orjson.dumps(message.get("tool_calls") or []).decode()
        size = tokens.TOKENS_PER_MESSAGE + tokens.content_tokens(content)
        return [((role, part, calls), size, message.get("cache_control"))]
    pieces: list[tuple[Any, int, Any]] = []
    for place, part in enumerate(content):
        bare = {name: value for name, value in part.items() if name != "cache_control"}
        mark = part.get("cache_control")
        if place == len(content) - 1:
            mark = mark or message.get("cache_control")
        size = tokens.part_tokens(part) + (tokens.TOKENS_PER_MESSAGE if place == 0 else 0)
        pieces.append(((role, bare, "[]"), size, mark))
    return pieces


def _lifetime(mark: Any) -> str | None:
    if not isinstance(mark, dict):
        return None
    return "1h" if mark.get("ttl") == "1h" else "5m"
