"""`litellm.responses("openrouter/…")`: the class that LiteLLM calls, and its steps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litellm.llms.openai.responses.transformation import OpenAIResponsesAPIConfig
from litellm.types.utils import LlmProviders

from openrouter_adapter import admission, options
from openrouter_adapter.endpoint import Endpoint, tell_of_answer
from openrouter_adapter.responses import answers, requests
from openrouter_adapter.wire import connection, errors, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx
    from litellm.types.llms.openai import ResponsesAPIResponse


class OpenRouterResponsesConfig(Endpoint, OpenAIResponsesAPIConfig):
    """LiteLLM's transformation class for OpenRouter's `/responses`. Holds no state."""

    _path = "/responses"
    _parameters = (
        *("model", "input"),
        *requests.SUPPORTED,
        *("extra_headers", "extra_body", "extra_query", "timeout"),
    )

    @property
    def custom_llm_provider(self) -> LlmProviders:
        """OpenRouter, so that LiteLLM skips what it does only for OpenAI."""
        return LlmProviders.OPENROUTER

    def map_openai_params(  # type: ignore[override] # LiteLLM's differs from its other endpoints
        self, response_api_optional_params: Any, model: str, drop_params: bool
    ) -> dict[str, Any]:
        """Passes all parameters on; those that need translating are translated with the body."""
        return dict(response_api_optional_params)

    def should_fake_stream(
        self, model: str | None, stream: bool | None, custom_llm_provider: str | None = None
    ) -> bool:
        """Never: LiteLLM would fake one for each model that it has no entry for, which is all."""
        return False

    def supports_native_websocket(self) -> bool:
        """OpenRouter has none; LiteLLM serves websockets over streams."""
        return False

    def validate_environment(  # type: ignore[override] # the same
        self, headers: dict[str, Any], model: str, litellm_params: Any
    ) -> dict[str, Any]:
        """The request headers; the caller's dict is left alone.

        Raises:
            litellm.AuthenticationError: there is no key.
        """
        key = getattr(litellm_params, "api_key", None)
        return super().validate_environment(headers, model, [], {}, {}, key)

    def get_complete_url(  # type: ignore[override] # the same
        self, api_base: str | None, litellm_params: dict[str, Any]
    ) -> str:
        """The endpoint's URL under the call's, LiteLLM's or the environment's base."""
        return connection.endpoint_url(api_base, self._path)

    def transform_responses_api_request(
        self,
        model: str,
        input: Any,  # noqa: A002 - LiteLLM's name
        response_api_optional_request_params: dict[str, Any],
        litellm_params: Any,
        headers: dict[str, Any],
    ) -> dict[str, Any]:
        """The body, admitted.

        Raises:
            litellm.BadRequestError: an input or a parameter is invalid; the error names it.
        """
        named = response_api_optional_request_params
        given = {name: value for name, value in named.items() if value is not None}
        # The parameters that LiteLLM's class does not declare, such as OpenRouter's options.
        unnamed = getattr(litellm_params, "model_extra", None) or {}
        keywords = {**requests.known_options(unnamed), **given}
        body = requests.build_body(model, input, keywords)
        admission.before_send(body, self._path)
        return body

    async def async_transform_responses_api_request(  # noqa: D102 - the base class's
        self, *arguments: Any, **keywords: Any
    ) -> dict[str, Any]:
        # In a thread, as LiteLLM does on the other endpoints: the gate may ask a database.
        return await asyncio.to_thread(self.transform_responses_api_request, *arguments, **keywords)

    def transform_extra_body(
        self,
        extra_body: Mapping[str, object],
        request: Mapping[str, object],
        model: str,
        litellm_params: Any,
    ) -> Mapping[str, object]:
        """The request completed by `extra_body`, with the fields that no keyword sets."""
        return options.with_extra(dict(request), extra_body, model=model)

    def transform_response_api_response(
        self, model: str, raw_response: httpx.Response, logging_obj: Any
    ) -> ResponsesAPIResponse:
        """LiteLLM's response, with nothing of OpenRouter's lost and the billed cost on it.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or has no output.
        """
        tell_of_answer(logging_obj, raw_response, {}, inputs=None, key="")
        content, headers = raw_response.content, raw_response.headers
        with admission.finishing() as finish, errors.for_malformed(content, headers):
            body = answers.parse(content, headers, model)
            finish(usage.read_bill(body, headers))
            return answers.response_object(body, headers)

    def transform_streaming_response(
        self, model: str, parsed_chunk: dict[str, Any], logging_obj: Any
    ) -> Any:
        """LiteLLM's event of a wire event; streams have a reader for this (stream_reader.py)."""
        return answers.event_object(parsed_chunk)
