"""The catalogue from disk or from OpenRouter: fetched once, cached, revalidated when it is old."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import api
from openrouter_adapter.catalog import cache
from openrouter_adapter.catalog.catalog import Catalog, parse_model
from openrouter_adapter.images import models as image_models
from openrouter_adapter.video_generation import models as video_models
from openrouter_adapter.wire import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from openrouter_adapter.catalog.catalog import ImageEndpoint

MAX_AGE: Final = 24 * 3600.0
"""Seconds after which OpenRouter is asked whether a list has changed."""
_PAUSE: Final = 300.0  # Seconds until a failed refresh is tried again.
_SKEW: Final = 300.0  # Seconds that another machine's clock may be ahead.

_logger = logging.getLogger("openrouter_adapter")
_lock = threading.RLock()


@dataclass(slots=True)
class _Kept:
    """A catalogue in memory, and when OpenRouter was last asked for it, seconds since 1970."""

    catalog: Catalog
    tried_at: float


_kept: dict[Path, _Kept] = {}
_warned: set[Path] = set()


class CatalogUnavailableError(LookupError):
    """There is no catalogue on disk, and none could be fetched, or fetching was not allowed."""


def load(
    *,
    refresh: bool | None = None,
    max_age: float = MAX_AGE,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = api.DEFAULT_TIMEOUT,
) -> Catalog:
    """OpenRouter's models and prices.

    A list in memory or on disk that is not older than `max_age` is used without the network. If a
    refresh fails, the old list stays in use: the log has one warning, and `refresh_error` of the
    catalogue has the exception.

    Args:
        refresh: True asks OpenRouter now, False never, None if the list is too old.
        max_age: Seconds.
        api_key: The key; None for the configured one, if there is one.
        base_url: The API's base URL; None for the usual one.
        timeout: Seconds for the network.

    Raises:
        CatalogUnavailableError: no list is on disk, and `refresh` is False.
        One of LiteLLM's exceptions (see errors.py): no list is on disk, and it can't be fetched.

    Follows https://openrouter.ai/docs/guides/overview/models.
    """
    base = connection.base_url(base_url)
    file = cache.path("models", base)
    with _lock:
        kept = _kept.get(file)
        if kept is not None and refresh is not True and _is_recent(kept, max_age, refresh):
            return kept.catalog
        entry = cache.read(file)
        if entry is not None and not entry.rows:
            entry = None
        if refresh is False and entry is None:
            raise CatalogUnavailableError(
                f"No catalogue in {file.parent}, and refresh=False forbids fetching one."
            )
        error: Exception | None = None
        if entry is None or (refresh is not False and _is_due(entry, max_age, refresh)):

            def fetch(etag: str | None) -> tuple[list[dict[str, Any]] | None, str | None]:
                listing = api.get_models(etag=etag, api_key=api_key, base_url=base, timeout=timeout)
                if not listing.rows and (etag is None or listing.rows is not None):
                    raise CatalogUnavailableError("OpenRouter sent an empty list of models.")
                return listing.rows, listing.etag

            entry, error = _refreshed(file, entry, fetch)
        catalog = _built(file, entry, error)
        _kept[file] = _Kept(catalog, time.time())
        _report_image_models(catalog)
        return catalog


def load_endpoints(
    catalog: Catalog,
    models: Iterable[str],
    *,
    refresh: bool | None = None,
    max_age: float = MAX_AGE,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = api.DEFAULT_TIMEOUT,
) -> Catalog:
    """The catalogue with the providers of some models, cached like the models themselves.

    Estimates then know the most expensive provider that may serve a request. For models that make
    images the images API's list is loaded too. It has prices, and the fields that each provider
    takes: from then on this process checks image calls against them.

    Args:
        catalog: The catalogue with the models.
        models: Their names.
        refresh: True asks OpenRouter now, False never, None if a list is too old.
        max_age: Seconds.
        api_key: The key; None for the configured one, if there is one.
        base_url: The API's base URL; None for the usual one.
        timeout: Seconds for the network, for each model.

    Raises:
        KeyError: the catalogue has no model of a name.
        One of LiteLLM's exceptions (see errors.py): a list is not on disk, and can't be fetched.
    """
    base = connection.base_url(base_url)
    found: dict[str, list[dict[str, Any]]] = {}
    drawn: dict[str, list[dict[str, Any]]] = {}
    access = {"api_key": api_key, "base_url": base, "timeout": timeout}
    for model in {catalog[name].id: catalog[name] for name in models}.values():

        def read(kind: str, get: Callable[..., Any], asked: str = model.id) -> Any:
            file = cache.path(f"{kind}-{asked}", base)
            return _rows(file, lambda: get(asked, **access), refresh, max_age)

        rows = read("endpoints", api.get_endpoints)
        if rows is not None:
            found[model.id] = rows
        if "image" in model.output_modalities:
            rows = read("image-endpoints", _image_endpoints)
            if rows is not None:
                drawn[model.id] = rows
    wider = catalog.with_endpoints(found, drawn)
    if drawn:
        _report_image_models(wider)
    return wider


def load_image_models(
    *,
    refresh: bool | None = None,
    max_age: float = MAX_AGE,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = api.DEFAULT_TIMEOUT,
) -> dict[str, dict[str, Any]]:
    """The fields that each model of the images API takes: `supported_parameters` by the model's id.

    The list is cached like the models themselves. From then on this process refuses image calls
    with a field that the model does not take, before anything is sent.

    Args:
        refresh: True asks OpenRouter now, False never, None if the list is too old.
        max_age: Seconds.
        api_key: The key; None for the configured one, if there is one.
        base_url: The API's base URL; None for the usual one.
        timeout: Seconds for the network.

    Raises:
        CatalogUnavailableError: the list is not on disk, and `refresh` is False.
        One of LiteLLM's exceptions (see errors.py): it is not on disk, and can't be fetched.

    Follows https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
    """
    base = connection.base_url(base_url)

    def get() -> list[dict[str, Any]]:
        return api.get_image_models(api_key=api_key, base_url=base, timeout=timeout)

    rows = _models("image", base, get, refresh, max_age)
    models = [(row, parse_model(row)) for row in rows]
    listed = {model.id: (row, model) for row, model in models if model is not None}
    image_models.learn(
        {name: "text" not in model.output_modalities for name, (_, model) in listed.items()}
    )
    found = {
        name: dict(parameters)
        for name, (row, _) in listed.items()
        if isinstance(parameters := row.get("supported_parameters"), dict)
    }
    image_models.describe(found)
    return found


def load_video_models(
    *,
    refresh: bool | None = None,
    max_age: float = MAX_AGE,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = api.DEFAULT_TIMEOUT,
) -> dict[str, dict[str, Any]]:
    """The fields and prices of each model that makes videos: OpenRouter's rows by the model's id.

    The list is cached like the models themselves. From then on this process refuses video calls
    that ask for what the model does not take, before anything is sent.

    Args:
        refresh: True asks OpenRouter now, False never, None if the list is too old.
        max_age: Seconds.
        api_key: The key; None for the configured one, if there is one.
        base_url: The API's base URL; None for the usual one.
        timeout: Seconds for the network.

    Raises:
        CatalogUnavailableError: the list is not on disk, and `refresh` is False.
        One of LiteLLM's exceptions (see errors.py): it is not on disk, and can't be fetched.

    Follows https://openrouter.ai/docs/guides/overview/multimodal/video-generation.
    """
    base = connection.base_url(base_url)

    def get() -> list[dict[str, Any]]:
        return api.get_video_models(api_key=api_key, base_url=base, timeout=timeout)

    rows = _models("video", base, get, refresh, max_age)
    video_models.learn(rows)
    return {str(row["id"]): row for row in rows if isinstance(row.get("id"), str)}


def _report_image_models(catalog: Catalog) -> None:
    """Registers the models that make images, and the fields that they take, for image calls."""
    makers = {
        name: model for name, model in catalog.names().items() if "image" in model.output_modalities
    }
    image_models.learn({name: "text" not in one.output_modalities for name, one in makers.items()})
    image_models.describe(
        {
            name: union(endpoints)
            for name, model in makers.items()
            if (endpoints := catalog.image_endpoints(model))
        }
    )


def union(endpoints: Iterable[ImageEndpoint]) -> dict[str, Any]:
    """The fields that at least one of a model's providers takes, each with a descriptor."""
    found: dict[str, Any] = {}
    for endpoint in endpoints:
        for name, descriptor in endpoint.parameters.items():
            found[name] = _wider(found[name], descriptor) if name in found else descriptor
    return found


