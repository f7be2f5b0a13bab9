"""A chat with a `Wire`, by each of LiteLLM's four ways, and what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import litellm

from tests.support.failures import KEY

if TYPE_CHECKING:
    from tests.support.wire import Wire

MODEL = "openrouter/openai/gpt-4o-mini"
QUESTION = [{"role": "user", "content": "Name three birds."}]


@dataclass(frozen=True)
class Way:
    """One of the ways to ask: streamed or not, by the function or by its async twin."""

    is_async: bool
    is_stream: bool

    def __str__(self) -> str:
        return f"{'a' if self.is_async else ''}{'stream' if self.is_stream else 'completion'}"

    def ask(self, wire: Wire, **keywords: Any) -> Any:
        """Return the response, or a stream's chunks."""
        call = {"model": MODEL, "messages": QUESTION, "api_base": wire.base_url, "api_key": KEY}
        call |= {"stream": self.is_stream, **keywords}
        if self.is_async:
            return asyncio.run(self._ask(call))
        answer = litellm.completion(**call)
        return list(answer) if self.is_stream else answer

    async def _ask(self, call: dict[str, Any]) -> Any:
        try:
            answer = await litellm.acompletion(**call)
            return [chunk async for chunk in answer] if self.is_stream else answer
        finally:
            # LiteLLM keeps its asynchronous clients, whose event loop ends here.
            litellm.in_memory_llm_clients_cache.flush_cache()

    def failure(self, wire: Wire, **keywords: Any) -> Exception:
        """Return what the call raised."""
        try:
            answer = self.ask(wire, **keywords)
        except Exception as raised:  # noqa: BLE001 - whatever is raised is what is judged
            return raised
        raise AssertionError(f"it succeeded with {answer!r}")


WHOLE = (Way(is_async=False, is_stream=False), Way(is_async=True, is_stream=False))
STREAMED = (Way(is_async=False, is_stream=True), Way(is_async=True, is_stream=True))
WAYS = WHOLE + STREAMED


def cause_of(raised: Exception) -> Exception:
    """Return the provider's exception in a Router's wrapper of a broken stream, or itself."""
    if isinstance(raised, litellm.exceptions.MidStreamFallbackError):
        assert raised.original_exception is not None
        return raised.original_exception
    return raised


def text_of(answer: Any) -> str:
    """Return what a response, or the chunks of a stream, say."""
    if isinstance(answer, list):
        return "".join(c.choices[0].delta.content or "" for c in answer if c.choices)
    return answer.choices[0].message.content or ""


def finish_reason_of(answer: Any) -> str | None:
    """Return why a response, or the chunks of a stream, ended."""
    if isinstance(answer, list):
        reasons = [c.choices[0].finish_reason for c in answer if c.choices]
        return next((reason for reason in reversed(reasons) if reason), None)
    reason: str | None = answer.choices[0].finish_reason
    return reason
