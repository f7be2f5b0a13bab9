"""A folder with OpenRouter on localhost, where the launcher's programs run."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from openrouter_adapter import ledger

if TYPE_CHECKING:
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

NEVER = "the program never imported LiteLLM"

ASK = """
    def ask():
        return litellm.completion(
            "openrouter/openai/gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}]
        )
"""


@dataclass
class Place:
    """A folder to run programs in, with OpenRouter on localhost and a ledger."""

    folder: Path
    emulator: Emulator

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "OPENROUTER_API_KEY": self.emulator.api_key,
            "OPENROUTER_API_BASE": self.emulator.base_url,
            "OPENROUTER_ADAPTER_CACHE": str(self.folder / "cache"),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "TMPDIR": str(self.folder / "tmp"),
        }

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(dedent(text).replace("ASK", dedent(ASK)))

    def command(self, *words: str, options: tuple[str, ...] = ("--ledger", "l.db")) -> list[str]:
        return [sys.executable, "-m", "openrouter_adapter", "run", *options, "--", *words]

    def run(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        options = more.pop("options", ("--ledger", "l.db"))
        return subprocess.run(  # noqa: S603 - our own programs
            self.command(*words, options=options),
            cwd=self.folder,
            env=self.environment | more.pop("environment", {}),
            capture_output=True,
            timeout=280,
            check=False,
            **{"encoding": "utf-8", **more},
        )

    def start(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - our own programs
            self.command(*words),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            **more,
        )

    def ledger_is_the_bill(self, requests: int, tag: str | None = None) -> None:
        """Hold the ledger's costs against the emulator's, picodollar by picodollar."""
        book = ledger.open(self.folder / "l.db")
        rows = book.store.rows()
        book.close()
        billed = {row.generation_id: ledger.to_pico(row.cost) for row in self.emulator.bill()}
        assert {row.generation_id: row.cost for row in rows} == billed
        assert len(billed) == requests
        assert all(cost for cost in billed.values())
        assert all(row.tags == (f'["{tag}"]' if tag else "[]") for row in rows)
