"""LiteLLM's HTTP clients: every request to OpenRouter leaves by one of them.

The client of a call of ours sends the attempt's headers, and checks the response before the body
is read (`add_hooks`). LiteLLM sends other requests in ways of its own: its proxy passes some
through as they are, an `openai/…` model can be given OpenRouter's address, and each release
brings new endpoints. All clients are watched (`watch`): they ask the gate of admission.py about
such a request, and read the bill out of the response.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import os
import weakref
from typing import TYPE_CHECKING, Any, Final

import httpx
import orjson

from openrouter_adapter import admission
from openrouter_adapter.admission import Attempt
from openrouter_adapter.wire import connection, errors, incoming, sse, usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

# Endpoints of the account, which cost nothing.
_FREE: Final = (
    "/analytics/query",
    "/auth/keys",
    "/byok",
    "/credits/",
    "/files",
    "/generation/feedback",
    "/guardrails",
    "/keys",
    "/observability/",
    "/scim/",
    "/workspaces",
)
_ROOTS: Final = ("/api/v1", "/api", "/v1")
_KEY: Final = "Bearer sk-or-"
_OPENAI: Final = "https://api.openai.com/v1"
# The most bytes kept of a response that is passed on piece by piece, to read its bill from.
_MOST_KEPT: Final = 32_000_000
_MOST_SHOWN: Final = 500

caller: Final[contextvars.ContextVar[Mapping[str, Any] | None]] = contextvars.ContextVar(
    "openrouter_adapter_caller", default=None
)
"""Who sends requests from this task, in the form of LiteLLM's parameters; None if not known."""

_watched: Final[weakref.WeakSet[Any]] = weakref.WeakSet()


def watch(client: Any, *, raises: bool = True) -> Any:
    """Has an `httpx` client ask the gate; returns the client.

    Args:
        client: A synchronous or an asynchronous one; anything else is left alone.
        raises: Whether a refusal is an exception. Otherwise it is a response with status 400:
            OpenAI's SDK retries after an exception.
    """
    if not isinstance(client, httpx.Client | httpx.AsyncClient) or client in _watched:
        return client
    _watched.add(client)
    kind: Any = type(client)
    send = _send_async if isinstance(client, httpx.AsyncClient) else _send
    # Weak, or the client would be part of a cycle, and be closed late.
    reference = weakref.ref(client)

    @functools.wraps(kind.send)
    def watched(request: httpx.Request, **keywords: Any) -> Any:
        attempt = admission.sending()
        if attempt is not None and attempt.is_admitted:
            return kind.send(reference(), request, **keywords)
        attempt = _begin(attempt or Attempt(), request)
        if attempt is None:
            return kind.send(reference(), request, **keywords)
        original = functools.partial(kind.send, reference())
        return send(original, request, keywords, attempt, raises=raises)

    client.__dict__["send"] = watched
    return client


def release() -> None:
    """Stops watching all clients."""
    for client in list(_watched):
        client.__dict__.pop("send", None)
    _watched.clear()


def add_hooks(client: Any) -> None:
    """Has a client of an attempt send the attempt's headers, and check the response.

    Args:
        client: One of LiteLLM's `HTTPHandler` or `AsyncHTTPHandler`.
    """
    is_async = isinstance(client.client, httpx.AsyncClient)
    places = [client.client.event_hooks]
    if is_async:
        # LiteLLM makes a new client with these after a connection failed.
        if client.event_hooks is None:
            client.event_hooks = {}
        places.append(client.event_hooks)
    for place in places:
        for name, hook in _HOOKS[is_async]:
            hooks = place.setdefault(name, [])
            if hook not in hooks:
                hooks.append(hook)


def _dress(request: httpx.Request) -> None:
    attempt = admission.sending()
    if attempt is not None:
        for name, value in attempt.headers.items():
            request.headers.setdefault(name, value)


async def _dress_async(request: httpx.Request) -> None:
    _dress(request)


def _check(response: httpx.Response) -> None:
    attempt = admission.sending()
    if attempt is not None:
        attempt.seen(response.status_code, response.headers)
        incoming.check(response)


