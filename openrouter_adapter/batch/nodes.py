"""What runs on the nodes of a Ray cluster: a task for each shard, and a board that all of them ask.

The board is an actor on the driver's node. Shards ask it for the API key and the ledger's URL,
because Ray keeps arguments of tasks and `runtime_env`, and shows them on its dashboard.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import socket
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import installing
from openrouter_adapter.batch import progress
from openrouter_adapter.batch.exceptions import BatchError
from openrouter_adapter.batch.folder import Folder
from openrouter_adapter.batch.runner import run_job
from openrouter_adapter.batch.stopping import STOPPED
from openrouter_adapter.ledger import LedgerError
from openrouter_adapter.ledger.database import VARIABLE, url_of

if TYPE_CHECKING:
    from openrouter_adapter.batch.options import Options
    from openrouter_adapter.batch.progress import Progress, Snapshot
    from openrouter_adapter.batch.summary import Summary

# Seconds for which a file server may keep the lock of a dead node.
_LOCK_PATIENCE: Final = 300.0
# Seconds within which the board must know what the shards ask for.
_BOARD_PATIENCE: Final = 120.0
_BOARD_PAUSE: Final = 0.1
_REPORT_INTERVAL: Final = 1.0


def imported() -> Any:
    """Imports Ray, which is an extra.

    Raises:
        BatchError: it isn't installed.
    """
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise BatchError(f"A job on a cluster needs Ray: {installing.command('ray')}") from None


@dataclass(frozen=True, slots=True)
class Access:
    """How shards reach OpenRouter and the ledger; for None, each node uses its own environment."""

    api_key: str | None = field(repr=False)
    api_base: str
    ledger: str | None = field(repr=False)
    node: str


@dataclass(frozen=True, slots=True)
class ShardResult:
    """The result of a shard: its summary, or why there is none."""

    host: str
    summary: Summary | None = None
    failure: str | None = None


class Board:
    """Where driver and shards exchange messages; an actor on the driver's node."""

    def __init__(self) -> None:
        self._access: Access | None = None
        self._seen: dict[int, Snapshot] = {}
        self._is_stopping = False

    def set_up(self, access: Access) -> None:
        """Takes what the shards will ask for."""
        self._access = access

    def begin(self) -> tuple[Access | None, bool]:
        """What a shard needs, None until it is known; and whether the job is being stopped."""
        return self._access, self._is_stopping

    def report(self, shard: int, snapshot: Snapshot) -> bool:
        """Takes the progress of a shard; returns whether it should stop."""
        self._seen[shard] = snapshot
        return self._is_stopping

    def seen(self) -> dict[int, Snapshot]:
        """The last progress of each shard."""
        return self._seen

    def stop(self) -> None:
        """Lets every shard stop when it reports next."""
        self._is_stopping = True


def refuse_sqlite(where: str, because: str) -> None:
    """Refuses a ledger that machines can't share.

    Raises:
        BatchError: it is a file, or its URL is invalid.
    """
    try:
        url = url_of(where)
    except LedgerError as failure:
        raise BatchError(f"The ledger can't be opened: {failure}.") from None
    if url.get_backend_name() == "sqlite":
        raise BatchError(
            f"The ledger is the file {url.database}, and {because}. Machines can't share it; give "
            "one on PostgreSQL with --ledger postgresql://USER@HOST/DATABASE, or in "
            f"{VARIABLE}."
        )


def run_shard(board: Any, number: int, common: Options) -> ShardResult:
    """Runs one shard, from where its journal ends; this is the task that Ray runs."""
    host = socket.gethostname()
    try:
        ray = imported()
        access, is_stopping = _begin(ray, board)
        whole = Folder(common.out)
        if is_stopping:
            return ShardResult(host, progress.status(whole.shard(number).path))
        _check_node(ray, whole, access, host)
        options = replace(
            common,
            out=whole.shard(number).path,
            api_key=access.api_key,
            api_base=access.api_base,
            ledger=access.ledger,
            watch=_Reporter(ray, board, number),
            lock_patience=_LOCK_PATIENCE,
        )
        return ShardResult(host, asyncio.run(run_job(options)))
    except Exception as failure:  # noqa: BLE001 - it is in the summary, with the results of other shards
        return ShardResult(host, failure=str(failure) or type(failure).__name__)


def _begin(ray: Any, board: Any) -> tuple[Access, bool]:
    """Asks the board how to reach OpenRouter and the ledger.

    Raises:
        BatchError: the board does not know in time.
    """
    deadline = time.monotonic() + _BOARD_PATIENCE
    while time.monotonic() < deadline:
        access, is_stopping = ray.get(board.begin.remote())
        if access is not None:
            return access, is_stopping
        time.sleep(_BOARD_PAUSE)
    raise BatchError(f"the command gave no instructions within {_BOARD_PATIENCE:.0f} s.")


def _check_node(ray: Any, whole: Folder, access: Access, host: str) -> None:
    """Checks that this node can work on the job.

    Raises:
        BatchError: it can't.
    """
    job = whole.job()
    for path in (whole.path if job is None else Path(job.source), whole.path):
        if job is None or not path.exists():
            raise BatchError(
                f"{host} does not see {path}. Input and output must be on a file system that all "
                "nodes share, under one path."
            )
    if not whole.is_in_use():
        # The driver holds the lock all the time.
        raise BatchError(
            f"{host} does not see the driver's lock on {whole.path}, so two nodes could work on "
            "one shard. The file system must share locks (flock) between machines, as NFS 4 does."
        )
    where = access.ledger or os.environ.get(VARIABLE)
    if where and ray.get_runtime_context().get_node_id() != access.node:
        refuse_sqlite(where, "there is more than one node")


class _Reporter:
    """Reports the progress of a shard to the board, and stops the shard if the board says so."""

    def __init__(self, ray: Any, board: Any, number: int) -> None:
        self._ray, self._board, self._number = ray, board, number
        self._answer: Any = None
        self._next = 0.0

    def __call__(self, now: Progress) -> None:
        if self._answer is not None and self._ray.wait([self._answer], timeout=0)[0]:
            with contextlib.suppress(self._ray.exceptions.RayError):
                if self._ray.get(self._answer):
                    now.stop(STOPPED)
            self._answer = None
        if self._answer is None and time.monotonic() >= self._next:
            self._next = time.monotonic() + _REPORT_INTERVAL
            self._answer = self._board.report.remote(self._number, now.snapshot())
