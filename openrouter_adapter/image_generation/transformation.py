"""`litellm.image_generation("openrouter/…")`: the class and the steps it names.

Over chat by default; `openrouter_image_route="images"` takes the dedicated API (dedicated.py).

See https://openrouter.ai/docs/features/multimodal/image-generation.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from litellm.llms.base_llm.image_generation.transformation import BaseImageGenerationConfig

from openrouter_adapter import admission, completion, connection, errors, images, options, usage
from openrouter_adapter.callbacks import tell_of_answer
from openrouter_adapter.endpoint import Endpoint
from openrouter_adapter.image_generation import dedicated, sizing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx
    from litellm.types.utils import ImageResponse

logger = logging.getLogger("openrouter_adapter")

# Settled here or in handlers.py; what is left of the keywords is sent.
_NOT_SENT: Final = (
    "extra_body",
    "extra_headers",
    "image_route",
    "max_retries",
    "n",
    "quality",
    "response_format",
    "size",
)


def build_body(model: str, prompt: str, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a chat request that makes one answer with images.

    `size` and `quality` fill in what the caller's `image_config` leaves open, field by field.

    Raises:
        litellm.BadRequestError: a size, a quality or an option that is wrong.
    """
    fields = options.gather(keywords)
    config = sizing.of_both(fields, model)
    for name in _NOT_SENT:
        fields.pop(name, None)
    options.check(fields, model)
    if config:
        fields["image_config"] = config | (fields.get("image_config") or {})
    body = {
        "model": connection.wire_model(model),
        "messages": [{"role": "user", "content": prompt}],
        "modalities": ["image", "text"],
        "usage": {"include": True},
        **fields,
    }
    defaults = {"modalities", "usage"} - fields.keys()
    return options.with_extra(body, keywords.get("extra_body"), defaults, model)


class OpenRouterImageGenerationConfig(Endpoint, BaseImageGenerationConfig):
    """LiteLLM's transformation class for images, on either route. Holds no state."""

    _path = "/chat/completions"
    # The route is among them so that `map_openai_params` sees it.
    _parameters = (
        *("n", "quality", "response_format", "size", "user", "web_search_options"),
        *("image_route", "openrouter_image_route"),
    )

    def map_openai_params(
        self,
        non_default_params: dict[str, Any],
        optional_params: dict[str, Any],
        model: str,
        drop_params: bool,
    ) -> dict[str, Any]:
        """Passes the supported ones on, after a look at size and quality.

        Raises:
            litellm.BadRequestError: one of them is wrong, and `drop_params` is off.
        """
        super().map_openai_params(non_default_params, optional_params, model, drop_params)
        if dedicated.is_chosen(optional_params, model):
            return optional_params
        for name, read in (("size", sizing.of_size), ("quality", sizing.of_quality)):
            if name in optional_params:
                try:
                    read(optional_params[name], model)
                except Exception as wrong:
                    if not drop_params:
                        raise
                    logger.warning("%s is dropped: %s", name, wrong)
                    del optional_params[name]
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
        """The URL of the route that the call chose."""
        path = dedicated.PATH if dedicated.is_chosen(optional_params, model) else self._path
        return connection.endpoint_url(api_base, path)

    def transform_image_generation_request(
        self,
        model: str,
        prompt: str,
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
        headers: dict[str, Any],
    ) -> dict[str, Any]:
        """The body, admitted."""
        if dedicated.is_chosen(optional_params, model):
            body = dedicated.build_body(model, prompt, optional_params)
            admission.before_send(body, dedicated.PATH)
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
        """LiteLLM's response with the images, the words beside them and the billed cost.

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
        with admission.settled() as settle, errors.for_malformed(content, headers):
            found = None
            if dedicated.is_chosen(optional_params, model):
                body = dedicated.parse(content, headers, model)
                found = dedicated.images_of(body)
            else:
                body = completion.parse(content, headers, model)
            settle(usage.read_bill(body, headers))
            as_url = optional_params.get("response_format") == "url"
            return images.response(body, headers, model, model_response, found=found, as_url=as_url)
