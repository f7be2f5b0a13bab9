"""A server that sends the bytes it is given and knows nothing of HTTP but where requests end."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Self

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def answer(content: bytes, *headers: str, status: str = "200 OK") -> list[bytes]:
    """Return the pieces of a whole answer whose length is announced."""
    lines = [f"HTTP/1.1 {status}", *headers, "Connection: close"]
    lines += [f"Content-Length: {len(content)}", "", ""]
    return ["\r\n".join(lines).encode("latin-1"), content]


def chunked(content: bytes, size: int = 64) -> bytes:
    """Return a body in the framing of chunked transfer encoding."""
    pieces = [content[i : i + size] for i in range(0, len(content), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class Raw:
    """Answers on 127.0.0.1 for the time of a `with` block.

    Attributes:
        pieces: What is sent for a request, each piece by itself, or a function that makes it of
            the request's bytes.
        seconds: How long the connection is held open after that.
        requests: What arrived, heads and bodies, oldest first.
    """

    def __init__(
        self, pieces: Sequence[bytes] | Callable[[bytes], Sequence[bytes]] = (), seconds: float = 0
    ) -> None:
        self.pieces, self.seconds = pieces, seconds
        self.requests: list[bytes] = []
        self._left = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.base_url = f"{self.origin}/api/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            request = _read(connection)
            if not request:
                return
            self.requests.append(request)
            for piece in self.pieces(request) if callable(self.pieces) else self.pieces:
                connection.sendall(piece)
                # Otherwise the client may get several in one.
                time.sleep(0.005)
            self._left.wait(self.seconds)


def _read(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
