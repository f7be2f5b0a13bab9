"""The count of a prompt's tokens: local, never an error, and rather too many than too few."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.types.utils import LlmProviders
from litellm.utils import ProviderConfigManager

from openrouter_adapter.catalog.token_counts import count_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.emulator import Emulator

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
CLAUDE = "anthropic/claude-sonnet-4.5"
# OpenRouter or the provider searched, and the results are part of the prompt.
SEARCHED = ("web_search", "advisor", "native_options", "citations", "file_annotation")


def user(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def usage_of(answer: Any) -> dict[str, Any]:
    """Return the usage of a recorded answer, or of the last event that has one."""
    if isinstance(answer, dict):
        return answer.get("usage") or {}
    events = [json.loads(line[6:]) for line in answer.split("\n") if line.startswith("data: {")]
    found = [event["usage"] for event in events if event.get("usage")]
    return found[-1] if found else {}


def recorded() -> Iterator[tuple[str, int, int, int]]:
    """Yield each recording's name, its tokens, our count, and LiteLLM's."""
    for path in sorted(RECORDED.glob("chat-completions*/*.json")):
        exchange = json.loads(path.read_text("utf-8"))
        body = exchange["request"]["body"]
        billed = usage_of(exchange["response"]["body"]).get("prompt_tokens")
        if not billed or any(word in path.stem for word in SEARCHED):
            continue
        messages, tools = body["messages"], body.get("tools")
        ours = count_tokens(
            body["model"], messages, tools=tools, output_format=body.get("response_format")
        )
        theirs = litellm.token_counter(
            f"openrouter/{body['model']}", messages=messages, tools=tools
        )
        yield path.stem, billed, ours, theirs


@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recordings at {RECORDED}")
def test_recorded_prompts_have_no_more_tokens_than_counted() -> None:
    found = list(recorded())
    assert len(found) > 60
    assert [name for name, billed, ours, _ in found if ours < billed] == []
    # The figures of docs/anthropic_messages.md.
    long = [(billed, ours, theirs) for _, billed, ours, theirs in found if billed >= 500]
    assert 1.1 < median(ours / billed for billed, ours, _ in long) < 1.2
    assert max(ours / billed for billed, ours, _ in long) < 1.9
    assert min(theirs / billed for billed, _, theirs in long) < 0.1


def png(width: int, height: int) -> str:
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height)
    return base64.b64encode(header).decode()


def jpeg(width: int, height: int) -> str:
    frame = b"\xff\xc0\0\x11\x08" + struct.pack(">HH", height, width)
    return base64.b64encode(b"\xff\xd8\xff\xe0\0\x04ab" + frame).decode()


def image(data: str, media: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": media, "data": data}}


def pdf(pages: int) -> dict[str, Any]:
    content = b"%PDF-1.4 " + b"/Type /Page " * pages
    data = base64.b64encode(content).decode()
    source = {"type": "base64", "media_type": "application/pdf", "data": data}
    return {"type": "document", "source": source}


def result(content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "toolu_1", "content": content}


TEXT = "Wrens are small brown birds with a loud voice. " * 20
PLAIN = {"type": "text", "media_type": "text/plain", "data": TEXT}
HALF = {"type": "content", "content": [{"type": "text", "text": TEXT}]}


@pytest.mark.parametrize(
    ("part", "least", "most"),
    [
        (image(png(1000, 750), "image/png"), 1000, 2000),
        (image(jpeg(1000, 750), "image/jpeg"), 1000, 2000),
        (image(png(20, 20), "image/png"), 5, 400),
        (image("no image", "image/webp"), 1600, 5100),
        ({"type": "image", "source": {"type": "url", "url": "https://a.b/c.png"}}, 1600, 5100),
        ({"type": "image_url", "image_url": {"url": "https://a.b/c.png"}}, 1600, 5100),
        (pdf(3), 9000, 16_000),
        ({"type": "document", "source": {"type": "url", "url": "https://a.b/c.pdf"}}, 9000, 60_000),
        ({"type": "document", "source": PLAIN}, 200, 350),
        ({"type": "document", "source": HALF, "citations": {"enabled": True}}, 300, 500),
        (result(TEXT), 200, 350),
        (result([{"type": "text", "text": TEXT}, image(png(1000, 750), "image/png")]), 1200, 2400),
        (result([pdf(3)]), 9000, 16_000),
        ({"type": "thinking", "thinking": TEXT, "signature": "E" * 4000}, 200, 350),
        ({"type": "redacted_thinking", "data": "E" * 4000}, 800, 1100),
    ],
    ids=lambda value: str(value)[:40],
)
def test_every_kind_of_part_counts(part: dict[str, Any], least: int, most: int) -> None:
    bare = count_tokens(CLAUDE, user([]))
    assert least <= count_tokens(CLAUDE, user([part])) - bare <= most


def test_openrouters_copy_of_a_thought_counts_once() -> None:
    thought = {"type": "thinking", "thinking": TEXT, "signature": "E" * 400}
    packed = json.dumps({"signature": "E" * 400, "text": TEXT, "type": "reasoning.text"}).encode()
    copy = {
        "type": "redacted_thinking",
        "data": "openrouter.reasoning:" + base64.b64encode(packed).decode(),
    }
    once = count_tokens(CLAUDE, [{"role": "assistant", "content": [thought]}])
    assert count_tokens(CLAUDE, [{"role": "assistant", "content": [thought, copy]}]) == once


def test_newer_models_of_claude_count_more() -> None:
    counts = {
        name: count_tokens(f"anthropic/{name}", user(TEXT))
        for name in ("claude-haiku-4.5", "claude-sonnet-4-20250514", "claude-opus-4.8", "claude-x")
    }
    old = counts["claude-haiku-4.5"]
    assert counts["claude-sonnet-4-20250514"] == old
    assert counts["claude-opus-4.8"] == counts["claude-x"] > 1.25 * old


@pytest.mark.parametrize(
    "messages",
    [None, "Hello", [], ["Hello"], user(None), user(5), user([None, 5, {"type": None}, "x"])],
    ids=str,
)
def test_odd_messages_count(messages: Any) -> None:
    odd = {"type": "document", "source": {"type": "base64", "data": "no base64"}}
    assert count_tokens("no/such-model", messages, system=5, tools="x", output_format=[odd]) > 0
    assert count_tokens("", user([odd, {"type": "image"}, result(None)]), tools=[None]) > 0


async def test_litellm_counts_with_it_and_nothing_is_sent(emulated: Emulator) -> None:
    tools = [{"name": "get_weather", "input_schema": {"type": "object"}}]
    counted = await litellm.acount_tokens(
        f"openrouter/{CLAUDE}", messages=user("Hello"), system="Be brief.", tools=tools
    )
    assert counted.tokenizer_type == "openrouter_adapter"
    assert counted.model_used == CLAUDE
    expected = count_tokens(CLAUDE, user("Hello"), system="Be brief.", tools=tools)
    assert counted.total_tokens == expected > 450
    assert emulated.requests == []


@pytest.mark.usefixtures("emulated")
def test_other_providers_and_the_list_of_models_are_litellms() -> None:
    def asked(model: str | None, provider: LlmProviders) -> Any:
        return ProviderConfigManager.get_provider_model_info(model=model, provider=provider)

    assert type(asked("claude-haiku-4-5", LlmProviders.ANTHROPIC)).__module__.startswith("litellm")
    listing = asked(None, LlmProviders.OPENROUTER)
    assert listing is None or type(listing).__module__.startswith("litellm")
