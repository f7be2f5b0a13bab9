"""What a type checker says of the public names. Never run: `scripts/check` has mypy read it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from typing_extensions import assert_type

import openrouter_adapter
from openrouter_adapter import account, batch, catalog, ledger, options, routing
from openrouter_adapter.emulator import BillRow, Emulator


def registration() -> None:
    """Each returns nothing; the context manager gives nothing."""
    openrouter_adapter.register(app_url="https://example.com", app_title="Example")
    openrouter_adapter.register(app_name="Example")  # type: ignore[call-arg]
    with openrouter_adapter.registered() as nothing:
        assert_type(nothing, None)
    assert_type(openrouter_adapter.__version__, str)


async def videos(target: Path) -> None:
    """A video's functions and their twins return the same."""
    assert_type(openrouter_adapter.download_video("id", target), Path)
    assert_type(await openrouter_adapter.adownload_video("id", "clip.mp4"), Path)
    assert_type(openrouter_adapter.wait_for_video("id", timeout=60).status, str)
    assert_type((await openrouter_adapter.await_for_video("id")).status, str)


async def batches(source: Path) -> None:
    """Paths are texts or `Path`s, options are those of `RunOptions` and no others."""
    summary = batch.run(source, "answers", budget=25, concurrency=64)
    assert_type(summary, batch.Summary)
    assert_type(summary.cost, Decimal)
    assert_type(summary.stopped, str | None)
    assert_type(await batch.arun(source, "answers"), batch.Summary)
    assert_type(batch.status("answers"), batch.Summary)
    assert_type(batch.dry_run("job.jsonl").total.worst, Decimal)
    batch.run(source, "answers", concurency=64)  # type: ignore[call-arg]


def spending() -> None:
    """Money is decimal wherever it is given out."""
    book = ledger.open("spend.db")
    assert_type(book, ledger.Ledger)
    assert_type([one.total for one in book.spend("model")], list[Decimal])
    assert_type(book.budget("team", "25.00", per="month").usd, Decimal)
    assert_type(ledger.to_usd(1), Decimal)


def estimates() -> None:
    """An estimate that isn't known is None."""
    found = catalog.estimate({"model": "openai/gpt-4o-mini", "messages": []})
    assert_type(found.worst, Decimal | None)
    assert_type(catalog.load(), catalog.Catalog)


def routers() -> None:
    """A selection goes into `model_list` as it is."""
    chosen = routing.select("anthropic/*", needs=["tools"])
    assert_type(chosen, list[routing.Chosen])
    assert_type(routing.model_list(chosen), list[dict[str, Any]])


def given_options() -> None:
    """The options are dicts whose keys and words an editor knows."""
    preferences: options.ProviderPreferences = {"sort": "price", "allow_fallbacks": False}
    reasoning: options.Reasoning = {"effort": "high"}
    misspelt: options.Reasoning = {"efort": "high"}  # type: ignore[typeddict-unknown-key]
    whole: options.Options = {"provider": preferences, "reasoning": reasoning}
    assert_type(whole, options.Options)
    assert_type(misspelt, options.Reasoning)


def emulated() -> None:
    """The bill of the emulator is exact."""
    with Emulator() as em:
        assert_type(em.base_url, str)
        assert_type(em.api_key, str)
        assert_type(em.bill(), list[BillRow])
        assert_type(sum((row.cost for row in em.bill()), Decimal(0)), Decimal)
    assert_type(account.LoginError("…"), account.LoginError)
