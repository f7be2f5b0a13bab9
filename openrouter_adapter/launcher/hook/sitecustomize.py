"""Puts the adapter into a Python that `openrouter-adapter run` has started, or a child of one.

Python imports this before the program, because its folder is first on PYTHONPATH. Any Python 3.8
or later can read it, with or without this package; and it imports nothing, so that a program that
never imports LiteLLM starts as fast as ever.
"""

# No package, and pathlib takes longer to import than all this to run.
# ruff: noqa: INP001, PTH100, PTH118, PTH119, PTH120, PTH123

from __future__ import annotations

import os
import sys

# Only names: at the start of each Python nothing is imported for them.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = "openrouter_adapter"
_RUN = "OPENROUTER_ADAPTER_RUN"
_STRICT = "OPENROUTER_ADAPTER_STRICT"


class _Finder:
    """Finds nothing itself, but has a module's own loader tell when LiteLLM has been run.

    The adapter is attached as soon as that is so and none of the adapter's own modules, from
    which the program may have imported LiteLLM, is half done.
    """

    def __init__(self) -> None:
        self._is_due = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec that the other finders give, of the modules that matter."""
        is_ours = name.partition(".")[0] == _PACKAGE
        if not is_ours and name not in {"litellm", "subprocess"}:
            # A loader that was not asked here, pytest's, may have just finished one of ours.
            if self._is_due:
                self._attach(None)
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None:
                self._watch(spec.loader, name)
                return spec
        return None

    def _watch(self, loader: Any, name: str) -> None:
        run = getattr(loader, "exec_module", None)
        if run is None or isinstance(loader, type):
            return

        def exec_module(module: Any) -> None:
            del loader.exec_module
            run(module)
            if name == "subprocess":
                _watch_children(module)
            elif name == "litellm":
                self._is_due = True
            if self._is_due:
                self._attach(name)

        loader.exec_module = exec_module

    def _attach(self, done: str | None) -> None:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == _PACKAGE and name != done:
                spec = getattr(module, "__spec__", None)
                if getattr(spec, "_initializing", False):
                    return
        self._is_due = False
        try:
            from openrouter_adapter.launcher import attach

            attach()
        except Exception as failure:
            said = _reason(failure)
            if os.environ.get(_STRICT):
                # LiteLLM would be imported again, and must not be without the adapter then.
                _note("failed")
                raise ImportError(said) from failure
            if _note("failed"):
                _say(said + " Its calls go LiteLLM's own way.")
        else:
            _note("attached")
        if self in sys.meta_path:
            sys.meta_path.remove(self)


def _reason(failure: Exception) -> str:
    python = sys.executable
    if isinstance(failure, ModuleNotFoundError) and failure.name == _PACKAGE:
        return (
            f"{python} imports LiteLLM and has no {_PACKAGE}; install it there: "
            f"{python} -m pip install openrouter-adapter."
        )
    return (
        f"the adapter can't be put into LiteLLM in process {os.getpid()} ({python}): "
        f"{type(failure).__name__}: {failure}."
    )


def _note(name: str, text: str = "") -> bool:
    """Leaves a note for the launcher; whether it is the first of this name in the run."""
    folder = os.environ.get(_RUN)
    if not folder:
        return True
    try:
        with open(os.path.join(folder, name), "x", encoding="utf-8") as note:
            note.write(text)
    except OSError:
        return False
    return True


def _say(line: str) -> None:
    try:
        sys.stderr.write(f"openrouter-adapter run: {line}\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass


def _watch_children(subprocess: Any) -> None:
    """Notes when the program starts a Python that won't read this file."""
    start: Callable[..., None] = subprocess.Popen.__init__

    def begin(self: Any, *arguments: Any, **options: Any) -> None:
        start(self, *arguments, **options)
        try:
            command = arguments[0] if arguments else options["args"]
            _note_out_of_reach(command, options.get("env"))
        except Exception:  # noqa: BLE001 - a note must not break the program
            return

    begin.__wrapped__ = start  # type: ignore[attr-defined]
    subprocess.Popen.__init__ = begin


def _note_out_of_reach(command: Any, environment: Any) -> None:
    words = [command] if isinstance(command, str) else [os.fsdecode(word) for word in command]
    name = os.path.basename(words[0])
    if not name.startswith("python") or "config" in name:
        return
    flags = "".join(sorted(_flags(words[1:]) & {"E", "I", "S"}))
    if flags:
        _note(
            "out-of-reach", f"a child was started as {name} -{flags}, which keeps the adapter out"
        )
    elif _HERE not in (os.environ if environment is None else environment).get("PYTHONPATH", ""):
        _note("out-of-reach", f"a child, {name}, was started with another PYTHONPATH")


def _flags(words: Sequence[str]) -> set[str]:
    """The one-letter options of a Python's command line."""
    found: set[str] = set()
    is_value = False
    for word in words:
        if is_value:
            is_value = False
            continue
        if not word.startswith("-") or word.startswith("--") or word == "-":
            break
        for place, letter in enumerate(word[1:], start=2):
            found.add(letter)
            if letter in "cm":
                return found
            if letter in "WX":
                is_value = place == len(word)
                break
    return found


def _run_the_other() -> None:
    """Runs the sitecustomize that Python would have found without this one."""
    ours = sys.modules[__name__]
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != _HERE]
    del sys.modules[__name__]
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
    except ImportError as failure:
        if failure.name != "sitecustomize":
            raise
    finally:
        # Python takes from here what it has just imported.
        sys.modules.setdefault("sitecustomize", ours)


if "subprocess" in sys.modules:
    _watch_children(sys.modules["subprocess"])
sys.meta_path.insert(0, _Finder())
_run_the_other()
