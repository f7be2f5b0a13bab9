"""A call: what an endpoint is asked, and the route that leads to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .bodies import check, check_object, expected, invalid_option
from .errors import ApiError, invalid_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiohttp import web

    from .faults import RequestFaults
    from .state import State

T = TypeVar("T")
Access = Literal["anybody", "any key", "inference", "management"]
_MOST = 100


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        state: The state, with the caller's key in `state.key`.
        request: The HTTP request.
        body: The JSON body, None where there was none.
        path: The parts of the path that stood for `{}`, in order.
        faults: What may go wrong with it.
    """

    state: State
    request: web.BaseRequest
    body: Any
    path: tuple[str, ...]
    faults: RequestFaults

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the URL."""
        return self.request.query

    def given(self) -> Fields:
        """Return the body's fields.

        Raises:
            ApiError: 400 for a body that is no object.
        """
        return Fields(check_object(self.body))

    def listing(
        self, rows: Sequence[Any], shown: Callable[[Any], Any] = lambda row: row
    ) -> dict[str, Any]:
        """Return a page of rows as lists have it, and how many there are on all pages."""
        return {"data": [shown(row) for row in self.page(rows)], "total_count": len(rows)}

    def kept(self, among: Mapping[str, T], missing: str) -> T:
        """Return what the first part of the path names.

        Args:
            among: What the account has, by id.
            missing: The words for what it does not have.

        Raises:
            ApiError: 404 if it is not there.
        """
        if self.path[0] not in among:
            raise ApiError(404, missing)
        return among[self.path[0]]

    def page(self, rows: Sequence[Any], most: int = _MOST) -> list[Any]:
        """Return the rows that `offset` and `limit` ask for.

        Raises:
            ApiError: 400 for an offset or limit that is none.
        """
        offset, limit = self.whole("offset", 0, 0), self.whole("limit", most, 1)
        return list(rows[offset : offset + min(limit, most)])

    def whole(self, name: str, default: int, least: int) -> int:
        """Return a parameter that is a whole number.

        Raises:
            ApiError: 400 for one that is none, or too small.
        """
        given = self.query.get(name)
        if given is None or given == "":
            return default
        if not given.lstrip("-").isdigit() or int(given) < least:
            raise invalid_body(
                f"{name}: Invalid input: expected number >={least}, received {given}"
            )
        return int(given)

    def flag(self, name: str) -> bool:
        """Return a parameter that is true or false."""
        return self.query.get(name, "").lower() in {"true", "1"}


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a body, read with their types; all raise `ApiError` 400 for a wrong one."""

    body: dict[str, Any]

    def __contains__(self, name: str) -> bool:
        """Tell whether a field was given."""
        return name in self.body

    def text(self, name: str, *, required: bool = False) -> str | None:
        """Return a string."""
        value = self.body.get(name)
        if (value is None and not required) or (isinstance(value, str) and value):
            return value
        raise invalid_body(expected(name, "string", value))

    def name(self, name: str = "name") -> str:
        """Return a string that must be there."""
        return str(self.text(name, required=True))

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return true or false."""
        value: bool | None = self._checked(name, bool)
        return default if value is None else value

    def usd(self, name: str) -> Decimal | None:
        """Return an amount, None where it is null or left out."""
        value: float | None = self._checked(name, float)
        if value is not None and value < 0:
            raise invalid_body(f"{name}: Too small: expected number to be >=0")
        return None if value is None else Decimal(repr(value))

    def choice(self, name: str, known: Sequence[str]) -> str | None:
        """Return one of some words, None where it is null or left out."""
        value = self.body.get(name)
        if value is None or value in known:
            return value
        raise invalid_option(name, known)

    def texts(self, name: str) -> list[str] | None:
        """Return a list of strings, None where it is null or left out."""
        value: list[str] | None = self._checked(name, [str])
        return value

    def changed(self, before: Mapping[str, Any], shapes: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was there before, with the fields that were given, by their shapes."""
        return {
            **before,
            **{name: self._checked(name, shape) for name, shape in shapes.items() if name in self},
        }

    def moment(self, name: str) -> float | None:
        """Return a UTC time as seconds since 1970; it must name its seconds."""
        value = self.text(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None or value.count(":") < 2:
            raise invalid_body(f"{name}: Invalid ISO datetime")
        return moment.timestamp()

    def _checked(self, name: str, shape: Any) -> Any:
        value = self.body.get(name)
        check(name, value, shape)
        return value


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint.

    Attributes:
        method: Of HTTP.
        path: Below the base URL; `{}` stands for any one part.
        answer: Returns the JSON of its answer, or sends it.
        access: Whose keys may call it; `inference` also checks limits.
        status: Of a good answer.
        refusal: What a key without the access reads, None for the usual words.
    """

    method: str
    path: str
    answer: Callable[[Call], Any]
    access: Access = "management"
    status: int = 200
    refusal: str | None = None


class Routes:
    """Finds the route of a request."""

    def __init__(self, routes: Sequence[Route]) -> None:
        """Sort them by method and path."""
        self._exact = {(one.method, one.path): one for one in routes if "{}" not in one.path}
        self._open = [
            (re.compile(one.path.replace("{}", "([^/]+)")), one)
            for one in routes
            if "{}" in one.path
        ]
        self._known = {one.path for one in routes}

    def find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
        """Return a route and what stands for its `{}`, None for none."""
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact, ()
        for pattern, route in self._open:
            found = pattern.fullmatch(path) if route.method == method else None
            if found is not None:
                return route, found.groups()
        return None

    def knows(self, path: str) -> bool:
        """Tell whether a path is there, with whatever method."""
        return path in self._known
