"""A submission of OpenRouter's Batch API, the batch that it answers with, and its results.

Pure functions: no HTTP, no disk. Follows https://openrouter.ai/docs/batch-quickstart and the
official SDK's `batch` operations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.wire import errors, model_names
from openrouter_adapter.wire.usage import Bill, read_bill

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PATH: Final = "/batches"
MOST_REQUESTS: Final = 5_000
"""The most requests in one batch: https://openrouter.ai/docs/guides/features/batch-api."""
MOST_BYTES: Final = 200_000_000
"""The most bytes of one submission."""
COMPLETION_WINDOW: Final = "24h"
ENDPOINTS: Final[Mapping[str, str]] = {
    "/chat/completions": "/v1/chat/completions",
    "/responses": "/v1/responses",
    "/messages": "/v1/messages",
    "/embeddings": "/v1/embeddings",
}
"""A batch's `endpoint` by the path below the API's base URL."""
TERMINAL: Final = frozenset({"completed", "failed", "expired", "cancelled"})
"""Statuses that don't change any more."""

_EMBEDDINGS: Final = "/v1/embeddings"
_OF_EMBEDDINGS: Final = ("input_type", "provider")
_OF_ANSWERS: Final = frozenset({"audio", "image_config", "models", "preset"})
_SPOKEN: Final = frozenset({"input_audio", "video_url", "input_video"})
_SEARCHES: Final = frozenset({"web", "openrouter:web_search"})
_WEB: Final = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one request: exactly one of `body` and `failure` is not None.

    Attributes:
        custom_id: The caller's id of the request.
        id: OpenRouter's id of the result.
        status_code: The HTTP status of the answer; None if there was none.
        body: The answer, as the endpoint would have sent it, without its cost.
        failure: The exception of LiteLLM that the endpoint would have raised.
    """

    custom_id: str
    id: str | None
    status_code: int | None
    body: dict[str, Any] | None
    failure: Exception | None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as OpenRouter reports it.

    Attributes:
        id: Its id.
        endpoint: The form of its requests, such as `/v1/chat/completions`.
        model: The model of all of them.
        provider: The provider that runs it; None before one does.
        status: `validating`, `in_progress`, `finalizing`, `completed`, `failed`, `expired`,
            `cancelling` or `cancelled`.
        created_at: Seconds since 1970.
        expires_at: When the provider gives up; None if it never does.
        finalized_at: When it ended; None before.
        total: The number of its requests.
        completed: Those with an answer.
        failed: Those with an error.
        error: Why it failed; None if it did not.
        bill: What all of it cost; the bill's cost is None until OpenRouter reports it, and 0 if it
            ended without an answer.
        results: The results in the wire's form; None if there are none, or not yet.
    """

    id: str
    endpoint: str
    model: str
    provider: str | None
    status: str
    created_at: int
    expires_at: int | None
    finalized_at: int | None
    total: int
    completed: int
    failed: int
    error: str | None
    bill: Bill
    results: list[dict[str, Any]] | None

    @property
    def is_over(self) -> bool:
        """Whether its status is a terminal one."""
        return self.status in TERMINAL

    def read_results(self) -> Iterator[Result]:
        """Its results, in OpenRouter's order, which is not that of the requests."""
        for result in self.results or ():
            yield _read_result(result, self.model)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list of batches, the newest first; none of them has results.

    Attributes:
        batches: The batches.
        has_more: Whether there are older ones.
        last_id: The `after` of the next page; None if the page is empty.
    """

    batches: list[Batch]
    has_more: bool
    last_id: str | None


def submission(
    endpoint: str,
    model: str,
    requests: Iterable[tuple[str, bytes]],
    *,
    provider: Mapping[str, Any] | None = None,
    callback_url: str | None = None,
) -> bytes:
    """The body of a submission, in the order that OpenRouter needs: `requests` last.

    OpenRouter reads it as a stream, and answers 400 if it doesn't know the endpoint, the model and
    the callback before the first request.

    Args:
        endpoint: One of the values of ENDPOINTS.
        model: The model of all requests.
        requests: The `custom_id` of each, and the JSON of its body.
        provider: `only` and `allow_fallbacks`; other preferences are not accepted.
        callback_url: An https address that is called when the batch is over.
    """
    first: dict[str, Any] = {"endpoint": endpoint, "model": model}
    if callback_url is not None:
        first["callback_url"] = callback_url
    first["completion_window"] = COMPLETION_WINDOW
    if provider:
        first["provider"] = provider
    head = orjson.dumps(first)[:-1] + b',"requests":['
    return head + b",".join(_request(custom_id, body) for custom_id, body in requests) + b"]}"


def size_of(custom_id: str, body: bytes) -> int:
    """The bytes that a request adds to a submission."""
    return len(_request(custom_id, body)) + 1


def _request(custom_id: str, body: bytes) -> bytes:
    return b'{"custom_id":' + orjson.dumps(custom_id) + b',"body":' + body + b"}"


def refusal(endpoint: str, body: Mapping[str, Any]) -> str | None:
    """Why the Batch API can't take a request, as the end of a sentence; None if it can.

    OpenRouter fails a whole batch for one such request. Whether the model accepts images at all is
    left to OpenRouter.

    Args:
        endpoint: One of the values of ENDPOINTS.
        body: The request's body.
    """
    if endpoint == _EMBEDDINGS:
        return _embedding_refusal(body)
    if body.get("stream"):
        return "stream: a batch can't stream; leave it out"
    for name in sorted(_OF_ANSWERS & body.keys()):
        if body[name]:
            return f"{name}: the Batch API doesn't accept it"
    if body.get("modalities") not in (None, ["text"]):
        return f"modalities={body['modalities']!r}: a batch returns only text"
    model = body.get("model")
    if isinstance(model, str) and (model.startswith("@") or _is_dynamic(model)):
        return f"model={model!r}: the Batch API accepts neither presets nor variants"
    for name, field in (("plugins", "id"), ("tools", "type")):
        for one in body.get(name) or ():
            if isinstance(one, dict) and one.get(field) in _SEARCHES:
                return f"{name}: the Batch API doesn't offer OpenRouter's web search"
    return _content_refusal(body.get("messages")) or _content_refusal(body.get("input"))


def _is_dynamic(model: str) -> bool:
    return ":" in model and not model_names.DYNAMIC.isdisjoint(model.split(":")[1:])


def _embedding_refusal(body: Mapping[str, Any]) -> str | None:
    for name in _OF_EMBEDDINGS:
        if body.get(name):
            return f"{name}: the Batch API doesn't accept it for embeddings"
    given = body.get("input")
    if isinstance(given, list) and any(isinstance(item, dict) for item in given):
        return "input: the Batch API embeds only texts and tokens"
    return None


def _content_refusal(given: Any) -> str | None:
    """Why one of the messages, items or parts can't be in a batch; None if all can."""
    if not isinstance(given, list):
        return None
    for item in given:
        if not isinstance(item, dict):
            continue
        found = _part_refusal(item) if "type" in item else None
        for inner in ("content", "output"):
            content = item.get(inner)
            if found is None and isinstance(content, list):
                found = _content_refusal(content)
        if found is not None:
            return found
    return None


