"""A catalogue that gets the providers of a model when a request first names the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openrouter_adapter.catalog.estimates.estimate import names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from openrouter_adapter.catalog.catalog import Catalog


class LazyCatalog:
    """A catalogue, and the models whose providers were asked for.

    Attributes:
        asked: Ids of these models. However many names requests make up, there are no more ids than
            models in the catalogue.
    """

    def __init__(self, known: Catalog, load: Callable[[Catalog, list[str]], Catalog]) -> None:
        """Takes a catalogue, and a function that adds some models' providers to a catalogue."""
        self._catalog, self._load = known, load
        self.asked: set[str] = set()

    def of_request(self, body: Mapping[str, Any]) -> Catalog:
        """The catalogue with the providers of each model that a request names.

        A model is asked for once, even if that fails. Exceptions of `load` are the caller's.
        """
        for name in names_of(body):
            found = self._catalog.find(name)
            if found is not None and found.model.id not in self.asked:
                self.asked.add(found.model.id)
                self._catalog = self._load(self._catalog, [found.model.id])
        return self._catalog
