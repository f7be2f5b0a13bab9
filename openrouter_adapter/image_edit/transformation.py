"""`litellm.image_edit("openrouter/…")`: the class that LiteLLM calls, and its steps.

Requests go to the chat, or to the images API for models that only answer with images and for
callers who choose it: the images to change are its `input_references`.

See https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from litellm.llms.base_llm.image_edit.transformation import BaseImageEditConfig

from openrouter_adapter import admission, options
from openrouter_adapter.endpoint import Endpoint, tell_of_answer
from openrouter_adapter.images import images_api, inputs, routes, sizing
from openrouter_adapter.images.response import image_response
from openrouter_adapter.wire import connection, errors, usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx
    from litellm.types.utils import ImageResponse

logger = logging.getLogger("openrouter_adapter")

# OpenAI's parameters without a meaning on OpenRouter, and what to do instead.
_REFUSED: Final = {
    "mask": "the models choose themselves what to change; say in the prompt what to keep",
    "input_fidelity": "say in the prompt what to keep",
}
# Parameters that a chat has no field for, and what to do instead.
_ONLY_IMAGES_API: Final = {
    "background": "say in the prompt what the background is",
    "aspect_ratio": "give size or image_config",
    "resolution": "give size or image_config",
    "output_format": "the model chooses",
    "output_compression": "the model chooses",
}
_ROUTE: Final = ("image_route", "openrouter_image_route", "modalities", "openrouter_modalities")


def build_body(
    model: str, prompt: str | None, image: Any, keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """The body of a chat request that changes images.

    Args:
        model: As OpenRouter names it.
        prompt: What to change.
        image: One image or a list: data URLs, links, bytes, open files, paths, (name, content).
        keywords: `size`, `quality`, `user`, OpenRouter's options (`image_config`, …), and
            `extra_body`, which is sent unchecked and fills in what no keyword sets.

    Raises:
        litellm.BadRequestError: an image, a size, a quality or an option is invalid.
    """
    # The text first, as OpenRouter recommends.
    content = [{"type": "text", "text": _checked_prompt(prompt, model)}, *_parts(image, model)]
    return routes.chat_body(model, content, keywords)


def build_images_body(
    model: str,
    prompt: str | None,
    image: Any,
    keywords: Mapping[str, Any],
    *,
    is_automatic: bool = False,
) -> dict[str, Any]:
    """The body of a request to the images API that changes images.

    Args:
        model: As OpenRouter names it.
        prompt: What to change.
        image: One image or a list, as for `build_body`; wire parts are kept.
        keywords: As for new images (images_api.py).
        is_automatic: Whether the caller did not choose the route.

    Raises:
        litellm.BadRequestError: an image or a field is invalid, or only a chat has it.
    """
    text = _checked_prompt(prompt, model)
    fields = {**keywords, "input_references": _parts(image, model)}
    return images_api.build_body(model, text, fields, is_automatic=is_automatic)


def _parts(image: Any, model: str) -> list[dict[str, Any]]:
    return [
        {"type": "image_url", "image_url": {"url": url}} for url in inputs.to_urls(image, model)
    ]


def _checked_prompt(prompt: str | None, model: str) -> str:
    if not isinstance(prompt, str) or not prompt.strip():
        raise errors.bad_request(f"prompt={prompt!r}: say what to change", model)
    return prompt


class OpenRouterImageEditConfig(Endpoint, BaseImageEditConfig):
    """LiteLLM's transformation class for edits, on either route. Holds no state."""

    _path = routes.CHAT_PATH
    _parameters = (
        *("n", "quality", "response_format", "seed", "size", "user"),
        *_REFUSED,
        *_ONLY_IMAGES_API,
        *_ROUTE,
    )

    def __init__(self) -> None:  # LiteLLM's own has no types, and does nothing either
        pass

    def map_openai_params(  # type: ignore[override] # LiteLLM's differs from its other endpoints
        self,
        image_edit_optional_params: Mapping[str, Any],
        model: str,
        drop_params: bool,
    ) -> dict[str, Any]:
        """Passes the supported fields on, with the `image_config` that size and quality ask for.

        Both are kept, too, and fill in what a caller's own `image_config` leaves open.

        Raises:
            litellm.BadRequestError: one of them is invalid, and `drop_params` is off.
        """
        asked: Mapping[str, Any] = image_edit_optional_params
        route, is_automatic = routes.of_call(asked, model), routes.is_automatic(asked, model)
        check = _CHECKS[route, is_automatic]
        kept = {
            name: value
            for name, value in asked.items()
            if value is not None and _is_kept(name, value, model, check, drop_params=drop_params)
        }
        if route == routes.CHAT:
            config = sizing.of_both(kept, model)
        else:
            config = images_api.config_of(kept, model) if is_automatic else {}
        return {**kept, "image_config": config} if config else kept

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
        """The URL of the call's route."""
        is_chat = routes.of_call(litellm_params, model) == routes.CHAT
        return connection.endpoint_url(api_base, self._path if is_chat else routes.IMAGES_PATH)

    def get_error_class(
        self, error_message: str, status_code: int, headers: Mapping[str, str]
    ) -> Any:
        """The LiteLLM exception of a failed request; a 404 may name the other route."""
        return routes.with_advice(super().get_error_class(error_message, status_code, headers))

    def use_multipart_form_data(self) -> bool:
        """Never: the images are in the JSON body, on either route."""
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
        """The body, admitted, and no files."""
        # The parameters that LiteLLM's class does not declare, such as OpenRouter's options.
        unnamed = getattr(litellm_params, "model_extra", None) or {}
        own = options.gather_known(unnamed)
        keywords = {**own, **image_edit_optional_request_params}
        if "image_config" in own:
            # The other one was made from size and quality, which are there, too.
            keywords["image_config"] = own["image_config"]
        if routes.of_call(keywords, model) == routes.IMAGES:
            is_automatic = routes.is_automatic(keywords, model)
            body = build_images_body(model, prompt, image, keywords, is_automatic=is_automatic)
            admission.before_send(body, routes.IMAGES_PATH)
        else:
            body = build_body(model, prompt, image, keywords)
            admission.before_send(body)
        return body, []

    def transform_image_edit_response(
        self, model: str, raw_response: httpx.Response, logging_obj: Any
    ) -> ImageResponse:
        """LiteLLM's response with the images, the model's text and the billed cost.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or has no image.
        """
        tell_of_answer(logging_obj, raw_response, {}, inputs="", key=None)
        content, headers = raw_response.content, raw_response.headers
        with (
            admission.finishing() as finish,
            errors.for_malformed(content, headers, model),
        ):
            asked = getattr(logging_obj, "optional_params", None) or {}
            body, found = routes.parse_answer(raw_response, asked, model)
            finish(usage.read_bill(body, headers))
            as_url = asked.get("response_format") == "url"
            return image_response(body, headers, model, found=found, as_url=as_url)