def _part_refusal(part: Mapping[str, Any]) -> str | None:
    kind = part["type"]
    if kind in _SPOKEN:
        return f"{kind}: the Batch API accepts neither audio nor video"
    address = _address(kind, part)
    if address is None or (isinstance(address, str) and address.startswith(_WEB)):
        return None
    return f"{kind}: the Batch API accepts images and files only by a public http(s) address"


def _address(kind: Any, part: Mapping[str, Any]) -> Any:
    """The address, the data or whatever else an image or a file has; None for another part."""
    if kind in {"image_url", "input_image"}:
        image = part.get("image_url")
        found = image.get("url") if isinstance(image, dict) else image
    elif kind in {"file", "input_file"}:
        file = part.get("file") if isinstance(part.get("file"), dict) else part
        assert isinstance(file, dict)  # noqa: S101 - both are
        found = file.get("file_url") or file.get("file_data")
    elif kind in {"image", "document"} and isinstance(part.get("source"), dict):
        source = part["source"]
        if source.get("type") in {"text", "content"}:
            return None
        found = source.get("url")
    else:
        return None
    return found or ""


def parse(content: bytes, headers: Mapping[str, str] | None = None, model: str = "") -> Batch:
    """The batch in an answer of OpenRouter.

    Args:
        content: The answer's bytes.
        headers: Its headers.
        model: The model asked for, for exceptions.

    Raises:
        litellm.ServiceUnavailableError: it is not a batch, or it was cut.
        One of LiteLLM's exceptions, by the code of the error in it.
    """
    body = errors.read_json(content, headers, model)
    # A failed batch has an error, and is an answer nevertheless.
    if not isinstance(body, dict) or body.get("object") != "batch":
        body = errors.raise_for_body(body, headers, model)
    with errors.for_malformed(content, headers, model):
        return _batch(body)


