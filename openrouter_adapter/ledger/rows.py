"""Row of one attempt at one request, and how two rows of the same attempt are merged."""

from __future__ import annotations

import json
import operator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# Whether a cost is known: charged by OpenRouter, estimated by LiteLLM, or not known (yet).
BILLED: Final = "billed"
ESTIMATE: Final = "estimate"
UNKNOWN: Final = "unknown"

# Outcome of an attempt: in flight, answered, failed, or a stream that its reader abandoned.
OPEN: Final = "open"
OK: Final = "ok"
ERROR: Final = "error"
LEFT: Final = "left"

BATCHES: Final = "/batches"
JOBS: Final = frozenset({"/videos", BATCHES})
"""Endpoints whose requests start a job. The job's cost is known when it ends, maybe hours later."""

LABELS: Final = {
    "job": "job",
    "key": "key_name",
    "tag": "tags",
    "user": "user_id",
    "end_user": "end_user_id",
    "team": "team",
    "organization": "organization",
    "session": "session_id",
}
"""Labels that a budget can be limited to and spend summed by, with the column of each."""

_RANK: Final = {UNKNOWN: 0, ESTIMATE: 1, BILLED: 2}
# A row of an attempt's end knows more than one made from its bill.
_ENDS: Final = {OPEN: 0, LEFT: 1, OK: 2, ERROR: 2}


@dataclass(slots=True)
class Row:
    """One attempt. Keyed by `call_id` and `attempt`; contains no prompt, no answer and no key.

    Attributes:
        call_id: LiteLLM's call id; a batch job's own.
        attempt: The attempt's number, from 1, within a call: LiteLLM or a runner may try again.
        started_at: Microseconds since 1970, UTC.
        generation_id: OpenRouter's; a hit of LiteLLM's cache repeats the first call's.
        latency_ms: Milliseconds to the end of the answer.
        endpoint: `/chat/completions`, ….
        via: LiteLLM's name of the provider: `openrouter`, or another.
        model: The model asked for.
        served_model: The dated model that answered.
        provider: Who served it, in OpenRouter's words.
        user_id: The user whose key the proxy authenticated; without a proxy, the user that the
            request names.
        key_name: The key's alias at LiteLLM's proxy, or a short hash of the key.
        job: `metadata["job"]`, or a batch job's name.
        tags: A JSON list of LiteLLM's tags, sorted.
        streamed: Whether it was a stream.
        cache_hit: Whether LiteLLM's cache answered: cost 0.
        is_byok: Whether the caller's own provider key paid for the inference.
        outcome: `open`, `ok`, `error` or `left`.
        finish_reason: Of the first choice.
        error_class: The exception's class.
        error_code: OpenRouter's code, or the HTTP status.
        prompt_tokens: Tokens of the prompt, cached ones included.
        completion_tokens: Tokens of the answer, reasoning and images included.
        reasoning_tokens: Of them, tokens of thought.
        cached_tokens: Prompt tokens read from a provider's cache.
        cache_write_tokens: Prompt tokens written to one.
        image_tokens: Tokens of images in the answer.
        cost_status: `billed`, `estimate` or `unknown`.
        cost: Picodollars taken from the credits; None if unknown, never 0 for that.
        upstream: Picodollars that the caller's own provider account pays on top (BYOK).
        saved: Picodollars that a hit of LiteLLM's cache, or of OpenRouter's, saved.
        hold_id: The reservation that ends when this row's cost is known.
        asks: How often `GET /generation` was asked.
        ask_after: When to ask (again), microseconds since 1970; None if there is no need.
        end_user_id: The user that the request names: `user`, or what LiteLLM's proxy takes for it.
        team: The team of the key at LiteLLM's proxy, by its alias, else its id.
        organization: The organization of the key there, likewise.
        session_id: The session that the request names.
        source_id: The generation whose response OpenRouter's cache answered with: cost 0. None if
            that cache did not answer, UNKNOWN_SOURCE if it did not name the generation.
        paid_by: The short hash of the OpenRouter key that pays, if `key_name` is another.
    """

    call_id: str
    attempt: int
    started_at: int
    generation_id: str | None = None
    latency_ms: int | None = None
    endpoint: str = ""
    via: str = "openrouter"
    model: str = ""
    served_model: str | None = None
    provider: str | None = None
    user_id: str | None = None
    key_name: str | None = None
    job: str | None = None
    tags: str = "[]"
    streamed: bool = False
    cache_hit: bool = False
    is_byok: bool = False
    outcome: str = OPEN
    finish_reason: str | None = None
    error_class: str | None = None
    error_code: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    image_tokens: int = 0
    cost_status: str = UNKNOWN
    cost: int | None = None
    upstream: int = 0
    saved: int = 0
    hold_id: str | None = None
    asks: int = 0
    ask_after: int | None = None
    end_user_id: str | None = None
    team: str | None = None
    organization: str | None = None
    session_id: str | None = None
    source_id: str | None = None
    paid_by: str | None = None

    @property
    def total(self) -> int | None:
        """Picodollars of everything it cost; None if that is not known."""
        return None if self.cost is None else self.cost + self.upstream

    @property
    def is_of_runner(self) -> bool:
        """Whether it belongs to a job of the batch runner, which records its own costs."""
        return self.call_id.startswith("batch-")

    def values_of(self, label: str) -> list[str]:
        """The row's values of one of LABELS: any number of tags, at most one of others."""
        return values_in(label, getattr(self, LABELS[label]))


