"""Whose code the time of a call went to, by package."""

from __future__ import annotations

import cProfile
import pstats
import sysconfig
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openrouter_adapter

if TYPE_CHECKING:
    from collections.abc import Callable

OURS = Path(openrouter_adapter.__file__).resolve().parent
INSTALLED = [Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")]
STANDARD = Path(sysconfig.get_path("stdlib")).resolve()


def profiled(call: Callable[[], object]) -> pstats.Stats:
    """Run a call under the profiler; other threads' time is not in it."""
    profile = cProfile.Profile()
    profile.runcall(call)
    return pstats.Stats(profile)


def seconds_by_package(profile: pstats.Stats) -> Counter[str]:
    """Return the seconds spent in each package's own code.

    Built-in and compiled functions have no file: their time counts for the package that called.
    """
    seconds: Counter[str] = Counter()
    entries: dict[Any, Any] = profile.stats  # type: ignore[attr-defined]
    for (file, _, _), (_, _, own, _, callers) in entries.items():
        if file != "~":
            seconds[package_of(file)] += own
        for caller, (_, _, own_for_caller, _) in callers.items() if file == "~" else ():
            seconds[package_of(caller[0])] += own_for_caller
    return seconds


def package_of(file: str) -> str:
    """Name the package that a source file belongs to."""
    if file == "~" or file.startswith("<"):
        return "compiled"
    path = Path(file).resolve()
    if path.is_relative_to(OURS):
        return OURS.name
    for folder in INSTALLED:
        if path.is_relative_to(folder):
            return path.relative_to(folder).parts[0]
    return "standard library" if path.is_relative_to(STANDARD) else "benchmark"


def print_shares(profile: pstats.Stats, least: float = 0.005) -> None:
    """Print each package's share of the time, those above a least share."""
    seconds = seconds_by_package(profile)
    total = sum(seconds.values())
    print("share of our time by whose code it is (profiled, calling thread):")
    for package, spent in seconds.most_common():
        if spent / total >= least:
            name = "LiteLLM's core" if package == "litellm" else package
            print(f"  {name:<20} {spent / total:>6.1%}")
