"""`litellm.completion("openrouter/…")`: the class that LiteLLM calls, and the steps it names."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import httpx
from litellm.llms.custom_httpx.http_handler import (
    AsyncHTTPHandler,
    HTTPHandler,
    get_async_httpx_client,
)
from litellm.llms.custom_httpx.http_handler import _get_httpx_client as get_httpx_client
from litellm.llms.openai.chat.gpt_transformation import OpenAIGPTConfig
from litellm.types.utils import LlmProviders

from openrouter_adapter import admission
from openrouter_adapter.callbacks import tell_of_answer
from openrouter_adapter.chat import messages as chat_messages
from openrouter_adapter.chat import parameters, response
from openrouter_adapter.chat.streaming import OpenRouterStream
from openrouter_adapter.endpoint import Endpoint
from openrouter_adapter.text_completion import transformation as text_completion
from openrouter_adapter.wire import completion, connection, errors, model_names, usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from litellm.types.utils import ModelResponse


def build_body(model: str, messages: list[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a chat request.

    Args:
        model: As OpenRouter names it, or as LiteLLM's core left it.
        messages: The conversation, in any form that messages.py takes.
        keywords: Parameters of OpenAI and LiteLLM, OpenRouter's own options, and `extra_body`,
            which is sent unchecked and fills in what no keyword says.

    Raises:
        litellm.BadRequestError: something in it is wrong; the message says what.
    """
    fields, extra = parameters.body_fields(keywords, model)
    named = {"model": model_names.wire_model(model), "messages": messages, **fields}
    body = parameters.filled(named, extra, model)
    body["messages"] = chat_messages.to_wire(messages, body["model"], body)
    chat_messages.limit_breakpoints(body)
    return body


