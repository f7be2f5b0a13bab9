"""Citations of `/messages`: of documents, of search results, and of searches on the web."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any

from . import plugins

if TYPE_CHECKING:
    from collections.abc import Iterator

_SENTENCE = re.compile(r"\s*(.+?[.!?](?=\s|$)|.+)", re.DOTALL)


def found(annotations: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """Return what a search found, each with `url`, `title` and perhaps `content`."""
    return [one["url_citation"] for one in annotations if one.get("type") == "url_citation"]


def results(sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results of a search, as in its `web_search_tool_result`."""
    return [
        {
            "type": "web_search_result",
            "encrypted_content": _sealed(one["url"]),
            "page_age": None,
            "title": one["title"],
            "url": one["url"],
        }
        for one in sources
    ]


def of_search(sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the citations of an answer that is based on a search."""
    return [
        {
            "type": "web_search_result_location",
            "cited_text": one.get("content") or one["title"],
            "encrypted_index": _sealed(one["url"]),
            "title": one["title"],
            "url": one["url"],
        }
        for one in sources
    ]


def of_documents(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a citation of each document that may be cited: its first sentence."""
    cited: list[dict[str, Any]] = []
    documents = searched = 0
    for block in _blocks(body):
        is_enabled = (block.get("citations") or {}).get("enabled")
        if block["type"] == "search_result":
            cited += [_of_result(block, searched)] if is_enabled else []
            searched += 1
        else:
            cited += [_of_document(block, documents)] if is_enabled else []
            documents += 1
    return cited


def text_of(block: dict[str, Any]) -> str:
    """Return the text of a document whose source is a text."""
    return str((block.get("source") or {}).get("data") or "")


def _blocks(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the documents and search results of a request, in their order."""
    for message in body["messages"]:
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            inside = block.get("content") if block["type"] == "tool_result" else [block]
            for one in inside if isinstance(inside, list) else ():
                if one["type"] in {"document", "search_result"}:
                    yield one


def _of_document(block: dict[str, Any], index: int) -> dict[str, Any]:
    source = block["source"]
    same = {"document_index": index, "document_title": block.get("title"), "file_id": None}
    if source["type"] == "text":
        text = _first_sentence(text_of(block))
        start = text_of(block).find(text)
        span = {"start_char_index": start, "end_char_index": start + len(text)}
        return {"type": "char_location", "cited_text": text, **same, **span}
    if source["type"] == "content":
        content = source["content"]
        text = content if isinstance(content, str) else content[0].get("text") or ""
        span = {"start_block_index": 0, "end_block_index": 1}
        return {"type": "content_block_location", "cited_text": text, **same, **span}
    text = _first_sentence(plugins.text_of_pdf(base64.b64decode(source.get("data") or "")))
    span = {"start_page_number": 1, "end_page_number": 2}
    return {"type": "page_location", "cited_text": text, **same, **span}


def _of_result(block: dict[str, Any], index: int) -> dict[str, Any]:
    return {
        "type": "search_result_location",
        "cited_text": block["content"][0]["text"] if block.get("content") else "",
        "search_result_index": index,
        "source": block.get("source"),
        "title": block.get("title"),
        "start_block_index": 0,
        "end_block_index": 1,
    }


def _first_sentence(text: str) -> str:
    sentence = _SENTENCE.match(text)
    return sentence[1] if sentence else ""


def _sealed(url: str) -> str:
    return base64.b64encode(hashlib.shake_256(url.encode()).digest(48)).decode()
