"""`openrouter-adapter run`: programs that know nothing of the adapter, and their children."""

from __future__ import annotations

import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
import typer

from openrouter_adapter import ledger
from openrouter_adapter.cli import app
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.launcher import running

if TYPE_CHECKING:
    from collections.abc import Iterator

# Programs that import LiteLLM take seconds, and on a busy machine many.
pytestmark = pytest.mark.timeout(300)

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


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "tmp").mkdir()
    with Emulator() as emulator:
        yield Place(tmp_path, emulator)
    # Whatever became of the program, its notes are gone.
    assert not list((tmp_path / "tmp").glob("openrouter-adapter-run-*"))


# Each asks once for every `ask()`, and knows of LiteLLM only.
PROGRAMS = {
    "import litellm": """
        import litellm, sys
        assert type(litellm.__loader__).__name__ == "SourceFileLoader"
        assert "exec_module" not in vars(litellm.__loader__)
        assert litellm.__spec__.loader is litellm.__loader__
        assert not any(type(one).__module__ == "sitecustomize" for one in sys.meta_path)
        ASK
        ask()
        """,
    "from litellm import completion": """
        from litellm import completion
        class litellm:
            completion = completion
        ASK
        ask()
        """,
    "importlib, in a function": """
        import importlib
        def load():
            return importlib.import_module("litellm")
        litellm = load()
        ASK
        ask()
        """,
    "a lazy loader": """
        import importlib.util, sys
        spec = importlib.util.find_spec("litellm")
        spec.loader = importlib.util.LazyLoader(spec.loader)
        litellm = importlib.util.module_from_spec(spec)
        sys.modules["litellm"] = litellm
        spec.loader.exec_module(litellm)
        ASK
        ask()
        """,
    "looked for, and imported later": """
        import importlib.util
        assert importlib.util.find_spec("litellm")
        import litellm.main
        ASK
        ask()
        """,
    "in a thread": """
        import threading
        def work():
            global litellm
            import litellm
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
        ASK
        ask()
        """,
    "asyncio": """
        import asyncio, litellm
        async def main():
            messages = [{"role": "user", "content": "Hi"}]
            answer = await litellm.acompletion(
                "openrouter/openai/gpt-4o-mini", messages=messages, stream=True
            )
            async for _ in answer:
                pass
        asyncio.run(main())
        """,
    "the adapter too, its ledger first": """
        from openrouter_adapter import ledger
        import litellm, openrouter_adapter
        openrouter_adapter.register()
        assert ledger.is_enabled()
        ASK
        ask()
        """,
    "the adapter too, registered before LiteLLM is there": """
        import openrouter_adapter
        openrouter_adapter.register()
        from openrouter_adapter import ledger, registration
        import litellm
        assert len(registration._originals) == len(registration.places())
        assert ledger.is_enabled()
        ASK
        ask()
        """,
    "os._exit": """
        import litellm, os
        ASK
        ask()
        os._exit(0)
        """,
    "another program in its place": """
        import litellm, os, sys
        ASK
        ask()
        os.execl(sys.executable, sys.executable, "-c", "print('the next one')")
        """,
}


# Every one takes LiteLLM's two seconds; of the ways to import it one stands for all.
QUICK = ("import litellm", "in a thread", "the adapter too, its ledger first", "os._exit")


@pytest.mark.parametrize(
    "how", [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow) for one in PROGRAMS]
)
def test_a_program_that_only_knows_litellm_is_in_the_ledger(place: Place, how: str) -> None:
    place.write("program.py", PROGRAMS[how])

    done = place.run("program.py", options=("--ledger", "l.db", "--tag", "nightly"))

    assert (done.returncode, done.stderr) == (0, "")
    place.ledger_is_the_bill(1, tag="nightly")


@pytest.mark.parametrize(
    "method", ["spawn", "fork", pytest.param("forkserver", marks=pytest.mark.slow)]
)
def test_processes_of_multiprocessing_are_in_the_ledger(place: Place, method: str) -> None:
    # A fork takes over what its parent has imported; a new process imports it itself.
    early, late = (
        ("import litellm", "") if method == "fork" else ("", "global litellm; import litellm")
    )
    place.write(
        "program.py",
        f"""
        import multiprocessing
        {early}
        ASK
        def work():
            {late or "pass"}
            ask()
        if __name__ == "__main__":
            worker = multiprocessing.get_context("{method}").Process(target=work)
            worker.start()
            worker.join()
            assert worker.exitcode == 0
        """,
    )

    done = place.run("program.py")

    assert (done.returncode, done.stderr) == (0, "")
    place.ledger_is_the_bill(1)


