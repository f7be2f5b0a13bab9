"""Every example of docs/options.md runs, and sends what it shows."""

from __future__ import annotations

import os

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import ast
import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter.options import OPENROUTER_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[1] / "docs" / "options.md"
PARTS = re.compile(
    r"^#+ `?(?P<heading>[^`\n]+)|^```(?P<language>\w+)\n(?P<block>.*?)^```",
    re.MULTILINE | re.DOTALL,
)

COMPLETION = {
    "id": "gen-1",
    "object": "chat.completion",
    "created": 1,
    "model": "openai/gpt-4o-mini",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Wren, tit, owl."},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11, "cost": 0.000004},
}
CHUNK = {
    **COMPLETION,
    "object": "chat.completion.chunk",
    "choices": [
        {
            "index": 0,
            "delta": {"role": "assistant", "content": "Wren, tit, owl."},
            "finish_reason": "stop",
        }
    ],
}
EMBEDDING = {
    "object": "list",
    "model": "openai/text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
    "usage": {"prompt_tokens": 3, "total_tokens": 3, "cost": 0.0000001},
}


@dataclass
class Example:
    """A block of Python under a heading, and the fields it must send."""

    heading: str
    code: str
    sent: dict[str, Any]


class Recorder(ThreadingHTTPServer):
    """Answers every request with the same completion, and keeps the bodies."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.bodies: list[dict[str, Any]] = []


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, Recorder)
        self.server.bodies.append(body)
        if body.get("stream"):
            self.reply("text/event-stream", f"data: {json.dumps(CHUNK)}\n\ndata: [DONE]\n\n")
        else:
            answer = EMBEDDING if self.path.endswith("/embeddings") else COMPLETION
            self.reply("application/json", json.dumps(answer))

    def reply(self, content_type: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


def examples() -> list[Example]:
    found: list[Example] = []
    heading = ""
    for part in PARTS.finditer(PAGE.read_text()):
        if part["heading"]:
            heading = part["heading"]
        elif part["language"] == "python":
            found.append(Example(heading, part["block"], keyword_of(part["block"], heading)))
        elif part["language"] == "json":
            found[-1].sent = json.loads(part["block"])
    return found


def keyword_of(code: str, name: str) -> dict[str, Any]:
    """Return the keyword `name` of the calls in `code`, as the field that must be sent."""
    keywords = (
        keyword
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
    )
    return {word.arg: ast.literal_eval(word.value) for word in keywords if word.arg == name}


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with Recorder() as recorder:
        thread = threading.Thread(target=recorder.serve_forever, daemon=True)
        thread.start()
        yield recorder
        recorder.shutdown()
        thread.join()


@pytest.fixture
def namespace(server: Recorder, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    host, port = server.server_address[:2]
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-test")
    monkeypatch.setenv("OPENROUTER_API_BASE", f"http://{host!s}:{port}/api/v1")
    server.bodies.clear()
    with openrouter_adapter.registered():
        yield {"litellm": litellm, "messages": [{"role": "user", "content": "Name three birds."}]}


# The first block is the beginning that all the others assume.
BEGINNING, *EXAMPLES = examples()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.heading)
def test_an_example_sends_what_it_shows(
    example: Example, namespace: dict[str, Any], server: Recorder
) -> None:
    exec(example.code, namespace)  # noqa: S102
    assert example.sent
    (body,) = server.bodies
    assert {name: body.get(name) for name in example.sent} == example.sent


def test_every_option_has_an_example() -> None:
    assert {example.heading for example in EXAMPLES} >= OPENROUTER_FIELDS


def test_the_beginning_registers_the_adapter() -> None:
    namespace: dict[str, Any] = {}
    try:
        exec(BEGINNING.code, namespace)  # noqa: S102
        assert litellm.OpenrouterConfig is openrouter_adapter.OpenRouterChatConfig
    finally:
        openrouter_adapter.unregister()


def test_every_documentation_page_is_on_openrouters_own_site() -> None:
    links = re.findall(r"\]\((http[^)]+)\)", PAGE.read_text())
    assert links
    assert all(link.startswith("https://openrouter.ai/docs/") for link in links)
