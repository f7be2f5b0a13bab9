"""The last lines of scripts/test say what became of the tests of both its runs."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

from tests.support import summary

if TYPE_CHECKING:
    from pathlib import Path


def test_two_runs_are_added_up(tmp_path: Path) -> None:
    cases = {
        "first": """
            import pytest
            def test_passes(): pass
            @pytest.mark.parametrize("n", [1, 2])
            def test_skipped(n): pytest.skip("no proxy")
        """,
        "second": """
            import pytest
            def test_fails(): assert False
            @pytest.fixture
            def broken(): raise LookupError
            def test_is_not_begun(broken): pass
        """,
    }
    for name, text in cases.items():
        (tmp_path / f"test_{name}.py").write_text(dedent(text))
        command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"test_{name}.py"]
        subprocess.run(  # noqa: S603 - pytest
            [sys.executable, *command, "--junit-xml", f"{name}.xml"],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )

    first, *others = summary.lines([tmp_path / "first.xml", tmp_path / "second.xml"])

    assert ": 1 passed, 2 failed, 2 skipped in 0 min " in first
    assert others == [
        "  failed: test_second::test_fails",
        "  failed: test_second::test_is_not_begun",
        "  skipped 2: no proxy",
    ]
