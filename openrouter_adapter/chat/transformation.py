"""`litellm.completion("openrouter/…")`: the class that LiteLLM calls, and its steps.

LiteLLM also turns a text completion into a chat, and calls the same class for both: `_Form` has the
differences.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx
from litellm.llms.custom_httpx.http_handler import (
    AsyncHTTPHandler,
    HTTPHandler,
    get_async_httpx_client,
)
from litellm.llms.custom_httpx.http_handler import _get_httpx_client as get_httpx_client
from litellm.llms.openai.chat.gpt_transformation import OpenAIGPTConfig
from litellm.types.utils import LlmProviders

from openrouter_adapter import admission, options
from openrouter_adapter.chat import messages as chat_messages
from openrouter_adapter.chat import response
from openrouter_adapter.chat.streaming import OpenRouterStream
from openrouter_adapter.endpoint import Endpoint, tell_of_answer
from openrouter_adapter.text_completion import transformation as text_completion
from openrouter_adapter.wire import completion, connection, errors, model_names, sse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from openrouter_adapter.wire.usage import Bill


# Every OpenAI parameter that OpenRouter accepts or that is translated below. LiteLLM rejects or
# silently drops all others. https://openrouter.ai/docs/api-reference/parameters
SUPPORTED: Final = (
    "audio",
    "context_management",
    "extra_headers",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_retries",
    "max_tokens",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
)

# Keywords that LiteLLM leaves among the parameters and that are not sent: retries are LiteLLM's own
# task, and headers, which may include the key, don't belong in a body.
NOT_SENT: Final = ("max_retries", "extra_headers", "extra_query")

# Asks for the cost in the answer: https://openrouter.ai/docs/use-cases/usage-accounting
INCLUDE_USAGE: Final[Mapping[str, bool]] = {"include": True}


def build_body(model: str, messages: list[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a chat request.

    Args:
        model: As OpenRouter names it, or as LiteLLM's core left it.
        messages: The conversation, in any form that messages.py accepts.
        keywords: Parameters of OpenAI and LiteLLM, OpenRouter's own options, and `extra_body`,
            which is sent unchecked and fills in what no keyword sets.

    Raises:
        litellm.BadRequestError: a keyword or a message is invalid; the error names it.
    """
    fields, extra = body_fields(keywords, model)
    named = {"model": model_names.wire_model(model), "messages": messages, **fields}
    body = filled(named, extra, model)
    body["messages"] = chat_messages.to_wire(messages, body["model"], body)
    chat_messages.limit_breakpoints(body)
    return body


def body_fields(parameters: Mapping[str, Any], model: str = "") -> tuple[dict[str, Any], Any]:
    """The fields of a request's body from the keywords of the call, and its `extra_body`.

    Raises:
        litellm.BadRequestError: an option is invalid, or two contradict each other.
    """
    fields, extra = options.body_fields(parameters, NOT_SENT)
    _agree_on_length(fields, model)
    options.fold_reasoning(fields, model)
    options.check(fields, model)
    return fields, extra


def filled(body: dict[str, Any], extra: Any, model: str = "") -> dict[str, Any]:
    """A body completed by `extra_body`, which asks for the cost unless either sets `usage`.

    Raises:
        litellm.BadRequestError: `extra_body` is not an object.
    """
    asked = body.setdefault("usage", INCLUDE_USAGE)
    return options.with_extra(body, extra, ("usage",) if asked is INCLUDE_USAGE else (), model)


def _agree_on_length(fields: Mapping[str, Any], model: str) -> None:
    shorter, longer = fields.get("max_tokens"), fields.get("max_completion_tokens")
    if shorter is not None and longer is not None and shorter != longer:
        one, other = f"max_tokens={shorter!r}", f"max_completion_tokens={longer!r}"
        raise options.contradiction(one, other, model)


