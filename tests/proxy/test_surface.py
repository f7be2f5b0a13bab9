"""Every route of LiteLLM's proxy by which a request can reach OpenRouter is counted and bounded."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from openrouter_adapter import ledger
from openrouter_adapter.ledger import to_usd
from tests.support.versions import UNINSTALLED_PROXY

from .conftest import ROUTE, SECONDS, patiently

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.emulator import Emulator

    from .conftest import Caller, Proxy

pytest.importorskip("litellm.proxy.proxy_server", reason=UNINSTALLED_PROXY, exc_type=ImportError)

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine
MODEL = "openai/gpt-4o-mini"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Hi."}], "max_tokens": 20}


def pass_through(proxy: Proxy, caller: Caller, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(
        f"{proxy.url}/openrouter/v1/{path}",
        json=body,
        headers={"Authorization": f"Bearer {caller.key}"},
        timeout=SECONDS,
    )


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", CHAT),
        ("completions", {"model": MODEL, "prompt": "Hi.", "max_tokens": 20}),
        ("responses", {"model": MODEL, "input": "Hi.", "max_output_tokens": 20}),
    ],
)
def test_what_is_passed_through_is_a_row_with_its_cost_and_its_key(
    proxy: Proxy, emulator: Emulator, caller: Caller, path: str, body: Any, streamed: bool
) -> None:
    before = len(emulator.bill())
    response = pass_through(proxy, caller, path, {**body, "stream": streamed})
    assert response.status_code == 200, response.text
    [row] = proxy.rows(caller, 1)
    [charged] = emulator.bill()[before:]
    assert row.generation_id == charged.generation_id
    assert row.cost is not None
    assert to_usd(row.cost) == charged.cost
    assert row.endpoint == f"/{path}"
    assert row.user_id == "ann"


def test_embeddings_that_are_passed_through_are_counted(
    proxy: Proxy, emulator: Emulator, caller: Caller
) -> None:
    model = "openai/text-embedding-3-small"
    before = len(emulator.bill())
    response = pass_through(proxy, caller, "embeddings", {"model": model, "input": "an owl"})
    assert response.status_code == 200, response.text
    [row] = proxy.rows(caller, 1)
    [charged] = emulator.bill()[before:]
    assert row.cost is not None
    assert to_usd(row.cost) == charged.cost


def test_what_costs_nothing_passes_and_is_no_row(proxy: Proxy, caller: Caller) -> None:
    headers = {"Authorization": f"Bearer {caller.key}"}
    response = httpx.get(f"{proxy.url}/openrouter/v1/models", headers=headers, timeout=SECONDS)
    assert response.status_code == 200
    # Rows are written in their order: that of the chat comes last.
    assert pass_through(proxy, caller, "chat/completions", CHAT).status_code == 200
    [row] = proxy.rows(caller, 1)
    assert row.endpoint == "/chat/completions"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_route_that_the_owner_configured_is_counted_and_bounded(
    proxy: Proxy, emulator: Emulator, streamed: bool
) -> None:
    def ask() -> int:
        body = {**CHAT, "user": name, "stream": streamed}
        return httpx.post(f"{proxy.url}{ROUTE}", json=body, timeout=SECONDS).status_code

    name = f"zoe-{uuid.uuid4().hex[:8]}"
    before = len(emulator.bill())
    assert ask() == 200
    [charged] = emulator.bill()[before:]
    book = ledger.open(proxy.ledger)
    for _ in patiently():
        rows = book.store.rows("end_user_id = :name", name=name)
        if rows and rows[0].cost is not None:
            break
    assert [(row.generation_id, to_usd(row.cost or 0)) for row in rows] == [
        (charged.generation_id, charged.cost)
    ]

    book.budget(name, "0.0000001", end_user=name)
    for _ in patiently():
        if ask() != 200:
            break
    sent = len(emulator.bill())
    assert ask() == 422
    assert len(emulator.bill()) == sent
    book.remove_budget(name)
    book.close()


@pytest.fixture
def spent(proxy: Proxy, caller: Caller) -> Iterator[Caller]:
    """A caller whose budget has no room for any request."""
    book = ledger.open(proxy.ledger)
    book.budget("nothing", "0.0000001", key=caller.alias)
    wait_until_known(proxy, caller)
    yield caller
    book.remove_budget("nothing")
    book.close()


def wait_until_known(proxy: Proxy, caller: Caller) -> None:
    """The proxy reads budgets now and then."""
    for _ in patiently():
        response = pass_through(proxy, caller, "chat/completions", CHAT)
        if response.status_code != 200:
            return


def routes_with_a_model() -> list[str]:
    """The proxy's own routes that take a POST, those for its administration left out."""
    from litellm.proxy._types import LiteLLMRoutes

    found = {
        *LiteLLMRoutes.openai_routes.value,
        *LiteLLMRoutes.anthropic_routes.value,
        *LiteLLMRoutes.google_routes.value,
        *PASSED_THROUGH,
    }
    return sorted(path for path in found if isinstance(path, str))


BODIES: dict[str, dict[str, Any]] = {
    "/chat/completions": {"messages": CHAT["messages"]},
    "/completions": {"prompt": "Hi."},
    "/embeddings": {"input": "an owl"},
    "/responses": {"input": "Hi."},
    "/messages": {"messages": CHAT["messages"]},
    "/images": {"prompt": "an owl"},
    "/rerank": {"query": "birds", "documents": ["an owl"]},
    "/audio/speech": {"input": "Hi.", "voice": "alloy"},
    "/videos": {"prompt": "an owl"},
}
PASSED_THROUGH = tuple(f"/openrouter/v1{path}" for path in BODIES)
EVERYTHING: dict[str, Any] = {
    **{name: value for body in BODIES.values() for name, value in body.items()},
    "max_tokens": 20,
    "contents": [{"role": "user", "parts": [{"text": "Hi."}]}],
    "query": "birds",
    "questions": [{"type": "predicate", "name": "bird", "instructions": "Is it a bird?"}],
}
OF_ENDPOINT = {
    "embeddings": "openrouter/openai/text-embedding-3-small",
    "rerank": "openrouter/cohere/rerank-v3.5",
    "images": "openrouter/google/gemini-2.5-flash-image",
    "speech": "openrouter/openai/gpt-4o-mini-tts",
}


def post_to(proxy: Proxy, caller: Caller, path: str) -> int:
    """Post a body that has something for every endpoint; return the status, 0 for none."""
    named = next((model for part, model in OF_ENDPOINT.items() if part in path), None)
    model = named or f"openrouter/{MODEL}"
    if path.startswith("/openrouter/"):
        model = model.removeprefix("openrouter/")
    for name in ("model", "model_name", "model_name:path", "endpoint:path"):
        path = path.replace("{" + name + "}", model)
    try:
        return httpx.post(
            f"{proxy.url}{path}",
            json={**EVERYTHING, "model": model},
            headers={"Authorization": f"Bearer {caller.key}"},
            timeout=SECONDS,
        ).status_code
    except httpx.TransportError:
        return 0


def test_no_route_of_the_proxy_leaves_a_spent_budget(
    proxy: Proxy, emulator: Emulator, spent: Caller
) -> None:
    before = len(emulator.bill())
    answered = {path: post_to(proxy, spent, path) for path in routes_with_a_model()}
    assert emulator.bill()[before:] == []
    # LiteLLM counts tokens by itself.
    local = {path for path in answered if "ountTokens" in path or "tokens" in path}
    assert {path for path, status in answered.items() if 0 < status < 400} <= local
