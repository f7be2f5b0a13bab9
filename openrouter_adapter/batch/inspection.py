"""What each line of a new job is checked for besides form: its model, how it is sent, its cost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Final

from openrouter_adapter.batch.eligibility import Eligibility

if TYPE_CHECKING:
    from openrouter_adapter.batch.estimates import Prices
    from openrouter_adapter.batch.model_check import ModelCheck
    from openrouter_adapter.batch.requests import Request

# The requests of a model whose cost in batches is estimated if no other estimate is needed: the
# first ones, and each 53rd of the others, a prime, since files often repeat the same few kinds.
# An estimate takes 80 µs of CPU time, seven times as long as the rest of a line's check.
_FIRST: Final = 100
_EACH: Final = 53
_DIGITS: Final = Context(prec=6)


class Inspection:
    """Looks at each request of a new job; called with one, returns what is wrong with it."""

    def __init__(
        self,
        prices: Prices,
        models: ModelCheck | None,
        *,
        half_price: bool,
        sends_rest: bool,
        estimates: bool,
        needs_bound: bool,
    ) -> None:
        """Takes the settings of a job.

        Args:
            prices: The catalogue's prices.
            models: Finds models that OpenRouter doesn't have; None allows any.
            half_price: Whether requests go to OpenRouter's Batch API.
            sends_rest: Whether those that can't go there are sent the usual way.
            estimates: Whether the cost of each request is estimated.
            needs_bound: Whether that cost needs an upper bound.
        """
        self._prices, self._models = prices, models
        self._is_half_price, self._sends_rest = half_price, sends_rest
        self._estimates, self._needs_bound = estimates, needs_bound
        self._eligibility = Eligibility(prices)
        self._could_go = True
        self._samples: dict[str, _Sample] = {}

    def __call__(self, request: Request) -> str | None:
        """What is wrong with a request, None if nothing is.

        Raises:
            One of LiteLLM's exceptions: there is no catalogue, and none could be fetched.
        """
        fault = None if self._models is None else self._models.look(request)
        goes_in_batch = False
        if fault is None and self._is_half_price:
            reason = self._eligibility.refusal(request)
            goes_in_batch = reason is None
            if reason is not None and not self._sends_rest:
                fault = f"can't be sent at half price: {reason}. --rest send sends it the usual way"
        if fault is not None:
            return fault
        unbounded = None
        if self._estimates:
            look = self._prices.look_in_batch if goes_in_batch else self._prices.look
            unbounded = look(request)
        if self._could_go and not self._is_half_price:
            self._look_at_half_price(request)
        return unbounded if self._needs_bound else None

    @property
    def at_half_price(self) -> Decimal | None:
        """Likely cost of all requests in OpenRouter's Batch API, in USD.

        None if they go there anyway, if not all of them can, or if the catalogue wasn't needed
        for anything else: it isn't fetched for this alone.
        """
        if self._is_half_price or not self._could_go:
            return None
        if self._estimates:
            total = self._prices.totals.total
            return None if total.without_batch or not total.requests else total.batch
        if not self._samples:
            return None
        likely = sum((one.likely for one in self._samples.values()), Decimal(0))
        return _DIGITS.create_decimal(likely)

    def _look_at_half_price(self, request: Request) -> None:
        # The first request that can't go ends this: the rest of a large job isn't looked at.
        has_catalog = self._estimates or (self._models is not None and self._models.has_catalog)
        self._could_go = has_catalog and self._eligibility.refusal(request) is None
        if not self._could_go or self._estimates:
            return
        sample = self._samples.setdefault(request.model, _Sample())
        if sample.takes_next():
            likely = self._prices.likely_in_batch(request)
            self._could_go = likely is not None
            sample.sum += likely or 0


@dataclass(slots=True)
class _Sample:
    """The likely cost of the requests of one model, from a sample of them, in USD."""

    requests: int = 0
    taken: int = 0
    sum: Decimal = Decimal(0)

    def takes_next(self) -> bool:
        """Counts a request; returns whether its cost is part of the sample."""
        self.requests += 1
        takes = self.requests <= _FIRST or self.requests % _EACH == 0
        self.taken += takes
        return takes

    @property
    def likely(self) -> Decimal:
        """The likely cost of all of them."""
        return self.sum * self.requests / self.taken
