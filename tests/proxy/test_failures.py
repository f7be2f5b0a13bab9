"""A failure through the proxy is a clean error of the client's own, and costs what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest

from tests.support.versions import UNINSTALLED_PROXY

from .conftest import MASTER_KEY, PROVIDER_KEY

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from openrouter_adapter.emulator import Emulator

    from .conftest import Caller, Proxy

anthropic = pytest.importorskip("anthropic", reason=UNINSTALLED_PROXY)

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine
CHAT, CLAUDE = "openrouter/openai/gpt-4o-mini", "openrouter/anthropic/claude-haiku-4.5"
PROMPT = "a prompt that nobody else may read"


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("credits", openai.APIStatusError, "credits"),
        ("rate-limit=60", openai.RateLimitError, ""),
        ("moderation=violence", openai.APIStatusError, "violence"),
        ("status=502; raw=the upstream's words", openai.InternalServerError, "upstream's words"),
    ],
)
def test_a_refusal_comes_with_its_status_and_its_words(
    fault: str, error: type[Exception], words: str, caller: Caller, proxy: Proxy, emulator: Emulator
) -> None:
    emulator.faults.add(fault, times=1)

    with pytest.raises(error) as raised:
        caller.openai.chat.completions.create(
            model=CHAT, messages=[{"role": "user", "content": PROMPT}]
        )

    assert isinstance(raised.value, openai.APIStatusError)
    expected = {"credits": 402, "rate-limit=60": 429, "moderation=violence": 400}
    assert raised.value.status_code == expected.get(fault, 502)
    assert words in str(raised.value)
    assert PROVIDER_KEY not in str(raised.value)
    (row,) = proxy.rows(caller, 1)
    assert (row.outcome, row.cost, row.cost_status) == ("error", 0, "billed")


def test_a_model_that_does_not_exist_is_said_by_name(caller: Caller) -> None:
    with pytest.raises(openai.APIStatusError, match="nobody/nothing") as raised:
        caller.openai.chat.completions.create(
            model="openrouter/nobody/nothing", messages=[{"role": "user", "content": "Hi."}]
        )
    assert raised.value.status_code in {400, 404}


def test_a_failure_of_messages_is_one_of_anthropics_errors(
    caller: Caller, emulator: Emulator
) -> None:
    emulator.faults.add("rate-limit=60", times=1)
    with pytest.raises(anthropic.RateLimitError):
        caller.anthropic.messages.create(
            model=CLAUDE, max_tokens=100, messages=[{"role": "user", "content": "Hi."}]
        )


def streamed_chat(caller: Caller) -> Iterator[str]:
    for chunk in caller.openai.chat.completions.create(
        model="dying/openai/gpt-4o-mini",
        messages=[{"role": "user", "content": "Write 300 words about rivers."}],
        stream=True,
    ):
        yield chunk.choices[0].delta.content or ""


def streamed_message(caller: Caller) -> Iterator[str]:
    with caller.anthropic.messages.stream(
        model="dying/anthropic/claude-haiku-4.5",
        max_tokens=1000,
        messages=[{"role": "user", "content": "Write 300 words about rivers."}],
    ) as stream:
        yield from stream.text_stream


@pytest.mark.parametrize(
    ("ask", "error"),
    [(streamed_chat, openai.APIError), (streamed_message, anthropic.APIError)],
    ids=["chat", "messages"],
)
def test_a_stream_whose_server_is_killed_ends_in_an_error(
    ask: Callable[[Caller], Iterator[str]],
    error: type[Exception],
    caller: Caller,
    proxy: Proxy,
    dying_emulator: subprocess.Popen[str],
) -> None:
    words = ""

    def read() -> None:
        nonlocal words
        for word in ask(caller):
            words += word
            if len(words) > 20:
                dying_emulator.kill()

    with pytest.raises(error) as raised:
        read()

    assert len(words) > 20
    assert "connection" in str(raised.value).lower()
    assert PROVIDER_KEY not in str(raised.value)
    (row,) = proxy.rows(caller, 1)
    assert (row.outcome, row.cost, row.cost_status) == ("error", None, "unknown")
    assert row.generation_id is not None


def test_no_key_and_no_prompt_is_in_what_the_proxy_prints(
    caller: Caller, proxy: Proxy, emulator: Emulator
) -> None:
    emulator.faults.add("status=401", times=1)
    with pytest.raises(openai.APIStatusError):
        caller.openai.chat.completions.create(
            model=CHAT, messages=[{"role": "user", "content": PROMPT}]
        )

    printed = proxy.log.read_text()
    for secret in (PROVIDER_KEY, MASTER_KEY, caller.key, PROMPT):
        assert secret not in printed
