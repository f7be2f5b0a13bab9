"""Writes the images of answers as files, named by custom_id."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

    from openrouter_adapter.batch.requests import Request

_SUFFIXES: Final = {"jpeg": "jpg", "svg+xml": "svg"}
_KIND: Final = re.compile(r"[a-z0-9-]{1,20}")
_LONGEST: Final = 120
# Names that Windows reserves for devices.
_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)


def file_name(custom_id: str, line: int) -> str:
    """A name that every file system takes, different for different ids.

    Letters, digits, spaces, `-`, `_` and `.` stay, everything else is escaped as in a URL. A name
    that is no longer the id itself, or has a capital letter (file systems may ignore the case),
    ends with `~` and its line.
    """
    quoted = quote(custom_id, safe=" ").replace("~", "%7E")
    name = quoted[:_LONGEST]
    if name.startswith(".") or name.split(".")[0].lower() in _DEVICES:
        name = f"_{name}"
    return name if name == quoted.lower() else f"{name}~{line}"


class Media:
    """The folder of a job's images."""

    def __init__(self, folder: Path) -> None:
        """Creates the folder.

        Raises:
            OSError: it can't be created.
        """
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def keep(self, request: Request, body: dict[str, Any]) -> None:
        """Writes an answer's images, and replaces them by `file`, a path in the output folder.

        Raises:
            OSError: an image can't be written.
        """
        number = 0
        for holder, name, data in _images(body):
            number += 1
            header, _, encoded = data.rpartition(",")
            try:
                content = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                continue
            kind = header[5:].partition(";")[0] or _media_type(holder)
            file = f"{file_name(request.custom_id, request.line)}-{number}.{_suffix(kind)}"
            (self._folder / file).write_bytes(content)
            del holder[name]
            holder["file"] = f"{self._folder.name}/{file}"


def _suffix(media_type: str) -> str:
    """The suffix of a file; a provider's media type may be anything."""
    kind = media_type.partition("/")[2]
    return _SUFFIXES.get(kind, kind if _KIND.fullmatch(kind) else "png")


def _images(body: dict[str, Any]) -> list[tuple[dict[str, Any], str, str]]:
    """The images of an answer: object, key, and data in base64 or as a data URL."""
    found: list[tuple[dict[str, Any], str, str]] = []
    found += [
        (image, "b64_json", image["b64_json"])
        for image in body.get("data") or ()
        if isinstance(image, dict) and isinstance(image.get("b64_json"), str)
    ]
    for choice in body.get("choices") or ():
        for image in choice["message"].get("images") or ():
            link = image.get("image_url")
            if isinstance(link, dict) and str(link.get("url")).startswith("data:"):
                found.append((link, "url", link["url"]))
    return found


def _media_type(image: dict[str, Any]) -> str:
    specific = image.get("provider_specific_fields")
    return str(specific.get("media_type") or "") if isinstance(specific, dict) else ""
