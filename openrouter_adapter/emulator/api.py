"""The endpoints: from an HTTP request to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from . import account, catalog, chat, completion, embeddings, models, streaming
from .bodies import check_object
from .errors import ApiError, invalid_body, missing_key, unknown_key, unknown_model

if TYPE_CHECKING:
    from .completion import Completion
    from .service import Service

# Without delay, events leave in groups: one write each would halve the rate.
_EVENTS_A_WRITE = 64

Handler = Callable[[web.BaseRequest, Any], Awaitable[web.StreamResponse]]


class Api:
    """OpenRouter's endpoints over one service."""

    def __init__(self, service: Service, prefix: str) -> None:
        """Answer paths below `prefix`."""
        self._service = service
        self._prefix = prefix
        self._routes: dict[tuple[str, str], Handler] = {
            ("POST", "/chat/completions"): self._chat,
            ("POST", "/embeddings"): self._embeddings,
            ("GET", "/generation"): self._generation,
            ("GET", "/credits"): self._credits,
            ("GET", "/key"): self._key,
            ("GET", "/auth/key"): self._key,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request; every refusal is OpenRouter's JSON."""
        try:
            return await self._route(request)
        except ApiError as refusal:
            return _json(refusal.body(), status=refusal.status)

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix(self._prefix)
        body = await self._read(request, path)
        if request.method == "GET" and path.startswith(("/models", "/embeddings/models")):
            return self._models(path)
        self._authenticate(request)
        handler = self._routes.get((request.method, path))
        if handler is None:
            raise ApiError(404, f"Not Found: {request.method} {request.path}")
        return await handler(request, body)

    async def _read(self, request: web.BaseRequest, path: str) -> Any:
        raw = await request.read() if request.can_read_body else b""
        body: Any = None
        problem = False
        if raw:
            try:
                body = orjson.loads(raw)
            except orjson.JSONDecodeError:
                problem = True
        self._service.journal.add(request.method, path, request.headers, request.query, body)
        if problem:
            raise invalid_body("Invalid JSON body")
        return body

    def _authenticate(self, request: web.BaseRequest) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise missing_key()
        known = self._service.settings.api_key
        if known is not None and key.strip() != known:
            raise unknown_key()

    async def _chat(self, request: web.BaseRequest, body: Any) -> web.StreamResponse:
        service = self._service
        finished = chat.complete(service, check_object(body))
        if body.get("stream"):
            return await self._stream(request, finished)
        service.bill.add(chat.bill_row(finished, service.now(), streamed=False))
        return _json(completion.body(finished), headers={"X-Generation-Id": finished.id})

    async def _stream(self, request: web.BaseRequest, finished: Completion) -> web.StreamResponse:
        service, settings = self._service, self._service.settings
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-cache",
                "X-Generation-Id": finished.id,
            }
        )
        events = streaming.events(finished, settings.chunk_tokens)
        sent = 0
        try:
            await response.prepare(request)
            if settings.comments:
                await response.write(streaming.COMMENT * settings.comments)
            group = 1 if settings.chunk_delay else _EVENTS_A_WRITE
            for start in range(0, len(events), group):
                if settings.chunk_delay:
                    await asyncio.sleep(settings.chunk_delay)
                await response.write(b"".join(events[start : start + group]))
                sent = start + group
        except (ConnectionError, asyncio.CancelledError):
            share = min(1.0, sent / len(events)) if events else 0.0
            service.bill.add(chat.cut_row(finished, service.now(), share))
            raise
        # The bill is written before its last event, so that a reader of it finds the row.
        service.bill.add(chat.bill_row(finished, service.now(), streamed=True))
        await response.write(streaming.usage_event(finished) + streaming.DONE)
        await response.write_eof()
        return response

    async def _embeddings(self, _request: web.BaseRequest, body: Any) -> web.StreamResponse:
        return _json_bytes(embeddings.embed(self._service, check_object(body)))

    def _models(self, path: str) -> web.StreamResponse:
        if path == "/models":
            return _json(models.listing())
        if path == "/embeddings/models":
            return _json(models.listing("embeddings"))
        slug = path.removeprefix("/models/").removesuffix("/endpoints")
        if not path.endswith("/endpoints"):
            raise unknown_model(slug)
        return _json(models.endpoints_object(catalog.find(slug)))

    async def _generation(self, request: web.BaseRequest, _body: Any) -> web.StreamResponse:
        return _json(account.generation(self._service, request.query.get("id", "")))

    async def _credits(self, _request: web.BaseRequest, _body: Any) -> web.StreamResponse:
        return _json(account.credit_balance(self._service))

    async def _key(self, _request: web.BaseRequest, _body: Any) -> web.StreamResponse:
        return _json(account.key(self._service))


def _json(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return _json_bytes(orjson.dumps(body), status=status, headers=headers)


def _json_bytes(
    body: bytes, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)
