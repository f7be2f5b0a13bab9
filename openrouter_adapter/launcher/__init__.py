"""Any Python program on this package, without a change in it: `openrouter-adapter run`.

A folder with a `sitecustomize.py` (hook/) is put first on the program's PYTHONPATH. Python imports
it in that process and in every Python that it starts; there it waits for LiteLLM to be imported,
and then calls `attach`.
"""

from openrouter_adapter.launcher.attaching import attach
from openrouter_adapter.launcher.running import ProgramError, end_like, run

__all__ = ["ProgramError", "attach", "end_like", "run"]
