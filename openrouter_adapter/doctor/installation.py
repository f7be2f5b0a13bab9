"""The installation: versions, the places in LiteLLM, and packages that LiteLLM doesn't declare."""

from __future__ import annotations

import importlib
import re
import sys
import warnings
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import installing, registration
from openrouter_adapter._version import __version__
from openrouter_adapter.doctor.findings import Finding, note, ok, wrong
from openrouter_adapter.hooks import names as litellm_names
from openrouter_adapter.hooks.table import find, function_of
from openrouter_adapter.hooks.table import places as places_in_litellm

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS: Final = "openrouter-adapter"
_PIP: Final = f"{sys.executable} -m pip"
# Packages that LiteLLM uses without declaring them: the use, and whether it is required. The others
# are in the extra `caching`.
_UNDECLARED: Final = (
    ("mcp", "any call with tools", True),
    ("tenacity", "any call with num_retries", True),
    ("fastapi", "any hit of its cache", False),
    ("soundfile", "any hit of its cache", False),
)


def has_litellm() -> bool:
    """Whether LiteLLM can be imported."""
    return _failure_of("litellm") is None


def versions() -> Iterator[Finding]:
    """The versions of this package, LiteLLM and Python, with the lowest that are supported."""
    yield ok(
        "version", f"{_OURS} {__version__}, in {sys.prefix}, installed from {installing.source()}"
    )
    python = ".".join(map(str, sys.version_info[:3]))
    yield ok("version", f"Python {python} ({metadata.metadata(_OURS)['Requires-Python']} needed)")
    failure = _failure_of("litellm")
    if failure is not None:
        yield wrong("version", f"LiteLLM can't be imported: {failure}", _install("litellm"))
        return
    found, lowest = metadata.version("litellm"), _lowest_litellm()
    if _numbers(found) < _numbers(lowest):
        text = f"litellm {found} is older than {lowest}, the oldest supported version"
        yield wrong("version", text, _install(f"'litellm>={lowest}'"))
    else:
        yield ok("version", f"litellm {found} ({lowest} or later needed)")


def places() -> list[dict[str, Any]]:
    """The table of places that `register()` replaces, with what is there now."""
    table = []
    for place in places_in_litellm():
        found = find(place)
        there = None if found is None else found[2]
        table.append(
            {
                "place": f"{place.module}.{place.attribute}",
                "for": place.endpoint,
                "needed": place.is_required or bool(function_of(place.endpoint)),
                "found": None if found is None else _name(there),
            }
        )
    return table


def internal_names() -> Iterator[Finding]:
    """Whether LiteLLM has the internal names that we use."""
    missing = litellm_names.missing()
    for name in missing:
        then = (
            "calls of that raise before they are sent"
            if function_of(name.endpoint)
            else "register() raises"
        )
        text = f"LiteLLM has no {name.module}.{name.attribute}, needed for {name.endpoint}: {then}"
        yield wrong("registration", text, "Install a version of LiteLLM that has it.")
    if not missing:
        count = len(litellm_names.NAMES)
        yield ok("registration", f"LiteLLM has all {count} internal names that are used")


def registration_places() -> Iterator[Finding]:
    """Whether `register()` works, and which places LiteLLM lacks."""
    table = places()
    missing = [row for row in table if row["found"] is None]
    for row in missing:
        text = f"LiteLLM has no {row['place']}, which is needed for {row['for']}"
        advice = "Install a version of LiteLLM that has it."
        if row["needed"]:
            yield wrong("registration", f"{text}: calls of that raise", advice)
        else:
            yield note("registration", f"{text}: that uses LiteLLM's own adapter", advice)
    try:
        with warnings.catch_warnings():
            # Missing places are reported above.
            warnings.simplefilter("ignore")
            with registration.registered():
                pass
    except registration.RegistrationError as failure:
        yield wrong("registration", str(failure), "Install a version of LiteLLM that has it.")
        return
    if not missing:
        yield ok("registration", f"LiteLLM has all {len(table)} places that register() replaces")


def undeclared_packages() -> Iterator[Finding]:
    """The packages that LiteLLM needs without declaring them."""
    for name, use, is_needed in _UNDECLARED:
        failure = _failure_of(name)
        text = f"{name} can't be imported, and LiteLLM needs it for {use}: {failure}"
        if failure is None:
            yield ok("package", f"{name} is installed, which LiteLLM needs for {use}")
        elif is_needed:
            yield wrong("package", text, _install(name))
        else:
            advice = installing.command("caching", pip=_PIP)
            yield note("package", text, f"If you use caching: {advice}")


def _failure_of(name: str) -> Exception | None:
    try:
        importlib.import_module(name)
    except Exception as failure:  # noqa: BLE001 - whatever a broken package raises
        return failure
    return None


def _install(package: str) -> str:
    return f"{_PIP} install {package}"


def _lowest_litellm() -> str:
    for requirement in metadata.requires(_OURS) or ():
        found = re.match(r"litellm\s*>=\s*([0-9.]+)", requirement)
        if found:
            return found.group(1)
    return "0"


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def _name(there: Any) -> str:
    there = getattr(there, "__func__", there)
    named = there if hasattr(there, "__qualname__") else type(there)
    return f"{named.__module__}.{named.__qualname__}"