def _build_text(model: str, messages: list[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    fields, extra = body_fields(keywords, model)
    return filled(text_completion.build_body(model, messages, fields), extra, model)


class _Form(NamedTuple):
    """The differences between a chat and a text completion.

    Attributes:
        path: The endpoint's path.
        build_body: The model, LiteLLM's messages and the call's keywords → the wire body.
        parse: An answer's bytes and headers, and the model → the checked answer, in a chat's form.
        response: The checked answer, the headers and LiteLLM's empty response → the response that
            the caller gets, and the bill.
        event_parser: Reads a stream's events, in a chat's form.
    """

    path: str
    build_body: Callable[[str, list[Any], Mapping[str, Any]], dict[str, Any]]
    parse: Callable[[bytes, Mapping[str, str], str], dict[str, Any]]
    response: Callable[[Mapping[str, Any], Mapping[str, str], Any], tuple[Any, Bill]]
    event_parser: type[sse.EventParser]


_CHAT: Final = _Form(
    "/chat/completions", build_body, completion.parse, response.billed_response, sse.EventParser
)
_TEXT: Final = _Form(
    text_completion.PATH,
    _build_text,
    text_completion.parse,
    text_completion.billed_response,
    text_completion.TextEventParser,
)


def _form(litellm_params: Mapping[str, Any] | None) -> _Form:
    """The form of the call that LiteLLM's parameters belong to."""
    return _TEXT if litellm_params and litellm_params.get("text_completion") else _CHAT


class OpenRouterChatConfig(Endpoint, OpenAIGPTConfig):
    """LiteLLM's transformation class for OpenRouter's `/chat/completions`. Holds no state."""

    _path = _CHAT.path
    _parameters = SUPPORTED

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
        """The body, with `extra_body` unless LiteLLM's core has removed it."""
        return _form(litellm_params).build_body(model, messages, optional_params)

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
        """Nothing to sign, but the finished body, which includes `extra_body`, is admitted here."""
        path = _CHAT.path if api_base.endswith(_CHAT.path) else _TEXT.path
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
        """The URL of the chat, or of the text completion that LiteLLM turned into a chat."""
        return connection.endpoint_url(api_base, _form(litellm_params).path)

    def transform_extra_body(
        self,
        extra_body: Mapping[str, object],
        request: Mapping[str, object],
        model: str,
        litellm_params: Mapping[str, object],
    ) -> Mapping[str, object]:
        """The request completed by `extra_body`, with the fields that no keyword sets."""
        return filled(dict(request), extra_body, model)

    def transform_response(
        self,
        model: str,
        raw_response: httpx.Response,
        model_response: Any,
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

        A `ModelResponse`, or a `TextCompletionResponse` of a text completion.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or has no content.
        """
        tell_of_answer(logging_obj, raw_response, request_data, inputs=messages, key=api_key)
        content, headers = raw_response.content, raw_response.headers
        with admission.finishing() as finish, errors.for_malformed(content, headers):
            form = _form(litellm_params)
            try:
                body = form.parse(content, headers, model)
            except Exception as failure:
                response.put_partial(failure, headers)
                raise
            whole, bill = form.response(body, headers, model_response)
            finish(bill)
        return whole

    @property
    def has_custom_stream_wrapper(self) -> bool:
        """Always: streams are our own, see streaming.py."""
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
    return OpenRouterStream(
        response,
        pieces=pieces,
        model=call["model"],
        logging_obj=call["logging_obj"],
        attempt=admission.current(),
        parser=_form(call.get("litellm_params")).event_parser(),
    )


def keeping_tool_fields(original: Callable[..., bool]) -> Callable[..., bool]:
    """A replacement for LiteLLM's test of who gets Anthropic's own fields of a tool: we do, too."""

    def is_claude_tool_target(*arguments: Any, **keywords: Any) -> bool:
        if errors.PROVIDER in arguments or errors.PROVIDER in keywords.values():
            return True
        return original(*arguments, **keywords)

    return is_claude_tool_target
