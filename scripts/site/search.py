"""Fails if the search of the built site can't find what readers look for.

search.py BUILT_FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

# Words that a reader types, and the page that must be found.
WANTED = {
    "prompt caching": "prompt_caching.html",
    "cap per user": "budgets.html",
    "uninstall": "uninstalling.html",
    "rate limit": "errors.html",
    "streaming": "chat.html",
    "embeddings": "embeddings.html",
}


def main(built: Path) -> int:
    """Print what is not found in the index of the site; return the exit code."""
    sections = json.loads((built / "search.json").read_text("utf-8"))["items"]
    missing = [
        f"{words}: not in {page}"
        for words, page in WANTED.items()
        if not has(sections, words, page)
    ]
    print("\n".join(missing) or f"The search finds {', '.join(WANTED)}.")
    return 1 if missing else 0


def has(sections: list[dict[str, Any]], words: str, page: str) -> bool:
    """Whether a section of the page has the words, next to each other."""
    return any(
        section["location"].partition("#")[0] == page
        and words in f"{section['title']} {section['text']}".lower()
        for section in sections
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
