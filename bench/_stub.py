"""A stub of OpenRouter in a process of its own: prebuilt bytes, kept-alive connections.

It parses nothing but the request's length, so that it is never what limits a measurement.
"""

from __future__ import annotations

import argparse
import array
import asyncio
import base64
import contextlib
import json
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "openai/gpt-4o-mini"
DIMENSIONS = 1536
ROWS = 512
COST = 0.0004970133333333333

USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 34,
    "total_tokens": 46,
    "cost": COST,
    "is_byok": False,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "cost_details": {"upstream_inference_cost": COST},
    "completion_tokens_details": {"reasoning_tokens": 0, "image_tokens": 0},
}
MESSAGE = {
    "id": "gen-1-stub",
    "type": "message",
    "role": "assistant",
    "container": None,
    "model": MODEL,
    "provider": "Stub",
}
STOP = {"stop_reason": "end_turn", "stop_details": None, "stop_sequence": None}
MESSAGE_USAGE = {"input_tokens": 12, "output_tokens": 34, "cost": COST, "is_byok": False}
HEAD = {"id": "gen-1-stub", "provider": "Stub", "model": MODEL, "created": 1_762_064_097}


def chat_answer() -> bytes:
    """Return a whole answer of ordinary size."""
    message = {"role": "assistant", "content": "word " * 40, "refusal": None, "reasoning": None}
    choice = {
        "index": 0,
        "logprobs": None,
        "finish_reason": "stop",
        "native_finish_reason": "stop",
        "message": message,
    }
    body = {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    return with_length(json.dumps(body).encode())


def message_answer() -> bytes:
    """Return a whole answer of `/messages`, of ordinary size."""
    content = [{"type": "text", "text": "word " * 40, "citations": []}]
    body = {**MESSAGE, "content": content, **STOP, "usage": MESSAGE_USAGE}
    return with_length(json.dumps(body).encode())


def stream_answer(chunks: int, events_per_piece: int) -> bytes:
    """Return a stream of so many data events, usage included, in pieces of some events each."""
    # Each word is another one: LiteLLM takes a hundred equal chunks for a model gone astray.
    middle = [
        stream_event({"role": "assistant", "content": f" word{number}"}, None)
        for number in range(chunks - 2)
    ]
    last = [
        stream_event({"role": "assistant", "content": ""}, "stop"),
        stream_event({"role": "assistant", "content": ""}, "stop", usage=USAGE),
    ]
    return in_pieces([*middle, *last, b"data: [DONE]\n\n"], events_per_piece)


def message_stream(deltas: int, events_per_piece: int) -> bytes:
    """Return a stream of `/messages` with so many deltas of text."""
    usage = {"input_tokens": 0, "output_tokens": 0}
    block = {"type": "text", "text": "", "citations": []}
    texts = ({"type": "text_delta", "text": f" word{number}"} for number in range(deltas))
    content: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**MESSAGE, "content": [], "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *({"type": "content_block_delta", "index": 0, "delta": text} for text in texts),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": STOP, "usage": MESSAGE_USAGE},
        {"type": "message_stop"},
    ]
    events = [
        f"event: {one['type']}\ndata: {json.dumps(one, separators=(',', ':'))}\n\n".encode()
        for one in content
    ]
    return in_pieces([*events, b"data: [DONE]\n\n"], events_per_piece)


def in_pieces(events: list[bytes], events_per_piece: int) -> bytes:
    """Return a response whose chunks have some events each."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        b"Transfer-Encoding: chunked\r\nX-Generation-Id: gen-1-stub\r\n\r\n"
    )
    pieces = [
        b"".join(events[start : start + events_per_piece])
        for start in range(0, len(events), events_per_piece)
    ]
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def stream_event(delta: dict[str, Any], finish_reason: str | None, **more: Any) -> bytes:
    """Return one data event."""
    choice = {
        "index": 0,
        "delta": delta,
        "finish_reason": finish_reason,
        "native_finish_reason": finish_reason,
        "logprobs": None,
    }
    body = {**HEAD, "object": "chat.completion.chunk", "choices": [choice], **more}
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def embedding_answer(*, as_base64: bool) -> bytes:
    """Return ROWS x DIMENSIONS embeddings, as JSON numbers or as base64 of 32-bit floats."""
    number = random.Random(0)  # noqa: S311 - the same vectors in every run
    rows = []
    for index in range(ROWS):
        vector = array.array("f", map(half, (number.gauss(0, 0.03) for _ in range(DIMENSIONS))))
        values: Any = vector.tolist()
        if as_base64:
            values = base64.b64encode(vector.tobytes()).decode()
        rows.append({"object": "embedding", "index": index, "embedding": values})
    usage = {"prompt_tokens": ROWS, "total_tokens": ROWS, "cost": COST}
    body = {
        "object": "list",
        "data": rows,
        "model": MODEL,
        "usage": usage,
        "provider": "Stub",
        "id": "gen-emb-1-stub",
    }
    return with_length(json.dumps(body).encode())


def half(value: float) -> float:
    """Return a 16-bit float: OpenRouter writes those out in full, some 18 characters each."""
    return float(struct.unpack("<e", struct.pack("<e", value))[0])


def with_length(body: bytes) -> bytes:
    """Return a JSON body with its HTTP head."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


class Connection(asyncio.Protocol):
    """Answers each request of one connection with the bytes that fit it."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self._answers = answers
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer as soon as a request is whole; clients here never send two at once."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) >= int(length or 0):
            self._received = b""
            self._transport.write(self._answers[self._wanted(head, body)])

    def _wanted(self, head: bytes, body: bytes) -> str:
        """Name the answer that a request asks for."""
        compact = body.replace(b" ", b"")
        if b"/embeddings" in head.partition(b"\r\n")[0]:
            return "base64" if b'"encoding_format":"base64"' in compact else "floats"
        kind = "stream" if b'"stream":true' in compact else "chat"
        return f"message {kind}" if b"/messages" in head.partition(b"\r\n")[0] else kind


async def serve(answers: dict[str, bytes]) -> None:
    """Serve on a free loopback port, which is printed, until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def stub(*, chunks: int = 3, events_per_piece: int = 1, embeddings: bool = False) -> Iterator[str]:
    """Run the stub in a process of its own and give its base URL."""
    command = [sys.executable, str(Path(__file__).resolve())]
    command += ["--chunks", str(chunks), "--events-per-piece", str(events_per_piece)]
    command += ["--embeddings"] if embeddings else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - given by PIPE
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/api/v1"
        finally:
            process.terminate()


def main() -> None:
    """Build the answers that are asked for and serve them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=3)
    parser.add_argument("--events-per-piece", type=int, default=1)
    parser.add_argument("--embeddings", action="store_true")
    arguments = parser.parse_args()
    answers = {
        "chat": chat_answer(),
        "stream": stream_answer(arguments.chunks, arguments.events_per_piece),
        "message chat": message_answer(),
        "message stream": message_stream(arguments.chunks, arguments.events_per_piece),
    }
    if arguments.embeddings:
        answers["floats"] = embedding_answer(as_base64=False)
        answers["base64"] = embedding_answer(as_base64=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(answers))


if __name__ == "__main__":
    main()