def _wider(one: Any, other: Any) -> Any:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one
    if isinstance(one.get("values"), list) and isinstance(other.get("values"), list):
        return {**one, "values": list(dict.fromkeys([*one["values"], *other["values"]]))}
    if {"min", "max"} <= one.keys() & other.keys():
        return {**one, "min": min(one["min"], other["min"]), "max": max(one["max"], other["max"])}
    return one


def _image_endpoints(model: str, **access: Any) -> list[dict[str, Any]]:
    from litellm.exceptions import NotFoundError

    try:
        return api.get_image_endpoints(model, **access)
    except NotFoundError:
        # The images API lacks some models that make images, and some servers lack the API.
        return []


def _models(
    kind: str,
    base_url: str,
    get: Callable[[], list[dict[str, Any]]],
    refresh: bool | None,
    max_age: float,
) -> list[dict[str, Any]]:
    """The models of the images or videos API, from disk or from OpenRouter."""
    file = cache.path(f"{kind}-models", base_url)
    rows = _rows(file, get, refresh, max_age)
    if rows is None:
        raise CatalogUnavailableError(
            f"No list of {kind} models in {file.parent}, and refresh=False forbids fetching one."
        )
    return rows


def _rows(
    file: Path, get: Callable[[], list[dict[str, Any]]], refresh: bool | None, max_age: float
) -> list[dict[str, Any]] | None:
    """A list from disk or from OpenRouter; None if it is not on disk and `refresh` is False."""
    entry = cache.read(file)
    if refresh is False and entry is None:
        return None
    if entry is None or (refresh is not False and _is_due(entry, max_age, refresh)):
        entry, _error = _refreshed(file, entry, lambda _: (get(), None))
    return entry.rows


