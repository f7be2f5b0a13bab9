"""The page as Chromium shows it: drawn, worked with, exact, alone."""

from __future__ import annotations

import csv
import datetime as dt
import json
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter import ledger, report

from . import ledgers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from openrouter_adapter.ledger import Ledger
    from openrouter_adapter.ledger.rows import Row
    from tests.support.browser import Browser

HEADS = "return [...document.querySelectorAll('#sums thead th')].map((one) => one.dataset.key)"
TEXTS = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
COLUMN = """
return [...document.querySelectorAll(`#${arguments[1] ?? "sums"} tbody tr`)]
  .map((row) => row.cells[arguments[0]].textContent)
"""
SET = """
const field = document.getElementById(arguments[0]);
field.value = arguments[1];
field.dispatchEvent(new Event(field.type === "search" ? "input" : "change"));
"""
TIP = "const tip = document.getElementById('tip'); return tip.hidden ? null : tip.textContent"
STATUS = "return document.getElementById('status').textContent"
SONNET = "anthropic/claude-sonnet-4.5"


def click(browser: Browser, selector: str, place: int = 0) -> None:
    """A click as a person makes it, on what is there and visible."""
    found = browser.driver.find_elements("css selector", selector)[place]
    browser.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", found)
    found.click()


def sort(browser: Browser, key: str) -> None:
    click(browser, f"#sums thead th[data-key={key}] button")


def amounts(texts: Iterable[str]) -> list[Decimal]:
    return [Decimal(text.replace(",", "").replace("\N{MINUS SIGN}", "-")) for text in texts]


def usd(rows: Iterable[Row]) -> Decimal:
    return sum((ledger.to_usd(row.total) for row in rows if row.total is not None), Decimal(0))


def day(row: Row) -> str:
    return dt.datetime.fromtimestamp(row.started_at / 1e6, dt.timezone.utc).strftime("%Y-%m-%d")


