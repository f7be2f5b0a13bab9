"""What `openrouter-adapter run` can't do, it says."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from openrouter_adapter import installing
from tests.launcher.place import NEVER, Place

# Programs that import LiteLLM take seconds, and on a busy machine many.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def without_us(tmp_path: Path) -> Path:
    """A folder of all packages but this one: another environment, in which LiteLLM is."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("openrouter_adapter", "__editable__")):
            (folder / entry.name).symlink_to(entry)
    return folder


def other_python() -> str:
    """Return a Python that knows nothing of this environment."""
    return str(getattr(sys, "_base_executable", sys.executable))


@pytest.mark.slow
def test_a_python_without_the_package_is_told_of_once_and_runs(
    place: Place, without_us: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write("program.py", "import litellm\nASK\nprint(ask().choices[0].finish_reason)\n")
    python = other_python()

    done = place.run(
        *("sh", "-c", f"{python} program.py && {python} program.py"),
        environment={"PYTHONPATH": str(without_us)},
    )

    assert (done.returncode, done.stdout) == (0, "stop\nstop\n")
    [said] = [line for line in done.stderr.splitlines() if line.startswith("openrouter-adapter")]
    assert said.startswith(
        f"openrouter-adapter run: {python} imports LiteLLM and has no openrouter"
    )
    # A checkout is named by the way to it, from the folder of the program.
    monkeypatch.chdir(place.folder)
    assert f"install it there: {python} -m pip install {installing.requirement()}. " in said
    assert said.endswith(" Its calls use LiteLLM's own adapter.")


def test_strict_does_not_import_litellm_without_the_adapter(place: Place, without_us: Path) -> None:
    place.write(
        "program.py",
        """
        for _ in range(2):
            try:
                import litellm
            except ImportError as failure:
                print(failure)
        """,
    )

    done = place.run(
        *(other_python(), "program.py"),
        options=("--strict",),
        environment={"PYTHONPATH": str(without_us)},
    )

    assert done.returncode == 0
    assert done.stdout.count("has no openrouter_adapter; install it there") == 2
    assert place.emulator.requests == []


def test_a_litellm_that_lacks_a_place_is_told_of_and_the_program_runs(place: Place) -> None:
    place.write(
        "program.py",
        """
        import litellm, os
        ASK
        print(ask().choices[0].finish_reason)
        """,
    )
    (place.folder / "site").mkdir()
    place.write(
        "site/sitecustomize.py",
        """
        from openrouter_adapter import registration
        from openrouter_adapter.hooks.table import Place
        registration.places = lambda: (
            Place("litellm", "Gone", lambda old: old, "chat"),
        )
        """,
    )

    done = place.run("program.py", environment={"PYTHONPATH": str(place.folder / "site")})

    assert (done.returncode, done.stdout) == (0, "stop\n")
    assert "the adapter can't be registered" in done.stderr
    assert "has no litellm.Gone, which openrouter_adapter needs for chat" in done.stderr
    assert NEVER not in done.stderr


@pytest.mark.parametrize(
    ("options", "imports"),
    [pytest.param((), True, marks=pytest.mark.slow), (("--strict",), False)],
)
def test_a_ledger_that_cant_be_opened_stops_only_a_strict_run(
    place: Place, options: tuple[str, ...], imports: bool
) -> None:
    place.write("a-file", "")
    place.write("program.py", "import litellm\nprint('imported')\n")

    done = place.run("program.py", options=("--ledger", "a-file/l.db", *options))

    assert ("imported" in done.stdout) is imports
    assert (done.returncode == 0) is imports
    assert "a-file/l.db" in done.stderr
