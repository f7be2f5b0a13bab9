"""`litellm.image_edit` on OpenRouter: images of every form, what is sent, what it cost."""

from __future__ import annotations

import asyncio
import base64
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter.image_edit.transformation import OpenRouterImageEditConfig
from openrouter_adapter.images import inputs as image_inputs
from tests.support import answers
from tests.support.costs import listening
from tests.support.gate import RecordingGate, guarded
from tests.support.loopback import Reply
from tests.support.sdk_schema import faults

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator
    from tests.support.loopback import Loopback

MODEL = "openrouter/google/gemini-2.5-flash-image"
PNG = base64.b64decode(answers.PIXEL)
URL = f"data:image/png;base64,{answers.PIXEL}"
PROMPT = "paint the wren blue"


def edit(**keywords: Any) -> Any:
    return litellm.image_edit(**{"model": MODEL, "image": PNG, "prompt": PROMPT, **keywords})


def edit_async(**keywords: Any) -> Any:
    call = {"model": MODEL, "image": PNG, "prompt": PROMPT, **keywords}
    return asyncio.run(litellm.aimage_edit(**call))


def edit_router(**keywords: Any) -> Any:
    deployment = {"model_name": "painter", "litellm_params": {"model": MODEL}}
    router = litellm.Router(model_list=[deployment], num_retries=0)
    call = {"model": "painter", "image": PNG, "prompt": PROMPT, **keywords}
    return asyncio.run(router.aimage_edit(**call))


WAYS = [edit, edit_async, edit_router]
way = pytest.mark.parametrize("call", WAYS, ids=["image_edit", "aimage_edit", "router"])
both = pytest.mark.parametrize("call", WAYS[:2], ids=["image_edit", "aimage_edit"])


@pytest.fixture
def answering(openrouter: Loopback) -> Loopback:
    openrouter.replies(answers.image())
    return openrouter


def sent_urls(body: dict[str, Any]) -> list[str]:
    return [part["image_url"]["url"] for part in body["messages"][0]["content"][1:]]


@way
def test_the_bill_is_on_the_response(call: Callable[..., Any], emulated: Emulator) -> None:
    response = call()
    (row,) = emulated.bill()
    assert base64.b64decode(response.data[0].b64_json).startswith(b"\x89PNG")
    assert response.data[0].provider_specific_fields["media_type"] == "image/png"
    hidden = response._hidden_params
    assert hidden["response_cost"] == float(row.cost) > 0
    assert hidden["additional_headers"]["llm_provider-x-litellm-response-cost"] == float(row.cost)
    assert hidden["openrouter"]["generation_id"] == row.generation_id
    assert response.usage.output_tokens == row.tokens_completion


@way
def test_everything_reaches_the_wire(call: Callable[..., Any], answering: Loopback) -> None:
    answering.beyond_schema |= {"newer"}
    call(
        size="1536x1024",
        quality="high",
        user="somebody",
        provider={"zdr": True},
        openrouter_session_id="session",
        extra_body={"newer": 1, "user": "other"},
        extra_headers={"X-Trace": "t"},
        metadata={"of": "litellm"},
    )
    assert answering.body == {
        "model": "google/gemini-2.5-flash-image",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": PROMPT},
                    {"type": "image_url", "image_url": {"url": URL}},
                ],
            }
        ],
        "modalities": ["image", "text"],
        "usage": {"include": True},
        "image_config": {"aspect_ratio": "3:2", "image_size": "4K"},
        "user": "somebody",
        "provider": {"zdr": True},
        "session_id": "session",
        "newer": 1,
    }
    assert answering.requests[0].path == "/api/v1/chat/completions"
    assert answering.headers["x-trace"] == "t"
    assert answering.headers["authorization"].startswith("Bearer sk-or-")


def test_the_callers_image_config_wins(answering: Loopback) -> None:
    edit(size="16:9", quality="hd", image_config={"image_size": "1K"})
    assert answering.body["image_config"] == {"aspect_ratio": "16:9", "image_size": "1K"}


