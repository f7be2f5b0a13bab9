"""OpenRouter on localhost: the other side of the wire, for demos and tests.

Imports nothing of the adapter and nothing of LiteLLM: what it bills can prove what they report.
"""

from .answers import Answer, ToolCall
from .billing import BillRow
from .server import Emulator, serve
from .state import LoggedRequest

__all__ = ["Answer", "BillRow", "Emulator", "LoggedRequest", "ToolCall", "serve"]
