"""`litellm.anthropic_messages("openrouter/…")`: the class that LiteLLM calls, and its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm.llms.base_llm.anthropic_messages.transformation import BaseAnthropicMessagesConfig

from openrouter_adapter import admission, late_bills
from openrouter_adapter.anthropic_messages import answers, requests
from openrouter_adapter.anthropic_messages.streaming import OpenRouterMessagesStream
from openrouter_adapter.endpoint import Endpoint, tell_of_answer
from openrouter_adapter.wire import errors, model_names, usage

if TYPE_CHECKING:
    import httpx


class OpenRouterAnthropicMessagesConfig(Endpoint, BaseAnthropicMessagesConfig):
    """LiteLLM's transformation class for OpenRouter's `/messages`. Holds no state."""

    _path = requests.PATH
    _parameters = tuple(sorted(requests.FIELDS))

    def get_supported_anthropic_messages_params(self, model: str) -> list[str]:
        """Anthropic's parameters that reach OpenRouter, whatever the model."""
        return list(self._parameters)

    def should_filter_anthropic_beta_headers(self) -> bool:
        """Never: OpenRouter passes them on to the providers that know them."""
        return False

    @property
    def max_retry_on_anthropic_messages_http_error(self) -> int:
        """One request: LiteLLM would send it again without the thinking that was refused."""
        return 1

    def validate_anthropic_messages_environment(
        self,
        headers: dict[str, Any],
        model: str,
        messages: list[Any],
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
        api_key: str | None = None,
        api_base: str | None = None,
    ) -> tuple[dict[str, Any], str | None]:
        """The request headers, and the base URL as it was given.

        Raises:
            litellm.AuthenticationError: there is no key.
        """
        sent = super().validate_environment(
            headers, model, messages, optional_params, litellm_params, api_key
        )
        return sent, api_base

    def transform_anthropic_messages_request(
        self,
        model: str,
        messages: list[Any],
        anthropic_messages_optional_request_params: dict[str, Any],
        litellm_params: Any,
        headers: dict[str, Any],
    ) -> dict[str, Any]:
        """The body, whose fields handlers.py has built and had admitted."""
        fields = anthropic_messages_optional_request_params
        return {"model": model_names.wire_model(model), "messages": messages, **fields}

    def transform_anthropic_messages_response(  # type: ignore[override] # the same, with an attribute
        self, model: str, raw_response: httpx.Response, logging_obj: Any
    ) -> answers.MessagesAnswer:
        """The answer as it came; the billed cost is in its hidden params.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or has no content.
        """
        tell_of_answer(logging_obj, raw_response, {}, inputs=None, key="")
        content, headers = raw_response.content, raw_response.headers
        with admission.finishing() as finish, errors.for_malformed(content, headers, model):
            body = answers.parse(content, headers, model)
            bill = answers.read_bill(body, headers)
            finish(bill)
            answer = answers.MessagesAnswer(body)
            usage.attach(answer._hidden_params, answers.facts(body), headers)
        if bill.cost is None:
            late_bills.leave_unpriced(logging_obj)
        else:
            answer.cost = float(bill.cost)
            logging_obj.model_call_details["response_cost"] = float(bill.cost)
        return answer

    def get_async_streaming_response_iterator(
        self,
        model: str,
        httpx_response: httpx.Response,
        request_body: dict[str, Any],
        litellm_logging_obj: Any,
    ) -> OpenRouterMessagesStream:
        """The stream of Anthropic's events, which finishes the attempt when it ends."""
        return OpenRouterMessagesStream(
            httpx_response,
            model=model,
            logging_obj=litellm_logging_obj,
            attempt=admission.current(),
        )
