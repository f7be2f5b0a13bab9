"""Prices of models: the catalogue's price strings as exact decimals, by item and by condition.

An item is a key of the wire's `pricing`: `prompt`, `completion`, `input_cache_read`,
`input_cache_write`, `input_cache_write_1h`, `request`, `image`, `image_output`, `audio`,
`web_search`, `internal_reasoning`, …. Token prices are USD per token, the others USD each.
See https://openrouter.ai/docs/guides/overview/models.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.money import decimal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

Rates = dict[str, Decimal]
"""USD by item. An item that is not sold, or whose price is unknown, is missing."""

ZERO: Final = Decimal(0)
_CONDITIONS: Final = frozenset({"min_prompt_tokens", "utc_days", "utc_start", "utc_end"})
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# No token of any model costs a tenth of a cent: a higher price of `image_output` is an image's.
_HIGHEST_TOKEN_PRICE: Final = Decimal("0.001")
# In newer rows `image` is the price of an input image's token, about that of the prompt's; in older
# rows it is the price of an image, hundreds of times as much.
_TOKEN_PRICE_FACTOR: Final = 20
_FOLLOWING: Final = {
    "prompt": ("prompt", "input_cache_read", "input_cache_write", "input_cache_write_1h"),
    "completion": ("completion", "internal_reasoning"),
}


@dataclass(frozen=True, slots=True)
class Override:
    """Prices that apply under a condition: to long prompts, or at hours of the day.

    Attributes:
        rates: The items that change, USD.
        min_prompt_tokens: The prices apply to prompts of more tokens than this.
        start: Time of the day, UTC, as HHMM, at which they begin; None for any time.
        end: HHMM at which they end; if it is before `start`, on the next day.
        days: Weekdays as `mon`, `tue`, …; empty for every day.
    """

    rates: Rates
    min_prompt_tokens: int = 0
    start: int | None = None
    end: int | None = None
    days: tuple[str, ...] = ()

    @property
    def is_timed(self) -> bool:
        """Whether the prices depend on the time of the request."""
        return self.start is not None or bool(self.days)

    def applies_to(self, prompt_tokens: int) -> bool:
        """Whether a prompt is long enough."""
        return not self.min_prompt_tokens or prompt_tokens > self.min_prompt_tokens

    def applies_at(self, moment: datetime) -> bool:
        """Whether a moment in UTC lies within the hours."""
        if self.days and _DAYS[moment.weekday()] not in self.days:
            return False
        if self.start is None or self.end is None:
            return True
        clock = moment.hour * 100 + moment.minute
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


@dataclass(frozen=True, slots=True)
class Pricing:
    """All prices of a model, or of one provider's endpoint of it.

    Attributes:
        base: The prices if no override applies, USD.
        overrides: In the wire's order; of those that apply, the later wins item by item.
        discount: The discount as a fraction: 0.1 is 10 %.
        highest: Prices that providers.py calculates, once for each kind of prompt.
    """

    base: Rates
    overrides: tuple[Override, ...] = ()
    discount: Decimal = ZERO
    highest: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_known(self) -> bool:
        """Whether both token prices are known; those of routers like `openrouter/auto` aren't."""
        return "prompt" in self.base and "completion" in self.base

    @property
    def is_free(self) -> bool:
        """Whether all prices are 0."""
        return self.is_known and not any(any(rates.values()) for rates in self._all())

    def _all(self) -> Iterator[Rates]:
        yield self.base
        for override in self.overrides:
            yield override.rates

    def rates(self, prompt_tokens: int = 0, moment: datetime | None = None) -> Rates:
        """The prices of a request, discount included.

        Args:
            prompt_tokens: The tokens of its prompt.
            moment: Its time in UTC; None leaves out prices that depend on the hour.
        """
        found = self.base
        for override in self.overrides:
            if not override.applies_to(prompt_tokens):
                continue
            if override.is_timed and (moment is None or not override.applies_at(moment)):
                continue
            found = {**found, **override.rates}
        if self.discount:
            return {item: price * (1 - self.discount) for item, price in found.items()}
        return found

    def with_ceilings(self, ceilings: Rates) -> Pricing:
        """The prices with each item's base price replaced by its ceiling.

        Prices that depend on a base price (tiers, cache writes) change by the same factor.

        Args:
            ceilings: USD by item.
        """
        factors: Rates = {}
        for item, ceiling in ceilings.items():
            if self.base.get(item):
                for part in _FOLLOWING.get(item, (item,)):
                    factors[part] = ceiling / self.base[item]

        def scaled(rates: Rates) -> Rates:
            return {item: price * factors.get(item, 1) for item, price in rates.items()}

        missing = {item: price for item, price in ceilings.items() if not self.base.get(item)}
        overrides = tuple(replace(one, rates=scaled(one.rates)) for one in self.overrides)
        return Pricing({**scaled(self.base), **missing}, overrides, self.discount)

    def lowest_rates(self) -> Rates:
        """The lowest price of each item under any condition, discount included."""
        found: Rates = {}
        for rates in self._all():
            for item, price in rates.items():
                found[item] = min(found.get(item, price), price)
        return {item: price * (1 - self.discount) for item, price in found.items()}

    def highest_rates(self, prompt_tokens: int = 0) -> Rates:
        """The highest price of each item for a prompt of up to `prompt_tokens` tokens.

        It is the price at the most expensive hour, without the discount.
        """
        found = dict(self.base)
        for override in self.overrides:
            if override.applies_to(prompt_tokens):
                for item, price in override.rates.items():
                    found[item] = max(found.get(item, ZERO), price)
        return found


