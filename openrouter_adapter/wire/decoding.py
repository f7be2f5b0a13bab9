"""JSON of the wire, also where a broken character is all that is wrong with it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import orjson


def loads(content: bytes) -> Any:
    r"""The JSON of an answer's bytes, or of an event's.

    A byte-order mark is skipped. Half of a surrogate pair, as `"\ud83d"` stands where a program
    cut a text in the middle of an emoji, becomes U+FFFD: nothing else is lost of an answer that
    was paid for, and the text can be printed, sent and kept.

    Raises:
        ValueError: it is no JSON, or one that nests without end.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:
        found = json.loads(content, parse_constant=_refuse)
        text = json.dumps(found, ensure_ascii=False).encode("utf-16", "surrogatepass")
        return json.loads(text.decode("utf-16", "replace"))
    except RecursionError:
        raise ValueError("the JSON nests too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
