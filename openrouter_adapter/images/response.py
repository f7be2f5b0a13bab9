"""Answers with images → LiteLLM's response, and the sum of several responses.

The chat route ignores `n`: `n` images are `n` requests, and their images, usage and cost are added
up.
See https://openrouter.ai/docs/features/multimodal/image-generation.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from litellm.types.utils import (
    ImageObject,
    ImageResponse,
    ImageUsage,
    ImageUsageInputTokensDetails,
)

from openrouter_adapter.wire import errors, usage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

logger = logging.getLogger("openrouter_adapter")

# More at once would hit a rate limit rather than be faster.
MOST_AT_ONCE: Final = 16


def image_response(
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    model: str = "",
    into: ImageResponse | None = None,
    *,
    found: list[dict[str, Any]] | None = None,
    as_url: bool = False,
) -> ImageResponse:
    """LiteLLM's response of a checked answer: images, usage, cost and facts.

    Args:
        body: A completion, or the answer of the images API.
        headers: The response headers.
        model: The model asked for.
        into: LiteLLM's own empty response, if it made one.
        found: The images; None to take them from a completion.
        as_url: Whether the caller asked for URLs: data becomes a data URL.

    Raises:
        One of LiteLLM's exceptions: it has no image, see `images_of`.
    """
    made = ImageResponse() if into is None else into
    if found is None:
        found = images_of(body, headers, model)
    made.data = [_image_object(image, as_url=as_url) for image in found]
    if isinstance(body.get("created"), int):
        made.created = body["created"]
    if isinstance(body.get("usage"), dict):
        made.usage = image_usage(body["usage"])
    usage.attach(made._hidden_params, body, headers)
    made._hidden_params["model"] = body.get("model") or model
    return made


def images_of(
    body: Mapping[str, Any], headers: Mapping[str, str] | None = None, model: str = ""
) -> list[dict[str, Any]]:
    """The images of a checked completion, as the fields of LiteLLM's ImageObject.

    A data URL becomes `b64_json`, a link `url`; `provider_specific_fields` has the media type and
    the text of the answer.

    Raises:
        litellm.UnprocessableEntityError: the model answered with text only; the message has the
            text, `openrouter["cost"]` its cost.
        litellm.ContentPolicyViolationError: the model refused the image.
    """
    images = [image for choice in body["choices"] for image in _images_of_choice(choice)]
    if not images:
        raise _no_image(body, headers, model)
    return images


def _images_of_choice(choice: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    message = choice["message"]
    others = {
        name: value
        for name, value in (*message.items(), *choice.items())
        if value and name not in {"images", "role", "message", "index"}
    }
    for image in message.get("images") or ():
        link = image.get("image_url")
        url = link.get("url") if isinstance(link, dict) else link
        if not isinstance(url, str) or not url:
            continue
        specific = {n: v for n, v in image.items() if n not in {"image_url", "type"}} | others
        data = None
        if url.startswith("data:"):
            description, _, data = url.partition(",")
            specific["media_type"] = description[5:].removesuffix(";base64")
            if not description.endswith(";base64"):
                # An SVG may arrive as text.
                data = base64.b64encode(unquote_to_bytes(data)).decode()
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
    """LiteLLM's usage of images, with separate text and image tokens and all fields of the wire."""
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
        if name != "total_tokens":
            setattr(found, name, value)
    return found


