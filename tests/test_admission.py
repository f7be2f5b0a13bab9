"""The hook around every send: one ticket an attempt, settled once whatever becomes of it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import openai
import pytest

from openrouter_adapter import admission
from openrouter_adapter.embedding.transformation import OpenRouterEmbeddingConfig
from openrouter_adapter.wire.usage import Bill
from tests.support import answers
from tests.support.calls import CHAT_MODEL, WAYS, aask, adraw, aembed, ask, draw, embed
from tests.support.gate import RecordingGate, guarded
from tests.support.loopback import Reply
from tests.support.waiting import ahappens, happens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.loopback import Loopback

COST = Decimal(repr(answers.COST))
EVERY_WAY = pytest.mark.parametrize("way", WAYS)
STREAMS = ("stream", "astream")


@pytest.fixture
def gate() -> Iterator[RecordingGate]:
    with guarded(RecordingGate()) as installed:
        yield installed


def only_bill(gate: RecordingGate) -> Any:
    """Return the bill of the only attempt."""
    (bill,) = gate.bills
    return bill


@EVERY_WAY
def test_an_answer_settles_with_its_bill(
    openrouter: Loopback, gate: RecordingGate, way: str
) -> None:
    WAYS[way]()
    assert only_bill(gate).cost == COST
    assert only_bill(gate).generation_id in {"gen-1", "gen-emb-1"}
    assert len(openrouter.requests) == 1


@EVERY_WAY
def test_the_gate_sees_the_body_that_is_sent(
    openrouter: Loopback, gate: RecordingGate, way: str
) -> None:
    WAYS[way](extra_body={"provider": {"sort": "price"}})
    ((body, _),) = gate.asked
    assert body["model"] == openrouter.body["model"]
    assert body["provider"] == {"sort": "price"}


@EVERY_WAY
@pytest.mark.usefixtures("openrouter")
def test_the_gate_sees_who_is_calling(gate: RecordingGate, way: str) -> None:
    WAYS[way](metadata={"tags": ["zoo"]})
    ((_, call),) = gate.asked
    assert call["metadata"]["tags"] == ["zoo"]
    assert call["litellm_call_id"]


@EVERY_WAY
def test_what_the_gate_refuses_is_not_sent(openrouter: Loopback, way: str) -> None:
    class Refusing(RecordingGate):
        def before_send(self, *asked: Any) -> object:
            super().before_send(*asked)
            raise litellm.BadRequestError("no budget", "m", "openrouter")

    with guarded(Refusing()) as gate, pytest.raises(litellm.BadRequestError, match="no budget"):
        WAYS[way]()
    assert openrouter.requests == []
    assert gate.settled == []


@EVERY_WAY
@pytest.mark.usefixtures("openrouter")
def test_a_request_without_a_ticket_settles_nothing(way: str) -> None:
    class Indifferent(RecordingGate):
        def before_send(self, *asked: Any) -> None:  # type: ignore[override]
            super().before_send(*asked)

    with guarded(Indifferent()) as gate:
        WAYS[way]()
    assert len(gate.asked) == 1
    assert gate.settled == []


@EVERY_WAY
def test_the_ticket_is_not_sent(openrouter: Loopback, gate: RecordingGate, way: str) -> None:
    WAYS[way](extra_body={"provider": {"sort": "price"}})
    (request,) = openrouter.requests
    assert b"openrouter_adapter" not in request.raw
    assert len(gate.asked) == 1


@EVERY_WAY
@pytest.mark.parametrize("status", [400, 402, 429, 500])
def test_a_refused_request_settles_once(
    openrouter: Loopback, gate: RecordingGate, way: str, status: int
) -> None:
    openrouter.replies(answers.error(status, "no"), status)
    with pytest.raises(openai.OpenAIError, match="no"):
        WAYS[way](max_retries=0)
    assert only_bill(gate) is None or only_bill(gate).cost is None


@EVERY_WAY
def test_a_connection_that_is_cut_settles_once(
    openrouter: Loopback, gate: RecordingGate, way: str
) -> None:
    openrouter.replies(status=0)
    with pytest.raises(Exception, match=r"broke|reached"):
        WAYS[way](max_retries=0)
    assert only_bill(gate) is None or only_bill(gate).cost is None


@EVERY_WAY
def test_a_refused_connection_settles_once(
    gate: RecordingGate, way: str, openrouter: Loopback
) -> None:
    with pytest.raises(Exception, match="not reached"):
        WAYS[way](api_base="http://127.0.0.1:9/api/v1", max_retries=0)
    assert only_bill(gate) is None or only_bill(gate).cost is None
    assert openrouter.requests == []


@EVERY_WAY
def test_an_error_in_an_answer_settles_with_what_it_cost(
    openrouter: Loopback, gate: RecordingGate, way: str
) -> None:
    body = {**answers.error(502, "broken"), "usage": {"cost": 0.25}, "id": "gen-e"}
    openrouter.replies([body] if way in STREAMS else body)
    with pytest.raises(Exception, match="broken"):
        WAYS[way](max_retries=0)
    assert only_bill(gate).cost == Decimal("0.25")
    assert only_bill(gate).generation_id == "gen-e"


@EVERY_WAY
def test_an_answer_that_is_no_json_settles_once(
    openrouter: Loopback, gate: RecordingGate, way: str
) -> None:
    openrouter.replies(b"<html>")
    with pytest.raises(litellm.ServiceUnavailableError):
        WAYS[way](max_retries=0)
    assert len(gate.bills) == 1


@pytest.mark.parametrize("way", STREAMS)
def test_a_stream_cut_short_settles_once(
    openrouter: Loopback, gate: RecordingGate, way: str
) -> None:
    openrouter.replies(answers.chunks()[:1])
    with pytest.raises(Exception, match="incomplete"):
        WAYS[way]()
    assert only_bill(gate).cost is None
    assert only_bill(gate).generation_id == "gen-1"


def test_a_stream_that_is_closed_settles_once(openrouter: Loopback, gate: RecordingGate) -> None:
    stream = ask(stream=True)
    next(stream)
    stream.close()
    stream.close()
    assert only_bill(gate).generation_id == "gen-1"
    assert only_bill(gate).cost is None
    assert len(openrouter.requests) == 1


@pytest.mark.usefixtures("openrouter")
async def test_a_stream_that_is_aclosed_settles_once(gate: RecordingGate) -> None:
    stream = await aask(stream=True)
    await anext(stream)
    await stream.aclose()
    await stream.aclose()
    assert only_bill(gate).generation_id == "gen-1"


@pytest.mark.usefixtures("openrouter")
def test_a_stream_left_by_break_settles_once(gate: RecordingGate) -> None:
    for _ in ask(stream=True):
        break
    assert happens(lambda: gc.collect() >= 0 and gate.settled)
    assert len(gate.bills) == 1


@pytest.mark.usefixtures("openrouter")
async def test_an_async_stream_left_by_break_settles_once(gate: RecordingGate) -> None:
    async for _ in await aask(stream=True):
        break
    await asyncio.sleep(0)
    assert happens(lambda: gc.collect() >= 0 and gate.settled)
    assert len(gate.bills) == 1


@pytest.mark.usefixtures("openrouter")
def test_a_stream_that_nobody_reads_settles_once(gate: RecordingGate) -> None:
    ask(stream=True)
    assert happens(lambda: gc.collect() >= 0 and gate.settled)
    assert len(gate.bills) == 1


@pytest.mark.parametrize("call", [aask, aembed, adraw])
async def test_a_cancelled_call_settles_once(
    openrouter: Loopback, gate: RecordingGate, call: Any
) -> None:
    openrouter.answer = lambda _: Reply(seconds=0.3)
    task = asyncio.create_task(call())
    assert await ahappens(lambda: openrouter.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert only_bill(gate) is None


async def test_a_cancelled_stream_settles_once(openrouter: Loopback, gate: RecordingGate) -> None:
    openrouter.answer = lambda _: Reply(answers.chunks(), seconds=0.3)
    task = asyncio.create_task(aask(stream=True))
    assert await ahappens(lambda: openrouter.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert only_bill(gate) is None


class SlowGate(RecordingGate):
    """Answers when it is told to."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def before_send(self, *arguments: Any) -> object:
        self.is_asked.set()
        assert self.may_answer.wait(10)
        return super().before_send(*arguments)


