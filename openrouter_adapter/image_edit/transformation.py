"""`litellm.image_edit("openrouter/…")` over chat: the class that LiteLLM calls, and its steps.

See https://openrouter.ai/docs/features/multimodal/image-generation.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from litellm.llms.base_llm.image_edit.transformation import BaseImageEditConfig

from openrouter_adapter import (
    admission,
    completion,
    connection,
    errors,
    image_inputs,
    images,
    options,
    usage,
)
from openrouter_adapter.callbacks import tell_of_answer
from openrouter_adapter.endpoint import Endpoint
from openrouter_adapter.image_generation import sizing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx
    from litellm.types.utils import ImageResponse

logger = logging.getLogger("openrouter_adapter")

_NOT_SENT: Final = ("extra_headers", "n", "quality", "response_format", "size")

# OpenAI's, which have no meaning on OpenRouter, and what does instead.
_REFUSED: Final = {
    "mask": "the models choose themselves what to change; say in the prompt what to keep",
    "input_fidelity": "say in the prompt what to keep",
    "background": "say in the prompt what the background is",
}


def build_body(
    model: str, prompt: str | None, image: Any, keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """The body of a chat request that changes images.

    Args:
        model: As OpenRouter names it.
        prompt: What to change.
        image: One image or a list: data URLs, links, bytes, open files, paths, (name, content).
        keywords: `size`, `quality`, `user`, OpenRouter's options (`image_config`, …), and
            `extra_body`, which is sent unchecked and fills in what no keyword says.

    Raises:
        litellm.BadRequestError: an image, a size, a quality or an option is wrong.
    """
    fields = options.gather(keywords)
    extra = fields.pop("extra_body", None)
    if not isinstance(prompt, str) or not prompt.strip():
        raise errors.bad_request(f"prompt={prompt!r}: say what to change", model)
    config = sizing.of_both(fields, model)
    for name in _NOT_SENT:
        fields.pop(name, None)
    options.check(fields, model)
    if config:
        fields["image_config"] = config | (fields.get("image_config") or {})
    # The words first, as OpenRouter recommends.
    content = [
        {"type": "text", "text": prompt},
        *(
            {"type": "image_url", "image_url": {"url": url}}
            for url in image_inputs.to_urls(image, model)
        ),
    ]
    body = {
        "model": connection.wire_model(model),
        "messages": [{"role": "user", "content": content}],
        "modalities": ["image", "text"],
        "usage": {"include": True},
        **fields,
    }
    return options.with_extra(body, extra, {"modalities", "usage"} - fields.keys(), model)


class OpenRouterImageEditConfig(Endpoint, BaseImageEditConfig):
    """LiteLLM's transformation class for edits over `/chat/completions`. Holds no state."""

    _path = "/chat/completions"
    _parameters = ("n", "quality", "response_format", "size", "user", *_REFUSED)

    def __init__(self) -> None:  # LiteLLM's own has no types, and does nothing either
        pass

    def map_openai_params(  # type: ignore[override] # LiteLLM's differs from its other endpoints
        self,
        image_edit_optional_params: Mapping[str, Any],
        model: str,
        drop_params: bool,
    ) -> dict[str, Any]:
        """Passes the supported ones on, after a look at size, quality and what is refused.

        Raises:
            litellm.BadRequestError: one of them is wrong, and `drop_params` is off.
        """
        return {
            name: value
            for name, value in image_edit_optional_params.items()
            if value is not None and _is_kept(name, value, model, drop_params=drop_params)
        }

    def validate_environment(  # type: ignore[override] # the same
        self,
        headers: dict[str, Any],
        model: str,
        api_key: str | None = None,
        litellm_params: Mapping[str, Any] | None = None,
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

    def use_multipart_form_data(self) -> bool:
        """JSON: the images ride in a chat message."""
        return False

    def transform_image_edit_request(
        self,
        model: str,
        prompt: str | None,
        image: Any,
        image_edit_optional_request_params: dict[str, Any],
        litellm_params: Any,
        headers: dict[str, Any],
    ) -> tuple[dict[str, Any], Any]:
        """The body, admitted; there are no files beside it."""
        # What LiteLLM's class of its parameters does not name: OpenRouter's options among it.
        unnamed = getattr(litellm_params, "model_extra", None) or {}
        keywords = {**options.gather_known(unnamed), **image_edit_optional_request_params}
        body = build_body(model, prompt, image, keywords)
        admission.before_send(body)
        return body, []

    def transform_image_edit_response(
        self, model: str, raw_response: httpx.Response, logging_obj: Any
    ) -> ImageResponse:
        """LiteLLM's response with the images, the words beside them and the billed cost.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or has no image.
        """
        tell_of_answer(logging_obj, raw_response, {}, inputs="", key=None)
        content, headers = raw_response.content, raw_response.headers
        with (
            admission.settled() as settle,
            errors.for_malformed(content, headers, model),
        ):
            body = completion.parse(content, headers, model)
            settle(usage.read_bill(body, headers))
            asked = getattr(logging_obj, "optional_params", None) or {}
            as_url = asked.get("response_format") == "url"
            return images.response(body, headers, model, as_url=as_url)


def _is_kept(name: str, value: Any, model: str, *, drop_params: bool) -> bool:
    """Whether a parameter goes on; what is wrong is dropped with a warning, or raised."""
    try:
        _check(name, value, model)
    except Exception as wrong:
        if not drop_params:
            raise
        logger.warning("%s is dropped: %s", name, wrong)
        return False
    return True


def _check(name: str, value: Any, model: str) -> None:
    if name in _REFUSED:
        raise errors.bad_request(
            f"{name}={value!r:.100} is not supported by OpenRouter: {_REFUSED[name]}", model
        )
    if name in {"size", "quality"}:
        sizing.of_both({name: value}, model)
