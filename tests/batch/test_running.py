"""A job from its file to answers, their cost and a summary."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import pathlib
import threading
import time
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import litellm
import orjson
import pytest

from openrouter_adapter import batch, ledger
from openrouter_adapter.batch import inputs, media, requests, sending, writer
from openrouter_adapter.emulator import Emulator
from tests.batch.conftest import MODEL, QUICK, assert_each_once, chat, line, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("openrouter_at")


def billed(em: Emulator) -> Decimal:
    return sum((row.cost for row in em.bill()), Decimal(0))


def test_answers_have_openai_s_form_and_their_exact_cost(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    summary = batch.run(job(50), tmp_path / "out")
    assert_each_once(tmp_path / "out", 50)
    bill = {row.generation_id: row for row in em.bill()}
    text = (tmp_path / "out" / "results.jsonl").read_text()
    for one in read(tmp_path / "out" / "results.jsonl"):
        row = bill[one["generation_id"]]
        assert one["response"]["status_code"] == 200
        assert one["response"]["request_id"] == row.generation_id
        assert one["error"] is None
        assert Decimal(repr(one["cost_usd"])) == row.cost
        assert f'"cost_usd":{row.cost:f},' in text
        assert one["provider"] == row.provider
        assert 0 < one["latency_s"] < 10
    assert summary.cost == billed(em)
    assert (summary.requests, summary.done, summary.left, summary.failed) == (50, 50, 0, 0)
    assert summary.models["openai/gpt-4o-mini"]["requests"] == 50
    assert Decimal(summary.providers["OpenAI"]["cost_usd"]) == billed(em)
    assert summary.completion_tokens == sum(row.tokens_completion for row in em.bill())
    assert summary.latency["p50"] is not None
    written = orjson.loads((tmp_path / "out" / "summary.json").read_bytes())
    assert written == summary.as_json()


def test_embeddings_and_images_beside_chats(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    image = {"model": "google/gemini-2.5-flash-image", "prompt": "A red cat", "size": "1024x1024"}
    texts = {"model": "openai/text-embedding-3-small", "input": ["one", "two"]}
    path = job(
        [
            chat(0),
            line("a/../b ä", "/v1/images/generations", image),
            line("texts", "/v1/embeddings", texts),
        ]
    )
    out = tmp_path / "out"
    summary = batch.run(path, out, save_media=True)
    assert summary.done == 3
    assert summary.cost == billed(em)
    found = {one["custom_id"]: one["response"]["body"] for one in read(out / "results.jsonl")}
    assert [len(one["embedding"]) for one in found["texts"]["data"]] == [1536, 1536]
    (picture,) = found["a/../b ä"]["data"]
    file = out / picture["file"]
    assert file.parent == out / "media"
    assert file.read_bytes().startswith(b"\x89PNG")
    assert "b64_json" not in picture
    again = batch.run(
        job([line("cat", "/v1/images/generations", image)], "2.jsonl"), tmp_path / "2"
    )
    assert again.done == 1
    (one,) = read(tmp_path / "2" / "results.jsonl")
    assert base64.b64decode(one["response"]["body"]["data"][0]["b64_json"])[1:4] == b"PNG"


def test_file_names_are_safe_and_differ() -> None:
    ids = ["a", "A", "a/b", "a%2Fb", "../x", "con", "x" * 500, "x" * 501, ".", "é", "a b", "A B"]
    # What a name is changed to must be no other id's: the one image would replace the other.
    ids += ["_con", "_.", "a.", "a_1", "a~1", "_..%2fx_4", " a", "a "]
    names = [media.file_name(custom_id, number) for number, custom_id in enumerate(ids)]
    assert names[0] == "a"
    assert len({name.lower() for name in names}) == len(ids)
    for name in names:
        assert not set(name) & set('/\\:*?"<>|')
        assert name not in {"", ".", "..", "con"}
        assert len(name) < 160


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("image/jpeg", "jpg"), ("image/webp", "webp"), ("image/../../x", "png"), ("", "png")],
)
def test_an_image_is_named_after_its_kind_and_stays_in_its_folder(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    data = base64.b64encode(b"picture").decode()
    link = {"url": f"data:{kind};base64,{data}"}
    body = {"choices": [{"message": {"images": [{"image_url": link}]}}]}
    request = requests.parse(1, orjson.dumps(chat(0)))
    media.Media(tmp_path / "media").keep(request, body)
    assert link == {"file": f"media/sum-0-1.{suffix}"}
    assert (tmp_path / "media" / f"sum-0-1.{suffix}").read_bytes() == b"picture"


def test_results_in_the_order_of_the_input(job: Callable[..., Path], tmp_path: Path) -> None:
    summary = batch.run(job(300), tmp_path / "out", in_order=True, concurrency=50)
    assert summary.done == 300
    names = [one["custom_id"] for one in read(tmp_path / "out" / "results.jsonl")]
    assert names == [f"sum-{number}" for number in range(300)]
    assert batch.status(tmp_path / "out").done == 300


def test_in_order_after_a_stop_failures_and_another_try(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    """Each run sorts what it adds to, and goes on from a sorted file."""
    path, out = job(120), tmp_path / "out"
    em.faults.add("status=400", times=3)
    stopped = batch.run(path, out, in_order=True, budget="0.0003", concurrency=8)
    assert stopped.left
    assert in_order(out) == stopped.done > 0
    assert batch.resume(out, in_order=True, budget=1, concurrency=8).failed == 3
    assert in_order(out) == 117
    assert batch.retry(out, in_order=True).done == 120
    assert in_order(out) == 120
    assert_each_once(out, 120)


def in_order(out: Path) -> int:
    """How many results there are, in the order of the input."""
    numbers = [int(one["custom_id"].removeprefix("sum-")) for one in read(out / "results.jsonl")]
    assert numbers == sorted(numbers)
    return len(numbers)


def test_windows_lines_and_a_byte_order_mark_are_answered_in_each_shard(
    job: Callable[..., Path], tmp_path: Path
) -> None:
    path = job(20)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n\r\n"))
    assert [batch.run(path, tmp_path / f"{i}", shard=(i, 2)).done for i in (1, 2)] == [10, 10]


def test_what_is_on_disk_when_a_request_arrives_and_when_it_counts(
    job: Callable[..., Path], tmp_path: Path
) -> None:
    """The intent before the request, the result before the count."""
    out, unwritten = tmp_path / "out", []

    def answer(body: dict[str, Any]) -> str:
        line = int(body["messages"][0]["content"].split()[2]) + 1
        if b"\n> %d 1 " % line not in (out / "journal.log").read_bytes():
            unwritten.append(line)
        return str(line)

    def watch(progress: batch.Progress) -> None:
        counted = progress.left.tally.done
        assert len(read(out / "results.jsonl")) >= counted

    with Emulator(answer=answer) as em:
        access = {"api_key": em.api_key, "api_base": em.base_url}
        assert batch.run(job(300), out, concurrency=40, watch=watch, **access).done == 300
    assert unwritten == []


def test_nothing_is_sent_whose_intent_is_not_synced_and_syncs_are_shared(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = job(300), []
    system = SimpleNamespace(**vars(os))

    def fsync(file: int) -> None:
        synced.append(file)

    def broken(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(writer, "os", system)
    system.fsync = broken
    stopped = batch.run(path, tmp_path / "a")
    assert "Input/output error" in str(stopped.stopped)
    assert not em.bill()
    system.fsync = fsync
    assert batch.run(path, tmp_path / "b", concurrency=100).done == 300
    # Two for each request, if each were synced by itself.
    assert len(synced) < 200


def test_no_object_of_litellms_is_built_for_an_answer(
    job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They cost more than all the rest: a request goes through the endpoints' plain functions."""

    def refuse(self: object, *_: object, **__: object) -> None:
        raise AssertionError(type(self))

    for name in ("ModelResponse", "EmbeddingResponse", "ImageResponse"):
        monkeypatch.setattr(getattr(litellm, name), "__init__", refuse)
    image = {"model": "google/gemini-2.5-flash-image", "prompt": "A red cat"}
    texts = {"model": "openai/text-embedding-3-small", "input": "one"}
    lines = [chat(0), line("cat", "/v1/images/generations", image)]
    lines.append(line("texts", "/v1/embeddings", texts))
    assert batch.run(job(lines), tmp_path / "out").done == 3


