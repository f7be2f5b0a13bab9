"""How this package is installed, and the command that installs its extras in the same way.

Only an index of packages knows the package by its name. pip records every other source in
`direct_url.json`.

Follows https://packaging.python.org/en/latest/specifications/direct-url/.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

_NAME: Final = "openrouter-adapter"


def command(*extras: str, pip: str = "pip") -> str:
    """The command that installs this package with these extras, to paste into a shell.

    In a checkout `pip install '.[ray]'`, from elsewhere with the checkout's path, and with `-e` if
    it is editable; `pip install 'openrouter-adapter[ray]'` for a published version.
    """
    return f"{pip} install {requirement(*extras)}"


def requirement(*extras: str) -> str:
    """The part of `command` after `pip install`."""
    listed = f"[{','.join(extras)}]" if extras else ""
    folder = checkout()
    if folder is not None:
        where = "." if folder == Path.cwd() else str(folder)
        return ("-e " if _record().get("dir_info", {}).get("editable") else "") + _quoted(
            where + listed
        )
    url = _url()
    return _quoted(f"{_NAME}{listed}" + (f" @ {url}" if url else ""))


def checkout() -> Path | None:
    """The folder of sources that the package was installed from; None if it was from elsewhere."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    record = _record()
    if "dir_info" not in record:
        return None
    return Path(url2pathname(urlsplit(record["url"]).path))


def source() -> str:
    """Where the package was installed from, for people: a checkout, a URL or an index."""
    folder, url = checkout(), _url()
    if folder is not None:
        return f"the checkout {folder}"
    return url or "an index of packages"


def _url() -> str:
    """The URL of an archive or of a repository; empty for a checkout and for an index."""
    record = _record()
    if not record or "dir_info" in record:
        return ""
    version = record.get("vcs_info")
    if not version:
        return str(record["url"])
    return f"{version['vcs']}+{record['url']}@{version['commit_id']}"


def _record() -> dict[str, Any]:
    """What pip recorded; empty if the package came from an index, or if nothing is recorded."""
    # Imported here, because the command line starts without it.
    from importlib import metadata

    for one in metadata.distributions(name=_NAME):
        # A checkout on the path of imports has metadata of its own, which pip has not written.
        if one.read_text("SOURCES.txt") is not None:
            continue
        try:
            found = json.loads(one.read_text("direct_url.json") or "{}")
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and isinstance(found.get("url"), str) else {}
    return {}


def _quoted(text: str) -> str:
    """A text as one word of a shell, if it has a character that a shell interprets."""
    if not set(text) & set(" []&()'\"$`;"):
        return text
    # cmd.exe knows only double quotes.
    return f'"{text}"' if os.name == "nt" else "'" + text.replace("'", "'\"'\"'") + "'"
