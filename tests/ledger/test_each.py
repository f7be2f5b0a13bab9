"""One rule gives each user, team or tag a limit of its own."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest
import sqlalchemy as sa

from openrouter_adapter import ledger
from openrouter_adapter.ledger import to_pico

from .rows import NOON, billed, unknown
from .traffic import CHAT

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger import Ledger, Row

HELLO = [{"role": "user", "content": "Hello"}]
DAY = 86_400_000_000
CENT = Decimal("0.01")


def spent(book: Ledger, name: str) -> dict[str | None, int]:
    """Picodollars by the value of the label."""
    return {one.value: to_pico(one.spent) for one in book.budgets(name)}


def count(book: Ledger, table: str) -> int:
    with book.store.database.read() as connection:
        return int(connection.scalar(sa.text(f"SELECT COUNT(*) FROM ledger_{table}")) or 0)  # noqa: S608


def now() -> int:
    return round(dt.datetime.now(dt.timezone.utc).timestamp() * 1_000_000)


def row(user: str | None, **fields: Any) -> Row:
    return unknown(outcome="open", user_id=user, **{"started_at": now(), **fields})


def settle(book: Ledger, held: Row, cost: int) -> None:
    held.cost, held.cost_status, held.outcome = cost, "billed", "ok"
    book.store.write([held])


def test_each_user_has_a_limit_and_none_takes_from_another(
    enable: Callable[..., Ledger], where: str, emulator: Emulator, to: dict[str, str]
) -> None:
    book = enable(where)
    book.budget("a person", "0.0000001", per="day", each="user", max_request_usd=1)
    book.budget("all", 1000, max_request_usd=1)
    for user in ("ann", "bob", None):
        with pytest.raises(litellm.BudgetExceededError) as refused:
            litellm.completion(CHAT, HELLO, max_tokens=20, user=user, **to)
        assert f"a person ({dt.datetime.now(dt.timezone.utc):%Y-%m-%d}" in str(refused.value)
        assert (user or "") in str(refused.value)
    assert emulator.bill() == []
    book.budget("a person", 5, per="day", each="user", max_request_usd=1)
    for user in ("ann", "ann", "bob", None):
        litellm.completion(CHAT, HELLO, max_tokens=20, user=user, **to)
    book.flush()
    costs = [to_pico(one.cost) for one in emulator.bill()]
    assert spent(book, "a person") == {"ann": costs[0] + costs[1], "bob": costs[2], "": costs[3]}
    assert sum(to_pico(one.held) for one in book.budgets("a person")) == 0


def test_a_rule_counts_what_each_had_spent_before_it(book: Ledger) -> None:
    book.store.write(
        [
            billed(10, started_at=now(), user_id="ann"),
            billed(20, started_at=now(), user_id="bob"),
            billed(40, started_at=now() - 2 * DAY, user_id="bob"),
            billed(80, started_at=now(), user_id="bob", job="night"),
        ]
    )
    book.budget("day", 1, per="day", each="user")
    book.budget("ever", 1, each="user")
    book.budget("night", 1, each="user", job="night")
    assert spent(book, "day") == {"ann": 10, "bob": 100}
    assert spent(book, "ever") == {"ann": 10, "bob": 140}
    assert spent(book, "night") == {"bob": 80}


def test_a_rule_that_nobody_has_used_is_shown_once(book: Ledger) -> None:
    book.budget("team", 1, each="team")
    [state] = book.budgets()
    assert (state.value, state.spent, state.held) == (None, 0, 0)


def test_a_request_with_two_tags_counts_in_full_under_both(book: Ledger) -> None:
    budget = book.budget("tag", Decimal("0.03"), each="tag")
    both = row("ann", tags='["a", "b"]')
    assert book.reservations.reserve(both, CENT, [budget]) is None
    assert {one.value: one.held for one in book.budgets("tag")} == {"a": CENT, "b": CENT}
    assert len(book.held("tag")) == 2
    settle(book, both, 7)
    assert spent(book, "tag") == {"a": 7, "b": 7}
    assert book.held("tag") == []
    assert (
        book.reservations.reserve(row("ann", tags='["b"]'), Decimal("0.03"), [budget]) is not None
    )
    assert book.reservations.reserve(row("ann", tags='["c"]'), Decimal("0.03"), [budget]) is None


def test_a_request_that_another_budget_refuses_leaves_nothing_with_the_user(book: Ledger) -> None:
    budgets = [book.budget("a", 1, each="user"), book.budget("b", Decimal("0.001"))]
    for number in range(20):
        assert book.reservations.reserve(row(f"user-{number}"), CENT, budgets) is not None
    assert {one.held for one in book.budgets("a")} == {0}
    assert count(book, "holds") == 0


def test_many_users_leave_nothing_reserved_behind(book: Ledger) -> None:
    budget = book.budget("a", 1, per="day", each="user")
    for number in range(20):
        held = row(f"user-{number}")
        assert book.reservations.reserve(held, CENT, [budget]) is None
        settle(book, held, 5)
    assert count(book, "holds") == 0
    assert {one.held for one in book.budgets("a")} == {0}
    assert len(book.budgets("a")) == 20
    assert [one.value for one in book.budgets("a", most_values=1)] == ["user-0"]


def test_of_requests_that_do_not_fit_together_the_first_are_reserved(book: Ledger) -> None:
    small, large = book.budget("small", Decimal("0.035")), book.budget("large", 1)
    rows = [row("ann") for _ in range(10)]
    refusals = book.reservations.reserve_all([(one, CENT, [large, small]) for one in rows])
    assert [one is None for one in refusals] == [True] * 3 + [False] * 7
    assert {one.budget.name: one.held for one in book.budgets()} == {
        "small": 3 * CENT,
        "large": 3 * CENT,
    }
    assert {one.call_id for one in book.store.rows()} == {one.call_id for one in rows[:3]}
    (refusal,) = {str(one) for one in refusals[3:]}
    assert "0.03 USD reserved" in refusal
    worst = Decimal(10**9)
    assert book.reservations.reserve(row("ann"), worst, [large]) is not None


def test_accounts_of_past_days_are_forgotten(book: Ledger) -> None:
    book.budget("a", 1, per="day", each="user")
    for day in range(5):
        book.store.write([billed(5, started_at=NOON + day * DAY, user_id="ann")])
    assert count(book, "accounts") == 2


@pytest.mark.parametrize(
    "wrong",
    [{"each": "colour"}, {"each": "user", "user": "ann"}],
    ids=["no label", "one of each"],
)
def test_a_rule_that_makes_no_sense_is_an_error(book: Ledger, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="each"):
        book.budget("a", 1, **wrong)


def test_two_processes_share_the_limit_of_a_user(book: Ledger, where: str) -> None:
    budget = book.budget("a", Decimal("0.015"), each="user")
    other = ledger.open(where)
    assert book.reservations.reserve(row("ann"), CENT, [budget]) is None
    assert other.reservations.reserve(row("ann"), CENT, [budget]) is not None
    assert other.reservations.reserve(row("bob"), CENT, [budget]) is None
    other.close()