@both
def test_images_of_every_form_in_their_order(
    call: Callable[..., Any], answering: Loopback, tmp_path: Path
) -> None:
    path = tmp_path / "wren.png"
    path.write_bytes(PNG)
    with path.open("rb") as opened:
        given = [
            URL,
            "https://host.example/wren.webp?size=1",
            PNG,
            bytearray(PNG),
            opened,
            io.BytesIO(PNG),
            path,
            ("wren.png", PNG),
        ]
        call(image=given)
    assert sent_urls(answering.body) == [URL, given[1], *[URL] * 6]
    assert faults("/chat/completions", answering.body) == []


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF....WEBPVP8 ", "image/webp"),
        (b"GIF89a", "image/gif"),
        (("drawing.svg", b"<svg/>"), "image/svg+xml"),
        (("drawing", b"?", "image/avif"), "image/avif"),
    ],
)
def test_the_kind_is_told_by_the_bytes_or_the_name(image: Any, kind: str) -> None:
    assert image_inputs.to_urls(image)[0].startswith(f"data:{kind};base64,")


def test_a_file_can_be_read_again(answering: Loopback) -> None:
    opened = io.BytesIO(PNG)
    edit(image=opened)
    edit(image=opened)
    assert [sent_urls(request.body) for request in answering.requests] == [[URL]] * 2


@way
def test_n_images_are_n_requests_added_up(call: Callable[..., Any], emulated: Emulator) -> None:
    response = call(n=3)
    rows = emulated.bill()
    assert len(response.data) == len(rows) == 3
    hidden = response._hidden_params
    total = sum((row.cost for row in rows), Decimal(0))
    assert hidden["response_cost"] == float(total)
    assert hidden["additional_headers"]["llm_provider-x-litellm-response-cost"] == float(total)
    ids = hidden["openrouter"]["generation_ids"]
    assert sorted(ids) == sorted(row.generation_id for row in rows)


@both
def test_urls_where_they_are_asked_for(call: Callable[..., Any], answering: Loopback) -> None:
    response = call(response_format="url")
    assert (response.data[0].url, response.data[0].b64_json) == (URL, None)
    assert "response_format" not in answering.body


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mask": "data:image/png;base64,AAAA"}, "mask=.*not supported by OpenRouter: the models"),
        ({"input_fidelity": "high"}, "input_fidelity='high' is not supported.*prompt"),
        ({"background": "opaque"}, "background='opaque' is not supported.*prompt"),
        ({"size": "3000x1000"}, "size='3000x1000' is 3:1"),
        ({"quality": "ultra"}, "quality='ultra' is invalid"),
        ({"image": []}, r"image=\[\]: give a data: or http"),
        ({"image": None}, r"image=\[\]: give a data: or http"),
        ({"image": [PNG, "wren.png"]}, r"image\[1\]='wren.png': give"),
        ({"image": [b""]}, r"image\[0\] is empty"),
        ({"image": b"text"}, r"image\[0\] can't be recognized as an image"),
        ({"image": 3}, r"image\[0\]=3: give"),
        ({"prompt": " "}, "prompt=' ': say what to change"),
        ({"n": 0}, "n=0: give a whole number from 1"),
        ({"provider": 3}, "provider: must be an object"),
    ],
    ids=lambda value: str(value)[:40],
)
@both
def test_what_is_wrong_is_not_sent(
    call: Callable[..., Any], wrong: dict[str, Any], said: str, answering: Loopback
) -> None:
    with pytest.raises(litellm.BadRequestError, match=said):
        call(**wrong)
    assert not answering.requests


def test_a_path_that_is_not_there(answering: Loopback, tmp_path: Path) -> None:
    with pytest.raises(litellm.BadRequestError, match="No such file"):
        edit(image=tmp_path / "none.png")
    assert not answering.requests