class OpenRouterChatConfig(Endpoint, OpenAIGPTConfig):
    """LiteLLM's transformation class for OpenRouter's `/chat/completions`. Holds no state."""

    _path = "/chat/completions"
    _parameters = parameters.SUPPORTED

    def __init__(self) -> None:  # LiteLLM's own would make class attributes of its arguments
        pass

    def translate_developer_role_to_system_role(self, messages: list[Any], **_: Any) -> list[Any]:
        """Keeps the role: OpenRouter knows `developer`."""
        return messages

    def transform_request(
        self,
        model: str,
        messages: list[Any],
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
        headers: dict[str, Any],
    ) -> dict[str, Any]:
        """The body, with `extra_body` in it where LiteLLM's core has not taken that out."""
        if text_completion.is_asked(litellm_params):
            fields, extra = parameters.body_fields(optional_params, model)
            named = text_completion.build_body(model, messages, fields)
            return parameters.filled(named, extra, model)
        return build_body(model, messages, optional_params)

    def sign_request(
        self,
        headers: dict[str, Any],
        optional_params: dict[str, Any],
        request_data: dict[str, Any],
        api_base: str,
        api_key: str | None = None,
        model: str | None = None,
        stream: bool | None = None,
        fake_stream: bool | None = None,
    ) -> tuple[dict[str, Any], bytes | None]:
        """Nothing to sign; the place where the finished body, `extra_body` in it, is admitted."""
        path = self._path if api_base.endswith(self._path) else text_completion.PATH
        admission.before_send(request_data, path)
        return headers, None

    def get_complete_url(
        self,
        api_base: str | None,
        api_key: str | None,
        model: str,
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
        stream: bool | None = None,
    ) -> str:
        """The URL of the chat, or of the text completion, that LiteLLM makes a chat of."""
        is_text = text_completion.is_asked(litellm_params)
        return connection.endpoint_url(api_base, text_completion.PATH if is_text else self._path)

    def transform_extra_body(
        self,
        extra_body: Mapping[str, object],
        request: Mapping[str, object],
        model: str,
        litellm_params: Mapping[str, object],
    ) -> Mapping[str, object]:
        """The request with what `extra_body` fills in: the fields that no keyword said."""
        return parameters.filled(dict(request), extra_body, model)

    def transform_response(
        self,
        model: str,
        raw_response: httpx.Response,
        model_response: ModelResponse,
        logging_obj: Any,
        request_data: dict[str, Any],
        messages: list[Any],
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
        encoding: Any,
        api_key: str | None = None,
        json_mode: bool | None = None,
    ) -> Any:
        """LiteLLM's response, with nothing of OpenRouter's lost and the billed cost on it.

        A `ModelResponse`; a `TextCompletionResponse` where a text completion was asked for.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or none.
        """
        tell_of_answer(logging_obj, raw_response, request_data, inputs=messages, key=api_key)
        content, headers = raw_response.content, raw_response.headers
        with admission.settled() as settle, errors.for_malformed(content, headers):
            is_text = text_completion.is_asked(litellm_params)
            parse = text_completion.parse if is_text else completion.parse
            try:
                body = parse(content, headers, model)
            except Exception as failure:
                response.put_partial(failure, headers)
                raise
            whole: Any = (
                text_completion.response(body, headers)
                if is_text
                else response.model_response(body, headers, model_response)
            )
            settle(usage.read_bill(body, headers))
        return whole

    @property
    def has_custom_stream_wrapper(self) -> bool:
        """Streams are ours: see streaming.py."""
        return True

    def get_sync_custom_stream_wrapper(  # type: ignore[override] # LiteLLM calls it by keywords
        self, **call: Any
    ) -> OpenRouterStream:
        """Sends the request of a `completion(stream=True)`.

        Raises:
            One of LiteLLM's exceptions: the request failed before the stream began.
        """
        client = call.get("client")
        litellm_params = call.get("litellm_params") or {}
        if not isinstance(client, HTTPHandler):
            client = get_httpx_client(params={"ssl_verify": litellm_params.get("ssl_verify")})
        with _failures():
            response = client.post(**_post_arguments(call))
        return _stream(call, response, response.iter_bytes())

    async def get_async_custom_stream_wrapper(  # type: ignore[override] # the same
        self, **call: Any
    ) -> OpenRouterStream:
        """Sends the request of an `acompletion(stream=True)`.

        Raises:
            One of LiteLLM's exceptions: the request failed before the stream began.
        """
        client = call.get("client")
        litellm_params = call.get("litellm_params") or {}
        if not isinstance(client, AsyncHTTPHandler):
            client = get_async_httpx_client(
                llm_provider=LlmProviders.OPENROUTER,
                params={"ssl_verify": litellm_params.get("ssl_verify")},
            )
        with _failures():
            response = await client.post(**_post_arguments(call))
        return _stream(call, response, response.aiter_bytes())


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except Exception as cause:
        answer: Any = getattr(cause, "response", None)
        text = str(cause)
        with contextlib.suppress(httpx.ResponseNotRead, AttributeError):
            text = answer.text or text
        status = getattr(answer, "status_code", None) or getattr(cause, "status_code", None) or 500
        raise errors.of_failure(text, status, getattr(answer, "headers", None)) from cause


def _post_arguments(call: Mapping[str, Any]) -> dict[str, Any]:
    signed = call.get("signed_json_body")
    return {
        "url": call["api_base"],
        "headers": call["headers"],
        "data": json.dumps(call["data"]) if signed is None else signed,
        "timeout": call.get("timeout"),
        "stream": True,
        "logging_obj": call["logging_obj"],
    }


def _stream(call: Mapping[str, Any], response: httpx.Response, pieces: Any) -> OpenRouterStream:
    call["logging_obj"].post_call(
        input=call["messages"],
        api_key="",
        original_response="first stream response received",
        additional_args={"complete_input_dict": call["data"]},
    )
    is_text = text_completion.is_asked(call.get("litellm_params") or {})
    return OpenRouterStream(
        response,
        pieces=pieces,
        model=call["model"],
        logging_obj=call["logging_obj"],
        attempt=admission.current(),
        parser=text_completion.TextEventParser() if is_text else None,
    )
