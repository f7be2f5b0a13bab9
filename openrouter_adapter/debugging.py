"""A line for each request, at DEBUG of the logger `openrouter_adapter`: never a key or a prompt.

    POST https://openrouter.ai/api/v1/chat/completions model=openai/gpt-4o-mini status=200
    generation=gen-… cost_usd=0.0000123 ms=812 sent_bytes=231 received_bytes=1042

The same facts are in the record's attribute `openrouter`, a dict. While the level is off, nothing
is formatted or measured.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.wire import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from openrouter_adapter.wire.usage import Bill

    _Handler = logging.StreamHandler[Any]
else:
    _Handler = logging.StreamHandler  # Python 3.10 has no subscript for it.

VARIABLE: Final = "OPENROUTER_DEBUG"
"""Set to true, 1, yes or on, it turns the lines on when this package is imported."""

logger = logging.getLogger("openrouter_adapter")

_ON: Final = frozenset({"true", "1", "yes", "on"})
_MOST_CHARACTERS: Final = 256


def enable() -> None:
    """Turns the lines on; they go to standard error if the program has set up no logging."""
    logger.setLevel(logging.DEBUG)
    if not any(isinstance(one, _LastResort) for one in logger.handlers):
        logger.addHandler(_LastResort())


def disable() -> None:
    """Turns the lines off again."""
    logger.setLevel(logging.NOTSET)
    for handler in [one for one in logger.handlers if isinstance(one, _LastResort)]:
        logger.removeHandler(handler)


def is_on() -> bool:
    """Whether the lines are on. Takes 0.1 µs."""
    return logger.isEnabledFor(logging.DEBUG)


def tell(method: str, url: str, **facts: Any) -> None:
    """Logs one request.

    Args:
        method: The HTTP method.
        url: The address; credentials and query in it are left out.
        **facts: `model`, `status`, `generation`, `cost_usd`, `error`, `ms`, `sent_bytes`,
            `received_bytes`; those that are None are left out.
    """
    told = {"method": method, "url": connection.shown(url), **facts}
    told = {name: _fact(value) for name, value in told.items() if value is not None}
    words = [f"{name}={value}" for name, value in told.items() if name not in {"method", "url"}]
    logger.debug("%s %s %s", method, told["url"], " ".join(words), extra={"openrouter": told})


@dataclass(slots=True)
class Request:
    """A request in flight, as `Watch` knows it."""

    url: str
    model: Any
    sent_bytes: int | None
    inner: Any
    inner_ticket: object | None
    status: int | None = None
    headers: Mapping[str, str] | None = None
    started: float = field(default_factory=time.monotonic)


class Watch:
    """A gate of admission.py that logs each request, around another gate or none."""

    def __init__(self, inner: Callable[[], Any]) -> None:
        """Takes a function that returns the installed gate."""
        self._inner = inner

    def before_send(
        self, body: Mapping[str, Any], call: Mapping[str, Any], endpoint: str
    ) -> Request:
        """A ticket; what the other gate raises is logged and raised again."""
        inner = self._inner()
        url, model = connection.endpoint_url(call.get("api_base"), endpoint), body.get("model")
        try:
            ticket = None if inner is None else inner.before_send(body, call, endpoint)
        except Exception as refusal:
            tell("POST", url, model=model, error=type(refusal).__name__, sent_bytes=0)
            raise
        return Request(url, model, size(body), inner, ticket)

    def seen(self, ticket: Request, status: int, headers: Mapping[str, str]) -> None:
        """Notes a response's headers."""
        ticket.status, ticket.headers = status, headers
        if ticket.inner_ticket is not None:
            ticket.inner.seen(ticket.inner_ticket, status, headers)

    def after(self, ticket: Request, bill: Bill | None, failure: BaseException | None) -> None:
        """Logs a request that has ended, with its failure if it failed."""
        if ticket.inner_ticket is not None:
            ticket.inner.after(ticket.inner_ticket, bill, failure)
        headers = ticket.headers or {}
        tell(
            "POST",
            ticket.url,
            model=ticket.model,
            status=ticket.status or getattr(failure, "status_code", None),
            generation=(bill and bill.generation_id) or headers.get("x-generation-id"),
            cost_usd=cost(bill),
            error=None if failure is None else type(failure).__name__,
            ms=milliseconds(ticket.started),
            sent_bytes=ticket.sent_bytes,
            received_bytes=length(headers),
        )

    def job_ended(self, job_id: str, bill: Bill, failure: str | None) -> bool | None:
        """Passes the end of a job on; the request that started it has its line already."""
        inner = self._inner()
        found: bool | None = None if inner is None else inner.job_ended(job_id, bill, failure)
        return found


def cost(bill: Bill | None) -> str:
    """Cost by a bill, USD as plain decimal text, or `unknown`."""
    return "unknown" if bill is None or bill.cost is None else f"{bill.cost:f}"


def milliseconds(started: float) -> int:
    """Milliseconds since a time of `time.monotonic()`."""
    return round((time.monotonic() - started) * 1000)


def length(headers: Mapping[str, str]) -> int | None:
    """Bytes of a response by its headers; None for a stream."""
    found = headers.get("content-length") or ""
    return int(found) if found.isdecimal() else None


class _LastResort(_Handler):
    """Standard error, for programs that have set up no logging."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))

    def filter(self, record: logging.LogRecord) -> Any:
        return False if logging.getLogger().handlers else super().filter(record)


def _fact(value: Any) -> Any:
    if isinstance(value, int):
        return value
    text = str(value)[:_MOST_CHARACTERS]
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def size(body: Mapping[str, Any]) -> int | None:
    """Bytes of a body as JSON; a file in a form counts as nothing."""
    try:
        return len(orjson.dumps(body, default=lambda _: None))
    except (TypeError, ValueError):
        return None


if os.environ.get(VARIABLE, "").strip().lower() in _ON:
    enable()
