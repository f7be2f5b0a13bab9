"""`litellm.create_batch(…, custom_llm_provider="openrouter")`, and the three others of its kind.

LiteLLM chooses the provider inside these functions, and has no provider's class for two of
them. So each is replaced by one with an additional provider.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from typing import TYPE_CHECKING, Any, Final

import httpx
from litellm.types.utils import LiteLLMBatch  # noqa: TC002 - pydantic reads it
from pydantic import BaseModel

from openrouter_adapter import admission, free_requests
from openrouter_adapter.admission import Attempt
from openrouter_adapter.batches import inputs, objects, sending, store, wire
from openrouter_adapter.endpoint import arguments_of, is_for_openrouter
from openrouter_adapter.wire import errors
from openrouter_adapter.wire.usage import Bill

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from openrouter_adapter.free_requests import Request

# Keywords that LiteLLM's asynchronous functions pass to their synchronous twins.
_ASYNC_FLAGS: Final = ("acreate_batch", "aretrieve_batch", "alist_batches", "acancel_batch")
_MOST_LISTED: Final = 100
_LOST: Final = (
    "OpenRouter may have accepted the batch nevertheless: look for it with list_batches before you "
    "submit it again"
)


class BatchPage(BaseModel):
    """A page of the list of batches, the newest first, as OpenAI's client has it.

    Attributes:
        object: Always `list`.
        data: The batches.
        first_id: The id of the first one.
        last_id: The id of the last one, which is the `after` of the next page.
        has_more: Whether there are older ones.
    """

    object: str = "list"
    data: list[LiteLLMBatch]
    first_id: str | None
    last_id: str | None
    has_more: bool


def with_openrouter(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for one of LiteLLM's functions for batches that uses ours for OpenRouter."""
    from litellm.utils import client

    signature = inspect.signature(original)
    decorate: Any = client
    ours = _FUNCTIONS[original.__name__]
    if ours is not cancel_batch:
        # LiteLLM's own is not decorated.
        ours = decorate(ours)

    @functools.wraps(original)
    def of_provider(*arguments: Any, **keywords: Any) -> Any:
        call = arguments_of(signature, arguments, keywords)
        if is_for_openrouter(call) or _is_by_model(call):
            return ours(**{**call, "custom_llm_provider": errors.PROVIDER})
        return original(*arguments, **keywords)

    return of_provider


def _is_by_model(call: Mapping[str, Any]) -> bool:
    """Whether only the model names OpenRouter.

    LiteLLM's asynchronous functions name OpenAI if the caller names no provider, as a Router does
    to list batches.
    """
    is_default = call.get("custom_llm_provider") in {None, "openai"}
    return is_default and str(call.get("model")).startswith(f"{errors.PROVIDER}/")


