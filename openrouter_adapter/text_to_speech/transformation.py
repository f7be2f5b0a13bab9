"""The transformation class of `/audio/speech`.

See https://openrouter.ai/docs/api-reference/overview.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm.llms.base_llm.text_to_speech.transformation import (
    BaseTextToSpeechConfig,
    TextToSpeechRequestData,
)
from litellm.types.llms.openai import HttpxBinaryResponseContent

from openrouter_adapter import admission, options
from openrouter_adapter.endpoint import Endpoint
from openrouter_adapter.wire import connection, errors, model_names, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

# The wire's fields, without model, input and voice.
FIELDS: Final = ("response_format", "speed", "instructions", "input_references", "user")


def build_body(model: str, text: Any, voice: Any, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a speech request.

    Args:
        model: As OpenRouter names it.
        text: What to say: a text, or turns `{"text", "voice", "instructions"}` of several
            speakers.
        voice: The provider's name of a voice, or None if the model has a default.
        keywords: `response_format` (OpenRouter's own default is raw `pcm`), `speed`,
            `instructions`, `input_references`, `user`, OpenRouter's options (`provider`, …), and
            `extra_body`, which is sent unchecked and fills in what no keyword sets.

    Raises:
        litellm.BadRequestError: a field is invalid; the message names what is allowed.
    """
    fields, extra = options.body_fields(keywords)
    _check_text(text, model)
    if voice is not None:
        if not isinstance(voice, str) or not voice:
            raise errors.bad_request(f"voice={voice!r}: give a voice's name, or none", model)
        fields = {"voice": voice, **fields}
    speed = fields.get("speed")
    if speed is not None and (isinstance(speed, bool) or not isinstance(speed, int | float)):
        raise errors.bad_request(f"speed={speed!r}: give a number, 1 is a voice's own", model)
    options.check(fields, model)
    named = {"model": model_names.wire_model(model), "input": text, **fields}
    return options.with_extra(named, extra, model=model)


def _check_text(text: Any, model: str) -> None:
    allowed = "give a text, or turns {'text': …, 'voice': …} of several speakers"
    turns = text if isinstance(text, list | tuple) else [{"text": text}]
    if not turns:
        raise errors.bad_request(f"input={text!r}: {allowed}", model)
    for turn in turns:
        said = turn.get("text") if isinstance(turn, dict) else None
        if not isinstance(said, str) or not said.strip():
            raise errors.bad_request(f"input={text!r:.200}: {allowed}", model)


def check_audio(content: bytes, headers: Mapping[str, str] | None = None, model: str = "") -> None:
    """Raises if an answer is not audio.

    Raises:
        One of LiteLLM's exceptions: the answer is an error, a page, or nothing.
    """
    kind = (headers or {}).get("content-type", "")
    if content and not kind.startswith(("application/json", "text/")):
        return
    errors.read_body(content, headers, model)
    raise errors.unreadable(content, headers, model)


class OpenRouterTextToSpeechConfig(Endpoint, BaseTextToSpeechConfig):
    """LiteLLM's transformation class for OpenRouter's `/audio/speech`. Holds no state."""

    _path = "/audio/speech"
    _parameters = ("voice", *FIELDS)

    def __init__(self) -> None:  # LiteLLM's own has no types, and does nothing
        pass

    def map_openai_params(  # type: ignore[override] # LiteLLM's differs from its other endpoints
        self,
        model: str,
        optional_params: dict[str, Any],
        voice: Any = None,
        drop_params: bool = False,
        kwargs: Mapping[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """The voice, and the parameters for OpenRouter among all that LiteLLM has of the call."""
        given = {**(kwargs or {}), **optional_params}
        return voice, options.gather_known(given, (*FIELDS, "extra_body"))

    def validate_environment(  # type: ignore[override] # the same
        self,
        headers: dict[str, Any],
        model: str,
        api_key: str | None = None,
        api_base: str | None = None,
    ) -> dict[str, Any]:
        """The request headers.

        Raises:
            litellm.AuthenticationError: there is no key.
        """
        return super().validate_environment(headers, model, [], {}, {}, api_key)

    def get_complete_url(  # type: ignore[override] # the same
        self, model: str, api_base: str | None, litellm_params: dict[str, Any]
    ) -> str:
        """The endpoint's URL under the call's, LiteLLM's or the environment's base."""
        return connection.endpoint_url(api_base, self._path)

    def transform_text_to_speech_request(
        self,
        model: str,
        input: Any,  # noqa: A002 - LiteLLM's name
        voice: str | None,
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
        headers: dict[str, Any],
    ) -> TextToSpeechRequestData:
        """The body, admitted."""
        body = build_body(model, input, voice, optional_params)
        admission.before_send(body, self._path)
        return TextToSpeechRequestData(dict_body=body)

    def transform_text_to_speech_response(
        self, model: str, raw_response: httpx.Response, logging_obj: Any
    ) -> HttpxBinaryResponseContent:
        """LiteLLM's response with the audio: `content`, or `stream_to_file(path)`.

        Audio does not report its cost: `GET /generation` has it, by the `generation_id` in
        `_hidden_params["openrouter"]`.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or not audio.
        """
        content, headers = raw_response.content, raw_response.headers
        with (
            admission.finishing() as finish,
            errors.for_malformed(content, headers, model),
        ):
            check_audio(content, headers, model)
            response = HttpxBinaryResponseContent(raw_response)
            finish(usage.attach(response._hidden_params, {}, headers))
            response._hidden_params["model"] = model
        return response
