"""The table of ways to OpenRouter holds for the installed LiteLLM, and names every one it has."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
import warnings
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.types.utils import LlmProviders
from litellm.utils import ProviderConfigManager

import openrouter_adapter
from tests.conftest import KEY
from tests.registration import surface
from tests.support.gate import RefusingGate, guarded
from tests.support.versions import LITELLM, Version

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "openrouter/openai/gpt-4o-mini"
NEWEST_KNOWN = Version("1.110.2")
FUNCTIONS = {name: way for names, way in surface.FUNCTIONS.items() for name in names}


def expect_known(unknown: set[str], what: str) -> None:
    """Fail for what is missing in the table; only warn where LiteLLM is newer than it."""
    if unknown and NEWEST_KNOWN < LITELLM:
        warnings.warn(f"LiteLLM {LITELLM} has {what} that no table knows: {unknown}", stacklevel=2)
        return
    assert unknown == set()


def hooks() -> dict[str, Any]:
    """LiteLLM's look-ups of a provider's class, by endpoint."""
    found = {}
    for name in vars(ProviderConfigManager):
        if name.startswith("get_provider_"):
            endpoint = name.removeprefix("get_provider_").removesuffix("_config")
            found[endpoint] = getattr(ProviderConfigManager, name)
    return found


def test_every_hook_is_in_the_table() -> None:
    expect_known(hooks().keys() - surface.HOOKS.keys(), "hooks")


@pytest.mark.parametrize("endpoint", surface.HOOKS)
def test_a_hook_finds_for_openrouter_what_the_table_says(endpoint: str) -> None:
    if endpoint not in hooks():
        pytest.skip(f"LiteLLM {LITELLM} has no such hook")
    given = {
        "model": "openai/gpt-4o-mini",
        "provider": LlmProviders.OPENROUTER,
        "api_type": None,
        "method": "openrouter",
        "harness": "openrouter",
        "api_base": None,
        "present_version_params": [],
    }
    with openrouter_adapter.registered():
        look_up = hooks()[endpoint]
        asked = {
            name: given[name] for name in inspect.signature(look_up).parameters if name in given
        }
        try:
            found = look_up(**asked)
        except (ValueError, TypeError, NotImplementedError, ImportError):
            found = None
    name = "" if found is None else type(found).__name__
    allowed = {surface.HOOKS[endpoint].config}
    if endpoint in {"decisions", "model_info"}:
        # Not in every version.
        allowed.add("")
    assert name in allowed


def public_functions() -> dict[str, Any]:
    """LiteLLM's own functions that take a provider, or a model and a key."""
    load_lazy_names()
    found = {}
    for name in dir(litellm):
        made = None if name.startswith("_") else getattr(litellm, name)
        if inspect.isfunction(made):
            parameters = inspect.signature(made).parameters
            if "custom_llm_provider" in parameters or {"model", "api_key"} <= parameters.keys():
                found[name] = made
    return found


def load_lazy_names() -> None:
    """Makes LiteLLM import what it imports only when it is asked for, and lists only then."""
    with suppress(ImportError):
        registry = vars(import_module("litellm._lazy_imports_registry"))
        for listed in registry.values():
            for name in listed if isinstance(listed, dict | tuple | list | set | frozenset) else ():
                getattr(litellm, str(name), None)


def way_of(name: str) -> surface.Way | None:
    for known in (name, name.removeprefix("a"), name.removeprefix("a_")):
        if known in FUNCTIONS:
            return FUNCTIONS[known]
    return None


def test_every_function_is_in_the_table() -> None:
    expect_known({name for name in public_functions() if way_of(name) is None}, "functions")


@contextmanager
def serving(arrived: list[str]) -> Iterator[str]:
    """A server that notes the method and path of each request, and the start of its key."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            key = (self.headers.get("Authorization") or "").removeprefix("Bearer ")[:6]
            arrived.append(f"{self.command} {self.path.partition('?')[0]} {key}")
            content = json.dumps({"error": {"message": "no", "code": 404}}).encode()
            self.send_response(404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = answer  # noqa: N815 - the standard library's names
        do_POST = answer  # noqa: N815
        do_PUT = answer  # noqa: N815
        do_PATCH = answer  # noqa: N815
        do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


VALUES: dict[str, Any] = {
    "model_cost": {},
    "model": MODEL,
    "api_key": KEY,
    "messages": [{"role": "user", "content": "Hi."}],
    "max_tokens": 5,
    "file": ("a.wav", b"RIFF"),
    "image": b"\x89PNG\r\n\x1a\n",
    "documents": ["an owl"],
    "questions": [{"type": "predicate", "name": "bird", "instructions": "Is it a bird?"}],
    "endpoint": "chat/completions",
    "method": "POST",
    "voice": "alloy",
}


def keywords_of(function: Any, provider: str | None) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters
    given = {}
    for name, parameter in parameters.items():
        is_needed = parameter.default is inspect.Parameter.empty
        if parameter.kind in {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}:
            given.setdefault("model", MODEL)
            given.setdefault("api_key", KEY)
        elif name in {"model", "api_key"} or is_needed:
            given[name] = VALUES.get(name, "x")
    if provider is not None:
        given["custom_llm_provider"] = provider
    return given


async def call(function: Any, keywords: dict[str, Any]) -> None:
    answer = function(**keywords)
    if inspect.isawaitable(answer):
        await asyncio.wait_for(answer, 20)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("provider", [None, "openrouter"])
def test_no_function_gets_past_a_gate_that_refuses_or_shows_a_key_to_openai(
    monkeypatch: pytest.MonkeyPatch, provider: str | None
) -> None:
    sent: list[str] = []
    shown: list[str] = []
    monkeypatch.setattr(litellm, "suppress_debug_info", True)
    with serving(sent) as openrouter, serving(shown) as openai:
        monkeypatch.setenv("OPENROUTER_API_BASE", f"{openrouter}/api/v1")
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{openai}/v1")
        with openrouter_adapter.registered(), guarded(RefusingGate()) as gate:
            for name, function in public_functions().items():
                before = len(gate.asked)
                try:
                    asyncio.run(call(function, keywords_of(function, provider)))
                except BaseException as refusal:
                    if isinstance(refusal, KeyboardInterrupt):
                        raise
                way = way_of(name)
                if len(gate.asked) > before and way is not None:
                    assert way.outcome == surface.COUNTED, name
    free = "POST /api/v1/files "
    assert [one for one in sent if one.startswith("POST") and not one.startswith(free)] == []
    assert [one for one in shown if one.endswith("sk-or-")] == []