def test_the_same_command_again_sends_nothing(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path = job(20)
    first = batch.run(path, tmp_path / "out")
    again = batch.run(path, tmp_path / "out")
    assert len(em.bill()) == 20
    assert (again.done, again.cost, again.runs) == (20, first.cost, 2)


def test_another_input_in_the_same_folder_is_refused(
    job: Callable[..., Path], tmp_path: Path
) -> None:
    batch.run(job(5), tmp_path / "out")
    with pytest.raises(batch.FolderUnfit, match="belongs to another input"):
        batch.run(job(6), tmp_path / "out")
    # The same content under another date is the same job.
    assert batch.run(job(5), tmp_path / "out").done == 5


@pytest.mark.parametrize(
    ("begun", "asked", "said"),
    [
        ({}, {"model": "openai/gpt-4o"}, "the model is each line's own, not openai/gpt-4o"),
        ({"model": MODEL}, {}, f"the model is {MODEL}, not each line's own"),
        ({"shard": (1, 2)}, {}, "the shard is 1/2, not 1/1"),
        ({"shard": (1, 2)}, {"shard": (2, 2)}, "the shard is 1/2, not 2/2"),
        ({}, {"save_media": True}, "images are not saved as files"),
        ({"job": "night"}, {"job": "day"}, "the name is night, not day"),
    ],
)
def test_the_job_of_a_folder_cannot_be_made_another_one(
    em: Emulator,
    job: Callable[..., Path],
    tmp_path: Path,
    begun: dict[str, Any],
    asked: dict[str, Any],
    said: str,
) -> None:
    """A second command with another model would otherwise end with the first one's answers."""
    path, out = job(4), tmp_path / "out"
    batch.run(path, out, **begun)
    sent = len(em.bill())
    with pytest.raises(batch.FolderUnfit, match=f"{said}.*Continue that job with"):
        batch.run(path, out, **asked)
    # Who goes on says nothing of it, or what the job is anyway.
    assert batch.resume(out).left == 0
    assert batch.resume(out, **begun).left == 0
    assert len(em.bill()) == sent


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 3}', '{"format": 1}'])
def test_a_job_file_that_was_damaged_is_a_sentence(
    job: Callable[..., Path], tmp_path: Path, content: str
) -> None:
    out = tmp_path / "out"
    batch.run(job(1), out)
    (out / "job.json").write_text(content)
    for command in (batch.status, batch.resume):
        with pytest.raises(
            batch.FolderUnfit, match=r"can't be read|after a run wrote|another version"
        ):
            command(out)


