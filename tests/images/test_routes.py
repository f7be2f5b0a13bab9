"""Which route an image takes: by what its model makes, and by what the caller says."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter.image_generation.transformation import OpenRouterImageGenerationConfig
from openrouter_adapter.images import models as image_models
from openrouter_adapter.images.images_api import build_body
from tests.support import answers
from tests.support.loopback import Reply
from tests.support.sdk_schema import faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator
    from tests.support.loopback import Loopback

FLUX = "openrouter/black-forest-labs/flux.2-pro"
SEEDREAM = "openrouter/bytedance-seed/seedream-4.5"
GROK = "openrouter/x-ai/grok-imagine-image-2.0"
GEMINI = "openrouter/google/gemini-2.5-flash-image"
UNKNOWN = "openrouter/somebody/new-painter"


def draw(model: str = FLUX, **keywords: Any) -> Any:
    return litellm.image_generation(model=model, prompt="a wren", **keywords)


def draw_async(model: str = FLUX, **keywords: Any) -> Any:
    return asyncio.run(litellm.aimage_generation(model=model, prompt="a wren", **keywords))


def draw_router(model: str = FLUX, **keywords: Any) -> Any:
    deployment = {"model_name": "painter", "litellm_params": {"model": model}}
    router = litellm.Router(model_list=[deployment], num_retries=0)
    call = {"model": "painter", "prompt": "a wren", **keywords}
    return asyncio.run(router.aimage_generation(**call))


way = pytest.mark.parametrize(
    "call",
    [draw, draw_async, draw_router],
    ids=["image_generation", "aimage_generation", "router"],
)


@way
def test_a_model_that_only_draws_is_not_asked_for_text(
    call: Callable[..., Any], emulated: Emulator
) -> None:
    response = call()
    (row,) = emulated.bill()
    (request,) = emulated.requests
    assert (row.endpoint, request.path) == ("/images", "/images")
    assert request.body == {"model": "black-forest-labs/flux.2-pro", "prompt": "a wren"}
    assert response.data[0].b64_json
    assert response._hidden_params["response_cost"] == float(row.cost) == 0.03


@way
def test_a_model_that_writes_too_is_asked_by_chat(
    call: Callable[..., Any], emulated: Emulator
) -> None:
    call(GEMINI)
    (request,) = emulated.requests
    assert request.path == "/chat/completions"
    assert request.body["modalities"] == ["image", "text"]


@way
def test_the_callers_modalities_win(call: Callable[..., Any], emulated: Emulator) -> None:
    call(modalities=["image"])
    (request,) = emulated.requests
    assert request.path == "/chat/completions"
    assert request.body["modalities"] == ["image"]


@pytest.mark.parametrize(
    "given", [{"openrouter_modalities": ["image"]}, {"extra_body": {"modalities": ["image"]}}]
)
def test_modalities_win_wherever_they_are_given(given: dict[str, Any], emulated: Emulator) -> None:
    draw(**given)
    assert emulated.requests[0].path == "/chat/completions"
    assert emulated.requests[0].body["modalities"] == ["image"]


@way
def test_the_callers_route_wins(call: Callable[..., Any], emulated: Emulator) -> None:
    call(openrouter_image_route="chat")
    (request,) = emulated.requests
    assert request.path == "/chat/completions"
    # Text would be refused of this model.
    assert request.body["modalities"] == ["image"]


@way
def test_the_404_of_an_unknown_model_names_the_other_route(
    call: Callable[..., Any], openrouter: Loopback
) -> None:
    said = "No endpoints found that support the requested output modalities: image, text"
    openrouter.replies({"error": {"code": 404, "message": said}}, 404)
    with pytest.raises(litellm.NotFoundError, match="output modalities") as caught:
        call(UNKNOWN, num_retries=0)
    assert 'openrouter_image_route="images"' in str(caught.value)
    assert openrouter.body["modalities"] == ["image", "text"]


@pytest.mark.parametrize(
    ("model", "given"), [(GEMINI, {}), (UNKNOWN, {"openrouter_image_route": "images"})]
)
def test_other_404s_name_no_route(model: str, given: dict[str, str], openrouter: Loopback) -> None:
    openrouter.replies({"error": {"code": 404, "message": "No endpoints found."}}, 404)
    with pytest.raises(litellm.NotFoundError) as caught:
        draw(model, num_retries=0, **given)
    assert "openrouter_image_route" not in str(caught.value)


def test_what_the_catalogue_says_counts_more_than_what_this_release_knows(
    openrouter: Loopback,
) -> None:
    openrouter.replies(answers.image())
    image_models.learn({"black-forest-labs/flux.2-pro": False})
    draw()
    assert openrouter.body["modalities"] == ["image", "text"]


def test_a_model_of_the_catalogue_that_this_release_does_not_know(emulated: Emulator) -> None:
    image_models.learn({"somebody/new-painter": True})
    with pytest.raises(litellm.NotFoundError):
        draw(UNKNOWN, num_retries=0)
    assert emulated.requests[0].path == "/images"


# The caller wrote for a chat: size and quality mean what they mean there.


@pytest.mark.parametrize(
    ("model", "given", "sent"),
    [
        (SEEDREAM, {"size": "1024x1024"}, {"aspect_ratio": "1:1"}),
        (SEEDREAM, {"size": "1792x1024"}, {"aspect_ratio": "16:9"}),
        (SEEDREAM, {"size": "2048x2048"}, {"aspect_ratio": "1:1", "resolution": "2K"}),
        (SEEDREAM, {"size": "2K"}, {"resolution": "2K"}),
        (SEEDREAM, {"size": "9:16"}, {"aspect_ratio": "9:16"}),
        (SEEDREAM, {"size": "auto", "quality": "auto"}, {}),
        *((SEEDREAM, {"quality": word}, {"resolution": "1K"}) for word in ("low", "standard")),
        (SEEDREAM, {"quality": "medium"}, {"resolution": "2K"}),
        *((SEEDREAM, {"quality": word}, {"resolution": "4K"}) for word in ("high", "hd")),
        (UNKNOWN, {"quality": "hd"}, {"resolution": "4K"}),
        (FLUX, {"quality": "low"}, {"quality": "low"}),
        (FLUX, {"quality": "standard"}, {"quality": "medium"}),
        (FLUX, {"quality": "medium"}, {"quality": "medium"}),
        (FLUX, {"quality": "hd"}, {"quality": "high"}),
        (FLUX, {"quality": "max"}, {"quality": "max"}),
        (SEEDREAM, {"quality": "hd", "resolution": "1K"}, {"resolution": "1K"}),
        (SEEDREAM, {"size": "16:9", "aspect_ratio": "1:1"}, {"aspect_ratio": "1:1"}),
        (
            SEEDREAM,
            {"size": "16:9", "quality": "hd", "image_config": {"image_size": "1K"}},
            {"aspect_ratio": "16:9", "resolution": "1K"},
        ),
        (
            SEEDREAM,
            {"image_config": {"aspect_ratio": "auto", "seed": 7}},
            {"aspect_ratio": "auto", "seed": 7},
        ),
        (SEEDREAM, {"usage": {"include": True}, "response_format": "url"}, {}),
    ],
    ids=str,
)
def test_size_and_quality_in_the_images_apis_fields(
    model: str, given: dict[str, Any], sent: dict[str, Any]
) -> None:
    if model == UNKNOWN:
        image_models.learn({"somebody/new-painter": True})
    name = model.removeprefix("openrouter/")
    mapped = OpenRouterImageGenerationConfig().map_openai_params(
        {field: given[field] for field in ("size", "quality", "image_config") if field in given},
        {},
        name,
        drop_params=False,
    )
    for keywords in (given, {**given, **mapped}):
        body = build_body(name, "a wren", keywords, is_automatic=True)
        assert body == {"model": name, "prompt": "a wren", **sent}
        assert faults("/images", body) == []


def test_a_tier_that_a_model_has_no_field_for_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "openrouter_adapter"):
        body = build_body(
            "black-forest-labs/flux.2-pro", "a", {"size": "2048x2048"}, is_automatic=True
        )
    assert body["aspect_ratio"] == "1:1"
    assert "resolution" not in body
    assert "only the ratio 1:1 is sent" in caplog.text


@pytest.mark.parametrize(
    ("model", "non_default", "config"),
    [
        ("google/gemini-2.5-flash-image", {"size": "1024x1024"}, {"aspect_ratio": "1:1"}),
        ("google/gemini-2.5-flash-image", {"quality": "hd"}, {"image_size": "4K"}),
        (
            "a/b",
            {"size": "1792x1024", "quality": "medium", "n": 2},
            {"aspect_ratio": "16:9", "image_size": "2K"},
        ),
        ("a/b", {"size": "2048x2048"}, {"aspect_ratio": "1:1", "image_size": "2K"}),
        ("a/b", {"size": "16:9", "image_config": {"aspect_ratio": "1:1"}}, {"aspect_ratio": "1:1"}),
        ("a/b", {"size": "auto"}, None),
    ],
)
def test_size_and_quality_make_an_image_config_before_the_request_is_built(
    model: str, non_default: dict[str, Any], config: dict[str, str] | None
) -> None:
    mapped = OpenRouterImageGenerationConfig().map_openai_params(
        non_default, {}, model, drop_params=False
    )
    assert mapped.get("image_config") == config
    assert mapped.get("n") == non_default.get("n")


# What the images API has no field for


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"extra_body": {"messages": [{"role": "system", "content": "x"}]}}, "messages="),
        ({"messages": [{"role": "system", "content": "Be brief."}]}, "messages="),
        ({"plugins": [{"id": "web"}]}, "plugins="),
        ({"reasoning": {"effort": "low"}}, "reasoning="),
        ({"models": ["a/b"]}, "models="),
        ({"web_search_options": {"search_context_size": "low"}}, "web_search_options="),
        ({"temperature": 1}, "temperature="),
        ({"partial_images": 2}, "partial_images="),
        ({"stream": True}, "stream=True.*images.generate"),
        ({"extra_body": {"stream": True}}, "stream=True"),
    ],
    ids=str,
)
@pytest.mark.parametrize("call", [draw, draw_async], ids=["image_generation", "aimage_generation"])
def test_what_only_a_chat_can_hold_is_refused_before_it_is_sent(
    call: Callable[..., Any], wrong: dict[str, Any], said: str, emulated: Emulator
) -> None:
    with pytest.raises(litellm.BadRequestError, match=said):
        call(**wrong)
    assert not emulated.requests


def test_a_refusal_says_how_to_ask_over_chat(emulated: Emulator) -> None:
    with pytest.raises(litellm.BadRequestError, match="openrouter_image_route='chat'"):
        draw(reasoning={"effort": "low"})
    draw(reasoning={"effort": "low"}, openrouter_image_route="chat")
    assert emulated.requests[0].body["reasoning"] == {"effort": "low"}


# n


@way
@pytest.mark.parametrize(
    ("model", "number", "shares"),
    [
        (FLUX, 3, [1, 1, 1]),
        (SEEDREAM, 4, [4]),
        (SEEDREAM, 12, [10, 2]),
        (GROK, 2, [1, 1]),
        (FLUX, 1, [1]),
    ],
)
def test_more_images_than_a_model_makes_at_once_are_more_requests(
    call: Callable[..., Any], model: str, number: int, shares: list[int], emulated: Emulator
) -> None:
    response = call(model, n=number)
    sent = sorted((request.body.get("n", 1) for request in emulated.requests), reverse=True)
    assert sent == shares
    assert len(response.data) == number
    cost = sum(row.cost for row in emulated.bill())
    assert response._hidden_params["response_cost"] == pytest.approx(float(cost))


def test_the_bound_is_the_one_that_was_read(emulated: Emulator) -> None:
    image_models.describe(
        {"bytedance-seed/seedream-4.5": {"n": {"type": "range", "min": 1, "max": 3}}}
    )
    draw(SEEDREAM, n=5)
    assert sorted(request.body.get("n", 1) for request in emulated.requests) == [2, 3]


def test_one_of_several_that_fails_is_a_warning(
    emulated: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    emulated.faults.add("status=502", times=1)
    response = draw(n=3, num_retries=0)
    assert len(response.data) == 2
    assert "1 of 3 image requests failed" in caplog.text


# What OpenRouter lists for a model

LISTED = {
    "resolution": {"type": "enum", "values": ["1K", "2K"]},
    "aspect_ratio": {"type": "enum", "values": ["1:1", "16:9", "auto"]},
    "n": {"type": "range", "min": 1, "max": 1},
    "input_references": {"type": "range", "min": 1, "max": 2},
    "seed": {"type": "boolean"},
}
URL = f"data:image/png;base64,{answers.PIXEL}"


@pytest.fixture
def listed() -> str:
    image_models.learn({"a/painter": True})
    image_models.describe({"a/painter": LISTED})
    return "a/painter"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"quality": "hd"}, "resolution='4K': the model takes '1K' | '2K'"),
        ({"resolution": "512"}, "resolution='512': the model takes '1K' | '2K'"),
        ({"size": "1536x1024"}, "is 3:2, which a/painter does not make"),
        ({"aspect_ratio": "4:3"}, "aspect_ratio='4:3': the model takes '1:1' | '16:9' | 'auto'"),
        ({"input_references": []}, "input_references=0: the model takes 1 to 2"),
        ({"input_references": [URL, URL, URL]}, "input_references=3: the model takes 1 to 2"),
        ({"background": "transparent"}, "the model takes no background, but aspect_ratio, input_"),
        ({"n": 2}, "n=2: the model takes 1 to 1"),
    ],
    ids=str,
)
def test_a_request_is_held_to_what_openrouter_lists_for_its_model(
    listed: str, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(litellm.BadRequestError) as caught:
        build_body(listed, "a wren", {"input_references": [URL], **wrong}, is_automatic=True)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "fits",
    [
        {},
        {"seed": 7, "resolution": "2K", "aspect_ratio": "auto", "n": 1},
        {"size": "1792x1024", "quality": "medium"},
        # OpenRouter leaves these out for models that lack them.
        {"output_compression": 80},
    ],
    ids=str,
)
def test_what_openrouter_lists_is_sent(listed: str, fits: dict[str, Any]) -> None:
    build_body(listed, "a wren", {"input_references": [URL], **fits}, is_automatic=True)


def test_drop_params_drops_a_quality_that_the_model_does_not_take(
    listed: str, openrouter: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    openrouter.replies({"created": 1, "data": [{"b64_json": answers.PIXEL}]})
    draw(f"openrouter/{listed}", quality="hd", input_references=[URL], drop_params=True)
    assert "resolution" not in openrouter.body
    assert "quality is dropped" in caplog.text


def test_fields_of_this_release_are_not_held_against_a_request(openrouter: Loopback) -> None:
    openrouter.beyond_schema = {"quality", "resolution"}
    openrouter.replies({"created": 1, "data": [{"b64_json": answers.PIXEL}]})
    draw(SEEDREAM, quality="xhigh", background="transparent", resolution="1.5K")
    assert openrouter.body["background"] == "transparent"


@pytest.mark.parametrize("name", ["flux.2-pro", "flux.2-pro:free"])
def test_a_model_is_known_with_its_variant(name: str) -> None:
    known = image_models.find(f"openrouter/black-forest-labs/{name}")
    assert known is not None
    assert known.only_images


def test_the_route_does_not_change_while_a_request_is_prepared(openrouter: Loopback) -> None:
    """A gate may read the catalogue, and learn that the model only draws, before the request."""

    class Learning:
        def before_send(self, *_: Any) -> None:
            image_models.learn({"somebody/new-painter": True})

    from tests.support.gate import guarded

    openrouter.replies_in_turn(Reply(answers.image()))
    gate: Any = Learning()
    with guarded(gate):
        response = draw(UNKNOWN)
    assert openrouter.requests[0].path.endswith("/chat/completions")
    assert response.data[0].b64_json
