"""`openrouter-adapter keys`: the account's keys, managed with OPENROUTER_PROVISIONING_KEY."""

from __future__ import annotations

import contextlib
import datetime as dt
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openrouter_adapter.cli._app import App
from openrouter_adapter.cli._errors import fail, friendly_errors
from openrouter_adapter.cli._options import JsonOption, YesOption, parse_usd
from openrouter_adapter.cli._printing import (
    print_json,
    print_table,
    usd_text,
    visible_text,
    with_exact_money,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from openrouter import OpenRouter

app = App(
    help="Manage the account's keys, with OPENROUTER_PROVISIONING_KEY.",
    no_args_is_help=True,
)

_PAGE = 100
_MOST_KEYS = 100_000
_TITLES = (
    *("hash", "name", "label", "disabled", "resets", "limit, USD", "left, USD"),
    *("used, USD", "used by BYOK, USD"),
)
_LEAST_HASH = 6
_SECONDS = 60.0


class Reset(str, Enum):
    """When a limit is reset, at midnight UTC; weeks begin on Monday."""

    daily = "daily"
    weekly = "weekly"
    monthly = "monthly"
    never = "never"


_Hash = Annotated[
    str, typer.Argument(metavar="HASH", help="The hash of the key, or its first digits.")
]
_Limit = Annotated[str | None, typer.Option(metavar="USD", help='The limit of the key, or "none".')]
_Resets = Annotated[Reset | None, typer.Option(help="When the limit is reset, in UTC.")]
_Byok = Annotated[
    bool | None,
    typer.Option("--byok/--no-byok", help="Count BYOK usage against the limit."),
]


@app.command("list")
def list_(
    disabled: Annotated[bool, typer.Option("--disabled", help="Include disabled keys.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the keys with their limits and usage; their secrets can't be shown."""
    with account_client() as client:
        found = list(_all(client, disabled=disabled))
    _print(found, as_json=as_json)


@app.command("get")
def get(name: _Hash, as_json: JsonOption = False) -> None:
    """Show one key."""
    with account_client() as client:
        found = client.api_keys.get(hash=_full_hash(client, name)).data
    _print_one(_wire(found), as_json=as_json)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The name of the key.")],
    limit: _Limit = None,
    reset: _Resets = None,
    byok: _Byok = None,
    expires: Annotated[
        dt.datetime | None,
        typer.Option(help="When it expires, in UTC: 2027-01-31, or with a time."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a key. Its secret is printed now and can't be retrieved later."""
    given = _given(limit, reset, byok)
    if expires is not None:
        given["expires_at"] = expires.replace(tzinfo=dt.timezone.utc)
    with account_client() as client:
        made = client.api_keys.create(name=name, **given)
    if as_json:
        print_json({**with_exact_money(_wire(made.data)), "key": made.key})
        return
    _print_one(_wire(made.data), as_json=False)
    typer.echo(f"\nThe key, which is shown only once:\n\n  {made.key}")


@app.command("update")
def update(
    name: _Hash,
    new_name: Annotated[str | None, typer.Option("--name", help="A new name.")] = None,
    limit: _Limit = None,
    reset: _Resets = None,
    byok: _Byok = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Disable or enable the key.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Change the given settings of a key; the others stay."""
    given = _given(limit, reset, byok)
    if new_name is not None:
        given["name"] = new_name
    if disabled is not None:
        given["disabled"] = disabled
    if not given:
        raise fail(
            "There is nothing to change: give --name, --limit, --reset, --byok or --disable."
        )
    with account_client() as client:
        found = client.api_keys.update(hash=_full_hash(client, name), **given).data
    _print_one(_wire(found), as_json=as_json)


@app.command("rm")
def remove(
    name: _Hash,
    yes: YesOption = False,
) -> None:
    """Delete a key permanently; programs that use it will fail."""
    with account_client() as client:
        full_hash = _full_hash(client, name)
        if not yes:
            found = client.api_keys.get(hash=full_hash).data
            typer.confirm(
                f"Delete {visible_text(found.name)} ({visible_text(found.label)})?", abort=True
            )
        client.api_keys.delete(hash=full_hash)
    typer.echo(f"Deleted {full_hash}.")


@contextlib.contextmanager
def account_client() -> Iterator[OpenRouter]:
    """The official SDK with the provisioning key; its errors are printed as a sentence."""
    with friendly_errors():
        from openrouter_adapter import account
        from openrouter_adapter.wire import connection

        connection.provisioning_key()
        made = account.client(provisioning=True, timeout=_SECONDS)
        with account.litellm_errors(), made as client:
            yield client


def _all(client: OpenRouter, *, disabled: bool) -> Iterable[dict[str, Any]]:
    for offset in range(0, _MOST_KEYS, _PAGE):
        page = client.api_keys.list(include_disabled=disabled, offset=offset).data
        yield from map(_wire, page)
        if len(page) < _PAGE:
            return


def _full_hash(client: OpenRouter, name: str) -> str:
    """The full hash, of 64 digits, that begins with the given digits."""
    if len(name) >= 64:
        return name
    if len(name) < _LEAST_HASH:
        raise fail(f"{name!r} is too short: give at least {_LEAST_HASH} digits of the key's hash.")
    found = [one["hash"] for one in _all(client, disabled=True) if one["hash"].startswith(name)]
    if len(found) != 1:
        how_many = "No key has" if not found else f"{len(found)} keys have"
        raise fail(f"{how_many} a hash that begins with {name!r}.")
    return str(found[0])


def _given(limit: str | None, reset: Reset | None, byok: bool | None) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if limit is not None:
        # The API takes a JSON number.
        is_none = limit.lower() == "none"
        given["limit"] = None if is_none else float(parse_usd("--limit", limit))
    if reset is not None:
        given["limit_reset"] = None if reset is Reset.never else reset.value
    if byok is not None:
        given["include_byok_in_limit"] = byok
    return given


def _wire(found: Any) -> dict[str, Any]:
    return dict(found.model_dump(mode="json", by_alias=True))


def _print_one(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(with_exact_money(found))
    else:
        _print([found], as_json=False)


def _print(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json([with_exact_money(one) for one in found])
    elif found:
        print_table(_TITLES, map(_row, found), texts=5)
    else:
        typer.echo("There are no keys; `openrouter-adapter keys create` creates one.")


def _row(one: dict[str, Any]) -> list[str]:
    return [
        one["hash"][:12],
        visible_text(one["name"]),
        visible_text(one["label"]),
        visible_text(one["disabled"]),
        visible_text(one["limit_reset"] or "never"),
        "none" if one["limit"] is None else usd_text(one["limit"]),
        usd_text(one["limit_remaining"]),
        usd_text(one["usage"]),
        usd_text(one["byok_usage"]),
    ]
