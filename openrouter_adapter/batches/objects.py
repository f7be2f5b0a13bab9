"""OpenRouter's batch and its results in OpenAI's form: LiteLLM's batch, and the lines of its files.

See https://platform.openai.com/docs/api-reference/batch/object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import orjson
from litellm.types.utils import LiteLLMBatch
from openai.types.batch import Errors
from openai.types.batch_error import BatchError
from openai.types.batch_request_counts import BatchRequestCounts

from openrouter_adapter.batches import store, wire
from openrouter_adapter.late_bills import Unbilled
from openrouter_adapter.wire import usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.batches.store import Record
    from openrouter_adapter.batches.wire import Batch

OUTPUT: Final = f"{store.PREFIX}output-"
ERRORS: Final = f"{store.PREFIX}errors-"
_ENDED_AT: Final = {
    "completed": "completed_at",
    "failed": "failed_at",
    "expired": "expired_at",
    "cancelled": "cancelled_at",
}


class UnbilledBatch(LiteLLMBatch, Unbilled):
    """A batch whose cost is not known yet, so that LiteLLM records none."""


def litellm_batch(batch: Batch, record: Record) -> LiteLLMBatch:
    """A batch as LiteLLM returns it.

    Its hidden params have the cost in USD the first time that it is known, and 0 later, so that the
    callbacks' sum is the bill. `openrouter` among them always has the whole bill.

    Args:
        batch: The batch.
        record: What is known of it here.
    """
    answered = batch.is_over and batch.completed > 0
    has_errors = batch.is_over and batch.results is not None and batch.failed > 0
    fields: dict[str, Any] = {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": batch.model,
        "completion_window": wire.COMPLETION_WINDOW,
        "status": batch.status,
        "input_file_id": record.input_file_id,
        "metadata": record.metadata or None,
        "created_at": batch.created_at,
        "expires_at": batch.expires_at,
        "output_file_id": f"{OUTPUT}{batch.id}" if answered else None,
        "error_file_id": f"{ERRORS}{batch.id}" if has_errors else None,
        "request_counts": BatchRequestCounts(
            total=batch.total, completed=batch.completed, failed=batch.failed
        ),
    }
    if batch.status in _ENDED_AT:
        fields[_ENDED_AT[batch.status]] = batch.finalized_at
    if batch.error is not None:
        problem = BatchError(code="batch_failed", message=batch.error)
        fields["errors"] = Errors(object="list", data=[problem])
    wired = batch.bill.usage
    if wired is not None:
        # OpenAI's batches have the names of its Responses API.
        names = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
        alike = {name: wired[other] for name, other in names.items() if other in wired}
        fields["usage"] = usage.litellm_usage({**wired, **alike})
    cost = batch.bill.cost
    made = (UnbilledBatch if cost is None else LiteLLMBatch)(**fields)
    hidden: dict[str, Any] = {"openrouter": _facts(batch)}
    if cost is not None:
        hidden["response_cost"] = 0.0 if record.is_billed else float(cost)
    made._hidden_params = hidden
    return made


def _facts(batch: Batch) -> dict[str, Any]:
    bill = batch.bill
    found = {
        "generation_id": batch.id,
        "model": batch.model,
        "provider": batch.provider,
        "cost": None if bill.cost is None else float(bill.cost),
        "is_byok": bill.is_byok if bill.usage is not None else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def lines(batch: Batch, kind: Literal["output", "errors"]) -> bytes:
    """The lines of a batch's output file, or of its error file."""
    return b"".join(
        orjson.dumps(line) + b"\n" for line in _lines(batch, is_output=kind == "output")
    )


def _lines(batch: Batch, *, is_output: bool) -> Iterator[dict[str, Any]]:
    raw = batch.results or ()
    for sent, result in zip(raw, batch.read_results(), strict=True):
        if (result.failure is None) is not is_output:
            continue
        error = sent.get("error")
        if result.failure is not None and not isinstance(error, dict):
            # OpenAI's form has the reason of a failure here, too.
            error = {"message": str(result.failure)}
        if isinstance(error, dict):
            code = error.get("error_type") or error.get("type") or type(result.failure).__name__
            error = {"code": code, **error}
        yield {
            "id": sent.get("id"),
            "custom_id": result.custom_id,
            "response": sent.get("response"),
            "error": error,
        }
