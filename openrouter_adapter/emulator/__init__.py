"""OpenRouter on localhost, for demos and tests.

Plays OpenRouter's part: models, prices, bills, limits and faults.

Imports neither the adapter nor LiteLLM, so its bill can verify what they report.
"""

from .answers import Answer, Thought, ToolCall
from .billing import BillRow
from .server import Emulator, serve
from .state import LoggedRequest

__all__ = ["Answer", "BillRow", "Emulator", "LoggedRequest", "Thought", "ToolCall", "serve"]
