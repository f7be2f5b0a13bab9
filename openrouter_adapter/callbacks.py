"""What LiteLLM's callbacks are told of a raw answer."""

from __future__ import annotations

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
