"""A stub of OpenRouter's Batch API in a process of its own: each request gets the same answer.

It also lists one model and its batch price, and answers single chats, for the comparison.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from _stub import MODEL, USAGE, chat_answer
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterator

_BYTES: int = 256 * 1024 * 1024
_HEAD, _, _BODY = chat_answer().partition(b"\r\n\r\n")
_ANSWER = {**orjson.loads(_BODY)}
_OF_BATCH = {name: USAGE[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
_ROW = orjson.dumps({**_ANSWER, "usage": _OF_BATCH})
_PRICE = {"prompt": "0.0000002", "completion": "0.0000008"}
_HALF = {"prompt": "0.0000001", "completion": "0.0000004"}
_COST = 12 * 1e-7 + 34 * 4e-7


def models() -> dict[str, Any]:
    """Return the list of models."""
    row = {"id": MODEL, "context_length": 128_000, "pricing": _PRICE}
    return {"data": [row, {**row, "id": f"{MODEL}:batch", "pricing": _HALF}]}


class Api:
    """The batches that were submitted: only their ids are kept."""

    def __init__(self) -> None:
        """Start without any."""
        self._batches: list[list[str]] = []

    async def models(self, _: web.Request) -> web.Response:
        """List the models."""
        return web.json_response(models())

    async def endpoints(self, _: web.Request) -> web.Response:
        """List the providers of the model."""
        one = {"provider_name": "Stub", "tag": "stub", "pricing": _PRICE, "context_length": 128_000}
        return web.json_response({"data": {"id": MODEL, "endpoints": [one]}})

    async def chat(self, request: web.Request) -> web.Response:
        """Answer one chat."""
        await request.read()
        return web.Response(body=_BODY, content_type="application/json")

    async def submit(self, request: web.Request) -> web.Response:
        """Accept a batch."""
        body = orjson.loads(await request.read())
        self._batches.append([one["custom_id"] for one in body["requests"]])
        return self._answer(len(self._batches) - 1, "validating", b"null", 202)

    async def get(self, request: web.Request) -> web.Response:
        """Answer with a batch's results."""
        number = int(request.match_info["id"].removeprefix("batch_"))
        rows = b",".join(
            b'{"id":"r","custom_id":%b,"response":{"status_code":200,"request_id":null,"body":%b},'
            b'"error":null}' % (orjson.dumps(custom_id), _ROW)
            for custom_id in self._batches[number]
        )
        return self._answer(number, "completed", b"[" + rows + b"]", 200)

    def _answer(self, number: int, status: str, results: bytes, code: int) -> web.Response:
        count, is_over = len(self._batches[number]), status == "completed"
        batch = {
            "id": f"batch_{number}",
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "model": MODEL,
            "status": status,
            "created_at": 1,
            "finalized_at": None,
            "request_counts": {"total": count, "completed": count * is_over, "failed": 0},
            "usage": {**_OF_BATCH, "cost": round(_COST * count, 9)} if is_over else None,
            "error": None,
        }
        head = orjson.dumps(batch)[:-1]
        body = head + b',"results":' + results + b"}"
        return web.Response(body=body, status=code, content_type="application/json")


async def serve() -> None:
    """Serve on a free loopback port, which is printed, until the process is ended."""
    api, app = Api(), web.Application(client_max_size=_BYTES)
    app.router.add_get("/api/v1/models", api.models)
    app.router.add_get("/api/v1/models/{author}/{slug}/endpoints", api.endpoints)
    app.router.add_post("/api/v1/chat/completions", api.chat)
    app.router.add_post("/api/v1/batches", api.submit)
    app.router.add_get("/api/v1/batches/{id}", api.get)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


@contextlib.contextmanager
def stub() -> Iterator[str]:
    """Run the stub in a process of its own and give its base URL."""
    command = [sys.executable, str(Path(__file__).resolve())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - given by PIPE
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/api/v1"
        finally:
            process.terminate()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
