"""OpenAI's input file of a batch → the requests of a submission, each as LiteLLM would send it.

See https://platform.openai.com/docs/api-reference/batch/request-input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.batches import wire
from openrouter_adapter.chat import transformation as chat
from openrouter_adapter.embedding import transformation as embedding
from openrouter_adapter.wire import errors, model_names

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHAT: Final = "/v1/chat/completions"
_EMBEDDINGS: Final = "/v1/embeddings"
_PREFERENCES: Final = frozenset({"only", "allow_fallbacks"})
_ONLY_PREFERENCES: Final = "in a batch, it accepts the fields only and allow_fallbacks"
_SPLITTING: Final = "`openrouter-adapter batch run --half-price` divides a file by model"
_MOST_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Submission:
    """A batch that can be submitted.

    Attributes:
        endpoint: The form of its requests.
        model: The model of all of them, as OpenRouter names it.
        requests: The `custom_id` and the body of each, in the file's order.
        provider: The preferences of all of them; empty for none.
        callback_url: The address that OpenRouter calls at the end; None if there is none.
    """

    endpoint: str
    model: str
    requests: list[tuple[str, dict[str, Any]]]
    provider: Mapping[str, Any]
    callback_url: str | None

    def body(self) -> dict[str, Any]:
        """The whole submission as an object, for the gate."""
        return {
            "endpoint": self.endpoint,
            "model": self.model,
            "requests": [{"custom_id": name, "body": body} for name, body in self.requests],
        }

    def content(self) -> bytes:
        """The bytes that are sent.

        Raises:
            litellm.BadRequestError: they are more than OpenRouter accepts.
        """
        content = wire.submission(
            self.endpoint,
            self.model,
            ((name, orjson.dumps(body)) for name, body in self.requests),
            provider=self.provider,
            callback_url=self.callback_url,
        )
        if len(content) > wire.MOST_BYTES:
            raise errors.bad_request(
                f"the batch has {len(content):,} bytes, but OpenRouter accepts at most "
                f"{wire.MOST_BYTES:,}: divide the input file",
                self.model,
            )
        return content


def read(
    content: bytes, endpoint: str, model: str | None, extra_body: Mapping[str, Any]
) -> Submission:
    """Reads an input file, and checks all of it before anything is sent.

    Args:
        content: The file.
        endpoint: The batch's endpoint.
        model: The model of the call; None takes the one that the lines name.
        extra_body: `provider` and `callback_url` of the batch.

    Raises:
        litellm.BadRequestError: a line, or the batch, is invalid; the message names the line.
    """
    if endpoint not in wire.ENDPOINTS.values():
        raise errors.bad_request(
            f"endpoint={endpoint!r}: the Batch API accepts {', '.join(wire.ENDPOINTS.values())}"
        )
    wanted = None if model is None else _plain(model)
    lines = [
        _line(number, text, endpoint)
        for number, text in enumerate(content.splitlines(), start=1)
        if text.strip()
    ]
    if not lines:
        raise errors.bad_request("the input file is empty: write a JSON object on each line")
    if len(lines) > wire.MOST_REQUESTS:
        raise errors.bad_request(
            f"the input file has {len(lines):,} requests, but a batch accepts "
            f"{wire.MOST_REQUESTS:,}: divide it, or use `openrouter-adapter batch run --half-price`"
        )
    named = _model_of(lines, wanted)
    found: dict[str, int] = {}
    requests = []
    wishes: dict[str, Any] | None = None
    for number, custom_id, body in lines:
        if custom_id in found:
            raise _invalid(number, f"line {found[custom_id]} already has custom_id {custom_id!r}")
        found[custom_id] = number
        built = _built(number, body, endpoint, named)
        own = _preferences(number, built)
        if wishes is not None and own != wishes:
            raise _invalid(number, "provider: it must be the same in all lines of a batch")
        wishes = own
        requests.append((custom_id, built))
    batch_wide = _check_extra(extra_body, named)
    return Submission(
        endpoint,
        named,
        requests,
        batch_wide.get("provider") or wishes or {},
        batch_wide.get("callback_url"),
    )


def _line(number: int, text: bytes, endpoint: str) -> tuple[int, str, dict[str, Any]]:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError as failure:
        raise _invalid(number, f"it is not JSON: {failure}") from None
    if not isinstance(fields, dict):
        raise _invalid(number, "it is not a JSON object")
    custom_id, body = fields.get("custom_id"), fields.get("body")
    if not isinstance(custom_id, str) or not custom_id:
        raise _invalid(number, f"custom_id is {_short(custom_id)}; it must be a string")
    if fields.get("method", "POST") != "POST":
        raise _invalid(number, f"method is {_short(fields['method'])}; it must be 'POST'")
    if fields.get("url", endpoint) != endpoint:
        raise _invalid(
            number, f"url is {_short(fields['url'])}; it must be the batch's endpoint, {endpoint!r}"
        )
    if not isinstance(body, dict):
        raise _invalid(number, f"body is {_short(body)}; it must be an object")
    return number, custom_id, body


def _model_of(lines: list[tuple[int, str, dict[str, Any]]], wanted: str | None) -> str:
    """The model of a batch.

    A line of a Router's or a proxy's client names the Router's model; that has no author, and the
    call's model replaces it.
    """
    named = wanted
    for number, _, body in lines:
        own = body.get("model")
        if own is None or own == "":
            continue
        if not isinstance(own, str):
            raise _invalid(number, f"body.model is {_short(own)}; it must be a string")
        own = _plain(own)
        if named is None:
            named = own
        if own != named and (wanted is None or "/" in own):
            raise _invalid(
                number,
                f"body.model is {own!r}, but the model of the batch is {named!r}: a batch must "
                f"have one model; {_SPLITTING}",
            )
    if named is None:
        raise errors.bad_request("no line names a model: give body.model in each, or model=")
    return model_names.wire_model(named)


def _plain(model: str) -> str:
    """A model without LiteLLM's prefix, and without the name of its batch price."""
    name = model.removeprefix("openrouter/")
    return model_names.without_batch(name if "/" in name else model)


