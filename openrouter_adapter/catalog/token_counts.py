"""The tokens of a prompt, counted without asking OpenRouter, which has no endpoint for that.

Agents count before every turn and shorten the conversation before it is too long. So the count
errs on the side of too many: it is the likely count of estimates/prompt_tokens.py, with what
recorded requests had in addition. docs/anthropic_messages.md has its accuracy.
"""

from __future__ import annotations

import asyncio
import base64
import re
import struct
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import orjson
from litellm.llms.base_llm.base_utils import BaseTokenCounter
from litellm.types.utils import TokenCountResponse

from openrouter_adapter.catalog.estimates import attachments
from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt
from openrouter_adapter.catalog.estimates.tokenizers import Family, family
from openrouter_adapter.wire import errors, model_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TOKENIZERS: Final = {
    "anthropic": "Claude",
    "google": "Gemini",
    "openai": "GPT",
    "openrouter": "Router",
    "x-ai": "Grok",
}
# Tokens of every prompt besides its texts: a provider's own system prompt, or thinking's.
_FRAMES: Final = {"Claude": 40, "Gemini": 10, "GPT": 20, "Grok": 720}
_OTHER_FRAME: Final = 80
# Tokens of Claude's tools and of its JSON output besides what the likely count has.
_CLAUDE_TOOLS: Final = 80
_CLAUDE_SCHEMA: Final = 80
_MARGIN: Final = 1.05
# Claude 4.7 and later make up to 1.35 times as many tokens as those that were recorded.
_VERSION: Final = re.compile(r"claude-(?:[a-z]+-)?(\d+)(?:[.-](\d{1,2}))?(?!\d)")
_LAST_RECORDED: Final = (4, 6)
_NEWER: Final = 1.35
# Images: more than any vendor's tokens per pixel. Anthropic counts one token for 750 pixels,
# OpenAI one for 632 at most, but gpt-4o-mini 33 times as many as the others.
_PIXELS_PER_TOKEN: Final = 600
_SMALLEST_IMAGE: Final = 300
# Pages of a document whose pages can't be counted, because only its address is known.
_UNSEEN_PAGES: Final = 10
_MOST_PER_PAGE: Final = 5000
# Characters of encrypted thinking per token of it, or fewer.
_ENCRYPTED: Final = 4
_CITED: Final = 1.5  # A document that may be cited is cut into numbered sentences.
_OUR_COPY: Final = "openrouter.reasoning:"


class TokenCounter(BaseTokenCounter):
    """LiteLLM's counter of OpenRouter's models: `litellm.acount_tokens`, and the proxy's."""

    def should_use_token_counting_api(self, custom_llm_provider: str | None = None) -> bool:
        """Whether it counts for a provider: only for OpenRouter."""
        return custom_llm_provider == errors.PROVIDER

    async def count_tokens(  # type: ignore[override] # LiteLLM's keywords differ by version
        self,
        model_to_use: str,
        messages: Sequence[Any] | None,
        contents: Any = None,
        request_model: str = "",
        tools: Any = None,
        system: Any = None,
        output_format: Any = None,
        **_: Any,
    ) -> TokenCountResponse:
        """Counts in a thread: a long conversation takes tenths of a second."""
        counted = await asyncio.to_thread(
            count_tokens,
            model_to_use,
            messages or contents,
            system=system,
            tools=tools,
            output_format=output_format,
        )
        return TokenCountResponse(
            total_tokens=counted,
            request_model=request_model,
            model_used=model_to_use,
            tokenizer_type="openrouter_adapter",
        )


def count_tokens(
    model: str,
    messages: Any,
    *,
    system: Any = None,
    tools: Any = None,
    output_format: Any = None,
) -> int:
    """The tokens of a prompt, rather too many than too few; never raises for JSON.

    What a server tool finds is not known in advance, and not counted.

    Args:
        model: The model's name.
        messages: The messages, in Anthropic's form or in OpenAI's.
        system: Anthropic's system prompt, a text or blocks.
        tools: Tools of either form.
        output_format: The schema of the answer, if there is one.
    """
    name = model_names.wire_model(model).lstrip("~")
    tokenizer = _TOKENIZERS.get(name.partition("/")[0], "")
    is_claude = tokenizer in {"Claude", "Router"}
    prompt = Prompt(_family(tokenizer, name))
    reader = _Reader(prompt.family, is_dense=name.startswith("openai/gpt-4o-mini"))
    asked = [{"role": "system", "content": system}] if system else []
    asked += messages if isinstance(messages, list) else []
    prompt.add_chat(
        {
            "messages": [reader.message(message) for message in asked],
            "tools": tools,
            "response_format": output_format,
        }
    )
    counted = ceil(prompt.likely * _MARGIN) + _FRAMES.get(tokenizer, _OTHER_FRAME) + reader.tokens
    counted += _CLAUDE_TOOLS if tools and is_claude else 0
    return counted + (_CLAUDE_SCHEMA if output_format and is_claude else 0)


