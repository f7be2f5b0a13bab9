"""Every call through LiteLLM has its row, with the exact cost and nothing that is private."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest
import sqlalchemy as sa
from litellm.integrations.custom_logger import CustomLogger

from openrouter_adapter import ledger, report
from openrouter_adapter.ledger import DIMENSIONS, gate, metadata, to_pico
from openrouter_adapter.report import listing
from tests.support import answers

from .traffic import CHAT, EMBEDDING, IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger import Ledger, Row
    from tests.support.loopback import Loopback

HELLO = [{"role": "user", "content": "Hello"}]


def only_row(book: Ledger) -> Row:
    assert book.flush()
    [row] = book.store.rows()
    return row


def test_labels_come_from_the_call(enabled: Ledger, to: dict[str, str]) -> None:
    litellm.completion(
        CHAT,
        HELLO,
        user="ann",
        metadata={"tags": ["b", "a", "b"], "job": "nightly", "user_api_key_alias": "team"},
        **to,
    )
    row = only_row(enabled)
    assert (row.user_id, row.tags, row.job, row.key_name) == (
        "ann",
        '["a", "b"]',
        "nightly",
        "team",
    )
    assert (row.endpoint, row.via, row.model) == (
        "/chat/completions",
        "openrouter",
        "openai/gpt-4o-mini",
    )
    assert (row.outcome, row.finish_reason, row.provider) == ("ok", "stop", "OpenAI")
    assert row.prompt_tokens
    assert row.completion_tokens
    assert row.latency_ms is not None


def test_a_label_that_no_database_takes_loses_no_row(enabled: Ledger, to: dict[str, str]) -> None:
    labels = {"tags": ["\ud800", "b\x00"], "job": "half \udfff"}
    litellm.completion(CHAT, HELLO, metadata=labels, **to)
    row = only_row(enabled)
    assert (row.tags, row.job) == ('["?", "b"]', "half ?")
    assert row.cost


def test_a_cost_that_no_row_can_hold_is_unknown(openrouter: Loopback, enabled: Ledger) -> None:
    body = {
        **answers.completion(),
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "cost": 1e300},
    }
    openrouter.replies(body)
    litellm.completion(CHAT, HELLO)
    row = only_row(enabled)
    assert (row.cost_status, row.cost, row.prompt_tokens) == ("unknown", None, 3)


def test_a_key_is_a_short_hash_that_is_the_same_everywhere(
    enabled: Ledger, to: dict[str, str]
) -> None:
    litellm.completion(CHAT, HELLO, **to)
    litellm.embedding(EMBEDDING, ["Hello"], **to)
    litellm.image_generation("a river", model=IMAGE, **to)
    enabled.flush()
    assert [row.key_name for row in enabled.store.rows()] == ["key-04b3b1e2f0cf"] * 3


class Payloads(CustomLogger):
    """Keeps what Langfuse, OpenTelemetry and the proxy's spend logs would read."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, float]] = []

    def log_success_event(self, kwargs: Any, **_: Any) -> None:
        payload = kwargs["standard_logging_object"]
        self.seen.append((payload["api_base"], payload["response_cost"]))

    async def async_log_success_event(self, kwargs: Any, **_: Any) -> None:
        payload = kwargs["standard_logging_object"]
        self.seen.append((payload["api_base"], payload["response_cost"]))

    def costs(self, base_url: str) -> list[float]:
        """Those of one emulator: LiteLLM tells late, perhaps when the next test runs."""
        return [cost for base, cost in self.seen if str(base).startswith(base_url)]


@pytest.fixture
def payloads() -> Iterator[Payloads]:
    callback = Payloads()
    litellm.callbacks.append(callback)
    yield callback
    for name in ("callbacks", "success_callback", "failure_callback"):
        for prefix in ("", "_async_"):
            held = getattr(litellm, prefix + name, None) or []
            held[:] = [one for one in held if one is not callback]


def drain(stream: Any) -> None:
    for _ in stream:
        pass


async def adrain(stream: Any) -> None:
    async for _ in await stream:
        pass


