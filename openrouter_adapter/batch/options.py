"""The options of a job: as a caller gives them, and validated with their defaults."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict

from openrouter_adapter import money
from openrouter_adapter.batch.exceptions import BatchError
from openrouter_adapter.options import cache_headers

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from openrouter_adapter.batch.progress import Progress

# The upper limit of `auto`. On most accounts OpenRouter's own limits come much earlier.
MOST_IN_FLIGHT: Final = 4096
# Open files that the rest of the process needs.
_OTHER_FILES: Final = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """How many requests are in flight at once, and how often and how long each one is tried.

    Attributes:
        concurrency: Requests in flight; None for a limit that adapts to latency and throttling.
        by_model: Lower limits for some models, by model id.
        tries: Number of attempts after which a request has failed for good.
        timeout: Seconds that a whole answer may take.
        backoff: Longest first wait between two attempts, in seconds; it doubles.
        first_pause: First pause when everything fails, in seconds; it doubles.
        longest_wait: Seconds that an answer may ask to wait; a longer wait ends the run.
        patience: Seconds without any answer after which the run ends.
        equal_failures: Requests in a row that fail for good with the same words, after which the
            run ends; None for never.
        budget_patience: Seconds that a run with nothing in flight waits for the requests of
            others under a budget of the ledger if nothing changes there.
        poll: Seconds before the first question for a batch's status; they grow by half each time.
        longest_poll: The most seconds between two such questions.
        lost_patience: Seconds after the submission of a batch whose answer was lost, within which
            it may yet appear in the account's list of batches.
    """

    concurrency: int | None = None
    by_model: Mapping[str, int] = field(default_factory=dict)
    tries: int = 6
    timeout: float = 600.0
    backoff: float = 1.0
    first_pause: float = 1.0
    longest_wait: float = 900.0
    patience: float = 300.0
    equal_failures: int | None = 20
    budget_patience: float = 60.0
    poll: float = 2.0
    longest_poll: float = 60.0
    lost_patience: float = 60.0

    @property
    def is_adaptive(self) -> bool:
        """Whether the limit adapts to latency and throttling."""
        return self.concurrency is None

    @property
    def most(self) -> int:
        """The most requests that may be in flight."""
        return min(self.concurrency or MOST_IN_FLIGHT, most_connections())

    @property
    def most_waiting(self) -> int:
        """The most requests that may wait for their model or their next attempt."""
        return 2 * self.most + 256

    def most_of_model(self, model: str) -> int:
        """The most requests of a model that may be in flight."""
        return min(self.by_model.get(model, self.most), self.most)


@functools.cache
def most_connections() -> int:
    """Connections that the system lets this process open. Raises the process's own limit first."""
    return _most_connections()


if sys.platform == "win32":

    def _most_connections() -> int:
        return 512

else:
    import resource

    def _most_connections() -> int:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MOST_IN_FLIGHT * 2
        if soft < wanted:
            soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(soft - _OTHER_FILES, 16)


class JobOptions(TypedDict, total=False):
    """The options of any run.

    Attributes:
        budget: USD that all runs of the job together may cost, never exceeded. None keeps the
            budget that the folder's job has.
        concurrency: Requests in flight; "auto" adapts to latency and throttling.
        concurrency_by_model: Lower limits for some models, by model id.
        model: Replaces every line's own model.
        save_media: Whether images become files in `out`/media, named by `custom_id`.
        cache: Whether OpenRouter may answer from its response cache, free of charge: True, False,
            or the seconds for which it keeps new responses; None leaves it to the presets.
        in_order: Whether results are sorted into the order of the input at the end.
        skip_faulty: Whether invalid lines become failures; otherwise nothing is sent.
        keep_going: Whether models that OpenRouter doesn't have are sent all the same, and the run
            goes on however many requests in a row fail with the same error.
        api_key: The API key; None looks for it as every call of the adapter does.
        api_base: The API's base URL; None likewise.
        tries: Number of attempts after which a request has failed for good; 6 by default.
        timeout: Seconds that a whole answer may take; 600 by default.
        pace: Replaces `concurrency`, `tries` and `timeout`, with more settings.
        ledger: A path or URL. None takes the ledger that is enabled in this process, then the one
            that OPENROUTER_ADAPTER_LEDGER names, then none.
        job: The job's name in the ledger, which may have budgets for it; None makes one up.
        half_price: Whether requests go to OpenRouter's Batch API, which costs about half as much
            and answers within a day.
        rest: What happens to requests that the Batch API can't take, or for which it is not
            cheaper: "send" sends them the usual way, "refuse" is an error; None keeps what the
            folder's job has, or "refuse".
    """

    budget: Decimal | float | str | None
    concurrency: int | str | None
    concurrency_by_model: Mapping[str, int] | None
    model: str | None
    save_media: bool
    cache: bool | int | None
    in_order: bool
    skip_faulty: bool
    keep_going: bool
    api_key: str | None
    api_base: str | None
    tries: int
    timeout: float
    pace: Pace | None
    ledger: str | os.PathLike[str] | None
    job: str | None
    half_price: bool
    rest: str | None


