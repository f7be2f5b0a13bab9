"""The requests to OpenRouter's `/files`, and LiteLLM's objects of their answers.

See https://openrouter.ai/docs/guides/features/files-api.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from litellm.types.llms.openai import OpenAIFileObject
from openai.types.file_deleted import FileDeleted

from openrouter_adapter.free_requests import Request
from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from openrouter_adapter.workspace_files.uploads import Upload

_PATH: Final = "/files"
_PROVIDERS: Final = ("openai", "anthropic")
# LiteLLM's timeout for files, in seconds.
_TIMEOUT: Final = 600.0
_MOST_LISTED: Final = 1000

MOST_FILES: Final = 10_000
"""The most files in a list without a `limit`, as in OpenAI's own."""

PURPOSE: Final = "user_data"
"""OpenAI's word for files that are given to models; OpenRouter has no purposes."""

_UPLOAD_ADVICE: Final = {
    403: "OpenRouter refuses an upload if the workspace already stores 10 GiB (delete files with "
    "litellm.file_delete), if the key belongs to another workspace, and at eu.openrouter.ai and "
    "us.openrouter.ai, which don't store files",
}
_DOWNLOAD_ADVICE: Final = {
    400: "An uploaded file can't be downloaded again; only those with downloadable=True can",
}


class OpenRouterFile(OpenAIFileObject):
    """LiteLLM's file, with what else OpenRouter says about it.

    Attributes:
        mime_type: The type, by the content; None if the answer has none.
        downloadable: Whether `litellm.file_content` can read it; not if it was uploaded.
    """

    mime_type: str | None = None
    downloadable: bool | None = None


def request(
    call: Mapping[str, Any],
    method: str = "GET",
    file_id: Any = None,
    *,
    has_content: bool = False,
    params: Mapping[str, str] | None = None,
    upload: Upload | None = None,
) -> Request:
    """A request for files.

    Args:
        call: LiteLLM's keywords of the call: `api_key`, `api_base`, `timeout`, `extra_headers`,
            `ssl_verify`, and OpenRouter's `workspace_id` and `provider`.
        method: The HTTP method.
        file_id: The file; None for a list or an upload.
        has_content: Whether the answer is the file's content.
        params: Further parameters of the URL.
        upload: The file to upload.

    Raises:
        litellm.BadRequestError: a keyword is invalid, or there is no id.
    """
    import litellm

    path = _PATH
    if file_id is not None:
        if not isinstance(file_id, str) or not file_id.strip():
            raise errors.bad_request(f"file_id={file_id!r}: give the id of a file, or_file_…")
        path = f"{_PATH}/{quote(file_id, safe='')}{'/content' if has_content else ''}"
    advice = _UPLOAD_ADVICE if upload else _DOWNLOAD_ADVICE if has_content else {}
    shared = getattr(litellm, "headers", None) or {}
    timeout = call.get("timeout") or call.get("request_timeout")
    return Request(
        method,
        path,
        _TIMEOUT if timeout is None else timeout,
        params={**params, **_place(call)} if params else _place(call),
        headers={**shared, **(call.get("extra_headers") or {})},
        files={"file": (upload.name, upload.content)} if upload else None,
        api_key=call.get("api_key"),
        base_url=call.get("api_base") or call.get("base_url"),
        verify=call.get("ssl_verify"),
        advice=advice,
    )


