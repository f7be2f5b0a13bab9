"""Sending of answers, whole or as server-sent events, with the faults of a connection."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from .faults import Fault

COMMENT = b": OPENROUTER PROCESSING\n\n"
DONE = b"data: [DONE]\n\n"
_DRIP_BYTES = 16
_LOOK_EVERY = 0.05


class Writer:
    """Writes a body in pieces, with the faults `cut`, `hang-up` and `slow-drip`."""

    def __init__(
        self, request: web.BaseRequest, response: web.StreamResponse, fault: Fault | None
    ) -> None:
        self._request, self._response = request, response
        self._left = math.inf
        self._drip = 0.0
        if fault is not None and fault.name in {"cut", "hang-up"}:
            self._left = int(fault.value or 0)
        if fault is not None and fault.name == "slow-drip":
            self._drip = float(fault.value or 0.01)

    async def write(self, data: bytes) -> None:
        """Write some bytes.

        Raises:
            ConnectionError: The caller left, or the fault cut the connection.
        """
        if self._drip:
            for start in range(0, len(data), _DRIP_BYTES):
                await self.pause(self._drip)
                await self._response.write(data[start : start + _DRIP_BYTES])
            return
        if len(data) < self._left:
            await self._response.write(data)
            self._left -= len(data)
            return
        await self._response.write(data[: int(self._left)])
        self.hang_up()

    def hang_up(self) -> None:
        """End the connection without ending the answer.

        Raises:
            ConnectionError: Always.
        """
        if self._request.transport is not None:
            self._request.transport.close()
        raise ConnectionResetError("the fault cut the connection")

    async def pause(self, seconds: float) -> None:
        """Wait, at most until the caller leaves.

        Raises:
            ConnectionError: The caller left.
        """
        while seconds > 0:
            await asyncio.sleep(min(seconds, _LOOK_EVERY))
            seconds -= _LOOK_EVERY
            if self._request.transport is None or self._request.transport.is_closing():
                raise ConnectionResetError("the caller left")


async def send_json(
    request: web.BaseRequest,
    body: bytes,
    headers: dict[str, str],
    fault: Fault | None,
    status: int = 200,
) -> web.StreamResponse:
    """Send a body, JSON by default, with the faults of a connection."""
    headers = {"Content-Type": "application/json", **headers}
    if fault is None or fault.name not in {"cut", "stall", "slow-drip", "bad-json", "hang-up"}:
        return web.Response(body=body, status=status, headers=headers)
    if fault.name == "bad-json":
        return web.Response(body=body[: len(body) * 2 // 3], status=status, headers=headers)
    response = web.StreamResponse(
        status=status, headers={**headers, "Content-Length": str(len(body))}
    )
    writer = Writer(request, response, fault)
    if fault.name == "hang-up":
        writer.hang_up()
    if fault.name == "stall":
        await writer.pause(float(fault.value or math.inf))
    await response.prepare(request)
    await writer.write(body)
    await response.write_eof()
    return response


def sse(content: Any) -> bytes:
    """Return one server-sent event."""
    return b"data: " + orjson.dumps(content) + b"\n\n"


def event_stream(generation_id: str, headers: dict[str, str] | None = None) -> web.StreamResponse:
    """Return the response that events are written to."""
    return web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-cache",
            "X-Generation-Id": generation_id,
            **(headers or {}),
        }
    )
