"""The one hook around every send: may this request go out, and what did it cost.

Does nothing by itself. The ledger installs its gate with `guard`; every endpoint calls
`before_send` with the finished body, and whatever becomes of the request settles its ticket
exactly once: the answer, a failure, a stream's end, or a stream that was left.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from openrouter_adapter import debugging
from openrouter_adapter.usage import read_bill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from openrouter_adapter.usage import Bill

# Where an attempt's ticket travels among its parameters. A name that began with `openrouter_`
# would be an option, and be sent.
TICKET: Final = "_openrouter_adapter_ticket"

# What a gate is told of LiteLLM's parameters of a call.
_TOLD: Final = ("api_base", "api_key", "litellm_call_id", "litellm_metadata", "metadata", "tags")
# A chat's `extra_body`: LiteLLM writes it into the body when the gate has been asked.
EXTRA_BODY: Final = "_openrouter_adapter_extra_body"

CHAT: Final = "/chat/completions"


class Call(Mapping[str, Any]):
    """What a gate is told of LiteLLM's parameters of a call, with the attempt's ticket.

    One object for all copies that LiteLLM makes of a carrier, and no dict: what LiteLLM logs of
    its parameters must not show a key that lies deeper in them.
    """

    __slots__ = ("_api_key", "_call_id", "_parameters", "is_over", "tickets")

    def __init__(
        self, parameters: Mapping[str, Any], api_key: str | None = None, logging_obj: Any = None
    ) -> None:
        self._parameters = parameters
        self._api_key = api_key
        self._call_id = getattr(logging_obj, "litellm_call_id", None)
        # Each with the gate that gave it: gates come and go while requests are in the air.
        self.tickets: list[tuple[Gate, Any]] = []
        # Whether the caller left before there was a ticket.
        self.is_over = False

    def __getitem__(self, name: str) -> Any:
        if name not in _TOLD:
            raise KeyError(name)
        if name == "litellm_call_id" and self._call_id is not None:
            return self._call_id
        if name == "api_key" and self._api_key:
            return self._api_key
        return self._parameters.get(name)

    def get(self, name: str, default: Any = None) -> Any:
        """As a dict has it; None counts as absent."""
        found = self[name] if name in _TOLD else None
        return default if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter(_TOLD)

    def __len__(self) -> int:
        return len(_TOLD)


class NotSentError(Exception):
    """The caller left before the request went out: nothing was sent, and nothing is charged."""


class Gate(Protocol):
    """What `guard` installs. Called from any thread."""

    def before_send(
        self, body: Mapping[str, Any], call: Mapping[str, Any], endpoint: str
    ) -> object | None:
        """Returns a ticket for the request, or raises to keep it from being sent.

        Args:
            body: What would be sent.
            call: Of LiteLLM's parameters of the call `metadata`, `litellm_metadata`, `tags`,
                `litellm_call_id` and `api_key`.
            endpoint: Where to: `/chat/completions`, ….
        """

    def seen(self, ticket: object, status: int, headers: Mapping[str, str]) -> None:
        """Hears of an answer's headers, `X-Generation-Id` perhaps among them, before its body."""

    def after(self, ticket: object, bill: Bill | None, failure: BaseException | None) -> None:
        """Settles a ticket. Where `bill` or its cost is None, what was charged is not known."""


_gate: Gate | None = None


def guard(gate: Gate | None) -> None:
    """Installs the gate that all requests of this process pass; None takes it away."""
    global _gate
    _gate = gate


# Stands in for the gate while debugging.py is on, and asks the gate itself.
_watch_gate: Final[Any] = debugging.Watch(lambda: _gate)


def _installed() -> Gate | None:
    return _watch_gate if debugging.is_on() else _gate


def before_send(body: Mapping[str, Any], carrier: dict[str, Any], endpoint: str = CHAT) -> None:
    """Asks the gate about a body and leaves its ticket in `carrier`, the attempt's parameters.

    Raises:
        Whatever the gate raises; nothing has been sent then.
    """
    gate = _installed()
    if gate is not None:
        call = carrier.get(TICKET)
        if call is None:
            call = carrier[TICKET] = Call(carrier)
        ticket = gate.before_send(body, call, endpoint)
        if ticket is not None:
            call.tickets.append((gate, ticket))
            if call.is_over:
                after(carrier, None, NotSentError())


