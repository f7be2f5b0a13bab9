"""The server of docs/webhooks.md runs as it is printed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import blocks
from tests.test_webhooks import BODY, SECRET, sign

PAGE = Path(__file__).parents[1] / "docs" / "webhooks.md"


def test_the_server_of_the_page_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = pytest.importorskip("fastapi.testclient")
    monkeypatch.setenv("OPENROUTER_WEBHOOK_SECRET", SECRET)
    (example,) = blocks(PAGE, "py")
    names: dict[str, Any] = {"__name__": "webhooks_example"}
    exec(example, names)  # noqa: S102 - our own page
    server = client.TestClient(names["app"])
    signed = {"X-OpenRouter-Signature": sign(BODY, time.time())}
    for _ in range(2):
        assert server.post("/openrouter", content=BODY, headers=signed).status_code == 200
    assert capsys.readouterr().out == "video.generation.completed abc123 completed 0.5 None\n"
    refused = server.post("/openrouter", content=BODY)
    assert (refused.status_code, SECRET in refused.text) == (401, False)
