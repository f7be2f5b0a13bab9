"""What every client is held to: the ledger has each of its requests, at what OpenRouter billed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter import ledger
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.ledger import to_pico

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from openrouter_adapter.emulator import Answer

SECONDS = 20


class Spending:
    """An emulator, and a ledger that LiteLLM's calls are written to."""

    def __init__(self) -> None:
        self._answers: list[Answer | str] = []
        self.emulator = Emulator(answer=self._next)

    def will_answer(self, *answers: Answer | str) -> None:
        """Set what the emulator answers to the next requests; then its own words again."""
        self._answers.extend(answers)

    def costs(self, requests: int) -> list[float]:
        """Return what each request cost, in USD, having seen that ledger and bill agree."""
        bill = self.emulator.bill()
        assert len(bill) == requests
        expected = {row.generation_id: to_pico(row.cost) for row in bill}
        book = ledger.current()
        deadline = time.monotonic() + SECONDS
        while len(book.store.rows()) < requests and time.monotonic() < deadline:
            book.flush()
            time.sleep(0.05)
        assert {row.generation_id: row.cost for row in book.store.rows()} == expected
        assert all(cost > 0 for cost in expected.values())
        return [float(row.cost) for row in bill]

    def _next(self, _: dict[str, Any]) -> Answer | str | None:
        return self._answers.pop(0) if self._answers else None


@pytest.fixture
def spending(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Spending]:
    """The emulator in OpenRouter's place, the adapter registered, a ledger enabled."""
    kept = Spending()
    with kept.emulator as running, openrouter_adapter.registered():
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", running.api_key)
        ledger.enable(tmp_path / "ledger.db")
        yield kept
        ledger.disable()
    litellm.in_memory_llm_clients_cache.flush_cache()
