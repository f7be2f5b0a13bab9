"""`/embeddings`: unit vectors, close for texts that share words."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from . import billing, inference, tokens
from .billing import Usage
from .bodies import check_embedding, check_object
from .call import Route
from .errors import invalid_body
from .sending import send_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from .billing import BillRow
    from .call import Call
    from .faults import Fault
    from .state import State

_WORD = re.compile(r"\w+")
# Steps of 2^-16 are exact in JSON text, in a double and in a float32, and short to write.
_STEPS = 1 << 16


async def answer(call: Call) -> web.StreamResponse:
    """Answer an embedding request, from the response cache if it asks for that.

    Raises:
        ApiError: The body is refused, or no provider can answer it.
    """
    body = check_object(call.body)
    cached = call.state.look(call.request.headers, "/embeddings", body)
    fault = call.faults.take("answer", body.get("model") or "")
    is_free = cached is not None and cached.is_hit
    answered, headers = embed(call.state, body, fault, is_free=is_free)
    if cached is not None:
        headers |= cached.headers()
        if fault is None:
            cached.keep(headers["X-Generation-Id"])
    return await send_json(call.request, answered, headers, fault)


def embed(
    state: State,
    body: dict[str, Any],
    fault: Fault | None = None,
    *,
    is_free: bool = False,
    in_batch: bool = False,
) -> tuple[bytes, dict[str, str]]:
    """Answer an embedding request and bill it; an error, or a cached answer, is free.

    Raises:
        ApiError: 400 for an invalid body, 404 for a model without embeddings.
    """
    check_embedding(body)
    served = inference.choose(state, body, "embeddings", "embeddings", in_batch=in_batch)
    full = served.model.dimensions
    dimensions = body.get("dimensions") or full
    if dimensions > full:
        raise invalid_body(f"dimensions: Too big: expected <={full}")
    items = _items(body["input"])
    usage = Usage(prompt=0 if is_free else sum(map(_token_count, items)))
    path, prefix = ("/batches", "gen-batch") if in_batch else ("/embeddings", "gen-emb")
    charged = inference.charge(state, path, prefix, served, usage, fault)
    if charged.error is not None:
        return charged.error, {}
    in_base64 = body.get("encoding_format") == "base64"
    vectors = [_encoded(_text_of(item), dimensions, full, in_base64=in_base64) for item in items]
    # OpenRouter answers with the provider's name for the model here.
    native_name = served.model.id.rpartition("/")[2].partition(":")[0]
    return _join(vectors, {"model": native_name, **_rest(charged.row, charged.cost)}), {
        "X-Generation-Id": charged.row.generation_id
    }


def _rest(row: BillRow, cost: billing.Cost) -> dict[str, Any]:
    return {
        "usage": {
            "prompt_tokens": row.tokens_prompt,
            "total_tokens": row.tokens_prompt,
            "cost": billing.wire_number(cost.total),
            "is_byok": cost.is_byok,
            "cost_details": billing.cost_details(cost),
        },
        "provider": row.provider,
        "id": row.generation_id,
    }


def _join(vectors: list[bytes], rest: dict[str, Any]) -> bytes:
    # Vectors are cached as JSON text, so a repeated one costs only a copy.
    rows = b",".join(
        b'{"object":"embedding","embedding":%b,"index":%d}' % (vector, place)
        for place, vector in enumerate(vectors)
    )
    return b'{"object":"list","data":[' + rows + b"]," + orjson.dumps(rest)[1:]


def _items(given: Any) -> Sequence[Any]:
    # A list of numbers is one input, in tokens.
    if isinstance(given, str) or isinstance(given[0], (int, float)):
        return [given]
    return list(given)


def _text_of(item: Any) -> str:
    """Return an input's text, or its JSON if it is not a text."""
    return item if isinstance(item, str) else orjson.dumps(item).decode()


def _token_count(item: Any) -> int:
    if isinstance(item, str):
        return tokens.count(item, tokens.EMBEDDING)
    if isinstance(item, dict):
        return tokens.content_tokens(item.get("content"))
    return len(item)


@lru_cache(maxsize=1024)
def _encoded(text: str, dimensions: int, full: int, *, in_base64: bool) -> bytes:
    values = vector(text, dimensions, full)
    if in_base64:
        return b'"' + base64.b64encode(array("f", values).tobytes()) + b'"'
    return orjson.dumps(values)


def vector(text: str, dimensions: int, full: int) -> list[float]:
    """Return a text's vector: the first `dimensions` of `full`, at length 1.

    Args:
        text: The input.
        dimensions: Length of the vector.
        full: The model's own number of dimensions.
    """
    words = _WORD.findall(text.lower()) or [text]
    sums = [sum(column) for column in zip(*(_direction(word, full) for word in words), strict=True)]
    # A small part of the whole text makes vectors of reordered words differ.
    own = _direction(f"\0{text}", full)
    mixed = [value + 0.1 * extra for value, extra in zip(sums, own, strict=True)][:dimensions]
    length = math.sqrt(sum(value * value for value in mixed)) or 1.0
    return [round(value / length * _STEPS) / _STEPS for value in mixed]


@lru_cache(maxsize=1024)
def _direction(word: str, full: int) -> array[int]:
    # 16 random bits a dimension; sums of uniform values are close to Gaussian.
    return array("h", hashlib.shake_256(word.encode()).digest(2 * full))


ROUTES = (Route("POST", "/embeddings", answer, "inference"),)
