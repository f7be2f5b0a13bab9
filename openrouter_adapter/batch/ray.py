"""A job on a Ray cluster: a task for each shard, tried again where its node dies; one summary.

A shard is a job as any other, with a folder of its own on the file system that all nodes share.
Whoever runs it again, on whichever node, goes on where its journal ends.

The API key and the ledger's URL go to the shards through an actor beside the driver, when they
ask for them: arguments of tasks and `runtime_env` are kept by Ray, and shown on its dashboard.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import signal
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from openrouter_adapter import connection
from openrouter_adapter import ledger as ledgers
from openrouter_adapter.batch import front, jobs, money, progress, signals, summary
from openrouter_adapter.batch.exceptions import BatchError, FolderUnfit
from openrouter_adapter.batch.folder import Folder
from openrouter_adapter.batch.options import Options, checked
from openrouter_adapter.batch.prices import Prices
from openrouter_adapter.batch.run import run_job
from openrouter_adapter.ledger import LedgerError
from openrouter_adapter.ledger.database import VARIABLE, url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Unpack

    from openrouter_adapter.batch.folder import Job
    from openrouter_adapter.batch.options import JobOptions, RunOptions
    from openrouter_adapter.batch.progress import Progress, Snapshot
    from openrouter_adapter.batch.summary import Summary

# How often Ray starts a shard again whose node or process has died.
_RETRIES: Final = 20
# How long a dead node's lock may stay with the file server, seconds.
_LOCK_PATIENCE: Final = 300.0
# How long the driver's actor may take to know what the shards ask for, seconds.
_BOARD_PATIENCE: Final = 120.0
_REPORT_INTERVAL: Final = 1.0
_WAIT: Final = 0.5
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class _Access:
    """How shards reach OpenRouter and the ledger; what is None each node's environment has."""

    api_key: str | None = field(repr=False)
    api_base: str
    ledger: str | None = field(repr=False)
    node: str


@dataclass(frozen=True, slots=True)
class _Ended:
    """What became of a shard: its summary, or why there is none."""

    host: str
    summary: Summary | None = None
    failure: str | None = None


class _Board:
    """What driver and shards tell each other; an actor on the driver's node."""

    def __init__(self) -> None:
        self._access: _Access | None = None
        self._seen: dict[int, Snapshot] = {}
        self._is_stopping = False

    def set_up(self, access: _Access) -> None:
        self._access = access

    def begin(self) -> tuple[_Access | None, bool]:
        """What a shard needs, as soon as it is there; and whether it should not begin at all."""
        return self._access, self._is_stopping

    def report(self, shard: int, snapshot: Snapshot) -> bool:
        """Takes how far a shard is; tells whether it should stop."""
        self._seen[shard] = snapshot
        return self._is_stopping

    def seen(self) -> dict[int, Snapshot]:
        return self._seen

    def stop(self) -> None:
        self._is_stopping = True


def run_on_ray(
    source: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    *,
    address: str = "auto",
    shards: int | None = None,
    watch: Callable[[Snapshot], None] | None = None,
    **options: Unpack[JobOptions],
) -> Summary:
    """The same as `run`, on the machines of a Ray cluster.

    Input and output folder must be on a file system that all nodes share under one path. The same
    call again goes on where the last one ended; with None for a source, too.

    Args:
        source: As `run` takes it.
        out: The folder for results, which are in `out`/shards/0001/results.jsonl and so on.
        address: The cluster's; "auto" for the one that runs on this machine, or RAY_ADDRESS's.
        shards: Into how many tasks a new job is split; None for one for each CPU.
        watch: Called twice a second with the progress of all shards together.
        **options: As `JobOptions` says; concurrency is each shard's. A `budget` needs a ledger,
            which must be on PostgreSQL where there is more than one node.

    Returns:
        What the shards together have come to.

    Raises:
        BatchError: Ray isn't there, or the job can't begin or go on.
    """
    ray = _imported()
    told = checked(source, out, cast("RunOptions", options))
    if shards is not None and shards < 1:
        raise BatchError(f"shards is {shards}; it must be a number from 1.")
    folder = Folder(told.out)
    with folder.locked(), _connected(ray, address):
        access = _access(ray, told)
        _check_ledger(ray, access)
        job = _job(folder, told, shards or _cpus(ray))
        _set_budget(job, access)
        run = _Run(ray, folder, job, told, access, watch)
        found = run.go()
        folder.write_whole(folder.summary, found.as_json())
        return found


def _imported() -> Any:
    # By its name: this module's own is the same, and its types would take minutes to check.
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise BatchError(
            "A job on a cluster needs Ray: pip install 'openrouter-adapter[ray]'"
        ) from None


