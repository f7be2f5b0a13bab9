"""The one hook around every send: may this request go out, and what did it cost.

Does nothing by itself. A budget installs its gate with `guard`; every endpoint calls
`before_send` with the finished body, and whatever becomes of the request settles its ticket
exactly once: the answer, a failure, a stream's end, or a stream that was left.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from openrouter_adapter.usage import read_bill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from openrouter_adapter.usage import Bill

# Where the ticket, and LiteLLM's parameters of the call, travel with an attempt.
TICKET: Final = "openrouter_adapter_ticket"
CALL: Final = "openrouter_adapter_call"


class Gate(Protocol):
    """What `guard` installs. Called from any thread."""

    def before_send(self, body: Mapping[str, Any], call: Mapping[str, Any]) -> object | None:
        """Returns a ticket for the request, or raises to keep it from being sent.

        Args:
            body: What would be sent.
            call: LiteLLM's parameters of the call: `metadata`, `litellm_call_id`, ….
        """

    def after(self, ticket: object, bill: Bill | None) -> None:
        """Settles a ticket. Where `bill` or its cost is None, what was charged is not known."""


_gate: Gate | None = None


def guard(gate: Gate | None) -> None:
    """Installs the gate that all requests of this process pass; None takes it away."""
    global _gate
    _gate = gate


def before_send(body: Mapping[str, Any], carrier: dict[str, Any]) -> None:
    """Asks the gate about a body and leaves its ticket in `carrier`, the attempt's parameters.

    Raises:
        Whatever the gate raises; nothing has been sent then.
    """
    if _gate is not None:
        ticket = _gate.before_send(body, carrier.get(CALL, carrier))
        if ticket is not None:
            carrier[TICKET] = ticket


def after(carrier: dict[str, Any], bill: Bill | None) -> None:
    """Settles the attempt's ticket, if it has one that is not settled yet."""
    ticket = carrier.pop(TICKET, None)
    if ticket is not None and _gate is not None:
        _gate.after(ticket, bill)


@contextlib.contextmanager
def settled(carrier: dict[str, Any]) -> Iterator[Callable[[Bill], None]]:
    """Settles the attempt's ticket when the block ends, however it ends.

    Gives a function to be called with the bill. An exception that carries OpenRouter's facts
    (errors.py) settles with the cost among them: a failed request may have been charged.
    """
    bills: list[Bill | None] = []
    try:
        yield bills.append
    except BaseException as failure:
        if not bills:
            bills.append(_bill_of(failure))
        raise
    finally:
        after(carrier, bills[-1] if bills else None)


@contextlib.contextmanager
def settled_on_failure(carrier: dict[str, Any]) -> Iterator[None]:
    """Settles the attempt's ticket if the block fails; what succeeds is settled by its answer."""
    try:
        yield
    except BaseException as failure:
        after(carrier, _bill_of(failure))
        raise


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
        return _watch(self._original.completion, arguments, call, call.get("litellm_params"))

    def embedding(self, *arguments: Any, **call: Any) -> Any:
        """`/embeddings`."""
        carrier = call.get("optional_params")
        if _gate is not None and carrier is not None:
            carrier[CALL] = call.get("litellm_params") or {}
        return _watch(self._original.embedding, arguments, call, carrier)


def _watch(send: Any, arguments: Any, call: Any, carrier: dict[str, Any] | None) -> Any:
    if _gate is None or carrier is None or call.get("custom_llm_provider") != "openrouter":
        return send(*arguments, **call)
    with settled_on_failure(carrier):
        answer = send(*arguments, **call)
    return _watch_async(answer, carrier) if asyncio.iscoroutine(answer) else answer


async def _watch_async(answer: Any, carrier: dict[str, Any]) -> Any:
    with settled_on_failure(carrier):
        return await answer
