"""Gives the conformance tests the recorded exchanges, or skips them if there are none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import pytest

from .kinds import KINDS
from .recordings import Exchange, load, recordings_folder
from .replay import MODES, Mode, Outcome, Replay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NO_RECORDINGS = (
    "the recorded traffic is not part of the project; OPENROUTER_ADAPTER_RECORDED names its folder"
)


# Which exchanges a test gets that asks for an outcome by one of these names.
SELECTIONS: dict[str, Callable[[Exchange], bool]] = {
    "answered": lambda exchange: exchange.error is None,
    "streamed": lambda exchange: (
        exchange.error is None and exchange.is_stream and exchange.kind.startswith("chat-")
    ),
    "refused": lambda exchange: exchange.error is not None,
    "broken": lambda exchange: exchange.error is not None and exchange.is_stream,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for an exchange, or its outcome, once for each recorded one."""
    if "exchange" not in metafunc.fixturenames:
        return
    wanted = [select for name, select in SELECTIONS.items() if name in metafunc.fixturenames]
    cases = [
        pytest.param(exchange, id=f"{exchange.kind}/{exchange.label}")
        for kind in KINDS
        for exchange in load(kind)
        if all(select(exchange) for select in wanted)
    ]
    absent = pytest.param(None, id="none", marks=pytest.mark.skip(NO_RECORDINGS))
    metafunc.parametrize("exchange", cases or [absent])


@pytest.fixture(scope="session")
def replay() -> Iterator[Replay]:
    """One server for the whole run; the adapter is switched on for each call only."""
    if not recordings_folder().is_dir():
        pytest.skip(NO_RECORDINGS)
    from openrouter_adapter import registered

    with Replay(registered) as running:
        yield running


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> Mode:
    """Whether LiteLLM's function or its async twin makes the call."""
    chosen: Mode = request.param
    return chosen


@pytest.fixture
def outcome(replay: Replay, exchange: Exchange, mode: Mode) -> Outcome:
    """What came of replaying one exchange."""
    return replay.outcome(exchange, mode)


@pytest.fixture
def answered(outcome: Outcome) -> Outcome:
    """What came of an exchange whose recording is an answer, streamed or not."""
    assert outcome.failure is None
    return outcome


@pytest.fixture
def streamed(answered: Outcome) -> Outcome:
    """What came of an exchange whose recording is a whole stream of a chat."""
    return answered


@pytest.fixture
def refused(outcome: Outcome) -> Outcome:
    """What came of an exchange whose recording is an error."""
    return outcome


@pytest.fixture
def broken(refused: Outcome) -> Outcome:
    """What came of an exchange whose recording is a stream with an error in it."""
    return refused
