"""The images API as the second route of `litellm.image_generation`."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter.images.images_api import build_body
from tests.support import answers
from tests.support.costs import listening
from tests.support.sdk_schema import faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator
    from tests.support.loopback import Loopback

MODEL = "openrouter/google/gemini-3.1-flash-lite-image"
SEVERAL = "openrouter/openai/gpt-image-1-mini"  # Makes up to ten images at once.
CHOSEN: dict[str, Any] = {"openrouter_image_route": "images"}
PNG = base64.b64decode(answers.PIXEL)
URL = f"data:image/png;base64,{answers.PIXEL}"


def draw(**keywords: Any) -> Any:
    call = {"model": MODEL, "prompt": "a wren", **CHOSEN, **keywords}
    return litellm.image_generation(**call)


def draw_async(**keywords: Any) -> Any:
    call = {"model": MODEL, "prompt": "a wren", **CHOSEN, **keywords}
    return asyncio.run(litellm.aimage_generation(**call))


def draw_router(**keywords: Any) -> Any:
    """Ask a deployment that has chosen the route itself."""
    asked = {"model": keywords.pop("model", MODEL), **CHOSEN}
    deployment = {"model_name": "painter", "litellm_params": asked}
    router = litellm.Router(model_list=[deployment], num_retries=0)
    call = {"model": "painter", "prompt": "a wren", **keywords}
    return asyncio.run(router.aimage_generation(**call))


WAYS = [draw, draw_async, draw_router]
way = pytest.mark.parametrize("call", WAYS, ids=["image_generation", "aimage_generation", "router"])
both = pytest.mark.parametrize("call", WAYS[:2], ids=["image_generation", "aimage_generation"])


@way
def test_the_bill_is_on_the_response(call: Callable[..., Any], emulated: Emulator) -> None:
    response = call()
    (row,) = emulated.bill()
    assert row.endpoint == "/images"
    assert base64.b64decode(response.data[0].b64_json).startswith(b"\x89PNG")
    assert response.data[0].provider_specific_fields == {"media_type": "image/png"}
    hidden = response._hidden_params
    assert hidden["response_cost"] == float(row.cost) > 0
    assert hidden["additional_headers"]["llm_provider-x-litellm-response-cost"] == float(row.cost)
    assert hidden["openrouter"]["generation_id"] == row.generation_id
    assert response.usage.output_tokens == row.tokens_completion == 1120
    assert response.usage.output_tokens_details["image_tokens"] == 1120


@way
def test_n_images_are_one_request(call: Callable[..., Any], emulated: Emulator) -> None:
    response = call(n=3, model=SEVERAL)
    (row,) = emulated.bill()
    assert len(response.data) == 3
    assert len({image.b64_json for image in response.data}) == 3
    assert emulated.requests[0].body["n"] == 3
    assert response._hidden_params["response_cost"] == float(row.cost)


@way
def test_every_field_and_option_reaches_the_wire(
    call: Callable[..., Any], emulated: Emulator
) -> None:
    fields = {
        "aspect_ratio": "16:9",
        "resolution": "2K",
        "background": "transparent",
        "output_format": "webp",
        "output_compression": 80,
        "seed": 7,
        "quality": "high",
        "user": "somebody",
        "provider": {"order": ["google-ai-studio"]},
    }
    call(
        **fields,
        input_references=[URL, PNG, {"type": "image_url", "image_url": {"url": "https://h/a.png"}}],
        openrouter_session_id="session",
        extra_body={"trace": {"trace_name": "t"}, "seed": 1},
        extra_headers={"X-Trace": "t"},
        metadata={"of": "litellm"},
    )
    (request,) = emulated.requests
    assert request.path == "/images"
    assert request.headers["x-trace"] == "t"
    assert request.body == {
        "model": "google/gemini-3.1-flash-lite-image",
        "prompt": "a wren",
        **fields,
        "input_references": [
            {"type": "image_url", "image_url": {"url": url}}
            for url in (URL, URL, "https://h/a.png")
        ],
        "session_id": "session",
        "trace": {"trace_name": "t"},
    }
    assert faults(request.path, request.body) == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"size": "2048x2048"}, {"size": "2048x2048"}),
        ({"size": "4K"}, {"size": "4K"}),
        ({"size": "16:9"}, {"aspect_ratio": "16:9"}),
        ({"size": "auto"}, {}),
        ({"quality": "hd"}, {"quality": "high"}),
        ({"quality": "standard"}, {"quality": "medium"}),
        ({"quality": "xhigh"}, {"quality": "xhigh"}),
        ({"n": 2}, {"n": 2}),
        (
            {"input_references": PNG},
            {"input_references": [{"type": "image_url", "image_url": {"url": URL}}]},
        ),
        (
            {"image_config": {"aspect_ratio": "1:1", "image_size": "2K"}, "resolution": "4K"},
            {"aspect_ratio": "1:1", "resolution": "4K"},
        ),
        ({"max_retries": 0, "response_format": "url", "extra_headers": {"a": "b"}}, {}),
    ],
    ids=str,
)
def test_fields_in_the_images_apis_own_terms(given: dict[str, Any], sent: dict[str, Any]) -> None:
    body = build_body("a/b", "a wren", given)
    assert body == {"model": "a/b", "prompt": "a wren", **sent}
    assert faults("/images", body) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"openrouter_image_route": "image"},
            "openrouter_image_route='image': give 'chat' or 'images'",
        ),
        ({"n": 0}, "n=0: give a whole number from 1"),
        ({"size": "big"}, "size='big' is invalid"),
        ({"stream": True}, "stream=True"),
        ({"input_references": ["wren.png"]}, r"input_references\[0\].*give a data: or http"),
        ({"input_references": [b""]}, r"input_references\[0\].* is empty"),
        ({"image_config": {"style": "x"}}, "image_config=.*aspect_ratio and image_size"),
        ({"provider": 3}, "provider: must be an object"),
    ],
    ids=str,
)
@both
def test_what_is_wrong_is_not_sent(
    call: Callable[..., Any], wrong: dict[str, Any], said: str, emulated: Emulator
) -> None:
    with pytest.raises(litellm.BadRequestError, match=said):
        call(**wrong)
    assert not emulated.requests


@pytest.mark.parametrize("chosen", [{}, {"openrouter_image_route": "chat"}], ids=str)
def test_chat_stays_the_default(openrouter: Loopback, chosen: dict[str, str]) -> None:
    litellm.image_generation(model=MODEL, prompt="a wren", **chosen)
    assert openrouter.requests[0].path == "/api/v1/chat/completions"
    assert "image_route" not in openrouter.body


def test_the_route_may_go_without_its_prefix(emulated: Emulator) -> None:
    litellm.image_generation(model=MODEL, prompt="a wren", image_route="images")
    assert emulated.requests[0].path == "/images"


def test_a_calls_route_wins_over_its_deployments(openrouter: Loopback) -> None:
    draw_router(openrouter_image_route="chat")
    assert openrouter.requests[0].path == "/api/v1/chat/completions"


@both
def test_urls_where_they_are_asked_for(call: Callable[..., Any], emulated: Emulator) -> None:
    (image,) = call(response_format="url").data
    assert image.url.startswith("data:image/png;base64,")
    assert image.b64_json is None
    assert "response_format" not in emulated.requests[0].body


def test_a_vector_image_says_what_it_is(emulated: Emulator) -> None:
    (image,) = draw(output_format="svg").data
    assert image.provider_specific_fields["media_type"] == "image/svg+xml"
    assert base64.b64decode(image.b64_json).startswith(b"<svg")
    assert len(emulated.bill()) == 1


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("empty-choices", litellm.BadGatewayError),
        ("bad-json", litellm.ServiceUnavailableError),
    ],
)
@both
def test_a_failure_is_litellms_exception(
    call: Callable[..., Any], fault: str, raised: type, emulated: Emulator
) -> None:
    emulated.faults.add(fault)
    with pytest.raises(raised) as caught:
        call(num_retries=0, max_retries=0)
    assert type(caught.value) is raised


def test_an_answer_without_an_image_says_what_it_cost(emulated: Emulator) -> None:
    emulated.faults.add("empty-choices")
    with pytest.raises(litellm.BadGatewayError, match="no image") as caught:
        draw()
    assert caught.value.openrouter["cost"] == float(emulated.bill()[0].cost) > 0


async def test_callbacks_hear_the_billed_cost(emulated: Emulator) -> None:
    with listening() as costs:
        await litellm.aimage_generation(
            model=MODEL, prompt="a wren", litellm_call_id="test-dedicated", **CHOSEN
        )
        assert await costs.of("test-dedicated") == float(emulated.bill()[0].cost)
