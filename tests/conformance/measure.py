"""Prints how much of the recorded traffic survives: `python -m tests.conformance.measure`."""

# ruff: noqa: T201 - printing a table is what this script is for
from __future__ import annotations

import argparse
import os
import sys
from contextlib import nullcontext
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

# LiteLLM reads it when it is imported, which the modules below do.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm

from .kinds import KINDS
from .leaves import spelled
from .recordings import load, recordings_folder
from .replay import MODES, Mode, Outcome, Replay

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

HEADINGS = ("kind", "exchanges", "leaves kept", "request leaves sent", "costs right", "failed")
ROW = "{:<32} {:>9} {:>16} {:>20} {:>12} {:>7}"


@dataclass
class Totals:
    """The figures of a group of exchanges, as counts."""

    exchanges: int = 0
    leaves: int = 0
    lost: int = 0
    request_leaves: int = 0
    unsent: int = 0
    costs: int = 0
    wrong_costs: int = 0
    failed: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one exchange in."""
        self.exchanges += 1
        self.leaves += outcome.leaves
        self.lost += len(outcome.lost)
        self.request_leaves += outcome.request_leaves
        self.unsent += len(outcome.unsent)
        self.costs += outcome.billed is not None
        self.wrong_costs += outcome.billed is not None and not outcome.cost_is_right
        self.failed += outcome.failure is not None

    def merge(self, other: Totals) -> None:
        """Count another group in."""
        for counted in fields(self):
            total = getattr(self, counted.name) + getattr(other, counted.name)
            setattr(self, counted.name, total)

    def row(self, name: str) -> str:
        """Return the line of the table."""
        return ROW.format(
            name,
            self.exchanges,
            f"{self.leaves - self.lost:,} of {self.leaves:,}",
            f"{self.request_leaves - self.unsent:,} of {self.request_leaves:,}",
            f"{self.costs - self.wrong_costs} of {self.costs}",
            self.failed,
        )


def totals(outcomes: Iterable[Outcome]) -> Totals:
    """Return the figures of all the outcomes together."""
    counted = Totals()
    for outcome in outcomes:
        counted.add(outcome)
    return counted


def losses(outcome: Outcome) -> list[str]:
    """Return a line for each thing that was lost in one exchange."""
    lines = [f"lost {spelled(path)} = {value!r:.80}" for path, value in outcome.lost]
    lines += [f"unsent {spelled(path)} = {value!r:.80}" for path, value in outcome.unsent]
    if not outcome.cost_is_right:
        lines.append(f"cost {outcome.response_cost}, billed {outcome.billed}")
    if outcome.failure:
        lines.append(f"failed: {outcome.failure:.300}")
    return lines


def report(replay: Replay, mode: Mode, *, show_losses: bool) -> Totals:
    """Print the table of one mode and return its totals."""
    print(f"{mode}:\n{ROW.format(*HEADINGS)}")
    everything = Totals()
    for kind in KINDS:
        outcomes = [replay.outcome(exchange, mode) for exchange in load(kind)]
        counted = totals(outcomes)
        everything.merge(counted)
        print(counted.row(kind))
        for outcome in outcomes if show_losses else ():
            for line in losses(outcome):
                print(f"    {outcome.exchange.label}: {line}")
    print(everything.row("all"))
    return everything


def our_side() -> AbstractContextManager[object]:
    """Switch our adapter on, imported only here: LiteLLM's own is measured without it."""
    from openrouter_adapter import registered

    side: AbstractContextManager[object] = registered()
    return side


def main() -> int:
    """Measure one adapter; the exit code is 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builtin", action="store_true", help="measure LiteLLM's own adapter")
    parser.add_argument("--losses", action="store_true", help="print every leaf that was lost")
    arguments = parser.parse_args()
    if not recordings_folder().is_dir():
        print(f"no recordings in {recordings_folder()}")
        return 2
    litellm.suppress_debug_info = True
    with Replay(nullcontext if arguments.builtin else our_side) as replay:
        found = [report(replay, mode, show_losses=arguments.losses) for mode in MODES]
    lossless = all(
        (one.lost, one.unsent, one.wrong_costs, one.failed) == (0, 0, 0, 0) for one in found
    )
    return 0 if lossless else 1


if __name__ == "__main__":
    sys.exit(main())
