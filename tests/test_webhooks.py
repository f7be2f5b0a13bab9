"""Callbacks are read only if their signature is OpenRouter's, and errors never have the secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import subprocess
import sys
import time
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from openrouter_adapter import webhooks
from openrouter_adapter.webhooks import WebhookError

SECRET = "whsec_birds"
# From OpenRouter's documentation, with cost.
BODY = (
    b'{"type":"video.generation.completed","created_at":"2026-04-24T12:00:00.000Z","data":'
    b'{"id":"abc123","status":"completed","generation_id":"gen-xyz789","model":"google/veo-3.1",'
    b'"usage":{"cost":0.5,"is_byok":false}}}'
)
SENT = 1777032000
# printf '%s' "1777032000,$BODY" | openssl dgst -sha256 -hmac whsec_birds
BY_OPENSSL = "7e28e30a69f389d68dae861105ddc02c598f2ba7df6634721b33557bf52d85c5"


def sign(body: bytes, at: float, secret: str = SECRET) -> str:
    """The signature as OpenRouter's documentation describes it, written for these tests."""
    moment = str(int(at))
    mac = hmac.new(secret.encode(), moment.encode() + b"," + body, hashlib.sha256)
    return f"t={moment},v1={mac.hexdigest()}"


def delivered(content: Any) -> webhooks.Event:
    body = json.dumps(content).encode()
    return webhooks.read(body, {"X-OpenRouter-Signature": sign(body, time.time())}, SECRET)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks.time, "time", lambda: SENT + 10.0)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("name", ["X-OpenRouter-Signature", "x-openrouter-signature"])
def test_a_signature_of_openssl_is_taken(name: str) -> None:
    event = webhooks.read(BODY, {"Host": "x", name: f"t={SENT},v1={BY_OPENSSL}"}, SECRET)
    assert (event.type, event.job, event.id) == ("video.generation.completed", "video", "abc123")
    assert (event.status, event.idempotency_key) == ("completed", "abc123-completed")
    assert event.created_at == datetime(2026, 4, 24, 12, tzinfo=timezone.utc)
    assert event.cost == Decimal("0.5")
    assert event.error is None
    assert event.data["generation_id"] == "gen-xyz789"


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
def test_openssl_signs_as_we_verify() -> None:
    moment = str(int(time.time()))
    signed = moment.encode() + b"," + BODY
    made = subprocess.run(  # noqa: S603
        [str(shutil.which("openssl")), "dgst", "-sha256", "-hmac", SECRET, "-r"],
        input=signed,
        capture_output=True,
        check=True,
    )
    found = made.stdout.decode().split()[0]
    assert webhooks.read(BODY, {"X-OpenRouter-Signature": f"t={moment},v1={found}"}, SECRET)


WRONG: dict[str, tuple[str | None, str]] = {
    "missing": (None, "is missing: OpenRouter sends it once"),
    "empty": ("", "is missing"),
    "no time": (f"v1={BY_OPENSSL}", "must have the form"),
    "no signature": (f"t={SENT}", "must have the form"),
    "two times": (f"t={SENT},t={SENT},v1={BY_OPENSSL}", "must have the form"),
    "no number": (f"t=x,v1={BY_OPENSSL}", "must have the form"),
    "a huge number": (f"t={'9' * 400},v1={BY_OPENSSL}", "must have the form"),
    "another time": (f"t={SENT + 1},v1={BY_OPENSSL}", "does not match"),
    "another signature": (f"t={SENT},v1={'0' * 64}", "does not match"),
    "not ASCII": (f"t={SENT},v1=ü", "does not match"),
    "another secret": (sign(BODY, SENT, "whsec_owls"), "does not match"),
    "too old": (sign(BODY, SENT - 400), "410 s old, but valid for only 300 s"),
    "too early": (sign(BODY, SENT + 400), "390 s in the future"),
}


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("case", WRONG)
def test_an_error_says_what_is_wrong_and_has_no_secret(case: str) -> None:
    given, words = WRONG[case]
    headers = {} if given is None else {"X-OpenRouter-Signature": given}
    with pytest.raises(WebhookError, match=words) as caught:
        webhooks.read(BODY, headers, SECRET)
    assert caught.value.status == 401
    assert SECRET not in str(caught.value)
    assert BY_OPENSSL not in str(caught.value)


