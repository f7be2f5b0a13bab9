"""`litellm.transcription("openrouter/…")`: the class that LiteLLM calls.

See https://openrouter.ai/docs/api-reference/overview.
"""

from __future__ import annotations

import base64
import json
import logging
from typing import TYPE_CHECKING, Any, Final, Literal

from litellm.llms.base_llm.audio_transcription.transformation import (
    AudioTranscriptionRequestData,
    BaseAudioTranscriptionConfig,
)
from litellm.types.utils import (
    TranscriptionResponse,
    TranscriptionUsageDurationObject,
    TranscriptionUsageTokensObject,
)
from pydantic import ConfigDict

from openrouter_adapter import admission, options
from openrouter_adapter.audio_transcription import audio
from openrouter_adapter.endpoint import Endpoint
from openrouter_adapter.wire import errors, model_names, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from openrouter_adapter.audio_transcription.audio import Recording

logger = logging.getLogger("openrouter_adapter")

# The limit of OpenRouter's forms; larger recordings are sent as JSON.
MOST_FORM_BYTES: Final = 25_000_000

_PARAMETERS: Final = ("language", "prompt", "response_format", "temperature")
# The facts of an answer; its other fields are the transcript.
_ABOUT: Final[tuple[str, ...]] = ("id", "model", "provider", "service_tier", "usage")
_FIELDS: Final = (*_PARAMETERS, "timestamp_granularities", "diarize", "keyterms", "user")


def build_fields(model: str, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a transcription request, without the recording.

    Args:
        model: As OpenRouter names it.
        keywords: `language`, `response_format`, `temperature`, `timestamp_granularities`,
            `diarize`, `keyterms`, `user`, OpenRouter's options (`provider`, …), and
            `extra_body`, which is sent unchecked and fills in what no keyword sets.

    Raises:
        litellm.BadRequestError: a field is invalid; the message names what is allowed.
    """
    fields, extra = options.body_fields(keywords)
    if "prompt" in fields:
        raise errors.bad_request(
            f"prompt={fields['prompt']!r:.100} is not supported by OpenRouter's transcriptions: "
            "give words to listen for as keyterms=[…], or a provider's own field as "
            "provider={'options': {'<its slug>': {'prompt': …}}}",
            model,
        )
    if fields.get("response_format") in {"srt", "vtt"}:
        raise errors.bad_request(
            f"response_format={fields['response_format']!r} is not supported by OpenRouter's "
            "transcriptions: give 'json', or 'verbose_json' for timestamps",
            model,
        )
    if fields.get("response_format") == "text":
        # Only JSON reports the cost; LiteLLM's response has the text in the same place.
        fields["response_format"] = "json"
    options.check(fields, model)
    named = {"model": model_names.wire_model(model), **fields}
    return options.with_extra(named, extra, model=model)


def json_body(fields: Mapping[str, Any], recording: Recording) -> dict[str, Any]:
    """The request as JSON: for recordings at a URL, and for those too large for a form."""
    given: dict[str, Any] = (
        {"url": recording.url}
        if recording.url
        else {
            "data": base64.b64encode(recording.content).decode(),
            "format": recording.format or "wav",
        }
    )
    return {**fields, "input_audio": given}


def form_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The request's fields as a form: lists as repeated fields, objects as JSON."""
    form: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, list | tuple):
            form[f"{name}[]"] = [_form_value(one) for one in value]
        else:
            form[name] = _form_value(value)
    return form


def _form_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def parse(
    content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
) -> dict[str, Any]:
    """The checked wire answer: `text`, and other requested fields. Silence is an empty text.

    Raises:
        One of LiteLLM's exceptions: the answer is an error, or has no text.
    """
    body = errors.read_body(content, headers, model)
    if not isinstance(body.get("text"), str):
        raise errors.no_answer(body, "the answer has no text", headers, model)
    return body


