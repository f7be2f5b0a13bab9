"""Answers put back into `messages` make the recorded next request, leaf for leaf."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .kinds import KINDS, keywords_for
from .leaves import leaves
from .recordings import load
from .test_layout import ADDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from .recordings import Exchange
    from .replay import Mode, Replay

CONVERSATION = "reasoning_details_round-trip"

# The forms in which a program may hold on to a message before it asks again.
FORMS: dict[str, Callable[[Any], Any]] = {
    "object": lambda message: message,
    "dump": lambda message: message.model_dump(),
    "json": lambda message: json.loads(json.dumps(message.model_dump())),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["chat-completions", "chat-completions-stream"])
def test_answers_go_back_as_they_came(replay: Replay, mode: Mode, kind: str, form: str) -> None:
    turns = [exchange for exchange in load(kind) if CONVERSATION in exchange.name]
    assert len(turns) > 1
    answers: list[Any] = []
    for turn in turns:
        body, message = asked_again(replay, mode, turn, answers)
        assert request_leaves(body) == request_leaves(turn.request)
        assert (
            sent_arguments(body)
            == [arguments for earlier in turns for arguments in answered_arguments(earlier)][
                : len(sent_arguments(body))
            ]
        )
        answers.append(FORMS[form](message))


def asked_again(
    replay: Replay,
    mode: Mode,
    turn: Exchange,
    answers: list[Any],
) -> tuple[Any, Any]:
    """Make a turn's call with our own answers in it: the body that arrived, the new answer."""
    root, arrived = replay.offer(turn)
    keywords = keywords_for(turn, root)
    earlier = iter(answers)
    keywords["messages"] = [
        next(earlier) if message["role"] == "assistant" else message
        for message in keywords["messages"]
    ]
    returned = replay.ask(KINDS[turn.kind], keywords, mode)
    return arrived[-1].body, returned.response.choices[0].message


def request_leaves(body: Any) -> dict[Any, Any]:
    """Return the leaves of a request, with tool arguments as data.

    The recording client wrote the arguments' JSON again, without spaces.
    """
    return {
        path: json.loads(value) if path[-1] == "arguments" else value
        for path, value in leaves(body)
        if path not in ADDED
    }


def sent_arguments(body: Any) -> list[str]:
    """Return the tool arguments of a request's messages, as written."""
    return [value for path, value in leaves(body) if path[-1] == "arguments"]


def answered_arguments(turn: Exchange) -> list[str]:
    """Return the tool arguments of a recorded answer, as written, pieces of a stream joined."""
    pieces = [value for path, value in leaves(turn.answer) if path[-1] == "arguments"]
    return ["".join(pieces)] if pieces else []
