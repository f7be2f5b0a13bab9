"""Images as files, named by the request's id, with their path in the image's place."""

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
# Names that Windows keeps for devices.
_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)


def file_name(custom_id: str, line: int) -> str:
    """A name that every file system takes; ids that differ have names that differ.

    Letters, digits, `-`, `_` and `.` stay, all else is written as in a URL. A name that is not
    the id itself any more, or differs from another in case only, is told apart by its line,
    behind a `~` that no other name has.
    """
    quoted = quote(custom_id, safe=" ").replace("~", "%7E")
    name = quoted[:_LONGEST]
    if name.startswith(".") or name.split(".")[0].lower() in _DEVICES:
        name = f"_{name}"
    return name if name == quoted.lower() else f"{name}~{line}"


class Media:
    """The folder of a job's images."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder.

        Raises:
            OSError: it can't be made.
        """
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def keep(self, request: Request, body: dict[str, Any]) -> None:
        """Writes an answer's images and puts `file`, a path from the output folder, in their place.

        Raises:
            OSError: one can't be written.
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
    """A file's suffix; what a provider calls its image is not trusted to be one."""
    kind = media_type.partition("/")[2]
    return _SUFFIXES.get(kind, kind if _KIND.fullmatch(kind) else "png")


def _images(body: dict[str, Any]) -> list[tuple[dict[str, Any], str, str]]:
    """Where images are: the object, its key, and the data, in base64 or as a data URL."""
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
