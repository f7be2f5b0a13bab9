"""A server that breaks as connections break: bodies in pieces, cut, held open, never ended."""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Self


@dataclass
class Reply:
    """What is answered.

    Attributes:
        body: An object is sent as JSON, a list as a stream of events with `[DONE]`, bytes as
            they are, a list of bytes as the pieces of a stream.
        status: The HTTP status.
        headers: Further headers; `Content-Type` is guessed from the body.
        cut: Whether the connection is dropped where the body should have ended.
        hold: Seconds for which the body's end is held back, or until the client leaves.
        delay: Seconds between the pieces.
    """

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    hold: float = 0.0
    delay: float = 0.0

    @property
    def is_stream(self) -> bool:
        """Whether the body is one of events."""
        return isinstance(self.body, list)

    @property
    def pieces(self) -> list[bytes]:
        """The body's bytes, as they are put on the wire."""
        if isinstance(self.body, bytes):
            return [self.body] if self.body else []
        if not self.is_stream:
            return [json.dumps(self.body).encode()]
        if all(isinstance(piece, bytes) for piece in self.body):
            return list(self.body)
        return list(events(self.body))


def events(chunks: Iterable[Any], *, done: bool = True) -> list[bytes]:
    """Return a stream's events, each as one piece; `[DONE]` is the last."""
    pieces = [b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks]
    return [*pieces, b"data: [DONE]\n\n"] if done else pieces


class Wire:
    """Answers on 127.0.0.1 for the time of a `with` block.

    Attributes:
        base_url: What a client takes as its API base.
        requests: The bodies that arrived, oldest first.
        reply: What all requests get, or a function of a request's body that says it.
        left: Set when a client has gone before its answer ended.
        connections: How many were made.
    """

    def __init__(self, reply: Reply | Callable[[Any], Reply] | None = None) -> None:
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.wire = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.base_url = f"http://127.0.0.1:{self._http.server_address[1]}/api/v1"
        self.requests: list[dict[str, Any]] = []
        self.reply = reply
        self.left = threading.Event()
        self.connections = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def take(self, body: dict[str, Any]) -> Reply:
        """Note a request and say what it gets."""
        self.requests.append(body)
        reply = self.reply(body) if callable(self.reply) else self.reply
        assert reply is not None
        return reply


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    wire: Wire

    def verify_request(self, *_: object) -> bool:
        """Count a connection, and take it."""
        self.wire.connections += 1
        return True

    def handle_error(self, *_: object) -> None:
        """A client that has left is not an error of the server."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = self.server.wire.take(body)
        try:
            self._send(reply)
        except OSError:
            self.server.wire.left.set()
            self.close_connection = True

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        kind = "text/event-stream" if reply.is_stream else "application/json"
        for name, value in {"Content-Type": kind, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in reply.pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            if reply.delay:
                time.sleep(reply.delay)
        if reply.hold and self._client_leaves_within(reply.hold):
            raise ConnectionAbortedError
        if reply.cut:
            self._drop()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _client_leaves_within(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.connection], [], [], seconds)
        return bool(ready) and not self.connection.recv(1, socket.MSG_PEEK)

    def _drop(self) -> None:
        """Reset the connection once the client has had a moment to read what was sent."""
        time.sleep(0.02)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep the test output free of a line per request."""
