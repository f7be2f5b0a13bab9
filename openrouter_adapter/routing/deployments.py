"""A Router's `model_list`: a deployment for each chosen model and key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.cost_map import entry_of
from openrouter_adapter.options import check
from openrouter_adapter.routing.selection import fits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openrouter_adapter.routing.selection import Chosen

KEY: Final = "OPENROUTER_API_KEY"
WILDCARD: Final = "openrouter/*"
_ENVIRONMENT: Final = "os.environ/"
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A Router's cost-based routing reads the first two; without the others LiteLLM logs warnings.
_PRICES: Final = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
)
# USD per token. For a Router a price of 0 is a missing price, and a missing one is the highest.
_FREE: Final = 1e-15


@dataclass(frozen=True)
class Deployment:
    """How models are deployed; every attribute has a default.

    Attributes:
        keys: Environment variables with keys; each model gets a deployment for each of them, and
            the Router distributes the load.
        group: One name for all models, from which the Router chooses; None names each model by
            its id.
        provider: OpenRouter's provider preferences for all models.
        rpm: Requests per minute that a deployment takes.
        tpm: Tokens per minute that a deployment takes.
        api_base: Another base URL; None for OPENROUTER_API_BASE, else OpenRouter's own.
        prices: Whether each deployment has the catalogue's prices, for cost-based routing in a
            program that doesn't call `catalog.register_prices()`. The cost of a response is
            still what OpenRouter billed.
        parameters: More `litellm_params` by name or pattern; if several match a model, later ones
            win.
    """

    keys: tuple[str, ...] = (KEY,)
    group: str | None = None
    provider: Mapping[str, Any] | None = None
    rpm: int | None = None
    tpm: int | None = None
    api_base: str | None = None
    prices: bool = False
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses a key instead of a variable's name, and invalid options."""
        if not self.keys:
            raise ValueError(f"keys is empty; name at least one variable, such as {KEY}")
        for key in self.keys:
            if key.startswith("sk-") or not _VARIABLE.fullmatch(key):
                # The message omits the value, which may be a key.
                raise ValueError(
                    f"keys must be names of environment variables such as {KEY}; a key itself "
                    "never goes into a configuration"
                )
        for parameters in ({"provider": self.provider}, *self.parameters.values()):
            if "api_key" in parameters:
                raise ValueError("parameters has api_key; name its variable in keys")
            check(dict(parameters), "")


def model_list(
    chosen: Iterable[Chosen], deployment: Deployment | None = None, *, wildcard: bool = False
) -> list[dict[str, Any]]:
    """LiteLLM's `model_list` for the chosen models.

    Args:
        chosen: The models that `select` returned.
        deployment: How they are deployed.
        wildcard: Whether to add `openrouter/*` for all other models.

    Returns:
        Rows of `model_name`, `litellm_params` and `model_info` (limits and abilities, for
        LiteLLM's pre-call checks and its proxy's `/model/info`). Keys are references to the
        environment, such as `os.environ/OPENROUTER_API_KEY`.
    """
    settings = deployment or Deployment()
    rows = [
        {
            "model_name": settings.group or one.name,
            "litellm_params": {**_parameters(one, settings), "api_key": f"{_ENVIRONMENT}{key}"},
            "model_info": _info(one),
        }
        for one in chosen
        for key in settings.keys
    ]
    if wildcard:
        rows += [
            {
                "model_name": WILDCARD,
                "litellm_params": {
                    "model": WILDCARD,
                    **_settings(settings),
                    "api_key": f"{_ENVIRONMENT}{key}",
                },
            }
            for key in settings.keys
        ]
    return rows


def _parameters(one: Chosen, settings: Deployment) -> dict[str, Any]:
    parameters: dict[str, Any] = {"model": f"openrouter/{one.name}", **_settings(settings)}
    if settings.prices:
        entry = entry_of(one.model)
        parameters |= {name: entry[name] or _FREE for name in _PRICES if name in entry}
    for pattern, more in settings.parameters.items():
        if fits(pattern, one.name):
            parameters |= more
    return parameters


def _settings(settings: Deployment) -> dict[str, Any]:
    shared = {
        "api_base": settings.api_base,
        "provider": dict(settings.provider) if settings.provider else None,
        "rpm": settings.rpm,
        "tpm": settings.tpm,
    }
    return {name: value for name, value in shared.items() if value is not None}


def _info(one: Chosen) -> dict[str, Any]:
    """Limits and abilities of a model, without prices, for LiteLLM."""
    return {
        name: value
        for name, value in entry_of(one.model).items()
        if name == "mode" or (name.startswith(("max_", "supports_")) and value is not False)
    }