@lru_cache(maxsize=256)
def _family(tokenizer: str, name: str) -> Family:
    found = family(tokenizer, name)
    version = _VERSION.search(name)
    is_newer = "claude" in name and (
        version is None or (int(version[1]), int(version[2] or 0)) > _LAST_RECORDED
    )
    return replace(found, likely=found.likely * _NEWER) if is_newer else found


@dataclass(slots=True)
class _Reader:
    """Reads messages: text stays, and `tokens` adds up the tokens of images and files.

    Attributes:
        family: The model's tokenizers.
        is_dense: Whether the model counts many times the usual tokens for an image.
        tokens: The sum.
    """

    family: Family
    is_dense: bool
    tokens: int = 0

    def message(self, message: Any) -> Any:
        """A message with only its texts."""
        if not isinstance(message, dict) or not isinstance(message.get("content"), list):
            return message
        return {**message, "content": [*self._parts(message["content"])]}

    def _parts(self, content: Any) -> Iterator[Any]:
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, dict):
                yield from self._part(part)
            else:
                yield part

    def _part(self, part: Mapping[str, Any]) -> Iterator[Any]:
        kind = part.get("type")
        if kind in {"image", "image_url", "input_image"}:
            self.tokens += self._image(_data(part))
        elif kind == "document":
            yield from self._document(part)
        elif kind in {"file", "input_file"}:
            self._pages(_data(part))
        elif kind == "thinking":
            # A signature is not part of the prompt.
            yield str(part.get("thinking") or "")
        elif kind == "redacted_thinking":
            data = str(part.get("data") or "")
            # OpenRouter's copy of a text that the message has anyway, or of encrypted data.
            self.tokens += 0 if _repeats_text(data) else len(data) // _ENCRYPTED
        elif kind == "tool_result":
            yield str(part.get("tool_use_id") or "")
            yield from self._parts(part.get("content"))
        else:
            yield part

    def _document(self, part: Mapping[str, Any]) -> Iterator[Any]:
        given = part.get("source")
        source: Mapping[str, Any] = given if isinstance(given, dict) else {}
        yield from (str(part[name]) for name in ("title", "context") if part.get(name))
        if source.get("type") not in {"text", "content"}:
            self._pages(_data(part))
            return
        texts = [*self._parts(source.get("data") or source.get("content"))]
        yield from texts
        citations = part.get("citations")
        if isinstance(citations, dict) and citations.get("enabled"):
            cited = Prompt(self.family)
            cited.add_texts(texts)
            self.tokens += ceil(cited.likely * (_CITED - 1))

    def _image(self, data: str) -> int:
        pixels = None if self.is_dense else _pixels(data)
        if pixels is None:
            return self.family.most_image
        return min(self.family.most_image, _SMALLEST_IMAGE + pixels // _PIXELS_PER_TOKEN)

    def _pages(self, data: str) -> None:
        each = min((self.family.page + self.family.most_page) // 2, _MOST_PER_PAGE)
        if data.startswith("data:text/"):
            self.tokens += len(data) // 2
        elif data.startswith("data:"):
            self.tokens += attachments.pages(data)[0] * each
        else:
            self.tokens += _UNSEEN_PAGES * each


def _data(part: Mapping[str, Any]) -> str:
    """The data URL, or the address, of an image or a file in any form."""
    for name in ("source", "image_url", "file"):
        holder = part.get(name)
        if isinstance(holder, str):
            return holder
        if isinstance(holder, dict) and isinstance(holder.get("data"), str):
            return f"data:{holder.get('media_type')};base64,{holder['data']}"
        for field in ("url", "file_data"):
            if isinstance(holder, dict) and isinstance(holder.get(field), str):
                return str(holder[field])
    return str(part.get("file_data") or "")


def _repeats_text(data: str) -> bool:
    if not data.startswith(_OUR_COPY):
        return False
    try:
        copied = orjson.loads(base64.b64decode(data.removeprefix(_OUR_COPY)))
    except ValueError:
        return False
    return isinstance(copied, dict) and "data" not in copied


def _pixels(data_url: str) -> int | None:
    """The pixels of an image in a data URL; None if its format is not known."""
    if not data_url.startswith("data:"):
        return None
    try:
        content = base64.b64decode(data_url[data_url.find(",") + 1 :])
        if content.startswith(b"\x89PNG"):
            width, height = struct.unpack(">II", content[16:24])
        elif content.startswith(b"GIF8"):
            width, height = struct.unpack("<HH", content[6:10])
        elif content.startswith(b"\xff\xd8"):
            height, width = _of_jpeg(content)
        elif content[8:16] == b"WEBPVP8X":
            width, height = (
                1 + int.from_bytes(content[start : start + 3], "little") for start in (24, 27)
            )
        else:
            return None
    except (IndexError, ValueError, struct.error):
        return None
    return int(width) * int(height)


def _of_jpeg(content: bytes) -> tuple[int, int]:
    place = 2
    while content[place] == 0xFF:
        marker, length = struct.unpack(">BH", content[place + 1 : place + 4])
        # The frame's header; three markers of that range have no frame.
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return height, width
        place += 2 + length
    raise ValueError("no frame")