def values_in(label: str, column: str | None) -> list[str]:
    """The values of one of LABELS in its column."""
    if label == "tag":
        return list(json.loads(column or "[]"))
    return [column] if column else []


COLUMNS: Final = tuple(field.name for field in fields(Row))
values: Final[Callable[[Row], tuple[object, ...]]] = operator.attrgetter(*COLUMNS)

UNKNOWN_SOURCE: Final = "unknown"
_MONEY: Final = ("cost_status", "cost", "upstream", "saved", "is_byok")
_TOKENS: Final = tuple(name for name in COLUMNS if name.endswith("_tokens"))
_KEYS: Final = ("call_id", "attempt", "started_at")
_REST: Final = tuple(
    name
    for name in COLUMNS
    if name not in {*_MONEY, *_TOKENS, *_KEYS, "outcome", "asks", "ask_after"}
)


def _says_all(old: Row, new: Row) -> bool:
    return (
        old.cost is None
        and old.generation_id in {None, new.generation_id}
        and old.hold_id in {None, new.hold_id}
        and old.started_at == new.started_at
    )


def merged(old: Row, new: Row) -> Row:
    """Merges two rows of one attempt, in whichever order they came.

    A cost that is known wins over one that is not, a bill over an estimate, and of two bills the
    later one: it is a correction.
    """
    if old.outcome == OPEN and new.outcome != OPEN and _says_all(old, new):
        # The end of an attempt that was recorded in flight; the shortcut saves 5 µs.
        return new
    kept = {name: getattr(new, name) or getattr(old, name) for name in _REST}
    kept["tags"] = new.tags if new.tags != "[]" else old.tags
    later = _RANK[new.cost_status] >= _RANK[old.cost_status]
    money, other = (new, old) if later else (old, new)
    for name in _MONEY:
        kept[name] = getattr(money, name)
    for name in _TOKENS:
        kept[name] = getattr(money, name) or getattr(other, name)
    is_known = money.cost_status != UNKNOWN
    return Row(
        call_id=old.call_id,
        attempt=old.attempt,
        started_at=min(old.started_at, new.started_at),
        outcome=(new if _ENDS[new.outcome] >= _ENDS[old.outcome] else old).outcome,
        asks=max(old.asks, new.asks),
        ask_after=None if is_known else (new if new.asks >= old.asks else old).ask_after,
        **kept,
    )
