"""The page as Chromium shows it: drawn, sorted, filtered, alone."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import ledger, report

from . import ledgers

if TYPE_CHECKING:
    from pathlib import Path

    from openrouter_adapter.ledger import Ledger
    from tests.support.browser import Browser

COLUMN = """
return [...document.querySelectorAll(`#by-${arguments[0]} tbody tr`)]
  .filter((row) => !row.hidden).map((row) => row.cells[arguments[1]].textContent)
"""
SORT = "document.querySelectorAll(`#by-${arguments[0]} thead button`)[arguments[1]].click()"
FILTER = """
const field = document.getElementById("filter");
field.value = arguments[0];
field.dispatchEvent(new Event("input"));
return document.getElementById("status").textContent;
"""
CHOOSE = """
const field = document.getElementById("by");
field.value = arguments[0];
field.dispatchEvent(new Event("change"));
"""
TIP = "const tip = document.getElementById('tip'); return tip.hidden ? null : tip.textContent"


def amounts(texts: list[str]) -> list[Decimal]:
    return [Decimal(text.replace(",", "")) for text in texts]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_drawn_without_an_error_or_a_request(
    browser: Browser, page: Path, width: int, dark: bool
) -> None:
    browser.open(page, width=width, dark=dark)

    for chart in browser.run("return [...document.querySelectorAll('.plot')]"):
        drawn = browser.run(
            "return [...arguments[0].querySelectorAll('rect:not(.hit)')]"
            ".filter((one) => one.getBoundingClientRect().height > 0).length",
            chart,
        )
        assert drawn > 30
    assert browser.run("return document.documentElement.scrollWidth") <= width
    ground = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground.strip("rgb()").split(","))) < 200) is dark
    assert browser.errors() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.run("return performance.getEntriesByType('resource').length") == 0


def test_the_policy_stops_what_would_leave(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run(
        "const image = new Image(); image.src = 'http://127.0.0.1:9/pixel';"
        "document.body.append(image)"
    )

    [said] = browser.errors()
    assert "Content Security Policy" in said
    assert "blocked" in said


def test_names_of_others_are_text(browser: Browser, page: Path) -> None:
    browser.open(page)

    assert browser.run("return window.pwned ?? null") is None
    assert browser.run("return document.images.length") == 0
    assert ledgers.SCRIPT in browser.run(COLUMN, "model", 0)
    browser.run(CHOOSE, "tag")
    tags = browser.run(COLUMN, "tag", 0)
    assert {ledgers.QUOTE, ledgers.FORMULA, "abc\ufffddef"} <= set(tags)


def test_sorting_goes_by_value_both_ways(browser: Browser, page: Path) -> None:
    browser.open(page)
    heads = browser.run(
        "return [...document.querySelectorAll('#by-model thead th')].map((h) => h.textContent)"
    )

    for title in ("USD", "Requests", "Prompt"):
        column = heads.index(title)
        for is_rising in (False, True):
            browser.run(SORT, "model", column)
            found = amounts(browser.run(COLUMN, "model", column))
            assert found == sorted(found, reverse=not is_rising)
        assert len(set(found)) > 5
    browser.run(SORT, "model", 0)
    names = browser.run(COLUMN, "model", 0)
    assert names == sorted(names)
    sorts = "return document.querySelectorAll('#by-model th[aria-sort]').length"
    assert browser.run(sorts) == 1
    browser.run(SORT, "model", heads.index("Mean latency"))
    slowest = browser.run(COLUMN, "model", 0)[0]
    assert slowest == "google/gemini-2.5-flash-image"


def test_filtering_adds_up_what_is_left(browser: Browser, page: Path, book: Ledger) -> None:
    browser.open(page)
    said = browser.run(FILTER, "SONNET")

    found = browser.run(COLUMN, "model", 0)
    assert set(found) == {"anthropic/claude-sonnet-4.5"}
    [spent] = [one for one in book.spend("model") if one.name == found[0]]
    shown, usd, requests = (
        said.replace(",", "").split(" of ")[0],
        *amounts([said.split(": ")[1].split(" USD")[0], said.split("USD, ")[1].split(" ")[0]]),
    )
    assert (int(shown), usd, requests) == (len(found), spent.total, spent.requests)
    assert browser.run(FILTER, "sonnet bedrock").startswith("1 of ")
    assert browser.run(FILTER, "no such name").startswith("0 of ")
    assert browser.run(FILTER, "").startswith(f"{len(browser.run(COLUMN, 'model', 0))} of ")


@pytest.mark.parametrize("by", ["day", "tag", "user", "job", "key"])
def test_the_table_is_read_by_anything(browser: Browser, page: Path, book: Ledger, by: str) -> None:
    browser.open(page)
    browser.run(CHOOSE, by)

    visible = browser.run(
        "return [...document.querySelectorAll('.sheet:not([hidden])')].map((one) => one.id)"
    )
    assert visible == [f"by-{by}"]
    assert amounts(browser.run(COLUMN, by, 1)) == [
        one.total for one in book.spend(by)[:: -1 if by == "day" else 1]
    ]


def test_a_column_says_what_it_is(browser: Browser, page: Path) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.open(page)
    hit = browser.run("return document.querySelectorAll('.hit')[20]")
    browser.run("arguments[0].scrollIntoView({block: 'center'})", hit)
    ActionChains(browser.driver).move_to_element(hit).perform()
    pointed = browser.run(TIP)
    assert pointed == browser.run("return arguments[0].dataset.tip", hit)
    assert "USD" in pointed
    assert "Nov 2026" in pointed

    plot = browser.run("return document.querySelectorAll('.plot')[1]")
    plot.send_keys(Keys.ARROW_LEFT)
    assert "requests" in browser.run(TIP)
    plot.send_keys(Keys.ESCAPE)
    assert browser.run(TIP) is None


def test_it_prints_all_its_columns(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.command("Emulation.setEmulatedMedia", media="print")
    # A4 in landscape without its margins.
    browser.command(
        "Emulation.setDeviceMetricsOverride",
        width=1030,
        height=700,
        deviceScaleFactor=1,
        mobile=False,
    )
    try:
        right = browser.run(
            "return document.querySelector('#by-model table').getBoundingClientRect().right"
        )
        assert right <= 1030
        assert browser.run("return getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
    finally:
        browser.command("Emulation.setEmulatedMedia", media="")
    assert browser.command("Page.printToPDF", preferCSSPageSize=True)["data"]


def test_an_empty_ledger_says_so(browser: Browser, tmp_path: Path) -> None:
    empty = ledger.open(tmp_path / "ledger.db")
    written = report.write(report.gather(empty), tmp_path / "empty.html")
    empty.close()
    browser.open(written)

    assert "no requests in this period" in browser.run("return document.body.innerText")
    assert browser.errors() == []
