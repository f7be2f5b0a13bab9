"""What the Batch API takes: checks of a submission, and of each request after it was accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import routing
from .bodies import check, check_chat, check_embedding, check_object, expected, invalid_option
from .errors import ApiError, invalid_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .catalog import Endpoint, Model
    from .inference import Form

MOST_REQUESTS = 5_000
MOST_BYTES = 200_000_000
ENDPOINTS = ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings")
# The API reads the body as a stream, and must know these before the first request.
_FIRST = ("endpoint", "model", "callback_url")
_PREFERENCES = ("only", "allow_fallbacks")
# Providers whose own batch API fetches the URLs of images and files.
_FETCHING = ("openai", "azure", "anthropic")
_WEB = ("http://", "https://")
_SPOKEN = ("input_audio", "video_url", "input_video")
_NOT_TEXT = ("modalities", "audio", "image_config")


def check_submission(body: Any, size: int) -> dict[str, Any]:
    """Check what OpenRouter checks before it accepts a batch.

    Args:
        body: The body, with its fields in the order in which they were sent.
        size: Its bytes.

    Raises:
        ApiError: 400, 413 or 422 that names the problem.
    """
    fields = check_object(body)
    if size > MOST_BYTES:
        raise ApiError(413, f"Request body too large: the limit is {MOST_BYTES} bytes")
    _check_order(list(fields))
    if fields["endpoint"] not in ENDPOINTS:
        raise invalid_option("endpoint", ENDPOINTS)
    check("model", fields["model"], str)
    if fields.get("completion_window") not in (None, "24h"):
        raise invalid_option("completion_window", ("24h",))
    called = fields.get("callback_url")
    if called is not None and not (isinstance(called, str) and called.startswith("https://")):
        raise invalid_body("callback_url: Invalid URL: expected https")
    _check_preferences(fields.get("provider"))
    _check_requests(fields["requests"], fields["model"])
    return fields


def _check_order(names: list[str]) -> None:
    if "requests" not in names:
        raise invalid_body(expected("requests", "array", None))
    before = names[: names.index("requests")]
    for name in _FIRST:
        is_missing = name not in names and name != "callback_url"
        if is_missing or (name in names and name not in before):
            raise invalid_body(f'"{name}" must appear before "requests" in the request body')


def _check_preferences(wishes: Any) -> None:
    check("provider", wishes, {"only": [str], "allow_fallbacks": bool})
    for name in wishes or ():
        if name not in _PREFERENCES:
            raise invalid_body(
                f"provider.{name}: Only provider.only and provider.allow_fallbacks are supported"
            )


def _check_requests(requests: Any, model: str) -> None:
    check("requests", requests, [{"custom_id": str, "body": dict}])
    if not requests:
        raise invalid_body("requests: Too small: expected array to have >=1 items")
    if len(requests) > MOST_REQUESTS:
        raise invalid_body(f"requests: Too big: expected array to have <={MOST_REQUESTS} items")
    seen: set[str] = set()
    for place, request in enumerate(requests):
        custom_id, body = request.get("custom_id"), request.get("body")
        if not custom_id or body is None:
            name, kind = ("body", "object") if custom_id else ("custom_id", "string")
            raise invalid_body(expected(f"requests.{place}.{name}", kind, request.get(name)))
        if custom_id in seen:
            raise ApiError(422, f"Duplicate custom_id: {custom_id}")
        seen.add(custom_id)
        if body.get("model", model) != model:
            raise invalid_body(f"requests.{place}.body.model: must match the batch model '{model}'")


def problem(
    requests: list[dict[str, Any]], form: Form | None, model: Model, endpoint: Endpoint
) -> str | None:
    """Return why OpenRouter fails an accepted batch, None if nothing is wrong with it.

    One invalid request fails all of them.

    Args:
        requests: The requests.
        form: The form of a conversation; None for embeddings.
        model: The batch's model.
        endpoint: The provider's endpoint that will run it.
    """
    for request in requests:
        body = {**request["body"], "model": model.id}
        try:
            found = _refusal(body, form, model, endpoint)
        except ApiError as refusal:
            found = refusal.message
        if found is not None:
            return f"Request '{request['custom_id']}': {found}"
    if model.author == "google":
        formats = [request["body"].get("response_format") for request in requests]
        if any(one != formats[0] for one in formats):
            return "All requests of a batch for a Google model must have the same response_format"
    return None


def _refusal(
    body: dict[str, Any], form: Form | None, model: Model, endpoint: Endpoint
) -> str | None:
    if form is None:
        check_embedding(body)
        return _embedding_refusal(body)
    if body.get("stream"):
        return "stream is not supported in a batch"
    for name in _NOT_TEXT:
        if body.get(name) not in (None, ["text"]):
            return f"{name} is not supported in a batch"
    for part in _parts(body.get("messages") or body.get("input")):
        found = _part_refusal(part, model, endpoint)
        if found is not None:
            return found
    asked = form.chat_body(body)
    check_chat(asked)
    limit = routing.output_limit(asked)
    if limit is not None and limit > endpoint.context_length:
        return f"max_tokens: Too big: expected <={endpoint.context_length}"
    return None


def _embedding_refusal(body: dict[str, Any]) -> str | None:
    for name in ("input_type", "provider"):
        if body.get(name) is not None:
            return f"{name} is not supported in a batch"
    given = body["input"]
    if isinstance(given, list) and any(isinstance(item, dict) for item in given):
        return "multimodal input is not supported in a batch"
    return None


def _parts(given: Any) -> Iterator[dict[str, Any]]:
    """Yield the typed parts of messages, of input items, and of what they contain."""
    for item in given if isinstance(given, list) else ():
        if isinstance(item, dict):
            yield item
            for inner in ("content", "output"):
                yield from _parts(item.get(inner))


def _part_refusal(part: dict[str, Any], model: Model, endpoint: Endpoint) -> str | None:
    kind = part.get("type")
    if kind in _SPOKEN:
        return f"{kind} content is not supported in a batch"
    address = _address(part)
    if address is None:
        return None
    is_image = kind in {"image_url", "input_image", "image"}
    what = "image" if is_image else "file"
    if not address.startswith(_WEB):
        return f"{what} content must be a public http(s) URL in a batch"
    if what not in model.input or endpoint.slug not in _FETCHING:
        return f"{what} URLs are not supported by {model.id} on {endpoint.provider} in a batch"
    return None


def _address(part: dict[str, Any]) -> str | None:
    """Return the URL or the data of an image or a file; None for another part."""
    kind = part.get("type")
    if kind == "image_url":
        image = part.get("image_url")
        return str(image.get("url") if isinstance(image, dict) else image)
    if kind == "input_image":
        return str(part.get("image_url"))
    if kind in {"file", "input_file"}:
        file = part.get("file", part)
        return str(file.get("file_url") or file.get("file_data"))
    if kind in {"image", "document"}:
        source = part.get("source") or {}
        return None if source.get("type") == "text" else str(source.get("url"))
    return None
