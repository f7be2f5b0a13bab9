"""The measure measures: a loss is seen, recorded bytes are served, known figures come out."""

from __future__ import annotations

import json
import urllib.request
from contextlib import nullcontext

import pytest
from litellm import exceptions

from tests.support.versions import litellm_from

from .conftest import NO_RECORDINGS
from .expected_errors import error_failure, expected_class
from .kinds import KINDS
from .leaves import lost_values, spelled
from .measure import totals
from .recordings import Exchange, load, recordings_folder
from .replay import Replay
from .replay_server import ReplayServer

# What LiteLLM's built-in adapter is known to keep, of how much.
BUILTIN_KEEPS = {
    "chat-completions": (1238 if litellm_from("1.109") else 1205, 1238),
    "chat-completions-stream": (1208 if litellm_from("1.109") else 1024, 1435),
    "embeddings": (6936, 6956),
}


def exchange(body: object, headers: dict[str, str] | None = None) -> Exchange:
    return Exchange("chat-completions", "one.json", "POST", "/x", {}, 200, headers or {}, body)


def served(body: object, headers: dict[str, str] | None = None) -> tuple[bytes, dict[str, str]]:
    with ReplayServer() as server:
        root, arrived = server.offer(exchange(body, headers))
        request = urllib.request.Request(f"{root}/x", data=b'{"asked": 1}', method="POST")  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            assert [one.body for one in arrived] == [{"asked": 1}]
            return answer.read(), dict(answer.headers)


def test_a_lost_value_is_seen() -> None:
    recorded = {"a": [{"b": 1}, {"b": 2}], "c": None, "d": 0, "e": "", "f": True}
    lost = lost_values(recorded, {"elsewhere": [1.0]})
    assert [(spelled(path), value) for path, value in lost] == [("a[1].b", 2)]


def test_json_is_served() -> None:
    body, headers = served({"cost": 0.0004970133333333333}, {"x-generation-id": "gen-1"})
    assert json.loads(body) == {"cost": 0.0004970133333333333}
    assert headers["x-generation-id"] == "gen-1"


def test_bytes_are_served() -> None:
    assert served({"base64": "AAEC/w=="})[0] == b"\x00\x01\x02\xff"


@pytest.mark.parametrize("text", ["", ": wait\n\ndata: {}\n\n", "data: {}", "data: {}\n\n: cut"])
def test_event_text_is_served_byte_for_byte(text: str) -> None:
    assert served(text)[0] == text.encode()


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        ({"code": 402, "message": "Insufficient credits"}, 402, exceptions.PaymentRequiredError),
        (
            {"code": 403, "message": "flagged", "metadata": {"reasons": ["violence"]}},
            403,
            exceptions.ContentPolicyViolationError,
        ),
        ({"code": 403, "message": "no"}, 403, exceptions.PermissionDeniedError),
        ({"code": 400, "message": "maximum context length is 1"}, 400, None),
        ({"code": 529, "message": "busy"}, 200, exceptions.ServiceUnavailableError),
        ({"message": "no code"}, 502, exceptions.BadGatewayError),
    ],
)
def test_errors_of_the_table(
    error: dict[str, object], status: int, expected: type[Exception] | None
) -> None:
    assert expected_class(error, status) is (expected or exceptions.ContextWindowExceededError)


def test_an_error_without_the_providers_words_is_seen() -> None:
    error = {"code": 502, "message": "Provider returned error", "metadata": {"raw": "disk full"}}
    raised = exceptions.BadGatewayError("Provider returned error", "openrouter", "m")
    assert "disk full" in (error_failure(error, 502, raised) or "")


@pytest.mark.parametrize("kind", BUILTIN_KEEPS)
def test_the_builtin_adapter_comes_out_as_known(kind: str) -> None:
    if not recordings_folder().is_dir():
        pytest.skip(NO_RECORDINGS)
    assert kind in KINDS
    with Replay(nullcontext) as replay:
        found = totals(replay.outcome(one, "sync") for one in load(kind))
    assert (found.leaves - found.lost, found.leaves) == BUILTIN_KEEPS[kind]
