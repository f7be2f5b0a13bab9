"""`/videos`: jobs that take a while, their videos, and the models that make them."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson

from . import billing, catalog, faults, inference, mp4, video_requests, webhooks
from .billing import Usage
from .bodies import check_object
from .call import Route
from .errors import ApiError
from .sending import send_json

if TYPE_CHECKING:
    from aiohttp import web

    from .billing import BillRow
    from .call import Call
    from .catalog import Model, VideoApi
    from .faults import Fault
    from .state import State

PATH = "/videos"
# The part of a job's time for which it is pending.
_PENDING = 1 / 3
# How long the signed addresses of an output work.
_SIGNED_SECONDS = 3600
_ENDINGS = {
    "failed": "Provider returned error",
    "cancelled": "Job was cancelled",
    "expired": "Job exceeded maximum time to live",
}


@dataclass(slots=True)
class Job:
    """A video on its way.

    Attributes:
        id: The job's id, also its generation's.
        account: The state with the key that pays.
        body: The request.
        model: The model.
        row: The row of the bill, added when the job ends.
        created_at: Seconds since 1970.
        ends_at: Seconds since 1970; infinite if it never ends.
        ending: `completed`, `failed`, `cancelled` or `expired`.
        error: The text of the error, unless it completes.
        base_url: The address that the request was sent to, without `/videos`.
        signature: The secret part of its output's signed address.
    """

    id: str
    account: State
    body: dict[str, Any]
    model: Model
    row: BillRow
    created_at: float
    ends_at: float
    ending: str
    error: str | None
    base_url: str
    signature: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def status(self) -> str:
        """The status now."""
        now = self.account.now()
        if now >= self.ends_at:
            return self.ending
        waits = self.account.settings.video_seconds * _PENDING
        return "pending" if now < self.created_at + waits else "in_progress"

    @property
    def signed_until(self) -> float:
        """When its output's signed address stops working."""
        return self.ends_at + _SIGNED_SECONDS


def finish_due(state: State) -> None:
    """Add the jobs that have ended to the bill."""
    for job in list(state.unbilled_videos):
        if state.now() >= job.ends_at:
            state.unbilled_videos.remove(job)
            job.account.charge(replace(job.row, created_at=job.ends_at))


async def submit(call: Call) -> web.StreamResponse:
    """Start a job.

    Raises:
        ApiError: The body is refused, or no provider can answer it.
    """
    state, body = call.state, check_object(call.body)
    fault = call.faults.take("answer", body.get("model") or "")
    video_requests.check_body(body)
    served = inference.choose(state, body, "video", "video generation")
    video_requests.check_model(body, served.model)
    previous = body.get("previous_job_id")
    if previous is not None:
        _check_previous(state, previous, served.model)
    if fault is not None and fault.name == "error-in-200":
        error = faults.error_body(fault, served.model.id, served.endpoint.provider)
        return await send_json(call.request, orjson.dumps(error), {}, fault)
    used = Usage(prompt=0, drawn=video_requests.price(body, served.model))
    row, _ = inference.bill(state, PATH, "gen-vid", served, used, fault)
    job = _job(call, row, served.model, fault)
    state.videos[job.id] = job
    state.unbilled_videos.append(job)
    if body.get("callback_url"):
        webhooks.notify(
            state, body["callback_url"], lambda: state.now() >= job.ends_at, lambda: _event(job)
        )
    whole = b"" if fault and fault.name == "comments-only" else orjson.dumps(_wire(job))
    return await send_json(call.request, whole, {"X-Generation-Id": job.id}, fault, status=202)


def _check_previous(state: State, previous: str, model: Model) -> None:
    job = state.videos.get(previous)
    if job is None or job.account.key.hash != state.key.hash:
        raise ApiError(404, f"Video job {previous} not found")
    if job.status != "completed":
        raise ApiError(400, f"previous_job_id: Job {previous} is not completed")
    if job.model is not model:
        raise ApiError(400, "previous_job_id: The job was made by another model")


