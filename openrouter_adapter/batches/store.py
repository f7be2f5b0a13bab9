"""What OpenRouter doesn't keep of LiteLLM's batches: input files, and what belongs to a batch.

OpenRouter takes the requests of a batch inline, and returns the results inline; OpenAI's form has
a file for each. An input file waits on this machine between its upload and its batch. It contains
the prompts, so only its owner can read the folder. Results stay with OpenRouter.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from openrouter_adapter import files
from openrouter_adapter.wire import errors

VARIABLE: Final = "OPENROUTER_ADAPTER_BATCH_FILES"
"""Folder of the files; machines that share a batch's calls must share it."""

PREFIX: Final = "file-batch-"
_INPUT: Final = re.compile(r"file-batch-[0-9a-f]{32}")
_BATCH: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")


@dataclass(frozen=True, slots=True)
class InputFile:
    """An uploaded input file.

    Attributes:
        id: Its id.
        name: The name under which it was uploaded.
        size: Its size in bytes.
        created_at: Seconds since 1970.
    """

    id: str
    name: str
    size: int
    created_at: int


@dataclass(slots=True)
class Record:
    """What belongs to a batch and is unknown to OpenRouter.

    Attributes:
        input_file_id: The id of its input file.
        metadata: The metadata of the call that created it.
        is_billed: Whether its cost was reported to LiteLLM's callbacks.
    """

    input_file_id: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    is_billed: bool = False


def folder() -> Path:
    """The folder of the files; it need not exist."""
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        return Path(given)
    import platformdirs

    return Path(platformdirs.user_state_dir("openrouter-adapter", appauthor=False)) / "batches"


def add(name: str, content: bytes) -> InputFile:
    """Keeps an input file.

    Raises:
        litellm.InternalServerError: it can't be written.
    """
    made = InputFile(f"{PREFIX}{uuid.uuid4().hex}", name, len(content), int(time.time()))
    _write(f"{made.id}.jsonl", content)
    _write(f"{made.id}.json", orjson.dumps(asdict(made)))
    return made


def read(file_id: str) -> bytes:
    """The content of an input file.

    Raises:
        litellm.NotFoundError: there is no such file in this folder.
    """
    try:
        return _path_of(file_id, ".jsonl").read_bytes()
    except OSError:
        raise _missing(file_id) from None


def find(file_id: str) -> InputFile:
    """What is known of an input file.

    Raises:
        litellm.NotFoundError: there is no such file in this folder.
    """
    found = _read(_path_of(file_id, ".json"))
    if found is None:
        raise _missing(file_id)
    return InputFile(**found)


def listed() -> list[InputFile]:
    """All input files, the oldest first."""
    found = [_read(path) for path in folder().glob(f"{PREFIX}*.json")]
    files_of = [InputFile(**one) for one in found if one is not None]
    return sorted(files_of, key=lambda one: (one.created_at, one.id))


def delete(file_id: str) -> None:
    """Deletes an input file.

    Raises:
        litellm.NotFoundError: there is no such file in this folder.
    """
    find(file_id)
    for ending in (".jsonl", ".json"):
        _path_of(file_id, ending).unlink(missing_ok=True)


def keep(batch_id: str, record: Record) -> None:
    """Keeps what belongs to a batch.

    Raises:
        litellm.InternalServerError: it can't be written.
    """
    if _BATCH.fullmatch(batch_id):
        _write(f"{batch_id}.json", orjson.dumps(asdict(record)))


def record_of(batch_id: str) -> Record:
    """What belongs to a batch; an empty record for one that was not created here."""
    found = _read(folder() / f"{batch_id}.json") if _BATCH.fullmatch(batch_id) else None
    return Record() if found is None else Record(**found)


def _path_of(file_id: str, ending: str) -> Path:
    if not _INPUT.fullmatch(file_id):
        raise _missing(file_id)
    return folder() / f"{file_id}{ending}"


def _read(path: Path) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, orjson.JSONDecodeError):
        found = orjson.loads(path.read_bytes())
        return found if isinstance(found, dict) else None
    return None


def _write(name: str, content: bytes) -> None:
    where = folder()
    try:
        files.make_private_folder(where)
        with files.write_atomically(where / name, mode=files.PRIVATE, is_durable=True) as file:
            file.write(content)
    except OSError as failure:
        raise errors.build(
            500,
            f"{where} can't be written: {failure.strerror}. Set {VARIABLE} to another folder.",
        ) from failure


def _missing(file_id: str) -> Exception:
    return errors.build(
        404,
        f"there is no batch file {file_id!r} in {folder()}: upload it with purpose='batch' on this "
        f"machine, or set {VARIABLE} to the shared folder",
    )
