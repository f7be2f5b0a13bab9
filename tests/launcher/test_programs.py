"""`openrouter-adapter run`: programs that know nothing of the adapter, and their children."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.launcher.place import Place

# Programs that import LiteLLM take seconds, and on a busy machine many.
pytestmark = pytest.mark.timeout(300)


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
