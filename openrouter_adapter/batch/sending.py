"""Sends requests over aiohttp, and reads whatever comes back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import httpx
import openai
import orjson
import yarl

from openrouter_adapter import debugging, money
from openrouter_adapter.wire import connection, errors, incoming, usage
from openrouter_adapter.wire.usage import Bill

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self

    from openrouter_adapter.batch.requests import Request

# Seconds after which the key is looked up again; it may come from a secret manager.
_KEY_LIFETIME: Final = 60.0
_FREE: Final = Bill(cost=Decimal(0))
_GENERATION: Final = "x-generation-id"
_NOTHING: Final[Mapping[str, str]] = {}
# Exceptions of requests without an answer, or with one that can't be read.
_FAILURES: Final = (aiohttp.ClientError, asyncio.TimeoutError, OSError, openai.OpenAIError)


@dataclass(slots=True)
class Outcome:
    """The outcome of an attempt.

    Attributes:
        bill: What it cost; the bill's cost is None if that isn't known.
        body: The answer for the results; None for a failure.
        failure: One of LiteLLM's exceptions; None for an answer.
        latency: Seconds from sending to the end of the answer, rounded as in the results.
        charged: The total cost in picodollars; None if it isn't known.
    """

    bill: Bill
    body: dict[str, Any] | None
    failure: Exception | None
    latency: float
    charged: int | None = field(init=False)

    def __post_init__(self) -> None:
        total = self.bill.total
        self.charged = None if total is None else money.picodollars(total)


class Sender:
    """The HTTP client of a run; a context manager that is entered in the event loop."""

    def __init__(
        self,
        api_key: str | None,
        api_base: str | None,
        timeout: float,
        headers: Mapping[str, str] = _NOTHING,
    ) -> None:
        """Takes the settings of the connection.

        Args:
            api_key: The API key; None looks for it as every call of the adapter does.
            api_base: The API's base URL; None likewise.
            timeout: Seconds that a whole answer may take.
            headers: Additional headers of every request.

        Raises:
            litellm.AuthenticationError: there is no key.
        """
        self._given = headers
        self._key, self._base, self._timeout = api_key, connection.base_url(api_base), timeout
        self._proxy = connection.proxy(self._base)
        self._urls: dict[str, yarl.URL] = {}
        self._session: aiohttp.ClientSession | None = None
        self._headers = self._new_headers()

    async def __aenter__(self) -> Self:
        # Headers that all requests share belong to the session, and an API needs no cookies: saves
        # 8 µs a request.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=connection.tls()),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            # incoming.py decompresses, within its limit.
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    def _new_headers(self) -> dict[str, str]:
        import litellm

        given: Mapping[str, str | None] | None = litellm.headers
        self._renewed = time.monotonic()
        return connection.request_headers({**(given or {}), **self._given}, self._key)

    def _url(self, path: str) -> yarl.URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = yarl.URL(self._base + path)
        return url

    async def send(self, request: Request, begun: Callable[[str], None]) -> Outcome:
        """Sends a request once. Failures are outcomes; only a cancellation is raised.

        Args:
            request: The request.
            begun: Called with the generation id if the answer's headers come before its body.
        """
        assert self._session is not None  # noqa: S101 - entered
        started = time.monotonic()
        if started - self._renewed > _KEY_LIFETIME:
            # If the key can't be looked up now, the old one is used until OpenRouter refuses it.
            with contextlib.suppress(Exception):
                self._session.headers.update(self._new_headers())
        headers: Mapping[str, str] = _NOTHING
        try:
            async with self._session.post(
                self._url(request.route.path),
                data=orjson.dumps(request.body),
                proxy=self._proxy,
                allow_redirects=False,
            ) as response:
                headers, status = response.headers, response.status
                if status in incoming.REDIRECTS:
                    raise self._redirected(response, request.model)
                if status < 400 and not response.content.is_eof() and _GENERATION in headers:
                    begun(headers[_GENERATION])
                content = await incoming.read(response, lambda: request.model)
        except _FAILURES as cause:
            failure = self._broken(cause, request.model)
            never = isinstance(cause, aiohttp.ClientConnectorError)
            bill = _FREE if never else _bill_of_broken(failure, headers)
            return Outcome(bill, None, failure, _since(started))
        latency = _since(started)
        if status >= 400:
            return _refused(content, status, headers, request.model, latency)
        return _read(request, content, headers, latency)

    async def call(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, str] = _NOTHING,
        model: str = "",
    ) -> tuple[bytes, Mapping[str, str]]:
        """Sends a request of the Batch API once; returns the answer's body and headers.

        Raises:
            One of LiteLLM's exceptions; its `__cause__` is aiohttp's if there was no answer.
        """
        assert self._session is not None  # noqa: S101 - entered
        if time.monotonic() - self._renewed > _KEY_LIFETIME:
            with contextlib.suppress(Exception):
                self._session.headers.update(self._new_headers())
        try:
            async with self._session.request(
                method,
                self._url(path),
                data=content,
                params=params,
                proxy=self._proxy,
                allow_redirects=False,
            ) as response:
                headers, status = response.headers, response.status
                if status in incoming.REDIRECTS:
                    raise self._redirected(response, model)
                answer = await incoming.read(response, lambda: model)
        except _FAILURES as cause:
            failure = self._broken(cause, model)
            raise failure from (None if failure is cause else cause)
        if status >= 400:
            raise errors.from_http(answer.decode("utf-8", "replace"), status, headers, model)
        return answer, headers

    def log(self, request: Request, outcome: Outcome) -> None:
        """Logs a request that has ended, as debugging.py does."""
        debugging.tell(
            "POST",
            self._base + request.route.path,
            model=request.model,
            status=getattr(outcome.failure, "status_code", None) if outcome.failure else 200,
            generation=outcome.bill.generation_id,
            cost_usd=debugging.cost(outcome.bill),
            error=None if outcome.failure is None else type(outcome.failure).__name__,
            ms=round(outcome.latency * 1000),
            sent_bytes=debugging.size(request.body),
        )

    async def find_cost(self, generation_id: str) -> Decimal | None:
        """The cost of a generation in USD; None if OpenRouter doesn't know it."""
        assert self._session is not None  # noqa: S101 - entered
        url = f"{self._base}/generation"
        try:
            async with self._session.get(
                url, params={"id": generation_id}, proxy=self._proxy, allow_redirects=False
            ) as response:
                content = await incoming.read(response, str)
                body = orjson.loads(content) if response.status == 200 else {}
        except (*_FAILURES, orjson.JSONDecodeError):
            return None
        facts = body.get("data") if isinstance(body, dict) else None
        if not isinstance(facts, dict):
            return None
        return usage.bill_of_generation(facts).total

    def _redirected(self, response: aiohttp.ClientResponse, model: str) -> Exception:
        location = response.headers.get("location", "")
        return incoming.redirected(self._base, location, response.status, model)

    def _broken(self, cause: Exception, model: str) -> Exception:
        if isinstance(cause, openai.OpenAIError):
            return cause
        if isinstance(cause, asyncio.TimeoutError):
            return errors.build(408, f"no answer within {self._timeout:g} seconds", None, model)
        never = isinstance(cause, aiohttp.ClientConnectorError)
        kind = httpx.ConnectError if never else httpx.ReadError
        return errors.unreached(kind(str(cause) or type(cause).__name__), model)