PATHS: dict[str, Any] = {
    "chat": lambda to: litellm.completion(CHAT, HELLO, **to),
    "stream": lambda to: drain(litellm.completion(CHAT, HELLO, stream=True, **to)),
    "embedding": lambda to: litellm.embedding(EMBEDDING, ["Hello"], **to),
    "image": lambda to: litellm.image_generation("a river", model=IMAGE, **to),
    "images": lambda to: litellm.image_generation("a river", model=IMAGE, n=2, **to),
    "async chat": lambda to: litellm.acompletion(CHAT, HELLO, **to),
    "async stream": lambda to: adrain(litellm.acompletion(CHAT, HELLO, stream=True, **to)),
    "async embedding": lambda to: litellm.aembedding(EMBEDDING, ["Hello"], **to),
    "async image": lambda to: litellm.aimage_generation(prompt="a river", model=IMAGE, **to),
    "router": lambda to: router(to).acompletion("any", HELLO),
    "router stream": lambda to: adrain(router(to).acompletion("any", HELLO, stream=True)),
}


def router(to: dict[str, str]) -> litellm.Router:
    return litellm.Router(
        model_list=[{"model_name": "any", "litellm_params": {"model": CHAT, **to}}]
    )


@pytest.mark.parametrize("path", PATHS)
def test_the_payload_of_loggers_and_the_row_have_the_exact_cost(
    path: str, enabled: Ledger, emulator: Emulator, to: dict[str, str], payloads: Payloads
) -> None:
    async def run() -> None:
        await PATHS[path](to)
        await asyncio.sleep(0.3)

    if "async" in path or "router" in path:
        asyncio.run(run())
    else:
        PATHS[path](to)
    deadline = time.monotonic() + 30
    while not payloads.costs(emulator.base_url) and time.monotonic() < deadline:
        time.sleep(0.01)
    bill = emulator.bill()
    assert payloads.costs(emulator.base_url) == [float(sum(row.cost for row in bill))]
    enabled.flush()
    rows = enabled.store.rows()
    assert {row.generation_id: row.cost for row in rows} == {
        row.generation_id: to_pico(row.cost) for row in bill
    }
    assert [row.attempt for row in rows] == list(range(1, len(bill) + 1))


def test_other_providers_are_estimates_of_litellm(enabled: Ledger) -> None:
    litellm.completion("gpt-4o-mini", HELLO, mock_response="Hi there")
    deadline = time.monotonic() + 5
    while not enabled.writer.waiting and time.monotonic() < deadline:
        time.sleep(0.01)
    row = only_row(enabled)
    assert (row.via, row.cost_status) == ("openai", "estimate")
    assert row.cost
    [spent] = enabled.spend("total")
    assert spent.billed == 0
    assert spent.estimated == ledger.to_usd(row.cost)


def test_a_call_that_is_told_of_twice_has_one_row(enabled: Ledger) -> None:
    response = litellm.completion("gpt-4o-mini", HELLO, mock_response="Hi there")
    now = dt.datetime.now(dt.timezone.utc)
    details = {
        "litellm_call_id": "one",
        "custom_llm_provider": "openai",
        "model": "gpt-4o-mini",
        "call_type": "acompletion",
        "response_cost": 0.5,
    }
    for _ in range(2):
        ledger.handler.log_success_event(details, response, now, now)
        asyncio.run(ledger.handler.async_log_success_event(details, response, now, now))
    enabled.flush()
    [row] = enabled.store.rows("call_id = 'one'")
    assert row.cost == to_pico(Decimal("0.5"))
    [spent] = enabled.spend("endpoint")
    assert spent.estimated >= Decimal("0.5")
    assert spent.estimated < 1


def test_a_call_that_was_never_sent_is_a_failure_that_cost_nothing(
    enabled: Ledger, to: dict[str, str]
) -> None:
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(CHAT, HELLO, reasoning={"effort": 7}, **to)
    deadline = time.monotonic() + 5
    while not enabled.writer.waiting and time.monotonic() < deadline:
        time.sleep(0.01)
    row = only_row(enabled)
    assert (row.outcome, row.error_class, row.error_code) == ("error", "BadRequestError", "400")
    assert (row.cost_status, row.cost) == ("billed", 0)


