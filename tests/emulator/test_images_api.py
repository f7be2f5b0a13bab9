"""The images API: what its models take, what OpenRouter refuses, and streams."""

from __future__ import annotations

import base64
from decimal import Decimal
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Client, Reply

pytest.importorskip("openrouter")

FLUX = "black-forest-labs/flux.2-pro"
SEEDREAM = "bytedance-seed/seedream-4.5"
GPT = "openai/gpt-image-1-mini"
VECTOR = "recraft/recraft-v4.1-vector"
STYLES = "recraft/recraft-v4-styles"
REFERENCE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def draw(client: Client, model: str = SEEDREAM, **fields: Any) -> Reply:
    return client.send("POST", "/images", {"model": model, "prompt": "a wren", **fields})


def test_text_is_not_asked_of_a_model_that_only_draws(client: Client) -> None:
    for model in (FLUX, SEEDREAM, GPT):
        reply = client.chat(model=model, modalities=["image", "text"])
        assert reply.status == 404
        said = reply.json["error"]["message"]
        assert said.startswith(
            "No endpoints found that support the requested output modalities: image, text"
        )
        assert client.chat(model=model, modalities=["image"]).status == 200


def test_the_sdk_lists_the_models_and_what_they_take(sdk: Any) -> None:
    listed = {model.id: model for model in sdk.images.list_models().data}
    assert {FLUX, SEEDREAM, GPT, "google/gemini-2.5-flash-image"} <= listed.keys()
    assert listed[SEEDREAM].architecture.output_modalities == ["image"]
    assert listed[SEEDREAM].supported_parameters["resolution"].values == ["1K", "2K", "4K"]
    assert listed[SEEDREAM].supported_parameters["n"].max == 10
    assert listed[SEEDREAM].supported_parameters["seed"].type == "boolean"
    assert [listed[name].supports_streaming for name in (GPT, FLUX)] == [True, False]


def test_the_sdk_lists_a_models_providers_and_prices(sdk: Any) -> None:
    found = sdk.images.list_model_endpoints(author="x-ai", slug="grok-imagine-image-2.0")
    (endpoint,) = found.endpoints
    assert endpoint.provider_tag == "xai"
    tiers = {line.variant: line.cost_usd for line in endpoint.pricing}
    assert tiers["medium_2k"] == 0.08
    nobody = sdk.images.list_model_endpoints(author="openai", slug="gpt-4o")
    assert nobody.endpoints == []


