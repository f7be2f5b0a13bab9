"""The journal of a job: what was sent, what became of it, and what a killed run left open.

One line for each event, in order:

  R 2                  a run begins, its number
  > 17 1 250000000     line 17 is sent, first attempt of the run, USD 0.00025 are reserved
  @ 17 1 gen-1-abc     its answer has begun, and has this generation id
  < 17 1 120000000     it was answered or failed for good, and cost USD 0.00012
  ~ 17 1 0             it failed, cost nothing, and will be tried again
  ? 17 1 gen-1-abc     its cost isn't known; its reservation still counts,
  = 17 2 1 120000000   … until this line has the cost of line 17, run 2, attempt 1

  B 3 1 5000 5000 250000000 /v1/embeddings a/model
                       batch 3 is submitted: first attempt of its requests, last line, number of
                       requests, reservation, endpoint, model; batches/3.json has the lines
  b 3 batch_abc        OpenRouter accepted it under this id
  s 3 in_progress      its status changed
  e 3 120000000        its outcomes are written, and it cost USD 0.00012

Amounts are in picodollars, `-` stands for none. Every intent is on disk before its request is sent,
so each request that was sent and has no result has an open intent. A generation id is written if an
answer's headers come before its body, so that the cost can be looked up after a kill.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from openrouter_adapter import money
from openrouter_adapter.batch import results
from openrouter_adapter.batch.results import Attempt

if TYPE_CHECKING:
    from pathlib import Path

GONE: Final = "gone"
"""Status of a batch that OpenRouter no longer knows."""

_OF_BATCHES: Final = frozenset({b"B", b"b", b"s", b"e"})


@dataclass(slots=True)
class OpenAttempt:
    """An attempt whose cost isn't known.

    Attributes:
        reserved: Picodollars that count for it; 0 if the run had no budget.
        generation_id: OpenRouter's id of it, if it is known.
        was_in_flight: Whether its run was killed before the outcome was written.
    """

    reserved: int
    generation_id: str | None = None
    was_in_flight: bool = True


@dataclass(slots=True)
class SubmittedBatch:
    """A batch that was, or may have been, submitted to OpenRouter's Batch API.

    Attributes:
        number: Its number in the job, from 1.
        run: The run that submitted it.
        attempt: Which attempt at its requests it is, within that run, from 1.
        last_line: The last of its lines; the ledger's row of that line has its reservation.
        requests: Number of its requests.
        reserved: Picodollars that it may cost at most; 0 if the run had no budget.
        endpoint: Its name in the Batch API, such as `/v1/embeddings`.
        model: Its model.
        batch_id: OpenRouter's id of it; None until OpenRouter has accepted it.
        status: Its last known status.
        cost: Picodollars; None while its outcomes aren't all written.
    """

    number: int
    run: int
    attempt: int
    last_line: int
    requests: int
    reserved: int
    endpoint: str
    model: str
    batch_id: str | None = None
    status: str = "submitted"
    cost: int | None = None

    @property
    def last_attempt(self) -> Attempt:
        """The attempt of its last line."""
        return Attempt(self.last_line, self.run, self.attempt)


@dataclass(slots=True)
class JournalState:
    """What a journal says of the runs so far.

    Attributes:
        runs: Number of runs.
        spent: Picodollars that are known to have been charged.
        retries: Number of attempts that failed and were followed by another.
        open: Attempts whose cost isn't known.
        batches: Batches, by their number.
    """

    runs: int = 0
    spent: int = 0
    retries: int = 0
    open: dict[Attempt, OpenAttempt] = field(default_factory=dict)
    batches: dict[int, SubmittedBatch] = field(default_factory=dict)

    @property
    def open_batches(self) -> list[SubmittedBatch]:
        """Batches whose outcomes aren't all written."""
        return [batch for batch in self.batches.values() if batch.cost is None]

    @property
    def gone_batches(self) -> list[SubmittedBatch]:
        """Batches that OpenRouter no longer knows, so that nobody knows their cost."""
        return [batch for batch in self.open_batches if batch.status == GONE]

    @property
    def unknown(self) -> int:
        """Picodollars that count for attempts whose cost isn't known."""
        lost = sum(batch.reserved for batch in self.gone_batches)
        return lost + sum(attempt.reserved for attempt in self.open.values())


def run_begins(run: int) -> bytes:
    """The line that begins a run."""
    return b"R %d\n" % run


def intent(attempt: Attempt, reserved: int | None) -> bytes:
    """The line that is on disk before an attempt is sent."""
    if reserved is None:
        return b"> %d %d -\n" % (attempt.line, attempt.number)
    return b"> %d %d %d\n" % (attempt.line, attempt.number, reserved)


