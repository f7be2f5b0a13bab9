"""A configuration held against LiteLLM: its Router is built from it, without any network."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FALLBACKS: Final = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
_LISTENERS: Final = (
    *("callbacks", "input_callback", "service_callback"),
    *("success_callback", "failure_callback"),
    *("_async_input_callback", "_async_success_callback", "_async_failure_callback"),
)


class ConfigError(ValueError):
    """LiteLLM's Router can't be built from a configuration, or would not serve all of it."""


def check(configuration: Mapping[str, Any]) -> int:
    """Builds `litellm.Router` from a configuration, a proxy's or a Router's own.

    Returns:
        The number of deployments that it has.

    Raises:
        ConfigError: LiteLLM refuses it, a deployment went missing or is not OpenRouter's, or a
            fallback leads to a model that nothing serves.
    """
    arguments = _arguments(configuration)
    with _leaving_no_trace(), ThreadPoolExecutor(1) as thread:
        # Budgets need an event loop when they are built, and the caller may be in one.
        thread.submit(asyncio.run, _build(arguments)).result()
    return len(arguments["model_list"])


@contextlib.contextmanager
def _leaving_no_trace() -> Iterator[None]:
    """Takes out of LiteLLM what a Router tells it of its models, and what listens for it.

    `discard()` leaves its strategy's listener behind.
    """
    import litellm

    costs, models = litellm.model_cost, set(litellm.openrouter_models)
    listening = [(held, list(held)) for held in (getattr(litellm, name) for name in _LISTENERS)]
    litellm.model_cost = copy.deepcopy(costs)
    try:
        yield
    finally:
        litellm.model_cost = costs
        litellm.openrouter_models.intersection_update(models)
        for held, before in listening:
            held[:] = before


async def _build(arguments: dict[str, Any]) -> None:
    from litellm import get_llm_provider
    from litellm.router import Router

    asked = len(arguments["model_list"])
    try:
        router = Router(**arguments)
    except Exception as error:
        raise ConfigError(f"litellm.Router can't be built from it: {error}") from error
    try:
        if len(router.model_list) != asked:
            raise ConfigError(
                f"litellm.Router took {len(router.model_list)} of {asked} deployments"
            )
        for row in router.model_list:
            model = row["litellm_params"]["model"]
            provider = get_llm_provider(model)[1]
            if provider != "openrouter":
                raise ConfigError(f"{model} is {provider}'s for LiteLLM, not OpenRouter's")
        for name in _targets(arguments):
            if not router.get_model_list(model_name=name):
                raise ConfigError(f"a fallback leads to {name}, which no deployment serves")
    finally:
        router.discard()  # type: ignore[no-untyped-call]


def _arguments(configuration: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {
        name: value
        for name, value in configuration.items()
        if name not in {"router_settings", "litellm_settings", "general_settings"}
    }
    arguments |= configuration.get("router_settings") or {}
    if not arguments.get("model_list"):
        raise ConfigError("model_list is empty; there would be nothing to call")
    return copy.deepcopy(arguments)


def _targets(arguments: Mapping[str, Any]) -> Iterator[str]:
    for kind in _FALLBACKS:
        for link in arguments.get(kind) or ():
            for names in link.values():
                yield from (name for name in names if isinstance(name, str))
    yield from arguments.get("default_fallbacks") or ()
