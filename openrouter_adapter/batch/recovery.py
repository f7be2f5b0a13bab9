"""What earlier runs of a job have left: results, costs, and attempts that were in flight.

Costs that aren't known are reconciled with OpenRouter.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import money
from openrouter_adapter.batch import journal, results
from openrouter_adapter.batch.exceptions import FolderUnfit
from openrouter_adapter.batch.inputs import LineSet
from openrouter_adapter.batch.journal import JournalState
from openrouter_adapter.batch.results import Attempt
from openrouter_adapter.batch.summary import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from pathlib import Path

    from openrouter_adapter.batch.accounting import JobBudget, JobLedger
    from openrouter_adapter.batch.folder import Folder
    from openrouter_adapter.batch.sending import Sender
    from openrouter_adapter.batch.writer import Writer

_QUESTIONS: Final = 16
# Seconds before each question: OpenRouter needs a moment until it knows a generation.
WAITS: Final = (0.0, 1.0, 3.0)
AT_ONCE: Final = (0.0,)


@dataclass(slots=True)
class Recovered:
    """What the files of a folder say about earlier runs.

    Attributes:
        done: Lines that have a result or have failed for good.
        tally: Counts of these results and failures.
        state: What the journal says.
        found: Costs of attempts missing from the journal, in picodollars, with the fields of their
            results.
    """

    done: LineSet = field(default_factory=LineSet)
    tally: Tally = field(default_factory=Tally)
    state: JournalState = field(default_factory=JournalState)
    found: list[tuple[Attempt, int, dict[str, Any]]] = field(default_factory=list)

    @property
    def in_flight(self) -> list[Attempt]:
        """Attempts whose run was killed before their outcome was written."""
        return [attempt for attempt, entry in self.state.open.items() if entry.was_in_flight]


def recover(folder: Folder) -> Recovered:
    """Reads the folder of a job, which may have been killed at any point.

    Raises:
        FolderUnfit: something else has changed its files.
    """
    try:
        recovered = Recovered(state=journal.read(folder.journal))
    except (ValueError, LookupError):
        raise FolderUnfit(
            f"{folder.journal} was changed after a run wrote it. Restore it."
        ) from None
    for path in (folder.results, folder.failures):
        _read(path, recovered)
    return recovered


def _read(path: Path, recovered: Recovered) -> None:
    number = 0
    try:
        for number, line in enumerate(results.whole_lines(path), 1):  # noqa: B007 - see below
            fields = results.head(line)
            recovered.done.add(Attempt.of_id(fields["id"]).line)
            recovered.tally.add_head(fields, results.cost_of(line))
            if recovered.state.open:
                closed = journal.close_answered(recovered.state, line)
                if closed is not None:
                    recovered.found.append((*closed, fields))
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        raise FolderUnfit(
            f"Line {number} of {path} was changed after a run wrote it. Restore it, or delete it: "
            "its request is then sent again, and may cost something again."
        ) from None


async def reconcile(
    state: JournalState,
    sender: Sender,
    writer: Writer,
    budget: JobBudget,
    ledger: JobLedger,
    waits: Sequence[float] = WAITS,
) -> None:
    """Asks OpenRouter for unknown costs and records them; the others still count as worst cases.

    Args:
        state: Has the attempts whose cost isn't known.
        sender: Asks OpenRouter.
        writer: Writes the journal.
        budget: Takes the costs.
        ledger: Takes the costs, too.
        waits: Seconds before each round of questions.

    Raises:
        LedgerError: the ledger can't be written.
    """
    gate = asyncio.Semaphore(_QUESTIONS)

    async def ask(generation_id: str | None) -> Decimal | None:
        async with gate:
            return await sender.find_cost(generation_id or "")

    for wait in waits:
        known = [(attempt, one) for attempt, one in state.open.items() if one.generation_id]
        if not known:
            break
        await asyncio.sleep(wait)
        costs = await asyncio.gather(*(ask(one.generation_id) for _, one in known))
        for (attempt, entry), usd in zip(known, costs, strict=True):
            if usd is None:
                continue
            del state.open[attempt]
            cost = money.picodollars(usd)
            budget.unsettled -= entry.reserved
            budget.spent += cost
            fields = {"generation_id": entry.generation_id}
            ledger.write_cost(attempt, cost, fields, was_cut_off=entry.was_in_flight)
            writer.note(journal.cost_found(attempt, cost))
