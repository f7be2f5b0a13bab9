"""The lines of results.jsonl and failures.jsonl: written, read back, and sorted.

Both files have OpenAI's batch result format, with our own fields before `response`, which is last,
so that a reader who needs no answer can stop there. See
https://platform.openai.com/docs/api-reference/batch/request-output.
"""

from __future__ import annotations

import mmap
import struct
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter import files
from openrouter_adapter.batch.exceptions import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openrouter_adapter.wire.usage import Bill

# Nothing inside a JSON string looks like this: its quotes would be escaped.
_RESPONSE: Final = b',"response":'

_PLACE: Final = struct.Struct("<Q")
_BUFFER: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to send a line; unique within a job.

    Attributes:
        line: Number of the line in the input.
        run: Number of the run, from 1.
        number: Number of the attempt within that run, from 1.
    """

    line: int
    run: int
    number: int

    def __str__(self) -> str:
        return f"batch_req_{self.line}_{self.run}_{self.number}"

    def next(self) -> Attempt:
        """The next attempt of the same run."""
        return Attempt(self.line, self.run, self.number + 1)

    @classmethod
    def of_id(cls, text: str) -> Attempt:
        """The attempt that a result's `id` names."""
        line, run, number = text.removeprefix("batch_req_").split("_")
        return cls(int(line), int(run), int(number))


def result_line(attempt: Attempt, custom_id: str, bill: Bill, body: Any, latency: float) -> bytes:
    """The line of an answer.

    Args:
        attempt: The attempt that was answered.
        custom_id: The caller's id of the request.
        bill: What it cost.
        body: The answer.
        latency: Seconds from sending to the answer's end.
    """
    prompt, completion = tokens(bill)
    return orjson.dumps(
        {
            "id": str(attempt),
            "custom_id": custom_id,
            "cost_usd": amount(bill.total),
            "provider": bill.provider,
            "model": bill.model,
            "generation_id": bill.generation_id,
            "latency_s": latency,
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "error": None,
            "response": {"status_code": 200, "request_id": bill.generation_id, "body": body},
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def failure_line(
    attempt: Attempt, custom_id: str, failure: BaseException, bill: Bill | None, latency: float
) -> bytes:
    """The line of a request that failed for good: the exception's class and message."""
    facts = getattr(failure, "openrouter", None) or {}
    # The status on the wire: LiteLLM gives some of its classes a different one.
    answer = getattr(failure, "response", failure)
    status = getattr(answer, "status_code", None)
    error = {"code": type(failure).__name__, "message": words_of(failure)}
    if facts.get("error_type"):
        error["error_type"] = facts["error_type"]
    return orjson.dumps(
        {
            "id": str(attempt),
            "custom_id": custom_id,
            "cost_usd": amount(bill.total) if bill is not None else None,
            "provider": facts.get("provider_name") or facts.get("provider"),
            "model": facts.get("model"),
            "generation_id": facts.get("generation_id"),
            "latency_s": latency,
            "error": error,
            "response": {"status_code": status, "request_id": None, "body": None},
        },
        option=orjson.OPT_APPEND_NEWLINE,
        default=str,
    )


def amount(usd: Decimal | None) -> orjson.Fragment | None:
    """USD as a JSON number with all its digits, exact for a reader of decimals."""
    return None if usd is None else orjson.Fragment(format(usd, "f").encode())


def tokens(bill: Bill) -> tuple[int, int]:
    """Tokens of prompt and completion of a bill."""
    usage = bill.usage or {}
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return (
        prompt if isinstance(prompt, int) else 0,
        completion if isinstance(completion, int) else 0,
    )


def head(line: bytes) -> dict[str, Any]:
    """A line's fields without its `response`."""
    fields: dict[str, Any] = orjson.loads(line.partition(_RESPONSE)[0] + b"}")
    return fields


def id_of(line: bytes) -> str:
    """A line's `id`."""
    return line[7 : line.index(b'"', 7)].decode()


def cost_of(line: bytes) -> Decimal | None:
    """A line's exact cost in USD; None if it isn't known."""
    text = line.partition(b'"cost_usd":')[2].partition(b",")[0]
    return None if text == b"null" or not text else Decimal(text.decode())


def whole_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, without an unfinished last one."""
    if not path.exists():
        return
    with path.open("rb", buffering=1024 * 1024) as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line


def sort_by_line(path: Path, first_line: int, last_line: int) -> None:
    """Sorts a result file by line of the input; a kill leaves the old file or the new one.

    Uses an index on disk of eight bytes a line. Results come nearly in order, so the file is read
    nearly from front to back.

    Args:
        path: The result file.
        first_line: The first line of the input that may have a result.
        last_line: The last line that may have one.

    Raises:
        OSError: there is no room for a second copy.
    """
    count = last_line - first_line + 1
    if not path.exists() or count < 1:
        return
    with tempfile.TemporaryFile(dir=path.parent) as index_file:
        write_zeros(index_file, count * _PLACE.size)
        with (
            mmap.mmap(index_file.fileno(), 0) as index,
            files.write_atomically(path, is_durable=True) as file,
            path.open("rb") as source,
        ):
            _note_places(path, index, first_line)
            for (place,) in _PLACE.iter_unpack(index):
                if place:
                    source.seek(place - 1)
                    file.write(source.readline())


def write_zeros(file: IO[bytes], size: int) -> None:
    """Fills a file with zeros. With a sparse file, a full disk would be a bus error."""
    zeros = bytes(_BUFFER)
    for start in range(0, size, _BUFFER):
        file.write(zeros[: size - start])
    file.flush()


def _note_places(path: Path, index: mmap.mmap, first_line: int) -> None:
    """Writes where each line's result begins, counted from 1; 0 means none."""
    place = 0
    for line in whole_lines(path):
        number = Attempt.of_id(id_of(line)).line - first_line
        _PLACE.pack_into(index, number * _PLACE.size, place + 1)
        place += len(line)
