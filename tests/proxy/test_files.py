"""OpenAI's client uploads to OpenRouter's `/files` through the proxy, as docs/files.md says."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.support.documents import blocks
from tests.support.versions import UNINSTALLED_PROXY

from .conftest import FILES

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Caller, Proxy

pytest.importorskip("litellm.proxy.proxy_server", reason=UNINSTALLED_PROXY, exc_type=ImportError)

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine


def test_the_example_of_the_page_runs(proxy: Proxy, emulator: Emulator, caller: Caller) -> None:
    (example,) = blocks(FILES, "py")

    def client(base_url: str, api_key: str) -> openai.OpenAI:
        path = base_url.removeprefix("http://localhost:4000")
        assert (path, api_key) == ("/openrouter/v1", "sk-…")
        return openai.OpenAI(base_url=proxy.url + path, api_key=caller.key, max_retries=0)

    before = len(emulator.requests)
    names: dict[str, Any] = {"OpenAI": client, "open": lambda *_: io.BytesIO(b"bird,count\nwren,2")}
    exec(example, names)  # noqa: S102 - our own page
    assert names["file"].id.startswith("or_file_")
    sent = [request for request in emulator.requests[before:] if request.path.startswith("/files")]
    assert [request.method for request in sent] == ["POST", "GET", "DELETE"]


def test_a_chat_reads_what_was_uploaded_and_content_comes_back(
    emulator: Emulator, caller: Caller
) -> None:
    given: dict[str, Any] = {"extra_query": {"custom_llm_provider": "openrouter"}}
    files = caller.openai.files
    made = files.create(
        file=("wren.txt", b"A wren."),
        purpose="user_data",
        extra_body={"custom_llm_provider": "openrouter"},
    )
    assert files.retrieve(made.id, **given).filename == "wren.txt"
    part: Any = {"type": "file", "file": {"file_id": made.id}}
    caller.openai.chat.completions.create(
        model="openrouter/openai/gpt-4o-mini", messages=[{"role": "user", "content": [part]}]
    )
    assert emulator.requests[-1].body["messages"][0]["content"] == [part]
    with pytest.raises(openai.BadRequestError, match="can't be downloaded again"):
        files.content(made.id, **given)
    kept = emulator.add_file("made.txt", b"made by a tool")
    assert files.content(kept, **given).read() == b"made by a tool"