def test_a_refused_connection_cost_nothing(enabled: Ledger) -> None:
    with pytest.raises(litellm.APIConnectionError):
        litellm.completion(CHAT, HELLO, api_base="http://127.0.0.1:9/api/v1", api_key="sk-or-v1-x")
    assert only_row(enabled).cost == 0


def test_what_nobody_knows_is_unknown_and_not_zero(
    enabled: Ledger, emulator: Emulator, to: dict[str, str]
) -> None:
    emulator.faults.add("stall=60")
    with pytest.raises(litellm.Timeout):
        litellm.completion(CHAT, HELLO, timeout=0.3, **to)
    row = only_row(enabled)
    assert (row.cost_status, row.cost) == ("unknown", None)
    [spent] = enabled.spend("total")
    assert (spent.unknown, spent.billed) == (1, 0)


def test_a_timeout_after_thousands_of_other_calls_stays_unknown(
    enabled: Ledger, emulator: Emulator, to: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "_MOST_CALLS", 4)
    emulator.faults.add("stall=60")

    def call() -> None:
        with pytest.raises(litellm.Timeout):
            litellm.completion(CHAT, HELLO, timeout=1, **to)

    with ThreadPoolExecutor(1) as thread:
        slow = thread.submit(call)
        while not emulator.requests:
            time.sleep(0.01)
        for number in range(10):
            enabled.gate.attempts.next(f"call-{number}")
        slow.result()
    time.sleep(0.3)
    row = only_row(enabled)
    assert (row.error_class, row.cost_status, row.cost) == ("Timeout", "unknown", None)


def test_a_call_that_ended_is_known_until_thousands_of_others_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "_MOST_CALLS", 4)
    attempts = gate.Attempts()
    assert [attempts.next("one"), attempts.next("one")] == [1, 2]
    for number in range(20):
        attempts.next(f"before-{number}")
    assert "one" not in attempts
    attempts.ended("one", 2)
    for number in range(4):
        assert "one" in attempts
        attempts.next(f"after-{number}")
    assert attempts.next("one") == 3
    # The first attempt's end, reported late, doesn't make the next attempt's number another's.
    attempts.ended("one", 1)
    assert attempts.next("one") == 4
    for number in range(20):
        attempts.next(f"later-{number}")
    assert "one" not in attempts


def test_a_forked_child_does_not_settle_what_its_parent_has_in_the_air(enabled: Ledger) -> None:
    ticket = enabled.gate.before_send({}, {"litellm_call_id": "one"}, "/chat/completions")
    enabled.gate.after_fork()
    enabled.gate.after(ticket, None, None)
    assert enabled.flush()
    assert enabled.store.rows() == []


def test_a_call_that_outlasts_its_ledger_is_written_there_and_only_there(
    enabled: Ledger, emulator: Emulator, to: dict[str, str], tmp_path: Path
) -> None:
    stream = litellm.completion(CHAT, HELLO, stream=True, **to)
    next(stream)
    other = ledger.enable(tmp_path / "other.db")
    drain(stream)
    time.sleep(0.3)
    assert only_row(enabled).cost == to_pico(emulator.bill()[0].cost)
    assert other.flush()
    assert other.store.rows() == []


def test_disabling_leaves_litellm_as_it_was(enabled: Ledger, to: dict[str, str]) -> None:
    litellm.completion(CHAT, HELLO, **to)
    assert ledger.disable()
    litellm.completion(CHAT, HELLO, **to)
    assert len(enabled.store.rows()) == 1
    for name in ("callbacks", "success_callback", "_async_success_callback", "failure_callback"):
        assert ledger.handler not in getattr(litellm, name)
    assert not ledger.is_enabled()


