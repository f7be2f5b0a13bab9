"""`/rerank`: documents that share words with the query come first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from . import billing, inference, tokens
from .billing import Usage
from .embeddings import vector
from .errors import invalid_body
from .inference import single

if TYPE_CHECKING:
    from .faults import Fault
    from .state import State

_DIMENSIONS = 64


def rank(state: State, body: dict[str, Any], fault: Fault | None) -> tuple[bytes, dict[str, str]]:
    """Answer a rerank request and bill it.

    Raises:
        ApiError: 400 for an invalid body, 404 for a model without rerank.
    """
    _check(body)
    served = inference.choose(state, body, "rerank", "rerank")
    documents = [{"text": one} if isinstance(one, str) else one for one in body["documents"]]
    texts = [one.get("text") or one.get("image") or "" for one in documents]
    used = Usage(prompt=tokens.count(body["query"]) + sum(map(tokens.count, texts)))
    charged = inference.charge(state, "/rerank", "gen-rerank", served, used, fault)
    if charged.error is not None:
        return charged.error, {}
    scores = [_similarity(body["query"], text) for text in texts]
    order = sorted(range(len(texts)), key=lambda place: -scores[place])
    results = [
        {"index": place, "relevance_score": scores[place], "document": documents[place]}
        for place in order[: body.get("top_n") or len(order)]
    ]
    if fault is not None and fault.name == "empty-choices":
        results = []
    answer = {
        # OpenRouter answers with the provider's name for the model here.
        "model": served.model.id.rpartition("/")[2],
        "results": results,
        "usage": {"total_tokens": used.prompt, "cost": billing.wire_number(charged.cost.total)},
        "provider": charged.row.provider,
        "id": charged.row.generation_id,
    }
    return orjson.dumps(answer), {}


def _similarity(query: str, text: str) -> float:
    one, other = (vector(words, _DIMENSIONS, _DIMENSIONS) for words in (query, text))
    return round((1 + sum(a * b for a, b in zip(one, other, strict=True))) / 2, 6)


def _check(body: dict[str, Any]) -> None:
    if not isinstance(body.get("query"), str) or not body["query"]:
        raise invalid_body("query: Invalid input: expected string")
    documents = body.get("documents")
    if not isinstance(documents, list) or not documents:
        raise invalid_body("documents: Invalid input: expected array with >=1 items")
    for place, one in enumerate(documents):
        if not isinstance(one, str | dict) or not one:
            raise invalid_body(f"documents.{place}: Invalid input")
    top_n = body.get("top_n")
    if top_n is not None and (isinstance(top_n, bool) or not isinstance(top_n, int) or top_n < 1):
        raise invalid_body("top_n: Too small: expected number to be >=1")


ROUTES = (single("/rerank", rank),)
