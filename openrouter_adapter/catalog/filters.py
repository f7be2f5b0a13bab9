"""Models chosen from the catalogue: search, filters, order."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openrouter_adapter.catalog.catalog import Model

MILLION: Final = Decimal(1_000_000)
_LAST: Final = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class Filters:
    """What models must have; None and empty exclude nothing.

    Attributes:
        words: Each must be in the id or the name, in any case.
        max_prompt: USD per million prompt tokens, at most.
        max_completion: USD per million completion tokens, at most.
        min_context: Tokens of prompt and completion, at least.
        inputs: Input modalities that it must have.
        outputs: Output modalities that it must have.
        parameters: Request fields that it must take.
    """

    words: tuple[str, ...] = ()
    max_prompt: Decimal | None = None
    max_completion: Decimal | None = None
    min_context: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()

    def fit(self, model: Model) -> bool:
        """Whether a model has everything that is asked for. An unknown price fits no limit."""
        title = f"{model.id} {model.name}".lower()
        return (
            all(word.lower() in title for word in self.words)
            and _within(per_million(model, "prompt"), self.max_prompt)
            and _within(per_million(model, "completion"), self.max_completion)
            and (self.min_context is None or (model.window or 0) >= self.min_context)
            and set(self.inputs) <= set(model.input_modalities)
            and set(self.outputs) <= set(model.output_modalities)
            and set(self.parameters) <= model.parameters
        )


ORDERS: Final[dict[str, Callable[[Model], Any]]] = {
    "id": lambda model: model.id,
    "prompt": lambda model: _known(per_million(model, "prompt")),
    "completion": lambda model: _known(per_million(model, "completion")),
    "context": lambda model: -(model.window or 0),
    "newest": lambda model: -int(model.wire.get("created") or 0),
}
"""What models can be sorted by: cheapest, longest and newest first."""


def select(models: Iterable[Model], filters: Filters, order: str = "id") -> list[Model]:
    """The models that fit, sorted.

    Raises:
        KeyError: `order` is not one of `ORDERS`.
    """
    return sorted(filter(filters.fit, models), key=ORDERS[order])


def per_million(model: Model, item: str) -> Decimal | None:
    """USD per million tokens of an item such as `prompt`; None if the price is unknown."""
    price = model.pricing.base.get(item)
    return None if price is None else price * MILLION


def _within(price: Decimal | None, limit: Decimal | None) -> bool:
    return limit is None or (price is not None and price <= limit)


def _known(price: Decimal | None) -> Decimal:
    return _LAST if price is None else price
