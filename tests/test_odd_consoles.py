"""The command line on consoles whose encoding lacks characters that it prints."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from openrouter_adapter.cli import _streams as streams

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "cp437": {"PYTHONIOENCODING": "cp437"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C locale": {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "utf-8": {"PYTHONIOENCODING": "utf-8"},
}


def printed(environment: dict[str, str], *arguments: str) -> bytes:
    finished = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "openrouter_adapter", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize("name", ["cp1252", "ascii", "C locale"])
def test_the_demo_ends_well_where_the_console_has_no_check_mark(name: str, tmp_path: Path) -> None:
    shown = printed(ENVIRONMENTS[name], "demo", "--folder", str(tmp_path))

    text = shown.decode("cp1252" if name == "cp1252" else "ascii")
    assert "+ This is the emulator's bill to the last digit" in text
    assert "\u2713" not in text


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_help_prints_in_any_encoding(name: str) -> None:
    text = printed(ENVIRONMENTS[name], "run", "--help").decode(
        "ascii" if name == "C locale" else name
    )

    assert "PROGRAM" in text


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("ascii", "\u2713 \u2192 \u2026 \u00b7 \u2212 \u201cs\u201d", '+ -> ... - - "s"'),
        ("cp1252", "\u2713 \u2026 \u00b7 \u00e9", "+ \u2026 \u00b7 \u00e9"),
        ("cp437", "\u2713 \u2026 \u00e9", "+ ... \u00e9"),
        ("utf-8", "\u2713 \u65e5 \U0001f600", "\u2713 \u65e5 \U0001f600"),
        ("ascii", "\u65e5 \u00e9 \U0001f600", "\\u65e5 \\u00e9 \\ud83d\\ude00"),
    ],
)
def test_a_character_that_the_encoding_lacks_becomes_a_plain_one_or_an_escape(
    encoding: str, text: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", console)

    streams.make_safe()
    console.write(text)
    console.flush()

    assert console.buffer.getvalue().decode(encoding) == shown  # type: ignore[attr-defined]


def test_json_on_an_ascii_console_means_what_it_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    from openrouter_adapter.cli._printing import print_json

    console = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", console)
    streams.make_safe()

    print_json({"tag": "\u65e5 \u00e9 \U0001f600 \u201cs\u201d \u2026"})

    written = console.buffer.getvalue()  # type: ignore[attr-defined]
    assert json.loads(written.decode("ascii")) == {
        "tag": "\u65e5 \u00e9 \U0001f600 \u201cs\u201d \u2026"
    }


def test_without_standard_streams_there_is_nothing_to_make_safe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    streams.make_safe()
