"""A success callback sees the response and the cost that the caller sees, once, of any answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

from .kinds import KINDS, Spoken, keywords_for
from .leaves import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .replay import Mode, Outcome, Replay

# How long to look for a second event after the first, in seconds.
SECOND_LOOK = 0.05


class Events(CustomLogger):
    """Keeps what the success events of one mode were given."""

    def __init__(self, mode: Mode) -> None:
        super().__init__()
        self._mode = mode
        self.seen: list[tuple[dict[str, Any], Any]] = []

    # LiteLLM gives all four by name.
    def log_success_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,  # noqa: ARG002
        end_time: Any,  # noqa: ARG002
    ) -> None:
        if self._mode == "sync":
            self.seen.append((kwargs, response_obj))

    async def async_log_success_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,  # noqa: ARG002
        end_time: Any,  # noqa: ARG002
    ) -> None:
        if self._mode == "async":
            self.seen.append((kwargs, response_obj))


@pytest.fixture
def events(mode: Mode) -> Iterator[Events]:
    """A callback of LiteLLM, for one test."""
    callback = Events(mode)
    litellm.callbacks.append(callback)
    yield callback
    for name in ("callbacks", "success_callback", "failure_callback"):
        for prefix in ("", "_async_"):
            held = getattr(litellm, prefix + name, None) or []
            held[:] = [one for one in held if one is not callback]


def test_callback_sees_what_the_caller_sees(
    replay: Replay, answered: Outcome, mode: Mode, events: Events
) -> None:
    exchange = answered.exchange
    root, _ = replay.offer(exchange)
    returned = replay.ask(KINDS[exchange.kind], keywords_for(exchange, root), mode)

    def of_this_call() -> list[tuple[dict[str, Any], Any]]:
        return [
            (kwargs, response)
            for kwargs, response in events.seen
            if str(kwargs["litellm_params"]["api_base"]).startswith(f"{root}/")
        ]

    assert replay.wait_for(lambda: bool(of_this_call()))
    replay.wait_for(lambda: len(of_this_call()) > 1, SECOND_LOOK)
    [(kwargs, response)] = of_this_call()
    if exchange.kind == "audio-speech":
        response = Spoken(response)
    seen, expected = plain(response), plain(returned.response)
    if exchange.kind.startswith(("responses", "audio-transcriptions")):
        # LiteLLM hands on a copy whose usage is in chat's words.
        del seen["usage"], expected["usage"]
    assert seen == expected
    assert plain(response._hidden_params)["openrouter"] == returned.hidden["openrouter"]
    assert kwargs["response_cost"] == returned.hidden["response_cost"]
