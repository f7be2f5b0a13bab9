"""One import for LiteLLM's proxy: makes it run on this package, and gives it the ledger.

In the proxy's YAML:

    litellm_settings:
      callbacks: openrouter_adapter.proxy.handler

The import registers the package, enables the ledger that OPENROUTER_ADAPTER_LEDGER names, and gives
LiteLLM the models and prices of OpenRouter's catalogue: the proxy then lists them for
`openrouter/*`. If there is no catalogue, neither on disk nor from OpenRouter, the proxy starts with
a warning and works. OPENROUTER_ADAPTER_CATALOG=off skips the catalogue.
"""

from __future__ import annotations

import logging
import os
from typing import Final

import openrouter_adapter
from openrouter_adapter import catalog
from openrouter_adapter.hooks import token_counts
from openrouter_adapter.ledger import handler

__all__ = ["handler"]

CATALOG_TIMEOUT: Final = 10.0
"""Seconds that the proxy's start waits for OpenRouter's list of models."""

logger = logging.getLogger("openrouter_adapter")


def _know_models() -> None:
    try:
        catalog.register_prices(catalog.load(timeout=CATALOG_TIMEOUT))
    except Exception as wrong:  # noqa: BLE001 - a proxy without a list of models still works
        logger.warning(
            "The proxy starts without OpenRouter's models and prices: /v1/models does not list "
            "them, and costs are billed all the same. %s",
            wrong,
        )


openrouter_adapter.register()
token_counts.ask_in_proxy()
if os.environ.get("OPENROUTER_ADAPTER_CATALOG", "").lower() != "off":
    _know_models()
