"""`litellm.speech("openrouter/…")`: the call of the transformation class, which LiteLLM lacks.

LiteLLM chooses the provider inside that function, so the function itself is replaced by one with an
additional provider.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any, Final

import litellm

from openrouter_adapter import late_bills
from openrouter_adapter.endpoint import arguments_of, is_for_openrouter
from openrouter_adapter.text_to_speech.transformation import FIELDS, OpenRouterTextToSpeechConfig
from openrouter_adapter.wire import connection, errors, usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Seconds before each request for the cost: OpenRouter may know it a moment after the audio.
_PAUSES: Final = (0.0, 0.5, 1.0)
# Seconds for the answer to one: the caller waits for the audio.
_TIMEOUT: Final = 3.0
_PREFIX: Final = f"{errors.PROVIDER}/"


def speech_with_openrouter(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for LiteLLM's `speech` that uses ours for OpenRouter's models."""
    from litellm.utils import client

    signature = inspect.signature(original)
    decorate: Any = client
    ours = decorate(speech)

    @functools.wraps(original)
    def of_provider(*arguments: Any, **keywords: Any) -> Any:
        call = arguments_of(signature, arguments, keywords)
        if is_for_openrouter(call):
            return ours(**call)
        return original(*arguments, **keywords)

    return of_provider


def speech(
    model: str,
    input: Any,  # noqa: A002 - LiteLLM's name
    voice: Any = None,
    **call: Any,
) -> Any:
    """Sends one request; returns a coroutine of it to `aspeech`.

    LiteLLM's `client` recognizes the kind of call by this function's name.

    Raises:
        litellm.BadRequestError: a field is invalid; nothing was sent.
    """
    from litellm import main

    config = OpenRouterTextToSpeechConfig()
    name = model.removeprefix(_PREFIX)
    voice, fields = config.map_openai_params(name, {}, voice, kwargs=call)
    parameters = _litellm_params(call)
    logging_obj = call["litellm_logging_obj"]
    logging_obj.update_environment_variables(
        model=name,
        user=call.get("user"),
        optional_params=fields,
        litellm_params={**call, **parameters},
        custom_llm_provider=errors.PROVIDER,
    )
    everywhere: Any = litellm.headers
    given = {**(call.get("headers") or everywhere or {}), **(call.get("extra_headers") or {})}
    usual: Any = getattr(litellm, "request_timeout", None)
    timeout = call.get("timeout")
    answer = main.base_llm_http_handler.text_to_speech_handler(
        model=name,
        input=input,
        voice=voice,
        text_to_speech_provider_config=config,
        text_to_speech_optional_params=fields,
        custom_llm_provider=errors.PROVIDER,
        litellm_params=parameters,
        logging_obj=logging_obj,
        timeout=usual if timeout is None else timeout,
        # LiteLLM would overwrite the headers of the class with them.
        extra_headers={**connection.sendable(given, name)},
        client=call.get("client"),
        _is_async=bool(call.get("aspeech")),
    )
    if asyncio.iscoroutine(answer) and _is_of_proxy(call):
        return _with_cost(answer, call.get("api_key"), parameters.get("api_base"))
    return answer


def _is_of_proxy(call: Mapping[str, Any]) -> bool:
    """Whether LiteLLM's proxy makes the call for a key whose spend it counts."""
    places = (call.get("metadata"), call.get("litellm_metadata"))
    return any(isinstance(one, dict) and "user_api_key_hash" in one for one in places)


async def _with_cost(answer: Any, api_key: str | None, base_url: str | None) -> Any:
    """An answer with its cost, if OpenRouter knows it in time.

    The proxy counts a key's spend, and writes its header, when it has the answer; audio itself does
    not report a cost.
    """
    response = await answer
    hidden = response._hidden_params
    generation_id = hidden["openrouter"].get("generation_id")
    if generation_id:
        body = await late_bills.await_bill(
            generation_id, _PAUSES, api_key=api_key, base_url=base_url, timeout=_TIMEOUT
        )
        if body is not None:
            usage.attach(hidden, body, hidden["headers"])
    return response


def _litellm_params(call: dict[str, Any]) -> dict[str, Any]:
    """LiteLLM's own parameters of the call, without OpenRouter's."""
    from litellm.litellm_core_utils.get_litellm_params import get_litellm_params

    own = {name: value for name, value in call.items() if name not in FIELDS}
    own["api_base"] = call.get("api_base") or call.get("base_url")
    return get_litellm_params(**own)