def _details(wire: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = wire.get(name)
    return found if isinstance(found, dict) else {}


def _image_object(image: dict[str, Any], *, as_url: bool) -> ImageObject:
    """LiteLLM's image; if the caller asked for URLs, with a data URL."""
    if as_url and image["b64_json"]:
        media_type = image["provider_specific_fields"].get("media_type", "image/png")
        url = f"data:{media_type};base64,{image['b64_json']}"
        image = {**image, "b64_json": None, "url": url}
    return ImageObject(**image)


def count(parameters: Mapping[str, Any], model: str = "") -> int:
    """The number of images that a call asks for.

    Raises:
        litellm.BadRequestError: `n` is not a whole number from 1.
    """
    wanted = parameters.get("n")
    wanted = 1 if wanted is None else wanted
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1:
        raise errors.bad_request(f"n={wanted!r}: give a whole number from 1", model)
    return wanted


def send_each(
    send: Callable[[dict[str, Any]], ImageResponse], calls: Sequence[dict[str, Any]]
) -> ImageResponse:
    """Sends calls concurrently and adds their answers up.

    Raises:
        The first failure, if all of them fail.
    """
    if len(calls) == 1:
        return send(calls[0])
    with ThreadPoolExecutor(min(len(calls), MOST_AT_ONCE)) as pool:
        sent = [pool.submit(send, one) for one in calls]
        return _added_up([_outcome(future) for future in sent])


async def send_each_async(
    send: Callable[[dict[str, Any]], Awaitable[ImageResponse]], calls: Sequence[dict[str, Any]]
) -> ImageResponse:
    """The asynchronous twin of `send_each`."""
    limit = asyncio.Semaphore(MOST_AT_ONCE)

    async def limited(one: dict[str, Any]) -> ImageResponse:
        async with limit:
            return await send(one)

    return _added_up(await asyncio.gather(*map(limited, calls), return_exceptions=True))


def _outcome(future: Any) -> Any:
    failure = future.exception()
    return future.result() if failure is None else failure


def _added_up(outcomes: Sequence[Any]) -> ImageResponse:
    """One response for several: all images, and the sums of usage and cost.

    If only some requests failed, a warning names the first failure; the sum includes their cost.

    Raises:
        The first failure, if all of them fail.
    """
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    responses = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    if not responses:
        raise failures[0]
    whole: ImageResponse = responses[0]
    if len(outcomes) == 1:
        return whole
    if failures:
        logger.warning(
            "%d of %d image requests failed: %s", len(failures), len(outcomes), failures[0]
        )
    whole.data = [image for response in responses for image in response.data or ()]
    whole.usage = _sum_of_usage([response.usage for response in responses])
    facts = [response._hidden_params.get("openrouter", {}) for response in responses]
    charged = [one.get("cost") for one in facts]
    charged += [getattr(failure, "openrouter", {}).get("cost", 0) for failure in failures]
    _put_cost(whole, facts, charged)
    return whole


def _put_cost(whole: ImageResponse, facts: list[dict[str, Any]], charged: list[Any]) -> None:
    hidden = whole._hidden_params
    summed = hidden["openrouter"] = {
        **facts[0],
        "generation_ids": [one["generation_id"] for one in facts if "generation_id" in one],
    }
    # Only the details of BYOK requests have the cost charged to your own provider account.
    by_own_key = [one for one in facts if one.get("is_byok")]
    details = _added([one.get("cost_details") for one in by_own_key or facts])
    summed |= {"cost_details": details} if details else {}
    summed |= {"is_byok": True} if by_own_key else {}
    amounts = [usage.usd(cost) for cost in charged]
    if None in amounts:
        # One unknown cost makes the sum unknown.
        summed.pop("cost", None)
        hidden.pop("response_cost", None)
        hidden["additional_headers"].pop(usage.COST_HEADER, None)
        return
    cost = float(sum((amount for amount in amounts if amount is not None), Decimal(0)))
    summed["cost"] = hidden["response_cost"] = cost
    hidden["additional_headers"][usage.COST_HEADER] = cost


def _sum_of_usage(usages: list[Any]) -> ImageUsage:
    """The tokens of all answers; the hidden params have their cost, failures included."""
    summed = _added([one.model_dump() for one in usages])
    return ImageUsage(**{n: v for n, v in summed.items() if n not in {"cost", "cost_details"}})


def _added(values: Sequence[Any]) -> Any:
    """The exact sum of numbers; of objects, field by field; of anything else, the first value."""
    given = [value for value in values if value is not None]
    if not given:
        return None
    if all(isinstance(value, dict) for value in given):
        names = dict.fromkeys(name for value in given for name in value)
        return {name: _added([value.get(name) for value in given]) for name in names}
    if all(type(value) in {int, float} for value in given):
        total = sum(Decimal(repr(value)) for value in given)
        return int(total) if all(type(value) is int for value in given) else float(total)
    return given[0]
