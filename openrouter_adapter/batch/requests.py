"""A line of the input → the request that is sent, and its answer → the body of the result.

Uses the endpoint packages' own functions, so that a request of a batch is the one that LiteLLM
would send. See https://platform.openai.com/docs/api-reference/batch/request-input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from openrouter_adapter.batch.exceptions import LineFault, words_of
from openrouter_adapter.chat import transformation as chat
from openrouter_adapter.embedding import transformation as embedding
from openrouter_adapter.image_generation import transformation as image_generation
from openrouter_adapter.images import response as images
from openrouter_adapter.wire import completion, errors, model_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Wire = dict[str, Any]


class Route(NamedTuple):
    """How requests of one kind are built, and how their answers are read.

    Attributes:
        path: The path below the API's base URL.
        build: OpenAI's body → the wire body. Raises litellm.BadRequestError.
        read: The answer's bytes → the checked wire answer. Raises LiteLLM's exceptions.
        result: The wire answer → the body in the results. Raises LiteLLM's exceptions.
        in_batches: Its name in OpenRouter's Batch API; None if that doesn't take such requests.
        check: The wire answer of a batch → the checked one. Raises LiteLLM's exceptions.
    """

    path: str
    build: Callable[[Wire], Wire]
    read: Callable[[bytes, Wire, Mapping[str, str], str], Wire]
    result: Callable[[Wire, Mapping[str, str], str], Wire]
    in_batches: str | None
    check: Callable[[Wire, str], Wire]


@dataclass(slots=True)
class Request:
    """A line of the input, ready to be sent.

    Attributes:
        line: Number of the line in the input, from 1.
        custom_id: The caller's id of the request.
        route: Its kind.
        body: The wire body.
        model: The model's id at OpenRouter.
    """

    line: int
    custom_id: str
    route: Route
    body: dict[str, Any]
    model: str

    def size(self) -> int:
        """Approximate size in memory, in bytes; only texts make a request large."""
        total = 1024
        for message in self.body.get("messages") or (self.body.get("input"),):
            content = message.get("content") if isinstance(message, dict) else message
            total += len(content) if isinstance(content, str) else len(str(content))
        return total


def parse(line: int, text: bytes, model: str | None = None) -> Request:
    """Parses a line.

    Args:
        line: Number of the line.
        text: Content of the line.
        model: Replaces the line's own model.

    Raises:
        LineFault: the line is invalid; says why.
    """
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError as failure:
        raise LineFault(f"is not JSON: {failure}") from None
    if not isinstance(fields, dict):
        raise LineFault("is not a JSON object")
    if "response" in fields and "body" not in fields:
        raise LineFault(
            "is a result of a batch, not a request: give the file that its requests were in, or "
            "send those that failed again with `batch retry DIR`"
        )
    custom_id = fields.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id:
        if "messages" in fields:
            raise LineFault(
                'is the body of a request; put it into {"custom_id": "1", "method": "POST", '
                '"url": "/v1/chat/completions", "body": …}, with an id for each line'
            )
        raise LineFault(
            f"custom_id is {_short(custom_id)}; it must be a string that identifies the line"
        )
    route = _route(fields)
    body = fields.get("body")
    if not isinstance(body, dict):
        raise LineFault(f"body is {_short(body)}; it must be an object")
    if model is not None:
        body["model"] = model
    wire = _built(route, body)
    return Request(line, custom_id, route, wire, wire["model"])


def custom_id_of(text: bytes) -> str:
    """The custom_id of an invalid line; empty if it has none."""
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ""
    found = fields.get("custom_id") if isinstance(fields, dict) else None
    return found if isinstance(found, str) else ""


def _route(fields: Mapping[str, Any]) -> Route:
    if fields.get("method", "POST") != "POST":
        raise LineFault(f"method is {_short(fields['method'])}; it must be POST")
    url = fields.get("url")
    # Azure's batch files have the same paths without the version.
    route = (
        ROUTES.get(url if url.startswith("/v1/") else f"/v1{url}") if isinstance(url, str) else None
    )
    if route is None:
        raise LineFault(f"url is {_short(url)}; it must be one of {', '.join(ROUTES)}")
    return route


def _built(route: Route, body: Wire) -> Wire:
    _normalize_model(body)
    if body.get("stream"):
        raise LineFault("stream: remove it; a batch writes whole answers")
    try:
        wire = route.build(body)
    except LineFault:
        raise
    except Exception as failure:  # noqa: BLE001 - whatever it is, it is the line's
        raise LineFault(words_of(failure)) from None
    refusal = model_names.batch_only_in(wire)
    if refusal is not None:
        raise LineFault(refusal)
    return wire


def _normalize_model(body: Wire) -> None:
    name = body.get("model")
    if not isinstance(name, str) or not name:
        if name is None and body.get("models"):
            body["model"] = name = body["models"][0]
        if not isinstance(name, str) or not name:
            raise LineFault(f"body.model is {_short(name)}; name one, or give --model")
    # The prefix is LiteLLM's, but in `openrouter/auto` it is OpenRouter's own.
    plain = name.removeprefix("openrouter/")
    if "/" in plain or plain.startswith("@"):
        body["model"] = plain


def _build_chat(body: Wire) -> Wire:
    messages = body.pop("messages", None)
    if not isinstance(messages, list) or not messages:
        raise LineFault(f"body.messages is {_short(messages)}; it must be a list of messages")
    for place, message in enumerate(messages):
        if not isinstance(message, dict):
            raise LineFault(f"body.messages[{place}] is {_short(message)}; it must be an object")
    return chat.build_body(body.pop("model"), messages, body)


def _build_embedding(body: Wire) -> Wire:
    return embedding.build_body(body.pop("model"), body.pop("input", None), body)


def _build_image(body: Wire) -> Wire:
    prompt = body.pop("prompt", None)
    if not isinstance(prompt, str) or not prompt:
        raise LineFault(f"body.prompt is {_short(prompt)}; it must be a string")
    if body.get("n") not in {None, 1}:
        raise LineFault(f"n={body['n']!r}: a line returns one image; write a line for each image")
    return image_generation.build_body(body.pop("model"), prompt, body)


def _read_completion(content: bytes, _: Wire, headers: Mapping[str, str], model: str) -> Wire:
    return completion.parse(content, headers, model)


def _read_embedding(content: bytes, request: Wire, headers: Mapping[str, str], model: str) -> Wire:
    return embedding.parse(content, request, headers, model)


def _check_completion(answer: Wire, model: str) -> Wire:
    return completion.check(answer, None, model)


def _check_embedding(answer: Wire, model: str) -> Wire:
    vectors = answer.get("data")
    if not vectors or not isinstance(vectors, list):
        raise errors.no_answer(answer, "the answer has no embeddings", None, model)
    return answer


def _as_it_came(answer: Wire, *_: object) -> Wire:
    return answer


def _images_response(answer: Wire, headers: Mapping[str, str], model: str) -> Wire:
    """OpenAI's images response: https://platform.openai.com/docs/api-reference/images/object."""
    data = [
        {name: value for name, value in image.items() if value is not None}
        for image in images.images_of(answer, headers, model)
    ]
    kept = ("id", "provider", "model", "created", "usage")
    return {**{name: answer[name] for name in kept if name in answer}, "data": data}


ROUTES: Final[Mapping[str, Route]] = {
    "/v1/chat/completions": Route(
        "/chat/completions",
        _build_chat,
        _read_completion,
        _as_it_came,
        "/v1/chat/completions",
        _check_completion,
    ),
    "/v1/embeddings": Route(
        "/embeddings",
        _build_embedding,
        _read_embedding,
        _as_it_came,
        "/v1/embeddings",
        _check_embedding,
    ),
    "/v1/images/generations": Route(
        "/chat/completions",
        _build_image,
        _read_completion,
        _images_response,
        None,
        _check_completion,
    ),
}


def _short(value: Any) -> str:
    if value is None:
        return "missing"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
