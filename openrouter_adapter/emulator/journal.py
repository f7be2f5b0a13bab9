"""The log of requests that arrived, for tests that ask what was sent."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECRETS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request as it arrived.

    Attributes:
        method: `GET` or `POST`.
        path: The path below the base URL, such as `/chat/completions`.
        headers: Names in lower case; the key and other secrets are left out.
        body: The JSON body, None where there was none.
        query: The parameters of the URL.
    """

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)


class Journal:
    """The last requests, oldest first."""

    def __init__(self, size: int) -> None:
        """Keep at most `size` requests, so that a long run does not fill the memory."""
        self._requests: deque[LoggedRequest] = deque(maxlen=size)

    def add(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: Any,
    ) -> None:
        """Append a request."""
        kept = {
            lowered: value
            for name, value in headers.items()
            if (lowered := name.lower()) not in _SECRETS
        }
        self._requests.append(LoggedRequest(method, path, kept, body, dict(query)))

    def requests(self) -> list[LoggedRequest]:
        """Return a copy of the log."""
        return list(self._requests)
