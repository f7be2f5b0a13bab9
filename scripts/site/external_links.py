"""Requests every address outside of the site that a page links to: `external_links.py FOLDER`."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

_TRIES: Final = 3
# What servers answer to programs about pages that people can read.
_UNKNOWN: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}


class Links(HTMLParser):
    """The addresses, without their anchors, that the pages fed to it link to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps the address of a link to another server."""
        address = (dict(attrs).get("href") or "").partition("#")[0]
        if tag == "a" and address.startswith(("http://", "https://")):
            self.found.add(address)


def fault(address: str) -> str:
    """What is wrong with an address; empty if it answers."""
    wrong = ""
    for _ in range(_TRIES):
        wrong = _refusal(address)
        if not wrong:
            break
    return wrong


def _refusal(address: str) -> str:
    request = Request(address, headers={"User-Agent": "openrouter_adapter's documentation"})  # noqa: S310 - http only
    try:
        with urlopen(request, timeout=30):  # noqa: S310 - the same
            return ""
    except HTTPError as error:
        return "" if error.code in _UNKNOWN else str(error)
    except (URLError, TimeoutError, ConnectionError) as error:
        return str(error)


def main(folder: Path) -> int:
    """Prints the addresses that don't answer, and returns the exit code."""
    links = Links()
    for page in sorted(folder.rglob("*.html")):
        links.feed(page.read_text("utf-8"))
    addresses = sorted(links.found)
    with ThreadPoolExecutor(8) as pool:
        faults = dict(zip(addresses, pool.map(fault, addresses), strict=True))
    dead = {address: wrong for address, wrong in faults.items() if wrong}
    for address, wrong in dead.items():
        print(f"{address}: {wrong}")
    print(f"{len(addresses)} addresses, {len(dead)} without an answer")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
