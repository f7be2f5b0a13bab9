"""`openrouter-adapter login` and `logout`: a key of your own, without copying one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from openrouter_adapter.cli._errors import friendly_errors

if TYPE_CHECKING:
    from collections.abc import Callable


def login(
    browser: Annotated[
        bool, typer.Option(help="Open the browser; otherwise only print the address.")
    ] = True,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="The port of the callback on 127.0.0.1; 0 picks a free one."
        ),
    ] = 0,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds to wait for your approval.")
    ] = 300.0,
) -> None:
    """Get a key for your OpenRouter account with a browser, and store it on this machine.

    It is used if neither an argument, LiteLLM's settings nor the environment has a key. It is
    stored in the system's keyring, or, if there is none, in a file that only you can read.
    """
    with friendly_errors():
        from openrouter_adapter import account, keychain

        key = account.login(_opening(browser), port=port, timeout=timeout)
        where = keychain.keep(key)
        place = "the system's keyring" if where == keychain.KEYRING else str(keychain.path())
        typer.echo(f"You are logged in. The key {key[:12]}… is stored in {place}.")


def logout() -> None:
    """Remove the key that `login` stored. It stays valid until you delete it at OpenRouter."""
    with friendly_errors():
        from openrouter_adapter import keychain

        was_there = keychain.forget()
    typer.echo(
        "You are logged out. To delete the key itself: https://openrouter.ai/settings/keys."
        if was_there
        else "You are not logged in."
    )


def _opening(browser: bool) -> Callable[[str], None]:
    def show(url: str) -> None:
        typer.echo(f"Approve the login in your browser:\n\n  {url}\n")
        if browser:
            import webbrowser

            if not webbrowser.open(url):
                typer.echo("No browser could be opened: copy the address into one on this machine.")

    return show
