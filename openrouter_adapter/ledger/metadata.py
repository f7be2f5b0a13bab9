"""Labels of a row, from LiteLLM's parameters of a call: user, key, team, job, tags, session."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openrouter_adapter.ledger.rows import Row

TAGS_VARIABLE: Final = "OPENROUTER_ADAPTER_TAGS"
"""Tags, separated by commas, that every row of the process gets."""

_MOST_CHARACTERS: Final = 256
_MOST_TAGS: Final = 32
_NO_TEXT: Final = (dict, list)
_LISTS: Final = (list, tuple)


def put_labels(row: Row, call: Mapping[str, Any], *, user: Any, session: Any) -> None:
    """Puts the labels of a call into a row.

    LiteLLM's proxy records whose key it authenticated in one of the call's two dicts of metadata.
    A client may write to the other one, so that only jobs, tags and the names of end users and
    sessions are read from there.

    Args:
        row: The attempt's.
        call: LiteLLM's parameters of the call.
        user: The user that the request itself names, or None.
        session: The session that it names, or None.
    """
    kept = _metadata_of(call)
    proof, named = None, kept[:]
    for one in kept:
        if proof is None and _PROOF in one:
            proof = one
        if isinstance(asked := one.get(_NAMED), dict):
            named.append(asked)
    # Without a proxy the program itself is the caller.
    known = _joined(named) if proof is None else proof
    owner = known.get("user_api_key_user_id")
    users = (known.get("user_api_key_end_user_id"), user, call.get("user"), _first(named, _USER))
    # On some endpoints the proxy fills in the owner of the key if the client names no user.
    row.end_user_id = label(next((one for one in users if one and one != owner), None))
    row.user_id = row.end_user_id if proof is None else label(owner)
    row.team = label(_first([known], _TEAM))
    row.organization = label(_first([known], _ORGANIZATION))
    key = call.get("api_key") or _usual_key()
    row.key_name = _key_of(known, key)
    paying = key_name(key) if isinstance(key, str) and key else None
    row.paid_by = paying if paying != row.key_name else None
    row.job = label(_first(named, _JOB))
    row.session_id = label(session or call.get("litellm_session_id") or _first(named, _SESSION))
    row.tags = _tags_of([known.get(one) for one in _OF_KEYS], [*named, call])


# What the proxy writes along with the labels of a key, and what it keeps of the client's metadata.
_PROOF: Final = "user_api_key_hash"
_NAMED: Final = "requester_metadata"
_OF_KEYS: Final = ("user_api_key_metadata", "user_api_key_team_metadata")
_TEAM: Final = ("user_api_key_team_alias", "user_api_key_team_id")
_ORGANIZATION: Final = ("user_api_key_org_alias", "user_api_key_org_id")
_USER: Final = ("user_id",)
_JOB: Final = ("job", "job_id")
_SESSION: Final = ("session_id",)


def _metadata_of(call: Mapping[str, Any]) -> list[dict[str, Any]]:
    """LiteLLM's metadata of a call; some endpoints keep it next to the caller's own."""
    found = (call.get("litellm_metadata"), call.get("metadata"))
    return [one for one in found if isinstance(one, dict)]


def _joined(places: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The entries of all places; among equal names, the first one."""
    if len(places) == 1:
        return places[0]
    joined: dict[str, Any] = {}
    for one in reversed(places):
        joined.update(one)
    return joined


def _first(places: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Any:
    """The first value that one of the places has under one of the names."""
    for one in places:
        for name in names:
            if value := one.get(name):
                return value
    return None


def _tags_of(fixed: Sequence[Any], chosen: Sequence[Mapping[str, Any]]) -> str:
    """A JSON list of tags, sorted, each once.

    A client can't crowd out the tags of the process, of its key and of its team: they come first.

    Args:
        fixed: Settings of the key and of the team, which may have tags.
        chosen: Where a request's tags may be.
    """
    first, rest = _texts(fixed), _texts(chosen)
    everywhere = os.environ.get(TAGS_VARIABLE)
    if everywhere:
        first += [tag.strip() for tag in everywhere.split(",")]
    return _as_json(tuple(first), tuple(rest)) if first or rest else "[]"


def _texts(places: Sequence[Any]) -> list[str]:
    texts: list[str] = []
    for one in places:
        tags = one.get("tags") if isinstance(one, dict) else None
        if isinstance(tags, _LISTS):
            texts += [tag for tag in tags if isinstance(tag, str)]
    return texts


@functools.lru_cache(maxsize=1024)
def _as_json(fixed: tuple[str, ...], chosen: tuple[str, ...]) -> str:
    first, rest = ({name for tag in tags if (name := label(tag))} for tags in (fixed, chosen))
    kept = [*sorted(first), *sorted(rest - first)][:_MOST_TAGS]
    return json.dumps(sorted(kept), ensure_ascii=False)


def _key_of(known: Mapping[str, Any], sent: Any) -> str | None:
    """A name for the key: its alias at LiteLLM's proxy, else a short hash of it, never the key.

    Args:
        known: What is known of the caller.
        sent: The OpenRouter key that the call is sent with.
    """
    alias = label(known.get("user_api_key_alias"))
    if alias:
        return alias
    key = known.get(_PROOF) or known.get("user_api_key") or sent
    if not isinstance(key, str) or not key:
        key = _usual_key()
    return key_name(key) if key else None


@functools.lru_cache(maxsize=1024)
def key_name(key: str) -> str:
    """The short hash that stands for a key in the ledger: `key-` and 12 hexadecimal digits.

    Equal keys have equal names on every machine; 48 bits reveal nothing of the 256 of a key.
    """
    digest = hashlib.blake2b(key.encode(), digest_size=6, person=b"openrouter-spend")
    return f"key-{digest.hexdigest()}"


def label(value: Any) -> str | None:
    """A short text for a column; None if there is none.

    PostgreSQL takes no NUL in a text, and no database takes half of a surrogate pair.
    """
    is_text = value.__class__ is str
    if is_text and value.isascii() and len(value) <= _MOST_CHARACTERS and "\x00" not in value:
        # Most values are like this: it saves half a microsecond a row.
        return value or None
    if not value or isinstance(value, _NO_TEXT):
        return None
    text = str(value)[:_MOST_CHARACTERS].replace("\x00", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _usual_key() -> str | None:
    from openrouter_adapter.wire import connection

    try:
        return connection.api_key(None)
    except Exception:  # noqa: BLE001 - the request will fail with the reason
        return None
