"""The webhook that the emulator sends at the end of a video is read by `webhooks.read`."""

from __future__ import annotations

import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from openrouter_adapter import webhooks
from openrouter_adapter.emulator import Emulator
from tests.support.waiting import happens


def test_the_event_of_a_video_has_its_job_and_its_billed_cost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    got: list[tuple[dict[str, str], bytes]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Emulator(webhook_secret="whsec_birds") as emulator:
        made = httpx.post(
            f"{emulator.base_url}/videos",
            headers={"Authorization": f"Bearer {emulator.api_key}"},
            json={
                "model": "google/veo-3.1",
                "prompt": "A wren.",
                "callback_url": f"http://127.0.0.1:{server.server_port}/",
            },
        ).json()
        emulator.advance(hours=1)
        assert happens(lambda: got)
        monkeypatch.setattr(webhooks.time, "time", emulator.now)
        ((headers, body),) = got
        event = webhooks.read(body, headers, "whsec_birds")
        (bill,) = emulator.bill()
    server.shutdown()
    server.server_close()
    assert (event.type, event.job) == ("video.generation.completed", "video")
    assert (event.id, event.status) == (made["id"], "completed")
    assert event.cost == Decimal(bill.cost)
    assert event.idempotency_key == headers["X-OpenRouter-Idempotency-Key"]
    with pytest.raises(webhooks.WebhookError, match="does not match"):
        webhooks.read(body, headers, "whsec_owls")
