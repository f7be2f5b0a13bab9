"""The length of a request's prompt in tokens: likely, and in the worst case."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.catalog.estimates import attachments
from openrouter_adapter.catalog.estimates.tokenizers import Family, measure, measure_json

if TYPE_CHECKING:
    from collections.abc import Mapping

# Documents per search of a rerank, and tokens per document; longer documents count as several.
_PIECES_PER_SEARCH: Final = 100
_PIECE: Final = 500
# Fields of a Responses request that refer to a prompt stored at the provider.
_STORED_ELSEWHERE: Final = ("previous_response_id", "conversation", "prompt")
# Fields of a message that no model reads, or that PER_MESSAGE includes.
_UNREAD: Final = frozenset({"role", "type", "status", "id", "annotations"})
_WRITTEN: Final = frozenset({"content", "name", "refusal", "reasoning", "images", "output"})


# Tools that the provider describes to the model itself, such as `bash_20250124`: Anthropic states
# 245 to 735 tokens for each.
_PROVIDERS_OWN: Final = re.compile(r"[a-z_]+_\d{8}")
_OWN_TOOL: Final = 500
_MOST_OWN_TOOL: Final = 1000
PER_MESSAGE: Final = 4
MOST_PER_MESSAGE: Final = 10


@dataclass(slots=True)
class Prompt:
    """The length of a prompt. It is empty at first; each `add_…` adds a request's body.

    Attributes:
        family: The model's family of tokenizers.
        window: The most tokens that the model takes; None if unknown.
        likely: Likely tokens without audio.
        worst: The same in the worst case.
        audio: Likely tokens of audio.
        most_audio: The same in the worst case.
        images: The number of input images.
        pages: Likely pages of documents.
        most_pages: The same in the worst case.
        inputs: The number of prompts, each of which may fill the window.
        requests: How often the price of a request is billed, at most.
        predicted: Tokens of a prediction in the worst case; unused ones are billed as output.
        searches: Searches that the provider may run on its own, reading the whole prompt again.
        fills_window: Whether a part has an unknown length: in the worst case it fills the window.
        lives_an_hour: Whether it asks for a cache for an hour, which is more expensive to write.
    """

    family: Family
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
        """Tokens in the worst case, audio included; None if nothing limits them.

        A prompt that is longer than the window is refused, not billed.
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
                self.add(PER_MESSAGE, MOST_PER_MESSAGE)
            elif item is not None:
                self._message(item)
        if any(body.get(name) for name in _STORED_ELSEWHERE):
            self.fills_window = True
        self._extras(body)

    def add_messages(self, body: Mapping[str, Any]) -> None:
        """A request of Anthropic's Messages: `system`, `messages`, `tools`, the answer's schema."""
        self.add(3, self.family.frame)
        self._content(body.get("system"))
        messages = body.get("messages")
        for message in messages if isinstance(messages, list | tuple) else ():
            self._message(message)
        output = body.get("output_config")
        if isinstance(output, dict) and isinstance(output.get("format"), dict):
            self._json(output["format"])
            self.add(0, self.family.most_schema)
        self._extras(body)

    def add_texts(self, given: Any) -> None:
        """One text or several, as strings, token ids or content parts."""
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
        """An `input` to embed, or several of them."""
        self.add_texts(body.get("input"))

    def add_completion(self, body: Mapping[str, Any]) -> None:
        """A `prompt` to complete, or several of them, with the `suffix`."""
        self.add_texts(body.get("prompt"))
        self._content(body.get("suffix"))
        self.add(0, self.family.frame * self.inputs)
        self._extras(body)

    def add_image_request(self, body: Mapping[str, Any]) -> None:
        """A `prompt` for images, and input images."""
        self.add_texts(body.get("prompt"))
        self._content(body.get("input_references"))
        self.add(0, self.family.frame)

    def add_rerank(self, body: Mapping[str, Any]) -> None:
        """The documents, and the query: once, in the worst case once for each document."""
        query = Prompt(self.family)
        query.add_texts(body.get("query") or "")
        documents = body.get("documents")
        self.add_texts(documents or [])
        number = len(documents) if isinstance(documents, list) else 1
        self.add(query.likely, query.worst * max(1, number))
        self.requests = ceil((self.inputs + self.worst // _PIECE) / _PIECES_PER_SEARCH)

    def _message(self, given: Any) -> None:
        # LiteLLM's message objects may be among plain ones until the request is sent.
        message = given if isinstance(given, dict) else _dumped(given)
        self.add(PER_MESSAGE, MOST_PER_MESSAGE)
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
            self.add(*measure(content, self.family))
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
        if kind in attachments.READERS:
            attachments.READERS[kind](self, part)
        elif kind == "document":
            self._document(part)
        elif kind == "thinking":
            # Its signature is not part of the prompt.
            self._content(part.get("thinking"))
        elif kind == "tool_result":
            self.add(0, MOST_PER_MESSAGE + len(str(part.get("tool_use_id"))))
            self._content(part.get("content"))
        elif isinstance(part.get("text"), str):
            self._content(part["text"])
        else:
            self._json(part)

    def _document(self, part: Mapping[str, Any]) -> None:
        """A document of Messages: a PDF, a text, or content blocks."""
        given = part.get("source")
        source: Mapping[str, Any] = given if isinstance(given, dict) else {}
        before = self.worst
        for text in (part.get("title"), part.get("context")):
            self._content(text)
        if source.get("type") in ("text", "content"):
            self._content(source.get("data") or source.get("content"))
        else:
            attachments.add_document(self, source)
        citations = part.get("citations")
        if isinstance(citations, dict) and citations.get("enabled"):
            # The provider cuts the document into sentences, and numbers them.
            self.add(0, self.worst - before)

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
        self.add(0, MOST_PER_MESSAGE)
        if "input_schema" not in tool and _PROVIDERS_OWN.fullmatch(str(tool.get("type"))):
            self.add(_OWN_TOOL, _MOST_OWN_TOOL)
        for holder in (tool, function):
            if isinstance(holder, dict) and "cache_control" in holder:
                self._cache(holder["cache_control"])

    def _cache(self, control: Any) -> None:
        if isinstance(control, dict) and control.get("ttl") in ("1h", "12h"):
            self.lives_an_hour = True

    def _json(self, value: Any) -> None:
        try:
            text = orjson.dumps(value, default=str).decode()
        except TypeError:  # Such as half a surrogate pair: invalid JSON, but LiteLLM sends it.
            text = str(value)
        self.add(*measure_json(text, self.family))


def _dumped(message: Any) -> Mapping[str, Any]:
    dump = getattr(message, "model_dump", None)
    return dump(exclude_none=True) if callable(dump) else {"content": str(message)}
