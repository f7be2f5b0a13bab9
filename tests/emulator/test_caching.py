"""Cache breakpoints: counted, priced, and read by the next request."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Client

CLAUDE = "anthropic/claude-sonnet-4.6"
LONG = "You know all about distributed databases. " * 300
MARK = {"type": "ephemeral"}


def part(text: str, mark: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "text", "text": text, **({"cache_control": mark} if mark else {})}


def conversation(*users: str, mark: dict[str, Any] = MARK) -> list[dict[str, Any]]:
    system = {"role": "system", "content": [part(LONG, mark)]}
    return [system, *({"role": "user", "content": user} for user in users)]


def details(client: Client, messages: list[dict[str, Any]], **body: Any) -> tuple[int, int]:
    reply = client.chat(messages, model=CLAUDE, **body)
    counted = reply.json["usage"]["prompt_tokens_details"]
    return counted["cached_tokens"], counted["cache_write_tokens"]


def test_the_first_request_writes_and_the_next_ones_read(client: Client) -> None:
    read, written = details(client, conversation("One?"))
    assert (read, written > 1024) == (0, True)
    assert details(client, conversation("Two?")) == (written, 0)


def test_both_have_prices_of_their_own(client: Client) -> None:
    _, size = details(client, conversation("One?"))
    details(client, conversation("One?"))
    first, second = client.emulator.bill()
    rest = (first.tokens_prompt - size) * Decimal("0.000003")
    said = first.tokens_completion * Decimal("0.000015")
    assert first.cost == size * Decimal("0.00000375") + rest + said
    assert second.cost == size * Decimal("0.0000003") + rest + said
    assert (first.tokens_cache_write, second.tokens_cached) == (size, size)


def test_an_hour_costs_more_than_five_minutes(client: Client) -> None:
    _, size = details(client, conversation("One?", mark={"type": "ephemeral", "ttl": "1h"}))
    (row,) = client.emulator.bill()
    rest = (row.tokens_prompt - size) * Decimal("0.000003")
    said = row.tokens_completion * Decimal("0.000015")
    assert row.cost == size * Decimal("0.000006") + rest + said


@pytest.mark.parametrize(("ttl", "seconds"), [("5m", 301), ("1h", 3601)])
def test_a_cache_ends(emulate: Callable[..., Client], ttl: str, seconds: int) -> None:
    now = [1_790_000_000.0]
    client = emulate(clock=lambda: now[0])
    mark = {"type": "ephemeral", "ttl": ttl}
    _, size = details(client, conversation("One?", mark=mark))
    now[0] += seconds - 2
    assert details(client, conversation("One?", mark=mark)) == (size, 0)
    now[0] += seconds
    assert details(client, conversation("One?", mark=mark)) == (0, size)


def test_a_moved_breakpoint_still_finds_what_was_written(client: Client) -> None:
    first = [{"role": "user", "content": [part(LONG, MARK)]}]
    _, size = details(client, first)
    follow = [
        {"role": "user", "content": LONG},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": [part("And now?", MARK)]},
    ]
    read, written = details(client, follow)
    assert read == size
    assert 0 < written < 50


def test_a_changed_prefix_is_not_found(client: Client) -> None:
    details(client, conversation("One?"))
    changed = conversation("One?")
    changed[0]["content"][0]["text"] = f"!{LONG}"
    assert details(client, changed)[0] == 0


def test_automatic_caching_marks_the_last_block(client: Client) -> None:
    messages = [{"role": "system", "content": LONG}, {"role": "user", "content": "One?"}]
    _, size = details(client, messages, cache_control=MARK)
    assert size > 1024
    assert details(client, messages, cache_control=MARK) == (size, 0)


def test_short_prompts_and_models_without_cache_prices_cache_nothing(client: Client) -> None:
    short = [{"role": "user", "content": [part("Hello", MARK)]}]
    assert details(client, short) == (0, 0)
    other = client.chat(conversation("One?"), model="meta-llama/llama-3.3-70b-instruct").json
    assert other["usage"]["prompt_tokens_details"]["cache_write_tokens"] == 0


@pytest.mark.parametrize("automatic", [False, True])
def test_four_breakpoints_are_taken_and_five_refused(
    client: Client, weather: dict[str, Any], automatic: bool
) -> None:
    def ask(parts: int) -> Any:
        body: dict[str, Any] = {"tools": [{**weather, "cache_control": MARK}]}
        if automatic:
            body["cache_control"] = MARK
        messages = [{"role": "user", "content": [part("x", MARK) for _ in range(parts)]}]
        return client.chat(messages, model=CLAUDE, **body)

    most = 2 if automatic else 3
    assert ask(most).status == 200
    refused = ask(most + 1)
    assert refused.status == 400
    assert (
        "A maximum of 4 blocks with cache_control may be provided. Found 5."
        in refused.json["error"]["metadata"]["raw"]
    )
