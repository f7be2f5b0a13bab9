"""The files of the emulator's workspace, and what OpenRouter checks before it stores one."""

from __future__ import annotations

import base64
import csv
import io
import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from .errors import ApiError, invalid_body

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 100 * 1024 * 1024
MOST_STORED = 10 * 1024 * 1024 * 1024
_MOST_NAME = 255
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
_MARKS = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OFFICE_FOLDERS = {
    "word/": f"{_OFFICE}wordprocessingml.document",
    "xl/": f"{_OFFICE}spreadsheetml.sheet",
    "ppt/": f"{_OFFICE}presentationml.presentation",
}
_MARKDOWN = re.compile(r"^(#{1,6} |[-*] |```|> )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the workspace.

    Attributes:
        id: Its id, `or_file_…`.
        filename: Its name, with folders if it has slashes.
        content: Its bytes.
        mime_type: Its type, by its content.
        created_at: Seconds since 1970.
        downloadable: Whether its content can be read again; not if it was uploaded.
    """

    id: str
    filename: str
    content: bytes
    mime_type: str
    created_at: float
    downloadable: bool = False

    def as_data_url(self) -> str:
        """Return the content as a data URL."""
        return f"data:{self.mime_type};base64,{base64.b64encode(self.content).decode()}"


def check_new(filename: str, content: bytes, used: int, most: int) -> str:
    """Return the type of a file that may be stored.

    Args:
        filename: Its name.
        content: Its bytes.
        used: Bytes that the workspace has stored already.
        most: Bytes that it may store.

    Raises:
        ApiError: 400, 403 or 413 if it may not be stored.
    """
    if not content:
        raise invalid_body("File is empty")
    if len(content) > MOST_BYTES:
        raise ApiError(413, "File exceeds the maximum size of 100 MB")
    segments = filename.split("/")
    if (
        not 0 < len(filename) <= _MOST_NAME
        or any(segment in {"", ".", ".."} for segment in segments)
        or _FORBIDDEN.search(filename)
    ):
        raise invalid_body(f"Invalid filename: {filename}")
    mime_type = _type_of(content)
    if mime_type is None:
        raise invalid_body("Unsupported file type")
    if used + len(content) > most:
        raise ApiError(403, "Workspace file storage quota exceeded")
    return mime_type


def _type_of(content: bytes) -> str | None:
    for mark, mime_type in _MARKS:
        if content.startswith(mark):
            return mime_type
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12])
    if content[:4] == b"PK\x03\x04":
        return _type_of_archive(content)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else _type_of_text(text)


def _type_of_archive(content: bytes) -> str | None:
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except zipfile.BadZipFile:
        return None
    for folder, mime_type in _OFFICE_FOLDERS.items():
        if any(name.startswith(folder) for name in names):
            return mime_type
    return None


def _type_of_text(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    if _is_object(text):
        return "application/json"
    if len(lines) > 1 and all(map(_is_object, lines)):
        return "application/x-ndjson"
    widths = {len(row) for row in csv.reader(lines)}
    if len(lines) > 1 and len(widths) == 1 and widths.pop() > 1:
        return "text/csv"
    return "text/markdown" if _MARKDOWN.search(text) else "text/plain"


def _is_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict | list)
    except orjson.JSONDecodeError:
        return False


def with_contents(body: dict[str, Any], files: Mapping[str, StoredFile]) -> dict[str, Any]:
    """Return a chat's body with the content of each file that a message names by its id.

    Raises:
        ApiError: 404 for an id that the workspace lacks.
    """
    messages = body.get("messages")
    if not isinstance(messages, list):
        return body
    return {**body, "messages": [_message(message, files) for message in messages]}


def _message(message: Any, files: Mapping[str, StoredFile]) -> Any:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    return {**message, "content": [_part(part, files) for part in content]}


def _part(part: Any, files: Mapping[str, StoredFile]) -> Any:
    given = part.get("file") if isinstance(part, dict) else None
    file_id = given.get("file_id") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not file_id or given.get("file_data"):
        return part
    if file_id not in files:
        raise ApiError(404, f"File not found: {file_id}")
    stored = files[file_id]
    name = given.get("filename") or stored.filename
    return {**part, "file": {"filename": name, "file_data": stored.as_data_url()}}