def _place(call: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that choose where the files are."""
    workspace, provider = call.get("workspace_id"), call.get("provider")
    if workspace is not None and (not isinstance(workspace, str) or not workspace):
        raise errors.bad_request(f"workspace_id={workspace!r}: give the id of a workspace, a UUID")
    if provider is not None and provider not in _PROVIDERS:
        raise errors.bad_request(
            f"provider={provider!r}: leave it out for OpenRouter's own storage, or give 'openai' "
            "or 'anthropic' for the storage of that provider, with your own key for it"
        )
    given = {"workspace_id": workspace, "provider": provider}
    return {name: value for name, value in given.items() if value is not None}


def check_create(purpose: Any, expires_after: Any, extra_body: Any) -> None:
    """Checks an upload's other arguments, none of which is sent.

    Raises:
        litellm.BadRequestError: one asks for what OpenRouter lacks.
    """
    if not isinstance(purpose, str) or not purpose:
        raise errors.bad_request(f"purpose={purpose!r}: give 'user_data', or 'batch' for a batch")
    if purpose == "fine-tune":
        raise errors.bad_request("purpose='fine-tune': OpenRouter doesn't fine-tune models")
    if expires_after:
        raise errors.bad_request(
            f"expires_after={expires_after!r}: OpenRouter keeps a file until you delete it"
        )
    if extra_body:
        raise errors.bad_request(
            f"extra_body={extra_body!r:.200}: an upload has no other fields; give workspace_id "
            "and provider as keywords"
        )


def page_params(limit: Any, after: Any) -> dict[str, str]:
    """The parameters of a list's first page.

    Raises:
        litellm.BadRequestError: one is invalid.
    """
    if limit is not None and (
        isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_FILES
    ):
        raise errors.bad_request(f"limit={limit!r}: give a whole number from 1 to {MOST_FILES:,}")
    if after is not None and (not isinstance(after, str) or not after):
        raise errors.bad_request(f"after={after!r}: give the id of the file to list after")
    params = {"limit": str(min(limit or _MOST_LISTED, _MOST_LISTED))}
    return params if after is None else {**params, "after": after}


def next_params(body: Mapping[str, Any], params: Mapping[str, str]) -> dict[str, str] | None:
    """The parameters of the next page; None at the end of the list."""
    if not body.get("has_more"):
        return None
    cursor, last = body.get("cursor"), body.get("last_id")
    kept = {name: value for name, value in params.items() if name not in {"cursor", "after"}}
    place = {"cursor": cursor} if cursor else {"after": last}
    # A server that repeats a page would keep the caller forever.
    if not any(place.values()) or {**kept, **place} == params:
        return None
    return {**kept, **place}


def read_file(answer: httpx.Response) -> OpenRouterFile:
    """The file in an answer.

    Raises:
        litellm.ServiceUnavailableError: there is none.
    """
    with errors.for_malformed(answer.content, answer.headers):
        return _file(errors.read_body(answer.content, answer.headers))


def read_page(answer: httpx.Response) -> tuple[list[OpenRouterFile], dict[str, Any]]:
    """The files on a page, and its whole body.

    Raises:
        litellm.ServiceUnavailableError: it is not a page.
    """
    with errors.for_malformed(answer.content, answer.headers):
        body = errors.read_body(answer.content, answer.headers)
        return [_file(one) for one in body["data"]], body


def read_deletion(answer: httpx.Response) -> FileDeleted:
    """OpenAI's object for the answer to a deletion.

    Raises:
        litellm.ServiceUnavailableError: it names no file.
    """
    with errors.for_malformed(answer.content, answer.headers):
        body = errors.read_body(answer.content, answer.headers)
        return FileDeleted(id=body["id"], object="file", deleted=body.get("deleted", True))


def _file(wire: Mapping[str, Any]) -> OpenRouterFile:
    """A file in OpenRouter's form, or in that of OpenAI or Anthropic if they store it."""
    created = wire["created_at"]
    if isinstance(created, str):
        created = datetime.fromisoformat(created.replace("Z", "+00:00")).timestamp()
    file = OpenRouterFile(
        id=wire["id"],
        bytes=wire["bytes"] if "bytes" in wire else wire["size_bytes"],
        created_at=int(created),
        filename=wire["filename"],
        object="file",
        purpose=PURPOSE,
        status="processed",
        mime_type=wire.get("mime_type"),
        downloadable=wire.get("downloadable"),
    )
    file._hidden_params = {"response_cost": 0.0, "openrouter": dict(wire)}
    return file
