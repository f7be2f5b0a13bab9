"""The spend page on this machine's loopback address, with the ledger's current figures."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

from openrouter_adapter.ledger import LedgerError
from openrouter_adapter.report import page
from openrouter_adapter.report.figures import gather

if TYPE_CHECKING:
    from openrouter_adapter.catalog import Catalog
    from openrouter_adapter.ledger import Ledger
    from openrouter_adapter.report.figures import Figures
    from openrouter_adapter.report.window import Window

HOST: Final = "127.0.0.1"
ASKS_EVERY: Final = 5.0
"""Seconds after which the page asks for new figures."""

# A large ledger is read for at most a tenth of the time.
_REST: Final = 9
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Server:
    """The page's server; `url` has a random token, without which nothing is answered.

    Another user of this machine doesn't know the token. A foreign web page whose name leads to
    this address (DNS rebinding) is refused for its `Host`.
    """

    def __init__(
        self,
        book: Ledger,
        window: Window | None = None,
        *,
        prices: Catalog | None = None,
        port: int = 0,
    ) -> None:
        """Listens on 127.0.0.1, and answers nothing yet.

        Args:
            book: The ledger.
            window: The period to show; None for everything.
            prices: What savings are calculated with.
            port: The port; 0 for any that is free.

        Raises:
            OSError: the port is taken.
        """
        self._book, self._window, self._prices = book, window, prices
        self._lock = threading.Lock()
        self._figures: Figures | None = None
        self._until = 0.0
        self._http = ThreadingHTTPServer((HOST, port), self._handler())
        self._http.daemon_threads = True
        self.port: Final = self._http.server_address[1]
        self._path = f"/{secrets.token_urlsafe(24)}/"
        self.url: Final = f"http://{HOST}:{self.port}{self._path}"

    def run(self) -> None:
        """Answers until `close` is called in another thread, or an exception such as Ctrl-C."""
        self._http.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Ends `run`, and stops listening."""
        self._http.shutdown()
        self._http.server_close()

    def _current(self) -> Figures:
        with self._lock:
            if self._figures is None or time.monotonic() >= self._until:
                begun = time.monotonic()
                self._figures = gather(self._book, self._window, prices=self._prices)
                now = time.monotonic()
                self._until = now + max(ASKS_EVERY / 2, _REST * (now - begun))
            return self._figures

    def _answer(self, path: str) -> tuple[str, bytes] | None:
        """The type and the body of a path; None if there is nothing."""
        if hmac.compare_digest(path.encode(), self._path.encode()):
            html = page.render(self._current(), asks_every=ASKS_EVERY)
            return "text/html; charset=utf-8", html.encode("utf-8", "replace")
        if hmac.compare_digest(path.encode(), f"{self._path}data".encode()):
            return "text/plain; charset=utf-8", page.data(self._current()).encode()
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.headers.get("Host") not in {
                    f"{HOST}:{server.port}",
                    f"localhost:{server.port}",
                }:
                    return self._send(HTTPStatus.FORBIDDEN, "text/plain", b"Unknown host.\n")
                try:
                    found = server._answer(self.path)
                except LedgerError:
                    return self._send(
                        HTTPStatus.SERVICE_UNAVAILABLE,
                        "text/plain",
                        b"The ledger can't be read.\n",
                    )
                if found is None:
                    return self._send(HTTPStatus.NOT_FOUND, "text/plain", b"Not found.\n")
                tag = f'"{hashlib.sha256(found[1]).hexdigest()}"'
                if self.headers.get("If-None-Match") == tag:
                    return self._send(HTTPStatus.NOT_MODIFIED, found[0], b"", tag)
                return self._send(HTTPStatus.OK, *found, tag)

            def _send(
                self, status: HTTPStatus, content_type: str, body: bytes, tag: str = ""
            ) -> None:
                self.send_response(status)
                for name, value in _HEADERS.items():
                    self.send_header(name, value)
                if tag:
                    self.send_header("ETag", tag)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Prints nothing: the token is in the path."""

        return Handler
