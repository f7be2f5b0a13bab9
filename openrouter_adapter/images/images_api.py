"""Bodies and answers of OpenRouter's images API, the second route of images.

Models that only answer with images use it by default, any other with
`openrouter_image_route="images"`, for a call or for a Router's deployment (routes.py). By default,
keywords mean the same as for a chat: `size` is a ratio and a tier, `quality` a tier, and fields
that only a chat has are refused before anything is sent. If the caller chose this route, `size` and
`quality` are sent unchanged.
See https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import options
from openrouter_adapter.images import inputs, models, sizing
from openrouter_adapter.options.names import NATIVE_FIELDS
from openrouter_adapter.wire import errors, model_names

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger("openrouter_adapter")

FIELDS: Final = frozenset(
    {
        *("aspect_ratio", "background", "input_references", "model", "n", "output_compression"),
        *("output_format", "prompt", "provider", "quality", "resolution", "seed", "session_id"),
        *("size", "stream", "trace", "user"),
    }
)
"""The fields of OpenRouter's ImageGenerationRequest."""

# Every answer has `usage`, whether it is asked for or not.
_NOT_SENT: Final = ("extra_headers", "image_route", "max_retries", "response_format", "usage")
# OpenAI's older values of quality, and this endpoint's.
_QUALITIES: Final = {"standard": "medium", "hd": "high"}
# Values of this endpoint that stand for no tier.
_OWN_QUALITIES: Final = frozenset({"xhigh", "max"})
# The fields of the chat's `image_config`, and this endpoint's names of them.
_OF_CONFIG: Final = {"aspect_ratio": "aspect_ratio", "image_size": "resolution"}


def build_body(
    model: str, prompt: str, keywords: Mapping[str, Any], *, is_automatic: bool = False
) -> dict[str, Any]:
    """The body of a request to the images API.

    Args:
        model: As OpenRouter names it.
        prompt: What to draw.
        keywords: `n`, `size` (pixels, a tier or a ratio), `quality`, `aspect_ratio`,
            `resolution`, `background`, `output_format`, `output_compression`, `seed`,
            `input_references` (one image or a list, in any form of inputs.py),
            `image_config` as on the chat route, `user`, OpenRouter's options (`provider`, …),
            and `extra_body`, which is sent unchecked and fills in what no keyword sets.
        is_automatic: Whether the caller did not choose the route: then `size` becomes a ratio and a
            tier, `quality` a tier if the model has tiers, and `extra_body` has no fields of a chat.

    Raises:
        litellm.BadRequestError: a field is invalid, or only a chat has it; the message names what
            is allowed.
    """
    hidden = [name for name in keywords if name.startswith("_")]
    fields, given = options.body_fields(keywords, (*_NOT_SENT, *hidden))
    extra = options.unsaid(given, (), model)
    if extra.get("stream") or fields.pop("stream", None):
        raise errors.bad_request(
            "stream=True: LiteLLM's image calls have no stream; the official SDK has one: "
            "openrouter_adapter.account.client().images.generate(…, stream=True)",
            model,
        )
    _refuse_chat(model, fields, extra if is_automatic else {})
    _put_config(fields, model)
    if is_automatic:
        _put_mapped(fields, model)
    else:
        _put_size(fields, model)
    if isinstance(fields.get("quality"), str):
        fields["quality"] = _QUALITIES.get(fields["quality"], fields["quality"])
    if "input_references" in fields:
        fields["input_references"] = references(fields["input_references"], model)
    options.check(fields, model)
    _check_parameters(fields, model)
    named = {"model": model_names.wire_model(model), "prompt": prompt, **fields}
    return options.with_extra(named, extra, model=model)


def mapped(fields: Mapping[str, Any], model: str = "") -> dict[str, Any]:
    """A call's `size` and `quality` as this endpoint's fields, with the meaning of a chat's.

    A tier becomes `resolution` if the model has tiers or is unknown; otherwise `quality` is kept.

    Raises:
        litellm.BadRequestError: one of them is invalid, or the model lacks the ratio.
    """
    known = models.find(model)
    has_tiers = known is None or known.takes("resolution")
    size, quality = fields.get("size"), fields.get("quality")
    found: dict[str, Any] = {}
    if size is not None:
        found = _of_size(size, model, known)
    if quality in _OWN_QUALITIES or (quality in sizing.TIERS and not has_tiers):
        found["quality"] = quality
    elif quality is not None:
        tier = sizing.of_quality(quality, model).get("image_size")
        if tier is not None:
            found.setdefault("resolution", tier)
    return found


