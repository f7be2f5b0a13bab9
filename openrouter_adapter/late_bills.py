"""Bills that come after the answer, from `GET /generation`.

Audio carries no cost, and neither do some streams of Messages. And a client of LiteLLM's proxy may
leave a stream: the proxy then assembles a response from what the client received, and passes it to
its success handlers, which price it by the cost map and add that to the key's spend. OpenRouter
bills another amount, so the handlers run when the bill is known, in the background: the proxy
closes the stream, and frees its place among the key's parallel requests, without waiting.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from litellm.types.utils import ModelResponse, ModelResponseStream

from openrouter_adapter import api, background
from openrouter_adapter.wire import usage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import httpx

    from openrouter_adapter.wire.usage import Bill

logger = logging.getLogger("openrouter_adapter")

# Seconds before each question, like the ledger's reconcile. OpenRouter usually knows at the first;
# if it does not know at the last, the ledger asks later.
_PAUSES: Final = (2, 4, 8, 16, 32, 64)
# Attributes that a log has while its stream has not ended, and if the cost is unknown.
_STREAM: Final = "_openrouter_unfinished_stream"
_UNPRICED: Final = "_openrouter_cost_is_unknown"
_ENDPOINTS: Final = ("/chat/completions", "/messages", "/responses")


async def await_bill(
    generation_id: str,
    pauses: Sequence[float],
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = api.DEFAULT_TIMEOUT,
) -> dict[str, Any] | None:
    """OpenRouter's bill for a request, in the form of an answer's body; None if it comes too late.

    OpenRouter knows a bill only some moments after the request, so after any failure it is asked
    again, except if the key is invalid.

    Args:
        generation_id: The request's generation id.
        pauses: Seconds before each question.
        api_key: The key, None to look for one.
        base_url: The API's base URL, None for the usual one.
        timeout: Seconds for each question.
    """
    from litellm.exceptions import AuthenticationError

    for pause in pauses:
        await asyncio.sleep(pause)
        try:
            found = await api.aget_generation(
                generation_id, api_key=api_key, base_url=base_url, timeout=timeout
            )
        except AuthenticationError:
            return None
        except Exception as wrong:  # noqa: BLE001 - it is asked again, whatever it was
            logger.debug("the cost of %s is not known yet: %r", generation_id, wrong)
            continue
        if usage.bill_of_generation(found).cost is not None:
            return usage.body_of_generation(found)
    return None


class Unbilled:
    """A response that has no cost yet: its bill comes with its end."""


class Billed:
    """An answer with OpenRouter's bill in its `_hidden_params`, if the wire had one.

    `cost` is the price, USD; None if it is unknown.
    """

    cost: float | None = None


class DeferredError(Exception):
    """The success handlers run later. LiteLLM's proxy takes it to mean that none has run."""


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """A stream before its end: the HTTP response, and the bill so far."""

    response: httpx.Response
    bill: Callable[[], Bill]


def watch(log: Any, response: httpx.Response, bill: Callable[[], Bill]) -> None:
    """Notes in a stream's log that the stream has not ended.

    Args:
        log: LiteLLM's logging object of the call.
        response: The HTTP response that the stream reads.
        bill: Returns the stream's bill so far.
    """
    log.__dict__[_STREAM] = _Unfinished(response, bill)


def forget(log: Any) -> None:
    """Notes that the stream has ended or failed; either way LiteLLM's handlers get its bill."""
    log.__dict__.pop(_STREAM, None)


def waiting_for_bill(original: Any) -> Any:
    """A replacement for LiteLLM's handler dispatch: it waits for an abandoned stream's bill."""

    @functools.wraps(original)
    async def dispatch_success_handlers(
        log: Any, result: Any = None, *arguments: Any, **keywords: Any
    ) -> None:
        handlers = functools.partial(original, log, result, *arguments, **keywords)
        is_chunk = result is None or isinstance(result, ModelResponseStream)
        if is_chunk or _STREAM not in log.__dict__:
            await handlers()
            return
        left = log.__dict__.pop(_STREAM)
        background.run(price(log, result, left.response, left.bill(), handlers))
        # After a return, the proxy would leave it to the handlers to free the request's place.
        raise DeferredError("OpenRouter is asked first what the left stream cost")

    return dispatch_success_handlers


