"""A job on a Ray cluster: a task for each shard, repeated if its node dies, and one summary.

A shard is a job like any other, with its own folder on the file system that all nodes share. Any
node can continue it where its journal ends.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from openrouter_adapter import ledger as ledgers
from openrouter_adapter.batch import jobs, nodes, progress, summary
from openrouter_adapter.batch.engine import ABANDONED
from openrouter_adapter.batch.estimates import Prices
from openrouter_adapter.batch.exceptions import BatchError, FolderUnfit
from openrouter_adapter.batch.folder import Folder
from openrouter_adapter.batch.options import Options, validated
from openrouter_adapter.batch.stopping import STOPPED, stopped_by_signals
from openrouter_adapter.ledger import LedgerError
from openrouter_adapter.ledger.database import VARIABLE
from openrouter_adapter.wire import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from decimal import Decimal

    from typing_extensions import Unpack

    from openrouter_adapter.batch.folder import Job
    from openrouter_adapter.batch.options import JobOptions, RunOptions
    from openrouter_adapter.batch.progress import Snapshot
    from openrouter_adapter.batch.summary import Summary

# How often Ray restarts a shard whose node or process has died.
_RETRIES: Final = 20
_WAIT: Final = 0.5
_SHOWN: Final = 3


def run_on_ray(
    source: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    *,
    address: str = "auto",
    shards: int | None = None,
    watch: Callable[[Snapshot], None] | None = None,
    **options: Unpack[JobOptions],
) -> Summary:
    """Like `run`, on the machines of a Ray cluster.

    Input and output folder must be on a file system that all nodes share under the same path. The
    same call again continues where the last one ended, also with None as source.

    Args:
        source: As for `run`.
        out: The folder for results, which are in `out`/shards/0001/results.jsonl and so on.
        address: Address of the cluster; "auto" for RAY_ADDRESS, or the one on this machine.
        shards: Number of tasks into which a new job is split; None for one for each CPU.
        watch: Called twice a second with the progress of all shards together.
        **options: `JobOptions` explains each one. Concurrency is for each shard. A `budget` needs
            a ledger, which must be on PostgreSQL if there is more than one node.

    Returns:
        Counts and cost of all shards together.

    Raises:
        BatchError: Ray isn't installed, or the job can't begin or continue.
    """
    ray = nodes.imported()
    if "shard" in options:
        raise BatchError("A cluster sends all shards: use shards=N instead of shard=(I, N).")
    given = validated(source, out, cast("RunOptions", options))
    if shards is not None and shards < 1:
        raise BatchError(f"Invalid shards {shards}: use a number from 1.")
    folder = Folder(given.out)
    jobs.require_work(folder, given)
    with folder.locked(), _connected(ray, address):
        folder.clear_leftovers()
        access = _access(ray, given)
        _check_ledger(ray, access)
        prices = Prices(given.api_key, given.api_base)
        job = _job(folder, given, prices, shards or _cpus(ray))
        _set_budget(job, access)
        run = _Run(ray, folder, job, given, access, watch, prices.at_half_price)
        found = run.go()
        folder.write_json(folder.summary, found.as_json())
        return found


@contextlib.contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    """Connects to a cluster, unless the program is connected already."""
    if ray.is_initialized():
        yield
        return
    if address.startswith("ray://"):
        raise BatchError(
            f"{address} is an address of Ray Client. This command reads input and output itself: "
            "run it on a node of the cluster, or with `ray job submit`."
        )
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as failure:  # noqa: BLE001 - whatever Ray raises where no cluster is
        raise BatchError(
            f"No Ray cluster was found at {address}: {_first_line(failure)} Start one on this "
            "machine with `ray start --head`, or give the address of a running one."
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _access(ray: Any, options: Options) -> nodes.Access:
    """The driver's own settings; without a key, each node looks for its own."""
    from litellm.exceptions import AuthenticationError

    key = None
    with contextlib.suppress(AuthenticationError):
        key = connection.api_key(options.api_key)
    where = options.ledger
    if where is None and ledgers.is_enabled():
        where = ledgers.current().store.database.url.render_as_string(hide_password=False)
    where = where or os.environ.get(VARIABLE) or None
    return nodes.Access(
        api_key=key,
        api_base=connection.base_url(options.api_base),
        ledger=None if where is None else os.fspath(where),
        node=ray.get_runtime_context().get_node_id(),
    )


