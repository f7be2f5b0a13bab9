"""A request as an endpoint gets it, and the route that leads to the endpoint."""

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
    from multidict import MultiDictProxy

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
        body: The JSON body, None without a body.
        path: The parts of the path in place of `{}`, in order.
        faults: The faults that may strike.
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
            ApiError: 400 if the body is not an object.
        """
        return Fields(check_object(self.body))

    def listing(
        self, rows: Sequence[Any], shown: Callable[[Any], Any] = lambda row: row
    ) -> dict[str, Any]:
        """Return a page of rows and the number of all rows, as lists do.

        Args:
            rows: All rows.
            shown: Returns the JSON of a row.
        """
        return {"data": [shown(row) for row in self.page(rows)], "total_count": len(rows)}

    def kept(self, among: Mapping[str, T], missing: str) -> T:
        """Return the item that the first part of the path names.

        Args:
            among: All items, by id.
            missing: The error's message if there is none.

        Raises:
            ApiError: 404 if there is none.
        """
        if self.path[0] not in among:
            raise ApiError(404, missing)
        return among[self.path[0]]

    def page(self, rows: Sequence[Any], most: int = _MOST) -> list[Any]:
        """Return the rows within the request's `offset` and `limit`.

        Raises:
            ApiError: 400 for an invalid offset or limit.
        """
        offset, limit = self.whole("offset", 0, 0), self.whole("limit", most, 1)
        return list(rows[offset : offset + min(limit, most)])

    def whole(self, name: str, default: int, least: int) -> int:
        """Return a whole-number parameter.

        Raises:
            ApiError: 400 if it is invalid or too small.
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
        """Return a boolean parameter."""
        return self.query.get(name, "").lower() in {"true", "1"}


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a body. Each method raises `ApiError` 400 for a value of the wrong type."""

    body: dict[str, Any]

    def __contains__(self, name: str) -> bool:
        """Return whether a field was given."""
        return name in self.body

    def text(self, name: str, *, required: bool = False) -> str | None:
        """Return a string."""
        value = self.body.get(name)
        if (value is None and not required) or (isinstance(value, str) and value):
            return value
        raise invalid_body(expected(name, "string", value))

    def name(self, name: str = "name") -> str:
        """Return a required string."""
        return str(self.text(name, required=True))

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean."""
        value: bool | None = self._checked(name, bool)
        return default if value is None else value

    def usd(self, name: str) -> Decimal | None:
        """Return an amount in USD, None if it is null or missing."""
        value: float | None = self._checked(name, float)
        if value is not None and value < 0:
            raise invalid_body(f"{name}: Too small: expected number to be >=0")
        return None if value is None else Decimal(repr(value))

    def choice(self, name: str, known: Sequence[str]) -> str | None:
        """Return one of the known words, None if it is null or missing."""
        value = self.body.get(name)
        if value is None or value in known:
            return value
        raise invalid_option(name, known)

    def texts(self, name: str) -> list[str] | None:
        """Return a list of strings, None if it is null or missing."""
        value: list[str] | None = self._checked(name, [str])
        return value

    def changed(self, before: Mapping[str, Any], shapes: Mapping[str, Any]) -> dict[str, Any]:
        """Return `before` with the given fields changed, checked against their shapes."""
        return {
            **before,
            **{name: self._checked(name, shape) for name, shape in shapes.items() if name in self},
        }

    def moment(self, name: str) -> float | None:
        """Return a time as seconds since 1970; its text must have seconds and a zone."""
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
        method: The HTTP method.
        path: The path below the base URL; `{}` is any one part.
        answer: Returns the answer's JSON, or sends the answer.
        access: The keys that may call it; `inference` also checks limits.
        status: The HTTP status of success.
        refusal: The message for a key without access, None for the usual one.
        read_form: Returns the body of a multipart form, None for an endpoint without forms.
    """

    method: str
    path: str
    answer: Callable[[Call], Any]
    access: Access = "management"
    status: int = 200
    refusal: str | None = None
    read_form: Callable[[MultiDictProxy[Any]], dict[str, Any]] | None = None


class Routes:
    """Finds the route of a request."""

    def __init__(self, routes: Sequence[Route]) -> None:
        """Sort the routes by method and path."""
        self._exact = {(one.method, one.path): one for one in routes if "{}" not in one.path}
        self._open = [
            (re.compile(one.path.replace("{}", "([^/]+)")), one)
            for one in routes
            if "{}" in one.path
        ]
        self._known = {one.path for one in routes}

    def find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
        """Return a route and the parts in place of its `{}`, None if there is no route."""
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact, ()
        for pattern, route in self._open:
            found = pattern.fullmatch(path) if route.method == method else None
            if found is not None:
                return route, found.groups()
        return None

    def knows(self, path: str) -> bool:
        """Return whether a path exists, with any method."""
        return path in self._known
