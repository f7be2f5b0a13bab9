"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """State of what was checked.

    `wrong` breaks calls, or prevents their cost from being recorded.
    """

    ok = "ok"
    note = "note"
    wrong = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and how to fix it.

    Attributes:
        subject: What was checked: `key`, `ledger`, ….
        state: Its state.
        text: What was found; never contains a whole key or a password.
        advice: How to fix it; empty if there is nothing to fix.
    """

    subject: str
    state: State
    text: str
    advice: str = ""


def ok(subject: str, text: str) -> Finding:
    """A finding that something is as it should be."""
    return Finding(subject, State.ok, text)


def note(subject: str, text: str, advice: str = "") -> Finding:
    """A finding that is worth knowing, and breaks nothing."""
    return Finding(subject, State.note, text, advice)


def wrong(subject: str, text: str, advice: str) -> Finding:
    """A finding that breaks calls, or loses their cost."""
    return Finding(subject, State.wrong, text, advice)
