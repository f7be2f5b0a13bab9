"""Every value that the four systems' documents name is on the wire as it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter import OpenRouterChatConfig, api
from openrouter_adapter.options import OPENROUTER_FIELDS
from tests.support.calls import ask, draw
from tests.support.named_values import (
    BETAS,
    CHAT,
    IMAGES,
    LISTS,
    MODEL_FIELDS,
    MODELS,
    QUALITIES,
    RECORDINGS,
    SIZES,
    SUPPORTED_PARAMETERS,
    VIDEOS,
)

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator
    from tests.support.loopback import Loopback

# What a field needs besides it to make a body that OpenRouter's schema takes.
SCHEMA = {"name": "bird", "schema": {"type": "object"}}
TOOL = {"type": "function", "function": {"name": "search_database", "parameters": {}}}


def keyword(field: str, value: Any) -> dict[str, Any]:
    """Return the keyword of a call that says one thing: `field` is its place in the body."""
    name, *path = field.split(".")
    given: Any = [value] if field in LISTS else value
    if name == "plugins" and path == ["id"]:
        return {"plugins": [{"id": value}]}
    for key in reversed(path):
        given = {key: given}
    if name == "plugins":
        plugin = "file-parser" if path[0] == "pdf" else "web"
        return {"plugins": [{"id": plugin, **given}]}
    if name == "response_format":
        strict = given.get("json_schema", {})
        return {name: {"type": "json_schema", "json_schema": {**SCHEMA, **strict}}}
    return {name: given, **({"tools": [TOOL]} if "tool" in name else {})}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in CHAT.items() for value in values]
)
def test_a_value_reaches_the_wire(openrouter: Loopback, field: str, value: Any) -> None:
    keywords = keyword(field, value)
    ask(**keywords)

    assert {name: openrouter.body[name] for name in keywords} == keywords


@pytest.mark.parametrize("prefix", ["", "openrouter_"])
def test_all_known_providers_at_once(openrouter: Loopback, prefix: str) -> None:
    every = list(CHAT["provider.order"])
    ask(**{f"{prefix}provider": {"order": every}})

    assert openrouter.body["provider"] == {"order": every}


@pytest.mark.parametrize("model", MODELS)
def test_a_models_name_reaches_the_wire(openrouter: Loopback, model: str) -> None:
    ask(model=f"openrouter/{model}")

    assert openrouter.body["model"] == model


def part_sent(openrouter: Loopback, part: dict[str, Any]) -> Any:
    ask(messages=[{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}])
    text, sent = openrouter.body["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is it?"}
    return sent


@pytest.mark.parametrize(
    "url", [*(f"data:{kind};base64,aGk=" for kind in IMAGES), "https://example.com/image.jpg"]
)
def test_an_image_reaches_the_wire(openrouter: Loopback, url: str) -> None:
    part = {"type": "image_url", "image_url": {"url": url}}
    assert part_sent(openrouter, part) == part


@pytest.mark.parametrize(
    "url",
    [*(f"data:{kind};base64,aGk=" for kind in VIDEOS), "https://www.youtube.com/watch?v=x"],
)
def test_a_video_reaches_the_wire(openrouter: Loopback, url: str) -> None:
    part = {"type": "video_url", "video_url": {"url": url}}
    assert part_sent(openrouter, part) == part


@pytest.mark.parametrize("kind", RECORDINGS)
def test_a_recording_reaches_the_wire(openrouter: Loopback, kind: str) -> None:
    part = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": kind}}
    assert part_sent(openrouter, part) == part


@pytest.mark.parametrize("data", ["data:application/pdf;base64,aGk=", "https://bitcoin.org/a.pdf"])
def test_a_pdf_reaches_the_wire(openrouter: Loopback, data: str) -> None:
    part = {"type": "file", "file": {"filename": "a.pdf", "file_data": data}}
    assert part_sent(openrouter, part) == part


def test_all_kinds_of_parts_go_in_one_request(openrouter: Loopback) -> None:
    parts = [
        {"type": "text", "text": "Compare them."},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "https://bitcoin.org/a.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
        {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,aGk="}},
    ]
    ask(messages=[{"role": "user", "content": parts}])

    assert openrouter.body["messages"][0]["content"] == parts


@pytest.mark.parametrize("beta", BETAS)
def test_anthropics_beta_header_reaches_the_wire(openrouter: Loopback, beta: str) -> None:
    ask(
        model="openrouter/anthropic/claude-sonnet-4.5",
        extra_headers={"x-anthropic-beta": beta},
    )

    assert openrouter.headers["x-anthropic-beta"] == beta


@pytest.mark.parametrize("size", SIZES)
def test_a_size_of_litellms_table_is_its_ratio(openrouter: Loopback, size: str) -> None:
    draw(size=size)

    assert openrouter.body["image_config"] == {"aspect_ratio": SIZES[size]}


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_quality_of_litellms_table_is_its_tier(openrouter: Loopback, quality: str) -> None:
    draw(quality=quality)

    assert openrouter.body["image_config"] == {"image_size": QUALITIES[quality]}


def test_every_parameter_that_a_model_may_list_is_one_that_a_chat_takes() -> None:
    openais = OpenRouterChatConfig().get_supported_openai_params("openai/gpt-4o-mini")
    assert OPENROUTER_FIELDS | set(openais) >= set(SUPPORTED_PARAMETERS)


def test_a_models_row_has_every_documented_field(emulated: Emulator) -> None:
    rows = api.get_models(base_url=emulated.base_url).rows
    assert rows
    for row in rows:
        for name, fields in MODEL_FIELDS.items():
            held = row[name] if name else row
            assert held.keys() >= set(fields), row["id"]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_responses_settings_reach_the_wire(emulated: Emulator, streamed: bool) -> None:
    given: dict[str, Any] = {
        "input": [{"role": "user", "content": "Calculate 25 * 47"}],
        "service_tier": "auto",
        "reasoning": {"summary": "auto", "enabled": True},
        "tools": [{"type": "function", "name": "calculator", "parameters": {"type": "object"}}],
        "temperature": 0.5,
    }
    answer: Any = litellm.responses(model="openrouter/openai/gpt-5-mini", stream=streamed, **given)
    if streamed:
        assert list(answer)

    body = emulated.requests[-1].body
    assert {name: body[name] for name in given} == given
    assert emulated.requests[-1].path.endswith("/responses")
