"""`litellm.image_generation("openrouter/…")`: the class that LiteLLM calls.

Requests go to the chat, or to the images API (images_api.py) for models that only answer with
images and for callers who choose it; routes.py decides.

See https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from litellm.llms.base_llm.image_generation.transformation import BaseImageGenerationConfig

from openrouter_adapter import admission, options
from openrouter_adapter.endpoint import Endpoint, tell_of_answer
from openrouter_adapter.images import images_api, routes, sizing
from openrouter_adapter.images.response import image_response
from openrouter_adapter.wire import connection, errors, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx
    from litellm.types.utils import ImageResponse

logger = logging.getLogger("openrouter_adapter")


def build_body(model: str, prompt: str, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a chat request that makes one answer with images; raises as `chat_body` does."""
    return routes.chat_body(model, prompt, keywords)


class OpenRouterImageGenerationConfig(Endpoint, BaseImageGenerationConfig):
    """LiteLLM's transformation class for images, on either route. Holds no state."""

    _path = routes.CHAT_PATH
    # The route and `image_config` are among them so that `map_openai_params` sees them.
    _parameters = (
        *("n", "quality", "response_format", "size", "user", "web_search_options"),
        *("image_config", "openrouter_image_config", "image_route", "openrouter_image_route"),
        *("modalities", "openrouter_modalities"),
    )

    def map_openai_params(
        self,
        non_default_params: dict[str, Any],
        optional_params: dict[str, Any],
        model: str,
        drop_params: bool,
    ) -> dict[str, Any]:
        """Passes the supported fields on, with the `image_config` that size and quality ask for.

        Both are kept, too, and fill in what a caller's own `image_config` leaves open.

        Raises:
            litellm.BadRequestError: one of them is invalid, and `drop_params` is off.
        """
        super().map_openai_params(non_default_params, optional_params, model, drop_params)
        route = routes.of_call(optional_params, model)
        if route == routes.IMAGES and not routes.is_automatic(optional_params, model):
            return optional_params
        read = sizing.of_both if route == routes.CHAT else images_api.config_of
        config: dict[str, Any] = {}
        for name in ("size", "quality"):
            if name in optional_params:
                try:
                    config = read({name: optional_params[name]}, model) | config
                except Exception as wrong:
                    if not drop_params:
                        raise
                    logger.warning("%s is dropped: %s", name, wrong)
                    del optional_params[name]
        own = options.gather(optional_params).get("image_config")
        if config and isinstance(own, dict | None):
            optional_params["image_config"] = config | (own or {})
        return optional_params

    def get_complete_url(
        self,
        api_base: str | None,
        api_key: str | None,
        model: str,
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
        stream: bool | None = None,
    ) -> str:
        """The URL of the call's route."""
        is_chat = routes.of_call(optional_params, model) == routes.CHAT
        return connection.endpoint_url(api_base, self._path if is_chat else routes.IMAGES_PATH)

    def get_error_class(
        self, error_message: str, status_code: int, headers: Mapping[str, str]
    ) -> Any:
        """The LiteLLM exception of a failed request; a 404 may name the other route."""
        return routes.with_advice(super().get_error_class(error_message, status_code, headers))

    def transform_image_generation_request(
        self,
        model: str,
        prompt: str,
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
        headers: dict[str, Any],
    ) -> dict[str, Any]:
        """The body, admitted."""
        if routes.of_call(optional_params, model) == routes.IMAGES:
            is_automatic = routes.is_automatic(optional_params, model)
            body = images_api.build_body(model, prompt, optional_params, is_automatic=is_automatic)
            admission.before_send(body, routes.IMAGES_PATH)
        else:
            body = build_body(model, prompt, optional_params)
            admission.before_send(body)
        return body

    def transform_image_generation_response(
        self,
        model: str,
        raw_response: httpx.Response,
        model_response: ImageResponse,
        logging_obj: Any,
        request_data: dict[str, Any],
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
        encoding: Any,
        api_key: str | None = None,
        json_mode: bool | None = None,
    ) -> ImageResponse:
        """LiteLLM's response with the images, the model's text and the billed cost.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or has no image.
        """
        tell_of_answer(
            logging_obj,
            raw_response,
            request_data,
            inputs=request_data.get("messages") or request_data.get("prompt"),
            key=api_key,
        )
        content, headers = raw_response.content, raw_response.headers
        with admission.finishing() as finish, errors.for_malformed(content, headers):
            body, found = routes.parse_answer(raw_response, optional_params, model)
            finish(usage.read_bill(body, headers))
            as_url = optional_params.get("response_format") == "url"
            return image_response(body, headers, model, model_response, found=found, as_url=as_url)
