"""The files of LiteLLM's batches: an input file is on this machine, results are OpenRouter's.

Output and error files are made from the batch when they are read: OpenRouter keeps results for 30
days.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from litellm.types.llms.openai import OpenAIFileObject
from openai.types import FileDeleted

from openrouter_adapter import free_requests
from openrouter_adapter.batches import objects, sending, store, wire
from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.batches.wire import Batch

_KINDS: Final[Mapping[str, Any]] = {objects.OUTPUT: "output", objects.ERRORS: "errors"}


def is_ours(file_id: Any) -> bool:
    """Whether an id is of a batch's input, output or error file."""
    return isinstance(file_id, str) and file_id.startswith(store.PREFIX)


def create_file(upload: Any, call: Mapping[str, Any]) -> OpenAIFileObject:  # noqa: ARG001
    """Keeps an input file on this machine; nothing is sent.

    Args:
        upload: Has the `name` and the `content` of the file, bytes.
        call: The keywords of LiteLLM's call.
    """
    return _object(store.add(upload.name, upload.content), "batch")


def file_content(file_id: str, call: Mapping[str, Any]) -> bytes:
    """The content of an input file, or the lines of a batch's results.

    Raises:
        litellm.NotFoundError: there is no such file, or no such batch.
        litellm.BadRequestError: the batch is not over.
        litellm.PaymentRequiredError: OpenRouter withholds the results until credits are added.
    """
    kind, batch_id = _result_of(file_id)
    if not kind:
        return store.read(file_id)
    return objects.lines(_ended(batch_id, call), kind)


def file_retrieve(file_id: str, call: Mapping[str, Any]) -> OpenAIFileObject:
    """The facts of a file; for a file of results, the batch is read first."""
    kind, batch_id = _result_of(file_id)
    if not kind:
        return _object(store.find(file_id), "batch")
    batch = _ended(batch_id, call)
    size = len(objects.lines(batch, kind))
    name = f"{batch_id}_{kind}.jsonl"
    ended_at = batch.finalized_at or int(time.time())
    return _object(store.InputFile(file_id, name, size, ended_at), "batch_output")


def file_delete(file_id: str, call: Mapping[str, Any]) -> FileDeleted:  # noqa: ARG001
    """Deletes an input file from this machine.

    Raises:
        litellm.BadRequestError: it is a file of results, which OpenRouter has.
    """
    kind, batch_id = _result_of(file_id)
    if kind:
        raise errors.bad_request(
            f"OpenRouter stores the results of {batch_id}, and deletes them after 30 days; "
            f"DELETE /batches/{batch_id} deletes them now, together with the batch"
        )
    store.delete(file_id)
    return FileDeleted(id=file_id, deleted=True, object="file")


def listed() -> list[OpenAIFileObject]:
    """The input files on this machine, the oldest first."""
    return [_object(one, "batch") for one in store.listed()]


def _result_of(file_id: str) -> tuple[Any, str]:
    for prefix, kind in _KINDS.items():
        if file_id.startswith(prefix):
            return kind, file_id.removeprefix(prefix)
    return "", ""


def _ended(batch_id: str, call: Mapping[str, Any]) -> Batch:
    response = free_requests.send(sending.retrieval(batch_id, call))
    batch = wire.parse(response.content, response.headers)
    if not batch.is_over:
        raise errors.bad_request(
            f"{batch_id} is {batch.status}: it has no results until it has ended"
        )
    return batch


def _object(file: store.InputFile, purpose: Any) -> OpenAIFileObject:
    return OpenAIFileObject(
        id=file.id,
        bytes=file.size,
        created_at=file.created_at,
        filename=file.name,
        object="file",
        purpose=purpose,
        status="processed",
        status_details=None,
        expires_at=None,
    )
