"""Money held for requests that are in the air, so that what they cost can never be too much.

A request's worst case is taken before it is sent, from the allowance that this process has taken
in a block from the budget, and written down as a hold: a process that dies leaves its holds
behind, and they go on counting. Requests that ask at the same time share one commit.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from openrouter_adapter.ledger import balances, store, workers
from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.money import picodollars, plain, to_pico, to_usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from openrouter_adapter.ledger.budgets import Account, Budget
    from openrouter_adapter.ledger.database import Database
    from openrouter_adapter.ledger.rows import Row

# A block is a small part of the limit, and of what is left of it: allowance that lies with one
# process is missing at the others.
_OF_LIMIT: Final = 512
_OF_REST: Final = 32


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request does not fit: amounts in picodollars.

    `is_for_now` says that it would fit if everything that is held cost nothing.
    """

    budget: Budget
    period: str
    spent: int
    held: int
    worst: int

    @property
    def is_for_now(self) -> bool:
        """Whether waiting for others' requests to end may help."""
        return self.spent + self.worst <= to_pico(self.budget.usd)

    def __str__(self) -> str:
        """Name the budget, what is spent, what is held and what the request could cost."""
        period = self.period.strip()
        what = self.budget.name + (f" ({period})" if period else "")
        limit = _usd(to_pico(self.budget.usd))
        return (
            f"budget {what}: {_usd(self.spent)} of {limit} USD are spent and "
            f"{_usd(self.held)} USD held for other requests; this one could cost "
            f"{_usd(self.worst)} USD"
        )


@dataclass(slots=True)
class _Wish:
    """One request's, waiting for the commit that decides it."""

    row: Row
    worst: int
    budgets: Sequence[Budget]
    hold_id: str = ""
    refusal: Refusal | None = None
    failure: LedgerError | None = None
    is_done: bool = False

    def accounts(self) -> list[tuple[Budget, Account]]:
        """Where it is to be held, under which budget."""
        return [(budget, one) for budget in self.budgets for one in budget.accounts(self.row)]


@dataclass
class Reservations:
    """The holds of one process on one ledger. Safe from any thread.

    Attributes:
        database: The ledger's.
        lease_seconds: How long a process may be silent before it counts as dead.
    """

    database: Database
    lease_seconds: float = 60.0
    _worker: str | None = None
    _idle: dict[Account, int] = field(default_factory=dict)
    _waiting: list[_Wish] = field(default_factory=list)
    _taken_since_beat: bool = False

    def __post_init__(self) -> None:
        """Makes the locks; a child of a fork needs its own."""
        self._list_lock = threading.Lock()
        self._turn = threading.Lock()

    def reserve(self, row: Row, worst: Decimal, budgets: Sequence[Budget]) -> Refusal | None:
        """Reserves a request's worst case under all budgets that apply to it.

        The row's `hold_id` is set; when its cost is written (`Store.write`), the hold ends.

        Args:
            row: The request, with its labels and `started_at`.
            worst: The most that it can cost, in USD.
            budgets: Those that apply to it.

        Returns:
            None, or why it does not fit; nothing is held then.

        Raises:
            LedgerError: the ledger can't be written; nothing is held then.
        """
        (found,) = self.reserve_all([(row, worst, budgets)])
        if isinstance(found, LedgerError):
            raise found
        return found

    def reserve_all(
        self, requests: Sequence[tuple[Row, Decimal, Sequence[Budget]]]
    ) -> list[Refusal | LedgerError | None]:
        """The same for many requests with one commit; says of each what `take` does of one.

        Args:
            requests: Row, worst case in USD and budgets of each.
        """
        wishes = [_Wish(row, picodollars(worst), budgets) for row, worst, budgets in requests]
        with self._list_lock:
            self._waiting += wishes
        # Who gets the turn decides for all that wait; the others find theirs decided.
        with self._turn:
            if not all(wish.is_done for wish in wishes):
                self._decide()
        for wish in wishes:
            if wish.failure is None and wish.refusal is None:
                wish.row.hold_id = wish.hold_id
        return [wish.failure or wish.refusal for wish in wishes]

    def _decide(self) -> None:
        with self._list_lock:
            wishes, self._waiting = self._waiting, []
        self._taken_since_beat = True
        try:
            self._worker, self._idle = self.database.write(
                lambda connection: self._take(connection, wishes), is_durable=True
            )
        except LedgerError as failure:
            self._fail(wishes, failure)
        except BaseException as failure:
            self._fail(wishes, LedgerError(f"it was not decided: {type(failure).__name__}"))
            raise
        finally:
            for wish in wishes:
                wish.is_done = True

    def _fail(self, wishes: Sequence[_Wish], failure: LedgerError) -> None:
        # Whether it was committed is not known: what this worker had is left to be buried.
        self._worker, self._idle = None, {}
        for wish in wishes:
            wish.failure = failure

    def _take(
        self, connection: sa.Connection, wishes: Sequence[_Wish]
    ) -> tuple[str, dict[Account, int]]:
        worker, idle = self._worker, dict(self._idle)
        if worker is None or not workers.is_alive(connection, worker):
            worker = workers.enter(connection, self.database, self.lease_seconds)
            idle = {}
        standing = {budget.name: budget for budget in balances.load(connection, is_kept=True)}
        for wish in wishes:
            # This process may know budgets that are removed, or made anew for other requests.
            known = [(budget, standing.get(budget.name)) for budget in wish.budgets]
            wish.budgets = [now for was, now in known if now and now.scope == was.scope]
        leased = workers.leases(connection, worker)
        idle = {account: amount for account, amount in idle.items() if account in leased}
        balances.lock(connection, _short(wishes, idle))
        made: list[dict[str, object]] = []
        for wish in wishes:
            wish.hold_id = ""
            wish.refusal = self._grant(connection, worker, idle, wish)
            if wish.refusal is None:
                wish.hold_id = uuid.uuid4().hex
                made += _records(wish, worker)
        if made:
            connection.execute(_INSERT, made)
            # Whatever becomes of this process, each attempt that may be billed has its row.
            rows = [replace(wish.row, hold_id=wish.hold_id) for wish in wishes if wish.hold_id]
            store.insert(connection, self.database, rows)
        return worker, idle

    def _grant(
        self, connection: sa.Connection, worker: str, idle: dict[Account, int], wish: _Wish
    ) -> Refusal | None:
        """Takes a wish out of the idle allowance, filled up where it is too little; or refuses."""
        taken: list[tuple[Budget, Account]] = []
        for budget, account in wish.accounts():
            missing = wish.worst - idle.get(account, 0)
            if missing > 0:
                refusal = _fill(connection, worker, idle, budget, account, missing, wish.worst)
                if refusal is not None:
                    for other, its in taken:
                        idle[its] += wish.worst
                        if other.each is not None:
                            workers.move(connection, worker, *its, -idle.pop(its))
                    return refusal
            idle[account] = idle.get(account, 0) - wish.worst
            taken.append((budget, account))
        return None

    def beat(self) -> None:
        """Says that this process lives, buries those that don't, returns what lies idle.

        Raises:
            LedgerError: the ledger can't be written.
        """
        with self._turn:
            is_idle = not self._taken_since_beat
            self._taken_since_beat = False
            worker = self._worker

            def work(connection: sa.Connection) -> None:
                if worker is not None:
                    workers.beat(connection, self.database, worker)
                    if is_idle:
                        workers.give_back(connection, worker)
                workers.bury(connection, self.database)

            self.database.write(work)
            if is_idle:
                self._idle = {}

    def give_back(self) -> None:
        """Returns what this process has taken in advance and not held.

        Raises:
            LedgerError: the ledger can't be written.
        """
        with self._turn:
            worker, self._idle = self._worker, {}
            if worker is not None:
                self.database.write(lambda connection: workers.give_back(connection, worker))

    def close(self) -> None:
        """Gives back what this process does not hold. Holds that are left count as unsettled."""
        with self._turn:
            worker, self._worker, self._idle = self._worker, None, {}
            if worker is not None:
                self.database.write(lambda connection: workers.leave(connection, worker))

    def after_fork(self) -> None:
        """Starts anew in a child: the parent's allowance is the parent's."""
        self._worker, self._idle, self._waiting = None, {}, []
        self.__post_init__()

    def release(self, hold_ids: Sequence[str]) -> int:
        """Ends holds by a person's decision; gives how many there were.

        Raises:
            LedgerError: the ledger can't be written.
        """
        return self.database.write(lambda connection: release(connection, hold_ids))


