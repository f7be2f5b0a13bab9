"""Videos: the official SDK's client, jobs over time, prices by SKU, failures, webhooks."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import threading
import time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter.emulator import Emulator
from tests.support.waiting import happens

if TYPE_CHECKING:
    from collections.abc import Iterator

av = pytest.importorskip("av")
OpenRouter = pytest.importorskip("openrouter").OpenRouter

VEO = "google/veo-3.1"
WAN = "alibaba/wan-2.6"
FLUX = "black-forest-labs/flux-3-video"
LTX = "lightricks/ltx-2-pro"
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
# More than a job takes.
LATER = {"seconds": 5}


@pytest.fixture
def em() -> Iterator[Emulator]:
    with Emulator(webhook_secret="whsec") as running:
        yield running


@pytest.fixture
def client(em: Emulator) -> Any:
    return OpenRouter(api_key=em.api_key, server_url=em.base_url).video_generation


def made(em: Emulator, client: Any, model: str = VEO, **fields: Any) -> Any:
    """Return a job that has ended."""
    job = client.generate(**{"model": model, "prompt": "A wren.", **fields})
    em.advance(**LATER)
    return client.get_generation(job_id=job.id)


def test_the_sdk_submits_waits_and_downloads_a_video_that_plays(em: Emulator, client: Any) -> None:
    job = client.generate(model=VEO, prompt="A wren.", duration=4, size="1280x720")
    assert job.status == "pending"
    assert job.polling_url == f"{em.base_url}/videos/{job.id}"
    em.advance(seconds=0.5)
    assert client.get_generation(job_id=job.id).status == "in_progress"
    em.advance(**LATER)
    done = client.get_generation(job_id=job.id)
    assert done.status == "completed"
    assert done.unsigned_urls == [f"{job.polling_url}/content?index=0"]
    content = client.get_video_content(job_id=job.id).read()
    with av.open(io.BytesIO(content)) as opened:
        (stream,) = opened.streams.video
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 1280, 720)
        assert opened.duration == 4_000_000
        assert sum(1 for _ in opened.decode(video=0)) == stream.frames == 96
    (bill,) = em.bill()
    assert (bill.generation_id, bill.cost) == (done.generation_id, Decimal(repr(done.usage.cost)))


@pytest.mark.parametrize(
    ("size", "seconds"), [("854x480", 1), ("1920x1080", 8), ("2160x3840", 60), ("992x432", 2)]
)
def test_a_video_has_the_size_and_the_length_that_were_asked_for(size: str, seconds: int) -> None:
    from openrouter_adapter.emulator import mp4

    width, height = map(int, size.split("x"))
    with av.open(io.BytesIO(mp4.make(width, height, seconds))) as opened:
        (stream,) = opened.streams.video
        assert (stream.width, stream.height) == (width, height)
        assert opened.duration == seconds * 1_000_000
        assert next(opened.decode(video=0)).to_ndarray(format="gray").std() < 1


@pytest.mark.parametrize(
    ("model", "fields", "usd"),
    [
        (VEO, {"duration": 8}, "3.2"),
        (VEO, {"duration": 8, "generate_audio": False, "resolution": "4K"}, "3.2"),
        (VEO, {"duration": 4, "size": "3840x2160"}, "2.4"),
        (WAN, {"duration": 5}, "0.4"),
        (WAN, {"duration": 5, "input_references": [IMAGE]}, "0.5"),
        (WAN, {"frame_images": [{**IMAGE, "frame_type": "first_frame"}], "duration": 5}, "0.5"),
        (FLUX, {"duration": 5, "resolution": "1080p"}, "1.45"),
        ("minimax/hailuo-3", {"duration": 5, "input_references": [IMAGE, IMAGE]}, "0.73"),
        ("runway/aleph-2", {"duration": 1}, "0.56"),
        (LTX, {"duration": 60, "resolution": "4K"}, "14.4"),
    ],
)
def test_a_video_costs_its_seconds_by_the_models_skus(
    em: Emulator, client: Any, model: str, fields: dict[str, Any], usd: str
) -> None:
    assert made(em, client, model, **fields).usage.cost == float(usd)
    assert em.bill()[0].cost == Decimal(usd)


def test_nothing_is_charged_before_the_job_ends(em: Emulator, client: Any) -> None:
    client.generate(model=VEO, prompt="A wren.")
    assert em.bill() == []
    em.advance(**LATER)
    assert len(em.bill()) == len(em.bill()) == 1


@pytest.mark.parametrize("ending", ["failed", "cancelled", "expired"])
def test_a_job_can_fail_and_then_costs_nothing(em: Emulator, client: Any, ending: str) -> None:
    em.faults.add(f"choice-error=502; job={ending}; message=the bird flew away")
    job = made(em, client)
    assert (job.status, job.error, job.usage) == (ending, "the bird flew away", None)
    (bill,) = em.bill()
    assert (bill.cost, bill.status) == (0, 502)


def test_a_job_may_never_end(em: Emulator, client: Any) -> None:
    em.faults.add("no-finish")
    assert made(em, client).status == "in_progress"


def test_a_completed_job_can_be_continued(em: Emulator, client: Any) -> None:
    first = made(em, client, FLUX, duration=5)
    more = {"duration": 5, "resolution": "720p", "previous_job_id": first.id}
    assert made(em, client, FLUX, **more).usage.cost == 2.05
    for model, job, said in (
        (VEO, first.id, "does not support previous_job_id"),
        (FLUX, "gen-vid-none", "not found"),
    ):
        with pytest.raises(Exception, match=said):
            client.generate(model=model, prompt="More.", previous_job_id=job)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"duration": 5}, "Supported: 4, 6, 8"),
        ({"resolution": "480p"}, "Supported: 720p, 1080p, 4K"),
        ({"resolution": "9K"}, "expected one of"),
        ({"size": "big"}, "WIDTHxHEIGHT"),
        ({"aspect_ratio": "1:1"}, "Supported: 16:9, 9:16"),
        ({"prompt": ""}, "prompt: Required"),
        ({"callback_url": "http://example.com/hook"}, "must use HTTPS"),
        ({"model": "openai/gpt-4o"}, "video generation"),
    ],
)
def test_what_openrouter_refuses(client: Any, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said):
        client.generate(**{"model": VEO, "prompt": "A wren.", **fields})


def test_content_of_a_job_that_is_not_completed_is_refused(client: Any) -> None:
    job = client.generate(model=VEO, prompt="A wren.")
    with pytest.raises(Exception, match="is not completed"):
        client.get_video_content(job_id=job.id)


def test_a_signed_address_needs_no_key_until_it_expires(em: Emulator, client: Any) -> None:
    import httpx

    (address,) = made(em, client).urls
    answer = httpx.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert httpx.get(address[:-1]).status_code == 403
    em.advance(hours=2)
    assert httpx.get(address).status_code == 403


def test_the_models_are_listed_with_what_they_take(client: Any) -> None:
    listed = {model.id: model for model in client.list_videos_models().data}
    assert {VEO, WAN, FLUX, LTX} <= listed.keys()
    assert listed[VEO].supported_durations == [4, 6, 8]
    assert listed[VEO].pricing_skus["duration_seconds_with_audio_4k"] == "0.60"
    assert listed[LTX].supported_durations is None


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    got: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    kind = type("Kept", (Hook,), {"got": []})
    with HTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", kind.got
        server.shutdown()


def test_a_webhook_tells_the_end_of_a_job_signed(
    em: Emulator, client: Any, hook: tuple[str, list[tuple[dict[str, str], bytes]]]
) -> None:
    url, got = hook
    job = made(em, client, callback_url=url)
    assert happens(lambda: got)
    ((headers, body),) = got
    event = json.loads(body)
    assert event["type"] == "video.generation.completed"
    assert event["data"]["id"] == job.id
    assert event["data"]["usage"] == {"cost": job.usage.cost, "is_byok": False}
    assert "urls" not in event["data"]
    assert headers["x-openrouter-idempotency-key"] == f"{job.id}-completed"
    moment, _, signed = headers["x-openrouter-signature"].removeprefix("t=").partition(",v1=")
    expected = hmac.new(b"whsec", moment.encode() + b"," + body, hashlib.sha256).hexdigest()
    assert signed == expected
    assert abs(int(moment) - time.time()) < 60


def test_a_webhook_is_sent_to_this_machine_only(
    em: Emulator, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    made(em, client, callback_url="https://example.com/hook?token=secret")
    assert "no webhook is sent to https://example.com/hook:" in caplog.text
    assert "secret" not in caplog.text
