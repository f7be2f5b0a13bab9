"""A whole configuration: keyword arguments of a Router, or a proxy's YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.routing import fallbacks as chains
from openrouter_adapter.routing.deployments import Deployment, model_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openrouter_adapter.routing.selection import Chosen

CALLBACK: Final = "openrouter_adapter.proxy.handler"
MASTER_KEY: Final = "os.environ/LITELLM_MASTER_KEY"


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
    """What `litellm.Router(**…)` takes, or LiteLLM's proxy as its YAML.

    Args:
        chosen: What `select` found.
        deployment: How they are deployed.
        fallbacks: Chains such as `A>B>C`, of names among the chosen.
        context_fallbacks: Whether prompts too long for a model go to one with a larger context.
        similar_fallbacks: To how many models that can do the same other failures go, where no
            chain of `fallbacks` begins with the model.
        wildcard: Whether `openrouter/*` is there for any other model.
        settings: Further arguments of the Router, `routing_strategy`, `num_retries`, …; they win.
        proxy: Whether it is for the proxy.

    Raises:
        ValueError: a chain is none, or names a model that is not among the chosen.
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
        """Writes out what stands in two places, rather than a reference to the first."""

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
