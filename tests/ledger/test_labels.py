"""Who asked, and for what: what LiteLLM says of it, and what a client may say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openrouter_adapter.ledger import Row, metadata

KEY: dict[str, Any] = {
    "user_api_key_hash": "hash",
    "user_api_key_alias": "alias",
    "user_api_key_user_id": "owner",
    "user_api_key_end_user_id": None,
    "user_api_key_team_id": "team-1",
    "user_api_key_team_alias": "red",
    "user_api_key_org_id": "org-1",
    "user_api_key_metadata": {"tags": ["of-key"]},
    "user_api_key_team_metadata": None,
}
LABELS = ("user_id", "end_user_id", "key_name", "team", "organization", "job", "session_id", "tags")


def labels(call: dict[str, Any], user: Any = None, session: Any = None) -> dict[str, Any]:
    row = Row("one", 1, 0)
    metadata.put_labels(row, call, user=user, session=session)
    return {name: getattr(row, name) for name in LABELS if getattr(row, name)}


OF_KEY = {
    "user_id": "owner",
    "key_name": "alias",
    "team": "red",
    "organization": "org-1",
    "tags": '["of-key"]',
}


@pytest.mark.parametrize(
    ("call", "user", "expected"),
    [
        ({"metadata": KEY}, None, OF_KEY),
        ({"litellm_metadata": KEY, "metadata": {}}, None, OF_KEY),
        # What the client names is the end user, and leaves the owner of the key where it was.
        ({"metadata": KEY}, "mallory", {**OF_KEY, "end_user_id": "mallory"}),
        (
            {"metadata": {**KEY, "user_api_key_end_user_id": "header"}},
            "mallory",
            {**OF_KEY, "end_user_id": "header"},
        ),
        # A key without an owner is nobody's, whatever the client says.
        (
            {"metadata": {**KEY, "user_api_key_user_id": None}},
            "ann",
            {**{k: v for k, v in OF_KEY.items() if k != "user_id"}, "end_user_id": "ann"},
        ),
        # A client writes into the dict that the proxy leaves to it.
        (
            {
                "litellm_metadata": KEY,
                "metadata": {
                    "user_api_key": "forged",
                    "user_api_key_alias": "forged",
                    "user_api_key_team_alias": "forged",
                    "user_api_key_user_id": "forged",
                    "user_api_key_metadata": {"tags": ["forged"]},
                    "user_id": "mallory",
                    "job": "J",
                    "tags": ["T"],
                    "session_id": "S",
                },
            },
            None,
            {
                **OF_KEY,
                "end_user_id": "mallory",
                "job": "J",
                "tags": '["T", "of-key"]',
                "session_id": "S",
            },
        ),
        # What LiteLLM keeps of a client's metadata where it needs the name for its own.
        (
            {"litellm_metadata": {**KEY, "requester_metadata": {"job": "J", "tags": ["T"]}}},
            None,
            {**OF_KEY, "job": "J", "tags": '["T", "of-key"]'},
        ),
        # Without a proxy, the program says who it is.
        (
            {"metadata": {"user_api_key_alias": "team", "job_id": 7}, "tags": ["T"]},
            "ann",
            {
                "user_id": "ann",
                "end_user_id": "ann",
                "key_name": "team",
                "job": "7",
                "tags": '["T"]',
            },
        ),
    ],
)
def test_a_label_comes_from_where_its_writer_writes(
    call: dict[str, Any], user: Any, expected: dict[str, Any]
) -> None:
    assert labels(call, user) == expected


def test_a_client_does_not_crowd_out_the_tags_of_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_ADAPTER_TAGS", "of-process")
    crowd = [f"a{number:02}" for number in range(40)]
    found = json.loads(labels({"metadata": {**KEY, "tags": crowd}})["tags"])
    assert found == sorted([*crowd[:30], "of-key", "of-process"])
