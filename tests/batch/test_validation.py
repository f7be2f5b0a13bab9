"""A job's file is read from end to end before anything is sent."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from openrouter_adapter import batch
from openrouter_adapter.batch import inputs, validation
from tests.batch.conftest import chat, line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

EMBEDDINGS, IMAGES, CHAT = "/v1/embeddings", "/v1/images/generations", "/v1/chat/completions"


def faults(path: Path) -> list[tuple[int, str]]:
    return [(fault.line, fault.message) for fault in validation.check(path).faults]


def test_each_fault_is_named_with_its_line(tmp_path: Path) -> None:
    lines: list[Any] = [
        chat(1),
        b"{not json",
        b"[1, 2]",
        {**chat(2), "custom_id": 7},
        {**chat(3), "url": "/v1/completions"},
        {**chat(4), "method": "GET"},
        {**chat(5), "body": "text"},
        line("no-model", CHAT, {"messages": [{"role": "user", "content": "Hi"}]}),
        line("no-messages", CHAT, {"model": "openai/gpt-4o-mini"}),
        chat(6, stream=True),
        chat(7, reasoning={"effort": "high", "max_tokens": 100}),
        chat(8, provider="openai"),
        line("size", IMAGES, {"model": "a/b", "prompt": "A cat", "size": "3000x1000"}),
        line("count", IMAGES, {"model": "a/b", "prompt": "A cat", "n": 3}),
        line("nothing", EMBEDDINGS, {"model": "a/b", "input": []}),
        chat(1),
        chat(9),
    ]
    path = tmp_path / "job.jsonl"
    path.write_bytes(
        b"\n".join(one if isinstance(one, bytes) else orjson.dumps(one) for one in lines)
    )
    found = dict(faults(path))
    assert sorted(found) == list(range(2, 17))
    for number, words in {
        2: "is not JSON",
        3: "not a JSON object",
        4: "custom_id is 7",
        5: "'/v1/completions'",
        6: "'GET'",
        7: "'text'",
        8: "body.model is missing",
        9: "body.messages is missing",
        10: "stream",
        11: "effort",
        12: "provider",
        13: "5:2",
        14: "n=3",
        15: "input",
        16: "line 1",
    }.items():
        assert words in found[number], found[number]


@pytest.mark.parametrize("message", ["Hi", None, 5, ["Hi"]])
def test_a_message_that_is_no_object_is_a_fault_of_its_line(
    job: Callable[..., Path], message: Any
) -> None:
    ((number, words),) = faults(job([chat(0), chat(1, messages=[message])]))
    assert number == 2
    assert "body.messages[0]" in words


def test_nothing_is_sent_of_a_faulty_file(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path = job([chat(1), {**chat(2), "url": "/v1/x"}, chat(3)])
    with pytest.raises(batch.FaultyInput, match="line 2: url is '/v1/x'") as raised:
        batch.run(path, tmp_path / "out")
    assert raised.value.count == 1
    # Only the list of models was asked for.
    assert {one.path for one in openrouter_at.requests} <= {"/models"}


def test_the_good_lines_are_sent_when_asked(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path = job([chat(0), {**chat(7), "url": "/v1/x"}, chat(0), chat(1)])
    summary = batch.run(path, tmp_path / "out", skip_faulty=True)
    assert (summary.done, summary.failed, len(openrouter_at.bill())) == (2, 2, 2)
    failures = (tmp_path / "out" / "failures.jsonl").read_text()
    assert "/v1/x" in failures
    assert "earlier line" in failures
    again = batch.run(path, tmp_path / "out", skip_faulty=True)
    assert (again.done, again.failed, len(openrouter_at.bill())) == (2, 2, 2)


def test_ten_thousand_doubles_are_counted_and_the_first_shown(job: Callable[..., Path]) -> None:
    path = job([chat(1)] * 10_001)
    found = validation.check(path)
    assert found.fault_count == 10_000
    assert found.faults[0].line == 2
    with pytest.raises(
        batch.FaultyInput, match="nothing was sent:\n  10,000 lines \\(2, 3, 4, …\\)"
    ):
        found.refuse(path)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_a_fault(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "job.jsonl"
    path.write_bytes(content)
    ((number, words),) = faults(path)
    assert number == 0
    assert "is empty" in words


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(batch.BatchError, match=r"nowhere\.jsonl can't be read: No such file"):
        batch.run(tmp_path / "nowhere.jsonl", tmp_path / "out")


def test_windows_lines_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "job.jsonl"
    lines = [orjson.dumps(chat(1)), b"", b"  ", orjson.dumps(chat(2)), orjson.dumps(chat(3))]
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    assert faults(path) == []
    assert [number for number, _ in inputs.lines(path)] == [1, 4, 5]
    assert all(orjson.loads(text) for _, text in inputs.lines(path))


def test_gzip_is_read_as_what_it_holds(job: Callable[..., Path], tmp_path: Path) -> None:
    plain = job(100)
    packed = tmp_path / "job.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert list(inputs.lines(packed)) == list(inputs.lines(plain))


@pytest.mark.parametrize("damage", ["cut", "changed", "followed by something else"])
def test_gzip_that_was_damaged_is_a_sentence(
    job: Callable[..., Path], tmp_path: Path, damage: str
) -> None:
    content = bytearray(gzip.compress(job(1000).read_bytes()))
    packed = tmp_path / "job.jsonl.gz"
    if damage == "cut":
        del content[-500:]
    elif damage == "changed":
        content[500] ^= 255
    else:
        content += b"junk"
    packed.write_bytes(content)
    with pytest.raises(batch.BatchError, match=r"job\.jsonl\.gz can't be read: "):
        list(inputs.lines(packed))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_named_with_what_to_do(
    job: Callable[..., Path], tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "job.jsonl"
    path.write_text("\ufeff" + job(3).read_text(), encoding=encoding)
    with pytest.raises(batch.BatchError, match=r"is UTF-16\. Save it as UTF-8\."):
        batch.run(path, tmp_path / "out")


@pytest.mark.parametrize("indent", [None, orjson.OPT_INDENT_2])
def test_a_body_builder_answer_gets_stable_ids(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "built.json"
    bodies = [chat(number)["body"] for number in range(3)]
    path.write_bytes(orjson.dumps({"requests": bodies}, option=indent))
    lines = [orjson.loads(text) for _, text in inputs.lines(path)]
    assert [one["custom_id"] for one in lines] == ["request-1", "request-2", "request-3"]
    assert [one["body"] for one in lines] == bodies
    assert faults(path) == []


@pytest.mark.usefixtures("openrouter_at")
def test_a_line_of_twenty_megabytes(job: Callable[..., Path], tmp_path: Path) -> None:
    long = chat(1)
    long["body"]["messages"].insert(0, {"role": "system", "content": "word " * 4_000_000})
    path = job([chat(0), long, chat(2)])
    summary = batch.run(path, tmp_path / "out")
    # Too long for the model, which is a failure of that line and of no other.
    assert (summary.done, summary.failed) == (2, 1)
    assert "ContextWindowExceededError" in summary.failures


@pytest.mark.timed
def test_tens_of_thousands_of_lines_a_second(job: Callable[..., Path]) -> None:
    path = job(30_000)
    started = time.process_time()
    assert validation.check(path).requests == 30_000
    # A quiet machine checks 40,000.
    assert 30_000 / (time.process_time() - started) > 8_000


def test_models_may_have_litellms_prefix(job: Callable[..., Path]) -> None:
    found = []
    path = job([chat(1, model="openrouter/openai/gpt-4o"), chat(2, model="openrouter/auto")])
    validation.check(path, inspect=lambda request: found.append(request.model))
    assert found == ["openai/gpt-4o", "openrouter/auto"]
