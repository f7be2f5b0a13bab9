"""What Windows lacks, or does otherwise: the package gets by without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from openrouter_adapter import files
from openrouter_adapter.launcher import end_like

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(sys.platform != "linux", reason="its locks stand in for those of Windows")
def test_a_batch_a_ledger_and_a_key_get_by_without_what_windows_lacks(tmp_path: Path) -> None:
    finished = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "tests.support.like_windows", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=110,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout.splitlines()[-1])

    # Ctrl-C stopped the first run, the second did the rest, and nothing was paid for twice.
    assert told["batch"] == [True, 60, 0, 60]
    assert (told["crlf"], told["lines"]) == (0, 60)
    assert told["ledger"] == ["BudgetExceededError", True, True]
    assert told["spool"] == [True, ["one", "two"], [0]]
    assert told["key"] == ["sk-or-v1-of-nobody", True]


def test_a_file_that_a_reader_has_open_is_replaced_as_soon_as_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, target, refused = tmp_path / "new", tmp_path / "target", []
    new.write_text("new", "utf-8")
    replace = Path.replace

    def refuse_twice(self: Path, other: Any) -> Any:
        if len(refused) < 2:
            refused.append(other)
            raise PermissionError(13, "used by another process")
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", refuse_twice)
    with monkeypatch.context() as patch:
        patch.setattr(files.sys, "platform", "win32")
        files.replace(new, target)

    assert len(refused) == 2
    assert target.read_text("utf-8") == "new"


def test_an_exit_code_of_windows_stays_what_it_is() -> None:
    with pytest.raises(SystemExit) as ended:
        end_like(0xC000013A)

    assert isinstance(ended.value.code, int)
    assert ended.value.code % 2**32 == 0xC000013A
