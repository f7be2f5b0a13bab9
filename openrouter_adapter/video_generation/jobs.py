"""Jobs that make videos: their answers, and their cost, which comes when a job ends.

OpenRouter charges a job when it completes. The first status call that sees this records the cost in
the ledger, and brings it to LiteLLM's callbacks; they get 0 with all other calls.
"""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from litellm.types.videos.main import VideoObject
from litellm.types.videos.utils import encode_video_id_with_provider

from openrouter_adapter import admission, api
from openrouter_adapter.wire import errors, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.wire.usage import Bill

PATH: Final = "/videos"
COMPLETED: Final = "completed"
FAILED: Final = frozenset({"failed", "cancelled", "expired"})
"""OpenRouter's statuses of a job that ended without a video."""

# OpenAI's statuses; its client waits for `completed` or `failed`.
_OPENAI: Final = {"pending": "queued", **dict.fromkeys(FAILED, "failed")}
# These need no key, so they are kept out of what LiteLLM logs.
_SECRETS: Final = frozenset({"urls"})
_MOST_REMEMBERED: Final = 10_000

# Jobs whose cost LiteLLM's callbacks got from this process.
_reported: dict[str, None] = {}
_lock: Final = threading.Lock()


def parse(
    content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
) -> dict[str, Any]:
    """The checked wire answer of a submission or a status.

    Raises:
        One of LiteLLM's exceptions: the answer is an error, or names no job.
    """
    body = errors.read_json(content, headers, model)
    is_job = isinstance(body, dict) and all(isinstance(body.get(n), str) for n in ("id", "status"))
    if not is_job:
        body = errors.raise_for_body(body, headers, model)
        raise errors.no_answer(body, "the answer has no id of a video job", headers, model)
    # A job that failed has an `error` of its own, which is a text.
    found: dict[str, Any] = body
    return found


def has_ended(body: Mapping[str, Any]) -> bool:
    """Whether a job has ended, with a video or without."""
    return body.get("status") == COMPLETED or body.get("status") in FAILED


def bill_of(body: Mapping[str, Any]) -> Bill:
    """The bill of a job. Its generation id is the job's, by which the ledger finds its row."""
    return usage.read_bill(body)


def video(
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None,
    *,
    model: str = "",
    request: Mapping[str, Any] | None = None,
    cost: float = 0.0,
) -> VideoObject:
    """LiteLLM's object of a job.

    Args:
        body: The wire's answer.
        headers: The response headers.
        model: The model, if it is known; the id carries it to later calls.
        request: The body that was sent, if this is a submission.
        cost: USD that LiteLLM adds up for this call.
    """
    status, asked = str(body["status"]), request or {}
    error = body.get("error")
    made = VideoObject(
        id=encode_video_id_with_provider(str(body["id"]), errors.PROVIDER, model or None),
        object="video",
        status=_OPENAI.get(status, status),
        created_at=int(time.time()) if request is not None else None,
        expires_at=body.get("expires_at"),
        error={"code": status, "message": str(error or status)} if status in FAILED else None,
        progress=100 if status == COMPLETED else None,
        seconds=str(asked["duration"]) if asked.get("duration") else None,
        size=asked.get("size"),
        model=model or None,
        usage=body.get("usage"),
    )
    hidden: dict[str, Any] = {}
    shown = {name: value for name, value in body.items() if name not in _SECRETS}
    usage.attach(hidden, shown, headers)
    hidden["openrouter"]["job_id"] = body["id"]
    # What this call adds to LiteLLM's spend; the job's cost is in hidden["openrouter"].
    hidden["response_cost"] = hidden["additional_headers"][usage.COST_HEADER] = cost
    made._hidden_params = hidden
    return made


def record_end(body: Mapping[str, Any]) -> float:
    """Records the cost of a job that has ended, once; returns what LiteLLM's callbacks get, USD.

    That is the cost the first time, and 0 afterwards, and for a job that has not ended.
    """
    if not has_ended(body):
        return 0.0
    bill = bill_of(body)
    failure = None if body["status"] == COMPLETED else str(body["status"])
    is_first = admission.job_ended(str(body["id"]), bill, failure)
    if bill.cost is None:
        return 0.0
    with _lock:
        is_new = body["id"] not in _reported
        _reported[str(body["id"])] = None
        if len(_reported) > _MOST_REMEMBERED:
            for old in list(itertools.islice(_reported, _MOST_REMEMBERED // 2)):
                del _reported[old]
    return float(bill.cost) if is_new and is_first is not False else 0.0


def failure_of(made: VideoObject) -> Exception:
    """The exception for a job that ended without a video; its wording decides the class."""
    facts: dict[str, Any] = made._hidden_params.get("openrouter") or {}  # type: ignore[assignment]
    said = str((made.error or {}).get("message"))
    status = facts.get("status") or made.status
    message = f"the video {facts.get('job_id', made.id)} is {status}: {said}"
    # There is no code: the provider failed, unless it refused the prompt.
    code = 400 if "policy" in said.lower() else 502
    return errors.from_body({**facts, "error": {"code": code, "message": message}})


def no_video(content: bytes, headers: Mapping[str, str]) -> Exception:
    """The exception for content that is not a video; raises that of an error in it."""
    errors.read_body(content, headers)
    return errors.unreadable(content, headers)


def ended(
    job_id: str, *, api_key: str | None = None, base_url: str | None = None
) -> dict[str, Any]:
    """The end of a job in the form of `api.get_generation`, with the row's `outcome`.

    Raises:
        LookupError: the job has not ended.
        One of LiteLLM's exceptions (see errors.py): OpenRouter does not know the job, or its cost.
    """
    body = api.get_video(job_id, api_key=api_key, base_url=base_url)
    if not has_ended(body):
        raise LookupError(f"{job_id} is {body.get('status')}")
    outcome = {"outcome": "ok" if body["status"] == COMPLETED else "error"}
    bill = bill_of(body)
    if bill.cost is not None and not bill.is_byok:
        return {"id": job_id, "total_cost": body["usage"]["cost"], "is_byok": False, **outcome}
    # The status has no cost of a job that failed, nor what a caller's own provider charges.
    generation = str(body.get("generation_id") or job_id)
    return api.get_generation(generation, api_key=api_key, base_url=base_url) | outcome
