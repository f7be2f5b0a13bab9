"""Tokens that images, files, audio and video add to a prompt: likely, and in the worst case."""

from __future__ import annotations

import base64
import re
import zlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt

_LOW_DETAIL_IMAGE: Final = 85  # OpenAI's, if `detail` is "low".
# Four characters of base64 are three bytes. Speech rarely has more than 16 kB a second (128 kbit/s)
# or less than 0.75 kB (6 kbit/s). 32 tokens a second is Gemini's rate, the highest of all.
_AUDIO_BYTES_PER_SECOND: Final = 16_000
_FEWEST_AUDIO_BYTES_PER_SECOND: Final = 750
_AUDIO_TOKENS_PER_SECOND: Final = 32
_VIDEO_TOKENS: Final = 3000  # About ten seconds, because the length is unknown.
_BYTES_PER_TOKEN: Final = 4  # Likely, of plain text.
MOST_PAGES: Final = 1000
"""The pages assumed for a document whose pages can't be counted: no parser takes more."""
_PAGE_BYTES: Final = 60_000  # A guess, if the pages can't be counted.
_PAGE: Final = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_COUNT: Final = re.compile(rb"/Count\s+(\d{1,6})\b")
_OBJECT_STREAM: Final = re.compile(rb"/ObjStm\b[^>]*>>\s*stream\r?\n")
_MOST_UNPACKED: Final = 64 * 1024 * 1024


def _add_image(prompt: Prompt, part: Mapping[str, Any]) -> None:
    given = part.get("image_url")
    holder = given if isinstance(given, dict) else part
    prompt.images += 1
    is_small = holder.get("detail") == "low"
    prompt.add(_LOW_DETAIL_IMAGE if is_small else prompt.family.image, prompt.family.most_image)


def _add_file(prompt: Prompt, part: Mapping[str, Any]) -> None:
    file = part.get("file")
    holder = file if isinstance(file, dict) else part
    data = holder.get("file_data")
    if not isinstance(data, str) or not data.startswith("data:"):
        _add_unseen_file(prompt)
    elif data.startswith("data:text/"):
        prompt.add(len(data) // _BYTES_PER_TOKEN, len(data))
    else:
        _add_pages(prompt, data)


def add_document(prompt: Prompt, source: Mapping[str, Any]) -> None:
    """Adds the PDF of a Messages document: base64, or an address or an id of a file."""
    data = source.get("data")
    if isinstance(data, str):
        _add_pages(prompt, f"data:{source.get('media_type')};base64,{data}")
    else:
        _add_unseen_file(prompt)


def _add_pages(prompt: Prompt, data_url: str) -> None:
    likely, most = pages(data_url)
    prompt.pages += likely
    prompt.most_pages += most
    prompt.add(likely * prompt.family.page, most * prompt.family.most_page)


def _add_unseen_file(prompt: Prompt) -> None:
    prompt.pages += 1
    prompt.most_pages += MOST_PAGES
    prompt.add(prompt.family.page, 0)
    prompt.fills_window = True


def _add_audio(prompt: Prompt, part: Mapping[str, Any]) -> None:
    holder = part.get("input_audio")
    data = holder.get("data") if isinstance(holder, dict) else None
    if not isinstance(data, str) or data.startswith(("http:", "https:")):
        prompt.fills_window = True
        data = ""
    size = len(data) * 3 // 4
    prompt.audio += size * _AUDIO_TOKENS_PER_SECOND // _AUDIO_BYTES_PER_SECOND + 1
    prompt.most_audio += (
        size * _AUDIO_TOKENS_PER_SECOND // _FEWEST_AUDIO_BYTES_PER_SECOND + _AUDIO_TOKENS_PER_SECOND
    )


def _add_video(prompt: Prompt, _: Mapping[str, Any]) -> None:
    prompt.add(_VIDEO_TOKENS, 0)
    prompt.most_audio += 1  # A video may have sound, which has a price of its own.
    prompt.fills_window = True


READERS: Final[Mapping[str, Callable[[Prompt, Mapping[str, Any]], None]]] = {
    **dict.fromkeys(("image_url", "input_image", "image"), _add_image),
    **dict.fromkeys(("file", "input_file"), _add_file),
    "input_audio": _add_audio,
    **dict.fromkeys(("video_url", "input_video"), _add_video),
}
"""Functions that add a part of a message to a prompt, by the part's `type`."""


def pages(data_url: str) -> tuple[int, int]:
    """The number of pages of a document in a data URL: likely, and at most.

    It is exact for PDFs that aren't encrypted. For other documents it is guessed from the size, and
    at most `MOST_PAGES`.
    """
    content = _content(data_url)
    counted = _pages_of_pdf(content) if b"%PDF" in content[:1024] else None
    if counted is not None:
        return counted, counted
    likely = min(len(content) // _PAGE_BYTES + 1, MOST_PAGES)
    return likely, MOST_PAGES


def _content(data_url: str) -> bytes:
    try:
        return base64.b64decode(data_url[data_url.find(",") + 1 :])
    except ValueError:
        return b""


def _pages_of_pdf(content: bytes) -> int | None:
    """The number of page objects, also in compressed streams; None if they can't be read."""
    if b"/Encrypt" in content:
        return None
    found = len(_PAGE.findall(content))
    counts = _COUNT.findall(content)
    left = _MOST_UNPACKED
    streams = list(_OBJECT_STREAM.finditer(content))
    if len(streams) != content.count(b"/ObjStm"):
        return None
    for match in streams:
        unpacker = zlib.decompressobj()
        try:
            objects = unpacker.decompress(memoryview(content)[match.end() :], left)
        except zlib.error:
            return None
        left -= len(objects)
        if not unpacker.eof or left <= 0:
            return None
        found += len(_PAGE.findall(objects))
        counts += _COUNT.findall(objects)
    # The page tree may name one page object several times, but it has the number of its pages.
    return max([found, *map(int, counts)]) if found else None
