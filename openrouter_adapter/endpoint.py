"""What every endpoint has in common: its calls, the methods of its class, its callbacks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from openrouter_adapter.wire import connection, errors

if TYPE_CHECKING:
    import inspect
    from collections.abc import Coroutine, Mapping

    import httpx


def arguments_of(
    signature: inspect.Signature, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """Arguments of a call of one of LiteLLM's functions, by name."""
    call = signature.bind_partial(*arguments, **keywords).arguments
    return {**call, **call.pop("kwargs", {})}


def is_for_openrouter(call: Mapping[str, Any]) -> bool:
    """Whether LiteLLM sends a call to OpenRouter: by its provider, or else its model's prefix."""
    provider = call.get("custom_llm_provider") or str(call.get("model")).partition("/")[0]
    return bool(provider == errors.PROVIDER)


class Endpoint:
    """Headers, URL, parameters and errors of an OpenRouter endpoint. Holds no state.

    A base class that goes before LiteLLM's. A subclass names its `_path` and the OpenAI parameters
    it takes; LiteLLM rejects or silently drops all others.
    """

    _path: ClassVar[str]
    _parameters: ClassVar[tuple[str, ...]]

    @classmethod
    def get_config(cls) -> dict[str, Any]:
        """No defaults: what is sent is what the caller gave."""
        return {}

    def get_supported_openai_params(self, model: str) -> list[Any]:
        """OpenAI's parameters that reach OpenRouter, whatever the model."""
        return list(self._parameters)

    def map_openai_params(
        self,
        non_default_params: dict[str, Any],
        optional_params: dict[str, Any],
        model: str,
        drop_params: bool,
    ) -> dict[str, Any]:
        """Passes the supported parameters on; they are translated with the body."""
        for name in self._parameters:
            if name in non_default_params:
                optional_params[name] = non_default_params[name]
        return optional_params

    def validate_environment(
        self,
        headers: dict[str, Any],
        model: str,
        messages: list[Any],
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
        api_key: str | None = None,
        api_base: str | None = None,
    ) -> dict[str, Any]:
        """The request headers; the caller's dict is left alone.

        Raises:
            litellm.AuthenticationError: there is no key.
        """
        import litellm

        # If a call has none, LiteLLM's core adds its global headers on most endpoints, not on all.
        everywhere: Any = litellm.headers
        return connection.request_headers(headers or everywhere or {}, api_key, model)

    def get_complete_url(
        self,
        api_base: str | None,
        api_key: str | None,
        model: str,
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
        stream: bool | None = None,
    ) -> str:
        """The endpoint's URL under the call's, LiteLLM's or the environment's base."""
        return connection.endpoint_url(api_base, self._path)

    def get_error_class(
        self, error_message: str, status_code: int, headers: Mapping[str, str]
    ) -> Any:
        """The LiteLLM exception of a failed request."""
        return errors.of_failure(error_message, status_code, headers)


def tell_of_answer(
    logging_obj: Any, answer: httpx.Response, body: Mapping[str, Any], *, inputs: Any, key: Any
) -> None:
    """Calls LiteLLM's `post_call`, with the answer's text only if a callback or a log reads it.

    The text of 512 embeddings is 10 MB, and LiteLLM formats a copy of it for its debug log
    whether that is on or not: a quarter of the call's time.
    """
    logging_obj.post_call(
        input=inputs,
        api_key=key,
        original_response=answer.text if is_read(logging_obj) else "",
        additional_args={"complete_input_dict": body},
    )


def tell_of_failure(log: Any, exception: Exception, trace: str) -> Coroutine[Any, Any, None]:
    """Notifies the callbacks of a stream's failure, from a copy of the log if LiteLLM can.

    A fallback on the proxy continues with the same log.
    """
    notified: Coroutine[Any, Any, None]
    if hasattr(log, "dispatch_attempt_failure_handlers"):  # from LiteLLM 1.109 on
        notified = log.dispatch_attempt_failure_handlers(exception, trace)
    else:
        notified = log.dispatch_failure_handlers(exception, trace, prefer_async_handlers=True)
    return notified


def is_read(logging_obj: Any) -> bool:
    """Whether a callback or a log reads the answer of a call."""
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