def _is_kept(
    name: str,
    value: Any,
    model: str,
    check: Callable[[str, Any, str], None],
    *,
    drop_params: bool,
) -> bool:
    """Whether a parameter is kept; an invalid one is dropped with a warning, or raises."""
    try:
        _refuse(name, value, model)
        check(name, value, model)
    except Exception as wrong:
        if not drop_params:
            raise
        logger.warning("%s is dropped: %s", name, wrong)
        return False
    return True


def _refuse(name: str, value: Any, model: str) -> None:
    if name in _REFUSED:
        raise errors.bad_request(
            f"{name}={value!r:.100} is not supported by OpenRouter: {_REFUSED[name]}", model
        )


def _check_for_chat(name: str, value: Any, model: str) -> None:
    if name in _ONLY_IMAGES_API:
        raise errors.bad_request(
            f"{name}={value!r:.100} is not supported over chat: {_ONLY_IMAGES_API[name]}, or give "
            f"openrouter_image_route={routes.IMAGES!r}",
            model,
        )
    if name in {"size", "quality"}:
        sizing.of_both({name: value}, model)


def _check_for_images_api(name: str, value: Any, model: str) -> None:
    if name in {"size", "quality"}:
        images_api.config_of({name: value}, model)


def _leave(name: str, value: Any, model: str) -> None:
    """Checks nothing: a caller who chose the images API uses its own values."""


# By the route, and whether it was chosen by the model.
_CHECKS: Final = {
    (routes.CHAT, True): _check_for_chat,
    (routes.CHAT, False): _check_for_chat,
    (routes.IMAGES, True): _check_for_images_api,
    (routes.IMAGES, False): _leave,
}
