"""Waiting for a video, and downloading it to a file.

Asking for a status is free; only the last request for it is a call of LiteLLM's, so its callbacks
get one event, with the job's cost. See
https://openrouter.ai/docs/guides/overview/multimodal/video-generation.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from litellm.types.videos.utils import decode_video_id_with_provider, extract_original_video_id

from openrouter_adapter import free_requests
from openrouter_adapter.files import write_atomically
from openrouter_adapter.video_generation import jobs
from openrouter_adapter.wire import errors, incoming, retry_after

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    import httpx
    from litellm.types.videos.main import VideoObject

DEFAULT_TIMEOUT: Final = 1800.0
"""Seconds that a video is waited for, unless the caller gives a `timeout`."""

DOWNLOAD_TIMEOUT: Final = 60.0
"""Seconds without a byte after which a download has failed."""

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 15.0
_GROWTH: Final = 1.5
_ANSWER_TIMEOUT: Final = 10.0


def wait_for_video(
    video_id: str,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    on_progress: Callable[[VideoObject], object] | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
) -> VideoObject:
    """The completed video of a job. Its `usage["cost"]` is the job's cost in USD.

    The status is asked for at once, after 1 second, and then less often, down to every 15 seconds.
    Answers cost nothing; the one that reports the end records the job's cost in the ledger and with
    LiteLLM's callbacks, once. Errors of the server (5xx, 429, no connection) don't end the wait.

    Args:
        video_id: The `id` of `litellm.video_generation`, or OpenRouter's own id of the job.
        timeout: Seconds to wait; `float("inf")` for no limit.
        on_progress: Called with LiteLLM's object of the job at every answer; its `status` is
            `queued`, `in_progress`, `completed` or `failed`.
        api_key: The key that the job was submitted with; None to look for it.
        base_url: The API's base URL, None for the usual one.

    Raises:
        litellm.Timeout: the job has not ended in time. It continues, and will be charged.
        litellm.ContentPolicyViolationError: the job was refused because of its content.
        litellm.BadGatewayError: the job failed otherwise; the message has the provider's words.
        litellm.NotFoundError: the key has no such job.
        One of LiteLLM's other exceptions (see errors.py): the status was refused.

    Follows https://openrouter.ai/docs/guides/overview/multimodal/video-generation.
    """
    import litellm

    wait = _Wait(video_id, timeout, api_key, base_url)
    while True:
        with wait.asking():
            if wait.sees_end(free_requests.send(wait.request())):
                wait.end = litellm.video_status(**wait.call)
        wait.report(on_progress)
        if wait.end is not None:
            return wait.completed()
        time.sleep(wait.pause())


async def await_for_video(
    video_id: str,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    on_progress: Callable[[VideoObject], object] | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
) -> VideoObject:
    """`wait_for_video` for async code; the same arguments, answer and exceptions.

    If the task is cancelled, the job continues.
    """
    import litellm

    wait = _Wait(video_id, timeout, api_key, base_url)
    while True:
        with wait.asking():
            if wait.sees_end(await free_requests.asend(wait.request())):
                wait.end = await litellm.avideo_status(**wait.call)
        wait.report(on_progress)
        if wait.end is not None:
            return wait.completed()
        await asyncio.sleep(wait.pause())


class _Wait:
    """A wait: what to ask, what was answered, and when to ask again."""

    def __init__(
        self, video_id: str, timeout: float, api_key: str | None, base_url: str | None
    ) -> None:
        if not timeout > 0:
            raise errors.bad_request(f"timeout={timeout!r}: give seconds above 0")
        self._video_id, self._timeout = video_id, timeout
        self._api_key, self._base_url = api_key, base_url
        self._deadline = time.monotonic() + timeout
        self._pause, self._asked_pause = FIRST_PAUSE, 0.0
        self._seen: VideoObject | None = None
        self._failure: Exception | None = None
        self.end: VideoObject | None = None

    @property
    def call(self) -> dict[str, Any]:
        """The arguments of LiteLLM's call for the status."""
        to = {"api_key": self._api_key, "api_base": self._base_url}
        given = {name: value for name, value in to.items() if value is not None}
        return {"video_id": self._video_id, "custom_llm_provider": errors.PROVIDER, **given}

    def request(self) -> free_requests.Request:
        """The request for the status."""
        left = max(self._deadline - time.monotonic(), FIRST_PAUSE)
        return free_requests.Request(
            "GET",
            _address(self._video_id),
            min(_ANSWER_TIMEOUT, left),
            api_key=self._api_key,
            base_url=self._base_url,
        )

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Keeps a failure that may be over at the next answer; any other is raised."""
        self._failure = self._seen = None
        try:
            yield
        except Exception as failure:
            status = getattr(failure, "status_code", None)
            if not isinstance(status, int) or not retry_after.is_temporary(status):
                raise
            self._failure = failure
            self._asked_pause = retry_after.asked_wait(failure) or 0.0

    def sees_end(self, response: httpx.Response) -> bool:
        """Whether a status reports that the job has ended."""
        body = jobs.parse(response.content, response.headers)
        model = decode_video_id_with_provider(self._video_id).get("model_id") or ""
        self._seen = jobs.video(body, response.headers, model=model)
        return jobs.has_ended(body)

    def report(self, on_progress: Callable[[VideoObject], object] | None) -> None:
        """Passes the last answer on, if there is one."""
        if on_progress is not None and self._seen is not None:
            on_progress(self.end or self._seen)

    def completed(self) -> VideoObject:
        """The completed video; raises the exception of a job that failed."""
        assert self.end is not None  # noqa: S101 - the caller has seen it
        if self.end.status != jobs.COMPLETED:
            raise jobs.failure_of(self.end)
        return self.end

    def pause(self) -> float:
        """Seconds until the next question.

        Raises:
            litellm.Timeout: there is no time left for one.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._too_late() from self._failure
        pause = max(self._pause, self._asked_pause)
        self._pause, self._asked_pause = min(self._pause * _GROWTH, LONGEST_PAUSE), 0.0
        return min(pause, left)

    def _too_late(self) -> Exception:
        state = "has no known status" if self._seen is None else f"is {self._seen.status}"
        return errors.build(
            408,
            f"the video {self._video_id} {state} after {self._timeout:,g} s. The job continues, "
            "and will be charged: wait for the same id again",
        )


