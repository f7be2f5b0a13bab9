"""The one hook around every send: may this request go out, and what did it cost.

Does nothing by itself. A budget installs its gate with `guard`; every endpoint calls
`before_send` with the finished body and `after` with the bill.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from openrouter_adapter.usage import read_bill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from openrouter_adapter.usage import Bill

# Where a ticket travels from the request to the answer of the same attempt.
TICKET: Final = "openrouter_adapter_ticket"


class Gate(Protocol):
    """What `guard` installs. Called from any thread; must not block for long."""

    def before_send(self, body: Mapping[str, Any]) -> object | None:
        """Returns a ticket for the request, or raises to keep it from being sent."""

    def after(self, ticket: object, bill: Bill | None) -> None:
        """Settles a ticket. `bill` is None where no answer came: the cost is unknown."""


_gate: Gate | None = None


def guard(gate: Gate | None) -> None:
    """Installs the gate that all requests of this process pass; None takes it away."""
    global _gate  # noqa: PLW0603 - one process has one gate
    _gate = gate


def before_send(body: Mapping[str, Any], carrier: dict[str, Any]) -> None:
    """Asks the gate about a body and leaves its ticket in `carrier`, the attempt's parameters.

    Raises:
        Whatever the gate raises; nothing has been sent then.
    """
    if _gate is not None:
        ticket = _gate.before_send(body)
        if ticket is not None:
            carrier[TICKET] = ticket


@contextlib.contextmanager
def settled(carrier: Mapping[str, Any]) -> Iterator[Callable[[Bill], None]]:
    """Settles the attempt's ticket when the block ends, however it ends.

    Gives a function to be called with the bill. An exception that carries OpenRouter's facts
    (errors.py) settles with the cost among them: a failed request may have been charged.
    """
    bills: list[Bill | None] = []
    try:
        yield bills.append
    except Exception as failure:
        facts = getattr(failure, "openrouter", None)
        bills.append(read_bill(facts) if facts else None)
        raise
    finally:
        after(carrier, bills[-1] if bills else None)


def after(carrier: Mapping[str, Any], bill: Bill | None) -> None:
    """Settles the attempt's ticket, if it has one."""
    if _gate is not None and TICKET in carrier:
        _gate.after(carrier[TICKET], bill)
