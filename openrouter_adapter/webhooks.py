"""Webhooks for your own server: is a callback from OpenRouter, and what does it report?

OpenRouter calls the `callback_url` of a video or of a batch when the job has ended:

>>> from openrouter_adapter import webhooks
>>> event = webhooks.read(body, headers, secret)
>>> event.type, event.id, event.cost
('video.generation.completed', 'abc123', Decimal('0.5'))

Follows https://openrouter.ai/docs/guides/overview/multimodal/video-generation#webhooks.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from openrouter_adapter import money

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

__all__ = ["Event", "WebhookError", "read"]

SIGNATURE_HEADER: Final = "X-OpenRouter-Signature"
MOST_SECONDS: Final = 300
"""Greatest age of a signature, in seconds. An older one is refused: someone may have kept it."""

_JOBS: Final[Mapping[str, Literal["video", "batch"]]] = {
    "video.generation": "video",
    "batch": "batch",
}


class WebhookError(Exception):
    """A callback that is not OpenRouter's, or can't be read. The message has no secret.

    Attributes:
        status: The HTTP status to answer with: 401 if the signature is missing, too old or wrong,
            400 if the signed body is not an event.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Event:
    """The end of a job.

    Attributes:
        type: `video.generation.completed`, `….failed`, `….cancelled`, `….expired`, or
            `batch.completed`, …. OpenRouter may add others; answer those with success, too.
        job: What has ended, by the type: `video` or `batch`; None for a type that is not known.
        id: The job's id.
        status: The job's status: `completed`, `failed`, `cancelled` or `expired`.
        idempotency_key: The same for every delivery of an event, in the form of
            `X-OpenRouter-Idempotency-Key`. It is made from the signed body; the header is not
            signed, and anyone who sends a callback again could change it.
        created_at: Time of the event; None if it has none.
        cost: The job's cost in USD; None if it is not reported.
        error: Why the job failed; None if it did not.
        data: The job as OpenRouter's API returns it. Its `urls` are secrets until they expire.
    """

    type: str
    job: Literal["video", "batch"] | None
    id: str
    status: str
    idempotency_key: str
    created_at: datetime | None = None
    cost: Decimal | None = None
    error: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read(body: bytes, headers: Mapping[str, str], secret: str) -> Event:
    """The event of a callback whose signature is OpenRouter's.

    Args:
        body: The raw body, exactly as it arrived: Flask's `request.get_data()`, Starlette's and
            FastAPI's `await request.body()`, Django's `request.body`.
        headers: The request's headers, in any spelling.
        secret: The signing secret, from the settings of the workspace.

    Raises:
        WebhookError: the signature is missing or invalid, its time is more than five minutes away
            from now, or the body is not an event. `status` is what to answer.
        TypeError: the body is not bytes.
        ValueError: the secret is empty; anybody could make a signature with it.
    """
    if not isinstance(body, bytes):
        raise TypeError(
            f"body is a {type(body).__name__}: give the raw bytes, because JSON that was parsed "
            "and written again may have another signature"
        )
    if not secret:
        raise ValueError("the secret is empty: give the signing secret of the workspace")
    _verify(body, _header(headers, SIGNATURE_HEADER), secret)
    return _event(body)


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)


def _verify(body: bytes, given: str | None, secret: str) -> None:
    if not given:
        raise WebhookError(
            401,
            f"the header {SIGNATURE_HEADER} is missing: OpenRouter sends it once the workspace has "
            "a signing secret",
        )
    parts = [part.strip().partition("=") for part in given.split(",")]
    moments = [value for name, _, value in parts if name == "t"]
    # There are two while a secret is replaced by another.
    signatures = [value for name, _, value in parts if name == "v1"]
    if len(moments) != 1 or not signatures or not _is_number(moments[0]):
        raise WebhookError(401, f"{SIGNATURE_HEADER} must have the form t=<seconds>,v1=<hex>")
    signed = f"{moments[0]},".encode() + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    # All are compared, and each in constant time: how long it takes reveals nothing.
    matches = [hmac.compare_digest(expected.encode(), one.lower().encode()) for one in signatures]
    if not any(matches):
        raise WebhookError(
            401,
            f"{SIGNATURE_HEADER} does not match: the secret is wrong, or the body was changed",
        )
    age = time.time() - int(moments[0])
    if abs(age) > MOST_SECONDS:
        when = f"{age:,.0f} s old" if age > 0 else f"{-age:,.0f} s in the future"
        raise WebhookError(
            401,
            f"{SIGNATURE_HEADER} is {when}, but valid for only {MOST_SECONDS} s: the request was "
            "recorded and sent again, or this machine's clock is wrong",
        )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _event(body: bytes) -> Event:
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        raise WebhookError(400, "the body is not JSON") from None
    kind = envelope.get("type") if isinstance(envelope, dict) else None
    data = envelope.get("data") if isinstance(envelope, dict) else None
    job_id = data.get("id") if isinstance(data, dict) else None
    if not isinstance(kind, str) or not isinstance(data, dict) or not isinstance(job_id, str):
        raise WebhookError(400, "the body is not an event: it has no type, or no data with an id")
    family, _, ending = kind.rpartition(".")
    status = data.get("status")
    if not isinstance(status, str):
        status = ending
    usage = data.get("usage")
    return Event(
        type=kind,
        job=_JOBS.get(family),
        id=job_id,
        status=status,
        idempotency_key=f"{job_id}-{status}",
        created_at=_moment(envelope.get("created_at")),
        cost=money.decimal(usage.get("cost")) if isinstance(usage, dict) else None,
        error=_error(data.get("error")),
        data=data,
    )


def _moment(given: Any) -> datetime | None:
    if not isinstance(given, str):
        return None
    try:
        return datetime.fromisoformat(given.replace("Z", "+00:00"))
    except ValueError:
        return None


def _error(given: Any) -> str | None:
    """A video's error is a text, a batch's an object with a message."""
    message = given.get("message") if isinstance(given, dict) else given
    return message if isinstance(message, str) else None
