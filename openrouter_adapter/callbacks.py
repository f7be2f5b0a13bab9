"""What LiteLLM's callbacks are told of an answer: its raw text, and a stream's chunks."""

from __future__ import annotations

import datetime
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx


def tell_of_answer(
    logging_obj: Any, answer: httpx.Response, body: Mapping[str, Any], *, inputs: Any, key: Any
) -> None:
    """LiteLLM's `post_call`, with the answer's text only where somebody will read it.

    The text of 512 embeddings is 10 MB, and LiteLLM formats a copy of it for its debug log
    whether that is on or not: a quarter of the call's time.
    """
    logging_obj.post_call(
        input=inputs,
        api_key=key,
        original_response=answer.text if _is_read(logging_obj) else "",
        additional_args={"complete_input_dict": body},
    )


def _is_read(logging_obj: Any) -> bool:
    import litellm

    return bool(
        litellm.callbacks
        or litellm.input_callback
        or litellm.success_callback
        or litellm.failure_callback
        or litellm._async_input_callback
        or litellm._async_success_callback
        or litellm._async_failure_callback
        or getattr(logging_obj, "dynamic_input_callbacks", None)
        or getattr(logging_obj, "dynamic_success_callbacks", None)
        or getattr(logging_obj, "dynamic_async_success_callbacks", None)
        or getattr(logging_obj, "dynamic_failure_callbacks", None)
        or getattr(logging_obj, "logger_fn", None)
        or getattr(logging_obj, "litellm_request_debug", False)
        or logging.getLogger("LiteLLM").isEnabledFor(logging.DEBUG)
    )


def stream_listeners(logging_obj: Any) -> list[Any]:
    """The callbacks that want each chunk: those that have a `log_stream_event` of their own."""
    import litellm
    from litellm.integrations.custom_logger import CustomLogger

    told = (*litellm.callbacks, *litellm.success_callback)
    told += tuple(getattr(logging_obj, "dynamic_success_callbacks", None) or ())
    found: list[Any] = []
    for callback in told:
        if (
            isinstance(callback, CustomLogger)
            and type(callback).log_stream_event is not CustomLogger.log_stream_event
            and callback not in found
        ):
            found.append(callback)
    return found


def tell_of_chunk(listener: Any, logging_obj: Any, chunk: Any) -> None:
    """LiteLLM's `log_stream_event` of one chunk."""
    now = datetime.datetime.now()  # noqa: DTZ005 - LiteLLM's clock is naive
    listener.log_stream_event(logging_obj.model_call_details, chunk, logging_obj.start_time, now)
