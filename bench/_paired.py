"""Paired measurements: both adapters in turn in one process, and what their ratios say."""

from __future__ import annotations

import datetime as dt
import gc
import importlib.metadata
import os
import platform
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

# LiteLLM reads it when it is imported; a benchmark must not wait for the network.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm

import openrouter_adapter

if TYPE_CHECKING:
    from collections.abc import Callable

BUILTIN, OURS = "built-in", "ours"

# Student's t, 97.5 %, by degrees of freedom from 1 on; further on the last one, which is wider.
T_975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """Write it for a table."""
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def interval(values: list[float]) -> Interval:
    """Return the mean of paired ratios with its 95 % interval by Student's t."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Interval(mean, float("-inf"), float("inf"))
    freedom = len(values) - 1
    reach = T_975[min(freedom, len(T_975)) - 1] * statistics.stdev(values) / len(values) ** 0.5
    return Interval(mean, mean - reach, mean + reach)


def switch(side: str) -> None:
    """Make LiteLLM's calls run on one of the two adapters."""
    if side == OURS:
        openrouter_adapter.register()
    else:
        openrouter_adapter.unregister()


def alternate(rounds: int, measure: Callable[[], float]) -> list[dict[str, float]]:
    """Measure both sides in each round, the first of the two in turn; unregistered at the end."""
    found = []
    for number in range(rounds):
        order = (BUILTIN, OURS) if number % 2 == 0 else (OURS, BUILTIN)
        figures = {}
        for side in order:
            switch(side)
            gc.collect()
            figures[side] = measure()
        found.append(figures)
    switch(BUILTIN)
    return found


def settle() -> None:
    """Wait until LiteLLM's logging threads have nothing left to do."""
    before = -1.0
    while time.process_time() - before > 0.005:
        before = time.process_time()
        time.sleep(0.05)


def print_machine(title: str) -> None:
    """Print what was measured, where and when."""
    now = dt.datetime.now(dt.timezone.utc)
    print(f"{title}\n{now:%Y-%m-%d %H:%M} UTC, {platform.platform()}, {os.cpu_count()} cores")
    version = importlib.metadata.version("litellm")
    print(f"Python {platform.python_version()}, litellm {version}\n")
    litellm.suppress_debug_info = True