def parse_page(content: bytes, headers: Mapping[str, str] | None = None) -> Page:
    """The page in an answer of OpenRouter.

    Raises:
        litellm.ServiceUnavailableError: it is not a list of batches, or it was cut.
        One of LiteLLM's exceptions, by the code of the error in it.
    """
    body = errors.read_body(content, headers)
    with errors.for_malformed(content, headers):
        return Page([_batch(row) for row in body["data"]], body["has_more"], body.get("last_id"))


def withheld_bill(failure: BaseException | None) -> Bill | None:
    """The bill of a batch whose results OpenRouter withholds until credits are added.

    Args:
        failure: The exception of its retrieval.
    """
    facts = getattr(failure, "openrouter", None) or {}
    bill = read_bill(facts) if facts.get("usage") else None
    return None if bill is None or bill.cost is None else bill


def _batch(body: dict[str, Any]) -> Batch:
    counts, error = body["request_counts"], body.get("error")
    bill = read_bill(body)
    if bill.cost is None and body["status"] in TERMINAL and not counts["completed"]:
        # Without a bill, a batch in which no request was answered cost nothing.
        bill = replace(bill, cost=Decimal(0))
    return Batch(
        id=body["id"],
        endpoint=body["endpoint"],
        model=body["model"],
        provider=body.get("provider"),
        status=body["status"],
        created_at=body["created_at"],
        expires_at=body.get("expires_at"),
        finalized_at=body.get("finalized_at"),
        total=counts["total"],
        completed=counts["completed"],
        failed=counts["failed"],
        error=None if error is None else str(error["message"]),
        bill=bill,
        results=None if body.get("results") is None else list(body["results"]),
    )


def _read_result(result: Mapping[str, Any], model: str) -> Result:
    custom_id, response = str(result.get("custom_id")), result.get("response")
    status: Any = None
    body: Any = None
    if isinstance(response, dict):
        status, body = response.get("status_code"), response.get("body")
        if isinstance(body, str):
            # Some providers answer with the text of their error.
            body = _loaded(body)
    is_answer = isinstance(body, dict) and not body.get("error")
    failure: Exception | None = None
    if not is_answer or (isinstance(status, int) and status >= 400):
        failure = _failure(result.get("error"), status, body, model)
        body = None
    found = status if isinstance(status, int) else None
    return Result(custom_id, result.get("id"), found, body, failure)


def _loaded(text: str) -> Any:
    try:
        return errors.loads(text.encode())
    except ValueError:
        return text


def _failure(error: Any, status: Any, body: Any, model: str) -> Exception:
    known = status if isinstance(status, int) and status >= 400 else None
    if isinstance(body, dict) and body.get("error"):
        return errors.from_body(body, None, model, known)
    words = body if isinstance(body, str) and body else "the request of a batch has no answer"
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        words = body["message"]
    said = error or {"message": words, "code": known or 502}
    return errors.from_body({"error": said}, None, model, known)