def test_shards_are_parts_of_one_input(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path = job(101)
    parts = [batch.run(path, tmp_path / str(i), shard=(i, 4)) for i in range(1, 5)]
    assert [part.requests for part in parts] == [25, 25, 25, 26]
    assert sum(part.done for part in parts) == len(em.bill()) == 101
    names = [one["custom_id"] for i in "1234" for one in read(tmp_path / i / "results.jsonl")]
    assert len(set(names)) == 101
    with pytest.raises(batch.BatchError, match="Invalid shard 5/4"):
        batch.run(path, tmp_path / "5", shard=(5, 4))


def test_a_slip_in_the_name_of_an_option_is_told(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    """A budget that is spelt `buget` would be none."""
    slip: dict[str, Any] = {"buget": 5}
    with pytest.raises(TypeError, match=r"unknown option 'buget' of a batch job; use budget, "):
        batch.run(job(1), tmp_path / "out", **slip)
    with pytest.raises(batch.BatchError, match="Invalid tries 0: use a number from 1"):
        batch.run(job(1), tmp_path / "out", tries=0)
    with pytest.raises(batch.BatchError, match="Invalid timeout 0: use a number of seconds"):
        batch.run(job(1), tmp_path / "out", timeout=0)
    assert not em.requests


async def test_in_a_loop_that_runs_already(job: Callable[..., Path], tmp_path: Path) -> None:
    path = job(20)
    assert batch.run(path, tmp_path / "a").done == 20
    both = await asyncio.gather(batch.arun(path, tmp_path / "b"), batch.arun(path, tmp_path / "c"))
    assert [summary.done for summary in both] == [20, 20]


async def test_a_notebook_s_stop_button(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = threading.Thread.join
    pressed = []

    def press(thread: threading.Thread, timeout: float | None = None) -> None:
        if thread.name == "batch" and not pressed:
            while len(em.bill()) < 10:
                time.sleep(0.01)
            pressed.append(thread)
            raise KeyboardInterrupt
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", press)
    summary = batch.run(job(3000), tmp_path / "out")
    assert summary.stopped is not None
    assert 10 <= summary.done < 3000
    assert summary.done == len(em.bill())


def test_an_image_that_cannot_be_kept_stops_the_job(
    job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = {"model": "google/gemini-2.5-flash-image", "prompt": "A red cat"}
    path = job([line("cat", "/v1/images/generations", image)])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "write_bytes", full)
        summary = batch.run(path, tmp_path / "out", save_media=True)
    assert summary.stopped is not None
    assert "No space left" in summary.stopped
    again = batch.resume(tmp_path / "out")
    assert (again.done, len(again.in_the_air)) == (1, 1)


def test_an_input_that_ends_in_mid_job(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = job(100), inputs.lines

    def torn(source: Path, *place: int) -> Iterator[tuple[int, bytes]]:
        for number, text in real(source, *place):
            # The check has read all of it.
            if place and number == 50:
                raise batch.BatchError(f"{source} can't be read: gone.")
            yield number, text

    with monkeypatch.context() as patch:
        patch.setattr(inputs, "lines", torn)
        with pytest.raises(batch.BatchError, match="gone"):
            batch.run(path, tmp_path / "out")
    found = batch.status(tmp_path / "out")
    assert found.done == len(em.bill())
    assert not found.in_the_air
    assert batch.resume(tmp_path / "out").done == 100


def test_the_model_of_all_lines_can_be_another(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path = job([chat(0), chat(1, model=None), chat(2, model="gpt-4o")])
    batch.run(path, tmp_path / "out", model="openai/gpt-4o")
    assert {row.model for row in em.bill()} == {"openai/gpt-4o"}


def test_failures_are_told_and_tried_again(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    em.faults.add("status=400; message=The picture is too dark", times=2)
    em.faults.add("moderation=violence", times=1)
    out = tmp_path / "out"
    summary = batch.run(job(10), out)
    assert (summary.done, summary.failed) == (7, 3)
    assert summary.failures == {"BadRequestError": 2, "ContentPolicyViolationError": 1}
    words = [one["error"]["message"] for one in read(out / "failures.jsonl")]
    assert sum("The picture is too dark" in word for word in words) == 2
    assert sum("violence" in word for word in words) == 1
    assert {one["response"]["status_code"] for one in read(out / "failures.jsonl")} == {400, 403}
    again = batch.retry(out)
    assert (again.done, again.failed) == (10, 0)
    assert_each_once(out, 10)
    assert len(read(out / "failures-1.jsonl")) == 3
    assert again.cost == billed(em)


FAULTS = (
    *("rate-limit=1", "status=429; retry-after=1", "status=429", "status=502", "status=529"),
    *("error-in-200=502", "cut=300", "stall=0.3", "null-choices", "bad-json", "html=503"),
)


def test_five_percent_of_every_fault(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    for number, fault in enumerate(FAULTS):
        em.faults.add(fault, probability=0.05 / len(FAULTS), seed=number)
    out = tmp_path / "out"
    summary = batch.run(
        job(2000), out, pace=QUICK, budget="2", ledger=tmp_path / "ledger.db", concurrency=None
    )
    assert (summary.done, summary.failed) == (2000, 0)
    assert_each_once(out, 2000)
    assert summary.retries >= 50
    spent = ledger.open(tmp_path / "ledger.db").spend("job")
    assert sum(one.total for one in spent) == summary.cost
    # A gateway's page has no generation id to ask by: its reservation stays, and it was not billed.
    assert summary.cost == billed(em)


def test_a_failure_has_the_provider_s_words_and_not_litellm_s_class_names(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    """A class that is another one's child had both names before its words."""
    em.faults.add("moderation=violence", times=1)
    batch.run(job(1), tmp_path / "out")
    (failure,) = read(tmp_path / "out" / "failures.jsonl")
    assert failure["error"]["code"] == "ContentPolicyViolationError"
    assert failure["error"]["message"].startswith("OpenRouter: ")


def test_five_percent_that_are_never_answered(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    em.faults.add("stall", probability=0.05, seed=3)
    out, pace = tmp_path / "out", batch.Pace(timeout=2, backoff=0.02, first_pause=0.02)
    summary = batch.run(job(300), out, pace=pace, budget=1)
    assert (summary.done, summary.failed) == (300, 0)
    assert_each_once(out, 300)
    assert summary.retries >= 5
    # Nobody knows what they cost, if anything: each counts at its worst.
    assert summary.unsettled == summary.retries
    assert summary.cost <= billed(em) <= summary.cost + summary.unsettled_cost


def test_what_was_cut_is_asked_for_and_settled(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    em.faults.add("cut=300", times=5)
    summary = batch.run(job(20), tmp_path / "out", pace=QUICK, budget=1)
    assert len(em.bill()) == 25
    assert summary.cost == billed(em)
    assert summary.unsettled == 0


@pytest.mark.parametrize(
    ("ends", "advice"),
    [("key", "OPENROUTER_API_KEY"), ("credits", "https://openrouter.ai/settings/credits")],
)
def test_a_key_or_account_that_ends_in_mid_job_stops_it(
    em: Emulator,
    job: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ends: str,
    advice: str,
) -> None:
    # A key is looked for once a minute: here before each request.
    monkeypatch.setattr(sending, "_KEY_LIFETIME", 0.0)
    ended = []

    def watch(progress: batch.Progress) -> None:
        if progress.left.tally.done < 20 or ended:
            return
        ended.append(ends)
        if ends == "key":
            monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-nobody-knows-this-one")
        else:
            em.faults.add("credits")

    path = job(2000)
    stopped = batch.run(path, tmp_path / "out", pace=batch.Pace(4, backoff=0.02), watch=watch)
    assert stopped.stopped is not None
    assert advice in stopped.stopped
    assert stopped.failed == 0
    assert 20 <= stopped.done < 2000
    em.faults.clear()
    monkeypatch.setenv("OPENROUTER_API_KEY", em.api_key)
    assert batch.resume(tmp_path / "out").done == 2000
    assert_each_once(tmp_path / "out", 2000)
    assert sum(row.cost > 0 for row in em.bill()) == 2000


def test_a_key_that_cannot_be_looked_up_any_more_is_still_the_key(
    job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one of a secret manager that is down: OpenRouter says what the old one is worth."""
    monkeypatch.setattr(sending, "_KEY_LIFETIME", 0.0)

    def watch(progress: batch.Progress) -> None:
        if progress.left.tally.done >= 20:
            monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)

    path = job(500)
    summary = batch.run(path, tmp_path / "out", pace=batch.Pace(4, backoff=0.02), watch=watch)
    assert (summary.done, summary.stopped) == (500, None)
    assert batch.status(tmp_path / "out").in_the_air == []


def test_one_refusal_among_answers_stops_nothing(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    em.faults.add("status=401", times=1)
    assert batch.run(job(50), tmp_path / "out", pace=QUICK).done == 50


def test_a_service_that_is_down_pauses_and_then_goes_on(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    em.faults.add("status=502", times=24)
    summary = batch.run(job(100), tmp_path / "out", pace=QUICK)
    assert (summary.done, summary.failed) == (100, 0)


def test_a_service_that_stays_down_is_given_up(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    em.faults.add("status=502")
    pace = batch.Pace(backoff=0.01, first_pause=0.01, patience=0.3)
    summary = batch.run(job(100), tmp_path / "out", pace=pace)
    assert summary.stopped is not None
    assert "Nothing has worked" in summary.stopped
    em.faults.clear()
    assert batch.retry(tmp_path / "out").done == 100


def test_nobody_there_at_all(job: Callable[..., Path], tmp_path: Path) -> None:
    pace = batch.Pace(backoff=0.01, first_pause=0.01, patience=0.3)
    address = "http://127.0.0.1:9/api/v1"
    summary = batch.run(job(100), tmp_path / "out", pace=pace, api_base=address)
    assert summary.stopped is not None
    assert "not reached" in summary.stopped
    assert (summary.unsettled, summary.cost) == (0, 0)


def test_a_wait_that_is_too_long_ends_the_run(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    em.faults.add("rate-limit=7200")
    summary = batch.run(job(5), tmp_path / "out", pace=QUICK)
    assert summary.stopped is not None
    assert "120 minutes" in summary.stopped
    assert summary.left == 5


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_clock_that_jumps(
    em: Emulator,
    job: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    jump: float,
) -> None:
    from openrouter_adapter.wire import retry_after

    real = time.time

    class Clock:
        time = staticmethod(lambda: real() + jump)

    monkeypatch.setattr(retry_after, "time", Clock)
    em.faults.add("rate-limit=1", times=3)
    summary = batch.run(job(30), tmp_path / "out", pace=QUICK)
    assert (summary.done, summary.failed, summary.stopped) == (30, 0, None)
    assert summary.seconds is not None
    assert 1 <= summary.seconds < 8


@pytest.mark.parametrize("status", [429, 529])
def test_too_many_at_once_halves_what_is_in_the_air(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, status: int
) -> None:
    em.faults.add(f"status={status}", times=3)
    em.faults.add("stall=0.05")
    limits: list[int] = []
    summary = batch.run(
        job(200),
        tmp_path / "out",
        pace=batch.Pace(32, backoff=0.02),
        watch=lambda progress: limits.append(progress.engine.queues.limit),
    )
    assert (summary.done, summary.failed) == (200, 0)
    assert min(limit for limit in limits if limit) <= 24


def test_per_model_limits(em: Emulator, job: Callable[..., Path], tmp_path: Path) -> None:
    lines = [chat(n, model=("openai/gpt-4o", "openai/gpt-4o-mini")[n % 2]) for n in range(60)]
    em.faults.add("status=429; model=openai/gpt-4o", times=10)
    limits = {"openai/gpt-4o": 2}
    most: dict[str, Any] = {}

    def watch(progress: batch.Progress) -> None:
        for name, queue in progress.engine.queues._queues.items():
            most[name] = queue.concurrency.most

    summary = batch.run(
        job(lines), tmp_path / "out", pace=batch.Pace(16, limits, backoff=0.01), watch=watch
    )
    assert summary.done == 60
    assert most == {"openai/gpt-4o": 2, "openai/gpt-4o-mini": 16}
