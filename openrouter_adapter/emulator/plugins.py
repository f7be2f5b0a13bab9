"""What OpenRouter adds to a model: web search, PDFs, server tools, compression, healing."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import answers, healing, tokens
from .billing import ZERO

if TYPE_CHECKING:
    from .catalog import Endpoint
    from .routing import Target

# USD for one result of the web plugin, and for one search of the web search tool, by exa.
EXA_RESULT = Decimal("0.004")
EXA_SEARCH = Decimal("0.007")
DEFAULT_RESULTS = 5
_MOST_RESULTS = 100  # no engine gives more
# USD for one page of a PDF, by engine; the other engines cost only tokens.
PAGE_PRICES = {"mistral-ocr": Decimal("0.002")}
# About the number of tokens in an advisor's answer.
_ADVICE_TOKENS = 200
# Authors whose models search on every request.
_SEARCHING_AUTHORS = ("perplexity",)
# Authors whose own search serves the web search tool.
_NATIVE_SEARCH = ("openai", "anthropic", "x-ai", "perplexity", "google")
_SITES = (
    ("https://en.wikipedia.org/wiki/{slug}", "{topic} - Wikipedia"),
    ("https://www.britannica.com/topic/{slug}", "{topic} | Britannica"),
    ("https://example.com/{slug}", "All about {topic}"),
    ("https://example.org/guides/{slug}", "A guide to {topic}"),
    ("https://example.net/news/{slug}", "{topic} in the news"),
)
# Endpoints up to this context length compress by default.
_COMPRESSED_CONTEXT = 8192
_OMITTED = " […] "
_PAGE = re.compile(rb"/Type\s*/Page\b")
_PDF_WORDS = re.compile(rb"\(((?:[^()\\]|\\.)*)\)\s*Tj")
# The options of the enabled plugins, by id.
Plugins = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Work:
    """Work for a request in addition to the model's tokens.

    Attributes:
        annotations: Citations and parsed files for the message.
        context: Text put before the prompt: search results, parsed files.
        native_searches: Searches made and charged by the provider.
        server_tools: The usage's `server_tool_use_details`, None if no tool ran.
        surcharge: USD in addition to the inference.
    """

    annotations: tuple[dict[str, Any], ...] = ()
    context: str = ""
    native_searches: int = 0
    server_tools: dict[str, int] | None = None
    surcharge: Decimal = ZERO

    def plus(self, other: Work) -> Work:
        """Return the sum of both."""
        tools = {**(self.server_tools or {}), **(other.server_tools or {})}
        return Work(
            annotations=self.annotations + other.annotations,
            context=f"{self.context}\n{other.context}".strip(),
            native_searches=self.native_searches + other.native_searches,
            server_tools=tools or None,
            surcharge=self.surcharge + other.surcharge,
        )


def plugins_of(body: dict[str, Any], target: Target) -> Plugins:
    """Return the enabled plugins of a request, by id: from `plugins` and the `:online` variant."""
    found = {
        plugin["id"]: plugin
        for plugin in body.get("plugins") or ()
        if isinstance(plugin, dict) and "id" in plugin and plugin.get("enabled") is not False
    }
    if "online" in target.variants:
        found.setdefault("web", {"id": "web"})
    return found


def work(body: dict[str, Any], target: Target, endpoint: Endpoint, plugins: Plugins) -> Work:
    """Return the work of a request's plugins and server tools."""
    done = Work()
    prompt = answers.last_words(body["messages"])
    web = plugins.get("web")
    if web is not None:
        done = done.plus(_web_plugin(web, prompt, endpoint))
    elif target.model.author in _SEARCHING_AUTHORS:
        done = done.plus(Work(annotations=citations(prompt, DEFAULT_RESULTS, with_content=False)))
    for tool in body.get("tools") or ():
        kind = tool.get("type", "function")
        if kind == "openrouter:web_search":
            done = done.plus(_web_search_tool(tool, prompt, target))
        elif kind.startswith("openrouter:"):
            done = done.plus(_server_tool(prompt, endpoint))
    return done.plus(_parse_files(body["messages"], target, plugins))


def topic_of(prompt: str) -> str:
    """Return the topic of a search for a prompt."""
    words = re.findall(r"\w+", prompt)
    return " ".join(words[:6]) or "nothing"


def citations(
    prompt: str, number: int, *, with_content: bool, domains: list[str] | None = None
) -> tuple[dict[str, Any], ...]:
    """Return invented `url_citation` annotations for a prompt, only from `domains` if given."""
    topic = topic_of(prompt)
    slug = topic.replace(" ", "_")
    cited = []
    sites = [(f"https://{name}/{{slug}}", f"{{topic}} at {name}") for name in domains or ()]
    for place in range(number):
        url, title = (sites or _SITES)[place % len(sites or _SITES)]
        citation: dict[str, Any] = {
            "url": url.format(slug=slug),
            "title": title.format(topic=topic),
        }
        if place >= len(sites or _SITES):
            citation["url"] += f"?page={place // len(sites or _SITES) + 1}"
        if with_content:
            citation["content"] = f"What this page says about {topic}."
        citation |= {"start_index": 0, "end_index": 0}
        cited.append({"type": "url_citation", "url_citation": citation})
    return tuple(cited)


def _results_text(annotations: tuple[dict[str, Any], ...]) -> str:
    return "\n".join(
        f"{one['url_citation']['title']}: {one['url_citation'].get('content', '')}"
        for one in annotations
    )


