"""The account: the official OpenRouter SDK with this package's settings, checks, and login.

>>> from openrouter_adapter import account
>>> with account.client() as openrouter:
...     openrouter.api_keys.get_current_key_metadata().data.usage
"""

from openrouter_adapter.account.activity import (
    Activity,
    Charge,
    Check,
    Comparison,
    check,
    get_activity,
)
from openrouter_adapter.account.login import LoginError, login
from openrouter_adapter.account.sdk import client, litellm_errors

__all__ = [
    "Activity",
    "Charge",
    "Check",
    "Comparison",
    "LoginError",
    "check",
    "client",
    "get_activity",
    "litellm_errors",
    "login",
]