def _job(call: Call, row: BillRow, model: Model, fault: Fault | None) -> Job:
    state = call.state
    ending, error, length = "completed", None, state.settings.video_seconds
    if fault is not None and fault.name == "choice-error":
        ending = fault.options.get("job", "failed")
        error = fault.options.get("message", _ENDINGS[ending])
        row = inference.unpaid(replace(row, status=fault.status))
    if fault is not None and fault.name == "no-finish":
        length = float("inf")
    now = state.now()
    url = call.request.url
    base = str(url.with_path(url.path.removesuffix(PATH)).with_query(None))
    return Job(
        id=row.generation_id,
        account=state,
        body=call.body,
        model=model,
        row=row,
        created_at=now,
        ends_at=now + length,
        ending=ending,
        error=error,
        base_url=base,
    )


def status(call: Call) -> dict[str, Any]:
    """Return the body of `GET /videos/{id}`."""
    return _wire(_of(call))


def _of(call: Call) -> Job:
    job: Job | None = call.state.videos.get(call.path[0])
    if job is None or job.account.key.hash != call.state.key.hash:
        raise ApiError(404, f"Video job {call.path[0]} not found")
    return job


def _wire(job: Job) -> dict[str, Any]:
    found = {
        "id": job.id,
        "polling_url": f"{job.base_url}{PATH}/{job.id}",
        "status": job.status,
    }
    if found["status"] in {"pending", "in_progress"}:
        return found
    found["generation_id"] = job.row.generation_id
    if job.error is not None:
        return {**found, "error": job.error}
    return {
        **found,
        "unsigned_urls": [f"{found['polling_url']}/content?index=0"],
        "urls": [f"{found['polling_url']}/outputs/{job.signature}"],
        "expires_at": int(job.signed_until),
        "usage": {
            "cost": billing.wire_number(job.row.cost),
            "is_byok": job.row.is_byok,
        },
    }


def _event(job: Job) -> dict[str, Any]:
    found = _wire(job)
    data = {name: found[name] for name in ("id", "status", "generation_id")}
    data["model"] = job.model.id
    for name in ("unsigned_urls", "usage", "error"):
        if name in found:
            data[name] = found[name]
    return {"type": f"video.generation.{found['status']}", "data": data}


async def content(call: Call) -> web.StreamResponse:
    """Send the video.

    Raises:
        ApiError: 404 for an unknown job or index, 400 for a job that is not completed.
    """
    job = _of(call)
    if job.status != "completed":
        raise ApiError(400, f"Video job {job.id} is not completed. Status: {job.status}")
    if call.whole("index", 0, 0) != 0:
        raise ApiError(404, f"Video job {job.id} has one output")
    return await _send(call, job)


async def signed_content(call: Call) -> web.StreamResponse:
    """Send the video without a key, by its signed address.

    Raises:
        ApiError: 403 for an address that is invalid or no longer valid.
    """
    job: Job | None = call.state.videos.get(call.path[0])
    valid = job is not None and secrets.compare_digest(job.signature, call.path[1])
    if job is None or not valid or not job.ends_at <= call.state.now() < job.signed_until:
        raise ApiError(403, "Invalid or expired signature")
    return await _send(call, job)


async def _send(call: Call, job: Job) -> web.StreamResponse:
    width, height = video_requests.pixels(job.body, job.model)
    made = mp4.make(width, height, video_requests.seconds(job.body, job.model))
    fault = call.faults.take("answer", job.model.id)
    return await send_json(call.request, made, {"Content-Type": "video/mp4"}, fault)


def list_models(_: Call) -> dict[str, Any]:
    """Return the body of `GET /videos/models`."""
    kept = [
        _list_item(model, model.video_api)
        for model in catalog.models()
        if model.video_api is not None
    ]
    return {"data": kept}


def _list_item(model: Model, api: VideoApi) -> dict[str, Any]:
    wire = asdict(api)
    del wire["continues"]
    return {
        "id": model.id,
        "canonical_slug": model.canonical_slug,
        "hugging_face_id": None,
        "name": model.name,
        "created": model.created,
        "description": f"{model.name}, as the emulator serves it.",
        **wire,
    }


ROUTES = (
    Route("POST", PATH, submit, "inference"),
    Route("GET", "/videos/models", list_models, "anybody"),
    Route("GET", "/videos/{}", status, "any key"),
    Route("GET", "/videos/{}/content", content, "any key"),
    Route("GET", "/videos/{}/outputs/{}", signed_content, "anybody"),
)
