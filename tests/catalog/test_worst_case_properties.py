"""Worst cases of requests that nobody thought of: any JSON, and any mix of known options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openrouter_adapter import catalog as package
from openrouter_adapter.catalog.estimates.kinds import KINDS
from openrouter_adapter.emulator import Emulator, images_api
from openrouter_adapter.emulator import models as emulated_models
from openrouter_adapter.emulator.catalog import models as emulated

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOG = package.Catalog(
    emulated_models.listing()["data"],
    endpoints={
        model.id: emulated_models.endpoints_object(model)["data"]["endpoints"]
        for model in emulated()
        if model.listed
    },
    image_endpoints={
        model.id: images_api.endpoints_object(model)["endpoints"]
        for model in emulated()
        if model.image_api
    },
)
CHATS = [model.id for model in CATALOG if model.mode in {"chat", "image_generation"}]
NAMES = st.sampled_from([*(model.id for model in CATALOG), "openrouter/auto", "a/b:online", ""])
WORDS = """
type text content role image_url file file_data input_audio data function parameters name id
engine max_results max_uses pdf cache_control ttl tool_calls output effort mode enabled
max_cost_in_dollars max_price prompt completion only order ignore
"""
VALUES = """
image_url input_image file input_audio video_url text web file-parser exa native max_cost
openrouter:web_search 1h data:application/pdf;base64,AAAA
"""
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(VALUES.split())
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS.split()), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = """
messages models max_tokens max_completion_tokens n best_of provider plugins tools service_tier
speed reasoning reasoning_effort response_format prediction prompt suffix input instructions
documents query modalities stop_server_tools_when web_search_options cache_control
prompt_cache_options preset extra_body body functions text input_references previous_response_id
"""


@settings(max_examples=400, deadline=None)
@given(
    NAMES,
    st.dictionaries(st.sampled_from(FIELDS.split()), JSON, max_size=5),
    st.sampled_from(list(KINDS)),
)
def test_any_body_has_an_estimate_or_a_reason(
    model: str, fields: dict[str, Any], path: str
) -> None:
    found = package.estimate({"model": model, **fields}, path, CATALOG)
    is_known = found.likely is not None and found.worst is not None
    assert is_known is (found.unknown_because is None)
    if found.likely is not None and found.worst is not None:
        assert 0 <= found.likely <= found.worst


@pytest.fixture(scope="module")
def client() -> Iterator[tuple[Emulator, httpx.Client]]:
    with (
        Emulator() as emulator,
        httpx.Client(
            base_url=emulator.base_url, headers={"Authorization": f"Bearer {emulator.api_key}"}
        ) as opened,
    ):
        yield emulator, opened


PDF = "data:application/pdf;base64,JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvUGFnZT4+ZW5kb2JqCiUlRU9G"
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
PARTS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, st.text(min_size=1, max_size=300)),
    st.builds(
        lambda text, ttl: {
            "type": "text",
            "text": text * 20,
            "cache_control": {"type": "ephemeral", "ttl": ttl},
        },
        st.text(min_size=1, max_size=300),
        st.sampled_from(["5m", "1h"]),
    ),
    st.just(IMAGE),
    st.just({"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}}),
)
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "max_tokens": st.integers(1, 400),
        "tools": st.just([TOOL]),
        "reasoning": st.sampled_from(
            [{"effort": "high"}, {"max_tokens": 1500}, {"enabled": False}]
        ),
        "plugins": st.lists(
            st.sampled_from(
                [
                    {"id": "web", "engine": "exa", "max_results": 7},
                    {"id": "web"},
                    {"id": "web", "engine": "native"},
                    {"id": "file-parser", "pdf": {"engine": "mistral-ocr"}},
                ]
            ),
            max_size=2,
            unique_by=lambda plugin: plugin["id"],
        ),
        "models": st.lists(st.sampled_from(CHATS), max_size=2),
        "provider": st.sampled_from([{"sort": "price"}, {"sort": "throughput"}]),
    },
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(CHATS),
    st.lists(PARTS, min_size=1, max_size=3),
    OPTIONS,
    st.sampled_from(["", ":online"]),
)
def test_no_bill_of_the_emulator_is_above_the_worst_case(
    client: tuple[Emulator, httpx.Client],
    model: str,
    parts: list[dict[str, Any]],
    options: dict[str, Any],
    variant: str,
) -> None:
    emulator, http = client
    messages = [{"role": "user", "content": parts}]
    request = {"model": f"{model}{variant}", "messages": messages, **options}
    before = len(emulator.bill())
    try:
        http.post("/chat/completions", json=request)
    except UnicodeEncodeError:
        return
    found = package.estimate(request, catalog=CATALOG)
    for row in emulator.bill()[before:]:
        assert found.worst is not None
        assert found.worst >= row.cost
