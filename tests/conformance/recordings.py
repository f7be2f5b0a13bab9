"""The recorded exchanges, as data: where they lie, and what one of them says."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from .forms import read_form

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def recordings_folder() -> Path:
    """Return where the recordings should be; the folder need not exist."""
    named = os.environ.get("OPENROUTER_ADAPTER_RECORDED")
    return Path(named) if named else PROJECT_ROOT.parent / "shared" / "recorded"


@dataclass(frozen=True)
class Exchange:
    """One recorded request with its answer."""

    kind: str
    name: str
    method: str
    path: str
    request: Any
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def label(self) -> str:
        """The name for a test's id."""
        return self.name.removesuffix(".json")

    @property
    def is_stream(self) -> bool:
        """Whether the answer is an event stream."""
        return isinstance(self.body, str)

    @cached_property
    def answer(self) -> Any:
        """The answer as JSON data: of an event stream, the list of its events."""
        return stream_events(self.body) if self.is_stream else self.body

    @cached_property
    def billed(self) -> Decimal | None:
        """The exact `usage.cost` of the answer, in USD; None where it has none."""
        parts = self.answer if isinstance(self.answer, list) else [self.answer]
        for part in reversed(parts):
            # The Responses API has its usage one level down, in the closing event.
            for holder in (part, part.get("response")) if isinstance(part, dict) else ():
                usage = holder.get("usage") if isinstance(holder, dict) else None
                if isinstance(usage, dict) and usage.get("cost") is not None:
                    return Decimal(repr(usage["cost"]))
        return None

    @cached_property
    def error(self) -> dict[str, Any] | None:
        """The error that the answer carries: as its body, or in one of its events."""
        parts = self.answer if isinstance(self.answer, list) else [self.answer]
        for part in parts:
            if isinstance(part, dict) and isinstance(part.get("error"), dict):
                return dict(part["error"])
        return None


def stream_events(text: str) -> list[Any]:
    """Return the JSON of every event of an event stream, comments and `[DONE]` aside."""
    events = []
    for line in text.splitlines():
        if line.startswith("data:"):
            data = line.removeprefix("data:").strip()
            if data != "[DONE]":
                events.append(json.loads(data))
    return events


def load(kind: str) -> list[Exchange]:
    """Return all exchanges of one kind, by name; none where the folder is missing."""
    return [read(path) for path in sorted((recordings_folder() / kind).glob("*.json"))]


def read(path: Path) -> Exchange:
    """Return the exchange that one file holds."""
    recorded = json.loads(path.read_text(encoding="utf-8"))
    request, response = recorded["request"], recorded["response"]
    return Exchange(
        kind=path.parent.name,
        name=path.name,
        method=request["method"],
        path=request["path"],
        request=request_body(request),
        status=response["status"],
        headers=response["headers"],
        body=response["body"],
    )


def request_body(request: dict[str, Any]) -> Any:
    """Return a recorded request's body; a form as its fields."""
    body = request["body"]
    if isinstance(body, dict) and set(body) == {"base64"}:
        content_type = request["headers"].get("content-type", "")
        return read_form(content_type, base64.b64decode(body["base64"])) or body
    return body
