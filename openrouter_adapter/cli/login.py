"""`openrouter-adapter login` and `logout`: a key of your own, without copying one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from openrouter_adapter.cli._errors import friendly_errors

if TYPE_CHECKING:
    from collections.abc import Callable


def login(
    browser: Annotated[
        bool, typer.Option(help="Open the browser; else only the address is printed.")
    ] = True,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the callback on 127.0.0.1; 0 is a free one.")
    ] = 0,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that you have.")] = 300.0,
) -> None:
    """Gets a key of your OpenRouter account with a browser, and keeps it on this machine.

    It is used where neither an argument, LiteLLM's settings nor the environment has one. It is
    kept in the system's keyring; where there is none, in a file that only you may read.
    """
    with friendly_errors():
        from openrouter_adapter import account, keychain

        key = account.login(_opening(browser), port=port, timeout=timeout)
        where = keychain.keep(key)
        place = "the system's keyring" if where == keychain.KEYRING else str(keychain.path())
        typer.echo(f"You are logged in. The key {key[:12]}… is kept in {place}.")


def logout() -> None:
    """Removes the key that `login` kept. At OpenRouter it stays valid until it is deleted there."""
    with friendly_errors():
        from openrouter_adapter import keychain

        was_there = keychain.forget()
    typer.echo(
        "You are logged out. The key itself is deleted at https://openrouter.ai/settings/keys."
        if was_there
        else "You are not logged in."
    )


def _opening(browser: bool) -> Callable[[str], None]:
    def show(url: str) -> None:
        typer.echo(f"Agree in your browser:\n\n  {url}\n")
        if browser:
            import webbrowser

            webbrowser.open(url)

    return show
