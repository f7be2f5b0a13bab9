"""Groups of commands whose help shows a flag as it is typed, without a type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Callable

_Function = TypeVar("_Function", bound="Callable[..., Any]")


class Command(TyperCommand):
    """A command whose help has no `<bool>`."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The options and arguments."""
        return _without_type(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands whose help has no `<bool>`."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The options and arguments."""
        return _without_type(super().get_params(ctx))


class App(typer.Typer):
    """A typer application of these commands and groups."""

    def __init__(self, **settings: Any) -> None:
        """Takes the settings of `typer.Typer`."""
        super().__init__(cls=Group, **settings)

    def command(
        self, name: str | None = None, *, cls: Any = Command, **settings: Any
    ) -> Callable[[_Function], _Function]:
        """Like `typer.Typer.command`."""
        return super().command(name, cls=cls, **settings)


def _without_type(parameters: list[Any]) -> list[Any]:
    """The parameters; flags among them have no metavar, because they take no value."""
    for one in parameters:
        if getattr(one, "is_flag", False):
            one.metavar = ""
    return parameters
