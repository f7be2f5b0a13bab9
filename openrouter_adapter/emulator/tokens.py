"""Token counts by tiktoken, offline where LiteLLM's vocabularies are installed."""

from __future__ import annotations

import importlib.util
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import tiktoken

# Chat's fixed share of a prompt: each message's frame, and the start of the reply.
TOKENS_PER_MESSAGE = 4
TOKENS_PER_REPLY = 3
# Flat counts for media; real ones depend on size and provider.
TOKENS_PER_IMAGE = 258
TOKENS_PER_AUDIO = 320
TOKENS_PER_VIDEO = 2580
TOKENS_PER_PDF_PAGE = 258

# Byte-pair merging is slow on a long run without spaces, so long texts are cut first.
_SEGMENT = 20_000


def _find_vocabularies() -> None:
    # tiktoken downloads its vocabularies; LiteLLM's wheel has them on disk.
    if "TIKTOKEN_CACHE_DIR" in os.environ:
        return
    spec = importlib.util.find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        return
    folder = Path(spec.submodule_search_locations[0], "litellm_core_utils", "tokenizers")
    if folder.is_dir():
        os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)


# One vocabulary for all chat models, one for all embedding models.
CHAT = "o200k_base"
EMBEDDING = "cl100k_base"


@lru_cache(maxsize=2)
def encoding(vocabulary: str = CHAT) -> tiktoken.Encoding:
    """Return a vocabulary, loaded once."""
    _find_vocabularies()
    return tiktoken.get_encoding(vocabulary)


def encode(text: str, vocabulary: str = CHAT) -> list[int]:
    """Return the token ids of a text of any length."""
    encode_ordinary = encoding(vocabulary).encode_ordinary
    if len(text) <= _SEGMENT:
        return encode_ordinary(text)
    ids: list[int] = []
    for start in range(0, len(text), _SEGMENT):
        ids += encode_ordinary(text[start : start + _SEGMENT])
    return ids


@lru_cache(maxsize=4096)
def count(text: str, vocabulary: str = CHAT) -> int:
    """Return the number of tokens in a text."""
    return len(encode(text, vocabulary))


@lru_cache(maxsize=256)
def pieces(text: str, size: int = 1) -> tuple[str, ...]:
    """Cut a text into strings of `size` tokens that add up to it.

    A piece is longer than `size` if a character is spread over several tokens.
    """
    vocabulary = encoding()
    cut: list[str] = []
    buffer = b""
    size_so_far = 0
    for token in encode(text):
        buffer += vocabulary.decode_single_token_bytes(token)
        size_so_far += 1
        if size_so_far < size:
            continue
        try:
            cut.append(buffer.decode())
        except UnicodeDecodeError:
            continue
        buffer, size_so_far = b"", 0
    if buffer:
        cut.append(buffer.decode())
    return tuple(cut)


@lru_cache(maxsize=1024)
def truncate(text: str, limit: int) -> str:
    """Return the longest start of a text that fits into `limit` tokens."""
    ids = encode(text)
    if len(ids) <= limit:
        return text
    return encoding().decode_bytes(ids[:limit]).decode(errors="ignore")


def prompt_tokens(messages: list[dict[str, Any]]) -> int:
    """Return the tokens of a chat's messages."""
    total = TOKENS_PER_REPLY
    for message in messages:
        total += TOKENS_PER_MESSAGE + content_tokens(message.get("content"))
        for call in message.get("tool_calls") or ():
            function = call.get("function") or {}
            total += count(function.get("name") or "") + count(function.get("arguments") or "")
    return total


def content_tokens(content: Any) -> int:
    """Return the tokens of a message's content, a string or a list of parts."""
    if isinstance(content, str):
        return count(content)
    if not isinstance(content, list):
        return 0
    return sum(part_tokens(part) for part in content)


def part_tokens(part: Any) -> int:
    """Return the tokens of one content part."""
    if isinstance(part, str):
        return count(part)
    kind = part.get("type")
    if kind in {"text", "document"}:
        return count(part.get("text") or "")
    flat = {
        "image_url": TOKENS_PER_IMAGE,
        "input_audio": TOKENS_PER_AUDIO,
        "video_url": TOKENS_PER_VIDEO,
        "input_video": TOKENS_PER_VIDEO,
    }
    return flat.get(kind or "", 0)