class _Tokens(TranscriptionUsageTokensObject):
    """LiteLLM's usage of models billed by tokens, with every field of the wire."""

    model_config = ConfigDict(extra="allow")

    type: Literal["tokens"] = "tokens"
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0


class _Duration(TranscriptionUsageDurationObject):
    """LiteLLM's usage of models billed by seconds, with every field of the wire."""

    model_config = ConfigDict(extra="allow")

    type: Literal["duration"] = "duration"


class OpenRouterAudioTranscriptionConfig(Endpoint, BaseAudioTranscriptionConfig):
    """LiteLLM's transformation class for OpenRouter's `/audio/transcriptions`. Holds no state."""

    _path = "/audio/transcriptions"
    _parameters = (*_PARAMETERS, "timestamp_granularities")

    @property
    def has_native_transcription_endpoint(self) -> bool:
        """Always: requests use this class, whichever transport LiteLLM would choose."""
        return True

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
        """The request headers without a content type, which for a form has its boundary.

        Raises:
            litellm.AuthenticationError: there is no key.
        """
        import litellm

        # LiteLLM's core leaves a call's extra headers, and its global ones, to this class.
        everywhere: Any = litellm.headers
        given = {**(everywhere or {}), **(optional_params.get("extra_headers") or {})}
        made = super().validate_environment(given, model, messages, {}, {}, api_key)
        return {name: value for name, value in made.items() if name.lower() != "content-type"}

    def transform_audio_transcription_request(
        self,
        model: str,
        audio_file: Any,
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
    ) -> AudioTranscriptionRequestData:
        """The form, or JSON if the recording is at a URL or too large, admitted.

        Raises:
            litellm.BadRequestError: a field or the recording is invalid.
        """
        fields = build_fields(model, _keywords(optional_params, litellm_params))
        recording = audio.read(audio_file, model)
        # The gate prices the request without a recording's bytes.
        admission.before_send(fields, self._path)
        if recording.url or len(recording.content) > MOST_FORM_BYTES:
            return AudioTranscriptionRequestData(data=json_body(fields, recording))
        file = (recording.name, recording.content, recording.media_type)
        return AudioTranscriptionRequestData(data=form_fields(fields), files={"file": file})

    def transform_audio_transcription_response(
        self, raw_response: httpx.Response
    ) -> TranscriptionResponse:
        """LiteLLM's response with every field of the wire and the billed cost.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or has no text.
        """
        content, headers = raw_response.content, raw_response.headers
        with (
            admission.finishing() as finish,
            errors.for_malformed(content, headers),
        ):
            body = parse(content, headers)
            response = TranscriptionResponse(text=body["text"])
            for name, value in body.items():
                setattr(response, name, value)
            if isinstance(body.get("usage"), dict):
                response.usage = _usage(body["usage"])
            about = {name: body[name] for name in _ABOUT if name in body}
            finish(usage.attach(response._hidden_params, about, headers))
            if isinstance(body.get("usage"), dict):
                # LiteLLM's class is dumped without the fields that it doesn't declare.
                response._hidden_params["openrouter"]["usage"] = body["usage"]
        return response


def _keywords(
    optional_params: Mapping[str, Any], litellm_params: Mapping[str, Any]
) -> dict[str, Any]:
    """The parameters for OpenRouter among LiteLLM's; `drop_params` drops unsupported ones."""
    import litellm

    found = options.gather_known(optional_params, (*_FIELDS, "extra_body"))
    if "prompt" in found and (litellm.drop_params or litellm_params.get("drop_params")):
        logger.warning("prompt=%r is not supported by OpenRouter: dropped", found.pop("prompt"))
    return found


def _usage(wire: dict[str, Any]) -> _Tokens | _Duration:
    if wire.get("input_tokens") is None and wire.get("seconds") is not None:
        return _Duration(**wire)
    # LiteLLM's callbacks read these; OpenRouter counts only the recording, without a prompt.
    read = {"audio_tokens": wire.get("input_tokens") or 0, "text_tokens": 0}
    return _Tokens(**{"input_token_details": read, **wire})
