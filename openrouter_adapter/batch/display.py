"""What a run displays: a bar and a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from openrouter_adapter import money
from openrouter_adapter.batch.results import Attempt
from openrouter_adapter.batch.retries import KEEP_GOING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType
    from typing_extensions import Self

    from openrouter_adapter.batch.estimates import DryRun
    from openrouter_adapter.batch.progress import Snapshot
    from openrouter_adapter.batch.summary import Summary

# Seconds over which rates are measured.
_WINDOW: Final = 10.0
# Seconds between two plain lines.
_INTERVAL: Final = 10.0
# Lost requests whose lines are named, at most, and batches that are listed.
_SHOWN: Final = 10
# Different messages that are shown of one exception class, at most, and characters of each.
_MOST_MESSAGES: Final = 3
_LONGEST_MESSAGE: Final = 300


class Rates:
    """Requests and tokens a second, recently."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int]] = deque()

    def add(self, now: float, requests: int, tokens: int) -> tuple[float, float]:
        """Takes the counts so far; returns requests a second and tokens a second."""
        self._seen.append((now, requests, tokens))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW:
            self._seen.popleft()
        then, before, tokens_before = self._seen[0]
        seconds = now - then
        if seconds <= 0:
            return 0.0, 0.0
        return (requests - before) / seconds, (tokens - tokens_before) / seconds


class Screen(Console):
    """A console whose reader may close it, as in `2>&1 | head`; rich would end the job."""

    def on_broken_pipe(self) -> None:
        """Displays nothing from now on."""
        self.quiet = True


