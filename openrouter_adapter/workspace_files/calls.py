"""`litellm.create_file(…, custom_llm_provider="openrouter")` and the four others of its kind.

LiteLLM chooses the provider inside these functions, so each is replaced by one with an additional
provider. LiteLLM's HTTP handler would leave out OpenRouter's parameters, and its errors and
timeouts differ between versions.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx
from litellm.types.llms.openai import HttpxBinaryResponseContent

from openrouter_adapter import free_requests
from openrouter_adapter.batches import files as batch_files
from openrouter_adapter.endpoint import arguments_of, is_for_openrouter
from openrouter_adapter.wire import errors
from openrouter_adapter.wire.connection import DEFAULT_BASE_URL
from openrouter_adapter.workspace_files import transformation, uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from typing import TypeAlias

    from openrouter_adapter.free_requests import Request
    from openrouter_adapter.workspace_files.transformation import OpenRouterFile

    _Steps: TypeAlias = Generator[Request, httpx.Response, "_T"]

_T = TypeVar("_T")
# Keywords that LiteLLM's asynchronous functions pass to their synchronous twins.
_ASYNC_FLAGS: Final = ("acreate_file", "afile_content", "is_async")


def with_openrouter(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for one of LiteLLM's functions for files that uses ours for OpenRouter."""
    from litellm.utils import client

    signature = inspect.signature(original)
    decorate: Any = client
    ours = decorate(_FUNCTIONS[original.__name__])

    @functools.wraps(original)
    def of_provider(*arguments: Any, **keywords: Any) -> Any:
        call = arguments_of(signature, arguments, keywords)
        if is_for_openrouter(call):
            return ours(**call)
        return original(*arguments, **keywords)

    return of_provider


# LiteLLM's `client` recognizes the kind of call by the function's name. Each returns a coroutine of
# its result to the function's asynchronous twin.


def create_file(
    file: Any, purpose: Any, expires_after: Any = None, extra_body: Any = None, **call: Any
) -> Any:
    """Uploads a file; returns an `OpenRouterFile`.

    Raises:
        litellm.BadRequestError: the file or another argument is invalid; nothing was sent.
        litellm.PermissionDeniedError: the workspace is full, or not the key's.
    """
    upload = uploads.read(file)
    if purpose == "batch":
        return _create_input(upload, expires_after, call)
    transformation.check_create(purpose, expires_after, extra_body)
    request = transformation.request(call, "POST", upload=upload)
    return _run(_one(request, transformation.read_file), call)


def _create_input(upload: Any, expires_after: Any, call: Mapping[str, Any]) -> Any:
    """Keeps the input file of a batch on this machine."""
    if expires_after is not None:
        raise errors.bad_request(
            "expires_after: the input file of a batch stays on this machine until it is deleted"
        )
    return _here(call, batch_files.create_file, upload, call)


def file_retrieve(file_id: Any, **call: Any) -> Any:
    """What OpenRouter knows of a file, an `OpenRouterFile`."""
    if batch_files.is_ours(file_id):
        return _here(call, batch_files.file_retrieve, file_id, call)
    request = transformation.request(call, file_id=file_id)
    return _run(_one(request, transformation.read_file), call)


async def afile_retrieve(file_id: Any, **call: Any) -> Any:
    """The asynchronous twin of `file_retrieve`: LiteLLM's makes a plain file of what we return."""
    return await file_retrieve(file_id, **{**call, "is_async": True})


def file_delete(file_id: Any, **call: Any) -> Any:
    """Deletes a file; returns OpenAI's `FileDeleted`."""
    if batch_files.is_ours(file_id):
        return _here(call, batch_files.file_delete, file_id, call)
    request = transformation.request(call, "DELETE", file_id)
    return _run(_one(request, transformation.read_deletion), call)


def file_content(file_id: Any, **call: Any) -> Any:
    """A file's content, an `HttpxBinaryResponseContent`.

    Raises:
        litellm.BadRequestError: the file was uploaded, and can't be downloaded again.
    """
    if batch_files.is_ours(file_id):
        return _here(call, _batch_content, file_id, call)
    request = transformation.request(call, file_id=file_id, has_content=True)
    return _run(_one(request, _content), call)


def _batch_content(file_id: str, call: Mapping[str, Any]) -> HttpxBinaryResponseContent:
    lines = batch_files.file_content(file_id, call)
    asked = httpx.Request("GET", f"{DEFAULT_BASE_URL}/batches")
    kind = {"content-type": "application/jsonl"}
    return _content(httpx.Response(200, content=lines, headers=kind, request=asked))


def _here(call: Mapping[str, Any], function: Callable[..., _T], *arguments: Any) -> Any:
    """The result of a function for a batch's file, or a coroutine of it."""
    if any(call.get(name) for name in _ASYNC_FLAGS):
        return asyncio.to_thread(function, *arguments)
    return function(*arguments)


def _content(answer: httpx.Response) -> HttpxBinaryResponseContent:
    content = HttpxBinaryResponseContent(answer)
    # LiteLLM would look for the price of a model without a name, and print that it found none.
    content._hidden_params["response_cost"] = 0.0
    return content


def file_list(purpose: Any = None, **call: Any) -> Any:
    """The files of the workspace, the oldest first: `limit` of them, or up to `MOST_FILES`.

    With the purpose `batch`, the input files of batches on this machine.
    """
    if purpose == "batch":
        return _here(call, batch_files.listed)
    limit = call.get("limit")
    params = transformation.page_params(limit, call.get("after"))
    pages = _pages(call, params, limit or transformation.MOST_FILES, purpose)
    return _run(pages, call)


# Requests are yielded, and their answers sent in, so that synchronous and asynchronous calls have
# the same steps.


def _one(request: Request, parse: Callable[[httpx.Response], _T]) -> _Steps[_T]:
    answer = yield request
    return parse(answer)


def _pages(
    call: Mapping[str, Any], params: dict[str, str] | None, most: int, purpose: Any
) -> _Steps[list[OpenRouterFile]]:
    """The requests for the pages of a list."""
    files: list[OpenRouterFile] = []
    while params is not None:
        answer = yield transformation.request(call, params=params)
        page, body = transformation.read_page(answer)
        files += page
        params = transformation.next_params(body, params) if len(files) < most else None
    return [file for file in files[:most] if purpose in (None, file.purpose)]


def _run(steps: _Steps[_T], call: Mapping[str, Any]) -> Any:
    """The result of steps, or a coroutine of it."""
    if any(call.get(name) for name in _ASYNC_FLAGS):
        return _run_async(steps)
    try:
        request = next(steps)
        while True:
            request = steps.send(free_requests.send(request))
    except StopIteration as end:
        return end.value


async def _run_async(steps: _Steps[_T]) -> Any:
    try:
        request = next(steps)
        while True:
            request = steps.send(await free_requests.asend(request))
    except StopIteration as end:
        return end.value


_FUNCTIONS: Final = {
    function.__name__: function
    for function in (
        *(create_file, file_retrieve, afile_retrieve, file_delete, file_content, file_list),
    )
}
"""Our functions, by the names of LiteLLM's."""