def test_a_child_in_another_folder_writes_the_same_ledger(place: Place) -> None:
    place.write("child.py", "import litellm\nASK\nask()\n")
    place.write(
        "program.py",
        """
        import pathlib, subprocess, sys
        pathlib.Path("elsewhere").mkdir()
        child = pathlib.Path("child.py").absolute()
        subprocess.run([sys.executable, child], cwd="elsewhere", check=True)
        """,
    )

    done = place.run("program.py")

    assert (done.returncode, done.stderr) == (0, "")
    place.ledger_is_the_bill(1)


@pytest.mark.slow
def test_a_shell_that_starts_python_is_a_program_too(place: Place) -> None:
    place.write("child.py", "import litellm\nASK\nask()\n")

    done = place.run("sh", "-c", f"{sys.executable} child.py && exit 4")

    assert (done.returncode, done.stderr) == (4, "")
    place.ledger_is_the_bill(1)


def test_tests_that_call_litellm_are_in_the_ledger(place: Place) -> None:
    place.write(
        "test_birds.py",
        """
        import litellm
        ASK
        def test_an_answer():
            assert ask().choices[0].message.content
        def test_that_fails():
            assert not ask().choices[0].message.content
        """,
    )

    done = place.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "openrouter-adapter run" not in done.stderr
    place.ledger_is_the_bill(2)


@pytest.mark.slow
def test_a_test_run_that_imports_the_adapter_itself_is_in_the_ledger(place: Place) -> None:
    place.write(
        "test_birds.py",
        """
        from openrouter_adapter import ledger
        import litellm
        ASK
        def test_an_answer():
            assert ledger.is_enabled()
            assert ask().choices[0].message.content
        """,
    )

    done = place.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert done.returncode == 0, done.stdout
    assert "openrouter-adapter run" not in done.stderr
    place.ledger_is_the_bill(1)


@pytest.mark.slow
def test_without_a_ledger_the_adapter_is_registered_all_the_same(place: Place) -> None:
    place.write(
        "program.py",
        """
        import litellm
        ASK
        assert ask()._hidden_params["openrouter"]["cost"] > 0
        from openrouter_adapter import ledger
        assert not ledger.is_enabled()
        """,
    )

    done = place.run("program.py", options=())

    assert (done.returncode, done.stderr) == (0, "")


# How it ends.


@pytest.mark.slow
def test_an_uncaught_exception_ends_it_as_ever_with_its_rows_written(place: Place) -> None:
    place.write("program.py", "import litellm\nASK\nask()\nraise LookupError('no birds')\n")

    done = place.run("program.py")

    assert done.returncode == 1
    assert done.stderr.endswith("LookupError: no birds\n")
    place.ledger_is_the_bill(1)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize(
    "to", ["the launcher", pytest.param("the program", marks=pytest.mark.slow)]
)
def test_sigterm_ends_both_alike_with_the_rows_written(place: Place, to: str) -> None:
    place.write(
        "program.py",
        """
        import litellm, os, time
        ASK
        ask()
        print(os.getpid(), flush=True)
        time.sleep(300)
        """,
    )
    process = place.start("program.py")
    assert process.stdout
    program = int(process.stdout.readline())

    os.kill(program if to == "the program" else process.pid, signal.SIGTERM)

    process.communicate(timeout=200)
    assert process.returncode == -signal.SIGTERM
    place.ledger_is_the_bill(1)


