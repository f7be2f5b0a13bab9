"""A LiteLLM Router makes a video, with the cost once in the ledger."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import litellm

from openrouter_adapter import await_for_video, ledger
from openrouter_adapter.money import to_pico

from .conftest import VEO

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger import Row


async def made(emulated: Emulator) -> bytes:
    """Submit, watch and download a video by a deployment's name."""
    router = litellm.Router(
        model_list=[{"model_name": "birds", "litellm_params": {"model": VEO}}], num_retries=0
    )
    video = await router.avideo_generation(model="birds", prompt="A wren.", seconds="4")
    emulated.advance(seconds=5)
    for _ in range(3):
        seen = await router.avideo_status(model="birds", video_id=video.id)
        assert seen.status == "completed"
    assert (await await_for_video(video.id)).status == "completed"
    content: bytes = await router.avideo_content(model="birds", video_id=video.id)
    return content


def rows(emulated: Emulator, folder: Path) -> list[Row]:
    book = ledger.enable(folder / "spend.db")
    try:
        assert asyncio.run(made(emulated))[4:8] == b"ftyp"
        assert book.flush(60)
        return book.store.rows()
    finally:
        ledger.disable()


def test_a_router_makes_a_video_that_the_ledger_counts_once(
    emulated: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "cache"))
    (row,), (bill,) = rows(emulated, tmp_path), emulated.bill()
    assert (row.cost, row.cost_status, row.outcome) == (to_pico(bill.cost), "billed", "ok")
