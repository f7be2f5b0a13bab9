"""Fallback chains: written by hand, to models with a larger context, to similar models."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from openrouter_adapter.catalog.filters import per_million

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openrouter_adapter.routing.selection import Chosen

Chains = list[dict[str, list[str]]]

MOST: Final = 3
"""The most models of a generated chain; a Router tries five."""


def chain(text: str) -> list[str]:
    """The names of `A>B>C`: the first falls back to the second, that one to the third.

    Raises:
        ValueError: it has fewer than two names, or a name twice.
    """
    names = [name.strip().removeprefix("openrouter/") for name in text.split(">")]
    if len(names) < 2 or not all(names) or len(set(names)) < len(names):
        raise ValueError(f"fallback is {text!r}; write two or more different models, A>B>C")
    return names


def written(chains: Sequence[str]) -> Chains:
    """LiteLLM's `fallbacks` for chains such as `A>B>C`: calls of A go to B and then to C.

    Raises:
        ValueError: a chain is invalid, or two chains begin with the same model.
    """
    found: dict[str, list[str]] = {}
    for text in chains:
        first, *rest = chain(text)
        if first in found:
            raise ValueError(f"fallback {text!r}: another chain already begins with {first}")
        found[first] = rest
    return _listed(found)


def larger_context(chosen: Sequence[Chosen], most: int = MOST) -> Chains:
    """LiteLLM's `context_window_fallbacks`: from each model to others with a larger context.

    The others have all abilities of the first. The cheapest comes first, and each has a larger
    context than the one before, so that no attempt is wasted on a prompt that did not fit.
    """
    found: dict[str, list[str]] = {}
    for one in chosen:
        window = one.model.window
        for other in sorted(_equals(one, chosen), key=_price):
            larger = other.model.window
            if window and larger and larger > window and len(found.get(one.name, ())) < most:
                found.setdefault(one.name, []).append(other.name)
                window = larger
    return _listed(found)


def similar(chosen: Sequence[Chosen], most: int = MOST) -> Chains:
    """LiteLLM's `fallbacks`: from each model to similar ones, the nearest in price first.

    The others have all abilities of the first, and a context at least as large.
    """
    found = {}
    for one in chosen:
        others = [
            other
            for other in _equals(one, chosen)
            if (other.model.window or 0) >= (one.model.window or 0)
        ]
        if others:
            found[one.name] = [other.name for other in _by_price(others, _price(one))[:most]]
    return _listed(found)


def _equals(one: Chosen, chosen: Sequence[Chosen]) -> list[Chosen]:
    """The other models of the same mode with all abilities of the first."""
    return [
        other
        for other in chosen
        if other.model.id != one.model.id
        and other.model.mode == one.model.mode
        and other.abilities >= one.abilities
    ]


def _by_price(others: Sequence[Chosen], price: Decimal) -> list[Chosen]:
    return sorted(others, key=lambda other: (abs(_price(other) - price), other.name))


def _price(one: Chosen) -> Decimal:
    """USD per million tokens of prompt and completion; an unknown price counts as a high one."""
    prices = [per_million(one.model, item) for item in ("prompt", "completion")]
    return sum((Decimal(10_000) if price is None else price for price in prices), Decimal(0))


def _listed(found: dict[str, list[str]]) -> Chains:
    return [{first: rest} for first, rest in found.items()]