def billing_batches(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for LiteLLM's pricing of a batch's output file by its cost map.

    OpenRouter bills a batch itself; without this, LiteLLM would download all results for it.
    """

    @functools.wraps(original)
    async def handle_completed_batch(batch: Any, *arguments: Any, **keywords: Any) -> Any:
        hidden = getattr(batch, "_hidden_params", None) or {}
        if "openrouter" not in hidden:
            return await original(batch, *arguments, **keywords)
        from litellm.batches.batch_utils import BatchCostUsageResult
        from litellm.types.utils import Usage

        counts = batch.request_counts
        return BatchCostUsageResult(
            cost=hidden.get("response_cost") or 0.0,
            usage=batch.usage or Usage(prompt_tokens=0, completion_tokens=0, total_tokens=0),
            models=[batch.model],
            successful_requests=counts.completed,
            failed_requests=counts.failed,
        )

    return handle_completed_batch


# LiteLLM's `client` recognizes the kind of call by the function's name. Each returns a coroutine of
# its result to the function's asynchronous twin.


def create_batch(
    completion_window: Any,
    endpoint: Any,
    input_file_id: Any,
    metadata: Any = None,
    extra_body: Any = None,
    **call: Any,
) -> Any:
    """Submits a batch; returns a `LiteLLMBatch`.

    Raises:
        litellm.BadRequestError: the input file or another argument is invalid; nothing was sent.
        litellm.NotFoundError: there is no such input file on this machine; nothing was sent.
        litellm.BudgetExceededError: its worst case does not fit a budget; nothing was sent.
    """
    if completion_window != wire.COMPLETION_WINDOW:
        raise errors.bad_request(
            f"completion_window={completion_window!r}: it must be {wire.COMPLETION_WINDOW!r}"
        )
    content = store.read(str(input_file_id))
    submission = inputs.read(content, endpoint, call.get("model"), extra_body or {})
    content = submission.content()
    log = call["litellm_logging_obj"]
    _tell(log, call, submission.model)
    attempt = Attempt({**call, "metadata": metadata}, call.get("api_key"), log)
    with attempt:
        admission.before_send(submission.body(), wire.PATH)
    request = sending.request(
        call,
        "POST",
        content=content,
        headers=attempt.headers,
        model=submission.model,
        seen=attempt.seen,
    )
    record = store.Record(str(input_file_id), dict(metadata or {}))
    return _run(request, functools.partial(_created, attempt, record), call, _Submitting(attempt))


class _Submitting(contextlib.AbstractContextManager[None]):
    """An attempt that submits a batch; says what to do if it is not known to have failed."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def __enter__(self) -> None:
        self._attempt.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if failure is not None and isinstance(failure.__cause__, httpx.HTTPError):
            errors.with_advice(failure, _LOST)
        self._attempt.__exit__(kind, failure, trace)


def _created(attempt: Attempt, record: store.Record, response: httpx.Response) -> LiteLLMBatch:
    batch = wire.parse(response.content, response.headers)
    # The cost comes with the results.
    attempt.finish(Bill(generation_id=batch.id, model=batch.model, provider=batch.provider))
    store.keep(batch.id, record)
    return objects.litellm_batch(batch, record)


def retrieve_batch(batch_id: Any, **call: Any) -> Any:
    """A batch as OpenRouter has it now, a `LiteLLMBatch`; its bill is recorded when it is over.

    Raises:
        litellm.NotFoundError: there is no such batch.
        litellm.PaymentRequiredError: OpenRouter withholds the results until credits are added.
    """
    _tell(call["litellm_logging_obj"], call, str(call.get("model") or ""))
    request = sending.retrieval(str(batch_id), call)
    return _run(request, _retrieved, call, _Billing())


def _retrieved(response: httpx.Response) -> LiteLLMBatch:
    batch = wire.parse(response.content, response.headers)
    record = store.record_of(batch.id)
    made = objects.litellm_batch(batch, record)
    if batch.bill.cost is not None:
        admission.job_ended(batch.id, batch.bill, batch.error and "batch_failed")
        if not record.is_billed:
            record.is_billed = True
            store.keep(batch.id, record)
    return made


class _Billing(contextlib.AbstractContextManager[None]):
    """Records the bill of a batch whose results are withheld: the charge waits for credits."""

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        bill = wire.withheld_bill(failure)
        if bill is not None and bill.generation_id:
            admission.job_ended(bill.generation_id, bill)


def list_batches(after: Any = None, limit: Any = None, **call: Any) -> Any:
    """A page of the workspace's batches, the newest first, a `BatchPage`; none has results."""
    if limit is not None and not 1 <= int(limit) <= _MOST_LISTED:
        raise errors.bad_request(f"limit={limit!r}: it must be from 1 to {_MOST_LISTED}")
    params = {name: str(one) for name, one in (("after", after), ("limit", limit)) if one}
    request = sending.request(call, params=params)
    return _run(request, _listed, call)


def _listed(response: httpx.Response) -> BatchPage:
    page = wire.parse_page(response.content, response.headers)
    data = [objects.litellm_batch(one, store.record_of(one.id)) for one in page.batches]
    first = data[0].id if data else None
    return BatchPage(data=data, first_id=first, last_id=page.last_id, has_more=page.has_more)


def cancel_batch(batch_id: Any, **call: Any) -> Any:  # noqa: ARG001 - LiteLLM's signature
    """Refuses: OpenRouter has no way to cancel a batch.

    Raises:
        litellm.BadRequestError: always; nothing was sent.
    """
    raise errors.bad_request(
        f"{batch_id} can't be cancelled: OpenRouter's Batch API has no such endpoint. The batch "
        "ends by itself, with most providers within 24 hours, and costs what was answered"
    )


def _tell(log: Any, call: Mapping[str, Any], model: str) -> None:
    """Gives LiteLLM's logging object what its callbacks report of a call."""
    from litellm.litellm_core_utils.get_litellm_params import get_litellm_params

    own = {name: value for name, value in call.items() if name != "litellm_logging_obj"}
    own["api_base"] = call.get("api_base") or call.get("base_url")
    log.update_environment_variables(
        model=model,
        user=call.get("user"),
        optional_params={},
        litellm_params={**own, **get_litellm_params(**own)},
        custom_llm_provider=errors.PROVIDER,
    )


def _run(
    request: Request,
    parse: Callable[[httpx.Response], Any],
    call: Mapping[str, Any],
    context: Any = None,
) -> Any:
    """The parsed answer of a request, or a coroutine of it; `context` is notified of a failure."""
    context = contextlib.nullcontext() if context is None else context
    if any(call.get(name) for name in _ASYNC_FLAGS):
        return _run_async(request, parse, context)
    with context:
        return parse(free_requests.send(request))


async def _run_async(request: Request, parse: Callable[[httpx.Response], Any], context: Any) -> Any:
    with context:
        response = await free_requests.asend(request)
        # In a thread: it may be large, and its bill goes to a database.
        return await asyncio.to_thread(parse, response)


_FUNCTIONS: Final = {
    function.__name__: function
    for function in (create_batch, retrieve_batch, list_batches, cancel_batch)
}
"""Our functions, by the names of LiteLLM's."""
