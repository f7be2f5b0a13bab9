"""Runs a job in a process of its own, for tests that kill it."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

from openrouter_adapter import batch

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

# Importing LiteLLM takes seconds: one process does it, and each job is a fork of that one.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "openrouter_adapter.batch.runner"])


def start(*arguments: Any, **options: Any) -> BaseProcess:
    """Start `batch.run` with some arguments in another process."""
    process = _CONTEXT.Process(target=_run, args=(arguments, options))
    process.start()
    return process


def _run(arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    batch.run(*arguments, **options)
