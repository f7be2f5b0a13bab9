"""The ledger's sums in the compact form of the spend page: by time and every label at once.

If they don't fit, older days are summed by month, and fewer values of each label are named; the
others are summed as one. Every sum stays exact.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import operator
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.ledger import facts
from openrouter_adapter.report import texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from openrouter_adapter.ledger.facts import Fact

MOST_CHARACTERS: Final = 850_000
"""The most characters of the facts in the page, compressed."""

# A fact takes 11 characters at the least.
_MOST_FACTS: Final = MOST_CHARACTERS // 11
_DAY: Final = 24
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_LABELS: Final = frozenset({"user", "end_user", "team", "organization", "key", "job", "tag"})
_TAG: Final = facts.DIMENSIONS.index("tag")
_TOTAL: Final = tuple(facts.SUMS.index(name) for name in ("billed", "upstream", "estimate"))
# The page has latencies separately.
SUMS: Final = tuple(name for name in facts.SUMS if name not in {"latency_ms", "timed"})


@dataclass(frozen=True, slots=True)
class Level:
    """How much of the facts is kept.

    Attributes:
        hourly: Number of the last days that are by hour.
        daily: Number of the last days that are not summed by month; None for all.
        values: Number of values of each dimension that are named, the most expensive.
        has_labels: Whether users, teams, jobs, … are kept.
    """

    hourly: int
    daily: int | None
    values: int
    has_labels: bool = True


LEVELS: Final = (
    Level(2, None, 100),
    Level(0, None, 100),
    Level(0, 92, 50),
    Level(0, 35, 50),
    Level(0, 35, 20),
    Level(0, 35, 8),
    Level(0, 14, 8),
    Level(0, 14, 4),
    Level(0, 92, 50, has_labels=False),
    Level(0, 35, 12, has_labels=False),
    Level(0, 0, 12, has_labels=False),
)
"""The levels, from the finest to the coarsest."""


@dataclass(frozen=True, slots=True)
class Cube:
    """The facts of a page.

    Attributes:
        daily: Facts are by day from this hour on, and by month before; hours since 1970.
        hourly: Facts are by hour from this hour on; hours since 1970.
        values: By dimension, what the numbers in its column stand for: a value, None for no
            value, or the number of values that are not named; for tags, a list of these.
        columns: The columns of `hour`, each dimension and each of SUMS: integers as text. A
            dimension with a single value has no column.
        count: Number of facts.
    """

    daily: int
    hourly: int
    values: Mapping[str, Sequence[Any]]
    columns: Mapping[str, str]
    count: int


def hours_since_1970(moment: dt.datetime) -> int:
    """The hour that a moment is in."""
    return (moment - _EPOCH) // dt.timedelta(hours=1)


def first_hour(now: dt.datetime) -> int:
    """The hour from which the finest level is by hour, in hours since 1970."""
    return _day_before(now, LEVELS[0].hourly)


def _day_before(now: dt.datetime, days: int) -> int:
    return (hours_since_1970(now) // _DAY + 1 - days) * _DAY


def encode(found: Any) -> str:
    """JSON, compressed, as text without `<`; data.js decodes it."""
    text = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
    packed = base64.b85encode(zlib.compress(text.encode("utf-8", "replace"), 9))
    return packed.decode("ascii").replace("<", ",")


def build(found: Iterable[Fact], now: dt.datetime, levels: Sequence[Level] = LEVELS) -> Cube:
    """The facts on the finest level that fits into a page.

    Args:
        found: The ledger's facts, by hour from `first_hour` on.
        now: When they were read.
        levels: The levels to try.
    """
    every = list(found)
    ranks = [_rank(every, place) for place in range(len(facts.DIMENSIONS))]
    for level in levels:
        sums = _reduced(every, ranks, level, now)
        is_last = level is levels[-1]
        if is_last or len(sums) <= _MOST_FACTS:
            cube = _encoded(sums, level, now)
            if is_last or len(encode(cube.columns)) <= MOST_CHARACTERS:
                break
    return cube


def _rank(every: Sequence[Fact], place: int) -> list[str]:
    """The values of a dimension, the most expensive first; tags one by one."""
    spent: dict[str, tuple[int, int]] = {}
    for fact in every:
        total = sum(fact.sums[one] for one in _TOTAL)
        for value in _values(fact, place):
            before = spent.get(value, (0, 0))
            spent[value] = (before[0] + total, before[1] + 1)
    return sorted(spent, key=lambda value: (*(-one for one in spent[value]), value))


def _values(fact: Fact, place: int) -> list[str]:
    value = fact.values[place]
    if place == _TAG:
        tags: list[str] = json.loads(value or "[]")
        return tags
    return [] if value is None else [value]


def _reduced(
    every: Sequence[Fact], ranks: Sequence[Sequence[str]], level: Level, now: dt.datetime
) -> dict[tuple[Any, ...], list[int]]:
    """The facts' sums by hour and dimensions, as the level keeps them."""
    names = [
        _named(rank, level.values if level.has_labels or name not in _LABELS else 0)
        for name, rank in zip(facts.DIMENSIONS, ranks, strict=True)
    ]
    others = [len(rank) - len(kept) for rank, kept in zip(ranks, names, strict=True)]
    daily, hourly = _edges(level, now)
    hours: dict[int, int] = {}
    tags: dict[str | None, tuple[Any, ...]] = {}
    result: dict[tuple[Any, ...], list[int]] = {}
    for fact in every:
        if fact.hour not in hours:
            hours[fact.hour] = _start(fact.hour, daily, hourly)
        values: list[Any] = [
            value if value is None else kept.get(value, more)
            for value, kept, more in zip(fact.values, names, others, strict=True)
        ]
        tag = fact.values[_TAG]
        if tag not in tags:
            found = {names[_TAG].get(one, others[_TAG]) for one in json.loads(tag or "[]")}
            tags[tag] = tuple(sorted(found, key=str))
        values[_TAG] = tags[tag]
        key = (hours[fact.hour], *values)
        sums = result.get(key)
        result[key] = list(fact.sums) if sums is None else list(map(operator.add, sums, fact.sums))
    return result


