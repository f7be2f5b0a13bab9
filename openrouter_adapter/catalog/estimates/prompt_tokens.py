"""How long a request's prompt is, in tokens: messages, tools, images, files, audio, video."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.catalog.estimates import pdf_pages, tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.catalog.models import Model

_LOW_DETAIL_IMAGE: Final = 85  # OpenAI's, where `detail` is "low".
# Base64 spells three bytes in four letters. Speech is seldom above 16 kB a second (128 kbit/s)
# and hardly below 0.75 kB (6 kbit/s); 32 tokens a second is Gemini's rate, above the others'.
_AUDIO_BYTES_PER_SECOND: Final = 16_000
_FEWEST_AUDIO_BYTES_PER_SECOND: Final = 750
_AUDIO_TOKENS_PER_SECOND: Final = 32
_VIDEO_TOKENS: Final = 3000  # Some ten seconds, where nothing says how long it is.
_BYTES_PER_TOKEN: Final = 4  # Likely, of plain text.
# What a Responses request leans on without having it in it.
_HELD_ELSEWHERE: Final = ("previous_response_id", "conversation", "prompt")
# Of a message: what no model reads, or what is counted in its frame.
_UNREAD: Final = frozenset({"role", "type", "status", "id", "annotations"})
_WRITTEN: Final = frozenset({"content", "name", "refusal", "reasoning", "images", "output"})


@dataclass(slots=True)
class Prompt:
    """The size of a prompt.

    Attributes:
        likely: Tokens, audio left out.
        worst: The same at worst.
        audio: Tokens of audio, likely.
        most_audio: The same at worst.
        images: Input images.
        pages: Pages of documents, likely.
        most_pages: The same at worst.
        inputs: How many prompts it is, each of them as long as the model takes at most.
        predicted: Tokens of a prediction at worst; what of it is not used is billed as output.
        searches: How often the provider may search, and read all anew, on its own.
        fills_window: Whether it has a part of unknown length: at worst it takes all that fits.
        lives_an_hour: Whether it asks for a cache that is dearer to write.
    """

    likely: int = 0
    worst: int = 0
    audio: int = 0
    most_audio: int = 0
    images: int = 0
    pages: int = 0
    most_pages: int = 0
    inputs: int = 1
    predicted: int = 0
    searches: int = 0
    fills_window: bool = False
    lives_an_hour: bool = False

    def add(self, likely: int, worst: int) -> None:
        """Adds tokens."""
        self.likely += likely
        self.worst += worst


class Counter:
    """Counts prompts for one model; holds what is the same for each of its requests."""

    __slots__ = ("_family", "_vocabulary")

    def __init__(self, tokenizer: str, model_id: str) -> None:
        """For the models of a tokenizer family; the id tells OpenAI's vocabularies apart."""
        self._family = tokens.family(tokenizer, model_id)
        self._vocabulary = tokens.vocabulary(model_id)

    def chat(self, body: Mapping[str, Any]) -> Prompt:
        """The prompt of a chat: `messages` (or `prompt`), `tools` and the schema of the answer."""
        prompt = Prompt(3, self._family.frame)
        messages = body.get("messages")
        if isinstance(messages, list | tuple):
            for message in messages:
                self._message(prompt, message)
        if "prompt" in body:
            self._content(prompt, body["prompt"])
        self._extras(prompt, body)
        return prompt

    def responses(self, body: Mapping[str, Any]) -> Prompt:
        """The prompt of the Responses API: `instructions`, `input`, `tools`."""
        prompt = Prompt(3, self._family.frame)
        self._content(prompt, body.get("instructions"))
        given = body.get("input")
        for item in given if isinstance(given, list) else (given,):
            if isinstance(item, str):
                self._content(prompt, item)
                prompt.add(tokens.PER_MESSAGE, tokens.MOST_PER_MESSAGE)
            elif item is not None:
                self._message(prompt, item)
        if any(body.get(name) for name in _HELD_ELSEWHERE):
            prompt.fills_window = True
        self._extras(prompt, body)
        return prompt

    def texts(self, given: Any) -> Prompt:
        """A text, several, token ids, or content parts: what is completed, embedded, drawn."""
        prompt = Prompt(0, 8)
        items = given if isinstance(given, list) else [given]
        if items and all(isinstance(item, int) for item in items):
            items = [items]
        prompt.inputs = max(1, len(items))
        for item in items:
            if isinstance(item, list) and all(isinstance(token, int) for token in item):
                prompt.add(len(item), len(item) * 2)
            elif isinstance(item, dict) and "content" in item:
                self._content(prompt, item["content"])
            else:
                self._content(prompt, item)
            prompt.add(0, 4)
        return prompt

    def completion(self, body: Mapping[str, Any]) -> Prompt:
        """A `prompt`, or several, to complete; with what comes after the gap."""
        prompt = self.texts(body.get("prompt"))
        self._content(prompt, body.get("suffix"))
        prompt.add(0, self._family.frame * prompt.inputs)
        self._extras(prompt, body)
        return prompt

    def drawing(self, body: Mapping[str, Any]) -> Prompt:
        """A `prompt` to draw, and images to draw from."""
        prompt = self.texts(body.get("prompt"))
        self._content(prompt, body.get("input_references"))
        prompt.add(0, self._family.frame)
        return prompt

    def rerank(self, body: Mapping[str, Any]) -> Prompt:
        """The documents, and at worst the query anew with each of them."""
        prompt = self.texts(body.get("documents") or [])
        query = self.texts(body.get("query") or "")
        documents = body.get("documents")
        number = len(documents) if isinstance(documents, list) else 1
        prompt.add(query.likely, query.worst * max(1, number))
        return prompt

    def _message(self, prompt: Prompt, given: Any) -> None:
        # LiteLLM's own messages may stand among plain ones until they are sent.
        message = given if isinstance(given, dict) else _dumped(given)
        prompt.add(tokens.PER_MESSAGE, tokens.MOST_PER_MESSAGE)
        if message.get("type") == "item_reference":
            prompt.fills_window = True
        for name, value in message.items():
            if not value or name in _UNREAD:
                continue
            if name in _WRITTEN:
                self._content(prompt, value)
            elif name == "cache_control":
                self._cache(prompt, value)
            elif name == "tool_call_id":
                prompt.add(0, len(str(value)))
            else:
                self._json(prompt, value)

    def _content(self, prompt: Prompt, content: Any) -> None:
        if isinstance(content, str):
            prompt.add(*tokens.measure(content, self._family, self._vocabulary))
        elif isinstance(content, list):
            for part in content:
                self._content(prompt, part)
        elif isinstance(content, dict):
            self._part(prompt, content)
        elif content is not None:
            self._json(prompt, content)

    def _part(self, prompt: Prompt, part: Mapping[str, Any]) -> None:
        kind = str(part.get("type"))
        if "cache_control" in part:
            self._cache(prompt, part["cache_control"])
        if kind in {"image_url", "input_image", "image"}:
            self._image(prompt, part)
        elif kind in {"file", "input_file"}:
            self._file(prompt, part)
        elif kind == "input_audio":
            self._audio(prompt, part)
        elif kind in {"video_url", "input_video"}:
            prompt.add(_VIDEO_TOKENS, 0)
            prompt.most_audio += 1  # It may have sound, which has a price of its own.
            prompt.fills_window = True
        elif isinstance(part.get("text"), str):
            self._content(prompt, part["text"])
        else:
            self._json(prompt, part)

    def _image(self, prompt: Prompt, part: Mapping[str, Any]) -> None:
        given = part.get("image_url")
        holder = given if isinstance(given, dict) else part
        prompt.images += 1
        if holder.get("detail") == "low":
            prompt.add(_LOW_DETAIL_IMAGE, self._family.most_image)
        else:
            prompt.add(self._family.image, self._family.most_image)

    def _file(self, prompt: Prompt, part: Mapping[str, Any]) -> None:
        file = part.get("file")
        holder = file if isinstance(file, dict) else part
        data = holder.get("file_data")
        if not isinstance(data, str) or not data.startswith("data:"):
            prompt.pages += 1
            prompt.most_pages += pdf_pages.MOST_PAGES
            prompt.add(self._family.page, 0)
            prompt.fills_window = True
        elif data.startswith("data:text/"):
            prompt.add(len(data) // _BYTES_PER_TOKEN, len(data))
        else:
            pages, most = pdf_pages.pages(data)
            prompt.pages += pages
            prompt.most_pages += most
            prompt.add(pages * self._family.page, most * self._family.most_page)

    def _audio(self, prompt: Prompt, part: Mapping[str, Any]) -> None:
        holder = part.get("input_audio")
        data = holder.get("data") if isinstance(holder, dict) else None
        if not isinstance(data, str) or data.startswith(("http:", "https:")):
            prompt.fills_window = True
            data = ""
        size = len(data) * 3 // 4
        prompt.audio += size * _AUDIO_TOKENS_PER_SECOND // _AUDIO_BYTES_PER_SECOND + 1
        prompt.most_audio += (
            size * _AUDIO_TOKENS_PER_SECOND // _FEWEST_AUDIO_BYTES_PER_SECOND
            + _AUDIO_TOKENS_PER_SECOND
        )

    def _extras(self, prompt: Prompt, body: Mapping[str, Any]) -> None:
        if "cache_control" in body:
            self._cache(prompt, body["cache_control"])
        if "prompt_cache_options" in body:
            self._cache(prompt, body["prompt_cache_options"])
        tools = body.get("tools")
        if isinstance(tools, list) and tools:
            prompt.add(self._family.tools, self._family.most_tools)
            for tool in tools:
                if isinstance(tool, dict):
                    self._tool(prompt, tool)
        for name in ("response_format", "functions", "text"):
            if isinstance(body.get(name), dict | list):
                self._json(prompt, body[name])
        if isinstance(body.get("response_format"), dict):
            prompt.add(0, self._family.most_schema)
        if isinstance(body.get("prediction"), dict | list):
            before = prompt.worst
            self._json(prompt, body["prediction"])
            prompt.predicted = prompt.worst - before

    def _tool(self, prompt: Prompt, tool: Mapping[str, Any]) -> None:
        function = tool.get("function")
        self._json(prompt, function if isinstance(function, dict) else tool)
        prompt.add(0, tokens.MOST_PER_MESSAGE)
        for holder in (tool, function):
            if isinstance(holder, dict) and "cache_control" in holder:
                self._cache(prompt, holder["cache_control"])

    def _cache(self, prompt: Prompt, control: Any) -> None:
        if isinstance(control, dict) and control.get("ttl") in ("1h", "12h"):
            prompt.lives_an_hour = True

    def _json(self, prompt: Prompt, value: Any) -> None:
        try:
            text = orjson.dumps(value, default=str).decode()
        except TypeError:  # Half a surrogate pair, say: no JSON, but LiteLLM sends it.
            text = str(value)
        prompt.add(*tokens.measure_json(text, self._family, self._vocabulary))


def _dumped(message: Any) -> Mapping[str, Any]:
    dump = getattr(message, "model_dump", None)
    return dump(exclude_none=True) if callable(dump) else {"content": str(message)}


@lru_cache(maxsize=1024)
def _counter(tokenizer: str, model_id: str) -> Counter:
    return Counter(tokenizer, model_id)


def counter(model: Model | None) -> Counter:
    """The counter of a model; None is one that a router will choose."""
    return _counter(model.tokenizer, model.id) if model else _counter("Router", "")