async def arespond() -> Any:
    return await litellm.aresponses(model=CHAT_MODEL, input="Name three birds.")


async def arerank() -> Any:
    model = "openrouter/cohere/rerank-v3.5"
    return await litellm.arerank(model=model, query="birds", documents=["an owl"])


@pytest.mark.parametrize("call", [aask, aembed, arespond, arerank])
async def test_a_call_cancelled_while_the_gate_is_asked_settles_as_not_sent(
    openrouter: Loopback, call: Any
) -> None:
    with guarded(SlowGate()) as gate:
        task = asyncio.create_task(call())
        await asyncio.to_thread(gate.is_asked.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.may_answer.set()
        assert await ahappens(lambda: gc.collect() >= 0 and gate.settled)
    assert only_bill(gate) is None
    [failure] = gate.failures
    assert isinstance(failure, admission.NotSentError)
    assert openrouter.requests == []


@pytest.mark.usefixtures("openrouter")
def test_an_attempt_settles_with_the_gate_that_it_began_with(gate: RecordingGate) -> None:
    chunks = ask(stream=True)
    next(chunks)
    with guarded(RecordingGate()) as other:
        assert list(chunks)
    assert only_bill(gate).cost == COST
    assert other.settled == []


@pytest.mark.parametrize("way", ["image_generation", "aimage_generation"])
def test_each_of_n_images_has_its_ticket(
    openrouter: Loopback, gate: RecordingGate, way: str
) -> None:
    WAYS[way](n=3)
    assert [bill.cost for bill in gate.bills] == [COST] * 3  # type: ignore[union-attr]
    assert len(openrouter.requests) == 3


@pytest.mark.parametrize("way", ["image_generation", "aimage_generation"])
def test_one_of_n_images_that_fails_settles_too(
    openrouter: Loopback, gate: RecordingGate, way: str
) -> None:
    openrouter.replies_in_turn(
        Reply(answers.image()), Reply(answers.error(500, "no"), 500), Reply(answers.image())
    )
    WAYS[way](n=3, max_retries=0)
    costs = [bill.cost if bill else None for bill in gate.bills]
    assert sorted(costs, key=str) == [COST, COST, None]


def test_an_image_that_was_not_made_settles_with_its_cost(
    openrouter: Loopback, gate: RecordingGate
) -> None:
    openrouter.replies(answers.completion("I would rather not."))
    with pytest.raises(litellm.UnprocessableEntityError):
        draw(max_retries=0)
    assert only_bill(gate).cost == COST


def test_missing_vectors_settle_with_their_cost(openrouter: Loopback, gate: RecordingGate) -> None:
    openrouter.replies(answers.embeddings(["one"]))
    with pytest.raises(litellm.BadGatewayError):
        embed(input=["one", "two"], max_retries=0)
    assert only_bill(gate).cost == COST


def test_every_retry_is_an_attempt_of_its_own(openrouter: Loopback, gate: RecordingGate) -> None:
    openrouter.replies_in_turn(Reply(answers.error(500, "no"), 500), Reply())
    ask(num_retries=1)
    assert [bill.cost if bill else None for bill in gate.bills] == [None, COST]


def test_every_fallback_is_an_attempt_of_its_own(openrouter: Loopback, gate: RecordingGate) -> None:
    openrouter.replies_in_turn(Reply(answers.error(500, "no"), 500), Reply())
    router = litellm.Router(
        model_list=[
            {"model_name": name, "litellm_params": {"model": CHAT_MODEL}} for name in ("a", "b")
        ],
        fallbacks=[{"a": ["b"]}],
        num_retries=0,
    )
    router.completion("a", [{"role": "user", "content": "Hi"}])
    assert [bill.cost if bill else None for bill in gate.bills] == [None, COST]


@EVERY_WAY
@pytest.mark.usefixtures("openrouter")
def test_an_embedding_a_chat_and_an_image_leave_no_ticket_in_the_callers_dicts(
    gate: RecordingGate, way: str
) -> None:
    metadata = {"tags": ["zoo"]}
    extra_body = {"provider": {"sort": "price"}}
    WAYS[way](metadata=metadata, extra_body=extra_body)
    assert extra_body == {"provider": {"sort": "price"}}
    assert "openrouter_adapter_ticket" not in metadata
    assert len(gate.bills) == 1


def test_a_request_prepared_outside_of_a_call_is_refused_while_there_is_a_gate(
    gate: RecordingGate,
) -> None:
    body = OpenRouterEmbeddingConfig().transform_embedding_request("a/b", "owl", {}, {})
    with pytest.raises(litellm.BadRequestError, match="outside of LiteLLM's calls"):
        OpenRouterEmbeddingConfig().sign_request({}, {}, body, "http://127.0.0.1:9/api/v1")
    assert gate.asked == []


def test_without_a_gate_it_is_not() -> None:
    OpenRouterEmbeddingConfig().sign_request({}, {}, {"model": "a/b"}, "http://127.0.0.1:9/api/v1")


@EVERY_WAY
@pytest.mark.usefixtures("openrouter", "gate")
def test_no_attempt_is_current_when_a_call_has_returned(way: str) -> None:
    WAYS[way]()
    assert admission._current.get() is None


def test_an_attempt_that_ends_in_another_context_settles_once(gate: RecordingGate) -> None:
    async def send(attempt: admission.Attempt) -> None:
        with attempt:
            admission.before_send({"model": "a/b"})
            await asyncio.sleep(0)

    coroutine = send(admission.Attempt({}))
    contextvars.copy_context().run(coroutine.send, None)
    # As the garbage collector does with what a closed event loop leaves behind.
    coroutine.close()
    assert only_bill(gate) is None
    assert admission._current.get() is None


def test_two_attempts_side_by_side_in_one_context_settle_with_their_own_bills(
    gate: RecordingGate,
) -> None:
    outer, inner = admission.Attempt({}), admission.Attempt({})
    with outer:
        admission.before_send({"model": "a/outer"})
        with inner:
            admission.before_send({"model": "a/inner"})
            with admission.finishing() as finish:
                finish(Bill(cost=Decimal(1)))
        with admission.finishing() as finish:
            finish(Bill(cost=Decimal(2)))
    assert [bill.cost for bill in gate.bills] == [2, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize("call", [aask, aembed, adraw])
async def test_calls_of_one_task_in_turn_and_of_many_at_once_settle_each(
    openrouter: Loopback, gate: RecordingGate, call: Any
) -> None:
    await asyncio.gather(*(call() for _ in range(5)))
    await call()
    assert len(gate.bills) == len(openrouter.requests) == 6
    assert all(bill is not None and bill.cost == COST for bill in gate.bills)


def test_an_attempt_inside_itself_stays_current_until_the_outer_block_ends() -> None:
    attempt = admission.Attempt({})
    with attempt:
        with attempt:
            assert admission.sending() is attempt
        assert admission.sending() is attempt
    assert admission.sending() is None