def test_drop_params_drops_what_is_not_supported(
    answering: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    edit(mask="data:,x", size="3000x1000", drop_params=True)
    assert "image_config" not in answering.body
    assert "mask is dropped" in caplog.text
    assert "size is dropped" in caplog.text


@pytest.mark.parametrize(
    ("answer", "status", "raised"),
    [
        ({"error": {"code": 402, "message": "x"}}, 200, litellm.exceptions.PaymentRequiredError),
        ({"error": {"code": 404, "message": "gone"}}, 404, litellm.NotFoundError),
        (answers.completion("I would rather not."), 200, litellm.UnprocessableEntityError),
        ({"choices": None}, 200, litellm.ServiceUnavailableError),
        (b"", 200, litellm.ServiceUnavailableError),
        (b"<html>Bad gateway</html>", 502, litellm.BadGatewayError),
    ],
    ids=["error in 200", "404", "words only", "null choices", "empty", "html"],
)
@both
def test_a_failure_is_litellms_exception(
    call: Callable[..., Any], answer: Any, status: int, raised: type, openrouter: Loopback
) -> None:
    openrouter.replies(answer, status)
    with pytest.raises(raised) as caught:
        call(num_retries=0)
    assert type(caught.value) is raised


def test_words_instead_of_an_image_say_what_they_cost(openrouter: Loopback) -> None:
    openrouter.replies(answers.completion("I would rather not."))
    with pytest.raises(litellm.UnprocessableEntityError, match="I would rather not") as caught:
        edit()
    assert caught.value.openrouter["cost"] == answers.COST


def test_an_authorization_header_will_do(
    answering: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    edit(extra_headers={"Authorization": "Bearer sk-or-mine"})
    assert answering.headers["authorization"] == "Bearer sk-or-mine"


@way
def test_the_gate_is_asked_and_settled_once_a_request(
    call: Callable[..., Any], answering: Loopback
) -> None:
    with guarded(RecordingGate()) as gate:
        call(n=2)
        answering.replies_in_turn(
            Reply({"error": {"code": 404, "message": "gone"}}, 404), Reply(answers.completion("no"))
        )
        with pytest.raises(litellm.NotFoundError):
            call(num_retries=0)
        with pytest.raises(litellm.UnprocessableEntityError):
            call(num_retries=0)
    costs = [bill and bill.cost and float(bill.cost) for bill in gate.bills]
    assert costs == [answers.COST, answers.COST, None, answers.COST]
    assert gate.asked[0][0] == answering.requests[0].body


SEEDREAM = "openrouter/bytedance-seed/seedream-4.5"
REFERENCES = [{"type": "image_url", "image_url": {"url": URL}}]


def edit_deployment(**keywords: Any) -> Any:
    """Ask a deployment of the model that the call names."""
    deployment = {"model_name": "painter", "litellm_params": {"model": keywords.pop("model")}}
    router = litellm.Router(model_list=[deployment], num_retries=0)
    call = {"model": "painter", "image": PNG, "prompt": PROMPT, **keywords}
    return asyncio.run(router.aimage_edit(**call))


every_way = pytest.mark.parametrize(
    "call", [edit, edit_async, edit_deployment], ids=["image_edit", "aimage_edit", "router"]
)


@every_way
def test_a_model_that_only_draws_gets_the_images_as_references(
    call: Callable[..., Any], emulated: Emulator
) -> None:
    response = call(
        model=SEEDREAM,
        size="2048x2048",
        quality="high",
        seed=7,
        user="somebody",
        provider={"only": ["seed"]},
        extra_body={"trace": {"trace_name": "t"}},
    )
    (row,) = emulated.bill()
    (request,) = emulated.requests
    assert request.path == row.endpoint == "/images"
    assert request.body == {
        "model": "bytedance-seed/seedream-4.5",
        "prompt": PROMPT,
        "input_references": REFERENCES,
        "aspect_ratio": "1:1",
        "resolution": "2K",
        "seed": 7,
        "user": "somebody",
        "provider": {"only": ["seed"]},
        "trace": {"trace_name": "t"},
    }
    assert faults("/images", request.body) == []
    assert response.data[0].b64_json
    assert response._hidden_params["response_cost"] == float(row.cost) == 0.04


@every_way
def test_more_images_than_the_model_makes_at_once(
    call: Callable[..., Any], emulated: Emulator
) -> None:
    response = call(model=SEEDREAM, n=12)
    assert sorted(request.body.get("n", 1) for request in emulated.requests) == [2, 10]
    assert len(response.data) == 12
    assert response._hidden_params["response_cost"] == pytest.approx(0.48)


@every_way
@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"model": SEEDREAM, "modalities": ["image"]}, "/chat/completions"),
        ({"model": SEEDREAM, "openrouter_image_route": "chat"}, "/chat/completions"),
        ({"model": MODEL}, "/chat/completions"),
        ({"model": MODEL, "openrouter_image_route": "images"}, "/images"),
        ({"model": MODEL, "image_route": "images"}, "/images"),
    ],
    ids=str,
)
def test_what_the_caller_says_of_the_route_wins(
    call: Callable[..., Any], given: dict[str, Any], path: str, emulated: Emulator
) -> None:
    call(**given)
    (request,) = emulated.requests
    assert request.path == path
    if given["model"] == SEEDREAM:
        assert request.body["modalities"] == ["image"]
        assert not {"image_route", "openrouter_image_route"} & request.body.keys()


