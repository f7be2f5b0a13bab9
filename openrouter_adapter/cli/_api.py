"""What a command asks of OpenRouter: failures as a sentence on standard error and exit code 1."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import money
from openrouter_adapter.cli._errors import friendly_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter import OpenRouter

_SECONDS: Final = 60.0


@contextlib.contextmanager
def account_client() -> Iterator[OpenRouter]:
    """The official SDK with the provisioning key; errors are friendly."""
    with friendly_errors():
        from openrouter_adapter import account
        from openrouter_adapter.wire import connection

        connection.provisioning_key()
        made = account.client(provisioning=True, timeout=_SECONDS)
        with account.litellm_errors(), made as client:
            yield client


def amount(value: Any) -> str:
    """A JSON number of USD as exact decimal text; a dash for none."""
    from openrouter_adapter.report import texts
    from openrouter_adapter.wire.usage import usd

    found = usd(value)
    return texts.NOTHING if found is None else money.plain(found)


def text(value: Any) -> str:
    """A fact for a terminal, which it can't steer; a dash for none."""
    from openrouter_adapter.report import texts

    if value is None or value == "":
        return texts.NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return texts.visible(str(value))