@dataclass(frozen=True, slots=True)
class ImagePrice:
    """One price of the images API.

    Attributes:
        billable: `output_image`, `input_image`, `input_reference`, `input_text`, `input_font`.
        unit: `image`, `megapixel`, `token` or `request`.
        usd: The price of one unit.
        variant: The tier or quality that it is for, such as `2k` or `low_1k`; empty for any.
    """

    billable: str
    unit: str
    usd: Decimal
    variant: str = ""


def parse(wire: Any) -> Pricing:
    """The prices in the wire's `pricing`; invalid prices are left out."""
    fields: Mapping[str, Any] = wire if isinstance(wire, dict) else {}
    overrides = fields.get("overrides")
    return Pricing(
        base=_rates(fields),
        overrides=tuple(_override(row) for row in overrides or () if isinstance(row, dict))
        if isinstance(overrides, list)
        else (),
        discount=decimal(fields.get("discount")) or ZERO,
    )


def parse_image_prices(wire: Any) -> tuple[ImagePrice, ...]:
    """The prices in the `pricing` of the images API; invalid prices are left out."""
    found = []
    for entry in wire if isinstance(wire, list) else ():
        usd = decimal(entry.get("cost_usd")) if isinstance(entry, dict) else None
        if usd is not None:
            billable, unit, variant = (
                str(entry.get(name) or "") for name in ("billable", "unit", "variant")
            )
            found.append(ImagePrice(billable, unit, usd, variant.lower()))
    return tuple(found)


def _override(row: Mapping[str, Any]) -> Override:
    days = row.get("utc_days")
    return Override(
        rates=_rates(row),
        min_prompt_tokens=_whole(row.get("min_prompt_tokens")) or 0,
        start=_whole(row.get("utc_start")),
        end=_whole(row.get("utc_end")),
        days=tuple(str(day).lower()[:3] for day in days) if isinstance(days, list) else (),
    )


def _rates(fields: Mapping[str, Any]) -> Rates:
    found: Rates = {}
    for item, value in fields.items():
        if item in _CONDITIONS or item in {"overrides", "discount"}:
            continue
        price = decimal(value)
        # Routers have a price of -1, because it depends on the model that they choose.
        if price is not None and price >= 0:
            found[item] = price
    return found


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def image_is_by_token(rates: Rates) -> bool:
    """Whether `image` is the price of a token of an input image, rather than of an image."""
    image = rates.get("image", ZERO)
    return image <= _TOKEN_PRICE_FACTOR * rates.get("prompt", ZERO)


def image_output_is_by_token(rates: Rates) -> bool:
    """Whether `image_output` is the price of a token of a generated image, rather than of one."""
    return rates.get("image_output", ZERO) < _HIGHEST_TOKEN_PRICE


def cost(usage: Mapping[str, Any], pricing: Pricing, moment: datetime | None = None) -> Decimal:
    """Price times usage, in USD: the cost of a wire `usage` by the catalogue.

    The usage can be of any endpoint, with chat's names or those of the Responses API. Items
    without a price in the catalogue are left out: OpenRouter's own search and parsing, and server
    tools that ask a model.

    Args:
        usage: The wire's `usage`.
        pricing: The prices of the model or endpoint that served the request.
        moment: When it was served, in UTC, for prices that depend on the hour.
    """
    prompt = _count(usage, "prompt_tokens", "input_tokens")
    completion = _count(usage, "completion_tokens", "output_tokens")
    if not prompt and not completion:
        prompt = _count(usage, "total_tokens")
    rates = pricing.rates(prompt, moment)
    return (
        _prompt_cost(usage, prompt, rates)
        + _completion_cost(usage, completion, rates)
        + _count(_details(usage, "server_tool_use"), "web_search_requests")
        * _price(rates, "web_search")
        + _price(rates, "request")
    )


def _prompt_cost(usage: Mapping[str, Any], prompt: int, rates: Rates) -> Decimal:
    details = _details(usage, "prompt_tokens", "input_tokens")
    read = _count(details, "cached_tokens")
    written = _count(details, "cache_write_tokens")
    audio = _count(details, "audio_tokens")
    # Gemini also bills the storage of tokens that it read: they are counted under both names.
    from_cache = read + written if read + written <= prompt else max(read, written)
    fresh = max(prompt - from_cache - audio, 0)
    return (
        fresh * _price(rates, "prompt")
        + audio * _price(rates, "audio", "prompt")
        + read * _price(rates, "input_cache_read", "prompt")
        + written * _price(rates, "input_cache_write", "prompt")
    )


def _completion_cost(usage: Mapping[str, Any], completion: int, rates: Rates) -> Decimal:
    details = _details(usage, "completion_tokens", "output_tokens")
    reasoning = min(_count(details, "reasoning_tokens"), completion)
    images = _count(details, "image_tokens")
    audio = _count(details, "audio_tokens")
    text = max(completion - reasoning - images - audio, 0)
    return (
        text * _price(rates, "completion")
        + reasoning * _price(rates, "internal_reasoning", "completion")
        + images * _price(rates, "image_output", "completion")
        + audio * _price(rates, "audio_output", "completion")
    )


def _price(rates: Rates, item: str, otherwise: str = "") -> Decimal:
    found = rates.get(item)
    return rates.get(otherwise, ZERO) if found is None else found


def _details(usage: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        found = usage.get(f"{name}_details")
        if isinstance(found, dict):
            return found
    return {}


def _count(fields: Mapping[str, Any], *names: str) -> int:
    for name in names:
        value = fields.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return 0