@contextlib.contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    """Connects to a cluster, where the program has not done so already."""
    if ray.is_initialized():
        yield
        return
    if address.startswith("ray://"):
        raise BatchError(
            f"{address} is Ray Client's address. This command reads input and output itself: run "
            "it on a node of the cluster, or by `ray job submit`."
        )
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as failure:  # noqa: BLE001 - whatever Ray raises where no cluster is
        raise BatchError(
            f"No Ray cluster was found at {address}: {_first_line(failure)} Start one on this "
            "machine with `ray start --head`, or give a running one's address."
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _access(ray: Any, options: Options) -> _Access:
    """The driver's own settings; where it has no key, each node looks for its own."""
    from litellm.exceptions import AuthenticationError

    key = None
    with contextlib.suppress(AuthenticationError):
        key = connection.api_key(options.api_key)
    where = options.ledger
    if where is None and ledgers.is_enabled():
        where = ledgers.current().store.database.url.render_as_string(hide_password=False)
    where = where or os.environ.get(VARIABLE) or None
    return _Access(
        api_key=key,
        api_base=connection.base_url(options.api_base),
        ledger=None if where is None else os.fspath(where),
        node=ray.get_runtime_context().get_node_id(),
    )


def _check_ledger(ray: Any, access: _Access) -> None:
    nodes = [node for node in ray.nodes() if node["Alive"]]
    if access.ledger is not None and len(nodes) > 1:
        _refuse_sqlite(access.ledger, f"the cluster has {len(nodes)} nodes")


def _refuse_sqlite(where: str, because: str) -> None:
    try:
        url = url_of(where)
    except LedgerError as failure:
        raise BatchError(f"The ledger can't be opened: {failure}.") from None
    if url.get_backend_name() == "sqlite":
        raise BatchError(
            f"The ledger is a file, {url.database}, and {because}: machines can't share it. Give "
            "one on PostgreSQL with --ledger postgresql://USER@HOST/DATABASE, or in "
            f"{VARIABLE}."
        )


def _cpus(ray: Any) -> int:
    return max(int(ray.cluster_resources().get("CPU", 1)), 1)


def _job(folder: Folder, options: Options, shards: int) -> Job:
    found = folder.job()
    if found is None:
        if options.source is None:
            folder.require_job()
        prices = Prices(options.api_key, options.api_base)
        return jobs.begin_shards(folder, options, prices, shards)
    if not found.shards:
        raise FolderUnfit(
            f"{folder.path} holds a job of one machine. Go on with: "
            f"openrouter-adapter batch resume {folder.path}"
        )
    return jobs.continue_shards(folder, options)


def _set_budget(job: Job, access: _Access) -> None:
    """Puts the job's budget into the ledger, where all shards hold under it."""
    if job.budget is None:
        return
    if access.ledger is None:
        raise BatchError(
            "A budget on a cluster is kept in a ledger, and there is none. Give one with --ledger "
            f"postgresql://USER@HOST/DATABASE, or in {VARIABLE}."
        )
    try:
        book = ledgers.open(access.ledger)
        try:
            book.budget(job.calls, job.budget, job=job.job_id, tag=job.tag)
        finally:
            book.close()
    except LedgerError as failure:
        raise BatchError(f"The ledger can't be opened: {failure}.") from None


class _Run:
    """The driver's side of one run."""

    def __init__(
        self,
        ray: Any,
        folder: Folder,
        job: Job,
        options: Options,
        access: _Access,
        watch: Callable[[Snapshot], None] | None,
    ) -> None:
        strategies = importlib.import_module("ray.util.scheduling_strategies")
        self._ray, self._folder, self._job, self._watch = ray, folder, job, watch
        # What a task is told is kept by Ray: nothing secret is in it.
        self._told = replace(
            options, out=folder.path.resolve(), source=None, budget=None, api_key=None, ledger=None
        )
        beside_us = strategies.NodeAffinitySchedulingStrategy(access.node, soft=False)
        self._board = ray.remote(_Board).options(num_cpus=0, scheduling_strategy=beside_us).remote()
        # Not waited for: the shards' own processes start meanwhile.
        self._board.set_up.remote(access)
        self._task = ray.remote(num_cpus=1, max_retries=_RETRIES, scheduling_strategy="SPREAD")(
            _run_shard
        )
        self._waiting: dict[Any, int] = {}
        self._ended: dict[int, _Ended] = {}
        self._again: Counter[int] = Counter()
        self._signals = 0

    def go(self) -> Summary:
        begun = time.monotonic()
        with self._stopped_by_signals():
            for number in range(1, self._job.shards + 1):
                self._submit(number)
            while self._waiting and self._signals < 2:
                done, _ = self._ray.wait(list(self._waiting), timeout=_WAIT)
                for ref in done:
                    self._take(ref)
                self._show()
            for ref in self._waiting:
                self._ray.cancel(ref, force=True)
        return self._together(time.monotonic() - begun)

    def _submit(self, number: int) -> None:
        named = self._task.options(name=f"shard {number} of {self._job.shards}")
        self._waiting[named.remote(self._board, number, self._told)] = number

    def _take(self, ref: Any) -> None:
        """Takes what became of a shard; one that its node has asked to stop goes on elsewhere."""
        number = self._waiting.pop(ref)
        try:
            ended: _Ended = self._ray.get(ref)
        except self._ray.exceptions.RayError as failure:
            ended = _Ended("a lost node", failure=f"{type(failure).__name__}, {_RETRIES} times")
        was_asked = ended.summary is not None and ended.summary.stopped == signals.STOPPED
        if was_asked and not self._signals and self._again[number] < _RETRIES:
            self._again[number] += 1
            self._submit(number)
        else:
            self._ended[number] = ended

    def _show(self) -> None:
        if self._watch is None:
            return
        seen: dict[int, Snapshot] = {}
        with contextlib.suppress(self._ray.exceptions.RayError):
            seen = self._ray.get(self._board.seen.remote(), timeout=10 * _WAIT)
        at_work = len(set(seen) - set(self._ended))
        for number, ended in self._ended.items():
            if ended.summary is not None:
                seen[number] = progress.of_summary(ended.summary)
        limit = None if self._job.budget is None else money.picodollars(self._job.budget)
        self._watch(
            progress.together(
                seen.values(),
                self._job.requests,
                limit,
                stopping=self._signals > 0,
                note=f"{at_work} at work, {len(self._ended)} of {self._job.shards} shards ended",
            )
        )

    def _together(self, seconds: float) -> Summary:
        found: list[Summary] = []
        reasons: dict[str, None] = {}
        for number in range(1, self._job.shards + 1):
            ended = self._ended.get(number)
            if ended is None or ended.summary is None:
                found.append(front.status(self._folder.shard(number).path))
            else:
                found.append(ended.summary)
            if ended is None:
                reasons["It was told to end at once; what was in the air is lost."] = None
            elif ended.failure is not None:
                reasons[f"Shard {number} on {ended.host}: {ended.failure}"] = None
            elif ended.summary is not None and ended.summary.stopped:
                reasons[ended.summary.stopped] = None
        shown = list(reasons)[:_SHOWN]
        if len(reasons) > _SHOWN:
            shown.append(f"… and {len(reasons) - _SHOWN} more reasons.")
        return summary.together(
            self._folder.path,
            self._job.requests,
            found,
            budget=self._job.budget,
            seconds=seconds,
            stopped=" ".join(shown) or None,
        )

    @contextlib.contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        """Has the first signal stop all shards, and the second end them at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_number: int, _frame: object) -> None:
            self._signals += 1
            self._board.stop.remote()

        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, stop) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)


def _run_shard(board: Any, number: int, told: Options) -> _Ended:
    """The task: one shard, from wherever its folder says that it is."""
    host = socket.gethostname()
    try:
        ray = _imported()
        access, is_stopping = _begin(ray, board)
        whole = Folder(told.out)
        if is_stopping:
            return _Ended(host, front.status(whole.shard(number).path))
        _check_node(ray, whole, access, host)
        options = replace(
            told,
            out=whole.shard(number).path,
            api_key=access.api_key,
            api_base=access.api_base,
            ledger=access.ledger,
            watch=_Reporter(ray, board, number),
            lock_patience=_LOCK_PATIENCE,
        )
        return _Ended(host, asyncio.run(run_job(options)))
    except Exception as failure:  # noqa: BLE001 - said in the summary, beside what the others did
        return _Ended(host, failure=str(failure) or type(failure).__name__)


def _begin(ray: Any, board: Any) -> tuple[_Access, bool]:
    """Asks the board how to reach OpenRouter and the ledger.

    Raises:
        BatchError: it does not know for too long.
    """
    deadline = time.monotonic() + _BOARD_PATIENCE
    while time.monotonic() < deadline:
        access, is_stopping = ray.get(board.begin.remote())
        if access is not None:
            return access, is_stopping
        time.sleep(_WAIT / 5)
    raise BatchError(f"the command has not said within {_BOARD_PATIENCE:.0f} s what to do.")


def _check_node(ray: Any, whole: Folder, access: _Access, host: str) -> None:
    """Whether this node can work on the job.

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
        # The driver holds it all the time.
        raise BatchError(
            f"{host} does not see the driver's lock on {whole.path}: two nodes could work on one "
            "shard. The file system must share locks (flock) between machines, as NFS 4 does."
        )
    where = access.ledger or os.environ.get(VARIABLE)
    if where and ray.get_runtime_context().get_node_id() != access.node:
        _refuse_sqlite(where, "there is more than one node")


class _Reporter:
    """Tells the board how a shard gets on, and stops it when the board says so."""

    def __init__(self, ray: Any, board: Any, number: int) -> None:
        self._ray, self._board, self._number = ray, board, number
        self._answer: Any = None
        self._next = 0.0

    def __call__(self, now: Progress) -> None:
        if self._answer is not None and self._ray.wait([self._answer], timeout=0)[0]:
            with contextlib.suppress(self._ray.exceptions.RayError):
                if self._ray.get(self._answer):
                    now.engine.stop(signals.STOPPED)
            self._answer = None
        if self._answer is None and time.monotonic() >= self._next:
            self._next = time.monotonic() + _REPORT_INTERVAL
            self._answer = self._board.report.remote(self._number, now.snapshot())


def _first_line(failure: BaseException) -> str:
    return str(failure).strip().partition("\n")[0][:300]
