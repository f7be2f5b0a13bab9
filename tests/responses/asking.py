"""A Responses call by each of LiteLLM's four ways, and what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import litellm

MODEL = "openrouter/openai/gpt-5-mini"


@dataclass(frozen=True)
class Way:
    """One of the ways to ask: streamed or not, by the function or by its async twin."""

    is_async: bool
    is_stream: bool

    def __str__(self) -> str:
        return f"{'a' if self.is_async else ''}{'stream' if self.is_stream else 'responses'}"

    def ask(self, **keywords: Any) -> Any:
        """Return the response; of a stream the one that it ended with."""
        call: dict[str, Any] = {"model": MODEL, "input": "Name three birds.", **keywords}
        if self.is_stream:
            call["stream"] = True
        if self.is_async:
            return asyncio.run(_ask(call))
        answer: Any = litellm.responses(**call)
        return _ended(answer, list(answer)) if self.is_stream else answer

    def failure(self, **keywords: Any) -> Exception:
        """Return what the call raised; a Router's wrapper of a broken stream taken off."""
        try:
            answer = self.ask(**keywords)
        except litellm.exceptions.MidStreamFallbackError as wrapped:
            return wrapped.original_exception or wrapped
        except Exception as raised:  # noqa: BLE001 - whatever is raised is what is judged
            return raised
        raise AssertionError(f"it succeeded with {answer!r}")


async def _ask(call: dict[str, Any]) -> Any:
    try:
        answer: Any = await litellm.aresponses(**call)
        if not call.get("stream"):
            return answer
        events = [event async for event in answer]
        return _ended(answer, events)
    finally:
        if litellm.callbacks:
            # They are called in tasks of LiteLLM's own.
            await asyncio.sleep(0.1)
        # LiteLLM keeps its asynchronous clients, whose event loop ends here.
        litellm.in_memory_llm_clients_cache.flush_cache()


def _ended(stream: Any, events: list[Any]) -> Any:
    assert events[-1].response is stream.completed_response.response
    return stream.completed_response.response


WAYS = [Way(is_async, is_stream) for is_async in (False, True) for is_stream in (False, True)]
STREAMED = [way for way in WAYS if way.is_stream]
WHOLE = [way for way in WAYS if not way.is_stream]