def _named(rank: Sequence[str], most: int) -> dict[str, str]:
    """The values that are named, with the text shown; a single value too many is named, too."""
    kept = rank if most and len(rank) <= most + 1 else rank[:most]
    return {value: texts.visible(value) for value in kept}


def _edges(level: Level, now: dt.datetime) -> tuple[int, int]:
    daily = 0 if level.daily is None else _day_before(now, level.daily)
    return daily, max(daily, _day_before(now, level.hourly))


def _start(hour: int, daily: int, hourly: int) -> int:
    """Beginning of the hour, day or month that a fact is summed in, in hours since 1970."""
    if hour >= hourly:
        return hour
    if hour >= daily:
        return hour // _DAY * _DAY
    day = _EPOCH + dt.timedelta(days=hour // _DAY)
    return hours_since_1970(day.replace(day=1))


def _encoded(sums: Mapping[tuple[Any, ...], Sequence[int]], level: Level, now: dt.datetime) -> Cube:
    total = dict.fromkeys(facts.DIMENSIONS)
    values: dict[str, list[Any]] = {}
    places: list[dict[Any, int]] = []
    for at, name in enumerate(total, 1):
        spent: dict[Any, int] = {}
        for key, amounts in sums.items():
            spent[key[at]] = spent.get(key[at], 0) + sum(amounts[one] for one in _TOTAL)
        # What costs most has the shortest numbers, and equal facts lie next to each other.
        values[name] = sorted(spent, key=lambda one: (-spent[one], str(one)))
        places.append({value: place for place, value in enumerate(values[name])})
    rows = sorted(
        (key[0], *(place[value] for place, value in zip(places, key[1:], strict=True)), amounts)
        for key, amounts in sums.items()
    )
    columns = {"hour": " ".join(str(row[0]) for row in rows)}
    for at, name in enumerate(facts.DIMENSIONS, 1):
        if len(values[name]) > 1:
            columns[name] = " ".join(str(row[at]) for row in rows)
    for name in SUMS:
        at = facts.SUMS.index(name)
        column = [row[-1][at] for row in rows]
        if any(column):
            columns[name] = " ".join(map(str, column))
    daily, hourly = _edges(level, now)
    return Cube(daily, hourly, values, columns, len(rows))
