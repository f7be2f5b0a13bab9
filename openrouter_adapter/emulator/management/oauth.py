"""OAuth: the sign-in page, its one-time codes, and their exchange for keys."""

from __future__ import annotations

import base64
import hashlib
import html
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from .. import clock
from ..call import Fields, Route
from ..errors import USER_ID, ApiError, invalid_body
from ..keys import WORKSPACE, Grant, Key

if TYPE_CHECKING:
    from ..call import Call

METHODS = ("S256", "plain")
# Lifetime of a code.
_SECONDS = 600
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def page(call: Call) -> web.Response:
    """Return the page for a person who agrees: a redirect to the callback, or the code.

    Raises:
        ApiError: 400 for an invalid callback or challenge.
    """
    asked: dict[str, Any] = dict(call.query)
    if "limit" in asked:
        asked["limit"] = _number(asked["limit"])
    callback = call.query.get("callback_url")
    if not callback and not call.query.get("code_challenge"):
        raise invalid_body("callback_url: Required without code_challenge")
    code = _issue(call, Fields(asked), callback)
    if callback:
        return web.Response(status=302, headers={"Location": _with_code(callback, code)})
    text = f"<html><body>Your authorization code: <code>{html.escape(code)}</code></body></html>"
    return web.Response(text=text, content_type="text/html")


def create_code(call: Call) -> dict[str, Any]:
    """Return a code for the caller's own account."""
    fields = call.given()
    callback = fields.name("callback_url")
    code = _issue(call, fields, callback)
    created = clock.timestamp(call.state.now())
    return {"data": {"id": code, "app_id": _app(callback), "created_at": created}}


def exchange(call: Call) -> dict[str, Any]:
    """Return a key for a code, which can be used once.

    Raises:
        ApiError: 403 for an invalid or expired code or an invalid verifier, 400 for another method.
    """
    fields, state = call.given(), call.state
    code, verifier = fields.name("code"), fields.text("code_verifier")
    method = _method(fields)
    grant = state.codes.get(code)
    if grant is None:
        raise _refused()
    if state.now() - grant.issued_at >= _SECONDS:
        del state.codes[code]
        raise ApiError(403, "Authorization code expired")
    if grant.challenge is not None and method not in {None, grant.method}:
        raise _wrong_method()
    if grant.challenge is not None and _challenge(verifier, grant.method) != grant.challenge:
        raise _refused()
    del state.codes[code]
    key = Key(
        f"sk-or-v1-{state.new_secret('key')}",
        grant.label,
        state.now(),
        limit=grant.limit,
        limit_reset=grant.limit_reset,
        expires_at=grant.key_expires_at,
        workspace=grant.workspace,
    )
    state.keys.add(key)
    return {"key": key.secret, "user_id": USER_ID}


def _issue(call: Call, fields: Fields, callback: str | None) -> str:
    host = _host(callback) if callback else "OAuth"
    challenge, method = fields.text("code_challenge"), _method(fields)
    code = f"auth_code_{call.state.new_secret('code')[:32]}"
    call.state.codes[code] = Grant(
        call.state.now(),
        fields.text("key_label") or host,
        challenge,
        (method or "S256") if challenge else None,
        fields.usd("limit"),
        fields.choice("usage_limit_type", clock.RESETS),
        fields.moment("expires_at"),
        fields.text("workspace_id") or WORKSPACE,
    )
    return code


def _method(fields: Fields) -> str | None:
    method = fields.body.get("code_challenge_method")
    if method not in {None, *METHODS}:
        raise _wrong_method()
    return method


def _host(callback: str) -> str:
    """Return the host of a callback: HTTPS anywhere, HTTP only on this machine."""
    parts = urlsplit(callback)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.netloc or not (parts.scheme == "https" or local):
        raise invalid_body(
            "callback_url: Invalid input: expected an https URL, or http on localhost or 127.0.0.1"
        )
    return parts.netloc


def _with_code(callback: str, code: str) -> str:
    # The callback's own parameters, such as a state, stay as they are.
    parts = urlsplit(callback)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("code", code)])
    return urlunsplit(parts._replace(query=query))


def _challenge(verifier: str | None, method: str | None) -> str | None:
    if verifier is None or method == "plain":
        return verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _number(given: str) -> float:
    try:
        return float(given)
    except ValueError:
        raise invalid_body(f"limit: Invalid input: expected number, received {given}") from None


def _app(callback: str) -> int:
    return uuid.uuid5(uuid.NAMESPACE_URL, callback).int % 1_000_000


def _refused() -> ApiError:
    return ApiError(403, "Invalid code or code_verifier")


def _wrong_method() -> ApiError:
    return ApiError(400, "Invalid code_challenge_method")


ROUTES = (
    Route("GET", "/auth", page, "anybody"),
    Route("POST", "/auth/keys", exchange, "anybody"),
    Route("POST", "/auth/keys/code", create_code, "any key"),
)