@pytest.mark.usefixtures("clock")
def test_a_changed_body_is_refused() -> None:
    for place in range(0, len(BODY), 7):
        changed = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        with pytest.raises(WebhookError, match="does not match"):
            webhooks.read(changed, {"X-OpenRouter-Signature": sign(BODY, SENT)}, SECRET)


@pytest.mark.usefixtures("clock")
def test_one_of_two_signatures_is_enough_while_a_secret_is_replaced() -> None:
    old = sign(BODY, SENT, "whsec_old").partition(",")[2]
    assert webhooks.read(BODY, {"X-OpenRouter-Signature": f"{sign(BODY, SENT)},{old}"}, SECRET)
    assert webhooks.read(BODY, {"X-OpenRouter-Signature": f"t={SENT},{old},{old}"}, "whsec_old")


def test_an_empty_secret_and_a_parsed_body_are_errors_of_the_program() -> None:
    body: Any = json.loads(BODY)
    with pytest.raises(TypeError, match="give the raw bytes"):
        webhooks.read(body, {}, SECRET)
    with pytest.raises(ValueError, match="the secret is empty"):
        webhooks.read(BODY, {"X-OpenRouter-Signature": sign(BODY, time.time(), "")}, "")


def test_a_failed_video() -> None:
    failed = {"id": "v", "status": "failed", "model": None, "error": "Content policy violation"}
    event = delivered({"type": "video.generation.failed", "data": failed})
    assert (event.job, event.status) == ("video", "failed")
    assert event.error == "Content policy violation"
    assert event.cost is None
    assert event.created_at is None


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "expired"])
def test_a_batch(status: str) -> None:
    batch = {
        "id": "batch_1",
        "object": "batch",
        "status": status,
        "usage": {"cost": 0.1 + 0.2},
        "error": {"message": "no"} if status == "failed" else None,
    }
    event = delivered({"type": f"batch.{status}", "created_at": 5, "data": batch})
    assert (event.job, event.id, event.status) == ("batch", "batch_1", status)
    assert event.idempotency_key == f"batch_1-{status}"
    assert event.cost == Decimal("0.30000000000000004")
    assert event.error == ("no" if status == "failed" else None)


def test_a_type_that_is_not_known_is_read_too() -> None:
    event = delivered({"type": "song.generation.completed", "data": {"id": "s"}})
    assert (event.job, event.status, event.idempotency_key) == (None, "completed", "s-completed")


@pytest.mark.parametrize(
    "content", [[], {}, {"type": "a"}, {"type": 3, "data": {"id": "x"}}, {"type": "a", "data": {}}]
)
def test_a_signed_body_that_is_no_event_is_400(content: Any) -> None:
    with pytest.raises(WebhookError, match="not an event") as caught:
        delivered(content)
    assert caught.value.status == 400


def test_a_signed_body_that_is_not_json_is_400() -> None:
    for body in (b"\xff", b"[" * 100_000):
        headers = {"X-OpenRouter-Signature": sign(body, time.time())}
        with pytest.raises(WebhookError, match="not JSON") as caught:
            webhooks.read(body, headers, SECRET)
        assert caught.value.status == 400


def test_the_addresses_of_a_video_are_not_shown() -> None:
    data = {"id": "v", "status": "completed", "urls": ["https://x.example/secret"]}
    event = delivered({"type": "video.generation.completed", "data": data})
    assert "secret" not in repr(event)
    assert event.data["urls"]


def test_a_server_that_only_reads_callbacks_loads_no_litellm() -> None:
    code = "import sys, openrouter_adapter.webhooks; print('litellm' in sys.modules)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)  # noqa: S603
    assert made.stdout.strip() == b"False"
