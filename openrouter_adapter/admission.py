"""The hook around every request: may it be sent, and what did it cost.

Does nothing by itself. The ledger installs its gate with `guard`. handlers.py begins an `Attempt`
for each request and makes it the current one of its thread or task; the endpoints ask the gate
about the finished body with `before_send`. Each attempt is finished exactly once: by the response,
a failure, the end of a stream, or a caller who leaves a stream.
"""

from __future__ import annotations

import contextlib
import contextvars
import weakref
from typing import TYPE_CHECKING, Any, Final, Protocol

from openrouter_adapter import debugging
from openrouter_adapter.wire import connection, errors, model_names
from openrouter_adapter.wire.usage import read_bill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from openrouter_adapter.wire.usage import Bill

# The parameters of LiteLLM's call that a gate gets.
CALL_FIELDS: Final = (
    "api_base",
    "api_key",
    "litellm_call_id",
    "litellm_metadata",
    "litellm_session_id",
    "metadata",
    "tags",
    "user",
)

CHAT: Final = "/chat/completions"

SESSION_HEADER: Final = "x-session-id"
_LONGEST_SESSION: Final = 256


class NotSentError(Exception):
    """The caller left before the request went out: nothing was sent, and nothing is charged."""


class Gate(Protocol):
    """What `guard` installs. Called from any thread."""

    def before_send(
        self, body: Mapping[str, Any], call: Mapping[str, Any], endpoint: str
    ) -> object | None:
        """Returns a ticket for the request, or raises to keep it from being sent.

        Args:
            body: The request's body.
            call: LiteLLM's parameters of the call, those in CALL_FIELDS, as LiteLLM's callbacks
                get them; None for those it does not have.
            endpoint: The path of the URL: `/chat/completions`, ….
        """

    def seen(self, ticket: object, status: int, headers: Mapping[str, str]) -> None:
        """Takes a response's headers, maybe with `X-Generation-Id`, before the body is read."""

    def after(self, ticket: object, bill: Bill | None, failure: BaseException | None) -> None:
        """Takes the end of a request. If `bill` or its cost is None, the cost is not known."""

    def job_ended(self, job_id: str, bill: Bill, failure: str | None) -> bool | None:
        """Takes the end of a job that a request started, maybe in another process.

        Returns:
            Whether this is the first report of it; None if the gate knows no such job.
        """


_gate: Gate | None = None


def guard(gate: Gate | None) -> None:
    """Installs the gate that all requests of this process pass; None removes it."""
    global _gate
    _gate = gate


# Stands in for the gate while debugging.py is on, and asks the gate itself.
_watch_gate: Final[Any] = debugging.Watch(lambda: _gate)


def _installed() -> Gate | None:
    return _watch_gate if debugging.is_on() else _gate


def is_guarded() -> bool:
    """Whether a gate is installed; the debug log's gate counts, too."""
    return _installed() is not None


class Attempt:
    """One request to OpenRouter: whose call it belongs to, and the gate's ticket for it.

    `with attempt:` makes it the current attempt of the thread or task for the length of the
    block, and finishes it if the block fails. LiteLLM prepares some requests in one thread and
    sends them from another, so there may be two such blocks, one after the other or one inside
    the other.

    Attributes:
        parameters: LiteLLM's parameters of the call; empty if there is no call.
        is_admitted: Whether `admit` was called.
        headers: Headers that are added to the request's own when it is sent.
    """

    __slots__ = (
        "_api_key",
        "_is_over",
        "_log",
        "_tickets",
        "_tokens",
        "headers",
        "is_admitted",
        "parameters",
    )

    def __init__(
        self,
        parameters: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        logging_obj: Any = None,
    ) -> None:
        """Takes what LiteLLM knows of the call.

        Args:
            parameters: LiteLLM's parameters of the call.
            api_key: The call's key, if it is not among them.
            logging_obj: LiteLLM's logging object, which has the call's id, and the parameters as
                LiteLLM's callbacks get them.
        """
        self.parameters = parameters or {}
        self._api_key = api_key
        # A weak reference: the object later holds the coroutine that sends the request. handlers.py
        # waits for the end of that coroutine, and a strong reference would keep it alive.
        self._log = None if logging_obj is None else weakref.ref(logging_obj)
        # The ticket with the gate that gave it: gates come and go while requests are in flight.
        # Empty before there is one and after it was taken: `pop` gives it to one taker only.
        self._tickets: list[tuple[Gate, Any]] = []
        self._is_over = False
        self.is_admitted = False
        # One for each `with` block that is open.
        self._tokens: list[contextvars.Token[Attempt | None]] = []
        self.headers: dict[str, str] = {}

    @property
    def has_ticket(self) -> bool:
        """Whether a gate waits for the end of the request."""
        return bool(self._tickets)

    def admit(self, body: Mapping[str, Any], endpoint: str) -> None:
        """Asks the gate about the finished body.

        Raises:
            Whatever the gate raises; nothing was sent then.
        """
        self.is_admitted = True
        log = self._log and self._log()
        details = getattr(log, "model_call_details", None) or {}
        # Some endpoints have a `metadata` of their own among their parameters.
        logged = details.get("litellm_params") or {}
        if not body.get("session_id"):
            self._name_session(logged)
        gate = _installed()
        if gate is None:
            return
        call = self._call(logged)
        call["litellm_call_id"] = getattr(log, "litellm_call_id", None) or call["litellm_call_id"]
        call["user"] = call["user"] or details.get("user")
        ticket = gate.before_send(body, call, endpoint)
        if ticket is not None:
            self._tickets.append((gate, ticket))
            if self._is_over:
                # The caller left while a thread was asking the gate.
                self.finish(None, NotSentError())

    def seen(self, status: int, headers: Mapping[str, str]) -> None:
        """Passes a response's headers to the gate: if the process dies now, the id is known."""
        if self._tickets:
            gate, ticket = self._tickets[-1]
            gate.seen(ticket, status, headers)

    def finish(self, bill: Bill | None, failure: BaseException | None = None) -> None:
        """Gives the ticket back to its gate with what the request cost, the first time only."""
        if not self._tickets:
            self._is_over = True
            # Once more: a thread may have put one there just before.
            if not self._tickets:
                return
        try:
            gate, ticket = self._tickets.pop()
        except IndexError:
            return
        gate.after(ticket, bill, failure)

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Finishes the attempt if the block fails; it does not become the current one."""
        try:
            yield
        except BaseException as failure:
            self.finish(_bill_of(failure), failure)
            raise

    def __enter__(self) -> None:
        self._tokens.append(_current.set(self))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if failure is not None:
            self.finish(_bill_of(failure), failure)
        token = self._tokens.pop()
        if failure is None:
            _current.reset(token)
            return
        # A coroutine that the garbage collector closes ends in a context that is not its own.
        with contextlib.suppress(ValueError):
            _current.reset(token)

    def _name_session(self, logged: Mapping[str, Any]) -> None:
        """Sends LiteLLM's session id in a header, as the session of the request.

        In the body it would be part of the key of OpenRouter's response cache.
        """
        session = _session_in(logged) or _session_in(self.parameters)
        if isinstance(session, str) and 0 < len(session) <= _LONGEST_SESSION:
            with contextlib.suppress(ValueError):
                self.headers[SESSION_HEADER] = connection.header_value(SESSION_HEADER, session)

    def _call(self, logged: Mapping[str, Any]) -> dict[str, Any]:
        """The call's parameters for the gate: as LiteLLM logs them, else as the call has them."""
        found, own = logged.get, self.parameters.get
        call = {name: found(name) or own(name) for name in CALL_FIELDS}
        call["api_key"] = self._api_key or own("api_key")
        return call