def exported(browser: Browser, folder: Path, button: str) -> list[dict[str, str]]:
    """The lines of the CSV file that a button gives."""
    browser.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    click(browser, button)
    end = time.monotonic() + 30
    while not (found := list(folder.glob("*.csv"))):
        assert time.monotonic() < end
        time.sleep(0.05)
    with found[0].open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_it_is_drawn_without_an_error_or_a_request(
    browser: Browser, page: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    browser.open(page, width=width, dark=dark)

    browser.screenshot(tmp_path / "page.png", width)
    assert (tmp_path / "page.png").stat().st_size > 50_000
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


def test_on_a_wide_screen_nothing_is_cut(browser: Browser, page: Path) -> None:
    browser.open(page, width=1400)

    cut = browser.run(
        "return [...document.querySelectorAll('.scroll')]"
        ".filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.ariaLabel)"
    )
    assert cut == []
    outside = browser.run(
        "const right = document.documentElement.clientWidth;"
        "return [...document.querySelectorAll('.tick span, .labels span, .big, td, th')]"
        ".map((one) => [one.textContent, one.getBoundingClientRect()])"
        ".filter(([, box]) => box.width && (box.left < 0 || box.right > right))"
        ".map(([name]) => name)"
    )
    assert outside == []


def test_on_a_phone_the_cost_is_next_to_the_name(browser: Browser, page: Path) -> None:
    browser.open(page, width=390)

    for table in ("sums", "singles"):
        boxes = browser.run(
            "const row = document.querySelector(`#${arguments[0]} tbody tr`);"
            "const scroll = row.closest('.scroll');"
            "const box = (at) => { const found = row.cells[at].getBoundingClientRect();"
            " return [found.left, found.right]; };"
            "const before = [box(0), box(1)]; scroll.scrollLeft = 200; return [...before, box(0)]",
            table,
        )
        name, cost, scrolled = boxes
        assert 0 <= name[0] < name[1] <= cost[0] + 1
        assert cost[1] <= 390
        assert scrolled == name
    # What a table is about doesn't scroll away with it.
    assert (
        browser.run("return document.querySelectorAll('.scroll caption, .scroll .note').length")
        == 0
    )


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
    assert ledgers.SCRIPT in browser.run(COLUMN, 0)
    browser.run(SET, "by", "tag")
    assert {ledgers.QUOTE, ledgers.FORMULA, "abc\ufffddef"} <= set(browser.run(COLUMN, 0))


def test_the_way_from_a_range_to_its_sum(
    browser: Browser, page: Path, book: Ledger, tmp_path: Path
) -> None:
    browser.open(page, width=1400)
    browser.run(SET, "from", "2026-11-10")
    browser.run(SET, "to", "2026-11-19")
    wanted = [row for row in book.store.rows() if "2026-11-10" <= day(row) <= "2026-11-19"]
    assert amounts(browser.run("return [document.getElementById('total').textContent]")) == [
        usd(wanted)
    ]

    click(browser, "#left-bars button", 1)
    chip = browser.run("return document.getElementById('chips').textContent")
    model = chip.removeprefix("Model: ").partition(" \N{MULTIPLICATION X}")[0]
    wanted = [row for row in wanted if row.model == model]
    assert wanted
    browser.run(SET, "by", "user")
    browser.run(SET, "and", "provider")
    sort(browser, "requests")
    sort(browser, "requests")
    requests = [int(text.replace(",", "")) for text in browser.run(COLUMN, 2)]
    assert requests == sorted(requests)
    lines = exported(browser, tmp_path, "#csv")

    assert [int(line["requests"]) for line in lines] == requests
    assert sum(Decimal(line["total"]) for line in lines) == usd(wanted)
    assert sum(int(line["requests"]) for line in lines) == len(wanted)
    assert {(line["user"], line["provider"]) for line in lines} == {
        ((row.user_id or "none").replace("@", "'@") if row.user_id else "", row.provider or "")
        for row in wanted
    }
    click(browser, "#back")
    click(browser, "#clear")
    assert amounts(browser.run("return [document.getElementById('total').textContent]")) == [
        usd(book.store.rows())
    ]
    assert browser.errors() == []


def test_a_column_leads_to_its_rows(browser: Browser, page: Path, book: Ledger) -> None:
    browser.open(page, width=1400)
    click(browser, "#spend-plot .hit", 20)

    shown = browser.run("return document.getElementById('range').textContent")
    assert shown == "17 Nov 2026"
    wanted = [row for row in book.store.rows() if day(row) == "2026-11-17"]
    assert sum(amounts(browser.run(COLUMN, 1))) == usd(wanted)
    assert browser.run("return document.activeElement.id") == "explorer-title"
    times = browser.run(COLUMN, 2, "singles")
    assert times
    assert {text[:10] for text in times} == {"2026-11-17"}


def test_every_chart_shows_the_ledger_s_figures(browser: Browser, page: Path, book: Ledger) -> None:
    browser.open(page, width=1400)
    rows = book.store.rows()

    def marks(plot: str, style: str) -> int:
        return sum(
            map(
                int,
                browser.run(
                    "return [...document.querySelectorAll(`#${arguments[0]} ${arguments[1]}`)]"
                    ".map((one) => one.dataset.amount)",
                    plot,
                    style,
                ),
            )
        )

    assert ledger.to_usd(marks("spend-plot", "rect:not(.hit)")) == usd(rows)
    best = book.spend("model")[0]
    assert ledger.to_usd(marks("spend-plot", ".s0")) == best.total
    assert marks("requests-plot", ".sfailed") == sum(row.outcome == "error" for row in rows)
    assert marks("requests-plot", ".sleft") == sum(row.outcome == "left" for row in rows)
    assert marks("requests-plot", ".sfine") == sum(row.outcome == "ok" for row in rows)
    for by, bars in (("model", "left"), ("provider", "right")):
        found = browser.run(TEXTS, f"#{bars}-bars .figure")
        assert sum(amounts(found)) == usd(rows)
        assert amounts(found)[0] == book.spend(by)[0].total
    total = book.spend("total")[0]
    tokens = browser.run(TEXTS, "#tokens .figure")
    assert amounts(tokens) == [
        total.prompt_tokens,
        total.cached_tokens,
        total.cache_write_tokens,
        total.completion_tokens,
        total.reasoning_tokens,
        total.image_tokens,
    ]
    failed = browser.run(TEXTS, "#failures tbody td:last-child")
    assert sum(amounts(failed)) == total.failures
    saved = browser.run(COLUMN, 1, "savings")
    assert sum(amounts(saved)) == total.saved
    answers = browser.run("return document.querySelector('#latency tbody tr').cells[1].textContent")
    assert amounts([answers]) == [
        sum(
            row.outcome == "ok" and not row.cache_hit and row.latency_ms is not None for row in rows
        )
    ]


def test_no_mark_is_outside_its_chart(browser: Browser, page: Path) -> None:
    browser.open(page, width=1400)

    for units in ("", "#presets button:nth-child(4)", "#presets button:nth-child(2)"):
        if units:
            click(browser, units)
        outside = browser.run(
            "return [...document.querySelectorAll('.frame')].flatMap((frame) => {"
            " const box = frame.getBoundingClientRect();"
            " return [...frame.querySelectorAll('rect')].map((one) => one.getBoundingClientRect())"
            " .filter((one) => one.top < box.top - 0.5 || one.bottom > box.bottom + 0.5); }).length"
        )
        assert outside == 0
        shares = browser.run(
            "return [...document.querySelectorAll('#spend-plot rect:not(.hit)')].map((one) =>"
            " [Number(one.dataset.amount), Number(one.getAttribute('height'))])"
        )
        top = shares[0][0] / shares[0][1]
        assert all(
            amount / height == pytest.approx(top, rel=0.05)
            for amount, height in shares
            if height > 0.1
        )


def test_a_filter_is_a_whole_name(browser: Browser, tmp_path: Path) -> None:
    book = ledger.open(tmp_path / "ledger.db")
    rows = ledgers.rows(count=30)
    for number, row in enumerate(rows):
        row.user_id = f"user-{number}"
    book.store.write(rows)
    written = report.write(report.gather(book, now=ledgers.NOW), tmp_path / "page.html")
    book.close()
    browser.open(written)
    browser.run(SET, "by", "user")

    browser.run(SET, "filter", "User-1")
    assert browser.run(COLUMN, 0) == ["user-1"]
    assert browser.run(STATUS) == f"1 of 30 rows: {browser.run(COLUMN, 1)[0]} USD, 1 request"
    browser.run(SET, "filter", "user-1*")
    assert set(browser.run(COLUMN, 0)) == {
        "user-1",
        *(f"user-{number}" for number in range(10, 20)),
    }
    browser.run(SET, "filter", "user")
    assert browser.run(COLUMN, 0) == []
    click(browser, "#suggestion button")
    assert len(browser.run(COLUMN, 0)) == 30


def test_sorting_goes_by_value_both_ways(browser: Browser, page: Path) -> None:
    browser.open(page)

    for key in ("total", "requests", "prompt_tokens"):
        column = browser.run(HEADS).index(key)
        sort(browser, key)
        for _ in range(2):
            found = amounts(browser.run(COLUMN, column))
            sorts = browser.run(
                "return [...document.querySelectorAll('#sums th[aria-sort]')]"
                ".map((one) => one.ariaSort)"
            )
            assert len(sorts) == 1
            assert found == sorted(found, reverse=sorts == ["descending"])
            sort(browser, key)
        assert len(set(found)) > 5
    sort(browser, "name")
    names = browser.run(COLUMN, 0)
    assert names == sorted(names)


@pytest.mark.parametrize("by", ["day", "tag", "user", "job", "key"])
def test_the_table_is_by_anything(browser: Browser, page: Path, book: Ledger, by: str) -> None:
    browser.open(page)
    browser.run(SET, "by", by)

    found = dict(zip(browser.run(COLUMN, 0), amounts(browser.run(COLUMN, 1)), strict=True))
    for one in book.spend(by):
        name = "none" if one.name is None else one.name.replace("\u202e", "\ufffd")
        assert found[name] == one.total


def test_a_period_is_compared_with_the_one_before(
    browser: Browser, page: Path, book: Ledger
) -> None:
    browser.open(page, width=1400)
    browser.run(SET, "from", "2026-11-14")
    browser.run(SET, "to", "2026-11-20")
    click(browser, "#compare")

    rows = [row for row in book.store.rows() if "2026-11-07" <= day(row) <= "2026-11-13"]
    column = browser.run(HEADS).index("before")
    assert sum(amounts(browser.run(COLUMN, column))) == usd(rows)
    assert f"{usd(rows):f} USD in the period before" in browser.run(
        "return document.getElementById('tiles').textContent"
    )
    browser.run(SET, "from", "2026-10-20")
    assert browser.run("return document.getElementById('compare').disabled") is True


def test_single_requests_are_the_ledger_s(
    browser: Browser, page: Path, book: Ledger, tmp_path: Path
) -> None:
    browser.open(page, width=1400)
    rows = book.store.rows()
    costs = sorted((row.total for row in rows if row.total), reverse=True)
    lines = exported(browser, tmp_path, "#singles-csv")

    assert [Decimal(line["total"]) for line in lines] == [ledger.to_usd(one) for one in costs[:150]]
    assert not any(cell.startswith(("=", "+", "@")) for line in lines for cell in line.values())
    for kind, wanted in (
        ("failed", {row.generation_id for row in rows if row.outcome == "error"}),
        ("unknown", {row.generation_id for row in rows if row.cost is None}),
    ):
        click(browser, f"#kinds [data-kind={kind}]")
        found = browser.run(TEXTS, "#singles tbody code")
        assert set(found) == wanted


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
    assert "answered" in browser.run(TIP)
    plot.send_keys(Keys.ESCAPE)
    assert browser.run(TIP) is None
    plot.send_keys(Keys.ARROW_LEFT)
    plot.send_keys(Keys.ENTER)
    assert browser.run("return document.getElementById('range').textContent") == "27 Nov 2026"


def test_everything_that_can_be_clicked_has_a_name(browser: Browser, page: Path) -> None:
    browser.open(page)

    tree: Any = browser.command("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "checkbox", "combobox", "searchbox", "textbox", "Date", "region", "table"}
    nodes = [node for node in tree if node.get("role", {}).get("value") in roles]
    nameless = [node for node in nodes if not node.get("name", {}).get("value")]
    assert len(nodes) > 40
    assert nameless == [], json.dumps(nameless)[:2000]


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
        for table in ("sums", "singles"):
            right = browser.run(
                "return document.getElementById(arguments[0]).getBoundingClientRect().right", table
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
