"""A ledger of a month to report on, and a browser to look at its page."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import ledger, report

from . import ledgers
from .browser import Browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openrouter_adapter.ledger import Ledger
    from openrouter_adapter.report import Figures

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, where this machine has one with its driver."""
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no Chromium with its driver here: Debian's are chromium, chromium-driver")
    pytest.importorskip("selenium")
    opened = Browser(chromium, driver)
    yield opened
    opened.close()
