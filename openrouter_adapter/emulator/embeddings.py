"""`/embeddings`: unit vectors in which texts that share words lie close."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from . import billing, limits, tokens
from .billing import BillRow, Usage
from .bodies import check_embedding
from .errors import USER_ID, invalid_body, no_endpoints
from .faults import error_object
from .routing import endpoints, target_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .faults import Fault
    from .service import Service

_WORD = re.compile(r"\w+")
# Steps of 2^-16 are exact in JSON text, in a double and in a float32, and short to write.
_STEPS = 1 << 16


def embed(
    service: Service, body: dict[str, Any], fault: Fault | None = None
) -> tuple[bytes, dict[str, str]]:
    """Answer an embedding request and bill it; an error as its answer is free.

    Raises:
        ApiError: 400 for a bad body, 404 for a model that embeds nothing.
    """
    check_embedding(body)
    target = target_of(body["model"])
    if "embeddings" not in target.model.output:
        raise no_endpoints("that support embeddings")
    permitted = service.guardrails.permitted(service.key, target.model)
    endpoint = endpoints(target, body, permitted)[0]
    dimensions = body.get("dimensions") or target.model.dimensions
    if dimensions > target.model.dimensions:
        raise invalid_body(f"dimensions: Too big: expected <={target.model.dimensions}")
    texts = [_text_of(item) for item in _items(body["input"])]
    usage = Usage(prompt=sum(_token_count(item) for item in _items(body["input"])))
    cost = billing.price(usage, endpoint, is_byok=service.is_byok(target.model, endpoint))
    limits.check_cost(service, target.model, cost)
    failed = fault is not None and fault.name == "error-in-200"
    if failed:
        cost = billing.Cost(is_byok=cost.is_byok)
    row = BillRow(
        generation_id=service.new_id("gen-emb"),
        endpoint="/embeddings",
        model=target.model.canonical_slug,
        provider=endpoint.provider,
        tokens_prompt=usage.prompt,
        tokens_completion=0,
        cost=cost.total,
        upstream_cost=cost.upstream,
        is_byok=cost.is_byok,
        status=fault.status if failed and fault else 200,
        finish_reason=None,
        native_finish_reason=None,
        fault=fault.name if fault else None,
        created_at=service.now(),
        model_id=target.model.id,
    )
    row = service.charge(row)
    if failed and fault:
        error = {"error": error_object(fault, endpoint.provider), "user_id": USER_ID}
        return orjson.dumps(error), {}
    size = (dimensions, target.model.dimensions)
    in_base64 = body.get("encoding_format") == "base64"
    vectors = [_encoded(text, *size, in_base64=in_base64) for text in texts]
    # OpenRouter answers with the provider's own name of an embedding model here.
    native_name = target.model.id.rpartition("/")[2].partition(":")[0]
    return _join(vectors, {"model": native_name, **_rest(row, cost)}), {}


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
    # Vectors are kept as JSON text: a repeated one costs a copy.
    rows = b",".join(
        b'{"object":"embedding","embedding":%b,"index":%d}' % (vector, place)
        for place, vector in enumerate(vectors)
    )
    return b'{"object":"list","data":[' + rows + b"]," + orjson.dumps(rest)[1:]


def _items(given: Any) -> Sequence[Any]:
    # A bare list of numbers is one input: its tokens.
    if isinstance(given, str) or isinstance(given[0], (int, float)):
        return [given]
    return list(given)


def _text_of(item: Any) -> str:
    """Return what an input is known by: its text, or all of its JSON."""
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
    # A little of the whole text keeps anagrams apart.
    own = _direction(f"\0{text}", full)
    mixed = [value + 0.1 * extra for value, extra in zip(sums, own, strict=True)][:dimensions]
    length = math.sqrt(sum(value * value for value in mixed)) or 1.0
    return [round(value / length * _STEPS) / _STEPS for value in mixed]


@lru_cache(maxsize=1024)
def _direction(word: str, full: int) -> array[int]:
    # 16 random bits a dimension: uniform is near enough to Gaussian once it is summed.
    return array("h", hashlib.shake_256(word.encode()).digest(2 * full))