def test_fields_of_the_images_api(emulated: Emulator) -> None:
    edit(
        model="openrouter/openai/gpt-image-1-mini",
        background="transparent",
        output_compression=80,
        openrouter_aspect_ratio="3:2",
    )
    sent = {"background": "transparent", "output_compression": 80, "aspect_ratio": "3:2"}
    assert emulated.requests[0].body.items() >= sent.items()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mask": "data:,x"}, "mask=.*not supported by OpenRouter"),
        ({"reasoning": {"effort": "low"}}, "reasoning=.*openrouter_image_route='chat'"),
        ({"extra_body": {"messages": []}}, "messages="),
        ({"prompt": ""}, "say what to change"),
        ({"size": "3000x1000"}, "is 3:1"),
    ],
    ids=str,
)
@both
def test_what_the_images_api_can_not_take_is_not_sent(
    call: Callable[..., Any], wrong: dict[str, Any], said: str, emulated: Emulator
) -> None:
    with pytest.raises(litellm.BadRequestError, match=said):
        call(model=SEEDREAM, **wrong)
    assert not emulated.requests


@both
def test_the_404_of_an_unknown_model_names_the_other_route(
    call: Callable[..., Any], openrouter: Loopback
) -> None:
    openrouter.replies({"error": {"code": 404, "message": "No endpoints found."}}, 404)
    with pytest.raises(litellm.NotFoundError, match='openrouter_image_route="images"'):
        call(model="openrouter/somebody/new-painter", num_retries=0)


def test_litellms_own_name_of_the_class_is_ours() -> None:
    from litellm.llms.openrouter import image_edit
    from litellm.llms.openrouter.image_edit import transformation

    before = image_edit.OpenRouterImageEditConfig
    with openrouter_adapter.registered():
        for module in (image_edit, transformation):
            assert module.OpenRouterImageEditConfig is OpenRouterImageEditConfig
        assert type(image_edit.get_openrouter_image_edit_config("a/b")) is OpenRouterImageEditConfig
    assert image_edit.OpenRouterImageEditConfig is before


@pytest.mark.parametrize(
    ("model", "given", "config"),
    [
        (
            "a/b",
            {"size": "1536x1024", "quality": "hd"},
            {"aspect_ratio": "3:2", "image_size": "4K"},
        ),
        ("a/b", {"size": "auto"}, None),
        ("bytedance-seed/seedream-4.5", {"quality": "medium"}, {"image_size": "2K"}),
        ("black-forest-labs/flux.2-pro", {"quality": "medium"}, None),
    ],
)
def test_size_and_quality_make_an_image_config_before_the_request_is_built(
    model: str, given: dict[str, Any], config: dict[str, str] | None
) -> None:
    mapped = OpenRouterImageEditConfig().map_openai_params(given, model, drop_params=False)
    assert mapped.get("image_config") == config


async def test_callbacks_hear_the_billed_cost(emulated: Emulator) -> None:
    with listening() as costs:
        await litellm.aimage_edit(
            model=MODEL, image=PNG, prompt=PROMPT, litellm_call_id="test-edit"
        )
        assert await costs.of("test-edit") == float(emulated.bill()[0].cost)


def test_unregister_puts_litellms_own_back() -> None:
    from litellm.utils import ProviderConfigManager

    def module() -> str:
        config = ProviderConfigManager.get_provider_image_edit_config(
            "a/b", litellm.LlmProviders.OPENROUTER
        )
        return type(config).__module__

    before = module()
    with openrouter_adapter.registered():
        assert module() == "openrouter_adapter.image_edit.transformation"
    assert module() == before
    assert before.startswith("litellm.")