def config_of(fields: Mapping[str, Any], model: str = "") -> dict[str, str]:
    """The `image_config` that corresponds to the `size` and `quality` of an automatic request.

    Raises:
        litellm.BadRequestError: one is invalid, or not in OpenRouter's list for the model.
    """
    asked = mapped(fields, model)
    _check_parameters(asked, model)
    return {name: asked[field] for name, field in _OF_CONFIG.items() if field in asked}


def _of_size(size: Any, model: str, known: models.ImageModel | None) -> dict[str, Any]:
    is_pixels = sizing.is_pixels(size)
    if is_pixels and known and not known.takes("aspect_ratio") and known.are_read:
        # Such a model takes any pixels, or none: OpenRouter decides.
        return {"size": size}
    asked = sizing.of_size(size, model, known.aspect_ratios if known else None)
    found = {_OF_CONFIG[name]: value for name, value in asked.items()}
    if is_pixels and known and "resolution" in found and not known.takes("resolution"):
        logger.warning(
            "size=%r asks for %s, but %s has no tiers of size: only the ratio %s is sent",
            *(size, found.pop("resolution"), model, found["aspect_ratio"]),
        )
    return found


def _refuse_chat(model: str, fields: Mapping[str, Any], extra: Mapping[str, Any]) -> None:
    """Refuses fields that only a chat has: they would be dropped."""
    for name in (*fields, *extra):
        is_option = name in options.OPENROUTER_FIELDS or name in NATIVE_FIELDS
        if is_option and name not in FIELDS and name not in {"image_config", "usage"}:
            value = fields.get(name, extra.get(name))
            raise errors.bad_request(
                f"{name}={value!r:.100}: the images API, which {model or 'the model'} uses, has no "
                f"such field; openrouter_image_route={'chat'!r} sends a chat instead",
                model,
            )


def _put_mapped(fields: dict[str, Any], model: str) -> None:
    given = {name: fields.pop(name, None) for name in ("size", "quality")}
    for name, value in mapped(given, model).items():
        fields.setdefault(name, value)


def _check_parameters(fields: Mapping[str, Any], model: str) -> None:
    """Checks a request against OpenRouter's list for its model, if that was read."""
    known = models.find(model)
    if known is None or not known.are_read or known.parameters is None:
        return
    wrong = [said for _, said in models.faults(fields, known.parameters)]
    if wrong:
        raise errors.bad_request(f"{model}: {'; '.join(wrong)}", model)


def references(given: Any, model: str = "") -> list[Any]:
    """Reference images in the wire's form; parts that have it are kept.

    Raises:
        litellm.BadRequestError: one of them is not an image.
    """
    parts: list[Any] = []
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, dict):
            parts.append(one)
            continue
        (url,) = inputs.to_urls(one, model, f"input_references[{len(parts)}]")
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def _put_size(fields: dict[str, Any], model: str) -> None:
    size = fields.pop("size", None)
    if size is None or size == "auto":
        return
    if not sizing.is_pixels(size):
        # A ratio has a field of its own here; a tier is also a size.
        size_of_chat = sizing.of_size(size, model)
        if "aspect_ratio" in size_of_chat:
            fields.setdefault("aspect_ratio", size_of_chat["aspect_ratio"])
            return
    fields["size"] = size


def _put_config(fields: dict[str, Any], model: str) -> None:
    config = fields.pop("image_config", None)
    if config is None:
        return
    if not isinstance(config, dict) or config.keys() - _OF_CONFIG.keys() - FIELDS:
        raise errors.bad_request(
            f"image_config={config!r}: the images API has its fields as keywords; of image_config "
            f"it accepts {' and '.join(_OF_CONFIG)}, and its own fields",
            model,
        )
    for name, value in config.items():
        fields.setdefault(_OF_CONFIG.get(str(name), str(name)), value)


def parse(
    content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
) -> dict[str, Any]:
    """The checked wire answer: `data` has at least one image.

    Raises:
        One of LiteLLM's exceptions: the answer is an error, or has no image.
    """
    body = errors.read_body(content, headers, model)
    data = body.get("data")
    if not isinstance(data, list) or not any(one.get("b64_json") or one.get("url") for one in data):
        raise errors.no_answer(body, "the answer has no image", headers, model)
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
