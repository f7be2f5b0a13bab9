"""Shards of a job at half price: each line in one batch of one shard, and one bill for all."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from openrouter_adapter import batch, ledger
from openrouter_adapter.batch import Pace
from tests.batch import job_process
from tests.batch.conftest import read
from tests.batch.test_half_price import QUICK, billed, em, mixed, submissions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

__all__ = ["em"]

PACE = Pace(backoff=0.02, poll=0.05, longest_poll=0.2, lost_patience=2.0, tries=20)


def assert_books_agree(
    em: Emulator, folders: Sequence[Path], where: Path, count: int, job: str
) -> None:
    """Every id once over all shards; bill, results, summaries and ledger have one sum."""
    assert not [one for folder in folders for one in read(folder / "failures.jsonl")]
    results = [one for folder in folders for one in read(folder / "results.jsonl")]
    assert Counter(one["custom_id"] for one in results) == {f"sum-{n}": 1 for n in range(count)}
    summaries = [batch.status(folder) for folder in folders]
    assert not any(one.left or one.failed or one.unsettled for one in summaries)
    cost = billed(em)
    assert sum((one.cost for one in summaries), Decimal(0)) == cost > 0
    book = ledger.open(where)
    (spend,) = book.spend("job")
    assert (spend.name, spend.total) == (job, cost)
    assert not [row for row in book.store.rows() if row.cost is None]
    assert not book.held()


def assert_each_batch_is_of_one_shard(em: Emulator, folders: Sequence[Path]) -> None:
    there = httpx.get(
        f"{em.base_url}/batches?limit=100", headers={"Authorization": f"Bearer {em.api_key}"}
    ).json()["data"]
    answered = {one["id"] for one in there if one["status"] == "completed"}
    known = Counter(
        one["id"]
        for folder in folders
        for one in batch.status(folder).batches
        if one["id"] in answered and one["status"] == "completed"
    )
    assert known == dict.fromkeys(answered, 1)


def test_shards_one_after_another(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path, where = job(mixed(60)), tmp_path / "ledger.db"
    ledger.open(where).budget("both", Decimal("0.1"), job="both")
    folders = [tmp_path / str(number) for number in (1, 2)]
    options: dict[str, Any] = {"half_price": True, "ledger": where, "job": "both", "pace": QUICK}
    for number, out in enumerate(folders, 1):
        assert batch.run(path, out, shard=(number, 2), **options).done == 30
    assert len(submissions(openrouter_at)) == 6
    assert_books_agree(openrouter_at, folders, where, 60, "both")
    assert_each_batch_is_of_one_shard(openrouter_at, folders)
    (state,) = ledger.open(where).budgets()
    assert (state.spent, state.held) == (billed(openrouter_at), 0)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "fault",
    [
        "hang-up; path=/batches",
        pytest.param("status=502; path=/batches", marks=pytest.mark.slow),
    ],
)
def test_two_at_once_whose_batches_look_alike(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, fault: str
) -> None:
    """A shard whose submission got no answer finds the other's in the account's list, too.

    Its endpoint, model, time and number of requests are the same. Some fail, and have no results
    that would tell them apart.
    """
    path, where = job(mixed(120)), tmp_path / "ledger.db"
    ledger.open(where).budget("both", Decimal("0.1"), job="both")
    em.faults.add(fault, probability=0.5, seed=3)
    em.faults.add("batch-failed", probability=0.3, seed=5)
    folders = [tmp_path / str(number) for number in range(1, 5)]
    options: dict[str, Any] = {
        "half_price": True,
        "pace": PACE,
        "ledger": where,
        "job": "both",
        "api_base": em.base_url,
        "api_key": em.api_key,
    }
    processes = [
        job_process.start(path, out, shard=(number, 4), **options)
        for number, out in enumerate(folders, 1)
    ]
    for process in processes:
        process.join(200)
    assert [process.exitcode for process in processes] == [0] * 4
    em.faults.clear()
    assert_books_agree(em, folders, where, 120, "both")
    assert_each_batch_is_of_one_shard(em, folders)
