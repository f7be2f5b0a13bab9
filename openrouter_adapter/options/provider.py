"""The `provider` option: which providers may serve a request, and in which order."""
# ruff: noqa: TC001 -- pydantic reads these types when the program runs

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from openrouter_adapter.options.vocabulary import (
    DataCollection,
    Provider,
    Quantization,
    SortBy,
    SortPartition,
)


class MaxPrice(TypedDict, total=False):
    """The highest prices you accept, as numbers or as decimal strings.

    https://openrouter.ai/docs/features/provider-routing#max-price
    """

    prompt: float | str
    """USD per million prompt tokens."""
    completion: float | str
    """USD per million completion tokens."""
    request: float | str
    """USD per request."""
    image: float | str
    """USD per image."""
    audio: float | str
    """USD per unit of audio."""


class ProviderSort(TypedDict, total=False):
    """The long form of `provider.sort`.

    https://openrouter.ai/docs/features/provider-routing#provider-sorting
    """

    by: SortBy | None
    """What to sort by: `price`, `throughput`, `latency` or `exacto`."""
    partition: SortPartition | None
    """`model` (default) sorts the endpoints of each model; `none` sorts those of all `models`."""


class Percentiles(TypedDict, total=False):
    """A threshold for each percentile of the recent past; all given ones must be met."""

    p50: float | None
    p75: float | None
    p90: float | None
    p99: float | None


class ProviderPreferences(TypedDict, total=False):
    """Routing preferences: which of a model's providers are asked, and in which order.

    https://openrouter.ai/docs/guides/routing/provider-selection
    """

    order: list[Provider] | None
    """Slugs to try first, in this order; switches load balancing off."""
    only: list[Provider] | None
    """Slugs that may serve the request; all others are out."""
    ignore: list[Provider] | None
    """Slugs that may not serve the request."""
    allow_fallbacks: bool | None
    """Whether other providers stand in when the first ones fail (default true)."""
    require_parameters: bool | None
    """Ask only providers that support every parameter of the request (default false)."""
    data_collection: DataCollection | None
    """`deny` keeps out providers that may store your data (default `allow`)."""
    zdr: bool | None
    """Ask only endpoints that retain no data."""
    enforce_distillable_text: bool | None
    """Ask only models whose authors allow distillation of their text."""
    sort: ProviderSort | SortBy | None
    """Order by price, throughput or latency; switches load balancing off."""
    quantizations: list[Quantization] | None
    """Quantization levels that may serve the request."""
    max_price: MaxPrice
    """The highest prices you accept."""
    preferred_min_throughput: Percentiles | float | None
    """Tokens per second; a number stands for p50. Slower endpoints are asked last."""
    preferred_max_latency: Percentiles | float | None
    """Seconds; a number stands for p50. Slower endpoints are asked last."""
    options: dict[str, dict[str, Any]]
    """Settings of single providers, by slug; only those of the chosen one are passed on."""
