"""`openrouter-adapter run`: what stays the program's own, from its input to its modules."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from openrouter_adapter.launcher import running
from tests.launcher.place import NEVER, Place

# Programs that import LiteLLM take seconds, and on a busy machine many.
pytestmark = pytest.mark.timeout(300)


def test_input_output_arguments_and_open_files_are_the_programs_own(place: Place) -> None:
    place.write(
        "program.py",
        """
        import os, sys
        data = sys.stdin.buffer.read()
        sys.stdout.buffer.write(data[::-1])
        sys.stderr.write(" ".join(sys.argv[1:]))
        os.write(int(sys.argv[1]), b"through")
        """,
    )
    reading, writing = os.pipe()
    data = bytes(range(256)) * 1000

    done: Any = place.run(
        *("program.py", str(writing), "--ledger", "x", "--", "-q", "ä b"),
        input=data,
        encoding=None,
        pass_fds=(writing,),
    )

    os.close(writing)
    assert done.stdout == data[::-1]
    assert done.stderr.startswith(f"{writing} --ledger x -- -q ä b".encode())
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"through"


def test_a_program_that_never_imports_litellm_is_told_of_in_a_line(place: Place) -> None:
    place.write("program.py", "print('no birds')\nraise SystemExit(3)\n")

    done = place.run("program.py")

    assert (done.returncode, done.stdout) == (3, "no birds\n")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"openrouter-adapter run: {NEVER}")
    assert not (place.folder / "l.db").exists()


def test_looking_for_litellm_is_not_importing_it(place: Place) -> None:
    place.write("program.py", "import importlib.util\nassert importlib.util.find_spec('litellm')\n")

    assert NEVER in place.run("program.py").stderr


def test_a_program_that_never_imports_litellm_loads_nothing_more(place: Place) -> None:
    place.write("program.py", "import sys\nprint(sorted(sys.modules), sys.path)\n")
    alone = subprocess.run(
        [sys.executable, "program.py"],
        cwd=place.folder,
        env=place.environment,
        capture_output=True,
        text=True,
        check=True,
    )

    done = place.run("program.py")

    assert done.stdout.replace("'sitecustomize', ", "") == alone.stdout


def test_a_program_that_is_not_there_is_127_and_one_that_is_none_126(place: Place) -> None:
    place.write("text.txt", "no program")

    absent, no_program = place.run("no-such-program"), place.run("./text.txt")

    assert (absent.returncode, no_program.returncode) == (127, 126)
    assert "no-such-program was not found, neither on PATH" in absent.stderr
    assert "./text.txt can't be run: it is not executable" in no_program.stderr


def test_a_program_beside_our_python_is_found_without_a_path_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    beside = Path(sysconfig.get_path("scripts")) / "pytest"

    assert running._command(["pytest", "-q"]) == [str(beside), "-q"]


def test_the_users_own_sitecustomize_runs_too(place: Place) -> None:
    (place.folder / "site").mkdir()
    place.write("site/sitecustomize.py", "import builtins\nbuiltins.mine = __file__\n")
    place.write(
        "program.py",
        """
        import sitecustomize
        assert mine == sitecustomize.__file__ and "site/" in mine
        import litellm
        ASK
        ask()
        """,
    )

    done = place.run("program.py", environment={"PYTHONPATH": str(place.folder / "site")})

    assert (done.returncode, done.stderr) == (0, "")
    place.ledger_is_the_bill(1)


@pytest.mark.slow
def test_a_users_sitecustomize_that_fails_is_told_of_as_ever(place: Place) -> None:
    (place.folder / "site").mkdir()
    place.write("site/sitecustomize.py", "raise LookupError('mine')\n")
    place.write("program.py", "import litellm\nASK\nask()\n")

    done = place.run("program.py", environment={"PYTHONPATH": str(place.folder / "site")})

    assert done.returncode == 0
    assert "Error in sitecustomize" in done.stderr
    assert "LookupError: mine" in done.stderr
    place.ledger_is_the_bill(1)
