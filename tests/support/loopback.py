"""A local server in OpenRouter's place: keeps what arrives, answers what a test says."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.support import answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self


@dataclass(frozen=True)
class Arrived:
    """A request as it came over the wire: header names in lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes


@dataclass
class Reply:
    """What the server answers.

    Attributes:
        body: An object is sent as JSON, a list as a stream of events, bytes as they are.
        status: The HTTP status; 0 cuts the connection before anything is said.
        headers: Further headers.
        seconds: How long the server thinks before it answers.
    """

    body: Any = field(default_factory=answers.completion)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


class Loopback:
    """Answers on 127.0.0.1 for the time of a `with` block.

    Attributes:
        requests: What arrived, oldest first.
        answer: Makes the reply to a request; by default a plain answer of its endpoint.
        beyond_schema: Fields that a test sends on purpose though no schema has them.
    """

    def __init__(self) -> None:
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.loopback = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.base_url = f"http://127.0.0.1:{self._http.server_address[1]}/api/v1"
        self.reset()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def reset(self) -> None:
        """Forget what arrived and answer plainly again."""
        self.requests: list[Arrived] = []
        self.beyond_schema: set[str] = set()
        self.answer: Callable[[Arrived], Reply] = plain_reply

    def replies(self, body: Any = None, status: int = 200, **headers: str) -> None:
        """Answer every request alike."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = lambda _: Reply(answers.completion() if body is None else body, status, named)

    def replies_in_turn(self, *replies: Reply) -> None:
        """Answer the first request with the first reply, and so on."""
        left = iter(replies)
        self.answer = lambda _: next(left)

    @property
    def body(self) -> dict[str, Any]:
        """The body of the only request that arrived."""
        (request,) = self.requests
        return request.body

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the only request that arrived."""
        (request,) = self.requests
        return request.headers

    def take(self, request: Arrived) -> Reply:
        """Note a request, and return its reply."""
        self.requests.append(request)
        reply = self.answer(request)
        time.sleep(reply.seconds)
        return reply


def plain_reply(request: Arrived) -> Reply:
    """Return the plainest answer of the endpoint that was asked."""
    if request.path.endswith("/embeddings"):
        return Reply(answers.embeddings(request.body["input"]))
    if "image" in (request.body.get("modalities") or ()):
        return Reply(answers.image())
    if request.body.get("stream"):
        return Reply(answers.chunks())
    return Reply(answers.completion())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    loopback: Loopback

    def handle_error(self, *_: object) -> None:
        """A client that has left is not an error of the server."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.loopback.take(Arrived(self.path, headers, None, b"")))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.loopback.take(Arrived(self.path, headers, json.loads(raw), raw)))

    def _send(self, reply: Reply) -> None:
        if not reply.status:
            self._cut()
            return
        content_type, content = "application/json", reply.body
        if isinstance(content, list):
            content_type, content = "text/event-stream", answers.event_stream(content)
        elif not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": content_type, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _cut(self) -> None:
        """Reset the connection, so that the client knows at once."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep the test output free of a line per request."""
