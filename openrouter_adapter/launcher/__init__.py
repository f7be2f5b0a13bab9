"""Unchanged Python programs with the adapter registered: `openrouter-adapter run`.

A folder with a `sitecustomize.py` (hook/) is put first on the program's PYTHONPATH. Python imports
it in that process and in every Python process that it starts. It waits until LiteLLM has been
imported, and then calls `attach`.
"""

from openrouter_adapter.launcher.attaching import attach
from openrouter_adapter.launcher.running import ProgramError, end_like, run

__all__ = ["ProgramError", "attach", "end_like", "run"]