def _is_recent(kept: _Kept, max_age: float, refresh: bool | None) -> bool:
    if refresh is False or kept.catalog.age <= max_age:
        return True
    # A server that just failed is not asked again for every request.
    return kept.catalog.refresh_error is not None and time.time() - kept.tried_at < _PAUSE


def _is_due(entry: cache.CachedList, max_age: float, refresh: bool | None) -> bool:
    age = time.time() - entry.fetched_at
    # A list from the future was fetched with a wrong clock, and would stay until that day.
    return refresh is True or age > max_age or age < -_SKEW


def _refreshed(
    file: Path,
    old: cache.CachedList | None,
    fetch: Callable[[str | None], tuple[list[dict[str, Any]] | None, str | None]],
) -> tuple[cache.CachedList, Exception | None]:
    """The list as OpenRouter has it now, else the old list with the exception.

    Raises:
        The exception, if there is no old list.
    """
    try:
        rows, etag = fetch(old.etag if old else None)
    except Exception as error:
        if old is None:
            raise
        if file not in _warned:
            _warned.add(file)
            hours = (time.time() - old.fetched_at) / 3600
            _logger.warning(
                "OpenRouter's catalogue can't be refreshed; the one from %.1f hours ago stays in "
                "use: %s",
                hours,
                error,
            )
        return old, error
    _warned.discard(file)
    if rows is None and old is not None:
        rows = old.rows
    entry = cache.CachedList(rows or [], time.time(), etag)
    cache.write(file, entry)
    return entry, None


def _built(file: Path, entry: cache.CachedList, error: Exception | None) -> Catalog:
    kept = _kept.get(file)
    if kept is not None and kept.catalog.fetched_at == entry.fetched_at:
        kept.catalog.refresh_error = error
        return kept.catalog
    return Catalog(entry.rows, fetched_at=entry.fetched_at, refresh_error=error)
