"""OpenAI's client makes a video through the proxy, as docs/video.md says, with its cost once."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest

from openrouter_adapter import ledger
from openrouter_adapter.ledger import to_usd
from openrouter_adapter.ledger.rows import OPEN
from tests.support.documents import blocks
from tests.support.versions import UNINSTALLED_PROXY

from .conftest import ROOT, SECONDS, patiently

if TYPE_CHECKING:
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger import Row

    from .conftest import Caller, Proxy

pytest.importorskip("litellm.proxy.proxy_server", reason=UNINSTALLED_PROXY, exc_type=ImportError)

VIDEO = ROOT / "docs" / "video.md"

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine


def get(proxy: Proxy, caller: Caller, path: str) -> httpx.Response:
    to = {"Authorization": f"Bearer {caller.key}"}
    return httpx.get(f"{proxy.url}{path}", headers=to, timeout=SECONDS)


def rows(proxy: Proxy, caller: Caller) -> list[Row]:
    """Wait until no row of a caller is open; return them."""
    store = ledger.open(proxy.ledger).store
    found: list[Row] = []
    for _ in patiently():
        found = store.rows("key_name = :alias", alias=caller.alias)
        if found and all(row.outcome != OPEN for row in found):
            break
    return found


def bills(emulator: Emulator) -> list[Any]:
    return [bill for bill in emulator.bill() if bill.endpoint == "/videos"]


def test_a_video_is_made_watched_and_downloaded_with_its_cost_once(
    proxy: Proxy, emulator: Emulator, caller: Caller
) -> None:
    before = len(bills(emulator))
    video = caller.openai.videos.create(
        model="openrouter/alibaba/wan-2.6", prompt="A wren.", seconds="5", size="1280x720"
    )
    assert video.status == "queued"
    for _ in patiently():
        seen = get(proxy, caller, f"/v1/videos/{video.id}")
        assert seen.status_code == 200, seen.text
        if seen.json()["status"] == "completed":
            break
    # Again, and with another client.
    assert caller.openai.videos.retrieve(video.id).status == "completed"
    content = get(proxy, caller, f"/v1/videos/{video.id}/content")
    assert (content.status_code, content.content[4:8]) == (200, b"ftyp")
    assert caller.openai.videos.download_content(video.id).read() == content.content
    (bill,) = bills(emulator)[before:]
    assert bill.cost == Decimal("0.4")
    (row,) = rows(proxy, caller)
    assert row.cost is not None
    assert (row.endpoint, row.model, row.outcome) == ("/videos", "alibaba/wan-2.6", "ok")
    assert to_usd(row.cost) == bill.cost
    # LiteLLM's spend of the key, which it writes a second later.
    for _ in patiently():
        ((spend,),) = proxy.query(
            'SELECT spend FROM "LiteLLM_VerificationToken" WHERE key_alias = %s', caller.alias
        )
        if spend:
            break
    assert Decimal(str(spend)) == bill.cost


def test_the_example_of_the_page_runs(
    proxy: Proxy, caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = blocks(VIDEO, "py")

    def client(base_url: str, api_key: str) -> openai.OpenAI:
        path = base_url.removeprefix("http://localhost:4000")
        assert (path, api_key) == ("/v1", "sk-…")
        return openai.OpenAI(base_url=proxy.url + path, api_key=caller.key, max_retries=0)

    monkeypatch.chdir(tmp_path)
    exec(example, {"OpenAI": client})  # noqa: S102 - our own page
    assert (tmp_path / "wren.mp4").read_bytes()[4:8] == b"ftyp"


def test_a_job_that_fails_says_why_and_costs_nothing(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("choice-error=502; message=the bird flew away", times=1)
    video = caller.openai.videos.create(
        model="openrouter/alibaba/wan-2.6", prompt="A wren.", seconds="5"
    )
    for _ in patiently():
        seen = caller.openai.videos.retrieve(video.id)
        if seen.status not in {"queued", "in_progress"}:
            break
    assert (seen.status, seen.error and seen.error.message) == ("failed", "the bird flew away")
    with pytest.raises(openai.BadRequestError, match="is not completed"):
        caller.openai.videos.download_content(video.id)


def test_what_openrouter_lacks_is_refused_with_the_reason(proxy: Proxy, caller: Caller) -> None:
    listed = get(proxy, caller, "/v1/videos?custom_llm_provider=openrouter")
    assert "OpenRouter can't list videos" in listed.text
    assert listed.status_code == 400