def test_a_killed_program_is_a_killed_launcher(place: Place) -> None:
    place.write("program.py", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")

    assert place.run("program.py").returncode == -signal.SIGKILL


def test_a_signal_that_the_program_handles_reaches_it(place: Place) -> None:
    place.write(
        "program.py",
        """
        import signal, sys, time
        signal.signal(signal.SIGUSR1, lambda *_: sys.exit(7))
        print("ready", flush=True)
        time.sleep(300)
        """,
    )
    process = place.start("program.py")
    assert process.stdout
    process.stdout.readline()

    process.send_signal(signal.SIGUSR1)

    process.communicate(timeout=200)
    assert process.returncode == 7


def test_an_interrupt_from_elsewhere_is_passed_on(place: Place) -> None:
    place.write("program.py", INTERRUPTED)
    process = place.start("program.py", start_new_session=True)
    assert process.stdout
    process.stdout.readline()

    process.send_signal(signal.SIGINT)

    printed, _ = process.communicate(timeout=200)
    assert (process.returncode, printed) == (5, "interrupted 1\n")


# Counts for a while: a second Ctrl-C would come right after the first.
INTERRUPTED = """
    import signal, sys, time
    count, until = 0, time.monotonic() + 250
    def on_interrupt(*_):
        global count, until
        count, until = count + 1, time.monotonic() + 1
    signal.signal(signal.SIGINT, on_interrupt)
    print("ready", flush=True)
    while time.monotonic() < until:
        time.sleep(0.05)
    print("interrupted", count, flush=True)
    sys.exit(5)
"""


def test_a_ctrl_c_at_the_terminal_interrupts_once(place: Place) -> None:
    place.write("program.py", INTERRUPTED)
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.chdir(place.folder)
            os.execve(sys.executable, place.command("program.py"), place.environment)  # noqa: S606
        finally:
            os._exit(99)
    seen = b""
    while b"ready" not in seen:
        seen += os.read(terminal, 1024)
    os.write(terminal, b"\x03")
    while b"interrupted" not in seen:
        seen += os.read(terminal, 1024)

    _, status = os.waitpid(pid, 0)

    os.close(terminal)
    assert b"interrupted 1" in seen
    assert os.waitstatus_to_exitcode(status) == 5


# What comes in and goes out.


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
    assert "there is no program no-such-program: not on PATH" in absent.stderr
    assert "./text.txt is no program that can be run" in no_program.stderr


def test_a_program_beside_our_python_is_found_without_a_path_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    beside = Path(sysconfig.get_path("scripts")) / "pytest"

    assert running._command(["pytest", "-q"]) == [str(beside), "-q"]


# The user's own.


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


# What it can't do, it says.


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
    place: Place, without_us: Path
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
    assert f"install it there: {python} -m pip install openrouter-adapter. " in said
    assert said.endswith(" Its calls go LiteLLM's own way.")


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
        import openrouter_adapter.registration as registration
        registration.places = lambda: (
            registration.Place("litellm", "Gone", lambda old: old, "chat"),
        )
        """,
    )

    done = place.run("program.py", environment={"PYTHONPATH": str(place.folder / "site")})

    assert (done.returncode, done.stdout) == (0, "stop\n")
    assert "the adapter can't be put into LiteLLM" in done.stderr
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


@pytest.mark.parametrize("flag", ["-I", "-E", "-S", "-IBW", "-sE"])
def test_a_child_that_keeps_the_adapter_out_is_told_of(place: Place, flag: str) -> None:
    value = ["default"] if flag.endswith("W") else []
    place.write(
        "program.py",
        f"""
        import subprocess, sys
        subprocess.run([sys.executable, *{[flag, *value]}, "-c", "pass"], check=True)
        """,
    )

    never, line = place.run("program.py").stderr.splitlines()

    assert NEVER in never
    assert "a child was started as python" in line
    assert f" -{set(flag) & set('EIS')}".replace("{'", "").replace("'}", "") in line
    assert "that went LiteLLM's own way" in line


def test_a_child_with_another_pythonpath_is_told_of(place: Place) -> None:
    place.write(
        "program.py",
        """
        import subprocess, sys
        subprocess.run([sys.executable, "-c", "pass"], env={}, check=True)
        """,
    )

    assert "was started with another PYTHONPATH" in place.run("program.py").stderr


@pytest.mark.parametrize(
    "words", [["-c", "pass", "-I"], ["-m", "this", "-E"], ["x.py", "-S"], ["-WI", "-c", "pass"]]
)
def test_a_child_in_reach_is_not_told_of(place: Place, words: list[str]) -> None:
    place.write("x.py", "")
    place.write(
        "program.py",
        f"""
        import subprocess, sys
        subprocess.run([sys.executable, *{words}], stdout=-3, stderr=-3)
        """,
    )

    [line] = place.run("program.py").stderr.splitlines()
    assert NEVER in line


# The page.


def test_the_commands_of_the_page_can_be_given() -> None:
    text = (Path(__file__).parents[1] / "docs" / "launcher.md").read_text()
    lines = re.findall("^openrouter-adapter run (.*)$", text, re.MULTILINE)
    command: Any = typer.main.get_command(app)

    given = [command.commands["run"].make_context("run", shlex.split(line)) for line in lines]

    assert [one.params["program"][0] for one in given] == ["python", "aider", "python"]
    assert given[1].params["tag"] == ["nightly"]
    assert given[2].params["program"] == ["python", "-m", "pytest", "tests/"]


@pytest.mark.parametrize(
    "words",
    [
        *("the program never imported LiteLLM", "the adapter can't be put into LiteLLM"),
        *("a child was started as", "was started with another PYTHONPATH", "install it there"),
    ],
)
def test_the_page_names_what_is_said(words: str) -> None:
    page = (Path(__file__).parents[1] / "docs" / "launcher.md").read_text()
    sources = [Path(running.__file__), running.HOOK / "sitecustomize.py"]

    assert words in page
    assert any(words in source.read_text() for source in sources)