def _built(number: int, body: dict[str, Any], endpoint: str, model: str) -> dict[str, Any]:
    """The body that LiteLLM would send for a line.

    Raises:
        litellm.BadRequestError: it is invalid, or the Batch API can't take it.
    """
    from litellm.exceptions import BadRequestError

    try:
        built = _build(body, endpoint, model)
    except (BadRequestError, *errors.MALFORMED) as failure:
        words = str(failure).removeprefix("litellm.BadRequestError: ")
        raise _invalid(number, f"body: {words}") from failure
    refusal = wire.refusal(endpoint, built)
    if refusal is not None:
        raise _invalid(number, f"body.{refusal}")
    return built


def _build(body: dict[str, Any], endpoint: str, model: str) -> dict[str, Any]:
    fields = {name: value for name, value in body.items() if name != "model"}
    if endpoint == _EMBEDDINGS:
        return embedding.build_body(model, fields.pop("input", None), fields)
    if endpoint != _CHAT:
        return {"model": model, **fields}
    messages = fields.pop("messages", None)
    if not isinstance(messages, list) or not messages:
        raise errors.bad_request(f"messages is {_short(messages)}; it must be a list of messages")
    built = chat.build_body(model, messages, fields)
    # The answers of a batch have no cost of their own.
    built.pop("usage", None)
    return built


def _preferences(number: int, body: dict[str, Any]) -> dict[str, Any]:
    """Takes a request's provider preferences out of it: they are the whole batch's."""
    own = body.pop("provider", None) or {}
    for name in own if isinstance(own, dict) else ("",):
        if name not in _PREFERENCES:
            raise _invalid(number, f"body.provider.{name}: {_ONLY_PREFERENCES}")
    return dict(own)


def _check_extra(extra_body: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    for name in extra_body:
        if name not in {"provider", "callback_url"}:
            raise errors.bad_request(
                f"extra_body.{name}: a batch accepts only provider and callback_url", model
            )
    provider, address = extra_body.get("provider"), extra_body.get("callback_url")
    if provider is not None and not (
        isinstance(provider, dict) and provider.keys() <= _PREFERENCES
    ):
        raise errors.bad_request(
            f"extra_body.provider={_short(provider)}: {_ONLY_PREFERENCES}", model
        )
    if address is not None and not str(address).startswith("https://"):
        raise errors.bad_request(
            f"extra_body.callback_url={_short(address)}: it must begin with https://", model
        )
    return extra_body


def _invalid(number: int, problem: str) -> Exception:
    return errors.bad_request(f"line {number} of the input file: {problem}")


def _short(value: Any) -> str:
    if value is None:
        return "missing"
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"