class RunOptions(JobOptions, total=False):
    """The options of a run on this machine.

    Attributes:
        shard: (I, N) sends the I-th of N parts of the input, counted from 1.
        watch: Called a few times a second with the progress.
    """

    shard: tuple[int, int]
    watch: Callable[[Progress], None] | None


_NAMES: Final = tuple(RunOptions.__annotations__)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run, validated and with their defaults.

    Attributes:
        headers: Additional headers of every request.
        lock_patience: Seconds to wait for another run to leave the folder.
    """

    out: Path
    source: Path | None = None
    budget: Decimal | None = None
    model: str | None = None
    shard: tuple[int, int] = (1, 1)
    save_media: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    in_order: bool = False
    skip_faulty: bool = False
    keep_going: bool = False
    api_key: str | None = field(default=None, repr=False)
    api_base: str | None = None
    pace: Pace = field(default_factory=Pace)
    watch: Callable[[Progress], None] | None = None
    ledger: str | os.PathLike[str] | None = field(default=None, repr=False)
    job: str | None = None
    half_price: bool = False
    rest: str | None = None
    lock_patience: float = 0.0


def validated(
    source: str | os.PathLike[str] | None, out: str | os.PathLike[str], given: RunOptions
) -> Options:
    """The options that a caller gave, validated.

    Raises:
        BatchError: a value is invalid.
        litellm.BadRequestError: `cache` is neither True, False nor a time.
        TypeError: there is no option of that name. A misspelled budget must not be ignored.
    """
    for name in given:
        if name not in _NAMES:
            raise TypeError(f"unknown option {name!r} of a batch job; use {', '.join(_NAMES)}")
    number, shards = shard = given.get("shard", (1, 1))
    if not 1 <= number <= shards:
        raise BatchError(f"Invalid shard {number}/{shards}: use I/N, from 1/N to N/N.")
    return Options(
        out=Path(out),
        source=None if source is None else Path(source),
        budget=_usd(given.get("budget")),
        model=given.get("model"),
        shard=shard,
        save_media=given.get("save_media", False),
        headers=cache_headers(given.get("cache")),
        in_order=given.get("in_order", False),
        skip_faulty=given.get("skip_faulty", False),
        keep_going=given.get("keep_going", False),
        api_key=given.get("api_key"),
        api_base=given.get("api_base"),
        pace=_pace(given),
        watch=given.get("watch"),
        ledger=given.get("ledger"),
        job=given.get("job"),
        half_price=given.get("half_price", False),
        rest=_rest(given),
    )


def _rest(given: RunOptions) -> str | None:
    rest = given.get("rest")
    if rest not in (None, "send", "refuse"):
        raise BatchError(f"Invalid rest {rest!r}: use send or refuse.")
    if given.get("half_price") and given.get("cache") is not None:
        raise BatchError("OpenRouter's Batch API has no response cache: leave out cache.")
    return rest


def _pace(given: RunOptions) -> Pace:
    pace = given.get("pace") or _pace_of_options(given)
    return replace(pace, equal_failures=None) if given.get("keep_going") else pace


def _pace_of_options(given: RunOptions) -> Pace:
    tries, timeout = given.get("tries", 6), given.get("timeout", 600.0)
    if tries < 1:
        raise BatchError(f"Invalid tries {tries!r}: use a number from 1.")
    if not timeout > 0:
        raise BatchError(f"Invalid timeout {timeout!r}: use a number of seconds above 0.")
    return Pace(
        concurrency=_concurrency(given.get("concurrency")),
        by_model=given.get("concurrency_by_model") or {},
        tries=tries,
        timeout=timeout,
    )


def _concurrency(given: int | str | None) -> int | None:
    if given is None or given == "auto":
        return None
    try:
        number = int(given)
    except ValueError:
        number = 0
    if number < 1:
        raise BatchError(f"Invalid concurrency {given!r}: use a number from 1, or auto.")
    return number


def _usd(given: Decimal | float | str | None) -> Decimal | None:
    if given is None:
        return None
    try:
        return money.parse(given)
    except ValueError:
        raise BatchError(
            f"Invalid budget {given!r}: use an amount in USD, such as 25.00."
        ) from None
