"""A stream read without a network, and without LiteLLM's logging."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import litellm

from openrouter_adapter.admission import Attempt
from openrouter_adapter.chat.streaming import OpenRouterStream
from openrouter_adapter.wire.midstream import (
    MidStreamContentPolicyError,
    MidStreamContextWindowError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

ALLOWED = (
    *litellm.LITELLM_EXCEPTION_TYPES,
    litellm.exceptions.MidStreamFallbackError,
    MidStreamContentPolicyError,
    MidStreamContextWindowError,
)
EVENTS = "text/event-stream"


class Log(SimpleNamespace):
    """As much of LiteLLM's logging object as a stream uses."""

    def __init__(self) -> None:
        super().__init__(
            model_call_details={"litellm_params": {}},
            completion_start_time=None,
            llm_caching_handler=None,
            start_time=None,
            succeeded=[],
            failed=[],
        )

    def update_completion_start_time(self, completion_start_time: Any) -> None:
        self.completion_start_time = completion_start_time

    def success_handler(self, response: Any, *_: Any) -> None:
        self.succeeded.append(response)

    def failure_handler(self, exception: Any, _: Any) -> None:
        self.failed.append(exception)

    def post_call(self, **_: Any) -> None:
        """Nobody listens."""


def open_stream(
    pieces: Iterable[bytes], content_type: str = EVENTS, log: Log | None = None
) -> OpenRouterStream:
    """Return the stream of an answer that comes in these pieces."""
    response = httpx.Response(
        200, headers={"Content-Type": content_type}, stream=httpx.ByteStream(b"")
    )
    return OpenRouterStream(
        response,
        pieces=iter(pieces),
        model="openai/gpt-4o-mini",
        logging_obj=log or Log(),
        attempt=Attempt(),
    )
