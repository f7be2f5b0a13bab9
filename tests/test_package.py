"""The front door: what the package exports, and what importing it does."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import openrouter_adapter


def test_all_is_exactly_what_is_exported() -> None:
    exported = [
        name
        for name in dir(openrouter_adapter)
        if not name.startswith("_")
        and not isinstance(value := getattr(openrouter_adapter, name), ModuleType)
        and getattr(value, "__module__", "").partition(".")[0] == "openrouter_adapter"
    ]
    assert openrouter_adapter.__all__ == sorted(openrouter_adapter.__all__)
    assert sorted([*exported, "__version__"]) == openrouter_adapter.__all__


def test_importing_does_no_network_and_writes_no_file() -> None:
    code = """
import litellm, sys
seen = []
def audit(event, arguments):
    if event.startswith(("socket.connect", "socket.getaddrinfo", "sqlite3.connect")):
        seen.append((event, arguments))
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        if not str(arguments[0]).endswith(".pyc") and "__pycache__" not in str(arguments[0]):
            seen.append((event, arguments))
sys.addaudithook(audit)
import openrouter_adapter
openrouter_adapter.register()
openrouter_adapter.unregister()
print(seen)
"""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_registering_imports_nothing_that_litellm_has_not_but_the_json_parsers() -> None:
    code = """
import litellm, sys
def imported():
    return {name.partition(".")[0] for name in sys.modules}
before = imported()
import openrouter_adapter
openrouter_adapter.register()
print(sorted(imported() - before - set(sys.stdlib_module_names)))
"""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "['jiter', 'openrouter_adapter', 'orjson']"


@pytest.mark.parametrize("package", ["batch", "ledger"])
def test_no_module_that_is_imported_late_takes_the_place_of_a_function(package: str) -> None:
    code = f"""
import importlib, pkgutil, types
import openrouter_adapter.{package} as package
for one in pkgutil.iter_modules(package.__path__):
    importlib.import_module(f"{{package.__name__}}.{{one.name}}")
print([one for one in package.__all__ if isinstance(getattr(package, one), types.ModuleType)])
"""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"
