"""One import for LiteLLM's proxy: makes it run on this package, and hands it the ledger.

In the proxy's YAML:

    litellm_settings:
      callbacks: openrouter_adapter.proxy.handler

Importing registers. Calls are written to a ledger only where OPENROUTER_ADAPTER_LEDGER names one.
"""

from __future__ import annotations

import os

import openrouter_adapter
from openrouter_adapter import ledger
from openrouter_adapter.ledger import handler

__all__ = ["handler"]

openrouter_adapter.register()
if os.environ.get("OPENROUTER_ADAPTER_LEDGER"):
    ledger.enable()
