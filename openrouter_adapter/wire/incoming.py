"""Limits of a response: no redirect to another server, and no body beyond a size.

`check` and `check_async` are response hooks for httpx's clients. They act before the body is read
and before a redirect is followed, which would send the prompt to another server.
"""

from __future__ import annotations

import functools
import os
import zlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

import httpx

from openrouter_adapter.wire import connection, errors

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    import aiohttp

DEFAULT_MAX_BYTES: Final = 200_000_000
MAX_BYTES_VARIABLE: Final = "OPENROUTER_ADAPTER_MAX_RESPONSE_BYTES"

_ANY_SIZE: Final = 1 << 50

# zlib's number for "by the header, gzip or zlib".
_ANY_HEADER: Final = zlib.MAX_WBITS | 32
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


def max_bytes() -> int:
    """The largest body that is read, in bytes after decompression.

    Raises:
        litellm.BadRequestError: the variable in the environment is not a whole number from 1.
    """
    given = connection.settings().max_response_bytes
    if given is not None:
        return given
    text = os.environ.get(MAX_BYTES_VARIABLE, "").strip()
    if not text:
        return DEFAULT_MAX_BYTES
    if not (text.isascii() and text.isdigit() and int(text)):
        raise errors.bad_request(f"{MAX_BYTES_VARIABLE}={text!r}: give a whole number of bytes")
    return int(text)


class Body:
    """Takes a body piece by piece, decompresses it, and refuses it beyond the limit.

    Memory is bounded however small the compressed body is: no piece is decompressed further than
    to the first byte over the limit.

    Attributes:
        encoding: The compression by the headers, None if they name none.
    """

    __slots__ = (
        "_decompress",
        "_headers",
        "_is_raw_possible",
        "_left",
        "_limit",
        "_model_of",
        "encoding",
    )

    def __init__(
        self, headers: Mapping[str, str], model_of: Callable[[], str], most: int | None = None
    ) -> None:
        """Takes the response's headers, a function for the model's name in an exception, the limit.

        Raises:
            litellm.BadRequestError: the headers announce a body beyond the limit.
            litellm.ServiceUnavailableError: the body has a compression that was not requested.
        """
        self._headers, self._model_of = headers, model_of
        self._limit = self._left = max_bytes() if most is None else most
        self._decompress: Any = None
        self._is_raw_possible = False
        self.encoding = headers.get("content-encoding")
        if self.encoding is not None:
            self._choose(self.encoding.strip().lower())
        announced = headers.get("content-length", "")
        if announced.isdecimal() and len(announced) < 20 and int(announced) > self._limit:
            raise self._too_large()

    def _choose(self, encoding: str) -> None:
        if encoding in {"gzip", "x-gzip", "deflate"}:
            self._decompress = zlib.decompressobj(_ANY_HEADER)
            self._is_raw_possible = encoding == "deflate"
        elif encoding not in {"", "identity"}:
            what = f"the answer is compressed as {encoding!r:.40}, which was not asked for"
            raise errors.build(503, what, self._headers, self._model_of())

    def take(self, piece: bytes) -> bytes:
        """The piece as it was before it was compressed.

        Raises:
            litellm.BadRequestError: the body goes beyond the limit.
            litellm.ServiceUnavailableError: it can't be decompressed.
        """
        if self._decompress is not None:
            piece = self._decompressed(piece)
        self._left -= len(piece)
        if self._left < 0:
            raise self._too_large()
        return piece

    def _decompressed(self, piece: bytes) -> bytes:
        try:
            made: bytes = self._decompress.decompress(piece, self._left + 1)
        except zlib.error as cause:
            if not self._is_raw_possible:
                what = "the answer can't be decompressed"
                raise errors.build(503, what, self._headers, self._model_of()) from cause
            # Some servers take "deflate" to mean zlib's stream without its header.
            self._is_raw_possible = False
            self._decompress = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._decompressed(piece)
        self._is_raw_possible = False
        return made

    def _too_large(self) -> Exception:
        what = (
            f"the answer is larger than {self._limit:,} bytes. Ask for less at once, or raise "
            f"the limit: register(max_response_bytes=…) or {MAX_BYTES_VARIABLE}"
        )
        exception = errors.build(400, what, self._headers, self._model_of())
        # The answer exists, and may be billed.
        generation_id = self._headers.get("x-generation-id")
        exception.__dict__["openrouter"] = {"generation_id": generation_id} if generation_id else {}
        return exception


class _Stream(httpx.SyncByteStream):
    """A response's stream with its body held to the limit."""

    def __init__(self, stream: Any, body: Body) -> None:
        self._stream, self._body = stream, body

    def __iter__(self) -> Iterator[bytes]:
        take = self._body.take
        for piece in self._stream:
            yield take(piece)

    def close(self) -> None:
        self._stream.close()


class _AsyncStream(httpx.AsyncByteStream):
    """The asynchronous twin of `_Stream`."""

    def __init__(self, stream: Any, body: Body, watch: Watch | None) -> None:
        self._stream, self._body, self._watch = stream, body, watch

    async def __aiter__(self) -> AsyncIterator[bytes]:
        take = self._body.take
        async for piece in self._stream:
            yield take(piece)

    async def aclose(self) -> None:
        if self._watch is not None:
            self._watch.end()
        await self._stream.aclose()


