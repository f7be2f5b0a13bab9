"""Asks OpenRouter what attempts were charged whose answers never came whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from openrouter_adapter import money
from openrouter_adapter.batch import journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openrouter_adapter.batch.accounting import Accounts
    from openrouter_adapter.batch.budget import Budget
    from openrouter_adapter.batch.journal import Past
    from openrouter_adapter.batch.results import Attempt
    from openrouter_adapter.batch.sending import Sender
    from openrouter_adapter.batch.writer import Disk

_QUESTIONS: Final = 16
# OpenRouter needs a moment until it knows a generation: seconds between two questions.
WAITS: Final = (0.0, 1.0, 3.0)
AT_ONCE: Final = (0.0,)


async def settle(
    past: Past,
    sender: Sender,
    disk: Disk,
    budget: Budget,
    accounts: Accounts,
    waits: Sequence[float] = WAITS,
) -> None:
    """Settles what can be found out; the rest goes on counting at its worst case.

    Args:
        past: Knows the attempts whose cost isn't known.
        sender: Asks.
        disk: Keeps the journal.
        budget: What is found is spent there.
        accounts: The ledger's side of it.
        waits: Seconds before each round of questions.

    Raises:
        LedgerError: the ledger can't be written.
    """
    for wait in waits:
        known = {a: one.generation_id for a, one in past.open.items() if one.generation_id}
        if not known:
            break
        await asyncio.sleep(wait)
        gate = asyncio.Semaphore(_QUESTIONS)
        found = await asyncio.gather(
            *(_ask(attempt, name, sender, gate) for attempt, name in known.items() if name)
        )
        for attempt, cost in found:
            if cost is not None:
                entry = past.open.pop(attempt)
                budget.unsettled -= entry.hold
                budget.spent += cost
                accounts.write_found(
                    attempt,
                    cost,
                    {"generation_id": entry.generation_id},
                    was_cut_off=entry.was_in_the_air,
                )
                disk.note(journal.found_out(attempt, cost))


async def _ask(
    attempt: Attempt, generation_id: str, sender: Sender, gate: asyncio.Semaphore
) -> tuple[Attempt, int | None]:
    async with gate:
        cost = await sender.find_cost(generation_id)
    return attempt, None if cost is None else money.picodollars(cost)
