"""The same request gives the same key paths as OpenRouter gave, by its recorded answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Client

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason=f"the recorded traffic is not at {RECORDED}"
)

# OpenRouter added these over 2025 and 2026: older recordings lack them, the emulator has them.
ADDED_SINCE = frozenset(
    {
        ".service_tier",
        ".system_fingerprint",
        ".usage.cost",
        ".usage.is_byok",
        ".usage.cost_details",
        ".usage.cost_details.upstream_inference_cost",
        ".usage.cost_details.upstream_inference_prompt_cost",
        ".usage.cost_details.upstream_inference_completions_cost",
        ".usage.prompt_tokens_details",
        ".usage.prompt_tokens_details.cached_tokens",
        ".usage.prompt_tokens_details.cache_write_tokens",
        ".usage.prompt_tokens_details.audio_tokens",
        ".usage.prompt_tokens_details.video_tokens",
        ".usage.completion_tokens_details",
        ".usage.completion_tokens_details.reasoning_tokens",
        ".usage.completion_tokens_details.image_tokens",
        ".usage.completion_tokens_details.audio_tokens",
    }
)
TOOL_CALLS = ".choices[].message.tool_calls"
DETAILS = ".choices[].message.reasoning_details[]"
# What the recorded model did of its own accord, or OpenRouter once did and no longer does.
OF_ITS_TIME: dict[str, tuple[str, ...]] = {
    # An empty list, on one provider in early 2026.
    "openrouter_video_url_public_api": (".choices[].message.annotations",),
    # The model thought without a summary.
    "openrouter_cache_point_unsupported_provider_e2e": (f"{DETAILS}.summary",),
    # The tool's optional argument was left out, and `arguments` with it.
    "openrouter_tool_optional_parameters": (f"{TOOL_CALLS}[].function.arguments",),
    # The model did the sum by itself, with a calculator at hand.
    "openrouter_cache_all_settings_real_api--2": (TOOL_CALLS,),
}
# Streams of 2025 had more in each chunk, and an error after the limit was reached.
OLDER_STREAMS = frozenset(
    {
        ".choices[].logprobs",
        ".choices[].delta.reasoning",
        ".error",
        ".error.code",
        ".error.message",
    }
)


def key_paths(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield f"{path}.{name}"
            yield from key_paths(below, f"{path}.{name}")
    elif isinstance(value, list):
        for below in value:
            yield from key_paths(below, f"{path}[]")


def recordings(kind: str) -> list[Path]:
    return sorted((RECORDED / kind).glob("*.json"))


def exchange(path: Path) -> tuple[dict[str, Any], Any]:
    recorded = json.loads(path.read_text())
    return recorded["request"]["body"], recorded["response"]["body"]


def differences(name: str, recorded: set[str], ours: set[str]) -> set[str]:
    excused = [path for part, paths in OF_ITS_TIME.items() if part in name for path in paths]
    return {
        path
        for path in recorded ^ ours
        if not (path in ADDED_SINCE and path not in recorded)
        and not any(path.startswith(excuse) for excuse in excused)
    }


@pytest.fixture
def replay(emulate: Callable[..., Client]) -> Client:
    # The recorded signatures are Anthropic's, which only Anthropic can check.
    return emulate(check_signatures=False)


@pytest.mark.parametrize("path", recordings("chat-completions"), ids=lambda path: path.stem)
def test_chat_answers_have_the_recorded_key_paths(path: Path, replay: Client) -> None:
    request, answer = exchange(path)
    reply = replay.send("POST", "/chat/completions", request)
    assert reply.status == 200, reply.text
    assert not differences(path.stem, set(key_paths(answer)), set(key_paths(reply.json)))


@pytest.mark.parametrize("path", recordings("chat-completions-stream"), ids=lambda path: path.stem)
def test_streams_have_the_recorded_key_paths(path: Path, replay: Client) -> None:
    request, events = exchange(path)
    reply = replay.send("POST", "/chat/completions", request)
    recorded = {
        found
        for line in events.split("\n")
        if line.startswith("data: {")
        for found in key_paths(json.loads(line[6:]))
    }
    ours = {found for chunk in reply.chunks for found in key_paths(chunk)}
    assert events.startswith(": OPENROUTER PROCESSING\n\n")
    assert reply.text.startswith(": OPENROUTER PROCESSING\n\n")
    assert reply.text.endswith("data: [DONE]\n\n")
    assert not differences(path.stem, recorded, ours) - OLDER_STREAMS


@pytest.mark.parametrize("path", recordings("embeddings"), ids=lambda path: path.stem)
def test_embeddings_have_the_recorded_key_paths(path: Path, replay: Client) -> None:
    request, answer = exchange(path)
    reply = replay.send("POST", "/embeddings", request)
    assert set(key_paths(reply.json)) == set(key_paths(answer))
    # Their prices and token counts are the recorded ones too.
    assert reply.json["usage"] == answer["usage"]
    assert reply.json["model"] == answer["model"]


@pytest.mark.parametrize("path", recordings("models"), ids=lambda path: path.stem)
def test_models_have_the_recorded_key_paths_and_prices(path: Path, replay: Client) -> None:
    _, answer = exchange(path)
    whole = replay.get("/models").json
    assert set(whole) == set(answer)
    ours = {model["id"]: model for model in whole["data"]}
    for model in answer["data"]:
        # Rankings by others; OpenRouter leaves them out where it has none.
        del model["benchmarks"]
        assert set(key_paths(ours[model["id"]])) == set(key_paths(model)), model["id"]
        assert ours[model["id"]]["pricing"] == model["pricing"]


@pytest.mark.parametrize("path", recordings("chat-completions-errors"), ids=lambda path: path.stem)
def test_errors_have_the_recorded_key_paths(path: Path, emulate: Callable[..., Client]) -> None:
    request, answer = exchange(path)
    if "auth_error" in path.stem:
        reply = emulate(api_key=None).send(
            "POST", "/chat/completions", request, Authorization="Bearer "
        )
    elif "context_length" in path.stem:
        request["messages"] = [{"role": "user", "content": "one two three " * 80_000}]
        reply = emulate().send("POST", "/chat/completions", request)
    else:
        reply = emulate().send("POST", "/chat/completions", request, x_emulator_fault="status=429")
    assert reply.status == answer["error"]["code"]
    assert set(key_paths(reply.json)) == set(key_paths(answer))
