"""Who asked, at the proxy: the labels of a key, and those that its client chooses."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from openrouter_adapter import ledger

from . import requests
from .conftest import SECONDS, cost_of, patiently

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Caller, Proxy

pytestmark = pytest.mark.timeout(900)  # a proxy starts slowly on a busy machine
SESSION = "session-of-the-client"
# What a client says of itself, some of it a lie.
CLAIMS: dict[str, Any] = {
    "user": "mallory",
    "metadata": {
        "job": "J",
        "tags": ["T"],
        "user_api_key": "forged",
        "user_api_key_alias": "forged",
        "user_api_key_user_id": "forged",
        "user_api_key_team_alias": "forged",
    },
}


def post(proxy: Proxy, key: str, path: str, **more: Any) -> httpx.Response:
    if path in requests.FORMS:
        more = {
            name: json.dumps(one) if isinstance(one, dict) else one for name, one in more.items()
        }
    headers = {"Authorization": f"Bearer {key}", "x-litellm-session-id": SESSION}
    return httpx.post(
        proxy.url + path, headers=headers, timeout=SECONDS, **requests.of(path, **more)
    )


@pytest.fixture(scope="module")
def member(proxy: Proxy) -> Caller:
    """Ann, in a team, with a tag on her key."""
    team = proxy.post("/team/new", team_alias="red")
    return proxy.caller(user_id="ann", team_id=team["team_id"], metadata={"tags": ["of-key"]})


@pytest.mark.parametrize("path", requests.ENDPOINTS)
def test_an_endpoint_costs_what_its_header_says_and_has_all_labels(
    path: str, member: Caller, proxy: Proxy, emulator: Emulator
) -> None:
    billed, written = len(emulator.bill()), len(rows(proxy, member))

    answer = post(proxy, member.key, path, **CLAIMS)

    assert answer.status_code == 200, answer.text
    [bill] = emulator.bill()[billed:]
    assert Decimal(answer.headers["x-litellm-response-cost"]) == bill.cost > 0
    for _ in patiently():
        if len(rows(proxy, member)) > written:
            break
    [row] = [one for one in rows(proxy, member) if one.generation_id == bill.generation_id]
    assert (row.user_id, row.end_user_id, row.key_name, row.team) == (
        "ann",
        "mallory",
        member.alias,
        "red",
    )
    assert (row.job, row.tags, row.session_id) == ("J", '["T", "of-key"]', SESSION)
    if row.cost is not None:
        assert cost_of(row) == bill.cost


def rows(proxy: Proxy, caller: Caller) -> list[Any]:
    return ledger.open(proxy.ledger).store.rows("key_name = :alias", alias=caller.alias)


LIES: list[dict[str, Any]] = [
    {},
    {"user": "mallory"},
    {"metadata": {"user_id": "mallory"}},
    {"safety_identifier": "mallory"},
    {"metadata": {"user_api_key_user_id": "mallory", "user_api_key_hash": "x"}},
    {"litellm_metadata": {"user_api_key_user_id": "mallory", "user_api_key_hash": "x"}},
]


def test_no_client_leaves_the_budget_of_its_user(proxy: Proxy, emulator: Emulator) -> None:
    """Each user has a limit, which the owner has set by one rule."""
    caller = proxy.caller(user_id=f"user-{proxy.caller().alias}")
    book = ledger.open(proxy.ledger)
    book.budget("each user", 0, each="user", max_request_usd=1)

    def refused(**more: Any) -> bool:
        answers = [
            post(proxy, caller.key, path, **more)
            for path in ("/v1/chat/completions", "/v1/responses", "/v1/messages")
        ]
        return all(one.status_code == 422 and "each user" in one.text for one in answers)

    try:
        for _ in patiently():
            if refused():
                break
        before = len(emulator.bill())
        assert all(refused(**lie) for lie in LIES)
        assert len(emulator.bill()) == before
    finally:
        book.remove_budget("each user")
        book.close()
    for _ in patiently():
        if post(proxy, caller.key, "/v1/chat/completions").status_code == 200:
            break


def test_whoever_is_refused_at_the_door_leaves_no_rows_and_no_labels(proxy: Proxy) -> None:
    store = ledger.open(proxy.ledger).store
    before = len(store.rows())
    for number in range(5):
        for path in requests.ENDPOINTS:
            more = {"user": f"u{number}", "metadata": {"tags": [f"t{number}"], "job": "stranger"}}
            assert post(proxy, f"sk-bogus-{number}", path, **more).status_code == 401
    caller = proxy.caller()
    assert post(proxy, caller.key, "/v1/embeddings").status_code == 200
    proxy.rows(caller, 1)
    assert len(store.rows()) == before + 1
    assert "stranger" not in {one.name for one in ledger.open(proxy.ledger).spend("job")}


def test_a_rate_limit_says_plainly_when_to_come_back(
    caller: Caller, proxy: Proxy, emulator: Emulator
) -> None:
    emulator.faults.add("rate-limit=60", times=1)
    answer = post(proxy, caller.key, "/v1/chat/completions")
    assert answer.status_code == 429
    # A test of batches sets the emulator's clock forward by an hour.
    assert 0 < int(answer.headers["retry-after"]) % 3600 <= 60
