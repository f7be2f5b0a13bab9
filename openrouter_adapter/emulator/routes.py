"""The endpoints: from an HTTP request to its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from . import (
    audio,
    catalog,
    chat,
    embeddings,
    faults,
    images_api,
    limits,
    models,
    rerank,
    responses,
    sending,
    text_completions,
    typed_errors,
)
from .bodies import check_object
from .call import Call, Routes
from .errors import (
    ApiError,
    disabled_key,
    expired_key,
    invalid_body,
    missing_key,
    not_calling,
    not_managing,
)
from .management import (
    account,
    activity,
    byok,
    guardrails,
    keys,
    oauth,
    presets,
)

if TYPE_CHECKING:
    from .call import Route
    from .faults import Fault, RequestFaults
    from .keys import Key
    from .state import State

_LOGGER = logging.getLogger("openrouter_adapter.emulator")

Handler = Callable[
    ["web.BaseRequest", "State", Any, "RequestFaults"], Awaitable[web.StreamResponse]
]
Answered = tuple[bytes, dict[str, str]]


def _at_once(answer: Callable[[State, dict[str, Any], Fault | None], Answered]) -> Handler:
    """Return the handler of an endpoint that answers whole, from one model."""

    async def handle(
        request: web.BaseRequest, state: State, body: Any, asked: RequestFaults
    ) -> web.StreamResponse:
        fault = asked.take("answer", check_object(body).get("model") or "")
        answered, headers = answer(state, body, fault)
        return await sending.send_json(request, answered, headers, fault)

    return handle


async def _chat(
    request: web.BaseRequest, state: State, body: Any, asked: RequestFaults
) -> web.StreamResponse:
    cached = state.look(request.headers, "/chat/completions", check_object(body))
    hit = cached.completion(state.new_id) if cached else None
    finished = hit or chat.complete(state, body, asked)
    fault = asked.take("answer", finished.model.id, finished.endpoint.provider)
    if fault is not None:
        finished = faults.settled(finished, fault)
    headers = cached.headers() if cached else {}
    if body.get("stream"):
        sent = await sending.send_stream(request, state, finished, fault, headers=headers)
    else:
        row = chat.bill_row(finished, state.now(), streamed=False)
        state.charge(sending.named(row, fault))
        headers["X-Generation-Id"] = finished.id
        answered = sending.spoiled_body(finished, fault)
        sent = await sending.send_json(request, answered, headers, fault)
    if cached and fault is None:
        cached.keep(finished.id, finished)
    return sent


async def _embeddings(
    request: web.BaseRequest, state: State, body: Any, asked: RequestFaults
) -> web.StreamResponse:
    cached = state.look(request.headers, "/embeddings", check_object(body))
    fault = asked.take("answer", body.get("model") or "")
    is_free = cached is not None and cached.is_hit
    answered, headers = embeddings.embed(state, body, fault, is_free=is_free)
    if cached is not None:
        headers |= cached.headers()
        if fault is None:
            cached.keep(headers["X-Generation-Id"])
    return await sending.send_json(request, answered, headers, fault)


# The older name is the experiment's.
_ROUTE_HEADERS = ("x-openrouter-metadata", "x-openrouter-experimental-metadata")
# What costs money: only keys that call models may ask for it.
_INFERENCE: dict[str, Handler] = {
    "/chat/completions": _chat,
    "/completions": text_completions.answer,
    "/responses": responses.answer,
    "/embeddings": _embeddings,
    "/rerank": _at_once(rerank.rank),
    "/images": images_api.answer,
    "/audio/speech": _at_once(audio.speak),
    "/audio/transcriptions": _at_once(audio.transcribe),
}
_ROUTES = Routes(
    [
        route
        for module in (
            *(account, activity, byok, guardrails, images_api, keys, models),
            *(oauth, presets),
        )
        for route in module.ROUTES
    ]
)
# OpenRouter has these too; the emulator says so rather than that they are not there.
_NOT_EMULATED = (
    *("/alpha", "/analytics", "/api", "/batches", "/benchmarks", "/classifications"),
    *("/containers", "/datasets", "/external-users", "/files", "/images", "/interns"),
    *("/messages", "/oauth", "/observability", "/organization", "/private"),
    *("/private-endpoints", "/scim", "/systemone", "/tools", "/vault", "/videos", "/workspaces"),
)


class Api:
    """OpenRouter's endpoints over one state."""

    def __init__(self, state: State, prefix: str) -> None:
        """Answer paths below `prefix`."""
        self._state = state
        self._prefix = prefix

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request; every refusal is OpenRouter's JSON."""
        try:
            return await self._route(request)
        except ApiError as refusal:
            return self._refusal(request, refusal)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            # A client of the emulator should read of its fault as it would of OpenRouter's.
            _LOGGER.exception("%s %s failed", request.method, request.path)
            return self._refusal(request, ApiError(500, "Internal Server Error"))

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix(self._prefix)
        body = await self._read(request, path)
        handler = _INFERENCE.get(path) if request.method == "POST" else None
        found = None if handler else _ROUTES.find(request.method, path.rstrip("/"))
        if found is not None and found[0].access == "anybody":
            return self._answer(request, self._state, body, found)
        if handler is None and found is None and (_ROUTES.knows(path) or path in _INFERENCE):
            raise ApiError(405, "Method Not Allowed")
        state = self._state.of(self._caller(request))
        asked = state.faults.of_request(
            request.headers.get(faults.HEADER), path, tells_route=_asks_for_route(request)
        )
        if handler is not None:
            self._refuse(state, asked, path, body)
            _admit(state)
            return await handler(request, state, body, asked)
        self._refuse(state, asked, path, body)
        if found is None:
            raise _nowhere(request.method, path)
        return self._answer(request, state, body, found)

    def _answer(
        self,
        request: web.BaseRequest,
        state: State,
        body: Any,
        found: tuple[Route, tuple[str, ...]],
    ) -> web.StreamResponse:
        route, parts = found
        if route.access == "management" and not state.key.manages:
            raise ApiError(403, route.refusal) if route.refusal else not_managing()
        answered = route.answer(Call(state, request.query, body, parts))
        if isinstance(answered, web.StreamResponse):
            return answered
        return web.Response(
            body=orjson.dumps(answered), status=route.status, content_type="application/json"
        )

    def _refuse(self, state: State, asked: RequestFaults, path: str, body: Any) -> None:
        fault = asked.take("request")
        if fault is None:
            return
        name = str(body.get("model") or "") if isinstance(body, dict) else ""
        base, _ = catalog.split_variants(name)
        known = catalog.find(base) if catalog.knows(base) else None
        provider = known.endpoints[0].provider if known else ""
        raise chat.refused(state, fault, path, body, (name, provider))

    def _refusal(self, request: web.BaseRequest, refusal: ApiError) -> web.Response:
        if refusal.page is not None:
            return web.Response(text=refusal.page, status=refusal.status, content_type="text/html")
        body = refusal.body(request.path.removeprefix(self._prefix))
        if _asks_for_route(request) and refusal.status != 500:
            asked = request.get("body")
            model = str(asked.get("model") or "") if isinstance(asked, dict) else ""
            body["openrouter_metadata"] = typed_errors.route(model, refusal.provider or "")
        return web.Response(
            body=orjson.dumps(body),
            status=refusal.status,
            headers={"Content-Type": "application/json", **refusal.headers},
        )

    async def _read(self, request: web.BaseRequest, path: str) -> Any:
        body: Any = None
        problem = False
        if request.content_type == "multipart/form-data":
            body = audio.read_form(await request.post())
        elif request.can_read_body and (raw := await request.read()):
            try:
                body = orjson.loads(raw)
            except orjson.JSONDecodeError:
                problem = True
        request["body"] = body
        self._state.log(request.method, path, request.headers, request.query, body)
        if problem:
            raise invalid_body("Invalid JSON body")
        return body

    def _caller(self, request: web.BaseRequest) -> Key:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise missing_key()
        key = self._state.keys.of_secret(secret.strip())
        if key.disabled:
            raise disabled_key()
        if key.expired(self._state.now()):
            raise expired_key()
        return key


def _admit(state: State) -> None:
    """Check that the caller may call models, and has not used up what it may."""
    if state.key.manages:
        raise not_calling()
    limits.check_open(state)
    state.rates.admit(state.key.hash, state.now())


def _nowhere(method: str, path: str) -> ApiError:
    if any(path == known or path.startswith(f"{known}/") for known in _NOT_EMULATED):
        return ApiError(501, f"The emulator does not emulate {method} {path}")
    return ApiError(404, f"Not Found: {method} {path}")


def _asks_for_route(request: web.BaseRequest) -> bool:
    return any(request.headers.get(name, "").lower() == "enabled" for name in _ROUTE_HEADERS)
