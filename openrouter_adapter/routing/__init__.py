"""LiteLLM's Router and proxy, configured from OpenRouter's catalogue.

>>> from openrouter_adapter import routing
>>> chosen = routing.select("anthropic/*", "openai/gpt-*", needs=["tools"], max_prompt=3)
>>> router = litellm.Router(routing.model_list(chosen))
>>> print(routing.dumps(routing.config(chosen, context_fallbacks=True, proxy=True)))
"""

from openrouter_adapter.routing.configuration import ConfigError, check, config, dumps
from openrouter_adapter.routing.deployments import Deployment, model_list
from openrouter_adapter.routing.fallbacks import chain, larger_context, similar
from openrouter_adapter.routing.selection import NEEDS, Chosen, NothingSelectedError, select

__all__ = [
    "NEEDS",
    "Chosen",
    "ConfigError",
    "Deployment",
    "NothingSelectedError",
    "chain",
    "check",
    "config",
    "dumps",
    "larger_context",
    "model_list",
    "select",
    "similar",
]
