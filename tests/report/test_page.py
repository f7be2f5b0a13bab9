"""The page's text and data: exact, named as text, small, and all that it needs."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import hashlib
import json
import os
import re
import zlib
from decimal import Decimal
from html import unescape
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter import installing, ledger, report
from openrouter_adapter.ledger import facts
from openrouter_adapter.ledger.rows import Row
from openrouter_adapter.report import cube, texts

from . import ledgers

if TYPE_CHECKING:
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger import Ledger
    from openrouter_adapter.report import Figures

FINEST, COARSEST = cube.LEVELS[0], cube.LEVELS[-1]


def decoded(html: str) -> Any:
    """The data of a page."""
    text = html.split('id="data">')[1].split("</script>", maxsplit=1)[0]
    return json.loads(zlib.decompress(base64.b85decode(text.replace(",", "<"))))


def words(html: str) -> str:
    """What a reader without JavaScript sees of the page."""
    without = re.sub(r"<(style|script)\b.*?</\1>", "", html, flags=re.DOTALL)
    joined = re.sub(r"</?(?:i|b|bdi|em|small|strong|code)\b[^>]*>", "", without)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", joined)))


def sums(found: cube.Cube, by: str) -> dict[Any, Decimal]:
    """USD by the values of a dimension."""
    columns = {name: list(map(int, text.split())) for name, text in found.columns.items()}
    none = [0] * found.count
    result: dict[Any, Decimal] = {}
    for at in range(found.count):
        value = found.values[by][columns.get(by, none)[at]]
        pico = sum(columns.get(name, none)[at] for name in ("billed", "upstream", "estimate"))
        for one in value if by == "tag" else [value]:
            result[one] = result.get(one, Decimal(0)) + ledger.to_usd(pico)
    return result


@pytest.mark.parametrize("by", [name for name in facts.DIMENSIONS if name != "outcome"])
def test_every_sum_is_the_ledger_s(figures: Figures, book: Ledger, by: str) -> None:
    found = sums(figures.cube, by)

    for one in book.spend(by):
        name = None if one.name is None else texts.visible(one.name)
        assert found[name] == one.total


@pytest.mark.parametrize("level", [FINEST, cube.LEVELS[6], COARSEST])
def test_every_level_adds_up(book: Ledger, figures: Figures, level: cube.Level) -> None:
    rows = facts.facts(book.store.database, cube.first_hour(ledgers.NOW))
    found = cube.build(rows, ledgers.NOW, [level])

    assert figures.total is not None
    for name in facts.DIMENSIONS:
        if name != "tag":
            assert sum(sums(found, name).values()) == figures.total.total
    for name, number in (
        ("requests", figures.total.requests),
        ("failures", figures.total.failures),
        ("unknown", figures.total.unknown),
        ("prompt_tokens", figures.total.prompt_tokens),
    ):
        assert sum(map(int, found.columns[name].split())) == number


def test_values_that_are_not_named_are_counted(book: Ledger) -> None:
    rows = facts.facts(book.store.database, cube.first_hour(ledgers.NOW))
    found = cube.build(rows, ledgers.NOW, [cube.Level(0, None, 3)])

    named = [one.name for one in book.spend("model")]
    assert set(found.values["model"]) == {*named[:3], len(named) - 3}


def test_days_that_lie_back_become_months(book: Ledger) -> None:
    rows = facts.facts(book.store.database, cube.first_hour(ledgers.NOW))
    found = cube.build(rows, ledgers.NOW, [cube.Level(0, 7, 100)])

    hours = sorted({int(one) for one in found.columns["hour"].split()})
    starts = [dt.datetime.fromtimestamp(3600 * hour, dt.timezone.utc) for hour in hours]
    assert [f"{one:%d %b %H}" for one in starts[:3]] == ["01 Oct 00", "01 Nov 00", "21 Nov 00"]


def test_it_can_be_read_without_javascript(figures: Figures, book: Ledger) -> None:
    seen = words(report.render(figures))

    for one in book.spend("model"):
        assert one.name is not None
        assert f"{one.name} {texts.amount(one.total)} {one.requests:,} {one.unknown}" in seen
    assert figures.total is not None
    assert f"All requests {texts.amount(figures.total.total)}" in seen


def test_names_of_others_are_escaped_everywhere(figures: Figures) -> None:
    html = report.render(figures)

    assert html.count("<script>") == 1
    assert "<img" not in html
    assert "&lt;script&gt;window.pwned=1&lt;/script&gt;" in html
    assert "\u202e" not in html + json.dumps(decoded(html), ensure_ascii=False)


def test_only_its_own_script_may_run(figures: Figures) -> None:
    html = report.render(figures)
    script = html.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert f"script-src 'sha256-{digest}'" in html
    assert "default-src 'none'" in html
    assert "connect-src" not in html
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", html)
    assert "https://" not in html
    assert html.count("http://") == html.count("http://www.w3.org/2000/svg")


def test_nothing_that_was_said_and_no_key_is_in_it(emulated: Emulator, tmp_path: Path) -> None:
    key, question = os.environ["OPENROUTER_API_KEY"], "Where does the red fox sleep?"
    with openrouter_adapter.registered():
        ledger.enable(tmp_path / "ledger.db")
        try:
            answer: Any = litellm.completion(
                "openrouter/openai/gpt-4o-mini",
                [{"role": "user", "content": question}],
                metadata={"tags": ["animals"]},
            )
            html = report.render(report.gather(ledger.current()))
        finally:
            ledger.disable()
    everything = html + json.dumps(decoded(html))

    assert len(emulated.bill()) == 1
    assert "animals" in everything
    for secret in (key, key[10:], question, "red fox", answer.choices[0].message.content):
        assert secret not in everything


def test_batches_are_compared_with_the_standard_price(tmp_path: Path) -> None:
    """Also under the name that OpenRouter gives a model in batches."""
    book, model = ledger.open(tmp_path / "batches.db"), "anthropic/claude-sonnet-4.5"
    book.store.write(
        [
            Row(
                call_id=name,
                attempt=1,
                started_at=round(ledgers.NOW.timestamp() * 1e6),
                model=name,
                endpoint="/batches",
                outcome="ok",
                prompt_tokens=1000,
                completion_tokens=100,
                cost=2_250_000_000,
                cost_status="billed",
            )
            for name in (model, f"{model}:batch")
        ]
    )
    found = report.gather(book, prices=ledgers.prices(), now=ledgers.NOW)
    book.close()

    standard = [3_000_000, 15_000_000, 300_000, 3_750_000]
    assert found.prices == {model: standard, f"{model}:batch": standard}
    assert found.cube.values["endpoint"] == ["/batches"]
    assert "what batches cost less than single requests" in words(report.render(found))


def test_requests_in_flight_are_counted(tmp_path: Path) -> None:
    book = ledger.open(tmp_path / "ledger.db")
    moment = round(ledgers.NOW.timestamp() * 1e6)
    book.store.write([Row("open", 1, moment, model="a/b")])
    book.store.write(
        [Row("ok", 1, moment, model="a/b", outcome="ok", cost=1, cost_status="billed")]
    )
    found = decoded(report.render(report.gather(book, now=ledgers.NOW)))
    book.close()

    assert (found["in_flight"], found["columns"]["requests"]) == (1, "1")


def test_the_page_stays_small_whatever_the_ledger_holds(tmp_path: Path) -> None:
    book = ledger.open(tmp_path / "ledger.db")
    rows = ledgers.rows(count=6000, days=700)
    for number, row in enumerate(rows):
        row.model, row.user_id = f"author-{number % 900}/model-{number}", f"user-{number}"
        row.tags, row.job = f'["tag-{number}"]', f"job-{number}"
        row.error_class = row.error_class and f"Error{number}"
    book.store.write(rows)
    found = report.gather(book, now=ledgers.NOW)
    written = report.write(found, tmp_path / "spend.html")
    book.close()

    assert written.stat().st_size < 600_000
    assert len(found.cube.values["user"]) == 101  # 100 users, and the others


@pytest.mark.slow
def test_a_hundred_thousand_requests_are_under_a_megabyte(tmp_path: Path) -> None:
    book = ledger.open(tmp_path / "ledger.db")
    rows = ledgers.rows(count=100_000)
    for start in range(0, len(rows), 5000):
        book.store.write(rows[start : start + 5000])
    found = report.gather(book, prices=ledgers.prices(), now=ledgers.NOW)
    written = report.write(found, tmp_path / "spend.html")
    book.close()

    assert written.stat().st_size < 1_000_000
    assert found.total is not None
    assert sum(sums(found.cube, "model").values()) == found.total.total


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

    with pytest.raises(ledger.LedgerError, match=re.escape(installing.command("report"))):
        report.render(figures)
