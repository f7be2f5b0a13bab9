"""Waiting for a job and downloading its video: backoff, errors, timeouts, and one bill."""

from __future__ import annotations

import asyncio
import tracemalloc
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import av
import litellm
import openai
import pytest
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

import openrouter_adapter
from openrouter_adapter import ledger
from openrouter_adapter.emulator import Emulator, mp4
from openrouter_adapter.money import to_pico
from openrouter_adapter.video_generation import waiting
from tests.support.loopback import Reply
from tests.support.waiting import happens

from .conftest import submit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.loopback import Loopback

    from .conftest import Costs

STATUS = "/videos/{}"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(waiting, "LONGEST_PAUSE", 0.2)


@pytest.fixture(params=["sync", "async"])
def wait(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """`wait_for_video`, and its twin."""
    if request.param == "sync":
        return openrouter_adapter.wait_for_video

    async def whole(*arguments: Any, **keywords: Any) -> Any:
        try:
            return await openrouter_adapter.await_for_video(*arguments, **keywords)
        finally:
            # LiteLLM's task behind the answer, which passes it on to the callbacks.
            await asyncio.sleep(0.1)
            await GLOBAL_LOGGING_WORKER.flush()

    def run(*arguments: Any, **keywords: Any) -> Any:
        try:
            return asyncio.run(whole(*arguments, **keywords))
        finally:
            litellm.in_memory_llm_clients_cache.flush_cache()

    return run


@pytest.fixture(params=["sync", "async"])
def download(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """`download_video`, and its twin."""
    if request.param == "sync":
        return openrouter_adapter.download_video
    return lambda *given, **named: asyncio.run(openrouter_adapter.adownload_video(*given, **named))


@pytest.fixture
def slow(emulated: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator whose videos take twelve seconds of its time."""
    with Emulator(video_seconds=12.0) as running:
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", running.api_key)
        yield running
    assert emulated.requests == []


def asked(emulated: Emulator) -> int:
    return sum(one.method == "GET" and "/gen-vid-" in one.path for one in emulated.requests)


def test_a_wait_ends_with_the_completed_video_and_its_cost(
    emulated: Emulator, wait: Callable[..., Any]
) -> None:
    seen: list[str] = []
    video = submit()
    done = wait(video.id, on_progress=lambda now: seen.append(now.status))
    (bill,) = emulated.bill()
    assert (done.id, done.status) == (video.id, "completed")
    assert done.usage["cost"] == float(bill.cost) == 1.6
    assert list(dict.fromkeys(seen)) == ["queued", "in_progress", "completed"]
    assert seen.count("completed") == 1


def test_a_wait_is_one_row_of_the_ledger_and_one_call_for_callbacks(
    emulated: Emulator,
    wait: Callable[..., Any],
    costs: Costs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "cache"))
    book = ledger.enable(tmp_path / "spend.db")
    try:
        book.budget("zoo", 10)
        video = submit()
        assert book.flush(60)
        assert [row.outcome for row in book.store.rows()] == ["open"]
        wait(video.id)
        wait(video.id)
        assert book.flush(60)
        (row,), (bill,) = book.store.rows(), emulated.bill()
        assert (row.cost, row.cost_status, row.outcome) == (to_pico(bill.cost), "billed", "ok")
        assert (book.budgets()[0].spent, book.budgets()[0].held) == (bill.cost, 0)
    finally:
        ledger.disable()
    # The submission, and the end as each of the two waits saw it.
    assert asked(emulated) > 4
    assert happens(lambda: len(costs.told) == 3)
    assert sum(cost or 0 for cost in costs.costs) == float(bill.cost)


@pytest.mark.parametrize("ending", ["failed", "cancelled", "expired"])
def test_a_job_that_failed_raises_with_the_providers_words(
    emulated: Emulator, wait: Callable[..., Any], ending: str
) -> None:
    emulated.faults.add(f"choice-error=502; job={ending}; message=the bird flew away")
    video = submit()
    seen: list[str] = []
    with pytest.raises(litellm.BadGatewayError, match=f"is {ending}: the bird flew away"):
        wait(video.id, on_progress=lambda now: seen.append(now.status))
    assert seen[-1] == "failed"
    assert emulated.bill()[0].cost == 0


def test_a_job_that_was_refused_for_its_content_is_a_policy_error(
    emulated: Emulator, wait: Callable[..., Any]
) -> None:
    emulated.faults.add("choice-error=400; message=Content policy violation")
    video = submit()
    with pytest.raises(litellm.ContentPolicyViolationError):
        wait(video.id)


def test_a_timeout_names_the_id_and_leaves_the_job_running(
    slow: Emulator, wait: Callable[..., Any]
) -> None:
    video = submit()
    with pytest.raises(litellm.Timeout, match=r"is queued after 0\.2 s\. The job") as late:
        wait(video.id, timeout=0.2)
    assert video.id in str(late.value)
    assert slow.bill() == []
    slow.advance(seconds=12)
    assert wait(video.id).status == "completed"
    assert len(slow.bill()) == 1


@pytest.mark.parametrize(
    "fault", ["status=500", "status=503", "status=524", "html", "status=429; retry-after=0"]
)
def test_errors_of_the_server_do_not_end_a_wait(
    emulated: Emulator, wait: Callable[..., Any], fault: str
) -> None:
    video = submit()
    emulated.faults.add(f"{fault}; path={STATUS}", times=3)
    before = asked(emulated)
    assert wait(video.id).status == "completed"
    assert asked(emulated) > before + 3
    assert sum(bill.cost for bill in emulated.bill()) == Decimal("1.6")


def test_a_failure_of_the_last_status_call_does_not_end_a_wait_nor_charge_twice(
    emulated: Emulator, wait: Callable[..., Any], costs: Costs, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = submit()
    emulated.advance(seconds=5)
    sees_end, seen = waiting._Wait.sees_end, []

    def then_fails(self: Any, response: Any) -> bool:
        if not seen:
            emulated.faults.add(f"status=500; path={STATUS}", times=1)
        seen.append(response)
        return sees_end(self, response)

    monkeypatch.setattr(waiting._Wait, "sees_end", then_fails)
    assert wait(video.id).status == "completed"
    assert len(seen) == 2
    assert happens(lambda: 1.6 in costs.costs)
    assert sum(cost or 0 for cost in costs.costs) == 1.6


def test_a_server_that_never_recovers_ends_in_a_timeout_whose_cause_is_its_error(
    emulated: Emulator, wait: Callable[..., Any]
) -> None:
    video = submit()
    emulated.faults.add(f"status=503; path={STATUS}")
    with pytest.raises(litellm.Timeout, match="has no known status") as late:
        wait(video.id, timeout=0.3)
    assert isinstance(late.value.__cause__, litellm.ServiceUnavailableError)


def test_questions_become_less_frequent(slow: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(waiting, "FIRST_PAUSE", 1.0)
    monkeypatch.setattr(waiting, "LONGEST_PAUSE", 3.0)

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        slow.advance(seconds=seconds)

    monkeypatch.setattr(waiting.time, "sleep", sleep)
    openrouter_adapter.wait_for_video(submit().id)
    assert pauses == [1.0, 1.5, 2.25, 3.0, 3.0, 3.0]


def test_the_time_that_the_server_asks_for_is_waited(
    emulated: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(waiting.time, "sleep", pauses.append)
    video = submit()
    emulated.advance(seconds=5)
    emulated.faults.add(f"status=429; retry-after=7; path={STATUS}", times=1)
    openrouter_adapter.wait_for_video(video.id)
    assert pauses == [7.0]


@pytest.mark.parametrize(
    ("fault", "raised"),
    [("status=403", litellm.PermissionDeniedError), ("status=402", litellm.BadRequestError)],
)
def test_a_refusal_ends_a_wait_at_once(
    emulated: Emulator, wait: Callable[..., Any], fault: str, raised: type[Exception]
) -> None:
    video = submit()
    emulated.faults.add(f"{fault}; path={STATUS}")
    before = asked(emulated)
    with pytest.raises(raised):
        wait(video.id)
    assert asked(emulated) == before + 1


def test_an_unknown_job_is_not_waited_for(
    emulated: Emulator,  # noqa: ARG001
    wait: Callable[..., Any],
) -> None:
    with pytest.raises(litellm.NotFoundError, match="gen-vid-none not found"):
        wait("gen-vid-none")


def test_the_id_of_a_webhook_can_be_waited_for(
    emulated: Emulator, wait: Callable[..., Any]
) -> None:
    job = submit()._hidden_params["openrouter"]["job_id"]
    assert wait(job)._hidden_params["openrouter"]["job_id"] == job
    assert len(emulated.bill()) == 1


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_without_time_is_refused(emulated: Emulator, timeout: float) -> None:
    with pytest.raises(litellm.BadRequestError, match="give seconds above 0"):
        openrouter_adapter.wait_for_video("gen-vid-1", timeout=timeout)
    assert emulated.requests == []


def test_the_key_and_the_address_can_be_given(
    emulated: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    wait: Callable[..., Any],
    download: Callable[..., Any],
) -> None:
    video = submit()
    emulated.advance(seconds=5)
    monkeypatch.delenv("OPENROUTER_API_KEY")
    monkeypatch.delenv("OPENROUTER_API_BASE")
    to = {"api_key": emulated.api_key, "base_url": emulated.base_url}
    assert wait(video.id, **to).status == "completed"
    assert download(video.id, tmp_path / "clip.mp4", **to).exists()
    with pytest.raises(litellm.AuthenticationError):
        wait(video.id, base_url=emulated.base_url)


def test_a_download_is_a_video_that_plays(
    emulated: Emulator, download: Callable[..., Any], tmp_path: Path
) -> None:
    video = submit()
    emulated.advance(seconds=5)
    target = tmp_path / "clip.mp4"
    target.write_bytes(b"an old one")
    assert download(video.id, str(target)) == target
    with av.open(target) as opened:
        assert opened.streams.video[0].width == 1280
    assert [one.name for one in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_download_is_never_held_in_memory_nor_to_the_limit_of_answers(
    loopback: Loopback,
    monkeypatch: pytest.MonkeyPatch,
    download: Callable[..., Any],
    tmp_path: Path,
) -> None:
    size = 60_000_000
    monkeypatch.setenv("OPENROUTER_ADAPTER_MAX_RESPONSE_BYTES", "1000000")
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-0")
    monkeypatch.setenv("OPENROUTER_API_BASE", loopback.base_url)
    whole = mp4.make(64, 64, 1) + b"\0" * size
    loopback.answer = lambda _: Reply(whole, headers={"Content-Type": "video/mp4"})
    tracemalloc.start()
    try:
        download("gen-vid-1", tmp_path / "clip.mp4")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "clip.mp4").stat().st_size == len(whole)
    assert peak < size / 3


@pytest.mark.parametrize("fault", ["status=500", "cut", "hang-up"])
def test_a_download_that_fails_leaves_no_file(
    emulated: Emulator, download: Callable[..., Any], tmp_path: Path, fault: str
) -> None:
    video = submit()
    emulated.advance(seconds=5)
    emulated.faults.add(f"{fault}; path=/videos/{{}}/content")
    target = tmp_path / "clip.mp4"
    target.write_bytes(b"an old one")
    with pytest.raises((litellm.InternalServerError, litellm.APIConnectionError)):
        download(video.id, target)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"an old one"]


def test_a_job_that_is_not_completed_has_no_video(
    emulated: Emulator, download: Callable[..., Any], tmp_path: Path
) -> None:
    video = submit()
    with pytest.raises(litellm.BadRequestError, match="is not completed"):
        download(video.id, tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []
    assert emulated.bill() == []


@pytest.mark.parametrize(
    ("body", "kind", "raised"),
    [
        (b'{"error": {"code": 404, "message": "gone"}}', "application/json", "gone"),
        (b"<html><body>Bad gateway</body></html>", "text/html", "Bad gateway"),
        (b"", "video/mp4", "empty"),
    ],
)
def test_an_answer_that_is_no_video_becomes_no_file(
    loopback: Loopback,
    monkeypatch: pytest.MonkeyPatch,
    download: Callable[..., Any],
    tmp_path: Path,
    body: bytes,
    kind: str,
    raised: str,
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-0")
    monkeypatch.setenv("OPENROUTER_API_BASE", loopback.base_url)
    loopback.answer = lambda _: Reply(body, headers={"Content-Type": kind})
    with pytest.raises(openai.APIError, match=raised):
        download("gen-vid-1", tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []
