"""Registers the adapter in a Python process of `openrouter-adapter run`.

Python imports this module before the program, because its folder is first on PYTHONPATH. It works
in any Python from 3.8, with or without this package, and imports nothing, so that a program that
never imports LiteLLM starts as fast as before.
"""

# Not a package; and importing pathlib takes longer than running all of this.
# ruff: noqa: INP001, PTH100, PTH118, PTH120, PTH123

from __future__ import annotations

import os
import sys

# Only for type checkers: typing is not imported when Python starts.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = "openrouter_adapter"
_RUN = "OPENROUTER_ADAPTER_RUN"
_STRICT = "OPENROUTER_ADAPTER_STRICT"
_INSTALL = "OPENROUTER_ADAPTER_INSTALL"


class _Finder:
    """Wraps the loader of LiteLLM, to attach the adapter after LiteLLM has been imported.

    If the program imported LiteLLM by importing one of the adapter's modules, the adapter is
    attached when none of these is partially initialized any more.
    """

    def __init__(self) -> None:
        self._is_due = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec from the other finders, for LiteLLM and our own modules; None for the others."""
        is_ours = name.partition(".")[0] == _PACKAGE
        if not is_ours and name != "litellm":
            # Another loader, such as pytest's, may just have finished one of ours.
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
            reason = _reason(failure)
            if os.environ.get(_STRICT):
                # The program may import LiteLLM again: it must not succeed without the adapter.
                _note("failed")
                raise ImportError(reason) from failure
            if _note("failed"):
                _say(reason + " Its calls use LiteLLM's own adapter.")
        else:
            _note("attached")
        if self in sys.meta_path:
            sys.meta_path.remove(self)


def _reason(failure: Exception) -> str:
    python = sys.executable
    if isinstance(failure, ModuleNotFoundError) and failure.name == _PACKAGE:
        return (
            f"{python} imports LiteLLM and has no {_PACKAGE}; install it there: "
            f"{python} -m pip install {os.environ.get(_INSTALL, 'openrouter-adapter')}."
        )
    return (
        f"the adapter can't be registered in process {os.getpid()} ({python}): "
        f"{type(failure).__name__}: {failure}."
    )


def _note(name: str) -> bool:
    """Leaves a file for the launcher; returns whether it is the first of this name in the run."""
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
    """Imports the sitecustomize that Python would have found without this one."""
    ours = sys.modules[__name__]
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != _HERE]
    del sys.modules[__name__]
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
    except ImportError as failure:
        if failure.name != "sitecustomize":
            raise
    finally:
        # Python takes the imported module from here.
        sys.modules.setdefault("sitecustomize", ours)


sys.meta_path.insert(0, _Finder())
_run_the_other()
