"""A job at half price: batches at OpenRouter's Batch API, with the promises of any job."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from openrouter_adapter import batch, ledger
from openrouter_adapter.batch import Pace
from openrouter_adapter.batch.estimates import Prices
from openrouter_adapter.emulator import Emulator
from tests.batch.conftest import chat, line, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from openrouter_adapter.batch import Progress
    from openrouter_adapter.batch.requests import Request
    from openrouter_adapter.catalog import Estimate

QUICK = Pace(backoff=0.02, poll=0.02, longest_poll=0.05, lost_patience=0.2)
MODELS = ("openai/gpt-5-nano", "anthropic/claude-haiku-4.5", "google/gemini-2.5-flash")
EMBEDDER = "openai/text-embedding-3-small"


@pytest.fixture
def em() -> Iterator[Emulator]:
    with Emulator(log_size=100_000, batch_seconds=0.3) as running:
        yield running


def mixed(count: int) -> list[dict[str, Any]]:
    """Chats of two models and embeddings of a third, in turn."""
    found = []
    for number in range(count):
        if number % 3 == 2:
            body = {"model": EMBEDDER, "input": f"text {number}"}
            found.append(line(f"sum-{number}", "/v1/embeddings", body))
        else:
            found.append(chat(number, model=MODELS[number % 3]))
    return found


def billed(em: Emulator) -> Decimal:
    return sum((row.cost for row in em.bill()), Decimal(0))


def submissions(em: Emulator) -> list[Any]:
    return [one for one in em.requests if (one.method, one.path) == ("POST", "/batches")]


def test_a_job_of_three_models_goes_in_three_batches(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    out, where = tmp_path / "out", tmp_path / "ledger.db"
    summary = batch.run(job(mixed(60)), out, half_price=True, budget=1, ledger=where, pace=QUICK)
    assert (summary.done, summary.failed, summary.left) == (60, 0, 0)
    assert len(submissions(openrouter_at)) == 3
    results = read(out / "results.jsonl")
    assert Counter(one["custom_id"] for one in results) == {f"sum-{n}": 1 for n in range(60)}
    assert summary.cost == billed(openrouter_at) > 0
    rows = ledger.open(where).store.rows()
    assert sum(row.total or 0 for row in rows) == summary.cost * 10**12
    assert {row.endpoint for row in rows} == {"/batches"}
    assert len(rows) == 60
    assert sum(Decimal(str(one["cost_usd"])) for one in results) == summary.cost
    assert not list((out / "batches").iterdir())
    again = batch.status(out)
    assert (again.cost, again.done) == (summary.cost, 60)
    assert [one["status"] for one in again.batches] == ["completed"] * 3


def assert_books_agree(em: Emulator, out: Path, where: Path, count: int) -> None:
    """Every id once; the bill, the results' costs, the job's and the ledger's are one sum."""
    results = read(out / "results.jsonl")
    assert Counter(one["custom_id"] for one in results) == {f"sum-{n}": 1 for n in range(count)}
    summary = batch.status(out)
    assert (summary.done, summary.failed, summary.left, summary.unsettled) == (count, 0, 0, 0)
    rows = ledger.open(where).store.rows()
    assert summary.cost == billed(em)
    assert sum(row.total or 0 for row in rows) == summary.cost * 10**12
    assert not [row for row in rows if row.cost is None]
    assert not ledger.open(where).held()


def assert_nothing_was_submitted_twice(em: Emulator, out: Path) -> None:
    """Each batch that OpenRouter has is one of the job's, and no two have a request at once."""
    known = [one["id"] for one in batch.status(out).batches if one["id"]]
    assert len(known) == len(set(known))
    there = httpx.get(
        f"{em.base_url}/batches?limit=100", headers={"Authorization": f"Bearer {em.api_key}"}
    ).json()["data"]
    assert {one["id"] for one in there} == set(known)
    answered = Counter(row.generation_id for row in em.bill() if row.status == 200)
    rows = [row.generation_id for row in em.bill() if row.status == 200]
    assert len(answered) == len(rows)


def test_a_lost_answer_is_found_in_the_account_s_list(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    openrouter_at.faults.add("hang-up; path=/batches", times=2)
    out, where = tmp_path / "out", tmp_path / "ledger.db"
    batch.run(job(mixed(30)), out, half_price=True, budget=1, ledger=where, pace=QUICK)
    assert_books_agree(openrouter_at, out, where, 30)
    assert_nothing_was_submitted_twice(openrouter_at, out)
    assert len(submissions(openrouter_at)) == 3


def test_a_submission_that_was_not_accepted_is_sent_again(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    openrouter_at.faults.add("status=502; path=/batches", times=2)
    out, where = tmp_path / "out", tmp_path / "ledger.db"
    summary = batch.run(job(mixed(30)), out, half_price=True, ledger=where, pace=QUICK)
    assert summary.in_the_air == []
    assert_books_agree(openrouter_at, out, where, 30)
    assert_nothing_was_submitted_twice(openrouter_at, out)


@pytest.mark.parametrize(
    "fault",
    [
        "status=503; path=/batches/{}",
        "cut=300; path=/batches/{}",
        "bad-json; path=/batches/{}",
        "batch-failed",
        "batch-expired=0.5",
    ],
)
def test_what_fails_or_expires_is_tried_again(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path, fault: str
) -> None:
    openrouter_at.faults.add(fault, times=2)
    out, where = tmp_path / "out", tmp_path / "ledger.db"
    batch.run(job(mixed(30)), out, half_price=True, budget=1, ledger=where, pace=QUICK)
    assert_books_agree(openrouter_at, out, where, 30)


def test_a_batch_without_any_answer_costs_nothing(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    openrouter_at.faults.add("status=502; provider=openai; path=/batches", times=6)
    out, where = tmp_path / "out", tmp_path / "ledger.db"
    path = job([chat(number, model=MODELS[0]) for number in range(3)])
    batch.run(path, out, half_price=True, budget=1, ledger=where, pace=QUICK)
    assert_books_agree(openrouter_at, out, where, 3)
    rows = ledger.open(where).store.rows()
    assert Counter(row.outcome for row in rows) == {"error": 6, "ok": 3}


def test_a_cancelled_batch_is_not_sent_again_by_itself(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    openrouter_at.faults.add("batch-cancelled=0.5", times=1)
    out, where = tmp_path / "out", tmp_path / "ledger.db"
    path = job([chat(number, model=MODELS[0]) for number in range(10)])
    summary = batch.run(path, out, half_price=True, budget=1, ledger=where, pace=QUICK)
    assert (summary.done, summary.failed) == (5, 5)
    assert summary.cost == billed(openrouter_at)
    failures = read(out / "failures.jsonl")
    assert "cancelled" in failures[0]["error"]["message"]
    batch.retry(out, ledger=where, pace=QUICK)
    assert_books_agree(openrouter_at, out, where, 10)


def test_one_invalid_request_fails_alone(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    """OpenRouter fails its whole batch, and names it."""
    lines = [chat(number, model=MODELS[0]) for number in range(10)]
    lines[3]["body"]["messages"][0]["content"] = [{"type": "image_url", "image_url": {"url": ""}}]
    openrouter_at.faults.add("batch-failed; message=Request 'sum-3' is invalid", times=1)
    lines[3] = chat(3, model=MODELS[0])
    summary = batch.run(job(lines), tmp_path / "out", half_price=True, pace=QUICK)
    assert (summary.done, summary.failed) == (9, 1)
    (failure,) = read(tmp_path / "out" / "failures.jsonl")
    assert failure["custom_id"] == "sum-3"


@pytest.mark.usefixtures("openrouter_at")
def test_a_run_that_was_stopped_leaves_its_batches_and_fetches_them_later(
    job: Callable[..., Path], tmp_path: Path
) -> None:
    out, where, path = tmp_path / "out", tmp_path / "ledger.db", job(mixed(30))
    # For an hour of the emulator's time, nothing is over.
    with Emulator(log_size=100_000, batch_seconds=3600) as slow:

        def watch(now: Progress) -> None:
            if now.snapshot().in_flight == 30:
                now.stop("enough")

        given: dict[str, Any] = {
            "half_price": True,
            "budget": 1,
            "ledger": where,
            "pace": QUICK,
            "api_base": slow.base_url,
        }
        summary = batch.run(path, out, watch=watch, **given)
        assert (summary.done, summary.left, summary.stopped) == (0, 30, "enough")
        (out / "status.json").unlink()
        for found in (summary, batch.status(out)):
            assert {one["requests"] for one in found.batches} == {10}
            assert all(one["id"] for one in found.batches)
        assert len(ledger.open(where).store.rows()) == 3
        slow.advance(seconds=3600)
        batch.run(path, out, **given)
        assert_books_agree(slow, out, where, 30)
        assert len(submissions(slow)) == 3


def test_google_s_models_get_a_batch_for_each_response_format(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    forms = [{"type": "json_object"}, {"type": "text"}, None]
    lines = [
        chat(n, model=MODELS[2], **({"response_format": forms[n % 3]} if forms[n % 3] else {}))
        for n in range(9)
    ]
    lines += [chat(n, model=MODELS[0], response_format=forms[n % 2]) for n in range(9, 15)]
    summary = batch.run(job(lines), tmp_path / "out", half_price=True, pace=QUICK)
    assert summary.done == 15
    assert len(submissions(openrouter_at)) == 4


def test_what_batches_cannot_take_is_refused_with_the_reason(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    picture = {"model": "google/gemini-2.5-flash-image", "prompt": "a cat"}
    lines = [
        chat(0, model=MODELS[0]),
        chat(1, model=MODELS[0], messages=[{"role": "user", "content": [image]}]),
        chat(2),  # has no price in batches
        chat(3, model=MODELS[0], provider={"zdr": True}),
        line("picture", "/v1/images/generations", picture),
        line("e", "/v1/embeddings", {"model": EMBEDDER, "input": "x", "input_type": "query"}),
    ]
    with pytest.raises(batch.FaultyInput) as caught:
        batch.run(job(lines), tmp_path / "out", half_price=True, pace=QUICK)
    said = {fault.line: fault.message for fault in caught.value.faults}
    assert sorted(said) == [2, 3, 4, 5, 6]
    assert "http(s) address" in said[2]
    assert "openai/gpt-4o-mini has no price in OpenRouter's Batch API" in said[3]
    assert "provider has zdr" in said[4]
    assert "images" in said[5]
    assert "input_type" in said[6]
    assert all("--rest send" in message for message in said.values())
    assert not submissions(openrouter_at)

    where = tmp_path / "ledger.db"
    del lines[4]
    path = job(lines)
    summary = batch.run(
        path, tmp_path / "sent", half_price=True, rest="send", budget=1, ledger=where, pace=QUICK
    )
    assert (summary.done, summary.failed) == (5, 0)
    assert summary.cost == billed(openrouter_at)
    rows = ledger.open(where).store.rows()
    assert Counter(row.endpoint for row in rows) == {
        "/batches": 1,
        "/chat/completions": 3,
        "/embeddings": 1,
    }
    assert sum(row.total or 0 for row in rows) == summary.cost * 10**12


def test_a_model_that_openrouter_takes_no_batches_for(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    """Some have a price there, and are refused at the submission."""
    said = "Model 'x' does not have a :batch endpoint."
    path = job([chat(number, model=MODELS[0]) for number in range(5)])
    openrouter_at.faults.add(f"status=400; path=/batches; message={said}", times=1)
    summary = batch.run(path, tmp_path / "refused", half_price=True, pace=QUICK)
    assert (summary.done, summary.failed) == (0, 5)
    assert said in read(tmp_path / "refused" / "failures.jsonl")[0]["error"]["message"]
    summary = batch.retry(tmp_path / "refused", pace=QUICK)
    assert (summary.done, summary.failed) == (5, 0)

    openrouter_at.faults.add(f"status=400; path=/batches; message={said}", times=1)
    sent = batch.run(path, tmp_path / "sent", half_price=True, rest="send", pace=QUICK)
    assert (sent.done, sent.failed) == (5, 0)
    assert sent.batches[0]["status"] == "not_accepted"


def test_a_budget_smaller_than_the_job_is_kept(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    """What batches that ended have left of their reservations pays for the next ones."""
    out, where = tmp_path / "out", tmp_path / "ledger.db"
    path = job([chat(number, model=MODELS[1], max_tokens=400) for number in range(60)])
    limit = Decimal("0.02")
    first = batch.run(path, out, half_price=True, budget=limit, ledger=where, pace=QUICK)
    assert first.cost <= limit
    assert len(submissions(openrouter_at)) > 1
    if first.left:
        assert "budget is used up" in (first.stopped or "")
    batch.run(path, out, half_price=True, budget=1, ledger=where, pace=QUICK)
    assert_books_agree(openrouter_at, out, where, 60)


@pytest.mark.usefixtures("openrouter_at")
def test_the_check_s_worst_cases_are_reserved_each_for_its_line(
    job: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An estimate takes as long as everything else of a line together: there is one of each."""
    lines: list[Any] = [chat(n, model=MODELS[1], max_tokens=10 + 90 * n) for n in range(6)]
    lines.insert(2, "no request")
    estimated: list[int] = []
    reserved: list[tuple[Request, int | None]] = []
    in_batch, worst_in_batch = Prices._in_batch, Prices.worst_in_batch

    def estimate(prices: Prices, request: Request) -> Estimate:
        estimated.append(request.line)
        return in_batch(prices, request)

    def reserve(prices: Prices, request: Request) -> int | None:
        reserved.append((request, worst_in_batch(prices, request)))
        return reserved[-1][1]

    monkeypatch.setattr(Prices, "_in_batch", estimate)
    monkeypatch.setattr(Prices, "worst_in_batch", reserve)
    path, out = job(lines), tmp_path / "out"
    done = batch.run(path, out, half_price=True, budget=1, skip_faulty=True, pace=QUICK)
    assert (done.done, done.failed) == (6, 1)
    assert estimated == [1, 2, 4, 5, 6, 7]
    anew = Prices()
    assert [worst_in_batch(anew, request) for request, _ in reserved] == [
        one for _, one in reserved
    ]
    assert len({worst for _, worst in reserved}) == 6


def test_a_ledger_s_budget_gets_batches_that_fit(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    out, where = tmp_path / "out", tmp_path / "ledger.db"
    book = ledger.open(where)
    book.budget("all", Decimal("0.02"))
    path = job([chat(number, model=MODELS[1], max_tokens=400) for number in range(60)])
    first = batch.run(path, out, half_price=True, ledger=where, pace=QUICK)
    (state,) = book.budgets()
    assert state.spent == first.cost == billed(openrouter_at) <= Decimal("0.02")
    assert state.held == 0
    book.budget("all", 1)
    batch.run(path, out, half_price=True, ledger=where, pace=QUICK)
    assert_books_agree(openrouter_at, out, where, 60)


@pytest.mark.usefixtures("openrouter_at")
def test_a_folder_belongs_to_one_way(job: Callable[..., Path], tmp_path: Path) -> None:
    path = job(mixed(6))
    batch.run(path, tmp_path / "out", half_price=True, pace=QUICK)
    with pytest.raises(batch.FolderUnfit, match="Batch API"):
        batch.run(path, tmp_path / "out", pace=QUICK)
    assert batch.resume(tmp_path / "out", pace=QUICK).done == 6
    with pytest.raises(batch.BatchError, match="response cache"):
        batch.run(path, tmp_path / "other", half_price=True, cache=True)
    with pytest.raises(batch.BatchError, match="Invalid rest"):
        batch.run(path, tmp_path / "other", half_price=True, rest="all")
