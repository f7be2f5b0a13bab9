"""A local server that answers each recorded request with its recorded answer, byte for byte."""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from .forms import read_form

if TYPE_CHECKING:
    from typing_extensions import Self

    from .recordings import Exchange

HOP_BY_HOP = {"connection", "content-encoding", "content-length", "transfer-encoding"}
# An event with the blank line that ends it, or what is left after the last one.
EVENT = re.compile(rb".*?\n\n|.+\Z", re.DOTALL)


@dataclass(frozen=True)
class Arrived:
    """A request as it came over the wire: header names in lower case, a form as its fields.

    A body that is neither JSON nor a form is bytes.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class ReplayServer:
    """Serves any number of exchanges at once, each below a path of its own.

    The own path keeps a late or repeated request of one exchange from being answered with, or
    counted for, another one.
    """

    def __init__(self) -> None:
        self._exchanges: list[Exchange] = []
        self._arrived: list[list[Arrived]] = []
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.replay = self
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def offer(self, exchange: Exchange) -> tuple[str, list[Arrived]]:
        """Return the server root to call for this exchange, and the list that fills with calls."""
        arrived: list[Arrived] = []
        self._exchanges.append(exchange)
        self._arrived.append(arrived)
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}/{len(self._exchanges) - 1}", arrived

    def take(self, number: int, request: Arrived) -> Exchange:
        """Note a request that arrived, and return the exchange that answers it."""
        self._arrived[number].append(request)
        return self._exchanges[number]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    replay: ReplayServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless a client has only left."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def answer(self) -> None:
        _, number, path = self.path.split("/", 2)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        form = read_form(headers.get("content-type", ""), raw)
        request = Arrived(self.command, f"/{path}", headers, form or _json_or_bytes(raw))
        exchange = self.server.replay.take(int(number), request)
        self.send_response(exchange.status)
        for name, value in exchange.headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        body = body_bytes(exchange.body)
        if exchange.is_stream:
            self._send_events(body)
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    do_GET = answer  # noqa: N815 - the name http.server looks for
    do_POST = answer  # noqa: N815

    def _send_events(self, body: bytes) -> None:
        """Send an event stream in HTTP chunks, an event each, as OpenRouter does."""
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in EVENT.findall(body):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Keep the test output free of a line per request."""


def body_bytes(body: Any) -> bytes:
    """Return the bytes that a recorded body stood for."""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, dict) and set(body) == {"base64"}:
        return base64.b64decode(body["base64"])
    return json.dumps(body).encode()


def _json_or_bytes(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw
