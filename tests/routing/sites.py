"""What the tests of Routers share: a question, deployments that lead to emulators, ways to ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.waiting import ahappens

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm.router import Router

    from openrouter_adapter.emulator import Emulator

CHEAP = "openai/gpt-4o-mini"
DEAR = "openai/gpt-4o"
LONG = "google/gemini-2.5-flash"
SHORT = "openai/gpt-3.5-turbo"
PLAIN = "meta-llama/llama-3.3-70b-instruct"
GROUP = "birds"
QUESTION = [{"role": "user", "content": "Name three birds."}]


def deployment(
    emulator: Emulator, name: str = GROUP, model: str = CHEAP, **parameters: Any
) -> dict[str, Any]:
    """Return a row of a `model_list`; `id` in the parameters is the deployment's."""
    info = {"id": parameters.pop("id")} if "id" in parameters else {}
    return {
        "model_name": name,
        "litellm_params": {
            "model": f"openrouter/{model}",
            "api_base": emulator.base_url,
            "api_key": emulator.api_key,
            **parameters,
        },
        "model_info": info,
    }


@dataclass(frozen=True)
class Way:
    """A Router's four ways to chat."""

    is_async: bool
    is_stream: bool

    def __str__(self) -> str:
        return f"{'a' if self.is_async else ''}{'stream' if self.is_stream else 'completion'}"

    async def ask(self, router: Router, model: str = GROUP, **keywords: Any) -> tuple[str, float]:
        """Return an answer's text, and its cost in USD as LiteLLM has it."""
        call = {"model": model, "messages": QUESTION, "stream": self.is_stream, **keywords}
        answer: Any = (
            await router.acompletion(**call) if self.is_async else router.completion(**call)
        )
        if not self.is_stream:
            return answer.choices[0].message.content, answer._hidden_params["response_cost"]
        chunks = [chunk async for chunk in answer] if self.is_async else list(answer)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        return text, next(chunk.usage.cost for chunk in chunks if getattr(chunk, "usage", None))


WAYS = [Way(is_async, is_stream) for is_async in (False, True) for is_stream in (False, True)]
every_way = pytest.mark.parametrize("way", WAYS, ids=str)
whole_ways = pytest.mark.parametrize("way", WAYS[::2], ids=str)


def models_asked(emulator: Emulator) -> list[str]:
    """Return the models of the requests that arrived, in order."""
    return [request.body["model"] for request in emulator.requests if request.method == "POST"]


def billed(emulator: Emulator) -> float:
    """Return what the last answer cost, USD."""
    return float(emulator.bill()[-1].cost)


async def until(is_so: Callable[[], object]) -> None:
    """Wait until LiteLLM, which counts and logs after an answer, has done so."""
    assert await ahappens(is_so)
