"""Reports of spend: sums as lists, and the spend page, a single HTML file.

>>> from openrouter_adapter import ledger, report
>>> report.write(report.gather(ledger.open()), "spend.html")
"""

from openrouter_adapter.report.figures import Figures, gather
from openrouter_adapter.report.page import render, write
from openrouter_adapter.report.serve import Server
from openrouter_adapter.report.window import Window

__all__ = ["Figures", "Server", "Window", "gather", "render", "write"]
