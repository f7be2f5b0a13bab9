"""The catalogue: models by every name that OpenRouter takes for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.models import (
    Endpoint,
    ImageEndpoint,
    Model,
    parse_endpoint,
    parse_image_endpoint,
    parse_model,
)
from openrouter_adapter.wire import model_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PREFIX: Final = "openrouter/"
_MOST_REMEMBERED: Final = 10_000  # Names come from requests, and anything may stand in one.


@dataclass(frozen=True, slots=True)
class Found:
    """A model that a name stands for, and what the name's dynamic variants ask for.

    Attributes:
        model: The model.
        variants: Of `online`, `nitro`, `floor`, `exacto`, those that the name has.
    """

    model: Model
    variants: frozenset[str] = frozenset()


class Catalog:
    """OpenRouter's models and prices at one time.

    The rows of its Batch API, `author/model:batch`, are no models here: no chat takes them. They
    are prices of the model before the colon, see `in_batches`.

    Attributes:
        fetched_at: When OpenRouter last confirmed it, seconds since 1970; 0 where it was built
            from rows.
        refresh_error: Why it is older than it should be: the failure of the last refresh, None
            where there was none.
    """

    def __init__(
        self,
        rows: Iterable[Mapping[str, Any]],
        *,
        endpoints: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
        image_endpoints: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
        fetched_at: float = 0.0,
        refresh_error: Exception | None = None,
    ) -> None:
        """Builds a catalogue from wire rows.

        Args:
            rows: Those of `GET /models`.
            endpoints: Those of `GET /models/{id}/endpoints`, by the model's id.
            image_endpoints: Those of `GET /images/models/{id}/endpoints`, by the model's id.
            fetched_at: When they were fetched, seconds since 1970.
            refresh_error: The failure of the last refresh.
        """
        self.fetched_at = fetched_at
        self.refresh_error = refresh_error
        self._models: dict[str, Model] = {}
        # No requests name these, so they are no models of ours but prices of one.
        self._in_batches: dict[str, Model] = {}
        for model in filter(None, map(parse_model, rows)):
            if model_names.is_batch_only(model.id):
                self._in_batches[model_names.without_batch(model.id)] = model
            else:
                self._models[model.id] = model
        self._endpoints = {
            model_id: tuple(map(parse_endpoint, offered))
            for model_id, offered in (endpoints or {}).items()
        }
        self._image_endpoints = {
            model_id: tuple(map(parse_image_endpoint, offered))
            for model_id, offered in (image_endpoints or {}).items()
        }
        self._names = self._all_names()
        self._found: dict[str, Found | None] = {}

    @property
    def age(self) -> float:
        """Seconds since OpenRouter last confirmed it."""
        return max(0.0, time.time() - self.fetched_at)

    def __len__(self) -> int:
        """The number of models."""
        return len(self._models)

    def __iter__(self) -> Iterator[Model]:
        """The models, in OpenRouter's order."""
        return iter(self._models.values())

    def __contains__(self, name: object) -> bool:
        """Whether a name stands for a model."""
        return isinstance(name, str) and self.find(name) is not None

    def __getitem__(self, name: str) -> Model:
        """The model of a name.

        Raises:
            KeyError: the catalogue has none.
        """
        found = self.find(name)
        if found is None:
            raise KeyError(name)
        return found.model

    def find(self, name: str) -> Found | None:
        """The model that OpenRouter would take for a name; None where the catalogue has none.

        Takes ids, dated slugs, `~author/…-latest` aliases, each with variants, and LiteLLM's
        `openrouter/` before any of them.
        """
        try:
            return self._found[name]
        except KeyError:
            if len(self._found) >= _MOST_REMEMBERED:
                self._found.clear()
            found = self._found[name] = self._find(name)
            return found

    def endpoints(self, model: Model) -> tuple[Endpoint, ...]:
        """Who serves a model, where that was fetched; else nothing."""
        return self._endpoints.get(model.id, ())

    def in_batches(self, model: Model) -> Model | None:
        """The row with a model's prices in OpenRouter's Batch API; None where it is not there."""
        return self._in_batches.get(model.id)

    def image_endpoints(self, model: Model) -> tuple[ImageEndpoint, ...] | None:
        """Who serves a model on the images API; None where that was not fetched."""
        return self._image_endpoints.get(model.id)

    def names(self) -> Mapping[str, Model]:
        """Each name without dynamic variants, with its model: ids, dated slugs, aliases."""
        return self._names

    def with_endpoints(
        self,
        endpoints: Mapping[str, Iterable[Mapping[str, Any]]],
        image_endpoints: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    ) -> Catalog:
        """The same catalogue with the endpoints of some more models, as wire rows by id."""
        wider = Catalog(
            [model.wire for model in (*self, *self._in_batches.values())],
            endpoints=endpoints,
            image_endpoints=image_endpoints,
            fetched_at=self.fetched_at,
            refresh_error=self.refresh_error,
        )
        wider._endpoints = {**self._endpoints, **wider._endpoints}
        wider._image_endpoints = {**self._image_endpoints, **wider._image_endpoints}
        return wider

    def _find(self, name: str) -> Found | None:
        for tried in (name, name.removeprefix(_PREFIX)):
            if tried in self._names:
                return Found(self._names[tried])
            base, *suffixes = tried.split(":")
            acting = frozenset(suffixes) & model_names.DYNAMIC
            kept = [base, *(suffix for suffix in suffixes if suffix not in acting)]
            if acting and ":".join(kept) in self._names:
                return Found(self._names[":".join(kept)], acting)
        return None

    def _all_names(self) -> dict[str, Model]:
        names = dict(self._models)
        for model in self._models.values():
            words = [word for word in model.id.split(":")[1:] if word in model_names.STATIC]
            slug = ":".join([model.canonical_slug.split(":")[0], *words])
            names.setdefault(slug, model)
            if model.author == "anthropic":
                # OpenRouter takes Anthropic's own spelling of versions, claude-sonnet-4-5, too.
                names.setdefault(model.id.replace(".", "-"), model)
        for model in self._models.values():
            if not model.pricing.is_known and model.alias_of in self._models:
                names[model.id] = self._models[model.alias_of]
        return names
