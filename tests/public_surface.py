"""What users of the package can name: imports, parameters, commands, options, variables, files.

    python -m tests.public_surface

writes it to public_surface.json, which test_public_surface.py compares with the code: nothing that
somebody depends on changes by accident. Who changes it on purpose runs this, and says so in
CHANGELOG.md.
"""

from __future__ import annotations

import inspect
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import typer.main

KEPT_IN = Path(__file__).with_suffix(".json")
PACKAGE = Path(__file__).parents[1] / "openrouter_adapter"
# `openrouter_adapter.proxy` is left out: importing it registers, and reads prices.
MODULES = (
    "openrouter_adapter",
    *(
        f"openrouter_adapter.{name}"
        for name in (
            *("account", "api", "batch", "catalog", "debugging", "doctor", "emulator"),
            *("launcher", "ledger", "options", "pytest_plugin", "report", "routing", "webhooks"),
        )
    ),
)


def surface() -> dict[str, Any]:
    """Everything public, in a form that a diff shows well."""
    from openrouter_adapter import cli

    command: Any = typer.main.get_command(cli.app)
    return {
        "modules": {name: _names_of(import_module(name)) for name in MODULES},
        "commands": dict(_commands("openrouter-adapter", command)),
        "environment variables": _variables(),
    }


def _names_of(module: Any) -> dict[str, Any]:
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    return {name: _form(getattr(module, name)) for name in sorted(names)}


def _form(value: Any) -> Any:
    """The parameters of a function; those of the methods of a class; the kind of anything else."""
    if inspect.isclass(value):
        members = {
            name: _form(member)
            for name, member in inspect.getmembers(value)
            if not name.startswith("_")
            and callable(member)
            and str(getattr(member, "__module__", "")).startswith("openrouter_adapter")
        }
        fields = sorted(
            {
                name
                for one in value.__mro__
                if one.__module__.startswith("openrouter_adapter")
                for name in inspect.get_annotations(one)
                if not name.startswith("_")
            }
        )
        return {"fields": fields, "methods": members}
    if callable(value):
        return ", ".join(map(_parameter, inspect.signature(value).parameters.values()))
    return type(value).__name__


def _parameter(one: inspect.Parameter) -> str:
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    needs_value = one.default is inspect.Parameter.empty and one.kind not in stars
    return f"{stars.get(one.kind, '')}{one.name}{'' if needs_value else '='}"


def _commands(path: str, command: Any) -> list[tuple[str, list[str]]]:
    names = sorted(
        name
        for one in command.params
        for name in (*one.opts, *one.secondary_opts)
        if name != "--help"
    )
    found = [(path, names)]
    for name, below in sorted(getattr(command, "commands", {}).items()):
        found += _commands(f"{path} {name}", below)
    return found


def _variables() -> list[str]:
    sources = (source.read_text() for source in PACKAGE.rglob("*.py"))
    return sorted(
        {name for text in sources for name in re.findall(r'"(O(?:PENROUTER|R)_\w+)"', text)}
    )


if __name__ == "__main__":
    KEPT_IN.write_text(json.dumps(surface(), indent=1) + "\n")
