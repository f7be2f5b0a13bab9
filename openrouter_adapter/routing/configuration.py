"""A complete configuration: keyword arguments of a Router, or a proxy's YAML.

`check` builds LiteLLM's Router from a configuration, without the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.routing import fallbacks as chains
from openrouter_adapter.routing.deployments import Deployment, model_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from openrouter_adapter.routing.selection import Chosen

CALLBACK: Final = "openrouter_adapter.proxy.handler"
MASTER_KEY: Final = "os.environ/LITELLM_MASTER_KEY"
_FALLBACKS: Final = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
_LISTENERS: Final = (
    *("callbacks", "input_callback", "service_callback"),
    *("success_callback", "failure_callback"),
    *("_async_input_callback", "_async_success_callback", "_async_failure_callback"),
)


class ConfigError(ValueError):
    """LiteLLM's Router can't be built from a configuration, or would not use all of it."""


def config(
    chosen: Sequence[Chosen],
    deployment: Deployment | None = None,
    *,
    fallbacks: Sequence[str] = (),
    context_fallbacks: bool = False,
    similar_fallbacks: int = 0,
    wildcard: bool = False,
    settings: Mapping[str, Any] | None = None,
    proxy: bool = False,
) -> dict[str, Any]:
    """The arguments of `litellm.Router(**…)`, or the content of a proxy's YAML file.

    Args:
        chosen: The models that `select` returned.
        deployment: How they are deployed.
        fallbacks: Chains of the models' names, such as `A>B>C`.
        context_fallbacks: Whether a prompt that is too long for a model goes to one with a larger
            context.
        similar_fallbacks: The number of similar models that other failures of a model go to, if
            no chain of `fallbacks` begins with it.
        wildcard: Whether to add `openrouter/*` for all other models.
        settings: More arguments of the Router, `routing_strategy`, `num_retries`, …; they win.
        proxy: Whether the configuration is for the proxy.

    Raises:
        ValueError: a chain is invalid, or names a model that was not chosen.
    """
    how = deployment or Deployment()
    if how.group is not None and (fallbacks or context_fallbacks or similar_fallbacks):
        raise ValueError("group gives all models one name, so none can fall back to another")
    router = _fallbacks(chosen, fallbacks, similar_fallbacks)
    if context_fallbacks and (larger := chains.larger_context(chosen)):
        router["context_window_fallbacks"] = larger
    router |= settings or {}
    rows = model_list(chosen, how, wildcard=wildcard)
    if not proxy:
        return {"model_list": rows, **router}
    return {
        "model_list": rows,
        **({"router_settings": router} if router else {}),
        "litellm_settings": {"callbacks": CALLBACK},
        "general_settings": {"master_key": MASTER_KEY},
    }


def dumps(configuration: Mapping[str, Any]) -> str:
    """A configuration as YAML."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes repeated values in full, not as references to the first."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    text = yaml.dump(
        configuration, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000
    )
    return str(text)


def _fallbacks(chosen: Sequence[Chosen], written: Sequence[str], similar: int) -> dict[str, Any]:
    names = {one.name for one in chosen}
    by_hand = chains.written(written)
    for link in by_hand:
        for name in (*link, *next(iter(link.values()))):
            if name not in names:
                raise ValueError(f"fallback names {name}, which is not among the chosen models")
    begun = {first for link in by_hand for first in link}
    found = by_hand
    if similar:
        found = found + [link for link in chains.similar(chosen, similar) if begun.isdisjoint(link)]
    return {"fallbacks": found} if found else {}


def check(configuration: Mapping[str, Any]) -> int:
    """Builds `litellm.Router` from a configuration for the proxy or for a Router.

    Returns:
        The number of deployments.

    Raises:
        ConfigError: LiteLLM refuses it, a deployment is missing or is not OpenRouter's, or a
            fallback leads to a model without a deployment.
    """
    arguments = _arguments(configuration)
    with _leaving_no_trace(), ThreadPoolExecutor(1) as thread:
        # A Router with budgets needs an event loop, and the caller may be in another one.
        thread.submit(asyncio.run, _build(arguments)).result()
    return len(arguments["model_list"])


@contextlib.contextmanager
def _leaving_no_trace() -> Iterator[None]:
    """Removes from LiteLLM what a Router registered there: prices, models and callbacks.

    `Router.discard()` leaves the callback of its strategy.
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
                raise ConfigError(
                    f"{model} is a model of {provider} for LiteLLM, not of OpenRouter"
                )
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
        raise ConfigError("model_list is empty; add at least one deployment")
    return copy.deepcopy(arguments)


def _targets(arguments: Mapping[str, Any]) -> Iterator[str]:
    for kind in _FALLBACKS:
        for link in arguments.get(kind) or ():
            for names in link.values():
                yield from (name for name in names if isinstance(name, str))
    yield from arguments.get("default_fallbacks") or ()