PROMPT, ANSWER, KEY = MARKERS = ("PROMPT-mark-7f3a", "ANSWER-mark-91c2", "sk-or-v1-KEY-mark-55e0")
MARKED = [{"role": "user", "content": PROMPT}]
TOOL = {"type": "function", "function": {"name": "look", "description": PROMPT, "parameters": {}}}
PRIVATE: dict[str, Any] = {
    "chat": lambda to: litellm.completion(CHAT, MARKED, **to),
    "stream": lambda to: drain(litellm.completion(CHAT, MARKED, stream=True, **to)),
    "left stream": lambda to: next(litellm.completion(CHAT, MARKED, stream=True, **to)),
    "tools": lambda to: litellm.completion(CHAT, MARKED, tools=[TOOL], **to),
    "text": lambda to: litellm.text_completion(model=CHAT, prompt=PROMPT, **to),
    "responses": lambda to: litellm.responses(model=CHAT, input=PROMPT, **to),
    "embedding": lambda to: litellm.embedding(EMBEDDING, [PROMPT], **to),
    "image": lambda to: litellm.image_generation(PROMPT, model=IMAGE, **to),
    "async image": lambda to: asyncio.run(litellm.aimage_generation(PROMPT, model=IMAGE, **to)),
    "rerank": lambda to: litellm.rerank(
        model="openrouter/voyageai/rerank-2.5-lite", query=PROMPT, documents=[PROMPT], **to
    ),
    "speech": lambda to: litellm.speech(
        model="openrouter/hexgrad/kokoro-82m", input=PROMPT, voice="alloy", **to
    ),
    "wrong option": lambda to: litellm.completion(CHAT, MARKED, reasoning={"effort": 7}, **to),
    "no such provider": lambda to: litellm.completion(PROMPT, MARKED, **to),
    "other provider": lambda to: litellm.completion(
        "gpt-4o-mini", MARKED, mock_response=ANSWER, **to
    ),
    **{
        fault: lambda to, fault=fault: litellm.completion(
            CHAT, MARKED, extra_headers={"x-emulator-fault": fault}, **to
        )
        for fault in ("moderation", f"status=400;message={PROMPT}", "bad-json", "html", "cut=20")
    },
}


def everything_told(book: Ledger) -> str:
    """Everything in a ledger, and everything that it reports."""
    with book.store.database.read() as connection:
        tables = [name for name in sa.inspect(connection).get_table_names() if "ledger" in name]
        dump = [str(connection.execute(sa.text(f"SELECT * FROM {one}")).all()) for one in tables]  # noqa: S608
    assert len(tables) > 6
    page = report.render(report.gather(book))
    sums = [[listing.lines(by, book.spend(by)), listing.table(by, [], None)] for by in DIMENSIONS]
    return "\n".join([*dump, page, str(sums), str(book.budgets()), str(book.held())])


def test_no_prompt_no_answer_and_no_key_is_stored_told_or_logged(
    enable: Callable[..., Ledger], where: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from openrouter_adapter.emulator import Emulator as Server

    def outcome_of(call: Any, to: dict[str, Any]) -> str:
        try:
            call(to)
        except Exception as failure:  # noqa: BLE001
            return type(failure).__name__
        return "ok"

    outcomes: dict[str, str] = {}
    with (
        caplog.at_level(logging.DEBUG, "openrouter_adapter"),
        Server(api_key=None, answer=f"{ANSWER} and more words") as emulator,
    ):
        to: dict[str, Any] = {"api_base": emulator.base_url, "api_key": KEY}
        book = enable(where)
        for name, call in PRIVATE.items():
            outcomes[name] = outcome_of(call, to)
        book.budget("tight", 0, key=metadata.key_name(KEY), max_request_usd=1)
        with pytest.raises(litellm.BudgetExceededError) as refused:
            litellm.completion(CHAT, MARKED, **to)
        gc.collect()
        time.sleep(0.3)
        book.reconcile(api_key=KEY, base_url=emulator.base_url, is_forced=True)
        told = everything_told(book)
        ledger.disable()
    assert {name for name, outcome in outcomes.items() if outcome == "ok"} >= set(
        list(PRIVATE)[: list(PRIVATE).index("wrong option")]
    ) - {"image", "async image"}
    assert len(book.store.rows()) >= len(PRIVATE)
    assert "openai/gpt-4o-mini" in told
    assert metadata.key_name(KEY) in told
    told += str(refused.value)
    told += "".join(
        record.getMessage() for record in caplog.records if record.name == "openrouter_adapter"
    )
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for marker in MARKERS:
        assert marker not in told
        assert marker.encode() not in files
