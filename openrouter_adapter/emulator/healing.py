"""Repair of almost valid JSON."""

from __future__ import annotations

import re

import orjson

_FENCE = re.compile(r"```(?:json)?\s*(.*?)(?:```|$)", re.DOTALL)
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_]\w*)(\s*:)")
_TRAILING_COMMA = re.compile(r",\s*([}\]])")


def repair(text: str) -> str:
    """Return valid JSON if the text can be repaired, else the text.

    Repairs markdown fences, text around the value, unquoted keys, trailing commas and unclosed
    brackets.
    """
    if is_json(text):
        return text
    fenced = _FENCE.search(text)
    candidate = _value_in(fenced.group(1) if fenced else text)
    candidate = _BARE_KEY.sub(r'\1"\2"\3', candidate)
    candidate = _TRAILING_COMMA.sub(r"\1", _closed(candidate))
    return candidate if is_json(candidate) else text


def is_json(text: str) -> bool:
    """Return whether a text is JSON."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _value_in(text: str) -> str:
    starts = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    if not starts:
        return text
    text = text[min(starts) :]
    whole = text[: max(text.rfind("}"), text.rfind("]")) + 1]
    # Text may follow a whole value; a value that is cut off is taken to its end.
    return whole if whole and not _open_brackets(whole)[0] else text


def _open_brackets(text: str) -> tuple[str, bool]:
    """Return the missing closing brackets, and whether the text ends within a string."""
    waiting: list[str] = []
    quoted = escaped = False
    for character in text:
        if quoted:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character in "{[":
            waiting.append("}" if character == "{" else "]")
        elif character in "}]" and waiting:
            waiting.pop()
    return "".join(reversed(waiting)), quoted


def _closed(text: str) -> str:
    missing, quoted = _open_brackets(text)
    if quoted:
        text += '"'
    return text.rstrip().rstrip(",") + missing if missing else text
