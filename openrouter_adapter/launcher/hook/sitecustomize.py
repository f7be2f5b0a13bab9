"""Puts the adapter into a Python that `openrouter-adapter run` has started, or a child of one.

Python imports this before the program, because its folder is first on PYTHONPATH. Any Python 3.8
or later can read it, with or without this package; and it imports nothing, so that a program that
never imports LiteLLM starts as fast as ever.
"""

# No package, and pathlib takes longer to import than all this to run.
# ruff: noqa: INP001, PTH100, PTH118, PTH120, PTH123

from __future__ import annotations

import os
import sys

# Only names: at the start of each Python nothing is imported for them.
TYPE_CHECKING = False
if TYPE_CHECKING:
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
        if not is_ours and name != "litellm":
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
            if name == "litellm":
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


def _note(name: str) -> bool:
    """Leaves a note for the launcher; whether it is the first of this name in the run."""
    folder = os.environ.get(_RUN)
    if not folder:
        return True
    try:
        open(os.path.join(folder, name), "x").close()
    except OSError:
        return False
    return True


def _say(line: str) -> None:
    try:
        sys.stderr.write(f"openrouter-adapter run: {line}\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass


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


sys.meta_path.insert(0, _Finder())
_run_the_other()
