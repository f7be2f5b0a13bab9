"""The endpoints: from an HTTP request to its answer.

To add an endpoint:

1. Write a module with a function that takes a `Call` and returns JSON, and with `ROUTES`: a `Route`
   for each path, with the keys that may call it. `call.given()` checks the body's fields, and
   `Route.read_form` reads a multipart form.
2. Name the module in `_ROUTES` below, and take its path out of `_NOT_EMULATED`.
3. If it costs money, let `inference` make the route. It calls the function with the fault of the
   request, prices the answer by catalog.json and puts its row on the bill.
   `inference.conversation(Form(…))` is for a chat completion in another form, such as a response,
   `inference.single(path, function)` for any other answer that comes whole, such as a rerank, and
   `inference.send_stream` for any other stream, such as a stream of images.
4. What lasts longer than a request, such as a preset, is a field of `state.State`.
5. Test it with the official SDK, and add its row to docs/emulator.md.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from . import (
    audio,
    batch_jobs,
    batches,
    catalog,
    chat_format,
    embeddings,
    faults,
    files_api,
    images_api,
    limits,
    messages,
    models,
    rerank,
    responses,
    text_completions,
    typed_errors,
    videos,
)
from .call import Call, Routes
from .errors import ApiError, invalid_body
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
    from .faults import RequestFaults
    from .keys import Key
    from .state import State

_LOGGER = logging.getLogger("openrouter_adapter.emulator")

# The second name is older.
_ROUTE_HEADERS = ("x-openrouter-metadata", "x-openrouter-experimental-metadata")
_ROUTES = Routes(
    [
        route
        for module in (
            *(chat_format, text_completions, responses, messages),
            *(embeddings, rerank, images_api, audio, batches, files_api, videos),
            *(models, account, activity, byok, guardrails, keys, oauth, presets),
        )
        for route in module.ROUTES
    ]
)
# OpenRouter's other endpoints: they are answered with 501, and unknown paths with 404.
_NOT_EMULATED = (
    *("/alpha", "/analytics", "/api", "/benchmarks", "/classifications"),
    *("/containers", "/datasets", "/external-users", "/images", "/interns"),
    *("/oauth", "/observability", "/organization", "/private"),
    *("/private-endpoints", "/scim", "/systemone", "/tools", "/vault", "/workspaces"),
)


class Api:
    """All endpoints of one emulator."""

    def __init__(self, state: State, prefix: str) -> None:
        """Answer paths below `prefix`."""
        self._state = state
        self._prefix = prefix

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request; each error has OpenRouter's form."""
        try:
            return await self._route(request)
        except ApiError as refusal:
            return self._refusal(request, refusal)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            # To the client, a bug of the emulator looks like one of OpenRouter's.
            _LOGGER.exception("%s %s failed", request.method, request.path)
            return self._refusal(request, ApiError(500, "Internal Server Error"))

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        whole_path = request.path.removeprefix(self._prefix)
        path = whole_path.rstrip("/")
        found = _ROUTES.find(request.method, path)
        batch_jobs.work(self._state)
        videos.finish_due(self._state)
        body = await self._read(request, whole_path, found[0] if found else None)
        if found is None and _ROUTES.knows(path):
            raise ApiError(405, "Method Not Allowed")
        if found is not None and found[0].access == "anybody":
            state, asked = self._state, faults.RequestFaults(path)
        else:
            state = self._state.of(self._caller(request))
            asked = state.faults.of_request(
                request.headers.get(faults.HEADER),
                found[0].path if found else path,
                tells_route=_asks_for_route(request),
            )
            self._refuse(state, asked, path, body)
        if found is None:
            raise _nowhere(request.method, path)
        route, parts = found
        _admit(state, route)
        answered = route.answer(Call(state, request, body, parts, asked))
        if inspect.isawaitable(answered):
            answered = await answered
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
        raise state.refuse(fault, path, body, name, provider)

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

    async def _read(self, request: web.BaseRequest, path: str, route: Route | None) -> Any:
        body: Any = None
        problem = False
        if request.content_type == "multipart/form-data":
            body = route.read_form(await request.post()) if route and route.read_form else None
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
            raise ApiError(401, "Missing Authentication header")
        key = self._state.keys.of_secret(secret.strip())
        if key.disabled:
            raise ApiError(401, "API key is disabled")
        if key.expired(self._state.now()):
            raise ApiError(401, "API key has expired")
        return key


def _admit(state: State, route: Route) -> None:
    """Check that the caller's key may call a route, and that its limits are not used up."""
    if route.access == "management" and not state.key.manages:
        if route.refusal is not None:
            raise ApiError(403, route.refusal)
        raise ApiError(401, "Invalid management key")
    if route.access == "inference":
        if state.key.manages:
            raise ApiError(403, "Management keys cannot be used for inference requests")
        limits.check_open(state)
        state.rates.admit(state.key.hash, state.now())


def _nowhere(method: str, path: str) -> ApiError:
    if any(path == known or path.startswith(f"{known}/") for known in _NOT_EMULATED):
        return ApiError(501, f"The emulator does not emulate {method} {path}")
    return ApiError(404, f"Not Found: {method} {path}")


def _asks_for_route(request: web.BaseRequest) -> bool:
    return any(request.headers.get(name, "").lower() == "enabled" for name in _ROUTE_HEADERS)
