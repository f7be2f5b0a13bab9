"""What LiteLLM's parameters of a call say about who asked, and for what."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

TAGS_VARIABLE: Final = "OPENROUTER_ADAPTER_TAGS"
"""Names tags, with commas between them, that every row of the process gets."""

_MOST_CHARACTERS: Final = 256
_MOST_TAGS: Final = 32
_NO_TEXT: Final = (dict, list)
_LISTS: Final = (list, tuple)


def metadata_of(call: Mapping[str, Any]) -> Mapping[str, Any]:
    """The caller's metadata, from wherever this endpoint of LiteLLM keeps it."""
    found = call.get("metadata") or call.get("litellm_metadata")
    return found if isinstance(found, dict) else {}


def tags_of(call: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """A JSON list of the request's and the process's tags, sorted, each once."""
    given, beside = metadata.get("tags"), call.get("tags")
    everywhere = os.environ.get(TAGS_VARIABLE)
    if not given and not beside and not everywhere:
        return "[]"
    lists = [one for one in (given, beside) if isinstance(one, _LISTS)]
    if everywhere:
        lists.append([tag.strip() for tag in everywhere.split(",")])
    return _as_json(tuple(tag for one in lists for tag in one if isinstance(tag, str)))


@functools.lru_cache(maxsize=1024)
def _as_json(tags: tuple[str, ...]) -> str:
    named = sorted({name for tag in tags if (name := label(tag))})
    return json.dumps(named[:_MOST_TAGS], ensure_ascii=False)


def user_of(given: Any, metadata: Mapping[str, Any]) -> str | None:
    """The end user: the request's `user`, else the one that LiteLLM's proxy knows."""
    return label(
        given or metadata.get("user_api_key_end_user_id") or metadata.get("user_api_key_user_id")
    )


def job_of(metadata: Mapping[str, Any]) -> str | None:
    """The job: `metadata["job"]` or `metadata["job_id"]`."""
    return label(metadata.get("job") or metadata.get("job_id"))


def key_of(call: Mapping[str, Any], metadata: Mapping[str, Any]) -> str | None:
    """A name for the key: its alias at LiteLLM's proxy, else a short hash of it, never the key."""
    alias = label(metadata.get("user_api_key_alias"))
    if alias:
        return alias
    key = metadata.get("user_api_key_hash") or metadata.get("user_api_key") or call.get("api_key")
    if not isinstance(key, str) or not key:
        key = _usual_key()
    return key_name(key) if key else None


@functools.lru_cache(maxsize=1024)
def key_name(key: str) -> str:
    """The short hash that stands for a key in the ledger: `key-` and 12 hexadecimal digits.

    Equal keys have equal names on every machine; 48 bits say nothing of the 256 of a key.
    """
    digest = hashlib.blake2b(key.encode(), digest_size=6, person=b"openrouter-spend")
    return f"key-{digest.hexdigest()}"


def label(value: Any) -> str | None:
    """A short text for a column; None for none.

    PostgreSQL takes no NUL in a text, and no database half of a surrogate pair.
    """
    is_text = value.__class__ is str
    if is_text and value.isascii() and len(value) <= _MOST_CHARACTERS and "\x00" not in value:
        # Most are: half a microsecond a row saved.
        return value or None
    if not value or isinstance(value, _NO_TEXT):
        return None
    text = str(value)[:_MOST_CHARACTERS].replace("\x00", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _usual_key() -> str | None:
    from openrouter_adapter import connection

    try:
        return connection.api_key(None)
    except Exception:  # noqa: BLE001 - whatever is wrong with the key, the request will say
        return None
