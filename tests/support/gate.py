"""A gate of admission.py that remembers what it was asked and how each ticket ended."""

from __future__ import annotations

import contextlib
import copy
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litellm.exceptions import BudgetExceededError

from openrouter_adapter import admission

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openrouter_adapter.wire.usage import Bill


@dataclass
class RecordingGate:
    """Lets everything pass; tickets are 1, 2, 3, …."""

    asked: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    settled: list[tuple[object, Bill | None]] = field(default_factory=list)
    failures: list[BaseException | None] = field(default_factory=list)
    jobs: list[tuple[str, Bill, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def before_send(
        self,
        body: Mapping[str, Any],
        call: Mapping[str, Any],
        endpoint: str,  # noqa: ARG002
    ) -> object:
        with self._lock:
            self.asked.append((copy.deepcopy(dict(body)), dict(call)))
            return len(self.asked)

    def seen(self, ticket: object, status: int, headers: Mapping[str, str]) -> None:
        pass

    def after(
        self,
        ticket: object,
        bill: Bill | None,
        failure: BaseException | None,
    ) -> None:
        with self._lock:
            self.settled.append((ticket, bill))
            self.failures.append(failure)

    def job_ended(self, job_id: str, bill: Bill, failure: str | None) -> bool | None:
        with self._lock:
            is_new = job_id not in [ended for ended, _, _ in self.jobs]
            self.jobs.append((job_id, bill, failure))
        return is_new

    @property
    def bills(self) -> list[Bill | None]:
        """The bills, by ticket; each ticket ended exactly once."""
        tickets = [ticket for ticket, _ in self.settled]
        assert sorted(map(str, tickets)) == sorted(str(i + 1) for i in range(len(self.asked)))
        return [bill for _, bill in sorted(self.settled, key=lambda one: str(one[0]))]


class RefusingGate(RecordingGate):
    """Lets nothing pass, as a budget does that is spent."""

    def before_send(
        self, body: Mapping[str, Any], call: Mapping[str, Any], endpoint: str
    ) -> object:
        super().before_send(body, call, endpoint)
        raise BudgetExceededError(2.0, 1.0, "budget zoo: no room")


@contextlib.contextmanager
def guarded(gate: Any) -> Iterator[Any]:
    """Install a gate for the length of a block."""
    admission.guard(gate)
    try:
        yield gate
    finally:
        admission.guard(None)
