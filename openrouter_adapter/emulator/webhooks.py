"""Webhooks: signed events of jobs that ended, sent to addresses of this machine only."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from .clock import instant
from .video_requests import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

    from .state import State

_LOGGER = logging.getLogger("openrouter_adapter.emulator")
_LOOK_EVERY = 0.02
_SECONDS = 10.0
_TASKS: set[asyncio.Task[None]] = set()


def signature(secret: str, moment: int, body: bytes) -> str:
    """Return the `X-OpenRouter-Signature` of a body sent at a moment, in seconds since 1970."""
    signed = f"{moment},".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def notify(
    state: State, url: str, ended: Callable[[], bool], event: Callable[[], dict[str, Any]]
) -> None:
    """Send an event once a job has ended; nothing is sent to other machines.

    Args:
        state: The account, with the signing secret.
        url: The job's `callback_url`.
        ended: Returns whether the job has ended.
        event: Returns the event's `type` and `data`, which has the job's `id` and `status`.
    """
    if not is_loopback(url):
        _LOGGER.warning("no webhook is sent to %s: it is another machine", url.partition("?")[0])
        return

    async def wait_and_send() -> None:
        # There is no event to wait for: tests advance the clock that the time comes from.
        while not ended():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY)
        await _send(state, url, event())

    task = asyncio.get_running_loop().create_task(wait_and_send())
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)


async def _send(state: State, url: str, event: dict[str, Any]) -> None:
    body = orjson.dumps({**event, "created_at": instant(state.now())})
    job = event["data"]
    headers = {
        "Content-Type": "application/json",
        "X-OpenRouter-Idempotency-Key": f"{job['id']}-{job['status']}",
    }
    secret = state.settings.webhook_secret
    if secret is not None:
        headers["X-OpenRouter-Signature"] = signature(secret, int(state.now()), body)
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=headers) as answer,
        ):
            await answer.read()
    except (aiohttp.ClientError, TimeoutError) as problem:
        _LOGGER.warning("the webhook of %s failed: %s", job["id"], problem)
