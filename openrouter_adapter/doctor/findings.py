"""One thing that was looked at, and how it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """How a thing is.

    `wrong` breaks calls, or keeps what they cost from being written down.
    """

    ok = "ok"
    note = "note"
    wrong = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do.

    Attributes:
        subject: What was looked at: `key`, `ledger`, ….
        state: How it is.
        text: What was found; never a whole key, never a password.
        advice: What to do about it; empty where there is nothing.
    """

    subject: str
    state: State
    text: str
    advice: str = ""


def ok(subject: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(subject, State.ok, text)


def note(subject: str, text: str, advice: str = "") -> Finding:
    """It is worth knowing, and breaks nothing."""
    return Finding(subject, State.note, text, advice)


def wrong(subject: str, text: str, advice: str) -> Finding:
    """It breaks calls, or loses what they cost."""
    return Finding(subject, State.wrong, text, advice)
