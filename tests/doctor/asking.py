"""What the tests of `openrouter-adapter doctor` share: two keys, and what it reports."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from openrouter_adapter.cli import app

KEY = "sk-or-v1-" + "0123456789abcdef" * 4
OTHER_KEY = "sk-or-v1-" + "fedcba9876543210" * 4


def report(*options: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and what was found; whatever it is, no key is in it."""
    done = CliRunner().invoke(app, ["doctor", "--json", *options])
    plain = CliRunner().invoke(app, ["doctor", *options])
    assert plain.exit_code == done.exit_code
    for output in (done.output, plain.output):
        assert KEY not in output
        assert OTHER_KEY not in output
        assert "secret" not in output
    return done.exit_code, json.loads(done.stdout)


def one(found: dict[str, Any], subject: str, words: str) -> dict[str, Any]:
    """Return the one finding on a subject with some words in it."""
    [finding] = [
        one for one in found["findings"] if one["subject"] == subject and words in one["text"]
    ]
    return dict(finding)
