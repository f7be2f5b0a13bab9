"""Splits requests into batches: one endpoint and one model each, within OpenRouter's limits.

Only what is not submitted yet is in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.batches import wire

if TYPE_CHECKING:
    from openrouter_adapter.batch.requests import Request

Key = tuple[str, str, bytes, bytes]

# Bytes of all requests that wait for others of their kind.
_MOST_WAITING: Final = 256_000_000
# Bytes that the results of a batch may have, by a generous guess: they come in one answer, which
# is read only up to a limit (`wire.incoming`).
_MOST_ANSWER: Final = 150_000_000
_BYTES_OF_ANSWER: Final = 1_500
_BYTES_OF_TOKEN: Final = 6
_USUAL_TOKENS: Final = 2_000
# 3,072 numbers of 20 digits each.
_BYTES_OF_VECTOR: Final = 64_000
# Everything of a submission besides its requests; names of models and providers are shorter.
_SHELL: Final = 4_000


@dataclass(slots=True)
class Group:
    """Requests that can be submitted together.

    Attributes:
        endpoint: Its name in the Batch API.
        model: The model of all requests.
        provider: The batch's `provider`; None if the requests have none.
        requests: The custom_id and the body of each, in the order of `lines`.
        lines: Their lines in the input.
        labels: `user` and `session_id` of the lines that have one of them.
        size: Bytes of the submission.
        answer: Bytes that the results may have.
        worsts: Picodollars that each line may cost; 0 if that was not estimated.
    """

    endpoint: str
    model: str
    provider: dict[str, Any] | None = None
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    labels: dict[int, tuple[str | None, str | None]] = field(default_factory=dict)
    worsts: list[int] = field(default_factory=list)
    size: int = _SHELL
    answer: int = 0

    @property
    def worst(self) -> int:
        """Picodollars that it may cost; 0 if that was not estimated."""
        return sum(self.worsts)

    def halves(self) -> tuple[Group, Group]:
        """The same requests in two groups."""
        middle = len(self.lines) // 2
        return self._part(slice(middle)), self._part(slice(middle, None))

    def _part(self, which: slice) -> Group:
        lines = self.lines[which]
        labels = {line: self.labels[line] for line in lines if line in self.labels}
        return Group(
            self.endpoint,
            self.model,
            self.provider,
            self.requests[which],
            lines,
            labels,
            self.worsts[which],
        )


class Groups:
    """Gathers requests until a batch of them is full."""

    def __init__(self) -> None:
        self._waiting: dict[Key, Group] = {}
        self._size = 0

    def add(self, request: Request, worst: int | None) -> Group | None:
        """Adds a request; returns a group that must be submitted now, if there is one."""
        body, answer = orjson.dumps(_of_batch(request)), _answer_bytes(request.body)
        size = wire.size_of(request.custom_id, body)
        key = _key(request)
        group, full = self._waiting.get(key), None
        if group is not None and (
            len(group.lines) >= wire.MOST_REQUESTS
            or group.size + size > wire.MOST_BYTES
            or group.answer + answer > _MOST_ANSWER
        ):
            full = self._take(key)
            group = None
        if group is None:
            assert request.route.in_batches is not None  # noqa: S101 - it is eligible
            provider = request.body.get("provider")
            group = self._waiting[key] = Group(request.route.in_batches, request.model, provider)
        group.requests.append((request.custom_id, body))
        group.lines.append(request.line)
        group.worsts.append(worst or 0)
        group.size += size
        group.answer += answer
        user, session = request.body.get("user"), request.body.get("session_id")
        if user is not None or session is not None:
            group.labels[request.line] = user, session
        self._size += size
        if full is None and self._size > _MOST_WAITING:
            full = self._take(max(self._waiting, key=lambda one: self._waiting[one].size))
        return full

    def take_all(self) -> list[Group]:
        """All that waits, for submission."""
        return [self._take(key) for key in list(self._waiting)]

    def _take(self, key: Key) -> Group:
        group = self._waiting.pop(key)
        self._size -= group.size - _SHELL
        return group


def _key(request: Request) -> Key:
    """What the requests of one batch must have in common."""
    form = b""
    if request.model.startswith("google/") and "response_format" in request.body:
        # Google's batches take one response_format for all of their requests.
        form = orjson.dumps(request.body["response_format"], option=orjson.OPT_SORT_KEYS)
    provider = request.body.get("provider")
    chosen = orjson.dumps(provider, option=orjson.OPT_SORT_KEYS) if provider else b""
    return request.route.in_batches or "", request.model, form, chosen


def _of_batch(request: Request) -> dict[str, Any]:
    """The body of a request in a batch: without `provider`, which is the batch's."""
    body = request.body
    if "provider" in body:
        body = {name: value for name, value in body.items() if name != "provider"}
    return body


def _answer_bytes(body: dict[str, Any]) -> int:
    if "input" in body:
        given = body["input"]
        is_many = isinstance(given, list) and given and not isinstance(given[0], int)
        return _BYTES_OF_VECTOR * (len(given) if is_many else 1)
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    tokens = limit if isinstance(limit, int) else _USUAL_TOKENS
    return _BYTES_OF_ANSWER + _BYTES_OF_TOKEN * tokens * (body.get("n") or 1)
