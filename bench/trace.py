"""The package's files that one call enters, in the order in which it enters them.

    python bench/trace.py [--files]

A pass is a step from a function in one file to a function in another, in the same thread. The
emulator, which answers, and code that only runs on import are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

# LiteLLM reads it when it is imported; nothing here may wait for the network.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm

import openrouter_adapter
from openrouter_adapter import batch, ledger
from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

PACKAGE = Path(openrouter_adapter.__file__).parent
EMULATOR = PACKAGE / "emulator"
CHAT = "openrouter/openai/gpt-4o-mini"
EMBEDDING = "openrouter/openai/text-embedding-3-small"
IMAGE = "openrouter/google/gemini-2.5-flash-image"
# How long the threads of LiteLLM's logging and of the ledger may take, in seconds.
SETTLES = 1.0
QUESTION = [{"role": "user", "content": "Name three birds."}]


class Trace:
    """The files that were entered, by any thread, while it was recording."""

    def __init__(self) -> None:
        """Watch this thread, and each that begins from now on."""
        self.files: list[str] = []
        self.passes = 0
        self._is_recording = False
        self._last: dict[int, str] = {}
        self._names: dict[str, str] = {}
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)

    def of(self, call: Callable[[], Any]) -> Trace:
        """Record one call, to the end of what it leaves to other threads."""
        self.files, self.passes = [], 0
        self._last.clear()
        self._is_recording = True
        try:
            call()
            time.sleep(SETTLES)
        finally:
            self._is_recording = False
        return self

    def _profile(self, frame: FrameType, event: str, _: Any) -> None:
        if not self._is_recording or event != "call" or frame.f_code.co_name == "<module>":
            return
        name = self._name(frame.f_code.co_filename)
        if not name:
            return
        if name not in self.files:
            self.files.append(name)
        thread = threading.get_ident()
        self.passes += self._last.get(thread, name) != name
        self._last[thread] = name

    def _name(self, source: str) -> str:
        """A source file's path within the package; empty for others and for the emulator."""
        if source not in self._names:
            path = Path(source)
            is_ours = path.is_relative_to(PACKAGE) and not path.is_relative_to(EMULATOR)
            self._names[source] = path.relative_to(PACKAGE).as_posix() if is_ours else ""
        return self._names[source]


def complete(**keywords: Any) -> Any:
    """Return the answer to a chat."""
    return litellm.completion(CHAT, messages=QUESTION, **keywords)


CALLS: dict[str, Callable[[], Any]] = {
    "embedding": lambda: litellm.embedding(EMBEDDING, input=["a bird"]),
    "responses": lambda: litellm.responses(model=CHAT, input="Name three birds."),
    "image_generation": lambda: litellm.image_generation("a bird", model=IMAGE),
    "completion": complete,
    "completion, two options": lambda: complete(
        provider={"sort": "price"}, reasoning={"effort": "low"}
    ),
    "stream": lambda: list(complete(stream=True)),
}


def traces(folder: Path) -> Iterator[tuple[str, Trace]]:
    """Each call's name and trace. A call is made once before it is recorded."""
    trace = Trace()
    for name, call in CALLS.items():
        call()
        yield name, trace.of(call)
    book = ledger.enable(f"sqlite:///{folder / 'ledger.db'}")
    complete(max_tokens=9)
    yield "completion, ledger", trace.of(lambda: complete(max_tokens=9))
    book.budget("all", 10)
    complete(max_tokens=9)
    yield "completion, ledger, budget", trace.of(lambda: complete(max_tokens=9))
    ledger.disable()
    job = folder / "job.jsonl"
    body = {"model": CHAT.partition("/")[2], "messages": QUESTION, "max_tokens": 9}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    job.write_text(json.dumps(line) + "\n")
    batch.run(job, folder / "first", budget=1)
    yield "batch line, budget", trace.of(lambda: batch.run(job, folder / "second", budget=1))


def main() -> None:
    """Print a table, or the files of the calls asked for."""
    litellm.suppress_debug_info = True
    parser = argparse.ArgumentParser(description="the files that one call enters")
    parser.add_argument("--files", action="store_true", help="print the files of each call, too")
    arguments = parser.parse_args()
    with (
        Emulator() as emulator,
        tempfile.TemporaryDirectory() as folder,
        openrouter_adapter.registered(),
    ):
        os.environ["OPENROUTER_API_BASE"] = emulator.base_url
        os.environ["OPENROUTER_API_KEY"] = emulator.api_key
        os.environ["XDG_CACHE_HOME"] = folder
        print("| call | files entered | passes between files |\n| --- | --- | --- |")
        for name, trace in traces(Path(folder)):
            print(f"| {name} | {len(trace.files)} | {trace.passes} |")
            if arguments.files:
                print("  " + "\n  ".join(trace.files))


if __name__ == "__main__":
    main()
