"""Batch jobs: a file of requests in, answers and their cost out. Safe to kill, never over budget.

>>> from openrouter_adapter import batch
>>> summary = batch.run("job.jsonl", "answers", budget=25)
>>> summary.done, summary.cost
"""

from openrouter_adapter.batch.api import arun, resume, retry, run
from openrouter_adapter.batch.estimates import DryRun, dry_run
from openrouter_adapter.batch.exceptions import BatchError, FaultyInput, FolderInUse, FolderUnfit
from openrouter_adapter.batch.from_table import make
from openrouter_adapter.batch.options import Pace
from openrouter_adapter.batch.progress import Progress, Snapshot, status
from openrouter_adapter.batch.ray import run_on_ray
from openrouter_adapter.batch.summary import Summary

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
