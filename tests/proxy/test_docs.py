"""The examples of docs/proxy.md, on a proxy that runs on the page's own YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.documents import blocks

from .conftest import PAGE

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Caller, Proxy

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine


def test_the_examples_run_and_say_what_was_billed(
    proxy: Proxy, caller: Caller, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(emulator.bill())
    namespace: dict[str, Any] = {}

    for example in blocks(PAGE, "python"):
        code = example.replace("http://localhost:4000", proxy.url).replace("sk-…", caller.key)
        exec(code, namespace)  # noqa: S102

    chat, stream, message = emulator.bill()[before:]
    printed = capsys.readouterr().out.splitlines()
    assert str(float(chat.cost)) in printed
    assert str(float(stream.cost)) in printed
    assert "The capital of France is Paris." in printed
    options = [request.body.get("provider") for request in emulator.requests[-3:]]
    assert options == [{"sort": "price"}, None, {"order": ["anthropic", "amazon-bedrock"]}]
    assert message.model_id == "anthropic/claude-haiku-4.5"