def check(response: httpx.Response) -> None:
    """Response hook of an `httpx.Client`.

    Raises:
        litellm.APIConnectionError: the response redirects to another server.
        One of LiteLLM's other exceptions: see `Body`.
    """
    response.stream = _Stream(response.stream, _checked(response))


async def check_async(response: httpx.Response) -> None:
    """Response hook of an `httpx.AsyncClient`; raises what `check` does."""
    watch = None
    # LiteLLM's own transport for asynchronous calls is aiohttp's.
    answer = getattr(getattr(response.stream, "_stream", None), "_aiohttp_response", None)
    if answer is not None:
        watch = watch_connection(answer)
    response.stream = _AsyncStream(response.stream, _checked(response), watch)


def check_download(response: httpx.Response) -> None:
    """As `check`, but a body that is not a text may have any size: it is written to a file."""
    response.stream = _Stream(response.stream, _checked(response, _most_downloaded(response)))


async def check_download_async(response: httpx.Response) -> None:
    """The asynchronous twin of `check_download`, for httpx's own transport."""
    body = _checked(response, _most_downloaded(response))
    response.stream = _AsyncStream(response.stream, body, None)


def _most_downloaded(response: httpx.Response) -> int | None:
    return _ANY_SIZE if response.is_success and not is_text(response.headers) else None


def is_text(headers: Mapping[str, str]) -> bool:
    """Whether a body is JSON or a text, by its headers."""
    return headers.get("content-type", "").startswith(("application/json", "text/"))


def _checked(response: httpx.Response, most: int | None = None) -> Body:
    request, headers = response.request, response.headers
    model_of = functools.partial(errors.model_of, request)
    if response.status_code in REDIRECTS and "location" in headers:
        location = headers["location"]
        if not _is_same_server(request.url, location):
            raise redirected(str(request.url), location, response.status_code, model_of())
    body = Body(headers, model_of, most)
    # The body is decompressed here; JSON and events are UTF-8, whatever the headers name.
    if body.encoding is not None:
        del headers["content-encoding"]
    kind = headers.get("content-type", "")
    if "charset" in kind.lower():
        headers["content-type"] = kind.partition(";")[0]
    return body


def _is_same_server(asked: httpx.URL, location: str) -> bool:
    """Whether a redirect keeps the scheme, the host and the port."""
    try:
        return _origin(asked.join(location)) == _origin(asked)
    except (httpx.InvalidURL, ValueError):
        return False


def redirected(url: str, location: str, status: int, model: str) -> Exception:
    """The exception for a redirect that is not followed; nothing was charged for the request."""
    try:
        there = urlsplit(urljoin(url, location))
        server = f"{there.scheme}://{there.netloc.rpartition('@')[2]}"
    except ValueError:
        server = "an invalid address"
    what = (
        f"a redirect to {server} was not followed, which "
        "would have sent the prompt there. If that is the API's address now, give it as api_base"
    )
    exception = errors.unreached(httpx.UnsupportedProtocol(what), model)
    exception.__dict__["openrouter"] = {"code": status, "cost": 0, "usage": {"cost": 0}}
    return exception


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    default = {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host, url.port or default


class Watch:
    """Ends the reading of a body whose connection is gone.

    aiohttp closes a connection whose chunks are framed wrong, and (3.14 and before) does not tell
    the reader of the body, who would wait forever: the read timeout ends with the connection.
    """

    __slots__ = ("_body", "_closed")

    def __init__(self, body: aiohttp.StreamReader, closed: asyncio.Future[None]) -> None:
        self._body, self._closed = body, closed
        # Kept for as long as the connection, which may end long after this response.
        closed.remove_done_callback(_take_exception)
        closed.add_done_callback(_take_exception)
        closed.add_done_callback(self._raise)

    def end(self) -> None:
        """Stops watching."""
        self._closed.remove_done_callback(self._raise)

    def _raise(self, _: object) -> None:
        end_if_waiting(self._body)


def _take_exception(closed: asyncio.Future[None]) -> None:
    """Reads the exception, which asyncio would otherwise report as never retrieved."""
    if not closed.cancelled():
        closed.exception()


def end_if_waiting(body: aiohttp.StreamReader) -> None:
    """Ends a body that can't get any more bytes."""
    # Two tenths of a second, which commands that send nothing need not take.
    import aiohttp

    if not body.is_eof() and body.exception() is None:
        body.set_exception(aiohttp.ClientPayloadError("the connection ended within the body"))


def watch_connection(response: aiohttp.ClientResponse) -> Watch | None:
    """Has the reading of a response's body fail when its connection ends before the body.

    The caller ends the watch when the body was read. None if there is nothing to wait for.
    """
    if response.content.is_eof():
        return None
    connection = response.connection
    protocol = None if connection is None else connection.protocol
    if protocol is None:
        return None
    closed = protocol.closed
    if closed is None:
        # It is gone already.
        end_if_waiting(response.content)
        return None
    return Watch(response.content, closed)


async def read(response: aiohttp.ClientResponse, model_of: Callable[[], str]) -> bytes:
    """The whole body of a response that aiohttp has not decompressed.

    Raises:
        aiohttp.ClientError: the connection broke.
        One of LiteLLM's exceptions: see `Body`.
    """
    body = Body(response.headers, model_of)
    watch = watch_connection(response)
    try:
        return b"".join([body.take(piece) async for piece in response.content.iter_any()])
    finally:
        if watch is not None:
            watch.end()
