"""How fast a run goes and how patient it is."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# What `auto` never passes: OpenRouter's own limits come much earlier on most accounts.
MOST_IN_FLIGHT: Final = 4096
# Files that the rest of the process needs.
_OTHER_FILES: Final = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """How many requests at once, and how often and how long one is tried.

    Attributes:
        concurrency: Requests in the air, or None for as many as prove good.
        by_model: A lower limit for some models, by their id.
        tries: How often a request is sent before it has failed for good.
        timeout: Seconds that an answer may take as a whole.
        backoff: Seconds of the first wait between two tries, at most; it doubles.
        first_pause: Seconds of the first pause when everything fails; it doubles.
        longest_wait: A longer wait, that an answer asks for, ends the run; seconds.
        patience: Seconds without any answer after which the run ends.
        budget_patience: Seconds that a run with nothing in the air waits for others to end
            theirs under a budget of the ledger, where nothing moves there.
    """

    concurrency: int | None = None
    by_model: Mapping[str, int] = field(default_factory=dict)
    tries: int = 6
    timeout: float = 600.0
    backoff: float = 1.0
    first_pause: float = 1.0
    longest_wait: float = 900.0
    patience: float = 300.0
    budget_patience: float = 60.0

    @property
    def finds_itself(self) -> bool:
        """Whether the number in the air follows what proves good."""
        return self.concurrency is None

    @property
    def most(self) -> int:
        """Requests in the air, at most."""
        return min(self.concurrency or MOST_IN_FLIGHT, most_connections())

    @property
    def most_waiting(self) -> int:
        """Requests that may wait for their model or their next try, beside those in the air."""
        return 2 * self.most + 256

    def most_of_model(self, model: str) -> int:
        """Requests of a model in the air, at most."""
        return min(self.by_model.get(model, self.most), self.most)


@functools.cache
def most_connections() -> int:
    """Connections that the system lets this process open; its own limit is raised for it."""
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
