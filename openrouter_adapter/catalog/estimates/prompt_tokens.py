"""The length of a request's prompt in tokens: likely, and in the worst case, by tokenizer family.

Only OpenAI's vocabularies are available offline. For other families the likely count is OpenAI's
times a factor. The worst case adds what other vocabularies do worse: shorter merges of letters, and
single tokens for digits, line breaks, bytes of other scripts, and runs of spaces or punctuation. A
token is at least one byte of UTF-8, so the bytes of a text are the upper limit.

Compared with the vocabularies of Gemma 3, Llama 2 and 3, Qwen 3, DeepSeek V3, Mistral's Tekken and
Claude 2 on prose, source code, JSON, base64, numbers, rulers and thirty scripts, letters needed a
factor of 1.4 at most.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.catalog.estimates import attachments

if TYPE_CHECKING:
    from collections.abc import Mapping

    import tiktoken

# Documents per search of a rerank, and tokens per document; longer documents count as several.
_PIECES_PER_SEARCH: Final = 100
_PIECE: Final = 500
# Fields of a Responses request that refer to a prompt stored at the provider.
_STORED_ELSEWHERE: Final = ("previous_response_id", "conversation", "prompt")
# Fields of a message that no model reads, or that PER_MESSAGE includes.
_UNREAD: Final = frozenset({"role", "type", "status", "id", "annotations"})
_WRITTEN: Final = frozenset({"content", "name", "refusal", "reasoning", "images", "output"})
_SEGMENT: Final = 20_000  # Byte-pair merging is slow on long runs, so long texts are cut.


def _class_of(byte: int) -> str:
    """`a` for a letter, `!` for punctuation, a space, `1` for what may be a token by itself."""
    letter = chr(byte)
    if byte >= 0x80 or letter.isdigit() or not letter.isprintable():
        return "1"
    return "a" if letter.isalpha() else "!" if letter != " " else " "


_CLASSES: Final = "".join(map(_class_of, range(256))).encode()
# Providers rewrite JSON: with spaces, with line breaks, as a type of a programming language. In the
# vocabularies named above that adds less than two tokens for each of its marks.
_JSON_MARKS: Final = ",:{}[]"
_MOST_PER_JSON_MARK: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A family of tokenizers: how many tokens its models count.

    Attributes:
        likely: Tokens per token of OpenAI's, in plain English.
        worst: The same for the worst text of letters.
        is_exact: Whether OpenAI's vocabulary is the family's own.
        frame: Tokens that a provider may put before any prompt, such as its own system prompt.
        tools: Likely tokens that tools add besides their schemas.
        most_tools: The same in the worst case.
        most_schema: Tokens that JSON output adds besides its schema, in the worst case.
        image: Likely tokens of an input image.
        most_image: The same in the worst case.
        page: Likely tokens of a PDF's page that the model reads itself.
        most_page: The same in the worst case.
        vocabulary: The tiktoken vocabulary that approximates the family's.
    """

    likely: float = 1.1
    worst: float = 1.6
    is_exact: bool = False
    frame: int = 200
    tools: int = 50
    most_tools: int = 400
    most_schema: int = 400
    image: int = 1000
    most_image: int = 16_400
    page: int = 600
    most_page: int = 6000
    vocabulary: str = "o200k_base"


_OTHER: Final = Family()
# Frames and tool overheads are from recorded requests, rounded up; images and pages are from the
# providers' documentation.
_FAMILIES: Final = {
    "GPT": Family(1.0, 1.1, True, 150, 20, 200, 100, 800, 16_400, 800, 22_400),
    # Newer Claudes make up to 1.35 times as many tokens as those that were recorded.
    "Claude": Family(1.15, 2.2, False, 50, 450, 900, 500, 1300, 5000, 2000, 8000),
    "Gemini": Family(1.0, 1.5, False, 50, 10, 300, 300, 258, 9300, 258, 2600),
    # Grok 4 has some 680 tokens of its own before every prompt.
    "Grok": Family(1.0, 1.6, False, 1200, 300, 900, 400, 1000, 16_400, 600, 6000),
    # Any model that a router may choose: the most of all the others.
    "Router": Family(1.1, 2.2, False, 1200, 50, 900, 500, 1000, 36_900, 600, 42_900),
}
# It charges 36,835 tokens for the largest image, and reads a PDF's page as text and as an image.
_GPT_4O_MINI: Final = replace(_FAMILIES["GPT"], most_image=36_900, most_page=42_900)
# Tools that the provider describes to the model itself, such as `bash_20250124`: Anthropic states
# 245 to 735 tokens for each.
_PROVIDERS_OWN: Final = re.compile(r"[a-z_]+_\d{8}")
_OWN_TOOL: Final = 500
_MOST_OWN_TOOL: Final = 1000
PER_MESSAGE: Final = 4
MOST_PER_MESSAGE: Final = 10


@lru_cache(maxsize=1024)
def family(tokenizer: str, model_id: str) -> Family:
    """The family of a catalogue row's `tokenizer` and id."""
    author, _, name = model_id.lstrip("~").partition("/")
    found = _FAMILIES.get(tokenizer, _OTHER)
    if tokenizer == "GPT" and author != "openai":
        found = _OTHER  # A model of another company may count differently, whatever its row says.
    elif author == "openai" and name.startswith("gpt-4o-mini"):
        found = _GPT_4O_MINI
    if name.startswith(("gpt-3.5", "gpt-4-", "text-embedding")) or name == "gpt-4":
        return replace(found, vocabulary="cl100k_base")
    return found


@lru_cache(maxsize=4)
def _encoding(name: str) -> tiktoken.Encoding:
    # This import points tiktoken to the vocabularies that LiteLLM ships.
    import litellm.litellm_core_utils.default_encoding  # noqa: F401
    import tiktoken

    return tiktoken.get_encoding(name)


def measure(text: str, model_family: Family) -> tuple[int, int]:
    """The tokens of a text: likely, and in the worst case.

    Args:
        text: Any text.
        model_family: The model's family.
    """
    if not text:
        return 0, 0
    if len(text) <= _SEGMENT:
        return _measure(text, model_family)
    likely = worst = 0
    for start in range(0, len(text), _SEGMENT):
        some, most = _measure.__wrapped__(text[start : start + _SEGMENT], model_family)
        likely, worst = likely + some, worst + most
    return likely, worst


def measure_json(text: str, model_family: Family) -> tuple[int, int]:
    """The tokens of JSON, which a provider may rewrite; the arguments are those of `measure`."""
    likely, worst = measure(text, model_family)
    return likely, worst + _MOST_PER_JSON_MARK * sum(map(text.count, _JSON_MARKS))


# The requests of a batch repeat system prompts and tools: 1 µs instead of 10 and more.
@lru_cache(maxsize=512)
def _measure(text: str, model_family: Family) -> tuple[int, int]:
    counted = len(_encoding(model_family.vocabulary).encode_ordinary(text))
    if model_family.is_exact:
        return counted, ceil(counted * model_family.worst)
    spelled = text.encode("utf-8", "surrogatepass")
    classes = spelled.translate(_CLASSES)
    alone = classes.count(b"1") + classes.count(b" 1")
    alone += 2 * (classes.count(b"  ") + classes.count(b"!!"))
    return (
        ceil(counted * model_family.likely),
        min(len(spelled), ceil(counted * model_family.worst) + alone),
    )


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
