"""The output folder of a job: its files, its lock, and what job it belongs to.

job.json        which job it is: source, fingerprint, settings
results.jsonl   answers, in OpenAI's batch result format
failures.jsonl  requests that failed for good, in the same format
journal.log     what was sent and what became of it; journal.py
summary.json    counts, cost and percentiles; written when a run ends
status.json     the same for `batch status`; written while a run goes on, too; progress.py
media/          images, if they were asked for
batches/        the lines of each batch that OpenRouter's Batch API has; pending.py
shards/         folders like this one, one for each shard of a job on a cluster
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import time
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter import files, money
from openrouter_adapter.batch.exceptions import FolderInUse, FolderUnfit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT: Final = 3
ID_INDEX_PREFIX: Final = "batch-ids-"
"""Begins the name of the folder in which a run keeps custom_ids; a killed run leaves it."""

_LOCK_PAUSE: Final = 0.5
# Seconds for which a process that only checks the lock may have it.
_GLANCE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Job:
    """The job of a folder; the same in all its runs.

    Attributes:
        source: Path of the input.
        size: Size of the input in bytes.
        modified: When the input was last written, in nanoseconds since 1970.
        fingerprint: Hash of the input's content.
        requests: Number of requests, invalid lines included.
        first_line: The first line of the input that belongs to the job.
        first_byte: Where it begins; 0 if only reading from the start finds it.
        last_line: The last line that belongs to the job.
        model: Replaces every line's own model.
        skip_faulty: Whether invalid lines become failures.
        save_media: Whether images become files.
        job_id: Name of the job in the ledger.
        calls: Prefix of its call ids there, which no other job has, even one of the same name.
        budget: What all runs may cost together, in USD; the value that was given last.
        shard: The part of the input that was asked for: (I, N), or (1, 1) for the whole.
        shards: Number of folders into which it is split; 0 if its results are in this one.
        tag: Tag of its rows in the ledger, by which its shards share a budget.
        half_price: Whether its requests go to OpenRouter's Batch API.
        sends_rest: Whether requests that the Batch API can't take are sent the usual way.
    """

    source: str
    size: int
    modified: int
    fingerprint: str
    requests: int
    first_line: int
    first_byte: int
    last_line: int
    model: str | None
    skip_faulty: bool
    save_media: bool
    job_id: str
    calls: str
    budget: Decimal | None = None
    shard: tuple[int, int] = (1, 1)
    shards: int = 0
    tag: str | None = None
    half_price: bool = False
    sends_rest: bool = False

    @property
    def limit(self) -> int | None:
        """The budget in picodollars; None for no limit."""
        return None if self.budget is None else money.picodollars(self.budget)


class Folder:
    """The files of an output folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.job_file = path / "job.json"
        self.results = path / "results.jsonl"
        self.failures = path / "failures.jsonl"
        self.journal = path / "journal.log"
        self.summary = path / "summary.json"
        self.status = path / "status.json"
        self.media = path / "media"
        self.batches = path / "batches"
        self.reserve = path / "reserve"
        self._lock = path / "lock"

    @contextlib.contextmanager
    def locked(self, patience: float = 0.0) -> Iterator[None]:
        """Keeps other runs out during the block; creates the folder if it doesn't exist.

        Args:
            patience: Seconds to wait for the other run. A file server may keep the lock of a
                machine that died until its lease runs out, a minute or two later.

        Raises:
            FolderInUse: another run is working in it.
            FolderUnfit: it can't be created or written to.
        """
        self.make()
        try:
            # On a full disk, close() would write again what waits in a buffer.
            file = self._lock.open("a+b", buffering=0)
        except OSError as failure:
            raise self.unfit(failure) from None
        with file:
            deadline = time.monotonic() + max(patience, _GLANCE)
            while not _is_locked(file):
                if time.monotonic() >= deadline:
                    file.seek(0)
                    holder = (file.read(100) or b"unknown").decode("utf-8", "replace")
                    raise FolderInUse(
                        f"Another run is working in {self.path} (process {holder}). Wait for it, "
                        "or give this one a folder of its own with --out."
                    )
                time.sleep(_LOCK_PAUSE if patience else _GLANCE)
            try:
                file.truncate(0)
                file.write(f"{os.getpid()} on {socket.gethostname()}".encode())
            except OSError as failure:
                raise self.unfit(failure) from None
            yield

    def shard(self, number: int) -> Folder:
        """The folder of a shard, counted from 1."""
        return Folder(self.path / "shards" / f"{number:04}")

    def make(self) -> None:
        """Creates the folder if it doesn't exist.

        Raises:
            FolderUnfit: it can't be created.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            raise self.unfit(failure) from None

    def is_in_use(self) -> bool:
        """Whether a run is working in it now. Read access is enough."""
        try:
            with self._lock.open("rb") as file:
                return not _is_locked(file, shared=True)
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def unfit(self, failure: OSError) -> FolderUnfit:
        """The exception for a folder that can't be written to."""
        is_full = failure.errno in {errno.ENOSPC, errno.EDQUOT}
        cure = "Make room there" if is_full else "Make it writable"
        # In another folder it would be another job, which pays for everything again.
        has_begun = os.path.exists(self.job_file)  # noqa: PTH110 - False where it can't be told
        then = ", then give the same command again" if has_begun else ", or give another with --out"
        return FolderUnfit(f"{self.path} can't be written to: {failure.strerror}. {cure}{then}.")

    def job(self) -> Job | None:
        """The folder's job; None for a new folder.

        Raises:
            FolderUnfit: job.json can't be read.
        """
        try:
            fields = orjson.loads(self.job_file.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, orjson.JSONDecodeError) as failure:
            raise FolderUnfit(f"{self.job_file} can't be read: {failure}.") from None
        if not isinstance(fields, dict) or fields.pop("format", None) != FORMAT:
            raise FolderUnfit(
                f"{self.path} was written by another version of openrouter-adapter: finish the job "
                "with that version, or give a new folder with --out."
            )
        try:
            budget, shard = fields.pop("budget"), fields.pop("shard")
            return Job(
                **fields, budget=None if budget is None else Decimal(budget), shard=tuple(shard)
            )
        except (KeyError, TypeError, ArithmeticError):
            raise FolderUnfit(
                f"{self.job_file} was changed after a run wrote it: restore it, or give a new "
                "folder with --out."
            ) from None

    def require_job(self) -> Job:
        """The folder's job.

        Raises:
            FolderUnfit: there is none.
        """
        job = self.job()
        if job is None:
            raise FolderUnfit(
                f"{self.path} has no job. Begin one with: "
                f"openrouter-adapter batch run JOB.jsonl --out {self.path}"
            )
        return job

    def write_job(self, job: Job) -> None:
        """Writes job.json."""
        fields = asdict(job)
        fields["budget"] = None if job.budget is None else format(job.budget, "f")
        self.write_json(self.job_file, {"format": FORMAT, **fields})

    def refuse_other_files(self) -> None:
        """Refuses to begin a job if there are results without a job.json.

        Raises:
            FolderUnfit: there are.
        """
        for file in (self.results, self.failures, self.journal):
            if file.exists():
                raise FolderUnfit(
                    f"{file} exists, but {self.job_file.name} does not, so its job can't continue. "
                    "Give a new folder with --out."
                )

    def clear_leftovers(self) -> None:
        """Removes what only a killed run leaves: an index of ids, unfinished files."""
        for index in self.path.glob(f"{ID_INDEX_PREFIX}*"):
            shutil.rmtree(index, ignore_errors=True)
        for new in self.path.glob(files.UNFINISHED):
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)

    def set_failures_aside(self) -> None:
        """Renames failures.jsonl to the next free name, so that its requests are sent again."""
        if not self.failures.exists() or not self.failures.stat().st_size:
            return
        number = 1
        while (aside := self.path / f"failures-{number}.jsonl").exists():
            number += 1
        self.failures.rename(aside)

    def write_json(self, path: Path, content: Any, *, is_indented: bool = True) -> None:
        """Writes a JSON file atomically.

        Raises:
            FolderUnfit: it can't be written.
        """
        options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if is_indented else 0)
        try:
            with files.write_atomically(path, is_durable=True) as file:
                file.write(orjson.dumps(content, option=options))
        except OSError as failure:
            raise self.unfit(failure) from None


def _is_locked(file: IO[bytes], *, shared: bool = False) -> bool:
    """Locks a file, exclusively or shared; False if another process has it."""
    try:
        return files.lock(file.fileno(), shared=shared)
    except OSError:
        return False
