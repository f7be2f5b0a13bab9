"""The official OpenRouter SDK with this package's key, base URL, attribution, TLS and proxies."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

import httpx

from openrouter_adapter import debugging, installing
from openrouter_adapter.wire import connection, errors, incoming

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter import OpenRouter

DEFAULT_TIMEOUT: Final = 600.0
"""Seconds for a whole response, as a model may reason for long; 10 for connecting."""

_STARTED: Final = "openrouter_adapter_started"


def client(
    *,
    api_key: str | None = None,
    provisioning: bool = False,
    base_url: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    **options: Any,
) -> OpenRouter:
    """The official SDK's client. Close it, or use it in `with` or `async with`.

    The key is looked up again for each request. The SDK's own retries are off, because they
    continue for an hour; to enable others, pass `retry_config`, or `retries` to a call. Failures
    are the SDK's exceptions; see `litellm_errors`.

    Args:
        api_key: The key; None for the one that LiteLLM's calls would use.
        provisioning: Whether to use the key that manages the account: if `api_key` is None, the
            one in OPENROUTER_PROVISIONING_KEY.
        base_url: The API's base URL; None for the default one.
        timeout: Seconds.
        **options: The SDK's other arguments: `retry_config`, `client`, `async_client`, ….

    Raises:
        ImportError: the extra `account` is not installed.
        litellm.AuthenticationError: there is no key; raised by each request.

    Follows https://openrouter.ai/docs/sdks/python.
    """
    look_up = connection.provisioning_key if provisioning else connection.api_key
    return build(lambda: look_up(api_key), base_url, timeout, options)


def build(key: Any, base_url: str | None, timeout: float, options: dict[str, Any]) -> OpenRouter:
    """A client that calls `key` to get the key, and sends none if that returns None."""
    sdk = import_sdk()
    # With a placeholder, because attribution needs no key.
    headers = connection.request_headers({"Authorization": "-"}, None)
    referer, title = headers.get("HTTP-Referer"), headers.get("X-Title")
    own = {"client", "async_client"} - options.keys()
    given: dict[str, Any] = {
        "server_url": connection.base_url(base_url),
        "http_referer": _ascii(referer),
        "x_open_router_title": _ascii(title),
        "retry_config": None,
        # The SDK's own log lines contain the key and the prompt.
        "debug_logger": _Silent(),
        **_transports(timeout, {"HTTP-Referer": referer, "X-OpenRouter-Title": title}),
        **options,
    }
    made: OpenRouter = sdk.OpenRouter(api_key=key, **given)
    # The SDK closes the transports that were created here, and leaves the caller's open.
    for name in own:
        setattr(made.sdk_configuration, f"{name}_supplied", False)
    return made


def import_sdk() -> Any:
    """The SDK's package.

    Raises:
        ImportError: the extra `account` is not installed.
    """
    try:
        import openrouter
        import openrouter.errors
        import openrouter.operations
    except ImportError as cause:
        words = f"This needs the official OpenRouter SDK: {installing.command('account')}"
        raise ImportError(words, name="openrouter") from cause
    return openrouter


@contextlib.contextmanager
def litellm_errors() -> Iterator[None]:
    """Converts the SDK's exceptions in the block to LiteLLM's, as errors.py does.

    Raises:
        One of LiteLLM's exceptions, with the status, OpenRouter's words, and the SDK's exception
        as its cause.
    """
    sdk_errors = import_sdk().errors
    try:
        yield
    except sdk_errors.OpenRouterError as cause:
        body, status, headers = cause.body, cause.status_code, cause.headers
        if status < 400:
            raise errors.unreadable(body.encode(), headers) from cause
        raise errors.from_http(body, status, headers) from cause
    except httpx.HTTPError as cause:
        raise errors.unanswered(cause) from cause
    except sdk_errors.NoResponseError as cause:
        raise errors.unreached(cause) from cause


def _ascii(value: str | None) -> str | None:
    return value if value is not None and value.isascii() else None


def _transports(timeout: float, attribution: dict[str, str | None]) -> dict[str, Any]:
    """The SDK's HTTP clients, with headers that the SDK can't send: it accepts only ASCII."""
    from litellm.llms.custom_httpx.http_handler import get_ssl_configuration

    given: dict[str, Any] = {
        "verify": get_ssl_configuration(),
        "headers": {
            "Accept-Encoding": connection.ACCEPT_ENCODING,
            **{n: value for n, value in attribution.items() if value and not value.isascii()},
        },
        "follow_redirects": True,
        "timeout": httpx.Timeout(timeout, connect=min(timeout, 10.0)),
    }
    return {
        "client": httpx.Client(
            **given, event_hooks={"request": [_begin], "response": [_tell, incoming.check]}
        ),
        "async_client": httpx.AsyncClient(
            **given,
            event_hooks={
                "request": [_begin_async],
                "response": [_tell_async, incoming.check_async],
            },
        ),
    }


def _begin(request: httpx.Request) -> None:
    request.extensions[_STARTED] = time.monotonic()


def _tell(response: httpx.Response) -> None:
    if debugging.is_on():
        request = response.request
        debugging.tell(
            request.method,
            str(request.url),
            status=response.status_code,
            generation=response.headers.get("x-generation-id"),
            ms=debugging.milliseconds(request.extensions[_STARTED]),
            sent_bytes=debugging.length(request.headers),
            received_bytes=debugging.length(response.headers),
        )


async def _begin_async(request: httpx.Request) -> None:
    _begin(request)


async def _tell_async(response: httpx.Response) -> None:
    _tell(response)


class _Silent:
    """A logger for the SDK."""

    def debug(self, message: str, *arguments: Any, **options: Any) -> None:
        """Logs nothing: debugging.py writes the log lines."""
