"""`/files`: upload, list, look up and delete a workspace's files, and download some of them."""

from __future__ import annotations

import base64
import binascii
import io
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import clock
from .call import Route
from .errors import ApiError, invalid_body
from .keys import WORKSPACE

if TYPE_CHECKING:
    from multidict import MultiDictProxy

    from .call import Call
    from .stored_files import StoredFile

_MOST_LISTED = 1000
_LISTED = 100
_MISSING = "File not found"
_PROVIDERS = ("openai", "anthropic")


def read_form(form: MultiDictProxy[Any]) -> dict[str, Any]:
    """Return the file's name and size, which the log of requests keeps in place of its bytes."""
    given = form.get("file")
    if not isinstance(given, web.FileField):
        return {}
    return {"filename": given.filename, "size_bytes": given.file.seek(0, io.SEEK_END)}


async def upload(call: Call) -> dict[str, Any]:
    """Store a file."""
    _check_place(call)
    given = (await call.request.post()).get("file")
    if not isinstance(given, web.FileField):
        raise invalid_body("file: Invalid input: expected a file")
    given.file.seek(0)
    return _shown(call, call.state.store_file(given.filename, given.file.read()))


def list_all(call: Call) -> dict[str, Any]:
    """Return a page of files, the oldest first."""
    _check_place(call)
    limit = call.whole("limit", _LISTED, 1)
    if limit > _MOST_LISTED:
        raise invalid_body(f"limit: Too big: expected number to be <={_MOST_LISTED}")
    if call.query.get("order", "asc") != "asc" or "before_id" in call.query:
        raise invalid_body("Only ascending order is supported")
    files = list(call.state.files.values())
    start = 0
    after = _after(call)
    if after is not None:
        ids = [file.id for file in files]
        if after not in ids:
            raise invalid_body("Invalid cursor")
        start = ids.index(after) + 1
    page = files[start : start + limit]
    more = start + limit < len(files)
    listed: dict[str, Any] = {
        "_shape": _shape(call),
        "data": [_shown(call, file) for file in page],
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
        "has_more": more,
    }
    if _shape(call) == "openrouter":
        listed["cursor"] = _cursor(page[-1].id) if more else None
    if _shape(call) == "openai":
        listed["object"] = "list"
    return listed


def _after(call: Call) -> str | None:
    after = call.query.get("after") or call.query.get("after_id")
    cursor = call.query.get("cursor")
    if cursor and after:
        raise invalid_body("cursor and after cannot be combined")
    if not cursor:
        return after
    try:
        return base64.b64decode(cursor, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise invalid_body("Invalid cursor") from None


def _cursor(file_id: str) -> str:
    return base64.b64encode(file_id.encode()).decode()


def get(call: Call) -> dict[str, Any]:
    """Return one file's metadata."""
    _check_place(call)
    return _shown(call, call.kept(call.state.files, _MISSING))


def delete(call: Call) -> dict[str, Any]:
    """Delete a file."""
    _check_place(call)
    file = call.kept(call.state.files, _MISSING)
    del call.state.files[file.id]
    shape = _shape(call)
    if shape == "openai":
        return {"_shape": shape, "id": file.id, "object": "file", "deleted": True}
    return {"_shape": shape, "id": file.id, "type": "file_deleted"}


def download(call: Call) -> web.Response:
    """Return a file's content, if it was not uploaded."""
    _check_place(call)
    file = call.kept(call.state.files, _MISSING)
    if not file.downloadable:
        raise ApiError(400, f"File {file.id} is not downloadable")
    return web.Response(body=file.content, content_type="application/octet-stream")


def _check_place(call: Call) -> None:
    """Check the parameters that choose another workspace, or a provider's own storage."""
    provider = call.query.get("provider")
    if provider is not None:
        if provider not in _PROVIDERS:
            raise invalid_body(f"provider: Invalid option: expected one of {_PROVIDERS}")
        raise ApiError(400, f"No BYOK key is configured for {provider}")
    if call.query.get("workspace_id", WORKSPACE) != WORKSPACE:
        raise ApiError(403, "API key is not authorized for this workspace")


def _shape(call: Call) -> str:
    """Return whose SDK a request looks like, which decides the form of the answer."""
    headers = call.request.headers
    if "anthropic-version" in headers:
        return "anthropic"
    is_openai = headers.get("User-Agent", "").startswith(("OpenAI/", "AsyncOpenAI/"))
    return "openai" if is_openai else "openrouter"


def _shown(call: Call, file: StoredFile) -> dict[str, Any]:
    shape = _shape(call)
    if shape == "openai":
        return {
            "_shape": shape,
            "id": file.id,
            "object": "file",
            "bytes": len(file.content),
            "created_at": int(file.created_at),
            "filename": file.filename,
            "purpose": "user_data",
            "status": "processed",
        }
    return {
        "_shape": shape,
        "id": file.id,
        "type": "file",
        "filename": file.filename,
        "mime_type": file.mime_type,
        "size_bytes": len(file.content),
        "created_at": clock.instant(file.created_at),
        "downloadable": file.downloadable,
    }


ROUTES = (
    Route("POST", "/files", upload, "any key", read_form=read_form),
    Route("GET", "/files", list_all, "any key"),
    Route("GET", "/files/{}", get, "any key"),
    Route("DELETE", "/files/{}", delete, "any key"),
    Route("GET", "/files/{}/content", download, "any key"),
)
