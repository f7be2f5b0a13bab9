"""How long a request's prompt is, in tokens: messages, tools, images, files, audio, video."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.catalog.estimates import pdf_pages, tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOW_DETAIL_IMAGE: Final = 85  # OpenAI's, where `detail` is "low".
# Base64 spells three bytes in four letters. Speech is seldom above 16 kB a second (128 kbit/s)
# and hardly below 0.75 kB (6 kbit/s); 32 tokens a second is Gemini's rate, above the others'.
_AUDIO_BYTES_PER_SECOND: Final = 16_000
_FEWEST_AUDIO_BYTES_PER_SECOND: Final = 750
_AUDIO_TOKENS_PER_SECOND: Final = 32
_VIDEO_TOKENS: Final = 3000  # Some ten seconds, where nothing says how long it is.
_BYTES_PER_TOKEN: Final = 4  # Likely, of plain text.
# A search of a rerank is over so many documents; longer ones count as several, of tokens each.
_PIECES_PER_SEARCH: Final = 100
_PIECE: Final = 500
# What a Responses request refers to without having it in it.
_STORED_ELSEWHERE: Final = ("previous_response_id", "conversation", "prompt")
# Of a message: what no model reads, or what is counted in its frame.
_UNREAD: Final = frozenset({"role", "type", "status", "id", "annotations"})
_WRITTEN: Final = frozenset({"content", "name", "refusal", "reasoning", "images", "output"})


@dataclass(slots=True)
class Prompt:
    """The size of a prompt: empty at first, each `add_…` adds what a request's body has.

    Attributes:
        family: How the model that reads it counts.
        window: The most tokens that the model takes; None if that is not known.
        likely: Tokens, audio left out.
        worst: The same at worst.
        audio: Tokens of audio, likely.
        most_audio: The same at worst.
        images: Input images.
        pages: Pages of documents, likely.
        most_pages: The same at worst.
        inputs: How many prompts it is, each of them as long as the model takes at most.
        requests: How often the price of a request is due at most.
        predicted: Tokens of a prediction at worst; what of it is not used is billed as output.
        searches: How often the provider may search, and read everything again, on its own.
        fills_window: Whether it has a part of unknown length: at worst it takes all that fits.
        lives_an_hour: Whether it asks for a cache that is more expensive to write.
    """

    family: tokens.Family
    window: int | None = None
    likely: int = 0
    worst: int = 0
    audio: int = 0
    most_audio: int = 0
    images: int = 0
    pages: int = 0
    most_pages: int = 0
    inputs: int = 1
    requests: int = 1
    predicted: int = 0
    searches: int = 0
    fills_window: bool = False
    lives_an_hour: bool = False

    @property
    def most(self) -> int | None:
        """Tokens at worst, of audio too; None where nothing limits them.

        A prompt longer than the window is refused, not billed.
        """
        if self.window is None:
            return None if self.fills_window else self.worst + self.most_audio
        longest = self.window * self.inputs
        return longest if self.fills_window else min(self.worst + self.most_audio, longest)

    def add(self, likely: int, worst: int) -> None:
        """Adds tokens."""
        self.likely += likely
        self.worst += worst

    def add_chat(self, body: Mapping[str, Any]) -> None:
        """A chat: `messages` (or `prompt`), `tools` and the schema of the answer."""
        self.add(3, self.family.frame)
        messages = body.get("messages")
        if isinstance(messages, list | tuple):
            for message in messages:
                self._message(message)
        if "prompt" in body:
            self._content(body["prompt"])
        self._extras(body)

    def add_response(self, body: Mapping[str, Any]) -> None:
        """A request of the Responses API: `instructions`, `input`, `tools`."""
        self.add(3, self.family.frame)
        self._content(body.get("instructions"))
        given = body.get("input")
        for item in given if isinstance(given, list) else (given,):
            if isinstance(item, str):
                self._content(item)
                self.add(tokens.PER_MESSAGE, tokens.MOST_PER_MESSAGE)
            elif item is not None:
                self._message(item)
        if any(body.get(name) for name in _STORED_ELSEWHERE):
            self.fills_window = True
        self._extras(body)

    def add_texts(self, given: Any) -> None:
        """A text, several, token ids, or content parts: what is completed, embedded, drawn."""
        items = given if isinstance(given, list) else [given]
        if items and all(isinstance(item, int) for item in items):
            items = [items]
        self.inputs = max(1, len(items))
        self.add(0, 8)
        for item in items:
            if isinstance(item, list) and all(isinstance(token, int) for token in item):
                self.add(len(item), len(item) * 2)
            elif isinstance(item, dict) and "content" in item:
                self._content(item["content"])
            else:
                self._content(item)
            self.add(0, 4)

    def add_embedding(self, body: Mapping[str, Any]) -> None:
        """An `input` to embed, or several."""
        self.add_texts(body.get("input"))

    def add_completion(self, body: Mapping[str, Any]) -> None:
        """A `prompt`, or several, to complete; with what comes after the gap."""
        self.add_texts(body.get("prompt"))
        self._content(body.get("suffix"))
        self.add(0, self.family.frame * self.inputs)
        self._extras(body)

    def add_image_request(self, body: Mapping[str, Any]) -> None:
        """A `prompt` to draw, and images to draw from."""
        self.add_texts(body.get("prompt"))
        self._content(body.get("input_references"))
        self.add(0, self.family.frame)

    def add_rerank(self, body: Mapping[str, Any]) -> None:
        """The documents, and at worst the query again with each of them."""
        query = Prompt(self.family)
        query.add_texts(body.get("query") or "")
        documents = body.get("documents")
        self.add_texts(documents or [])
        number = len(documents) if isinstance(documents, list) else 1
        self.add(query.likely, query.worst * max(1, number))
        self.requests = ceil((self.inputs + self.worst // _PIECE) / _PIECES_PER_SEARCH)

    def _message(self, given: Any) -> None:
        # LiteLLM's own messages may stand among plain ones until they are sent.
        message = given if isinstance(given, dict) else _dumped(given)
        self.add(tokens.PER_MESSAGE, tokens.MOST_PER_MESSAGE)
        if message.get("type") == "item_reference":
            self.fills_window = True
        for name, value in message.items():
            if not value or name in _UNREAD:
                continue
            if name in _WRITTEN:
                self._content(value)
            elif name == "cache_control":
                self._cache(value)
            elif name == "tool_call_id":
                self.add(0, len(str(value)))
            else:
                self._json(value)

    def _content(self, content: Any) -> None:
        if isinstance(content, str):
            self.add(*tokens.measure(content, self.family))
        elif isinstance(content, list):
            for part in content:
                self._content(part)
        elif isinstance(content, dict):
            self._part(content)
        elif content is not None:
            self._json(content)

    def _part(self, part: Mapping[str, Any]) -> None:
        kind = str(part.get("type"))
        if "cache_control" in part:
            self._cache(part["cache_control"])
        if kind in {"image_url", "input_image", "image"}:
            self._image(part)
        elif kind in {"file", "input_file"}:
            self._file(part)
        elif kind == "input_audio":
            self._audio(part)
        elif kind in {"video_url", "input_video"}:
            self.add(_VIDEO_TOKENS, 0)
            self.most_audio += 1  # It may have sound, which has a price of its own.
            self.fills_window = True
        elif isinstance(part.get("text"), str):
            self._content(part["text"])
        else:
            self._json(part)

    def _image(self, part: Mapping[str, Any]) -> None:
        given = part.get("image_url")
        holder = given if isinstance(given, dict) else part
        self.images += 1
        is_small = holder.get("detail") == "low"
        self.add(_LOW_DETAIL_IMAGE if is_small else self.family.image, self.family.most_image)

    def _file(self, part: Mapping[str, Any]) -> None:
        file = part.get("file")
        holder = file if isinstance(file, dict) else part
        data = holder.get("file_data")
        if not isinstance(data, str) or not data.startswith("data:"):
            self.pages += 1
            self.most_pages += pdf_pages.MOST_PAGES
            self.add(self.family.page, 0)
            self.fills_window = True
        elif data.startswith("data:text/"):
            self.add(len(data) // _BYTES_PER_TOKEN, len(data))
        else:
            pages, most = pdf_pages.pages(data)
            self.pages += pages
            self.most_pages += most
            self.add(pages * self.family.page, most * self.family.most_page)

    def _audio(self, part: Mapping[str, Any]) -> None:
        holder = part.get("input_audio")
        data = holder.get("data") if isinstance(holder, dict) else None
        if not isinstance(data, str) or data.startswith(("http:", "https:")):
            self.fills_window = True
            data = ""
        size = len(data) * 3 // 4
        self.audio += size * _AUDIO_TOKENS_PER_SECOND // _AUDIO_BYTES_PER_SECOND + 1
        self.most_audio += (
            size * _AUDIO_TOKENS_PER_SECOND // _FEWEST_AUDIO_BYTES_PER_SECOND
            + _AUDIO_TOKENS_PER_SECOND
        )

    def _extras(self, body: Mapping[str, Any]) -> None:
        for name in ("cache_control", "prompt_cache_options"):
            if name in body:
                self._cache(body[name])
        tools = body.get("tools")
        if isinstance(tools, list) and tools:
            self.add(self.family.tools, self.family.most_tools)
            for tool in tools:
                if isinstance(tool, dict):
                    self._tool(tool)
        for name in ("response_format", "functions", "text"):
            if isinstance(body.get(name), dict | list):
                self._json(body[name])
        if isinstance(body.get("response_format"), dict):
            self.add(0, self.family.most_schema)
        if isinstance(body.get("prediction"), dict | list):
            before = self.worst
            self._json(body["prediction"])
            self.predicted = self.worst - before

    def _tool(self, tool: Mapping[str, Any]) -> None:
        function = tool.get("function")
        self._json(function if isinstance(function, dict) else tool)
        self.add(0, tokens.MOST_PER_MESSAGE)
        for holder in (tool, function):
            if isinstance(holder, dict) and "cache_control" in holder:
                self._cache(holder["cache_control"])

    def _cache(self, control: Any) -> None:
        if isinstance(control, dict) and control.get("ttl") in ("1h", "12h"):
            self.lives_an_hour = True

    def _json(self, value: Any) -> None:
        try:
            text = orjson.dumps(value, default=str).decode()
        except TypeError:  # Half a surrogate pair, say: no JSON, but LiteLLM sends it.
            text = str(value)
        self.add(*tokens.measure_json(text, self.family))


def _dumped(message: Any) -> Mapping[str, Any]:
    dump = getattr(message, "model_dump", None)
    return dump(exclude_none=True) if callable(dump) else {"content": str(message)}
