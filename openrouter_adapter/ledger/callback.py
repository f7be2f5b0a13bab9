"""LiteLLM's callback: calls that admission.py does not see, as they never reached OpenRouter.

OpenRouter's attempts are recorded by the gate (gate.py), with the bill itself. The callback
records the rest: other providers' calls, hits of LiteLLM's cache, and calls that failed before
anything was sent. LiteLLM fires twice for some calls; rows are keyed, so that changes nothing.
"""

from __future__ import annotations

import datetime as dt
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from litellm.integrations.custom_logger import CustomLogger

from openrouter_adapter.hooks import clients, functions
from openrouter_adapter.ledger import metadata
from openrouter_adapter.ledger.billing import put_cost, read_tokens
from openrouter_adapter.ledger.rows import BILLED, ERROR, ESTIMATE, OK, Row
from openrouter_adapter.money import to_pico
from openrouter_adapter.wire import errors
from openrouter_adapter.wire.usage import usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.ledger.gate import LedgerGate
    from openrouter_adapter.ledger.writer import Writer

logger = logging.getLogger("openrouter_adapter")

_ENDPOINTS: Final = {
    "completion": "/chat/completions",
    "acompletion": "/chat/completions",
    "text_completion": "/completions",
    "atext_completion": "/completions",
    "embedding": "/embeddings",
    "aembedding": "/embeddings",
    "image_generation": "/images/generations",
    "aimage_generation": "/images/generations",
    "responses": "/responses",
    "aresponses": "/responses",
    "anthropic_messages": "/messages",
    "rerank": "/rerank",
    "arerank": "/rerank",
    **dict.fromkeys(
        (
            *("video_generation", "avideo_generation", "create_video", "acreate_video"),
            *("video_remix", "avideo_remix", "video_edit", "avideo_edit"),
            *("video_extension", "avideo_extension"),
        ),
        "/videos",
    ),
}
# Calls that cost nothing. The first one that finds a video or a batch completed reports its cost,
# but the gate has put that into the row of the call that started it.
_FREE: Final = frozenset(
    f"{twin}{name}"
    for twin in ("", "a")
    for name in (
        *("video_status", "video_retrieve", "video_content", "video_list"),
        *("retrieve_batch", "list_batches", "create_file", "file_content", "file_delete"),
        *("file_list", "file_retrieve"),
    )
)
# The endpoints whose own `metadata` takes the place of LiteLLM's.
_LOSES_LABELS: Final = frozenset({"aresponses", "anthropic_messages"})
# Set by LiteLLM's proxy on a request that it refused itself, at authentication or by a limit of its
# own: no attempt was made.
_NOT_SENT: Final = "litellm_no_upstream_llm_call"

# What the ledger records about a virtual key, and the proxy's names for it.
_OF_KEY: Final = {
    "hash": "api_key",
    "alias": "key_alias",
    "user_id": "user_id",
    "end_user_id": "end_user_id",
    "team_id": "team_id",
    "team_alias": "team_alias",
    "org_id": "org_id",
    "metadata": "metadata",
    "team_metadata": "team_metadata",
}


class Handler(CustomLogger):
    """The callback in `litellm.callbacks`. Does nothing while no ledger is enabled."""

    def __init__(self) -> None:
        """Records nothing yet."""
        super().__init__()
        self._writer: Writer | None = None
        self._gate: LedgerGate | None = None

    def connect(self, writer: Writer | None, gate: LedgerGate | None) -> None:
        """Sets where rows go; None for nowhere."""
        self._writer, self._gate = writer, gate

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: Any
    ) -> None:
        """Notes for whose key the proxy passes a request through: it is sent from this task."""
        if self._gate is None or call_type != "pass_through_endpoint":
            return
        known = {
            f"user_api_key_{name}": getattr(user_api_key_dict, source, None)
            for name, source in _OF_KEY.items()
        }
        log = data.get("litellm_logging_obj")
        call_id = getattr(log, "litellm_call_id", None)
        clients.caller.set({"metadata": known, "litellm_call_id": call_id})

    async def async_pre_call_deployment_hook(
        self, kwargs: dict[str, Any], call_type: Any
    ) -> dict[str, Any] | None:
        """Keeps the labels of an asynchronous call that LiteLLM would lose."""
        name = getattr(call_type, "value", None)
        if self._gate is None or name not in _LOSES_LABELS:
            return None
        return functions.keep_metadata(kwargs, is_lost=name == "anthropic_messages")

    def log_success_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,
        end_time: Any,
    ) -> None:
        """A call that LiteLLM answered."""
        self._record(kwargs, response_obj, start_time, end_time)

    def log_failure_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,
        end_time: Any,
    ) -> None:
        """A call that failed."""
        self._record(kwargs, None, start_time, end_time, is_failure=True)

    async def async_log_success_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,
        end_time: Any,
    ) -> None:
        """An asynchronous call that LiteLLM answered."""
        self._record(kwargs, response_obj, start_time, end_time)

    async def async_log_failure_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,
        end_time: Any,
    ) -> None:
        """An asynchronous call that failed."""
        self._record(kwargs, None, start_time, end_time, is_failure=True)

    def _record(
        self,
        details: Mapping[str, Any],
        response: Any,
        start: Any,
        end: Any,
        *,
        is_failure: bool = False,
    ) -> None:
        writer, gate = self._writer, self._gate
        if writer is None or gate is None:
            return
        try:
            if details.get(_NOT_SENT) or _is_free(details):
                return
            is_hit = details.get("cache_hit") is True
            if not is_hit and (
                details.get("litellm_call_id") in gate.attempts or _reached_openrouter(details)
            ):
                return
            row = _row(details, response, start, end, is_hit=is_hit)
            if is_failure:
                _put_failure(row, details)
            elif is_hit:
                _put_hit(row, response)
            else:
                _put_cost(row, response, details)
            writer.put(row)
        except Exception as wrong:  # noqa: BLE001 - no call fails over its row
            logger.warning("a call is missing from the ledger: %r", wrong)