async def price(
    log: Any,
    result: Any,
    response: httpx.Response,
    bill: Bill,
    handlers: Callable[[], Awaitable[None]],
    asked: Awaitable[dict[str, Any] | None] | None = None,
) -> None:
    """Puts the bill on what the client received, and runs the handlers.

    Args:
        log: LiteLLM's logging object of the call.
        result: What the handlers get of the answer.
        response: The HTTP response.
        bill: The bill as far as it is known; OpenRouter is asked for an unknown cost.
        handlers: Notify the callbacks.
        asked: The answer of `ask`, if OpenRouter was asked already.
    """
    body: dict[str, Any] | None = None
    if bill.cost is not None:
        body = {"id": bill.generation_id, "model": bill.model, "usage": bill.usage}
    elif asked is not None:
        body = await asked
    elif bill.generation_id:
        body = await ask(bill.generation_id, response.request)
    if body is None:
        leave_unpriced(log)
        logger.warning(
            "LiteLLM's spend lacks a stream, generation %s: OpenRouter did not report its cost in "
            "time",
            bill.generation_id,
        )
    else:
        answer = getattr(result, "response", result)
        tokens = usage.litellm_usage(body["usage"] or {})
        # A Responses answer gets its usage in the form that LiteLLM's own logging gives it.
        answer.usage = tokens if isinstance(answer, ModelResponse) else tokens.model_dump()
        usage.attach(answer._hidden_params, body, response.headers)
    await handlers()


def leave_unpriced(log: Any) -> None:
    """Has LiteLLM report no cost for a call, rather than an estimate."""
    log.__dict__[_UNPRICED] = True


async def ask(
    generation_id: str, request: httpx.Request, pauses: Sequence[float] = ()
) -> dict[str, Any] | None:
    """A request's bill in the form of an answer's body; None if it comes too late.

    Args:
        generation_id: The request's generation id.
        request: Has the key and the address.
        pauses: Seconds before each question; if empty, the usual ones.
    """
    key = request.headers.get("Authorization", "").removeprefix("Bearer ")
    base_url = str(request.url.copy_with(query=None))
    for endpoint in _ENDPOINTS:
        base_url = base_url.removesuffix(endpoint)
    return await await_bill(generation_id, pauses or _PAUSES, api_key=key, base_url=base_url)


def without_estimates(original: Any) -> Any:
    """A replacement for LiteLLM's cost calculator: no estimate of what is billed later or never.

    For a stream LiteLLM would count the tokens of an empty text, and for Llama models fetch a
    tokenizer from the network to do so, before the caller gets the stream. If a bill comes too
    late, the cost stays unknown. A hit of LiteLLM's cache costs nothing; for the proxy's header
    LiteLLM would calculate it from the catalogue's prices.
    """

    def response_cost_calculator(log: Any, *arguments: Any, **keywords: Any) -> Any:
        result = keywords.get("result", arguments[0] if arguments else None)
        if isinstance(result, Unbilled) or _UNPRICED in getattr(log, "__dict__", ()):
            return None
        if isinstance(result, Billed):
            return result.cost
        if _is_cached(result) and _provider_of(log) == "openrouter":
            return 0.0
        return original(log, *arguments, **keywords)

    return response_cost_calculator


def _is_cached(result: Any) -> bool:
    hidden = getattr(result, "_hidden_params", None)
    return isinstance(hidden, dict) and hidden.get("cache_hit") is True


def _provider_of(log: Any) -> Any:
    return getattr(log, "model_call_details", {}).get("custom_llm_provider")
