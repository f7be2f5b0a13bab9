"""`/images`: the images API, whole and streamed, and the parameters of its models."""

from __future__ import annotations

import base64
import zlib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from . import billing, catalog, image_requests, images, inference, tokens
from .billing import Usage
from .bodies import check_object
from .call import Route
from .faults import error_object
from .sending import DONE, send_json, sse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

    from .call import Call
    from .catalog import ImageApi, Model
    from .faults import Fault
    from .inference import Served
    from .state import State

PATH = "/images"
# Partial images of a stream; they are half the size.
_PARTIALS = 2
_TEXT_PIECE = 24
_FAILING = ("error-in-200", "error-chunk", "choice-error")


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A request that was read and checked."""

    body: dict[str, Any]
    served: Served
    shape: dict[str, str]
    number: int
    used: Usage


async def answer(call: Call) -> web.StreamResponse:
    """Answer an image request and bill it, as a stream if the model has one.

    Raises:
        ApiError: The body is refused, or no provider can answer it.
    """
    state, body = call.state, check_object(call.body)
    fault = call.faults.take("answer", body.get("model") or "")
    drawing = _read(state, body)
    api = drawing.served.model.image_api
    if body.get("stream") and api is not None and api.supports_streaming:
        return await _stream(call, drawing, fault)
    charged = inference.charge(state, PATH, "gen-img", drawing.served, drawing.used, fault)
    headers = {"X-Generation-Id": charged.row.generation_id}
    whole = charged.error
    if whole is None:
        empty = fault is not None and fault.name == "empty-choices"
        whole = orjson.dumps(
            {
                "created": int(state.now()),
                "data": [] if empty else list(_images(drawing)),
                "usage": _wire_usage(drawing.used, charged.cost),
            }
        )
    return await send_json(call.request, whole, headers, fault)


def _read(state: State, body: dict[str, Any]) -> _Drawing:
    number = image_requests.number_of(body)
    served = inference.choose(state, body, "image", "image generation")
    model = served.model
    image_requests.check_model(body, model)
    shape = image_requests.shape(body)
    given = len(body.get("input_references") or ())
    each = images.image_tokens(shape, model.image_tokens, body.get("quality"))
    used = Usage(
        prompt=tokens.count(body["prompt"]) + given * tokens.TOKENS_PER_IMAGE,
        completion=number * each,
        images=number * each,
        drawn=images.price(model.image_api, body, shape, number=number, given=given),
    )
    return _Drawing(body, served, shape, number, used)


def _wire_usage(used: Usage, cost: billing.Cost) -> dict[str, Any]:
    wire = billing.chat_usage(used, cost)
    del wire["completion_tokens_details"]["audio_tokens"]
    return wire


def _images(drawing: _Drawing) -> Iterator[dict[str, str]]:
    for place in range(drawing.number):
        data, media_type = _drawn(drawing, place, images.SCALE)
        yield {"b64_json": base64.b64encode(data).decode(), "media_type": media_type}


def _drawn(drawing: _Drawing, place: int, scale: int) -> tuple[bytes, str]:
    body = drawing.body
    seed = zlib.crc32(body["prompt"].encode()) + (body.get("seed") or 0) + place * 0x9E3779B1
    width, height = images.pixel_size(drawing.shape, scale)
    if _is_vector(drawing):
        drawn = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"/>'
        return drawn.encode(), "image/svg+xml"
    # The emulator draws PNG for every other format, and `media_type` says so.
    return images.png(width, height, seed), "image/png"


def _is_vector(drawing: _Drawing) -> bool:
    api = drawing.served.model.image_api
    formats = api.supported_parameters.get("output_format", {}).get("values") if api else None
    return drawing.body.get("output_format") == "svg" or formats == ["svg"]


async def _stream(call: Call, drawing: _Drawing, fault: Fault | None) -> web.StreamResponse:
    """Send partial images, then the whole ones. Only a complete stream is charged."""
    row, cost = inference.bill(call.state, PATH, "gen-img", drawing.served, drawing.used, fault)
    row = replace(row, streamed=True)
    unpaid = inference.unpaid(row)
    events, end = [sse(event) for event in _previews(drawing)], b""
    if fault is not None and fault.name in _FAILING:
        error = error_object(fault, drawing.served.endpoint.provider)
        shown = {"message": error["message"], "code": str(error["code"])}
        events.append(sse({"type": "error", "error": shown}) + DONE)
    elif fault is None or fault.name != "no-finish":
        events += [sse(event) for event in _completed(call.state, drawing, cost)]
        end = DONE
    return await inference.send_stream(
        call,
        row.generation_id,
        (events, end),
        fault,
        whole_row=lambda: row if end else unpaid,
        cut_row=lambda _: replace(unpaid, cancelled=True),
    )


def _previews(drawing: _Drawing) -> Iterator[dict[str, Any]]:
    if _is_vector(drawing):
        text = _drawn(drawing, 0, images.SCALE)[0].decode()
        for start in range(0, len(text), _TEXT_PIECE):
            piece = text[start : start + _TEXT_PIECE]
            yield {"type": "image_generation.text_chunk", "text": piece, "phase": "content"}
        return
    for place in range(_PARTIALS):
        data, _ = _drawn(drawing, 0, 2 * images.SCALE)
        yield {
            "type": "image_generation.partial_image",
            "partial_image_index": place,
            "b64_json": base64.b64encode(data).decode(),
        }


def _completed(state: State, drawing: _Drawing, cost: billing.Cost) -> Iterator[dict[str, Any]]:
    """Yield an event for each image; the last has the usage of all."""
    for place, image in enumerate(_images(drawing), 1):
        event = {"type": "image_generation.completed", **image, "created": int(state.now())}
        if place == drawing.number:
            event["usage"] = _wire_usage(drawing.used, cost)
        yield event


def list_models(_: Call) -> dict[str, Any]:
    """Return the body of `GET /images/models`."""
    kept = [
        _list_item(model, model.image_api)
        for model in catalog.models()
        if model.image_api is not None
    ]
    return {"data": kept}


def _list_item(model: Model, api: ImageApi) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "description": f"{model.name}, as the emulator serves it.",
        "created": model.created,
        "architecture": {
            "input_modalities": list(model.input),
            "output_modalities": list(model.output),
        },
        "supported_parameters": api.supported_parameters,
        "supports_streaming": api.supports_streaming,
        "endpoints": f"/api/v1/images/models/{model.id}/endpoints",
    }


def list_endpoints(call: Call) -> dict[str, Any]:
    """Return the body of `GET /images/models/{author}/{slug}/endpoints`."""
    return endpoints_object(catalog.find("/".join(call.path)))


def endpoints_object(model: Model) -> dict[str, Any]:
    """Return a model's endpoints on the images API, with their parameters and prices."""
    api = model.image_api
    offered = [
        {
            "provider_name": endpoint.provider,
            "provider_slug": endpoint.tag,
            "provider_tag": endpoint.tag,
            **asdict(api),
        }
        for endpoint in model.endpoints
        if api is not None
    ]
    return {"id": model.id, "endpoints": offered}


ROUTES = (
    Route("POST", PATH, answer, "inference"),
    Route("GET", "/images/models", list_models, "anybody"),
    Route("GET", "/images/models/{}/{}/endpoints", list_endpoints, "anybody"),
)