def answer_begun(attempt: Attempt, generation_id: str) -> bytes:
    """The line of an attempt whose answer's headers came before its body."""
    return b"@ %d %d %s\n" % (attempt.line, attempt.number, _name(generation_id))


def cost_known(attempt: Attempt, cost: int, *, is_last: bool) -> bytes:
    """The line of an attempt whose cost is known."""
    return b"%c %d %d %d\n" % (b"<" if is_last else b"~", attempt.line, attempt.number, cost)


def cost_unknown(attempt: Attempt, generation_id: str | None) -> bytes:
    """The line of an attempt whose cost isn't known."""
    return b"? %d %d %s\n" % (attempt.line, attempt.number, _name(generation_id))


def cost_found(attempt: Attempt, cost: int) -> bytes:
    """The line of a cost that was found out later, of an attempt of this run or an earlier one."""
    return b"= %d %d %d %d\n" % (attempt.line, attempt.run, attempt.number, cost)


def batch_submitted(batch: SubmittedBatch) -> bytes:
    """The line that is on disk before a batch is submitted."""
    words = (batch.number, batch.attempt, batch.last_line, batch.requests, batch.reserved)
    return b"B %d %d %d %d %d %s %s\n" % (*words, batch.endpoint.encode(), batch.model.encode())


def batch_accepted(number: int, batch_id: str) -> bytes:
    """The line of a batch that OpenRouter has accepted."""
    return b"b %d %s\n" % (number, _name(batch_id))


def batch_status(number: int, status: str) -> bytes:
    """The line of a batch whose status changed."""
    return b"s %d %s\n" % (number, _name(status))


def batch_ended(number: int, cost: int) -> bytes:
    """The line of a batch whose outcomes are all written."""
    return b"e %d %d\n" % (number, cost)


def _name(generation_id: str | None) -> bytes:
    """A generation id as one word; `-` for none, or for one that a journal can't hold."""
    if not generation_id or not generation_id.isascii() or not generation_id.isprintable():
        return b"-"
    return generation_id.replace(" ", "").encode() or b"-"


def read(path: Path) -> JournalState:
    """Reads a journal, which may end anywhere in its last line."""
    state = JournalState()
    for text in results.whole_lines(path):
        kind, *numbers = text.split()
        if kind == b"R":
            state.runs = int(numbers[0])
        elif kind == b"=":
            line, run, number, cost = map(int, numbers)
            state.open.pop(Attempt(line, run, number), None)
            state.spent += cost
        elif kind in _OF_BATCHES:
            _read_batch(state, kind, numbers)
        else:
            _read_event(state, kind, numbers)
    return state


def _read_batch(state: JournalState, kind: bytes, words: list[bytes]) -> None:
    number = int(words[0])
    if kind == b"B":
        attempt, last_line, requests, reserved = map(int, words[1:5])
        endpoint, model = words[5].decode(), words[6].decode()
        state.batches[number] = SubmittedBatch(
            number, state.runs, attempt, last_line, requests, reserved, endpoint, model
        )
        return
    batch = state.batches[number]
    if kind == b"b":
        batch.batch_id = words[1].decode()
    elif kind == b"s":
        batch.status = words[1].decode()
    else:
        batch.cost = int(words[1])
        state.spent += batch.cost


def _read_event(state: JournalState, kind: bytes, numbers: list[bytes]) -> None:
    attempt = Attempt(int(numbers[0]), state.runs, int(numbers[1]))
    value = numbers[2]
    if kind == b">":
        state.open[attempt] = OpenAttempt(0 if value == b"-" else int(value))
    elif kind == b"@":
        if attempt in state.open:
            state.open[attempt].generation_id = None if value == b"-" else value.decode()
    elif kind == b"?":
        entry = state.open.setdefault(attempt, OpenAttempt(0))
        entry.was_in_flight = False
        entry.generation_id = None if value == b"-" else value.decode()
    else:
        state.open.pop(attempt, None)
        state.spent += int(value)
        state.retries += kind == b"~"


def close_answered(state: JournalState, line: bytes) -> tuple[Attempt, int] | None:
    """Closes an open attempt by its result, which was written before the run was killed.

    Returns:
        The attempt and its cost in picodollars; None if it isn't open.
    """
    attempt = Attempt.of_id(results.id_of(line))
    entry = state.open.get(attempt)
    if entry is None or not entry.was_in_flight:
        return None
    cost = results.cost_of(line)
    if cost is None:
        entry.was_in_flight = False
        return None
    del state.open[attempt]
    amount = money.picodollars(cost)
    state.spent += amount
    return attempt, amount
