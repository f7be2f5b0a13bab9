"""The route of an image request: a chat that answers with images, or the images API.

OpenRouter refuses a chat that asks for text from a model that only makes images, so those models
use the images API. The caller's choice takes precedence: `openrouter_image_route`, or `modalities`,
which only a chat has.
See https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import options
from openrouter_adapter.images import images_api, models, response, sizing
from openrouter_adapter.wire import completion, errors, model_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

CHAT: Final = "chat"
IMAGES: Final = "images"
CHAT_PATH: Final = "/chat/completions"
IMAGES_PATH: Final = "/images"

# The parameter with the route of a call that is being sent: the entry of a model may change while
# the call is prepared, and its URL, body and answer must belong to one route. It is not sent.
PINNED: Final = "_openrouter_adapter_image_route"

# Handled here or in handlers.py; all other keywords are sent.
_NOT_IN_CHAT: Final = (
    *("extra_headers", "image_route", "max_retries", "n", "quality", "response_format", "size"),
    PINNED,
)


def of_call(parameters: Mapping[str, Any], model: str = "") -> str:
    """`"chat"` or `"images"`, by a call's parameters and its model's outputs.

    Raises:
        litellm.BadRequestError: the parameters name an unknown route.
    """
    pinned = parameters.get(PINNED)
    if isinstance(pinned, str):
        return pinned
    asked = _asked(parameters, model)
    if asked is not None:
        return asked
    known = models.find(model)
    if known is None or not known.only_images or _has_modalities(parameters):
        return CHAT
    return IMAGES


def shares(parameters: Mapping[str, Any], model: str = "") -> tuple[str, list[int]]:
    """The route of a call, and the number of images of each of its requests.

    Raises:
        litellm.BadRequestError: `n` is not a whole number from 1, or the route is unknown.
    """
    route = of_call(parameters, model)
    wanted = response.count(parameters, model)
    most = 1
    if route == IMAGES:
        known = models.find(model)
        most = known.most_images if known else models.MOST_IMAGES
    return route, [min(most, wanted - sent) for sent in range(0, wanted, most)]


def with_share(parameters: Mapping[str, Any], route: str, share: int) -> dict[str, Any]:
    """A call's parameters for one of its requests, with the route."""
    kept = {name: value for name, value in parameters.items() if name != "n"}
    return {**kept, PINNED: route, **({"n": share} if share > 1 else {})}


def is_automatic(parameters: Mapping[str, Any], model: str = "") -> bool:
    """Whether the caller chose no route, so that the model decides.

    Raises:
        litellm.BadRequestError: the parameters name an unknown route.
    """
    return _asked(parameters, model) is None


def modalities(model: str) -> list[str]:
    """The modalities that a chat asks for: images, and text unless the model only makes images."""
    known = models.find(model)
    return ["image"] if known is not None and known.only_images else ["image", "text"]


def of_answer(answer: httpx.Response, parameters: Mapping[str, Any], model: str = "") -> str:
    """The route of an answer: by its request if the response has that, else by the call."""
    try:
        path = answer.request.url.path
    except RuntimeError:
        return of_call(parameters, model)
    return IMAGES if path.endswith(IMAGES_PATH) else CHAT


def parse_answer(
    answer: httpx.Response, parameters: Mapping[str, Any], model: str = ""
) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
    """The checked answer of either route, and its images; None if they are in a chat's messages.

    Raises:
        One of LiteLLM's exceptions: it is an error, or no answer.
    """
    content, headers = answer.content, answer.headers
    if of_answer(answer, parameters, model) == IMAGES:
        body = images_api.parse(content, headers, model)
        return body, images_api.images_of(body)
    return completion.parse(content, headers, model), None


def chat_body(model: str, content: Any, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a chat request that makes one answer with images.

    Args:
        model: As OpenRouter names it.
        content: The prompt, or parts with the prompt and the images to change.
        keywords: `size` and `quality`, which fill in what the caller's `image_config` leaves open,
            field by field; `user`, OpenRouter's options, and `extra_body`, which is sent unchecked
            and fills in what no keyword sets.

    Raises:
        litellm.BadRequestError: a size, a quality or an option is invalid.
    """
    fields, extra = options.body_fields(keywords)
    config = sizing.of_both(fields, model)
    for name in _NOT_IN_CHAT:
        fields.pop(name, None)
    options.check(fields, model)
    if config:
        fields["image_config"] = config | (fields.get("image_config") or {})
    body = {
        "model": model_names.wire_model(model),
        "messages": [{"role": "user", "content": content}],
        "modalities": modalities(model),
        "usage": {"include": True},
        **fields,
    }
    return options.with_extra(body, extra, {"modalities", "usage"} - fields.keys(), model)


def with_advice(exception: Exception) -> Exception:
    """The exception of a failed request; a 404 for an unknown model suggests the other route.

    Called from within the handler of its cause, like `errors.of_failure`.
    """
    from litellm.exceptions import NotFoundError

    request = getattr(sys.exc_info()[1], "_request", None)
    if not isinstance(exception, NotFoundError) or request is None:
        return exception
    if request.url.path.endswith(CHAT_PATH) and models.find(exception.model or "") is None:
        exception.message += (
            " (If images are all that the model makes, ask for them with "
            'openrouter_image_route="images".)'
        )
    return exception


def _asked(parameters: Mapping[str, Any], model: str) -> str | None:
    route = options.gather(parameters).get("image_route")
    if route not in {None, CHAT, IMAGES}:
        raise errors.bad_request(
            f"openrouter_image_route={route!r}: give {CHAT!r} or {IMAGES!r}", model
        )
    return route


def _has_modalities(parameters: Mapping[str, Any]) -> bool:
    extra = parameters.get("extra_body")
    return bool(
        options.gather(parameters).get("modalities")
        or (isinstance(extra, dict) and extra.get("modalities"))
    )
