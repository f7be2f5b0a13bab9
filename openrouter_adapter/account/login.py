"""Login with OAuth: a browser, a callback on this machine, and a key.

PKCE with S256. OpenRouter has no `state` parameter, so the callback's path ends in one: a request
that doesn't contain it can't end the login, with a foreign code or without.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import threading
import webbrowser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from openrouter_adapter.account import sdk
from openrouter_adapter.wire import connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

TIMEOUT: Final = 300.0
"""Seconds that the user has."""

_HOST: Final = "127.0.0.1"
_EXCHANGE_SECONDS: Final = 30.0
_CHECK_SECONDS: Final = 10.0
_METHOD: Final = "S256"
_MOST_CHARACTERS: Final = 200
# A gateway asks for a key where it has no page. Other errors may be meant for programs only.
_NO_PAGE: Final = frozenset({401, 404, 405, 410})
_INSTEAD: Final = (
    f"Check the network, HTTPS_PROXY and {connection.BASE_URL_VARIABLE}; or create a key at "
    "https://openrouter.ai/keys on any machine, and set OPENROUTER_API_KEY to it"
)


class LoginError(Exception):
    """The login timed out or was refused, its page was not reached, or the port is in use.

    Nothing was stored.
    """


def login(
    open_url: Callable[[str], object] = webbrowser.open,
    *,
    port: int = 0,
    timeout: float = TIMEOUT,
    base_url: str | None = None,
) -> str:
    """A new key for the account of the user who approves it in the browser.

    The key is not stored; `keychain.keep` does that.

    Args:
        open_url: Shows a page to the user; called once.
        port: The port of the callback on 127.0.0.1; 0 picks a free one.
        timeout: Seconds that the user has to approve.
        base_url: The API's base URL; None for the default one.

    Raises:
        LoginError: the login timed out or was refused, its page was not reached, or the port is in
            use.
        ImportError: the extra `account` is not installed.
        One of LiteLLM's exceptions (see errors.py): OpenRouter returns no key for the code.

    Follows https://openrouter.ai/docs/guides/overview/auth/oauth.
    """
    sdk.import_sdk()
    verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(32)
    try:
        server = _Server(port, f"/callback/{state}")
    except (OSError, OverflowError) as cause:
        why = getattr(cause, "strerror", None) or cause
        raise LoginError(
            f"Can't listen on {_HOST}, port {port}: {why}. Choose another port, or 0 for a free one"
        ) from cause
    page = _page(base_url, server.callback_url, verifier)
    with server:
        _check(page)
        open_url(page)
        code = server.wait(timeout)
        return _exchange(code, verifier, base_url)


def _page(base_url: str | None, callback_url: str, verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "callback_url": callback_url,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": _METHOD,
    }
    site = connection.base_url(base_url).removesuffix("/api/v1")
    return f"{site}/auth?{urlencode(asked)}"


def _check(page: str) -> None:
    """Asks for the page, so that no dead link is shown.

    Raises:
        LoginError: nobody answers there, or there is no such page.
    """
    from litellm.llms.custom_httpx.http_handler import get_ssl_configuration

    where = connection.shown(page)
    try:
        with (
            httpx.Client(verify=get_ssl_configuration(), timeout=_CHECK_SECONDS) as client,
            client.stream("GET", page) as answer,
        ):
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as cause:
        why = str(cause) or type(cause).__name__
        raise LoginError(f"The login page {where} can't be reached: {why}. {_INSTEAD}") from cause
    if status in _NO_PAGE:
        raise LoginError(f"There is no login page at {where}. {_INSTEAD}")


def _exchange(code: str, verifier: str, base_url: str | None) -> str:
    made = sdk.build(lambda: None, base_url, _EXCHANGE_SECONDS, {})
    with sdk.litellm_errors(), made as client:
        answer = client.o_auth.exchange_auth_code_for_api_key(
            code=code, code_verifier=verifier, code_challenge_method=_METHOD
        )
    return str(answer.key)


class _Server(ThreadingHTTPServer):
    """Accepts one callback; its threads end with the block."""

    daemon_threads = True
    # On Windows, reuse would let another program listen on the same port.
    allow_reuse_address = os.name != "nt"

    def __init__(self, port: int, path: str) -> None:
        super().__init__((_HOST, port), _Handler)
        self.path = path
        self.callback_url = f"http://{_HOST}:{self.server_port}{path}"
        self._code: str | None = None
        self._refusal: str | None = None
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.05,), name="openrouter-login", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def take(self, *, code: str | None = None, refusal: str | None = None) -> bool:
        """Ends the login; returns whether it was still in progress."""
        with self._lock:
            if self._arrived.is_set():
                return False
            self._code, self._refusal = code, refusal
            self._arrived.set()
            return True

    def wait(self, timeout: float) -> str:
        """The code of the callback.

        Raises:
            LoginError: the login timed out or was refused.
        """
        if not self._arrived.wait(timeout) and self.take(refusal=""):
            raise LoginError(
                f"The login was not approved within {timeout:g} seconds. Run it again, or create "
                "a key at https://openrouter.ai/keys and set OPENROUTER_API_KEY to it"
            )
        if self._code is None:
            raise LoginError(f"The login was refused: {self._refusal}")
        return self._code

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints no stack trace if the browser disconnects."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    # Seconds for a request to arrive; a silent connection blocks one thread.
    timeout = 10

    def do_GET(self) -> None:
        """Handles the callback."""
        parts = urlsplit(self.path)
        if not hmac.compare_digest(parts.path.encode(), self.server.path.encode()):
            self._say(HTTPStatus.NOT_FOUND, "This is not the address of a login in progress.")
            return
        query = parse_qs(parts.query)
        code = query.get("code", [""])[-1]
        words = query.get("error_description", query.get("error", [""]))[-1]
        if not code and not words:
            self._say(HTTPStatus.BAD_REQUEST, "This address contains no code.")
        elif words and not self.server.take(refusal=_printable(words)):
            self._say(HTTPStatus.CONFLICT, "This login has already ended.")
        elif words:
            self._say(HTTPStatus.OK, "You are not logged in. You can close this page.")
        elif not self.server.take(code=code):
            self._say(HTTPStatus.CONFLICT, "This login has already ended.")
        else:
            self._say(HTTPStatus.OK, "You can close this page and return to the terminal.")

    def _say(self, status: HTTPStatus, words: str) -> None:
        page = f"<!doctype html><title>openrouter-adapter</title><p>{words}</p>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        # The address contains the code.
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Logs nothing: the address contains the code."""


def _printable(words: str) -> str:
    return "".join(one if one.isprintable() else " " for one in words[:_MOST_CHARACTERS])
