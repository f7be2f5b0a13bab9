"""`litellm.video_generation("openrouter/…")` and its kin: the class that LiteLLM calls.

See https://openrouter.ai/docs/guides/overview/multimodal/video-generation.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

import httpx
from litellm.llms.base_llm.videos.transformation import BaseVideoConfig
from litellm.types.videos.utils import decode_video_id_with_provider, extract_original_video_id

from openrouter_adapter import admission, options
from openrouter_adapter.endpoint import Endpoint, tell_of_answer
from openrouter_adapter.video_generation import jobs, requests
from openrouter_adapter.wire import connection, errors, incoming

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm.types.videos.main import VideoObject

_OUR_FIELDS = requests.FIELDS | requests.OPENAI_FIELDS


def job_of(video_id: str) -> tuple[str, str]:
    """OpenRouter's id of a job, and its model if the id has it: an id of LiteLLM's has both."""
    decoded = decode_video_id_with_provider(video_id)
    return extract_original_video_id(video_id), decoded.get("model_id") or ""


class OpenRouterVideoConfig(Endpoint, BaseVideoConfig):
    """LiteLLM's transformation class for OpenRouter's `/videos`. Holds no state."""

    _path: ClassVar[str] = jobs.PATH
    _parameters = tuple(sorted(_OUR_FIELDS))

    def map_openai_params(  # type: ignore[override] # LiteLLM's differs from its other endpoints
        self,
        video_create_optional_params: Mapping[str, Any],
        model: str,
        drop_params: bool,
    ) -> dict[str, Any]:
        """The fields for OpenRouter among all that LiteLLM has of the call.

        LiteLLM then adds those of `extra_body`, which are sent unchecked.
        """
        return options.gather_known(video_create_optional_params, _OUR_FIELDS)

    def validate_environment(  # type: ignore[override] # the same
        self,
        headers: dict[str, Any],
        model: str,
        api_key: str | None = None,
        litellm_params: Any = None,
    ) -> dict[str, Any]:
        """The request headers.

        Raises:
            litellm.AuthenticationError: there is no key.
        """
        key = api_key or getattr(litellm_params, "api_key", None)
        return super().validate_environment(headers, model, [], {}, {}, key)

    def get_complete_url(  # type: ignore[override] # the same
        self, model: str, api_base: str | None, litellm_params: dict[str, Any]
    ) -> str:
        """The endpoint's URL under the call's, LiteLLM's or the environment's base."""
        return connection.endpoint_url(api_base, self._path)

    def transform_video_create_request(
        self,
        model: str,
        prompt: str,
        api_base: str,
        video_create_optional_request_params: dict[str, Any],
        litellm_params: Any,
        headers: dict[str, Any],
    ) -> tuple[dict[str, Any], Any, str]:
        """The body, admitted, without files: they are in it."""
        body = requests.build_body(model, prompt, video_create_optional_request_params)
        admission.before_send(body, self._path)
        return body, [], api_base

    def transform_video_create_response(
        self,
        model: str,
        raw_response: httpx.Response,
        logging_obj: Any,
        custom_llm_provider: str | None = None,
        request_data: dict[str, Any] | None = None,
    ) -> VideoObject:
        """LiteLLM's object of the job, whose cost is not known yet.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or names no job.
        """
        request = request_data or {}
        tell_of_answer(logging_obj, raw_response, request, inputs=request.get("prompt"), key=None)
        content, headers = raw_response.content, raw_response.headers
        with admission.finishing() as finish, errors.for_malformed(content, headers, model):
            _raise_for_status(raw_response, model)
            body = jobs.parse(content, headers, model)
            finish(jobs.bill_of(body))
            return jobs.video(body, headers, model=model, request=request)

    def transform_video_status_retrieve_request(
        self, video_id: str, api_base: str, litellm_params: Any, headers: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """The job's URL; there is no body."""
        return _url_of(video_id, api_base), {}

    def transform_video_status_retrieve_response(
        self,
        raw_response: httpx.Response,
        logging_obj: Any,
        custom_llm_provider: str | None = None,
        client: Any = None,
    ) -> VideoObject:
        """LiteLLM's object of the job; the first that is seen completed adds its cost.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or names no job.
        """
        content, headers = raw_response.content, raw_response.headers
        with errors.for_malformed(content, headers):
            _raise_for_status(raw_response)
            body = jobs.parse(content, headers)
            model = _named_model(logging_obj)
            return jobs.video(body, headers, model=model, cost=jobs.record_end(body))

    async def async_transform_video_status_retrieve_response(
        self,
        raw_response: httpx.Response,
        logging_obj: Any,
        custom_llm_provider: str | None = None,
        client: Any = None,
    ) -> VideoObject:
        """The same, in a thread: the ledger may ask a database."""
        return await asyncio.to_thread(
            self.transform_video_status_retrieve_response, raw_response, logging_obj
        )

    def transform_video_content_request(
        self,
        video_id: str,
        api_base: str,
        litellm_params: Any,
        headers: dict[str, Any],
        variant: str | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """The URL of a job's video; there is no body.

        Raises:
            litellm.BadRequestError: a variant that OpenRouter lacks.
        """
        if variant not in {None, "video"}:
            raise errors.bad_request(f"variant={variant!r}: OpenRouter has only 'video'")
        return f"{_url_of(video_id, api_base)}/content", {}

    def transform_video_content_response(
        self, raw_response: httpx.Response, logging_obj: Any, client: Any = None
    ) -> bytes:
        """The video, in memory.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or not a video.
        """
        _raise_for_status(raw_response)
        content, headers = raw_response.content, raw_response.headers
        if not content or incoming.is_text(headers):
            raise jobs.no_video(content, headers)
        return content

    def transform_video_remix_request(
        self,
        video_id: str,
        prompt: str,
        api_base: str,
        litellm_params: Any,
        headers: dict[str, Any],
        extra_body: dict[str, Any] | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """The body of a job that continues another, admitted."""
        return api_base, self._continued(video_id, prompt, extra_body)

    def transform_video_remix_response(
        self,
        raw_response: httpx.Response,
        logging_obj: Any,
        custom_llm_provider: str | None = None,
    ) -> VideoObject:
        """LiteLLM's object of the new job, as for a first one."""
        request = raw_response.request
        return self.transform_video_create_response(
            errors.model_of(request), raw_response, logging_obj, request_data={}
        )

    def transform_video_edit_request(
        self,
        prompt: str,
        video_id: str,
        api_base: str,
        litellm_params: Any,
        headers: dict[str, Any],
        video_file: Any = None,
        extra_body: dict[str, Any] | None = None,
        prefetched_source_data: dict[str, Any] | None = None,
    ) -> tuple[str, Mapping[str, Any], None]:
        """The body of a job that edits another, admitted.

        Raises:
            litellm.BadRequestError: a video is uploaded; OpenRouter edits only its own.
        """
        if video_file is not None:
            raise errors.bad_request(
                "video: OpenRouter edits only videos that it made: give video_id, or name a "
                "model that takes a video and give input_references"
            )
        return api_base, self._continued(video_id, prompt, extra_body), None

    def transform_video_edit_response(
        self,
        raw_response: httpx.Response,
        logging_obj: Any,
        custom_llm_provider: str | None = None,
        request_data: dict[str, Any] | None = None,
    ) -> VideoObject:
        """LiteLLM's object of the new job, as for a first one."""
        return self.transform_video_remix_response(raw_response, logging_obj)

    def transform_video_extension_request(
        self,
        prompt: str,
        video_id: str,
        seconds: str,
        api_base: str,
        litellm_params: Any,
        headers: dict[str, Any],
        extra_body: dict[str, Any] | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """The body of a job that extends another, with a length in seconds, admitted."""
        extra = {"seconds": seconds, **(extra_body or {})}
        return api_base, self._continued(video_id, prompt, extra)

    def transform_video_extension_response(
        self,
        raw_response: httpx.Response,
        logging_obj: Any,
        custom_llm_provider: str | None = None,
    ) -> VideoObject:
        """LiteLLM's object of the new job, as for a first one."""
        return self.transform_video_remix_response(raw_response, logging_obj)

    def _continued(
        self, video_id: str, prompt: str, extra_body: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        job, model = job_of(video_id)
        fields = dict(extra_body or {})
        model = str(fields.pop("model", None) or model)
        if not model:
            raise errors.bad_request(
                f"video_id={video_id!r} doesn't name a model, which OpenRouter needs: give the id "
                "that video_generation returned, or extra_body={'model': …}"
            )
        body = requests.build_body(model, prompt, {**fields, "previous_job_id": job})
        admission.before_send(body, self._path)
        return body

    def transform_video_list_request(
        self,
        api_base: str,
        litellm_params: Any,
        headers: dict[str, Any],
        after: str | None = None,
        limit: int | None = None,
        order: str | None = None,
        extra_query: dict[str, Any] | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """Raises.

        Raises:
            litellm.BadRequestError: always.
        """
        raise errors.bad_request(
            "OpenRouter can't list videos: keep the ids that video_generation returns; with a "
            "ledger, they are the generation ids of its rows"
        )

    def transform_video_list_response(
        self,
        raw_response: httpx.Response,
        logging_obj: Any,
        custom_llm_provider: str | None = None,
    ) -> dict[str, str]:
        """Never called: no list is requested."""
        raise NotImplementedError

    def transform_video_delete_request(
        self, video_id: str, api_base: str, litellm_params: Any, headers: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """Raises.

        Raises:
            litellm.BadRequestError: always.
        """
        raise errors.bad_request(
            "OpenRouter can't delete a video on request: its copy expires at `expires_at`"
        )

    def transform_video_delete_response(
        self, raw_response: httpx.Response, logging_obj: Any
    ) -> VideoObject:
        """Never called: no deletion is requested."""
        raise NotImplementedError

    def transform_video_create_character_request(
        self, name: str, video: Any, api_base: str, litellm_params: Any, headers: dict[str, Any]
    ) -> tuple[str, list[Any]]:
        """Raises.

        Raises:
            litellm.BadRequestError: always.
        """
        raise errors.bad_request(
            "OpenRouter doesn't support characters: give input_references instead"
        )

    def transform_video_get_character_request(
        self, character_id: str, api_base: str, litellm_params: Any, headers: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """Raises.

        Raises:
            litellm.BadRequestError: always.
        """
        raise errors.bad_request(
            "OpenRouter doesn't support characters: give input_references instead"
        )


def _url_of(video_id: str, api_base: str) -> str:
    return f"{api_base}/{quote(extract_original_video_id(video_id), safe='')}"


def _named_model(logging_obj: Any) -> str:
    """The model in the id of a status call, whose log LiteLLM gives no model.

    The log gets it here, for spend by model; without one, LiteLLM prints a list of providers.
    """
    details = getattr(logging_obj, "model_call_details", None) or {}
    asked = (details.get("litellm_params") or {}).get("video_id")
    model = job_of(asked)[1] if isinstance(asked, str) else ""
    if model and not details.get("model"):
        details["model"] = logging_obj.model = model
    return model


def _raise_for_status(answer: httpx.Response, model: str = "") -> None:
    """Raises if a response is a failure: some versions of LiteLLM pass a failed GET on."""
    if answer.status_code >= httpx.codes.BAD_REQUEST:
        raise errors.from_http(answer.text, answer.status_code, answer.headers, model)
