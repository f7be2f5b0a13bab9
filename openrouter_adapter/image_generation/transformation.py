"""`litellm.image_generation("openrouter/…")` over chat: the class and the steps it names.

See https://openrouter.ai/docs/features/multimodal/image-generation.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from litellm.llms.base_llm.image_generation.transformation import BaseImageGenerationConfig
from litellm.types.utils import ImageObject, ImageUsage, ImageUsageInputTokensDetails

from openrouter_adapter import admission, completion, connection, errors, options, usage
from openrouter_adapter.callbacks import tell_of_answer
from openrouter_adapter.endpoint import Endpoint
from openrouter_adapter.image_generation import sizing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx
    from litellm.types.utils import ImageResponse

logger = logging.getLogger("openrouter_adapter")

# Settled here or in requests.py; what is left of the keywords is sent.
_NOT_SENT: Final = (
    "extra_body",
    "extra_headers",
    "max_retries",
    "n",
    "quality",
    "response_format",
    "size",
    admission.TICKET,
)


def build_body(model: str, prompt: str, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a chat request that makes one answer with images.

    `size` and `quality` fill in what the caller's `image_config` leaves open, field by field.

    Raises:
        litellm.BadRequestError: a size, a quality or an option that is wrong.
    """
    fields = options.gather(keywords)
    config: dict[str, Any] = {}
    if fields.get("size") is not None:
        config |= sizing.of_size(fields["size"], model)
    if fields.get("quality") is not None:
        config = sizing.of_quality(fields["quality"], model) | config
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
    extra = keywords.get("extra_body")
    if isinstance(extra, dict):
        body |= {name: value for name, value in extra.items() if name not in fields}
    return body


def images_of(
    body: Mapping[str, Any], headers: Mapping[str, str] | None = None, model: str = ""
) -> list[dict[str, Any]]:
    """The images of a checked completion, as the fields of LiteLLM's ImageObject.

    A data URL becomes `b64_json`, its media type and the words beside the image stand in
    `provider_specific_fields`; a link becomes `url`.

    Raises:
        litellm.UnprocessableEntityError: the model answered in words only; the message holds
            them, `openrouter["cost"]` what they cost.
        litellm.ContentPolicyViolationError: because it may not make the image.
    """
    images = [image for choice in body["choices"] for image in _images_of_choice(choice)]
    if not images:
        raise _no_image(body, headers, model)
    return images


def _images_of_choice(choice: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    message = choice["message"]
    beside = {
        name: value
        for name, value in (*message.items(), *choice.items())
        if value and name not in {"images", "role", "message", "index"}
    }
    for image in message.get("images") or ():
        link = image.get("image_url")
        url = link.get("url") if isinstance(link, dict) else link
        if not isinstance(url, str) or not url:
            continue
        specific = {n: v for n, v in image.items() if n not in {"image_url", "type"}} | beside
        data = None
        if url.startswith("data:"):
            description, _, data = url.partition(",")
            specific["media_type"] = description[5:].removesuffix(";base64")
        yield {
            "b64_json": data,
            "url": None if data else url,
            "provider_specific_fields": specific,
        }


def _no_image(body: Mapping[str, Any], headers: Mapping[str, str] | None, model: str) -> Exception:
    choice = body["choices"][0]
    words = choice["message"].get("refusal") or choice["message"].get("content") or ""
    refused = choice["message"].get("refusal") or choice.get("finish_reason") == "content_filter"
    bill = usage.read_bill(body, headers)
    charged = "its cost is not known" if bill.cost is None else f"it cost {bill.cost} USD"
    error = {
        "code": 403 if refused else 422,
        "message": f"the model made no image ({charged})",
        "metadata": {
            "raw": words,
            "provider_name": body.get("provider") or model,
            **({"reasons": ["content_filter"]} if refused else {}),
        },
    }
    return errors.from_body({**body, "error": error}, headers, model)


def image_usage(wire: Mapping[str, Any]) -> ImageUsage:
    """LiteLLM's usage of images, text and image tokens apart; the wire's fields ride along."""
    prompt = _details(wire, "prompt_tokens_details")
    answer = _details(wire, "completion_tokens_details")
    read, written = wire.get("prompt_tokens") or 0, wire.get("completion_tokens") or 0
    images_read, images_written = prompt.get("image_tokens") or 0, answer.get("image_tokens") or 0
    found = ImageUsage(
        input_tokens=read,
        input_tokens_details=ImageUsageInputTokensDetails(
            image_tokens=images_read, text_tokens=read - images_read
        ),
        output_tokens=written,
        total_tokens=wire.get("total_tokens") or read + written,
    )
    split = {"image_tokens": images_written, "text_tokens": written - images_written}
    setattr(found, "output_tokens_details", split)  # noqa: B010 - not in LiteLLM's type
    for name, value in wire.items():
        if name not in {"prompt_tokens", "completion_tokens", "total_tokens"}:
            setattr(found, name, value)
    return found


def _details(wire: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = wire.get(name)
    return found if isinstance(found, dict) else {}


class OpenRouterImageGenerationConfig(Endpoint, BaseImageGenerationConfig):
    """LiteLLM's transformation class for images over `/chat/completions`. Holds no state."""

    _path = "/chat/completions"
    _parameters = ("n", "quality", "response_format", "size", "user", "web_search_options")

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

    def transform_image_generation_request(
        self,
        model: str,
        prompt: str,
        optional_params: dict[str, Any],
        litellm_params: dict[str, Any],
        headers: dict[str, Any],
    ) -> dict[str, Any]:
        """The body, admitted."""
        body = build_body(model, prompt, optional_params)
        admission.before_send(body, litellm_params)
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
            logging_obj, raw_response, request_data, inputs=request_data["messages"], key=api_key
        )
        content, headers = raw_response.content, raw_response.headers
        with admission.settled(litellm_params) as settle, errors.for_malformed(content, headers):
            body = completion.parse(content, headers, model)
            settle(usage.read_bill(body, headers))
            as_url = optional_params.get("response_format") == "url"
            model_response.data = [
                _image_object(image, as_url=as_url) for image in images_of(body, headers, model)
            ]
            if isinstance(body.get("created"), int):
                model_response.created = body["created"]
            if isinstance(body.get("usage"), dict):
                model_response.usage = image_usage(body["usage"])
            usage.attach(model_response._hidden_params, body, headers)
            model_response._hidden_params["model"] = body.get("model") or model
        return model_response


def _image_object(image: dict[str, Any], *, as_url: bool) -> ImageObject:
    """LiteLLM's image; where the caller asked for URLs, the data as a data URL."""
    if as_url and image["b64_json"]:
        media_type = image["provider_specific_fields"]["media_type"]
        url = f"data:{media_type};base64,{image['b64_json']}"
        image = {**image, "b64_json": None, "url": url}
    return ImageObject(**image)
