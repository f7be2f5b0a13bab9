"""The page's text: its figures are the ledger's, its names are text, and it stays small."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from decimal import Decimal
from html import unescape
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import ledger, report
from openrouter_adapter.ledger.rows import Row
from openrouter_adapter.report import explorer, texts

from . import ledgers

if TYPE_CHECKING:
    from pathlib import Path

    from openrouter_adapter.ledger import Ledger
    from openrouter_adapter.report import Figures


def words(html: str) -> str:
    """What a reader sees of the page's HTML."""
    without = re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.DOTALL)
    joined = re.sub(r"</?(?:i|b|bdi|em|small|strong|code)\b[^>]*>", "", without)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", joined)))


def table(html: str, by: str) -> list[list[str]]:
    """The cells of one table of the page."""
    sheet = html.split(f'id="by-{by}"')[1].split("</table>", maxsplit=1)[0]
    body = sheet.split("<tbody>")[1].split("</tbody>")[0]
    return [
        [unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
        for row in body.split("<tr>")[1:]
    ]


def test_the_total_is_the_ledger_s(figures: Figures, book: Ledger) -> None:
    rows = book.store.rows()
    known = [row for row in rows if row.cost is not None]
    exact = sum((ledger.to_usd(row.cost + row.upstream) for row in known), Decimal(0))
    seen = words(report.render(figures))

    assert f"Spent {texts.amount(exact)} USD" in seen
    assert f"Requests {len(rows):,} " in seen
    assert (
        f"{len(rows) - len(known)} of {len(rows):,} requests have a cost that is not known" in seen
    )


@pytest.mark.parametrize("by", ["day", "tag", "user", "job", "key"])
def test_every_row_of_the_table_is_the_ledger_s(figures: Figures, book: Ledger, by: str) -> None:
    found = {row[0]: row for row in table(report.render(figures), by)}

    for one in book.spend(by):
        name = "none" if one.name is None else texts.visible(one.name)
        assert Decimal(found[name][1].replace(",", "")) == one.total
        assert found[name][2] == f"{one.requests:,}"


def test_routes_add_up_to_the_total(figures: Figures) -> None:
    rows = table(report.render(figures), "model")

    assert figures.total is not None
    assert sum(Decimal(row[3].replace(",", "")) for row in rows) == figures.total.total
    assert sum(int(row[4].replace(",", "")) for row in rows) == figures.total.requests


def test_the_time_line_adds_up_to_the_total(figures: Figures) -> None:
    assert figures.total is not None
    assert sum((slot.total for slot in figures.series.slots), Decimal(0)) == figures.total.total
    assert sum(slot.requests for slot in figures.series.slots) == figures.total.requests
    assert sum(slot.failures for slot in figures.series.slots) == figures.total.failures


def test_names_of_others_are_escaped_everywhere(figures: Figures) -> None:
    html = report.render(figures)

    assert html.count("<script>") == 1
    assert "<img" not in html
    assert "&lt;script&gt;window.pwned=1&lt;/script&gt;" in html
    assert "\u202e" not in html


def test_only_its_own_script_may_run(figures: Figures) -> None:
    html = report.render(figures)
    script = html.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert f"script-src 'sha256-{digest}'" in html
    assert "default-src 'none'" in html
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", html)
    assert "http://" not in html
    assert "https://" not in html


def test_unknown_costs_are_never_zero(tmp_path: Path) -> None:
    book = ledger.open(tmp_path / "ledger.db")
    moment = round(ledgers.NOW.timestamp() * 1e6)
    book.store.write([Row("left", 1, moment, model="a/b", outcome="left")])
    seen = words(report.render(report.gather(book, now=ledgers.NOW)))
    book.close()

    assert "1 of 1 requests has a cost that is not known." in seen
    assert "No sum on this page includes it" in seen
    assert "1 stream abandoned" in seen


def test_requests_in_the_air_are_said(tmp_path: Path) -> None:
    book = ledger.open(tmp_path / "ledger.db")
    moment = round(ledgers.NOW.timestamp() * 1e6)
    book.store.write([Row("open", 1, moment, model="a/b")])
    book.store.write(
        [Row("ok", 1, moment, model="a/b", outcome="ok", cost=1, cost_status="billed")]
    )
    seen = words(report.render(report.gather(book, now=ledgers.NOW)))
    book.close()

    assert "1 request is in flight, or the program that sent it has died" in seen


def test_cache_savings_are_reckoned_where_prices_are_known(figures: Figures, book: Ledger) -> None:
    seen = words(report.render(figures))
    sonnet = next(one for one in figures.savings if "sonnet" in one.model)
    [spent] = [one for one in book.spend("model") if one.name == sonnet.model]

    assert sonnet.estimate == (
        spent.cached_tokens * Decimal("0.0000027")
        - spent.cache_write_tokens * Decimal("0.00000075")
    )
    assert f"{texts.amount(sonnet.estimate)}" in seen
    assert "without 6 models whose prices are not known" in seen
    without = report.render(report.gather(book, now=ledgers.NOW))
    assert "prices were not available, so in tokens only" in words(without)


def test_budgets_show_what_is_left(figures: Figures) -> None:
    seen = words(report.render(figures))

    for state in figures.budgets:
        left = state.budget.usd - state.spent
        said = (
            f"{texts.amount(left)} left" if left >= 0 else f"{texts.amount(-left)} over the limit"
        )
        assert said in seen


def test_the_page_stays_small_whatever_the_ledger_holds(tmp_path: Path) -> None:
    book = ledger.open(tmp_path / "ledger.db")
    rows = ledgers.rows(count=6000, days=700)
    for number, row in enumerate(rows):
        row.model, row.user_id = f"author-{number % 900}/model-{number}", f"user-{number}"
        row.tags, row.job = f'["tag-{number}"]', f"job-{number}"
        row.error_class = row.error_class and f"Error{number}"
    book.store.write(rows)
    written = report.write(report.gather(book, now=ledgers.NOW), tmp_path / "spend.html")
    seen = words(written.read_text(encoding="utf-8"))
    book.close()

    assert written.stat().st_size < 600_000
    assert "The 150 most expensive are shown; " in seen
    assert "The 150 latest are shown; " in seen
    assert len(table(written.read_text(encoding="utf-8"), "user")) == explorer.MOST_ROWS


def test_a_page_is_replaced_at_once(page: Path, figures: Figures, tmp_path: Path) -> None:
    target = tmp_path / "spend.html"
    target.write_text("old", encoding="utf-8")

    assert report.write(figures, target) == target
    assert target.read_bytes() == page.read_bytes()
    assert list(tmp_path.iterdir()) == [target]
    assert page.stat().st_size < 200_000
    broken = dataclasses.replace(figures, version=None)
    with pytest.raises(OSError, match="No such file"):
        report.write(broken, tmp_path / "nowhere" / "spend.html")


def test_jinja2_is_asked_for_where_it_lacks(
    figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)

    with pytest.raises(ledger.LedgerError, match=r"openrouter-adapter\[report\]"):
        report.render(figures)