def _check_ledger(ray: Any, access: nodes.Access) -> None:
    alive = sum(1 for node in ray.nodes() if node["Alive"])
    if access.ledger is not None and alive > 1:
        nodes.refuse_sqlite(access.ledger, f"the cluster has {alive} nodes")


def _cpus(ray: Any) -> int:
    return max(int(ray.cluster_resources().get("CPU", 1)), 1)


def _job(folder: Folder, options: Options, prices: Prices, shards: int) -> Job:
    found = folder.job()
    if found is None:
        return jobs.begin_shards(folder, options, prices, shards)
    if not found.shards:
        raise FolderUnfit(
            f"{folder.path} has a job of one machine. Continue with: "
            f"openrouter-adapter batch resume {folder.path}"
        )
    return jobs.continue_shards(folder, options)


def _set_budget(job: Job, access: nodes.Access) -> None:
    """Puts the job's budget into the ledger, where all shards reserve under it."""
    if job.budget is None:
        return
    if access.ledger is None:
        raise BatchError(
            "A budget on a cluster needs a ledger, and there is none. Give one with --ledger "
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
        access: nodes.Access,
        watch: Callable[[Snapshot], None] | None,
        at_half_price: Decimal | None,
    ) -> None:
        strategies = importlib.import_module("ray.util.scheduling_strategies")
        self._ray, self._folder, self._job, self._watch = ray, folder, job, watch
        self._at_half_price = at_half_price
        # Ray keeps the arguments of tasks: they must have no secrets.
        self._common = replace(
            options, out=folder.path.resolve(), source=None, budget=None, api_key=None, ledger=None
        )
        on_our_node = strategies.NodeAffinitySchedulingStrategy(access.node, soft=False)
        self._board = (
            ray.remote(nodes.Board).options(num_cpus=0, scheduling_strategy=on_our_node).remote()
        )
        # Not waited for: the shards' processes start in the meantime.
        self._board.set_up.remote(access)
        self._task = ray.remote(num_cpus=1, max_retries=_RETRIES, scheduling_strategy="SPREAD")(
            nodes.run_shard
        )
        self._waiting: dict[Any, int] = {}
        self._ended: dict[int, nodes.ShardResult] = {}
        self._again: Counter[int] = Counter()
        self._signals = 0

    def go(self) -> Summary:
        begun = time.monotonic()
        with stopped_by_signals(self._stop):
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
        self._waiting[named.remote(self._board, number, self._common)] = number

    def _take(self, ref: Any) -> None:
        """Takes the result of a shard; restarts it elsewhere if its node has stopped it."""
        number = self._waiting.pop(ref)
        try:
            ended: nodes.ShardResult = self._ray.get(ref)
        except self._ray.exceptions.RayError as failure:
            ended = nodes.ShardResult(
                "a lost node", failure=f"{type(failure).__name__}, {_RETRIES} times"
            )
        was_asked = ended.summary is not None and ended.summary.stopped == STOPPED
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
        self._watch(
            progress.together(
                seen.values(),
                self._job.requests,
                self._job.limit,
                stopping=self._signals > 0,
                note=f"{at_work} at work, {len(self._ended)} of {self._job.shards} shards ended",
                at_half_price=self._at_half_price,
            )
        )

    def _together(self, seconds: float) -> Summary:
        found: list[Summary] = []
        reasons: dict[str, None] = {}
        for number in range(1, self._job.shards + 1):
            ended = self._ended.get(number)
            if ended is None or ended.summary is None:
                found.append(progress.status(self._folder.shard(number).path))
            else:
                found.append(ended.summary)
            if ended is None:
                reasons[ABANDONED] = None
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

    def _stop(self) -> None:
        """Stops all shards at the first signal; the second ends them at once."""
        self._signals += 1
        self._board.stop.remote()


def _first_line(failure: BaseException) -> str:
    return str(failure).strip().partition("\n")[0][:300]
