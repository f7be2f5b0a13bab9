"""The lines of `OPENROUTER_DEBUG`: what they say, what they never say, and what they cost."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import timeit
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter import admission, api, batch, debugging, ledger
from tests.support.calls import WAYS
from tests.support.gate import RecordingGate, guarded

if TYPE_CHECKING:
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator
    from tests.support.loopback import Loopback

MODEL = "openrouter/openai/gpt-4o-mini"
SECRET = "The word is xylophone."
QUESTION = [{"role": "user", "content": SECRET}]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="openrouter_adapter")
    return caplog


def facts(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(one)["openrouter"] for one in caplog.records if "openrouter" in vars(one)]


def test_a_line_says_everything_that_was_billed(
    emulated: Emulator, lines: pytest.LogCaptureFixture
) -> None:
    litellm.completion(MODEL, QUESTION)
    [bill] = emulated.bill()
    [told] = facts(lines)
    assert told.pop("ms") >= 0
    assert told.pop("sent_bytes") > len(SECRET)
    assert told.pop("received_bytes") > 100
    assert told == {
        "method": "POST",
        "url": f"{emulated.base_url}/chat/completions",
        "model": "openai/gpt-4o-mini",
        "status": 200,
        "generation": bill.generation_id,
        "cost_usd": f"{bill.cost:f}",
    }
    [record] = [one for one in lines.records if one.name == "openrouter_adapter"]
    assert record.levelno == logging.DEBUG
    assert f"generation={bill.generation_id} cost_usd={bill.cost:f} ms=" in record.message


@pytest.mark.parametrize("way", WAYS)
def test_every_way_has_one_line(
    openrouter: Loopback, way: str, lines: pytest.LogCaptureFixture
) -> None:
    WAYS[way]()
    [told] = facts(lines)
    [request] = openrouter.requests
    assert told["url"].endswith(request.path)
    assert (told["model"], told["status"]) == (request.body["model"], 200)


def test_a_stream_is_told_at_its_end(emulated: Emulator, lines: pytest.LogCaptureFixture) -> None:
    async def read() -> None:
        stream: Any = await litellm.acompletion(MODEL, QUESTION, stream=True)
        first = True
        async for _ in stream:
            assert not (first and facts(lines))
            first = False

    asyncio.run(read())
    [told] = facts(lines)
    assert told["cost_usd"] == f"{emulated.bill()[0].cost:f}"


def test_neither_key_nor_prompt_nor_answer_is_in_a_line(
    emulated: Emulator, lines: pytest.LogCaptureFixture
) -> None:
    answer: Any = litellm.completion(MODEL, QUESTION)
    said = answer.choices[0].message.content
    api.get_key()
    text = "\n".join(
        one.getMessage() + str(vars(one)["openrouter"])
        for one in lines.records
        if one.name == "openrouter_adapter"
    )
    assert text
    for secret in (emulated.api_key, SECRET, "xylophone", said):
        assert secret not in text


def test_a_failure_is_told_with_its_class(
    openrouter: Loopback, lines: pytest.LogCaptureFixture
) -> None:
    openrouter.replies({"error": {"code": 429, "message": SECRET}}, 429)
    with pytest.raises(litellm.RateLimitError):
        litellm.completion(MODEL, QUESTION, num_retries=0)
    [told] = facts(lines)
    assert (told["status"], told["error"], told["cost_usd"]) == (429, "RateLimitError", "unknown")
    assert SECRET not in lines.text.replace(str(openrouter.body), "")


def test_credentials_in_a_url_and_what_steers_a_terminal_are_left_out(
    lines: pytest.LogCaptureFixture,
) -> None:
    url = "https://user:secret@openrouter.example/api/v1/chat?key=secret"
    debugging.tell("POST", url, model="x\n\x1b[31mFORGED", status=None)
    [told] = facts(lines)
    assert told["url"] == "https://openrouter.example/api/v1/chat"
    assert told["model"] == r"x\n\x1b[31mFORGED"
    assert "secret" not in lines.text


def test_the_gate_that_is_installed_goes_on_as_before(
    openrouter: Loopback, lines: pytest.LogCaptureFixture
) -> None:
    with guarded(RecordingGate()) as gate:
        litellm.completion(MODEL, QUESTION)
        logging.getLogger("openrouter_adapter").setLevel(logging.WARNING)
        litellm.completion(MODEL, QUESTION)
    assert len(gate.bills) == len(openrouter.requests) == 2
    assert len(facts(lines)) == 1


def test_the_ledger_has_its_rows_while_debugging(
    emulated: Emulator, tmp_path: Path, lines: pytest.LogCaptureFixture
) -> None:
    ledger.enable(tmp_path / "ledger.db")
    try:
        litellm.completion(MODEL, QUESTION)
        assert ledger.flush()
        [spent] = ledger.spend()
    finally:
        ledger.disable()
    assert spent.billed == emulated.bill()[0].cost
    assert len(facts(lines)) == 1


def test_a_refusal_of_the_gate_is_told(
    openrouter: Loopback, lines: pytest.LogCaptureFixture
) -> None:
    class Refuses(RecordingGate):
        def before_send(self, *_: Any) -> object:
            raise litellm.BudgetExceededError(1.0, 0.5)

    with guarded(Refuses()), pytest.raises(litellm.BudgetExceededError):
        litellm.completion(MODEL, QUESTION)
    [told] = facts(lines)
    assert (told["error"], told["sent_bytes"]) == ("BudgetExceededError", 0)
    assert openrouter.requests == []


def test_a_batch_job_has_a_line_for_each_request(
    emulated: Emulator, tmp_path: Path, lines: pytest.LogCaptureFixture
) -> None:
    job = tmp_path / "job.jsonl"
    body = {"model": "openai/gpt-4o-mini", "messages": QUESTION, "max_tokens": 20}
    wrong = {**body, "model": "openai/gpt-4o"}
    emulated.faults.add("status=400; model=openai/gpt-4o")
    job.write_text(
        "".join(
            json.dumps({"custom_id": name, "method": "POST", "url": "/v1/chat/completions", **one})
            + "\n"
            for name, one in (("right", {"body": body}), ("wrong", {"body": wrong}))
        )
    )
    batch.run(job, tmp_path / "out")
    told = {one["model"]: one for one in facts(lines) if one["method"] == "POST"}
    [bill] = [one for one in emulated.bill() if one.cost]
    assert told["openai/gpt-4o-mini"]["generation"] == bill.generation_id
    assert told["openai/gpt-4o-mini"]["cost_usd"] == f"{bill.cost:f}"
    assert told["openai/gpt-4o"]["error"]
    assert "xylophone" not in str(told)


def test_switched_in_mid_stream_nothing_is_lost_or_told_twice(
    openrouter: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("openrouter_adapter")
    with guarded(RecordingGate()) as gate:
        for before, during in ((logging.DEBUG, logging.WARNING), (logging.WARNING, logging.DEBUG)):
            caplog.set_level(before, logger="openrouter_adapter")
            stream: Any = litellm.completion(MODEL, QUESTION, stream=True)
            next(iter(stream))
            logger.setLevel(during)
            list(stream)
    assert len(gate.bills) == len(openrouter.requests) == 2


@pytest.mark.usefixtures("openrouter")
def test_nothing_is_formatted_while_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tell", "size", "Request"):
        monkeypatch.setattr(debugging, name, lambda *_, **__: pytest.fail("it was asked for"))
    litellm.completion(MODEL, QUESTION)


def test_what_it_costs_while_it_is_off() -> None:
    assert not debugging.is_on()
    seconds = min(timeit.repeat(debugging.is_on, number=10_000, repeat=5)) / 10_000
    # Some 0.1 µs; the bound leaves room for a slow machine, and none for a formatted line.
    assert seconds < 3e-6
    attempt = admission.Attempt()
    attempt.admit({"model": "a/b"}, "/chat/completions")
    assert not attempt.has_ticket


PROGRAM = """
import logging
{set_up}
from openrouter_adapter import debugging
if debugging.is_on():
    debugging.tell("POST", "https://openrouter.example/api/v1/chat/completions", model="a/b")
"""


@pytest.mark.parametrize(
    ("value", "set_up", "lines"),
    [
        ("true", "", 1),
        ("1", "", 1),
        ("false", "", 0),
        ("", "", 0),
        # A program that logs by itself has each line once, in its own form.
        ("True", "logging.basicConfig(level=logging.INFO, format='OWN %(message)s')", 1),
    ],
)
def test_the_variable_switches_it_on_for_a_program(value: str, set_up: str, lines: int) -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", PROGRAM.format(set_up=set_up)],
        env={**os.environ, "OPENROUTER_DEBUG": value},
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
    )
    found = [line for line in done.stderr.splitlines() if "/chat/completions model=" in line]
    assert len(found) == lines
    assert all(("OWN" in line) == bool(set_up) for line in found)


def test_it_is_switched_on_and_off_by_hand() -> None:
    assert not debugging.is_on()
    debugging.enable()
    debugging.enable()
    try:
        assert debugging.is_on()
        assert len(debugging.logger.handlers) == 1
    finally:
        debugging.disable()
    assert not debugging.is_on()
    assert debugging.logger.handlers == []
