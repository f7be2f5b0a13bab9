"""Models for a Router, chosen from the catalogue by name, ability, context and price."""

from __future__ import annotations

import difflib
import fnmatch
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from openrouter_adapter import money
from openrouter_adapter.catalog import load
from openrouter_adapter.catalog.filters import ORDERS, Filters, per_million
from openrouter_adapter.wire import model_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from openrouter_adapter.catalog import Catalog, Model

NEEDS: Final = {
    "vision": Filters(inputs=("image",)),
    "files": Filters(inputs=("file",)),
    "audio": Filters(inputs=("audio",)),
    "video": Filters(inputs=("video",)),
    "tools": Filters(parameters=("tools",)),
    "reasoning": Filters(parameters=("reasoning",)),
    "structured_outputs": Filters(parameters=("structured_outputs",)),
    "image_output": Filters(outputs=("image",)),
    "embeddings": Filters(outputs=("embeddings",)),
}
"""Abilities that `select` can ask for, by name, with what such a model has in the catalogue."""
_NEAREST: Final = 3


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model of the catalogue, and its name in requests.

    Attributes:
        name: An id, a dated slug or an alias, with its variants, without `openrouter/`.
        model: The model that the name stands for.
    """

    name: str
    model: Model

    @property
    def abilities(self) -> frozenset[str]:
        """The abilities of `NEEDS` that it has."""
        return frozenset(need for need, filters in NEEDS.items() if filters.fit(self.model))


class NothingSelectedError(LookupError):
    """No model fits; the message has what was asked for, and the nearest models."""


def select(
    *patterns: str,
    needs: Iterable[str] = (),
    min_context: int | None = None,
    max_prompt: Decimal | float | None = None,
    max_completion: Decimal | float | None = None,
    order: str = "id",
    most: int | None = None,
    also: Iterable[str] = (),
    catalog: Catalog | None = None,
) -> list[Chosen]:
    """The models that fit all conditions.

    Args:
        *patterns: Names, or patterns of ids such as `anthropic/*`; without any, all models.
        needs: Names of `NEEDS`.
        min_context: Tokens of prompt and completion, at least.
        max_prompt: USD per million prompt tokens, at most.
        max_completion: USD per million completion tokens, at most.
        order: One of `id`, `prompt`, `completion`, `context`, `newest`.
        most: The number of models, the first in that order; None for all.
        also: Names of models that are added, whether they fit or not.
        catalog: The models; None loads the catalogue (which may fetch it).

    Raises:
        NothingSelectedError: no model fits, or a name or pattern stands for no model.
        ValueError: there is no such need or order.
        One of LiteLLM's exceptions (see errors.py): there is no catalogue, and it can't be
            fetched.
    """
    catalog = load() if catalog is None else catalog
    limits = {"prompt": max_prompt, "completion": max_completion}
    asked = _Asked(
        patterns,
        tuple(needs),
        min_context,
        {item: Decimal(str(usd)) for item, usd in limits.items() if usd is not None},
    )
    if order not in ORDERS:
        raise ValueError(f"order is {order!r}; it can be {', '.join(ORDERS)}")
    named = _named(patterns or ("*",), catalog)
    fitting = [one for one in named if not asked.lacks(one.model)]
    if not fitting:
        raise NothingSelectedError(asked.nothing(named))
    fitting.sort(key=lambda one: (ORDERS[order](one.model), one.name))
    kept = fitting[:most] if most else fitting
    return list({one.name: one for one in (*kept, *_named(tuple(also), catalog))}.values())


@dataclass(frozen=True, slots=True)
class _Asked:
    """What models must have.

    Attributes:
        patterns: Names, or patterns of ids; empty for all models.
        needs: Names of `NEEDS`.
        min_context: Tokens; None for any.
        limits: USD per million tokens of `prompt` and `completion`, at most.
    """

    patterns: tuple[str, ...]
    needs: tuple[str, ...]
    min_context: int | None
    limits: Mapping[str, Decimal]

    def __post_init__(self) -> None:
        for need in self.needs:
            if need not in NEEDS:
                raise ValueError(f"needs has {need!r}; there are {', '.join(NEEDS)}")

    def lacks(self, model: Model) -> list[str]:
        """The conditions that a model doesn't fit, in words."""
        found = [f"no {need}" for need in self.needs if not NEEDS[need].fit(model)]
        if self.min_context is not None and (model.window or 0) < self.min_context:
            found.append(f"a context of {model.window or 'unknown length'}")
        for item, limit in self.limits.items():
            price = per_million(model, item)
            if price is None:
                found.append(f"no known {item} price")
            elif price > limit:
                found.append(f"{item} {money.plain(price)} USD")
        return found

    def nothing(self, named: Sequence[Chosen]) -> str:
        """The message: what was asked for, and the models that come nearest."""
        nearest = sorted(named, key=lambda one: (*self._distance(one.model), one.name))[:_NEAREST]
        near = "; ".join(f"{one.name} ({', '.join(self.lacks(one.model))})" for one in nearest)
        return f"No model has {self}. Nearest: {near}."

    def __str__(self) -> str:
        parts = [f"a name like {' or '.join(self.patterns)}"] if self.patterns else []
        parts += self.needs
        if self.min_context is not None:
            parts.append(f"a context of {self.min_context} tokens")
        for item, limit in self.limits.items():
            parts.append(f"at most {limit} USD per million {item} tokens")
        return ", ".join(parts)

    def _distance(self, model: Model) -> tuple[int, int, Decimal]:
        """Counts of missing abilities and of broken conditions, and how far limits are exceeded."""
        over = Decimal(0)
        for item, limit in self.limits.items():
            over += max(Decimal(0), (per_million(model, item) or Decimal(0)) - limit)
        if self.min_context is not None:
            over += Decimal(max(0, self.min_context - (model.window or 0))) / self.min_context
        lacks = self.lacks(model)
        return sum(words.startswith("no ") for words in lacks), len(lacks), over


def fits(pattern: str, name: str) -> bool:
    """Whether a name matches a pattern, in any case, with or without LiteLLM's `openrouter/`."""
    return fnmatch.fnmatchcase(name.lower(), pattern.removeprefix("openrouter/").lower())


def _named(patterns: Sequence[str], catalog: Catalog) -> list[Chosen]:
    """The models of names and patterns, each once, in their order."""
    found: dict[str, Chosen] = {}
    for pattern in patterns:
        for one in _of_pattern(pattern.removeprefix("openrouter/"), catalog):
            found.setdefault(one.name, one)
    return list(found.values())


def _of_pattern(pattern: str, catalog: Catalog) -> list[Chosen]:
    if any(sign in pattern for sign in "*?["):
        found = [Chosen(model.id, model) for model in catalog if fits(pattern, model.id)]
    else:
        # The catalogue's name is `openrouter/auto`; `auto` alone is not a name.
        names = (pattern, f"openrouter/{pattern}")
        found = [Chosen(name, catalog[name]) for name in names if name in catalog][:1]
    if not found and model_names.is_batch_only(pattern):
        raise NothingSelectedError(f"A Router can't call {model_names.batch_only(pattern)}.")
    if not found:
        ids = [model.id for model in catalog]
        near = difflib.get_close_matches(pattern.strip("*"), ids, _NEAREST, 0.3)
        raise NothingSelectedError(
            f"The catalogue has no model {pattern}. Nearest: {', '.join(near) or 'none'}."
        )
    return found