def _address(video_id: str) -> str:
    return f"{jobs.PATH}/{quote(extract_original_video_id(video_id), safe='')}"


def download_video(
    video_id: str,
    path: str | os.PathLike[str],
    *,
    timeout: float = DOWNLOAD_TIMEOUT,
    api_key: str | None = None,
    base_url: str | None = None,
) -> Path:
    """Writes the video of a completed job to a file, piece by piece; returns the file's path.

    The file gets its name when all of it has arrived; until then its name ends in `.new`. A file of
    that name is replaced. No size limit applies, and nothing is charged.

    Args:
        video_id: The `id` of `litellm.video_generation`, or OpenRouter's own id of the job.
        path: The file; its folder must exist.
        timeout: Seconds without a byte after which the download has failed.
        api_key: The key that the job was submitted with; None to look for it.
        base_url: The API's base URL, None for the usual one.

    Raises:
        litellm.BadRequestError: the job is not completed.
        litellm.NotFoundError: the key has no such job.
        One of LiteLLM's other exceptions (see errors.py): the download failed; there is no file.
        OSError: the file can't be written.

    Follows https://openrouter.ai/docs/guides/overview/multimodal/video-generation.
    """
    request, target = _content(video_id, timeout, api_key, base_url), Path(path)
    with write_atomically(target) as file, free_requests.streamed(request) as response:
        if incoming.is_text(response.headers):
            raise jobs.no_video(response.read(), response.headers)
        for piece in response.iter_bytes():
            file.write(piece)
        _check_written(file.tell(), response)
    return target


async def adownload_video(
    video_id: str,
    path: str | os.PathLike[str],
    *,
    timeout: float = DOWNLOAD_TIMEOUT,
    api_key: str | None = None,
    base_url: str | None = None,
) -> Path:
    """`download_video` for async code; the same arguments, result and exceptions."""
    request, target = _content(video_id, timeout, api_key, base_url), Path(path)
    with write_atomically(target) as file:
        async with free_requests.astreamed(request) as response:
            if incoming.is_text(response.headers):
                raise jobs.no_video(await response.aread(), response.headers)
            async for piece in response.aiter_bytes():
                await asyncio.to_thread(file.write, piece)
            _check_written(file.tell(), response)
    return target


def _content(
    video_id: str, timeout: float, api_key: str | None, base_url: str | None
) -> free_requests.Request:
    address = f"{_address(video_id)}/content"
    return free_requests.Request("GET", address, timeout, api_key=api_key, base_url=base_url)


def _check_written(size: int, response: httpx.Response) -> None:
    if not size:
        raise jobs.no_video(b"", response.headers)
