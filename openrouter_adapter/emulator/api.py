"""The endpoints: from an HTTP request to its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from . import (
    account,
    catalog,
    chat,
    delivery,
    drawing,
    embeddings,
    faults,
    models,
    rerank,
    responses,
    speech,
    texts,
    transcriptions,
)
from .bodies import check_object
from .errors import ApiError, invalid_body, missing_key, unknown_key, unknown_model

if TYPE_CHECKING:
    from .faults import RequestFaults
    from .service import Service

_LOGGER = logging.getLogger("openrouter_adapter.emulator")

Handler = Callable[[web.BaseRequest, Any, "RequestFaults"], Awaitable[web.StreamResponse]]


class Api:
    """OpenRouter's endpoints over one service."""

    def __init__(self, service: Service, prefix: str) -> None:
        """Answer paths below `prefix`."""
        self._service = service
        self._prefix = prefix
        self._routes: dict[tuple[str, str], Handler] = {
            ("POST", "/chat/completions"): self._chat,
            ("POST", "/embeddings"): self._embeddings,
            ("POST", "/rerank"): self._rerank,
            ("POST", "/completions"): self._complete_text,
            ("POST", "/images"): self._draw,
            ("POST", "/audio/speech"): self._speak,
            ("POST", "/audio/transcriptions"): self._transcribe,
            ("POST", responses.PATH): self._responses,
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
            return _refusal(refusal)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            # A client of the emulator should read of its fault as it would of OpenRouter's.
            _LOGGER.exception("%s %s failed", request.method, request.path)
            return _refusal(ApiError(500, "Internal Server Error"))

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix(self._prefix)
        body = await self._read(request, path)
        if request.method == "GET" and path.startswith(("/models", "/embeddings/models")):
            return self._models(path)
        self._authenticate(request)
        handler = self._routes.get((request.method, path))
        if handler is None:
            raise ApiError(404, f"Not Found: {request.method} {request.path}")
        asked = self._service.faults.of_request(request.headers.get(faults.HEADER), path)
        self._refuse(asked, path, body)
        return await handler(request, body, asked)

    def _refuse(self, asked: RequestFaults, path: str, body: Any) -> None:
        fault = asked.take("request")
        if fault is None:
            return
        name = str(body.get("model") or "") if isinstance(body, dict) else ""
        base, _ = catalog.split_variants(name)
        known = catalog.find(base) if catalog.knows(base) else None
        provider = known.endpoints[0].provider if known else ""
        raise chat.refused(self._service, fault, path, body, (name, provider))

    async def _read(self, request: web.BaseRequest, path: str) -> Any:
        body: Any = None
        problem = False
        if request.content_type == "multipart/form-data":
            body = transcriptions.read_form(await request.post())
        elif request.can_read_body and (raw := await request.read()):
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

    async def _chat(
        self, request: web.BaseRequest, body: Any, asked: RequestFaults
    ) -> web.StreamResponse:
        service = self._service
        finished = chat.complete(service, check_object(body), asked)
        fault = asked.take("answer", finished.model.id, finished.endpoint.provider)
        if fault is not None:
            finished = faults.settled(finished, fault)
        if body.get("stream"):
            return await delivery.send_stream(request, service, finished, fault)
        row = chat.bill_row(finished, service.now(), streamed=False)
        service.bill.add(delivery.named(row, fault))
        headers = {"X-Generation-Id": finished.id}
        return await delivery.send_json(
            request, delivery.spoiled_body(finished, fault), headers, fault
        )

    async def _embeddings(
        self, request: web.BaseRequest, body: Any, asked: RequestFaults
    ) -> web.StreamResponse:
        fault = asked.take("answer", check_object(body).get("model") or "")
        answer = embeddings.embed(self._service, body, fault)
        return await delivery.send_json(request, answer, {}, fault)

    async def _responses(
        self, request: web.BaseRequest, body: Any, asked: RequestFaults
    ) -> web.StreamResponse:
        return await responses.answer(request, self._service, body, asked)

    async def _rerank(
        self, request: web.BaseRequest, body: Any, asked: RequestFaults
    ) -> web.StreamResponse:
        fault = asked.take("answer", check_object(body).get("model") or "")
        answer = rerank.rank(self._service, body, fault)
        return await delivery.send_json(request, answer, {}, fault)

    async def _complete_text(
        self, request: web.BaseRequest, body: Any, asked: RequestFaults
    ) -> web.StreamResponse:
        return await texts.answer(request, self._service, body, asked)

    async def _draw(
        self, request: web.BaseRequest, body: Any, asked: RequestFaults
    ) -> web.StreamResponse:
        fault = asked.take("answer", check_object(body).get("model") or "")
        answer, headers = drawing.draw(self._service, body, fault)
        return await delivery.send_json(request, answer, headers, fault)

    async def _speak(
        self, request: web.BaseRequest, body: Any, asked: RequestFaults
    ) -> web.StreamResponse:
        fault = asked.take("answer", check_object(body).get("model") or "")
        answer, headers = speech.speak(self._service, body, fault)
        return await delivery.send_json(request, answer, headers, fault)

    async def _transcribe(
        self, request: web.BaseRequest, body: Any, asked: RequestFaults
    ) -> web.StreamResponse:
        fault = asked.take("answer", check_object(body).get("model") or "")
        answer, headers = transcriptions.transcribe(self._service, body, fault)
        return await delivery.send_json(request, answer, headers, fault)

    def _models(self, path: str) -> web.StreamResponse:
        if path == "/models":
            return _json(models.listing())
        if path == "/embeddings/models":
            return _json(models.listing("embeddings"))
        slug = path.removeprefix("/models/").removesuffix("/endpoints")
        if not path.endswith("/endpoints"):
            raise unknown_model(slug)
        return _json(models.endpoints_object(catalog.find(slug)))

    async def _generation(
        self, request: web.BaseRequest, _body: Any, _asked: RequestFaults
    ) -> web.StreamResponse:
        return _json(account.generation(self._service, request.query.get("id", "")))

    async def _credits(
        self, _request: web.BaseRequest, _body: Any, _asked: RequestFaults
    ) -> web.StreamResponse:
        return _json(account.credit_balance(self._service))

    async def _key(
        self, _request: web.BaseRequest, _body: Any, _asked: RequestFaults
    ) -> web.StreamResponse:
        return _json(account.key(self._service))


def _json(body: Any) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")


def _refusal(refusal: ApiError) -> web.Response:
    if refusal.page is not None:
        return web.Response(text=refusal.page, status=refusal.status, content_type="text/html")
    return web.Response(
        body=orjson.dumps(refusal.body()),
        status=refusal.status,
        headers={"Content-Type": "application/json", **refusal.headers},
    )
