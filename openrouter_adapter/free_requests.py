"""Requests that cost nothing, to any path of OpenRouter: no budget is asked, no row is written.

They have the key, the address, TLS settings, the limits of an answer, the debug line and the
exceptions of all other requests. A batch's submission is sent in the same way, within its attempt.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from openrouter_adapter import debugging
from openrouter_adapter.wire import connection, errors, incoming

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        method: The HTTP method.
        address: A path below the base URL, such as `/files`, or a whole URL.
        timeout: Seconds, or what httpx takes in their place.
        params: The parameters of the URL.
        headers: The caller's headers.
        files: The parts of a multipart form, in the form that httpx takes.
        content: A body of JSON.
        api_key: The key, None to look for one.
        base_url: The API's base URL, None for the usual one.
        verify: LiteLLM's `ssl_verify` of the call, None for its global settings.
        needs_key: Whether it is sent only with a key.
        model: The model that exceptions name.
        advice: What a caller can do, by the HTTP status of a refusal.
        seen: Takes the status and the headers of the answer, if the request is an attempt; the
            attempt then logs the request.
    """

    method: str
    address: str
    timeout: Any
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    files: Any = None
    content: bytes | None = None
    api_key: str | None = None
    base_url: str | None = None
    verify: Any = None
    needs_key: bool = True
    model: str = ""
    advice: Mapping[int, str] = field(default_factory=dict)
    seen: Callable[[int, Mapping[str, str]], None] | None = None

    def sent(self) -> dict[str, Any]:
        """The arguments of httpx's `request`.

        Raises:
            litellm.AuthenticationError: there is no key, or an invalid one.
        """
        below = self.address.startswith("/")
        url = connection.base_url(self.base_url) + self.address if below else self.address
        headers = _headers(self.api_key, self.headers, needs_key=self.needs_key)
        if self.content is None:
            # A GET has no content type, and httpx sets that of a form.
            headers.pop("Content-Type", None)
        return {
            "method": self.method,
            "url": url,
            "params": self.params,
            "headers": headers,
            "files": self.files,
            "content": self.content,
            "timeout": self.timeout,
        }


def send(request: Request) -> httpx.Response:
    """The response, whose status is a success or 304.

    Raises:
        One of LiteLLM's exceptions (see errors.py).
    """
    sent, started = request.sent(), time.monotonic()
    hooks = {"response": [incoming.check]}
    try:
        with httpx.Client(verify=_verify(request.verify), event_hooks=hooks) as client:
            response = client.request(**sent)
    except httpx.HTTPError as cause:
        raise errors.unanswered(cause, request.model) from cause
    return _checked(response, started, request)


async def asend(request: Request) -> httpx.Response:
    """The asynchronous twin of `send`."""
    sent, started = request.sent(), time.monotonic()
    hooks = {"response": [incoming.check_async]}
    try:
        async with httpx.AsyncClient(verify=_verify(request.verify), event_hooks=hooks) as client:
            response = await client.request(**sent)
    except httpx.HTTPError as cause:
        raise errors.unanswered(cause, request.model) from cause
    return _checked(response, started, request)


@contextlib.contextmanager
def streamed(request: Request) -> Iterator[httpx.Response]:
    """The response, whose body is read piece by piece and may have any size.

    Raises:
        One of LiteLLM's exceptions (see errors.py), also while the body is read.
    """
    sent, started = request.sent(), time.monotonic()
    hooks = {"response": [incoming.check_download]}
    try:
        with (
            httpx.Client(verify=_verify(request.verify), event_hooks=hooks) as client,
            client.stream(**sent) as response,
        ):
            if not response.is_success:
                response.read()
            yield _checked(response, started, request)
    except httpx.HTTPError as cause:
        raise errors.unanswered(cause, request.model) from cause


@contextlib.asynccontextmanager
async def astreamed(request: Request) -> AsyncIterator[httpx.Response]:
    """The asynchronous twin of `streamed`."""
    sent, started = request.sent(), time.monotonic()
    hooks = {"response": [incoming.check_download_async]}
    try:
        async with (
            httpx.AsyncClient(verify=_verify(request.verify), event_hooks=hooks) as client,
            client.stream(**sent) as response,
        ):
            if not response.is_success:
                await response.aread()
            yield _checked(response, started, request)
    except httpx.HTTPError as cause:
        raise errors.unanswered(cause, request.model) from cause


def _headers(api_key: str | None, headers: Mapping[str, str], *, needs_key: bool) -> dict[str, str]:
    from litellm.exceptions import AuthenticationError

    try:
        sent = connection.request_headers(headers, api_key)
    except AuthenticationError:
        if needs_key:
            raise
        sent = connection.request_headers({**headers, "Authorization": ""}, None)
        sent.pop("Authorization", None)
    return sent


def _verify(given: Any = None) -> Any:
    """LiteLLM's TLS settings: `ssl_verify` of the call, or globally, `SSL_CERT_FILE`, …."""
    from litellm.llms.custom_httpx.http_handler import get_ssl_configuration

    return get_ssl_configuration(given)


def _received(response: httpx.Response) -> int | None:
    """Bytes of the body, by the headers if it is still to be read."""
    if response.is_stream_consumed:
        return len(response.content)
    return debugging.length(response.headers)


def _checked(response: httpx.Response, started: float, request: Request) -> httpx.Response:
    if request.seen is not None:
        request.seen(response.status_code, response.headers)
    elif debugging.is_on():
        debugging.tell(
            request.method,
            str(response.request.url),
            status=response.status_code,
            ms=debugging.milliseconds(started),
            received_bytes=_received(response),
        )
    if response.status_code != httpx.codes.NOT_MODIFIED and not response.is_success:
        status, headers = response.status_code, response.headers
        exception = errors.from_http(response.text, status, headers, request.model)
        raise errors.with_advice(exception, request.advice.get(status))
    return response