handler: Final = Handler()


def _is_free(details: Mapping[str, Any]) -> bool:
    # Other providers' functions for files name their provider to the callbacks.
    is_ours = details.get("custom_llm_provider") in {None, "", errors.PROVIDER}
    return is_ours and details.get("call_type") in _FREE


def _row(details: Mapping[str, Any], response: Any, start: Any, end: Any, *, is_hit: bool) -> Row:
    parameters = details.get("litellm_params") or {}
    body = details.get("optional_params") or {}
    started = _microseconds(start)
    row = Row(
        call_id=metadata.label(details.get("litellm_call_id")) or f"unnamed-{started}",
        attempt=1,
        started_at=started,
        latency_ms=max(0, (_microseconds(end) - started) // 1000),
        endpoint=_ENDPOINTS.get(str(details.get("call_type")), str(details.get("call_type"))),
        via=metadata.label(details.get("custom_llm_provider")) or "",
        model=metadata.label(_model(details)) or "",
        streamed=details.get("stream") is True,
        cache_hit=is_hit,
        outcome=OK,
    )
    metadata.put_labels(
        row,
        {**parameters, "api_key": parameters.get("api_key") or "none"},
        user=body.get("user") or body.get("safety_identifier") or details.get("user"),
        session=body.get("session_id"),
    )
    if row.key_name == _NO_KEY:
        row.key_name = None
    _read_response(row, response)
    return row


def _reached_openrouter(details: Mapping[str, Any]) -> bool:
    """Whether a call reached OpenRouter as another provider's, or passed through unchanged.

    The gate has seen what such a call costs (clients.py), and that a `GET` costs nothing.
    """
    passed_through = details.get("passthrough_logging_payload")
    if isinstance(passed_through, dict) and clients.is_openrouter(passed_through.get("url")):
        return True
    sent = details.get("additional_args")
    address = sent.get("api_base") if isinstance(sent, dict) else None
    return details.get("custom_llm_provider") != "openrouter" and clients.is_openrouter(address)


def _model(details: Mapping[str, Any]) -> Any:
    """The model, if LiteLLM knows its provider; until then it takes any first argument for one.

    An image call's first argument is the prompt, which must not be stored.
    """
    provider, model = details.get("custom_llm_provider"), details.get("model")
    if not provider or not isinstance(model, str):
        return None
    return model.removeprefix("openrouter/") if provider == "openrouter" else model


def _read_response(row: Row, response: Any) -> None:
    usage = getattr(response, "usage", None)
    if usage is not None and hasattr(usage, "model_dump"):
        read_tokens(row, usage.model_dump())
    row.served_model = metadata.label(getattr(response, "model", None))
    facts = _facts(response)
    row.generation_id = metadata.label(facts.get("generation_id"))
    row.provider = metadata.label(facts.get("provider"))


def _facts(response: Any) -> Mapping[str, Any]:
    hidden = getattr(response, "_hidden_params", None)
    found = hidden.get("openrouter") if isinstance(hidden, dict) else None
    return found if isinstance(found, dict) else {}


def _put_hit(row: Row, response: Any) -> None:
    """Records in a row that the call cost nothing, and saved what the first call cost."""
    usage = getattr(response, "usage", None)
    first = usd(_facts(response).get("cost")) or usd(getattr(usage, "cost", None))
    row.cost_status, row.cost = BILLED, 0
    row.saved = to_pico(first) if first is not None else 0
    if row.generation_id is None:
        row.generation_id = metadata.label(getattr(response, "id", None))


def _put_cost(row: Row, response: Any, details: Mapping[str, Any]) -> None:
    """Puts OpenRouter's bill into a row if there is one, else LiteLLM's estimate."""
    facts = _facts(response)
    billed = usd(facts.get("cost"))
    if not facts and (row.via or str(details.get("model")).split("/")[0]) == "openrouter":
        # The gate never saw it, and no answer of OpenRouter's lacks facts: a mock response.
        row.cost_status, row.cost = BILLED, 0
        return
    if billed is not None:
        upstream = None
        if facts.get("is_byok") is True:
            row.is_byok = True
            upstream = usd((facts.get("cost_details") or {}).get("upstream_inference_cost"))
        put_cost(row, billed, upstream or Decimal(0))
        return
    estimated = usd(details.get("response_cost"))
    if estimated is not None and row.via != "openrouter":
        row.cost_status, row.cost = ESTIMATE, to_pico(estimated)


def _put_failure(row: Row, details: Mapping[str, Any]) -> None:
    failure = details.get("exception")
    row.outcome, row.error_class = ERROR, type(failure).__name__
    row.error_code = metadata.label(getattr(failure, "status_code", None))
    if row.via == "openrouter":
        # The gate never saw it: nothing was sent.
        row.cost_status, row.cost = BILLED, 0
    else:
        estimated = usd(details.get("response_cost"))
        if estimated is not None:
            row.cost_status, row.cost = ESTIMATE, to_pico(estimated)


_NO_KEY: Final = metadata.key_name("none")


def _microseconds(moment: Any) -> int:
    if isinstance(moment, dt.datetime):
        return round(moment.timestamp() * 1_000_000)
    return round(float(moment or 0) * 1_000_000)