@pytest.mark.parametrize(
    ("model", "fields", "cost"),
    [
        (FLUX, {}, "0.03"),
        (SEEDREAM, {"n": 3, "resolution": "4K"}, "0.12"),
        ("x-ai/grok-imagine-image-2.0", {"resolution": "2K", "quality": "medium"}, "0.08"),
        ("x-ai/grok-imagine-image-2.0", {"input_references": [REFERENCE]}, "0.05"),
        ("sourceful/riverflow-v2.5-pro", {"size": "4k"}, "0.17"),
        ("sourceful/riverflow-v2.5-pro", {"size": "1024x1024"}, "0.13"),
        (STYLES, {"input_references": [REFERENCE, REFERENCE]}, "0.04"),
    ],
)
def test_images_cost_by_the_lines_that_are_listed(
    model: str, fields: dict[str, Any], cost: str, client: Client
) -> None:
    reply = draw(client, model, **fields)
    assert reply.status == 200, reply.text
    assert client.emulator.bill()[0].cost == Decimal(cost)
    assert reply.json["usage"]["cost"] == float(cost)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"n": 11}, "n: Invalid input"),
        ({"resolution": "3K"}, "resolution: Invalid option"),
        ({"aspect_ratio": "3:1"}, "aspect_ratio: Invalid option"),
        ({"quality": "ultra"}, "quality: Invalid option"),
        ({"size": "big"}, "size: Invalid input"),
        ({"size": "0x10"}, "size: Invalid input"),
        ({"size": "1024x1024", "aspect_ratio": "16:9"}, "size: 1024x1024 contradicts aspect_ratio"),
        ({"size": "1024x1024", "resolution": "4K"}, "size: 1024x1024 contradicts resolution 4K"),
        ({"size": "2K", "resolution": "4K"}, "size: 2K contradicts resolution 4K"),
        ({"input_references": [REFERENCE] * 17}, "input_references: Too big"),
        # What the model itself does not take.
        ({"resolution": "512"}, f"No provider of {SEEDREAM} supports resolution: 512"),
        ({"size": "1.5K"}, f"No provider of {SEEDREAM} supports resolution: 1.5K"),
        ({"aspect_ratio": "1:8"}, f"No provider of {SEEDREAM} supports aspect_ratio: 1:8"),
        ({"background": "opaque"}, f"No provider of {SEEDREAM} supports background: opaque"),
        ({"input_references": [REFERENCE] * 15}, f"No provider of {SEEDREAM} supports input_refer"),
        ({"model": FLUX, "n": 2}, f"No provider of {FLUX} supports n: 2"),
        ({"model": STYLES}, f"No provider of {STYLES} supports input_references: 0"),
    ],
    ids=str,
)
def test_what_openrouter_refuses(fields: dict[str, Any], said: str, client: Client) -> None:
    reply = draw(client, **fields)
    assert reply.status == 400
    assert reply.json["error"]["message"].startswith(said)
    assert not client.emulator.bill()


@pytest.mark.parametrize(
    "fields",
    [
        {"size": "2048x2048", "aspect_ratio": "1:1", "resolution": "2K"},
        {"size": "1344x768", "aspect_ratio": "16:9"},
        {"size": "2K", "aspect_ratio": "21:9"},
        {"aspect_ratio": "auto", "quality": "high", "output_compression": 80},
    ],
    ids=str,
)
def test_what_openrouter_takes(fields: dict[str, Any], client: Client) -> None:
    assert draw(client, **fields).status == 200


def test_a_stream_has_previews_and_then_the_image(sdk: Any, emulator: Emulator) -> None:
    with sdk.images.generate(model=GPT, prompt="a wren", stream=True) as stream:
        events = list(stream)
    assert [event.type for event in events] == [
        *["image_generation.partial_image"] * 2,
        "image_generation.completed",
    ]
    assert [event.partial_image_index for event in events[:2]] == [0, 1]
    assert base64.b64decode(events[-1].b64_json).startswith(b"\x89PNG")
    (row,) = emulator.bill()
    assert events[-1].usage.cost == float(row.cost) > 0
    assert row.streamed


def test_a_vector_image_is_streamed_as_text(sdk: Any) -> None:
    with sdk.images.generate(model=VECTOR, prompt="a wren", stream=True) as stream:
        *pieces, completed = stream
    text = "".join(piece.text for piece in pieces)
    assert {piece.type for piece in pieces} == {"image_generation.text_chunk"}
    assert text == base64.b64decode(completed.b64_json).decode()
    assert completed.media_type == "image/svg+xml"


def test_a_model_without_a_stream_answers_whole(client: Client) -> None:
    assert draw(client, SEEDREAM, stream=True).json["data"]


def test_a_stream_ends_with_done(client: Client) -> None:
    assert draw(client, GPT, stream=True).text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("fault", ["error-chunk=502", "no-finish", "cut=200"])
def test_a_stream_that_fails_costs_nothing(fault: str, client: Client) -> None:
    client.headers["X-Emulator-Fault"] = fault
    try:
        text = draw(client, GPT, stream=True).text
    except (OSError, HTTPException):  # cut
        text = ""
    assert "completed" not in text
    assert ('"type":"error"' in text) == fault.startswith("error")
    (row,) = client.emulator.bill()
    assert (row.cost, row.upstream_cost) == (0, 0)