def _results_wanted(options: dict[str, Any]) -> int:
    return min(options.get("max_results") or DEFAULT_RESULTS, _MOST_RESULTS)


def _web_plugin(web: dict[str, Any], prompt: str, endpoint: Endpoint) -> Work:
    number = _results_wanted(web)
    native = web.get("engine") == "native"
    annotations = citations(prompt, number, with_content=not native)
    if native and endpoint.price("web_search"):
        return Work(annotations=annotations, native_searches=1)
    return Work(
        annotations=annotations,
        context=_results_text(annotations),
        surcharge=number * EXA_RESULT,
    )


def _web_search_tool(tool: dict[str, Any], prompt: str, target: Target) -> Work:
    native = target.model.author in _NATIVE_SEARCH
    options = tool.get("parameters") or {}
    number = _results_wanted(options)
    domains = options.get("allowed_domains")
    annotations = citations(prompt, number, with_content=not native, domains=domains)
    if native:
        return Work(annotations, native_searches=1, server_tools={"web_search_requests": 1})
    return Work(
        annotations=annotations,
        context=_results_text(annotations),
        server_tools={
            "tool_calls_executed": 1,
            "tool_calls_requested": 1,
            "web_search_requests": 1,
        },
        surcharge=EXA_SEARCH,
    )


def _server_tool(prompt: str, endpoint: Endpoint) -> Work:
    return Work(
        context=f"A server tool was asked: {prompt}",
        server_tools={"tool_calls_executed": 1, "tool_calls_requested": 1},
        surcharge=_ADVICE_TOKENS * endpoint.price("completion"),
    )


def _parse_files(messages: list[dict[str, Any]], target: Target, plugins: Plugins) -> Work:
    files = [
        part["file"]
        for message in messages
        for part in answers.parts_of(message.get("content"))
        if part.get("type") == "file" and isinstance(part.get("file"), dict)
    ]
    if not files:
        return Work()
    parser = (plugins.get("file-parser") or {}).get("pdf") or {}
    engine = parser.get("engine") or ("native" if "file" in target.model.input else "mistral-ocr")
    known = _known_hashes(messages)
    done = Work()
    for file in files:
        done = done.plus(_parse(file, engine, known))
    return done


def _known_hashes(messages: list[dict[str, Any]]) -> set[str]:
    # A file whose annotation comes back with the conversation is not parsed again.
    return {
        annotation["file"].get("hash", "")
        for message in messages
        for annotation in message.get("annotations") or ()
        if annotation.get("type") == "file" and isinstance(annotation.get("file"), dict)
    }


def _parse(file: dict[str, Any], engine: str, known: set[str]) -> Work:
    source = str(file.get("file_data") or file.get("file_url") or "")
    content = _content_of(source)
    name = file.get("filename") or "document.pdf"
    pages = max(1, len(_PAGE.findall(content)))
    if engine == "native":
        return Work(context=" page" * tokens.TOKENS_PER_PDF_PAGE * pages)
    digest = hashlib.sha256(source.encode()).hexdigest()
    text = text_of_pdf(content) or f"A document of {pages} pages."
    annotation = {
        "type": "file",
        "file": {
            "hash": digest,
            "name": name,
            "content": [
                {"type": "text", "text": f'<file name="{name}">'},
                {"type": "text", "text": text},
                {"type": "text", "text": "</file>"},
            ],
        },
    }
    fresh = digest not in known
    price = PAGE_PRICES.get(engine, ZERO) * pages if fresh else ZERO
    return Work(annotations=(annotation,) if fresh else (), context=text, surcharge=price)


def _content_of(source: str) -> bytes:
    if not source.startswith("data:"):
        return b""
    try:
        return base64.b64decode(source.partition(",")[2])
    except ValueError:
        return b""


def text_of_pdf(pdf: bytes) -> str:
    """Return the text of a PDF that is not compressed; no test needs a real parser."""
    return b" ".join(_PDF_WORDS.findall(pdf)).decode(errors="replace")


def healed(answer: answers.Answer, body: dict[str, Any], plugins: Plugins) -> answers.Answer:
    """Repair JSON, not in a stream, if there is a schema and `response-healing` is enabled."""
    wanted = body.get("response_format") or {}
    acts = plugins.get("response-healing") is not None and not body.get("stream")
    if not acts or wanted.get("type") != "json_schema" or not answer.content:
        return answer
    return replace(answer, content=healing.repair(answer.content))


def compresses(body: dict[str, Any], plugins: Plugins, context_length: int) -> bool:
    """Return whether a request allows its prompt to be compressed on an endpoint."""
    transforms = body.get("transforms")
    if transforms is not None:
        return "middle-out" in transforms
    return plugins.get("context-compression") is not None or context_length <= _COMPRESSED_CONTEXT


def middle_out(messages: list[dict[str, Any]], budget: int) -> list[dict[str, Any]]:
    """Return messages of at most `budget` tokens, half from the start and half from the end.

    Whole messages are dropped from the middle. If two are left, the middles of their texts are
    dropped.
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
    # The ellipsis has tokens, too, and a cut may add one.
    half = max(1, (limit - 2 * tokens.count(_OMITTED)) // 2)
    decode = tokens.encoding().decode_bytes
    start, end = decode(ids[:half]), decode(ids[-half:])
    return start.decode(errors="ignore") + _OMITTED + end.decode(errors="ignore")
