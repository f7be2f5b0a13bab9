"""OpenRouter's dedicated images API, the second route of `litellm.image_generation`.

Chosen by `openrouter_image_route="images"`, for a call or for a Router's deployment; without it
images are made over chat. See https://openrouter.ai/docs/api-reference/overview.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import connection, errors, image_inputs, options
from openrouter_adapter.image_generation import sizing

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH: Final = "/images"
ROUTES: Final = ("chat", "images")

_NOT_SENT: Final = ("extra_headers", "image_route", "max_retries", "response_format")
# OpenAI's older words for quality, in this endpoint's.
_QUALITIES: Final = {"standard": "medium", "hd": "high"}
# What the chat route has in `image_config`, under this endpoint's names.
_OF_CONFIG: Final = {"aspect_ratio": "aspect_ratio", "image_size": "resolution"}


def is_chosen(parameters: Mapping[str, Any], model: str = "") -> bool:
    """Whether a call's parameters choose this route.

    Raises:
        litellm.BadRequestError: they name a route that there is not.
    """
    route = options.gather(parameters).get("image_route", "chat")
    if route not in ROUTES:
        raise errors.bad_request(
            f"openrouter_image_route={route!r}: give {' or '.join(map(repr, ROUTES))}", model
        )
    return bool(route == "images")


def build_body(model: str, prompt: str, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a request to the images API.

    Args:
        model: As OpenRouter names it.
        prompt: What to draw.
        keywords: `n`, `size` (pixels, a tier or a ratio), `quality`, `aspect_ratio`,
            `resolution`, `background`, `output_format`, `output_compression`, `seed`,
            `input_references` (one image or a list, in any form of image_inputs.py),
            `image_config` as on the chat route, `user`, OpenRouter's options (`provider`, …),
            and `extra_body`, which is sent unchecked and fills in what no keyword says.

    Raises:
        litellm.BadRequestError: a field is wrong; the message says what is allowed.
    """
    fields = options.gather(keywords)
    extra = fields.pop("extra_body", None)
    for name in (*_NOT_SENT, *(name for name in fields if name.startswith("_"))):
        fields.pop(name, None)
    if fields.pop("stream", None):
        raise errors.bad_request("stream=True: LiteLLM has no stream of images", model)
    _put_size(fields, model)
    _put_config(fields, model)
    if isinstance(fields.get("quality"), str):
        fields["quality"] = _QUALITIES.get(fields["quality"], fields["quality"])
    if "input_references" in fields:
        fields["input_references"] = references(fields["input_references"], model)
    options.check(fields, model)
    named = {"model": connection.wire_model(model), "prompt": prompt, **fields}
    return options.with_extra(named, extra, model=model)


def references(given: Any, model: str = "") -> list[Any]:
    """Reference images as the wire has them; parts that are so already stay as they are.

    Raises:
        litellm.BadRequestError: one of them is no image.
    """
    parts: list[Any] = []
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, dict):
            parts.append(one)
            continue
        (url,) = image_inputs.to_urls(one, model, f"input_references[{len(parts)}]")
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def _put_size(fields: dict[str, Any], model: str) -> None:
    size = fields.pop("size", None)
    if size is None or size == "auto":
        return
    if not sizing.is_pixels(size):
        # A ratio has a field of its own here; a tier is a size too.
        size_of_chat = sizing.of_size(size, model)
        if "aspect_ratio" in size_of_chat:
            fields.setdefault("aspect_ratio", size_of_chat["aspect_ratio"])
            return
    fields["size"] = size


def _put_config(fields: dict[str, Any], model: str) -> None:
    config = fields.pop("image_config", None)
    if config is None:
        return
    if not isinstance(config, dict) or config.keys() - _OF_CONFIG.keys():
        raise errors.bad_request(
            f"image_config={config!r}: the images API has its fields as keywords; of image_config "
            f"it knows {' and '.join(_OF_CONFIG)}",
            model,
        )
    for name, value in config.items():
        fields.setdefault(_OF_CONFIG[name], value)


def parse(
    content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
) -> dict[str, Any]:
    """The checked wire answer: `data` with an image at least.

    Raises:
        One of LiteLLM's exceptions: the answer is an error, or has no image.
    """
    body = errors.read_json(content, headers, model)
    body = errors.raise_for_body(body, headers, model)
    data = body.get("data")
    if not isinstance(data, list) or not any(one.get("b64_json") or one.get("url") for one in data):
        error = {"code": 502, "message": "the answer has no image"}
        raise errors.from_body({**body, "error": error}, headers, model)
    return body


def images_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The images of a checked answer, as the fields of LiteLLM's ImageObject."""
    return [
        {
            "b64_json": image.get("b64_json"),
            "url": image.get("url"),
            "provider_specific_fields": {
                name: value for name, value in image.items() if name not in {"b64_json", "url"}
            },
        }
        for image in body["data"]
    ]
