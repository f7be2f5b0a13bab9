"""The emulator's bill compared with a job's folder and its ledger."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from openrouter_adapter import batch, ledger

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from openrouter_adapter.emulator import BillRow, LoggedRequest


def check(
    bill: Sequence[BillRow],
    requests: Iterable[LoggedRequest],
    out: Path,
    where: str | os.PathLike[str],
    named: Iterable[str],
) -> None:
    """What was billed and is not in the sums belongs to requests that were named, one to one.

    The job is one of sums (`conftest.chat`); `named` are the attempts that were in flight.
    """
    rows = ledger.open(where).store.rows()
    settled = {row.generation_id for row in rows if row.cost is not None}
    costs = {row.generation_id: row.cost for row in bill}
    lost = costs.keys() - settled
    assert settled - {None} <= costs.keys()
    # Each line was sent once for its result, and once more for each time it was in flight.
    sent = Counter(request.body["messages"][0]["content"] for request in requests if request.body)
    in_the_air = Counter(int(name.split("_")[2]) - 1 for name in set(named))
    extra = {words: times - 1 for words, times in sent.items() if times > 1}
    # Those of them whose answer had begun were asked for by their id, and have a cost.
    assert len(lost) <= sum(extra.values())
    for words, times in extra.items():
        assert times <= in_the_air[int(words.split()[2])], words
    spent = sum((costs[name] for name in costs.keys() - lost), Decimal(0))
    found = batch.status(out)
    assert found.cost == spent
    assert sum(row.total or 0 for row in rows) == int(spent * 10**12)
    # Besides the known costs, nothing was billed but what counts at its worst case.
    assert len(lost) <= found.unsettled
    assert sum(costs.values(), Decimal(0)) <= spent + found.unsettled_cost
