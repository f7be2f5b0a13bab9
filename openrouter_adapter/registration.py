"""Replaces in LiteLLM what hooks/table.py lists, verifies it, and undoes it."""

from __future__ import annotations

import contextlib
import threading
import warnings
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.hooks import clients, functions
from openrouter_adapter.hooks import names as litellm_names
from openrouter_adapter.hooks.table import (
    ENDPOINTS,
    MISSING,
    find,
    function_of,
    place_at,
    places,
)
from openrouter_adapter.wire import connection
from openrouter_adapter.wire.connection import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.hooks.names import Name
    from openrouter_adapter.hooks.table import Place

_RAISES: Final = "calls to it for OpenRouter's models raise an error"
_BUILT_IN: Final = "LiteLLM's built-in behaviour applies there"


class RegistrationError(RuntimeError):
    """The installed LiteLLM lacks a place that the adapter needs. Nothing was changed."""


_lock = threading.RLock()
_originals: list[tuple[Any, str, Any]] = []
# `registered()` blocks that are running, and whether the first of them found nothing registered.
_blocks: int = 0
_is_for_blocks: bool = False


def register(given: Settings | None = None) -> None:
    """Makes LiteLLM's calls on `openrouter/…` models run on this package.

    Calling it again only changes the settings that are given. Safe from any thread; uses neither
    network nor disk.

    Raises:
        RegistrationError: this version of LiteLLM has no place for chat, embeddings or images.
    """
    with _lock:
        before = connection.settings()
        connection.use(before.updated(given or Settings()))
        if _originals:
            return
        try:
            table = places()
            # That imported LiteLLM, upon which launcher/ may have registered.
            if _originals:
                return
            missing: list[Place | Name] = [place for place in table if not _install(place)]
            missing += _missing_names()
            _watch_kept_clients()
            _verify()
            _refuse(missing)
        except BaseException:
            _restore()
            connection.use(before)
            raise
    for place in missing:
        then = _RAISES if function_of(place.endpoint) else _BUILT_IN
        # The caller's caller: between them is the package's own `register`.
        warnings.warn(f"{_lack(place)}; {then}.", RuntimeWarning, stacklevel=3)


def unregister() -> None:
    """Puts LiteLLM's own objects back: the same objects, not copies."""
    with _lock:
        _restore()
        connection.use(Settings())


def is_registered() -> bool:
    """Whether LiteLLM runs on this package now."""
    return bool(_originals)


@contextlib.contextmanager
def registered(given: Settings | None = None) -> Iterator[None]:
    """`register()` for the duration of a `with` block.

    Blocks may be nested, or run in several threads at once: the last one that ends unregisters,
    unless the package was registered before the first. A block's settings end with the block.
    """
    global _blocks, _is_for_blocks
    with _lock:
        before = connection.settings()
        found_registered = is_registered()
        register(given)
        if not _blocks:
            _is_for_blocks = not found_registered
        _blocks += 1
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if _is_for_blocks and not _blocks:
                unregister()
            else:
                connection.use(before)


def _install(place: Place) -> bool:
    """Puts the replacement into its place; returns False if LiteLLM lacks an optional one."""
    found = find(place)
    if found is None:
        if place.is_required:
            raise RegistrationError(f"{_lack(place)}. LiteLLM was left as it was.")
        return False
    owner, name, original = found
    _originals.append(found)
    setattr(owner, name, place.replacement(original))
    return True


def _watch_kept_clients() -> None:
    """Watches the clients that LiteLLM made before `register()` and keeps."""
    import litellm

    cache = getattr(vars(litellm).get("in_memory_llm_clients_cache"), "cache_dict", {})
    own = (vars(litellm).get(name) for name in ("module_level_client", "module_level_aclient"))
    for kept in (*own, *list(cache.values())):
        clients.watch(getattr(kept, "client", None))
        # OpenAI's SDK has its client there.
        clients.watch(getattr(kept, "_client", None), raises=False)


def _missing_names() -> list[Name]:
    """The names that we call and LiteLLM lacks, if the endpoint is optional.

    Raises:
        RegistrationError: the endpoint is required.
    """
    missing = litellm_names.missing()
    for name in missing:
        if not function_of(name.endpoint):
            raise RegistrationError(f"{_lack(name)}. LiteLLM was left as it was.")
    return missing


def _refuse(missing: list[Place | Name]) -> None:
    """Has optional endpoints that lack a place raise when they are called for OpenRouter."""
    for place in missing:
        function = function_of(place.endpoint)
        if function:
            why = functions.refusing(f"{_lack(place)}. Another version may have it.")
            # LiteLLM's asynchronous functions call the first, users the other.
            for path in (function, f"litellm.{function.rpartition('.')[2]}"):
                _install(place_at(path, why, place.endpoint))


def _lack(place: Place | Name) -> str:
    return (
        f"litellm {_version()} has no {place.module}.{place.attribute}, which openrouter_adapter "
        f"needs for {place.endpoint}"
    )


def _restore() -> None:
    if not _originals:
        # Nothing was installed; the handlers would import LiteLLM.
        return
    from openrouter_adapter.hooks import handlers

    clients.release()
    handlers.forget_clients()
    while _originals:
        module, attribute, original = _originals.pop()
        if original is MISSING:
            delattr(module, attribute)
        else:
            setattr(module, attribute, original)


def _verify() -> None:
    """Has LiteLLM look up the classes that it would use."""
    from litellm.types.utils import LlmProviders
    from litellm.utils import ProviderConfigManager

    for row in ENDPOINTS:
        if row.is_required:
            look_up = getattr(ProviderConfigManager, row.look_up)
            found, ours = look_up("openai/gpt-4o", LlmProviders.OPENROUTER), row.load()
            if not isinstance(found, ours):
                raise RegistrationError(
                    f"litellm {_version()} uses {type(found).__name__} where it should use "
                    f"{ours.__name__}. LiteLLM was left as it was."
                )


def _version() -> str:
    from importlib.metadata import version

    return version("litellm")