def release(connection: sa.Connection, hold_ids: Sequence[str]) -> int:
    """Ends holds: what they held can be spent again. What is billed later still counts."""
    count = sa.text("SELECT COUNT(DISTINCT id) FROM ledger_holds WHERE id IN :ids")
    number = connection.scalar(
        count.bindparams(sa.bindparam("ids", expanding=True)), {"ids": list(hold_ids)}
    )
    balances.end_holds(connection, hold_ids)
    return int(number or 0)


_INSERT: Final = sa.text(
    "INSERT INTO ledger_holds (id, budget, period, worker, amount, made_at, call_id, attempt, "
    "model) VALUES (:id, :budget, :period, :worker, :amount, :made_at, :call_id, :attempt, :model)"
)


def _short(wishes: Sequence[_Wish], idle: Mapping[Account, int]) -> list[Account]:
    """The accounts that the idle allowance does not suffice for."""
    wanted: dict[Account, int] = {}
    for wish in wishes:
        for _, account in wish.accounts():
            wanted[account] = wanted.get(account, 0) + wish.worst
    return [account for account, amount in wanted.items() if amount > idle.get(account, 0)]


def _records(wish: _Wish, worker: str) -> list[dict[str, object]]:
    row = wish.row
    return [
        {
            "id": wish.hold_id,
            "budget": budget.name,
            "period": period,
            "worker": worker,
            "amount": wish.worst,
            "made_at": row.started_at,
            "call_id": row.call_id,
            "attempt": row.attempt,
            "model": row.model,
        }
        for budget, (_, period) in wish.accounts()
    ]


def _fill(
    connection: sa.Connection,
    worker: str,
    idle: dict[Account, int],
    budget: Budget,
    account: Account,
    missing: int,
    worst: int,
) -> Refusal | None:
    """Takes a block from the account, or just what is missing; or says why it can't."""
    name, period = account
    balances.open_account(connection, budget, account)
    balances.lock(connection, [account])
    spent, held = connection.execute(
        sa.text(
            "SELECT spent, held FROM ledger_accounts WHERE budget = :name AND period = :period"
        ),
        {"name": name, "period": period},
    ).one()
    most = to_pico(budget.usd)
    rest = most - spent - held
    if missing > rest:
        mine = idle.pop(account, 0)
        workers.move(connection, worker, name, period, -mine)
        return Refusal(budget, period, spent, held - mine, worst)
    block = missing
    if budget.each is None:
        # What is taken in advance for each of many users would never be needed again.
        block = min(rest, max(missing, min(most // _OF_LIMIT, rest // _OF_REST)))
    workers.move(connection, worker, name, period, block)
    idle[account] = idle.get(account, 0) + block
    return None


def _usd(pico: int) -> str:
    return plain(to_usd(pico))
