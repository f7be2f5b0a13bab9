"""Batch jobs: a file of requests in, answers and their cost out. Safe to kill, never over budget.

>>> from openrouter_adapter import batch
>>> summary = batch.run("job.jsonl", "answers", budget=25)
>>> summary.done, summary.cost
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from openrouter_adapter.batch.api import arun, resume, retry, run
from openrouter_adapter.batch.exceptions import BatchError, FaultyInput, FolderInUse, FolderUnfit
from openrouter_adapter.batch.options import Pace
from openrouter_adapter.batch.progress import Progress, Snapshot, status
from openrouter_adapter.batch.summary import Summary

if TYPE_CHECKING:
    from openrouter_adapter.batch.estimates import DryRun, dry_run
    from openrouter_adapter.batch.from_table import make
    from openrouter_adapter.batch.ray import run_on_ray

__all__ = [
    "BatchError",
    "DryRun",
    "FaultyInput",
    "FolderInUse",
    "FolderUnfit",
    "Pace",
    "Progress",
    "Snapshot",
    "Summary",
    "arun",
    "dry_run",
    "make",
    "resume",
    "retry",
    "run",
    "run_on_ray",
    "status",
]

# These bring LiteLLM with them, seconds that the status of a job need not take.
_MODULES = {
    "DryRun": "estimates",
    "dry_run": "estimates",
    "make": "from_table",
    "run_on_ray": "ray",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