def _since(started: float) -> float:
    """Seconds since a time of the monotonic clock, rounded to 0.1 ms.

    Rounded only here, so that a run counts the same latencies that its results have.
    """
    return round(time.monotonic() - started, 4)


def _read(request: Request, content: bytes, headers: Mapping[str, str], latency: float) -> Outcome:
    bill: Bill | None = None
    failure: Exception
    try:
        wire = request.route.read(content, request.body, headers, request.model)
        bill = usage.read_bill(wire, headers)
        body = request.route.result(wire, headers, request.model)
    except errors.MALFORMED:
        failure = errors.unreadable(content, headers, request.model)
    except Exception as cause:  # noqa: BLE001 - whatever it is belongs to this request
        failure = cause
    else:
        return Outcome(bill, body, None, latency)
    return Outcome(bill or _bill_of(failure, content, headers), None, failure, latency)


def _refused(
    content: bytes, status: int, headers: Mapping[str, str], model: str, latency: float
) -> Outcome:
    failure = errors.from_http(content.decode("utf-8", "replace"), status, headers, model)
    # The error page of a gateway says nothing about what happened behind it.
    bill = _FREE if status < 500 else _bill_of(failure, content, headers)
    return Outcome(bill, None, failure, latency)


def _bill_of_broken(failure: Exception, headers: Mapping[str, str]) -> Bill:
    """The bill of a request without a complete answer, as far as it is known."""
    facts = getattr(failure, "openrouter", None) or {}
    return usage.read_bill(facts) if facts.get("usage") else _unknown(headers)


def _bill_of(failure: Exception, content: bytes, headers: Mapping[str, str]) -> Bill:
    """The bill of a failure: the one in it, zero for an error of OpenRouter, or unknown.

    OpenRouter charges nothing for an answer that is an error:
    https://openrouter.ai/docs/features/zero-completion-insurance.
    """
    facts = getattr(failure, "openrouter", None) or {}
    if facts.get("usage"):
        return usage.read_bill(facts, headers)
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        return _unknown(headers)
    return _FREE


def _unknown(headers: Mapping[str, str]) -> Bill:
    return Bill(generation_id=headers.get(_GENERATION))