def seen(carrier: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> None:
    """Tells the gate of an answer's headers: a process that dies now has left its id behind."""
    call = carrier.get(TICKET)
    if call is not None and call.tickets:
        gate, ticket = call.tickets[-1]
        gate.seen(ticket, status, headers)


def after(carrier: dict[str, Any], bill: Bill | None, failure: BaseException | None = None) -> None:
    """Settles the attempt's ticket, if it has one that is not settled yet."""
    call = carrier.get(TICKET)
    if call is None:
        return
    if not call.tickets:
        # A thread may still be asking the gate for an attempt that was cancelled meanwhile.
        call.is_over = True
    with contextlib.suppress(IndexError):
        gate, ticket = call.tickets.pop()
        gate.after(ticket, bill, failure)


@contextlib.contextmanager
def settled(carrier: dict[str, Any]) -> Iterator[Callable[[Bill], None]]:
    """Settles the attempt's ticket when the block ends, however it ends.

    Gives a function to be called with the bill. An exception that carries OpenRouter's facts
    (errors.py) settles with the cost among them: a failed request may have been charged.
    """
    bills: list[Bill | None] = []
    failures: list[BaseException] = []
    try:
        yield bills.append
    except BaseException as failure:
        bills.append(_bill_of(failure))
        failures.append(failure)
        raise
    finally:
        after(carrier, bills[-1] if bills else None, failures[0] if failures else None)


@contextlib.contextmanager
def settled_on_failure(carrier: dict[str, Any]) -> Iterator[None]:
    """Settles the attempt's ticket if the block fails; what succeeds is settled by its answer."""
    token = _sending.set(carrier)
    try:
        yield
    except BaseException as failure:
        after(carrier, _bill_of(failure), failure)
        raise
    finally:
        _sending.reset(token)


def current() -> dict[str, Any]:
    """The carrier of the attempt that this thread or task sends; an empty one without a gate.

    For answers that LiteLLM hands over without the parameters of their call.
    """
    return _sending.get() or {}


def _bill_of(failure: BaseException) -> Bill | None:
    facts = getattr(failure, "openrouter", None)
    return read_bill(facts) if facts else None


class WatchedHandler:
    """LiteLLM's HTTP handler, with an eye on attempts that fail before there is an answer.

    LiteLLM tells a transformation class of such a failure without telling it of which request;
    here both are known. Other providers' calls pass through.
    """

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        """Everything else is LiteLLM's own."""
        return getattr(self._original, name)

    def completion(self, *arguments: Any, **call: Any) -> Any:
        """`/chat/completions`."""
        carrier = call.get("litellm_params")
        if carrier is not None and _installed() is not None:
            carrier[EXTRA_BODY] = (call.get("optional_params") or {}).get("extra_body")
        return _watch(self._original.completion, arguments, call, carrier)

    def embedding(self, *arguments: Any, **call: Any) -> Any:
        """`/embeddings`."""
        return _watch(self._original.embedding, arguments, call, call.get("optional_params"))

    def rerank(self, *arguments: Any, **call: Any) -> Any:
        """`/rerank`."""
        _choose_client(call, is_async=bool(call.get("_is_async")))
        return _watch(self._original.rerank, arguments, call, call.get("litellm_params"))

    def audio_transcriptions(self, *arguments: Any, **call: Any) -> Any:
        """`/audio/transcriptions`."""
        _choose_client(call, is_async=bool(call.get("atranscription")))
        send = self._original.audio_transcriptions
        return _watch(send, arguments, call, call.get("litellm_params"))

    def text_to_speech_handler(self, *arguments: Any, **call: Any) -> Any:
        """`/audio/speech`."""
        send = self._original.text_to_speech_handler
        return _watch(send, arguments, call, call.get("litellm_params"))


def _watch(send: Any, arguments: Any, call: Any, carrier: dict[str, Any] | None) -> Any:
    if carrier is None or call.get("custom_llm_provider") != "openrouter" or _installed() is None:
        return send(*arguments, **call)
    carry(carrier, call)
    is_async = bool(call.get("acompletion") or call.get("aembedding") or call.get("_is_async"))
    with settled_on_failure(carrier):
        if not is_async:
            listen(call.get("client"), call.get("litellm_params") or {}, is_async=False)
        answer = send(*arguments, **call)
    if not asyncio.iscoroutine(answer):
        return answer
    watched, attempt = _watch_async(answer, carrier, call), carrier[TICKET]
    _unsent[id(attempt)] = weakref.ref(watched, lambda _: _settle_unsent(attempt))
    return watched


# Asynchronous attempts that have not begun to send: LiteLLM prepares them in a thread, for a task
# that may be gone by then. `weakref.finalize` would take four times as long.
_unsent: Final[dict[int, weakref.ref[Any]]] = {}


def _settle_unsent(attempt: Call) -> None:
    if _unsent.pop(id(attempt), None) is not None:
        after({TICKET: attempt}, None, NotSentError())


def _choose_client(call: dict[str, Any], *, is_async: bool) -> None:
    """Names the client that `listen` means, where LiteLLM would take one of its own choice.

    It obeys the call's `ssl_verify`, as on the other endpoints.
    """
    from litellm.llms.custom_httpx import http_handler as handlers

    if call.get("client") is not None or call.get("custom_llm_provider") != "openrouter":
        return
    wanted = {"ssl_verify": (call.get("litellm_params") or {}).get("ssl_verify")}
    call["client"] = (
        handlers.get_async_httpx_client("openrouter", wanted)
        if is_async
        else handlers._get_httpx_client(wanted)
    )


def carry(carrier: dict[str, Any], call: Mapping[str, Any]) -> None:
    """Readies a carrier for an attempt: what its gate will be told of the call, and its ticket.

    Args:
        carrier: Parameters that LiteLLM hands to the transformation class, copied or not.
        call: What LiteLLM's HTTP handler was called with.
    """
    if _installed() is not None:
        parameters = call.get("litellm_params") or {}
        carrier[TICKET] = Call(parameters, call.get("api_key"), call.get("logging_obj"))


async def _watch_async(answer: Any, carrier: dict[str, Any], call: Any) -> Any:
    _unsent.pop(id(carrier[TICKET]), None)
    with settled_on_failure(carrier):
        listen(call.get("client"), call.get("litellm_params") or {}, is_async=True)
        return await answer


# The carrier of the attempt that this thread or task sends.
_sending: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar(
    "openrouter_adapter_sending", default=None
)


class _Heard:
    """Which of LiteLLM's own clients are known to tell: looking each time takes 15 to 30 µs.

    LiteLLM replaces its clients now and then (one for each event loop, each for an hour), so
    what is known is known for a second.
    """

    def __init__(self) -> None:
        self._looked: dict[Any, tuple[Any, float]] = {}

    def is_fresh(self, verifies: Any, *, is_async: bool) -> bool:
        """Whether the client was looked at within the last second; if not, it is now."""
        loop = asyncio.get_running_loop() if is_async else None
        now = time.monotonic()
        key = id(loop) if verifies is None else (id(loop), str(verifies))
        looked = self._looked.get(key)
        # A new loop may have an old one's id.
        if looked is not None and now < looked[1] and looked[0]() is loop:
            return True
        if len(self._looked) > _MOST_LOOKED:
            self._looked.clear()
        self._looked[key] = (_nothing if loop is None else weakref.ref(loop), now + 1.0)
        return False


_MOST_LOOKED: Final = 100


def _nothing() -> None:
    """What a reference to no loop refers to."""


_heard = _Heard()


def listen(client: Any, parameters: Mapping[str, Any], *, is_async: bool) -> None:
    """Has the HTTP client of a call tell of response headers as they come.

    Args:
        client: The caller's own client, or None for the one that LiteLLM keeps.
        parameters: LiteLLM's parameters of the call; its clients differ by `ssl_verify`.
        is_async: Whether the call is sent by an asynchronous client.
    """
    verifies = parameters.get("ssl_verify")
    if _installed() is None or (client is None and _heard.is_fresh(verifies, is_async=is_async)):
        return
    from litellm.llms.custom_httpx import http_handler as handlers

    wanted = {"ssl_verify": verifies}
    if is_async:
        if not isinstance(client, handlers.AsyncHTTPHandler):
            client = handlers.get_async_httpx_client("openrouter", wanted)
        hooks = client.client.event_hooks["response"]
        if _tell_async not in hooks:
            hooks.append(_tell_async)
        return
    if not isinstance(client, handlers.HTTPHandler):
        client = handlers._get_httpx_client(wanted)
    hooks = client.client.event_hooks["response"]
    if _tell not in hooks:
        hooks.append(_tell)


def _tell(response: httpx.Response) -> None:
    carrier = _sending.get()
    if carrier is not None:
        seen(carrier, response.status_code, response.headers)


async def _tell_async(response: httpx.Response) -> None:
    _tell(response)