class Display:
    """Displays the progress of a run; a context manager around it."""

    def __init__(self, console: Console) -> None:
        """Takes a console: a terminal gets a bar and a live line, anything else plain lines."""
        self._console = console
        self._rates = Rates()
        self._live: Any = None
        self._printed = time.monotonic()
        self._has_told_half_price = False

    def __enter__(self) -> Self:
        """Starts the bar."""
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live("", console=self._console, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the bar; its last state stays."""
        if self._live is not None:
            with contextlib.suppress(OSError):
                self._live.stop()

    def show(self, snapshot: Snapshot) -> None:
        """Displays the state of a run; called a few times a second."""
        now = time.monotonic()
        text = self._text(snapshot, now)
        # A job goes on even if nothing can be displayed.
        with contextlib.suppress(OSError):
            if snapshot.at_half_price is not None and not self._has_told_half_price:
                self._has_told_half_price = True
                told = line_of_half_price(snapshot.at_half_price)
                self._console.print(told, markup=False, highlight=False, soft_wrap=True)
            if self._live is not None:
                self._live.update(_with_bar(snapshot, text))
            elif now - self._printed >= _INTERVAL:
                self._printed = now
                self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _text(self, seen: Snapshot, now: float) -> str:
        outcomes = seen.done + seen.failed
        rate, token_rate = self._rates.add(now, outcomes, seen.tokens)
        spent = f"USD {money.to_usd(seen.spent):.4f}"
        if seen.limit is not None:
            spent += f" of {money.to_usd(seen.limit):.2f}"
        left = seen.requests - outcomes
        if left and outcomes and seen.spent:
            expected = money.to_usd(seen.spent * seen.requests // outcomes)
            spent += f", about {expected:.{2 if expected >= 1 else 4}f} expected"
        percent = "" if self._console.is_terminal else f" ({_percent(seen)} %)"
        parts = [
            f"{seen.done:,} of {seen.requests:,} done{percent}",
            f"{seen.failed:,} failed",
            f"{seen.in_flight:,} in flight",
            f"{rate:,.1f} requests/s",
            f"{token_rate:,.0f} tokens/s",
            spent,
        ]
        if rate > 0 and left:
            parts.append(f"{duration(left / rate)} left")
        if seen.stopping:
            parts.append("stopping: requests in flight finish first")
        elif seen.note:
            parts.append(seen.note)
        return " · ".join(parts)


def _with_bar(seen: Snapshot, text: str) -> RenderableType:
    """A bar with its percentage, and the text below it."""
    bar = Table.grid(padding=(0, 1), expand=True)
    bar.add_column(ratio=1)
    bar.add_column(no_wrap=True, justify="right", min_width=5)
    ended = seen.done + seen.failed
    bar.add_row(ProgressBar(max(seen.requests, 1), ended), f"{_percent(seen)} %")
    # As plain text: a provider's message may have brackets, which are markup for rich.
    return Group(bar, Text(text))


def _percent(seen: Snapshot) -> int:
    """The percentage of requests that have an outcome; 100 only if all have one."""
    return 100 * (seen.done + seen.failed) // max(seen.requests, 1)


def duration(seconds: float) -> str:
    """A duration as a short text."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def lines_of_summary(summary: Summary) -> list[str]:
    """The summary of a job as text."""
    lines = [
        (
            f"{summary.done:,} of {summary.requests:,} requests answered, {summary.failed:,} "
            f"failed, {summary.left:,} left; {summary.retries:,} retries."
        ),
        f"It cost USD {money.plain(summary.cost)}"
        + ("" if summary.budget is None else f" of a budget of {money.plain(summary.budget)}")
        + f"; {summary.prompt_tokens:,} tokens in, {summary.completion_tokens:,} out.",
    ]
    if summary.unsettled:
        known = f"The cost of {summary.unsettled:,} attempts isn't known"
        if summary.budget is not None:
            known += f"; it counts as up to USD {money.plain(summary.unsettled_cost)}"
        lines.append(f"{known}.")
    lines += [f"  {line_of_share(name, share)}" for name, share in summary.models.items()]
    for kind, count in summary.failures.items():
        lines += _lines_of_failures(kind, count, summary.errors)
    return lines + _lines_of_batches(summary) + _lines_of_end(summary)


def _lines_of_batches(summary: Summary) -> list[str]:
    """The state of each batch at OpenRouter, and how many are over."""
    open_ones = [one for one in summary.batches if one["cost_usd"] is None]
    over = len(summary.batches) - len(open_ones)
    lines = [f"Batches that have ended: {over:,}."] if over else []
    for one in open_ones[:_SHOWN]:
        name = one["id"] or f"batch {one['number']}"
        lines.append(f"  {name}: {one['status']}, {one['requests']:,} requests to {one['model']}")
    if len(open_ones) > _SHOWN:
        lines.append(f"  … and {len(open_ones) - _SHOWN:,} more batches (--json names all).")
    return lines


def _lines_of_failures(kind: str, count: int, errors: Sequence[Mapping[str, Any]]) -> list[str]:
    """The failures of one exception class, with OpenRouter's words."""
    of_kind = [(one["message"], one["requests"]) for one in errors if one["error"] == kind]
    shown = [(_short(message), number) for message, number in of_kind[:_MOST_MESSAGES]]
    if len(of_kind) == 1 and of_kind[0][1] == count:
        return [f"  {count:,} x {kind}: {shown[0][0]}"]
    return [f"  {count:,} x {kind}", *(f"    {number:,} x {text}" for text, number in shown)]


def _short(message: str) -> str:
    """A message on one line, cut if it is long."""
    text = " ".join(message.split())
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"


def line_of_share(name: str, share: Mapping[str, Any]) -> str:
    """Requests and cost of one model or provider as text."""
    cost = Decimal(share["cost_usd"]).normalize()
    return f"{name}: {share['requests']:,} requests, USD {cost:f}"


def _lines_of_end(summary: Summary) -> list[str]:
    lines = []
    is_on_ray = (summary.folder / "shards").is_dir()
    folder = f"{summary.folder}{' --on-ray' if is_on_ray else ''}"
    if summary.in_the_air:
        lost = [Attempt.of_id(name).line for name in summary.in_the_air]
        more = len(lost) - _SHOWN
        lines.append(
            f"{len(lost):,} requests were in flight when a run was killed; they may have cost "
            f"something, and are sent again: lines {', '.join(map(str, lost[:_SHOWN]))} of the "
            f"input{f' and {more:,} more (--json names all)' if more > 0 else ''}."
        )
    if summary.running:
        lines.append("A run is working on it.")
        return lines
    if summary.stopped:
        lines.append(f"It stopped early. {summary.stopped}")
    if summary.left:
        # On a cluster the ledger has the job's own budget; elsewhere it has other budgets only.
        its_own = "budget" if is_on_ray else "The budget"
        option = " --budget MORE" if its_own in (summary.stopped or "") else ""
        option += f" {KEEP_GOING}" if KEEP_GOING in (summary.stopped or "") else ""
        lines.append(f"To continue: openrouter-adapter batch resume {folder}{option}")
    elif summary.failed:
        lines.append(f"To try the failures again: openrouter-adapter batch retry {folder}")
    return lines


def line_of_half_price(likely: Decimal) -> str:
    """What a job would cost in OpenRouter's Batch API, as text; `likely` is in USD."""
    return (
        f"With --half-price it would likely cost USD {money.plain(likely)}, with answers within "
        "a day."
    )


def lines_of_dry_run(dry_run: DryRun) -> list[str]:
    """A dry run as text."""
    lines = [f"{dry_run.requests:,} requests, nothing was sent."]
    for name, one in (*dry_run.models.items(), ("together", dry_run.total)):
        line = (
            f"  {name}: {one.requests:,} requests, likely USD {money.plain(one.likely)}, at worst "
            f"USD {money.plain(one.worst)}"
        )
        if one.unknown:
            line += f", and {one.unknown:,} of unknown cost ({one.unknown_because})"
        lines.append(line)
    if dry_run.at_half_price is not None:
        lines.append(line_of_half_price(dry_run.at_half_price))
    return lines