def _session_in(parameters: Mapping[str, Any]) -> Any:
    if session := parameters.get("litellm_session_id"):
        return session
    for name in ("metadata", "litellm_metadata"):
        metadata = parameters.get(name)
        if metadata and isinstance(metadata, dict) and (session := metadata.get("session_id")):
            return session
    return None


# The only way in which an attempt is passed on. LiteLLM's threads run in copies of their caller's
# context, which hold the same object.
_current: Final[contextvars.ContextVar[Attempt | None]] = contextvars.ContextVar(
    "openrouter_adapter_attempt", default=None
)


def current() -> Attempt:
    """The attempt of this thread or task; a new one without a ticket if it has none."""
    return _current.get() or Attempt()


sending: Final[Callable[[], Attempt | None]] = _current.get
"""The attempt of this thread or task; None if it has none."""


def before_send(body: Mapping[str, Any], endpoint: str = CHAT) -> None:
    """Asks the gate about the body of the current attempt.

    Raises:
        litellm.BadRequestError: the body names a model that only OpenRouter's Batch API takes, or
            there is a gate, and no attempt that could be finished.
        Whatever the gate raises. Nothing was sent in either case.
    """
    refusal = model_names.batch_only_in(body)
    if refusal is not None:
        raise errors.bad_request(refusal, str(body.get("model")))
    attempt = _current.get()
    if attempt is not None:
        attempt.admit(body, endpoint)
    elif _gate is not None:
        raise errors.bad_request(
            f"a request to {endpoint} was prepared outside of LiteLLM's calls, so no ledger can "
            "tell what became of it: send it through litellm, or disable the ledger",
            str(body.get("model")),
        )


def job_ended(job_id: str, bill: Bill, failure: str | None = None) -> bool | None:
    """Tells the gate how a job ended, whenever the request that started it was sent.

    Args:
        job_id: The generation id of the request's bill.
        bill: What the job cost.
        failure: How it failed; None if it did not.

    Returns:
        Whether this is the first report of it; None if no gate knows of the job.
    """
    gate = _installed()
    return None if gate is None else gate.job_ended(job_id, bill, failure)


class finishing:  # noqa: N801 - a context manager, made by calling it
    """Finishes the current attempt when the block ends, however it ends.

    Returns a function that takes the bill. If the block raises an exception with OpenRouter's
    facts (errors.py), they have the cost: a failed request may have been charged.
    A class, because a generator would take 2 µs more of each call.
    """

    __slots__ = ("_attempt", "_bill")

    def __init__(self) -> None:
        self._attempt = current()
        self._bill: Bill | None = None

    def __enter__(self) -> Callable[[Bill], None]:
        return self._take

    def _take(self, bill: Bill) -> None:
        self._bill = bill

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        bill = self._bill if failure is None else _bill_of(failure)
        self._attempt.finish(bill, failure)


def _bill_of(failure: BaseException) -> Bill | None:
    facts = getattr(failure, "openrouter", None)
    return read_bill(facts) if facts else None
