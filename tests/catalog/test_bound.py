"""A worst case for budgets, whichever provider serves the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter import catalog
from openrouter_adapter.batch import estimates, requests
from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.catalog import Catalog

MODEL, FALLBACK = "openai/gpt-4o-mini", "openai/gpt-4o"


@pytest.fixture
def em() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def book(em: Emulator) -> Catalog:
    """The models without their providers."""
    return catalog.load(base_url=em.base_url, api_key=em.api_key)


def body(**fields: Any) -> dict[str, Any]:
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Name three birds."}],
        "max_tokens": 20,
        **fields,
    }


def test_providers_that_are_not_known_bound_nothing(book: Catalog) -> None:
    found = catalog.bound(body(), catalog=book)
    assert found.worst is None
    assert found.likely == catalog.estimate(body(), catalog=book).likely
    assert "providers" in str(found.unknown_because)


@pytest.mark.parametrize(
    ("ceiling", "holds"),
    [
        ({"prompt": 1, "completion": 2}, True),
        ({"prompt": 1}, False),
        ({"completion": 2}, False),
        ({"request": 1}, False),
    ],
)
def test_a_ceiling_bounds_them_where_it_is_one_of_both(
    book: Catalog, ceiling: dict[str, float], holds: bool
) -> None:
    found = catalog.bound(body(provider={"max_price": ceiling}), catalog=book)
    assert (found.worst is not None) is holds


def test_known_providers_bound_the_model_and_its_fallbacks(em: Emulator, book: Catalog) -> None:
    asked = body(models=[FALLBACK])
    for names, holds in (([MODEL], False), ([MODEL, FALLBACK], True)):
        known = catalog.load_endpoints(book, names, base_url=em.base_url, api_key=em.api_key)
        assert (catalog.bound(asked, catalog=known).worst is not None) is holds


def test_a_batch_asks_for_the_providers_of_fallbacks_too(em: Emulator) -> None:
    known = estimates.Prices(em.api_key, em.base_url)
    asked = requests.Request(1, "one", requests.ROUTES["/v1/chat/completions"], {}, MODEL)
    asked.body = body(models=[FALLBACK])
    assert known.worst(asked) is not None


def test_a_batch_whose_providers_are_not_told_has_no_bound(
    em: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise litellm.ServiceUnavailableError("away", "openrouter", MODEL)

    monkeypatch.setattr(catalog, "load_endpoints", fail)
    known = estimates.Prices(em.api_key, em.base_url)
    asked = requests.Request(1, "one", requests.ROUTES["/v1/chat/completions"], body(), MODEL)
    assert known.worst(asked) is None
    assert "could not be loaded" in str(known.look(asked))
