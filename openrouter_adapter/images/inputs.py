"""Images that a caller gives, in any form → URLs in a request."""

from __future__ import annotations

import base64
import mimetypes
from pathlib import Path
from typing import Any, Final

from openrouter_adapter.wire import errors

# First bytes of the formats that OpenRouter documents for image inputs.
_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)
_ALLOWED: Final = (
    "give a data: or http(s) URL, bytes, an open file, a pathlib.Path or a tuple (name, content) "
    "of a PNG, JPEG, WebP or GIF"
)


def to_urls(images: Any, model: str = "", field: str = "image") -> list[str]:
    """The URLs of one image or of several, in order; anything but a link becomes a data URL.

    A string is a URL, never a path: otherwise a proxy's callers could read its files.

    Raises:
        litellm.BadRequestError: there is no image, or one has an unknown form.
    """
    given = [one for one in (images if isinstance(images, list) else [images]) if one is not None]
    if not given:
        raise errors.bad_request(f"{field}={given!r}: {_ALLOWED}", model)
    return [_to_url(image, f"{field}[{place}]", model) for place, image in enumerate(given)]


def _to_url(image: Any, place: str, model: str) -> str:
    if isinstance(image, str):
        if image.startswith(("data:image/", "http://", "https://")):
            return image
        raise errors.bad_request(f"{place}={image!r:.100}: {_ALLOWED}", model)
    name, media_type = "", None
    if isinstance(image, tuple) and len(image) >= 2:
        name, image, *rest = image
        media_type = rest[0] if rest else None
    try:
        content = _read(image)
    except OSError as problem:
        raise errors.bad_request(f"{place}={image!r:.100}: {problem}", model) from None
    if not content:
        found = " is empty" if content == b"" else f"={image!r:.100}"
        raise errors.bad_request(f"{place}{found}: {_ALLOWED}", model)
    name = str(name or getattr(image, "name", "") or "")
    kind = _kind(content) or media_type or mimetypes.guess_type(name)[0]
    if not isinstance(kind, str) or not kind.startswith("image/"):
        raise errors.bad_request(
            f"{place} can't be recognized as an image by its bytes or name: {_ALLOWED}", model
        )
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _read(image: Any) -> bytes | None:
    """The bytes of an image; a file gets its position back, so that a retry can read it again."""
    if isinstance(image, bytes | bytearray):
        return bytes(image)
    if isinstance(image, Path):
        return image.read_bytes()
    if not hasattr(image, "read"):
        return None
    position = image.tell() if hasattr(image, "tell") else None
    content = image.read()
    if position is not None and hasattr(image, "seek"):
        image.seek(position)
    return content if isinstance(content, bytes) else None


def _kind(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _BEGINNINGS if content.startswith(start)), None)
