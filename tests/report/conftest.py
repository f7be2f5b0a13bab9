"""A ledger of a month to report on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import ledger, report

from . import ledgers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openrouter_adapter.ledger import Ledger
    from openrouter_adapter.report import Figures


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A month of 1,500 requests; tests only read it."""
    opened = ledger.open(tmp_path_factory.mktemp("report") / "ledger.db")
    ledgers.fill(opened, count=1500)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def figures(book: Ledger) -> Figures:
    return report.gather(book, prices=ledgers.prices(), now=ledgers.NOW)


@pytest.fixture(scope="session")
def page(figures: Figures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the month."""
    return report.write(figures, tmp_path_factory.mktemp("page") / "spend.html")
