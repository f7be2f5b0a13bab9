"""OpenAI's client on the proxy: upload, create, poll and download, as docs/batches.md says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import openai
import pytest

from openrouter_adapter.ledger import to_usd
from tests.support.versions import UNINSTALLED_PROXY

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Caller, Proxy

pytest.importorskip("litellm.proxy.proxy_server", reason=UNINSTALLED_PROXY, exc_type=ImportError)

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine


def line(custom_id: str) -> str:
    messages = [{"role": "user", "content": f"Add {custom_id} and 2"}]
    body = {"model": "openai/gpt-5-nano", "messages": messages, "max_tokens": 50}
    row = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(row)


def test_upload_create_poll_and_download(proxy: Proxy, emulator: Emulator, caller: Caller) -> None:
    client = openai.OpenAI(base_url=f"{proxy.url}/openrouter/v1", api_key=caller.key, max_retries=0)
    content = f"{line('1')}\n{line('2')}\n".encode()
    file = client.files.create(file=("rows.jsonl", content), purpose="batch")
    before = len(emulator.bill())
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert batch.status == "validating"
    assert batch.id in [one.id for one in client.batches.list().data]

    emulator.advance(hours=1)
    batch = client.batches.retrieve(batch.id)
    assert batch.status == "completed"
    assert batch.output_file_id is not None
    lines = client.files.content(batch.output_file_id).text.splitlines()
    assert {json.loads(one)["custom_id"] for one in lines} == {"1", "2"}
    bill = sum(row.cost for row in emulator.bill()[before:])
    (row,) = proxy.rows(caller, 1)
    assert row.endpoint == "/batches"
    assert row.total is not None
    assert to_usd(row.total) == bill > 0
    with pytest.raises(openai.APIStatusError, match="can't be cancelled"):
        client.batches.cancel(batch.id)
