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
from openrouter_adapter import image_inputs
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
        ({"size": "2000x1000"}, "size='2000x1000' is 2:1"),
        ({"quality": "ultra"}, "quality='ultra' is not understood"),
        ({"image": []}, r"image=\[\]: give a data: or http"),
        ({"image": None}, r"image=\[\]: give a data: or http"),
        ({"image": [PNG, "wren.png"]}, r"image\[1\]='wren.png': give"),
        ({"image": [b""]}, r"image\[0\] is empty"),
        ({"image": b"text"}, r"image\[0\] is no image that can be told"),
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
    edit(mask="data:,x", size="2000x1000", drop_params=True)
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


def test_no_key_is_said_before_anything_is_sent(
    answering: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    with pytest.raises(litellm.AuthenticationError, match="OPENROUTER_API_KEY"):
        edit()
    assert not answering.requests


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