async def _check_async(response: httpx.Response) -> None:
    attempt = admission.sending()
    if attempt is not None:
        attempt.seen(response.status_code, response.headers)
        await incoming.check_async(response)


_HOOKS: Final = {
    False: (("request", _dress), ("response", _check)),
    True: (("request", _dress_async), ("response", _check_async)),
}


def watching(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for a method that makes clients: these are watched."""

    @functools.wraps(original)
    def make(*arguments: Any, **keywords: Any) -> Any:
        return watch(original(*arguments, **keywords))

    return make


def watching_openai(original: Any) -> Any:
    """The same for a static method that makes clients of OpenAI's SDK."""

    def make(*arguments: Any, **keywords: Any) -> Any:
        return watch(original.__func__(*arguments, **keywords), raises=False)

    return staticmethod(make)


def _begin(attempt: Attempt, request: httpx.Request) -> Attempt | None:
    """The attempt that has to be admitted before a request is sent; None if it may be sent."""
    if _shows_key(request):
        return attempt
    if request.method != "POST" or not admission.is_guarded():
        return None
    base = attempt.parameters.get("api_base")
    if not _is_openrouter(request.url, base) or _endpoint_of(request.url).startswith(_FREE):
        return None
    if not attempt.parameters:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        attempt = Attempt(caller.get(), key)
    return attempt


def is_openrouter(address: object) -> bool:
    """Whether an address is OpenRouter's, or the one that OPENROUTER_API_BASE names."""
    try:
        return isinstance(address, str) and _is_openrouter(httpx.URL(address))
    except httpx.InvalidURL:
        return False


def _is_openrouter(url: httpx.URL, base: object = None) -> bool:
    host = url.host
    if host == "openrouter.ai" or host.endswith(".openrouter.ai"):
        return True
    named = (base, os.environ.get(connection.BASE_URL_VARIABLE))
    return any(isinstance(one, str) and _place(one) == (host, url.port) for one in named)


def _place(address: str) -> tuple[str, int | None] | None:
    try:
        url = httpx.URL(address.strip())
    except httpx.InvalidURL:
        return None
    return url.host, url.port


def _endpoint_of(url: httpx.URL) -> str:
    for root in _ROOTS:
        _, found, endpoint = url.path.partition(f"{root}/")
        if found:
            return f"/{endpoint}"
    return url.path


def _shows_key(request: httpx.Request) -> bool:
    """Whether a request would send a key of OpenRouter to OpenAI."""
    if not request.headers.get("Authorization", "").startswith(_KEY):
        return False
    openai = (_OPENAI, os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_BASE"))
    places = {_place(address) for address in openai if address}
    url = request.url
    return (url.host, url.port) in places and not _is_openrouter(url)


def _admit(attempt: Attempt, request: httpx.Request) -> None:
    if _shows_key(request):
        raise errors.bad_request(
            f"a key of OpenRouter is not sent to {request.url.host}: LiteLLM has no "
            f"{_endpoint_of(request.url)} for OpenRouter, and would ask OpenAI"
        )
    attempt.admit(_body_of(request), _endpoint_of(request.url))
    # The bill is read as the bytes come.
    request.headers["Accept-Encoding"] = "identity"


def _body_of(request: httpx.Request) -> dict[str, Any]:
    """The JSON object in a request's body; an empty one if there is none, as in a form."""
    try:
        body = orjson.loads(request.content)
    except (httpx.RequestNotRead, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def _refused(refusal: Exception, request: httpx.Request) -> httpx.Response:
    error = {"message": str(refusal), "type": type(refusal).__name__, "code": 400}
    return httpx.Response(400, json={"error": error}, request=request)


def _send(
    original: Callable[..., httpx.Response],
    request: httpx.Request,
    keywords: dict[str, Any],
    attempt: Attempt,
    *,
    raises: bool,
) -> httpx.Response:
    try:
        _admit(attempt, request)
    except Exception as refusal:
        if raises:
            raise
        return _refused(refusal, request)
    with attempt.failing():
        response = original(request, **keywords)
        return _followed(response, attempt, is_stream=bool(keywords.get("stream")))


async def _send_async(
    original: Callable[..., Any],
    request: httpx.Request,
    keywords: dict[str, Any],
    attempt: Attempt,
    *,
    raises: bool,
) -> httpx.Response:
    try:
        with attempt.failing():
            # In a thread: the gate may ask a database.
            await asyncio.to_thread(_admit, attempt, request)
    except Exception as refusal:
        if raises:
            raise
        return _refused(refusal, request)
    with attempt.failing():
        response = await original(request, **keywords)
        return _followed(response, attempt, is_stream=bool(keywords.get("stream")))


def _followed(response: httpx.Response, attempt: Attempt, *, is_stream: bool) -> httpx.Response:
    """The response; its attempt is finished now, or when its stream ends or is left."""
    reader = _BillReader(response, attempt)
    attempt.seen(response.status_code, response.headers)
    if not is_stream:
        reader.feed(response.content)
        reader.finish()
    elif isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _AsyncStream(response.stream, reader)
    elif isinstance(response.stream, httpx.SyncByteStream):
        response.stream = _Stream(response.stream, reader)
    return response


class _BillReader:
    """Reads what a response cost out of its bytes, on any endpoint."""

    def __init__(self, response: httpx.Response, attempt: Attempt) -> None:
        self._status, self._headers = response.status_code, response.headers
        self._attempt = attempt
        kind = response.headers.get("content-type", "")
        self._parser = sse.EventParser() if kind.startswith("text/event-stream") else None
        self._is_json = "json" in kind
        self._pieces: list[bytes] = []
        self._kept = 0
        self._body: dict[str, Any] = {}

    def feed(self, piece: bytes) -> None:
        """Takes the next piece. Never raises: the caller gets the response in any case."""
        if self._parser is not None:
            try:
                for event in self._parser.feed(piece):
                    self._take(event)
            except (sse.NotJSONError, *errors.MALFORMED):
                self._parser = None
        elif self._is_json and self._kept < _MOST_KEPT:
            self._pieces.append(piece)
            self._kept += len(piece)

    def finish(self, failure: BaseException | None = None) -> None:
        """Finishes the attempt with the bill that was read so far."""
        if self._pieces:
            with contextlib.suppress(ValueError):
                body = orjson.loads(b"".join(self._pieces))
                self._body = body if isinstance(body, dict) else {}
        if failure is None and self._status >= httpx.codes.BAD_REQUEST:
            text = b"".join(self._pieces)[:_MOST_SHOWN].decode(errors="replace")
            failure = errors.build(self._status, text, self._headers)
        self._attempt.finish(usage.read_bill(self._body, self._headers), failure)

    def _take(self, event: dict[str, Any]) -> None:
        # Events of Responses have it in `response`, of Messages in `message`, of chats at the top.
        facts = event.get("response") or event.get("message") or event
        spent = {**(self._body.get("usage") or {}), **(facts.get("usage") or {})}
        self._body = {**self._body, **facts, "usage": spent}


class _Stream(httpx.SyncByteStream):
    """A response's bytes on their way to the caller."""

    def __init__(self, inner: httpx.SyncByteStream, reader: _BillReader) -> None:
        self._inner, self._reader = inner, reader

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._inner:
                self._reader.feed(piece)
                yield piece
        except Exception as failure:
            self._reader.finish(failure)
            raise

    def close(self) -> None:
        self._reader.finish()
        self._inner.close()


class _AsyncStream(httpx.AsyncByteStream):
    """A response's bytes on their way to the caller."""

    def __init__(self, inner: httpx.AsyncByteStream, reader: _BillReader) -> None:
        self._inner, self._reader = inner, reader

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._inner:
                self._reader.feed(piece)
                yield piece
        except Exception as failure:
            self._reader.finish(failure)
            raise

    async def aclose(self) -> None:
        self._reader.finish()
        await self._inner.aclose()
