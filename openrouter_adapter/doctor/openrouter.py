"""The connection to OpenRouter: the key, the base URL, proxy and certificates, the account."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from openrouter_adapter import api
from openrouter_adapter.doctor.findings import Finding, note, ok, wrong
from openrouter_adapter.wire import connection
from openrouter_adapter.wire.usage import usd

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS_PAGE: Final = "https://openrouter.ai/keys"
_CREDITS_PAGE: Final = "https://openrouter.ai/settings/credits"
_SECONDS: Final = 10.0


def key() -> Iterator[Finding]:
    """The source of the key, and whether another source has a different one."""
    from litellm.exceptions import AuthenticationError

    try:
        used = connection.api_key(None)
    except AuthenticationError as failure:
        advice = f"export OPENROUTER_API_KEY=…; create a key at {_KEYS_PAGE}."
        yield wrong("key", _words(failure).partition(": ")[2], advice)
        return
    yield ok("key", f"{masked(used)}, from {_source_of(used)}")
    if used.strip("'\"") != used:
        text = "the key is in quotes, which are sent as part of it"
        yield wrong("key", text, f"Remove them from {_source_of(used)}.")
    given = [os.environ.get(name) for name in connection.KEY_VARIABLES]
    if all(given) and len(set(given)) > 1:
        both = " and ".join(connection.KEY_VARIABLES)
        text = f"{both} contain different keys; {_source_of(used)} is used"
        yield note("key", text, "Unset one of them.")


def masked(secret: str) -> str:
    """A key that its owner recognizes and nobody can use: both ends of a long key."""
    if len(secret) < 24:
        return f"a key of {len(secret)} characters"
    return f"{secret[:9]}…{secret[-4:]}"


def base_url() -> Iterator[Finding]:
    """The base URL of requests."""
    url = connection.base_url()
    source = (
        f"from {connection.BASE_URL_VARIABLE}"
        if os.environ.get(connection.BASE_URL_VARIABLE)
        else "the default"
    )
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        text = f"{without_password(url)} ({source}) is not a web address"
        yield wrong("base URL", text, f"The default is {connection.DEFAULT_BASE_URL}.")
        return
    yield ok("base URL", f"{without_password(url)}, {source}")
    is_real = parts.hostname.endswith("openrouter.ai")
    if is_real and parts.path.rstrip("/") != "/api/v1":
        text = f"OpenRouter's API is under /api/v1, not under {parts.path or '/'}"
        yield wrong("base URL", text, f"Use {connection.DEFAULT_BASE_URL}.")
    elif is_real and parts.scheme == "http":
        yield wrong("base URL", "the key is sent unencrypted", "Use https.")


def without_password(url: str) -> str:
    """A URL without user and password, so that it can be shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def proxy_and_certificates() -> Iterator[Finding]:
    """Proxies and certificates."""
    import litellm

    proxy = connection.proxy(connection.base_url())
    if proxy:
        yield note("proxy", f"requests go through {without_password(proxy)}")
    else:
        yield ok("proxy", "none")
    for name in ("SSL_CERT_FILE", "SSL_CERTIFICATE"):
        path = os.environ.get(name)
        if path and not Path(path).is_file():
            text = f"{name} is {path}, which is not a file"
            yield wrong("TLS", text, f"Unset {name}, or set it to a file of certificates.")
        elif path:
            yield ok("TLS", f"certificates of {name}: {path}")
    is_off = os.environ.get("SSL_VERIFY", "").lower() == "false" or litellm.ssl_verify is False
    if is_off:
        text = "certificates are not verified: anyone on the network can read the key"
        yield note(
            "TLS",
            text,
            "Unset SSL_VERIFY, or set SSL_CERT_FILE to your own authority's certificate.",
        )


def reachability() -> Iterator[Finding]:
    """Whether OpenRouter responds, how fast, and what it reports about the key."""
    from litellm import exceptions

    url = without_password(connection.base_url())
    try:
        secret, has_key = connection.api_key(None), True
    except exceptions.AuthenticationError:
        secret, has_key = "none", False
    started = time.monotonic()
    try:
        found = api.get_key(api_key=secret, timeout=_SECONDS)
    except exceptions.AuthenticationError as failure:
        yield _reached(url, started)
        if has_key:
            text = f"OpenRouter rejects the key: {_words(failure)}"
            yield wrong("key", text, f"Create a new one at {_KEYS_PAGE}.")
        return
    except (exceptions.NotFoundError, exceptions.ServiceUnavailableError) as failure:
        text = f"{url} responds, but not as OpenRouter does: {_words(failure)}"
        advice = f"OpenRouter's base URL ends in /api/v1: {connection.DEFAULT_BASE_URL}."
        yield wrong("base URL", text, advice)
        return
    except Exception as failure:  # noqa: BLE001 - calls would fail in the same way
        text = f"{url} can't be reached: {_words(failure)}"
        advice = "Check the base URL, the network, HTTPS_PROXY and SSL_CERT_FILE."
        yield wrong("base URL", text, advice)
        return
    yield _reached(url, started)
    yield from _limits(found)
    yield from _credits(secret)


def _reached(url: str, started: float) -> Finding:
    return ok("base URL", f"{url} responds after {time.monotonic() - started:.2f} s")


def _limits(found: dict[str, Any]) -> Iterator[Finding]:
    limit, left = usd(found.get("limit")), usd(found.get("limit_remaining"))
    label = found.get("label")
    used = usd(found.get("usage"))
    known = f"OpenRouter knows it as {label}" if label else "OpenRouter knows it"
    spent = "" if used is None else f"; it has spent {used:f} USD"
    if limit is None or left is None:
        yield ok("key", f"{known}{spent}, and has no limit")
    elif left > 0:
        yield ok("key", f"{known}{spent}, and has {left:f} of {limit:f} USD left")
    else:
        text = f"{known}{spent}; its limit of {limit:f} USD is used up"
        yield wrong("key", text, f"Raise it at {_KEYS_PAGE}, or use another key.")
    if found.get("is_management_key") or found.get("is_provisioning_key"):
        text = "it is a management key, which can't call models"
        yield wrong("key", text, f"Create an ordinary one at {_KEYS_PAGE}.")
    elif found.get("is_free_tier"):
        text = "no credits were ever bought: only free models can be called"
        yield wrong("credits", text, f"Add credits at {_CREDITS_PAGE}.")
    expires = found.get("expires_at")
    if expires:
        yield note("key", f"it expires on {expires}")


def _credits(secret: str) -> Iterator[Finding]:
    from litellm import exceptions

    try:
        found = api.get_credits(api_key=secret, timeout=_SECONDS)
    except (exceptions.PermissionDeniedError, exceptions.AuthenticationError):
        # Only management keys have access.
        return
    except Exception as failure:  # noqa: BLE001 - worth a line, breaks nothing
        yield note("credits", f"they can't be looked up: {_words(failure)}")
        return
    bought, used = usd(found.get("total_credits")), usd(found.get("total_usage"))
    if bought is None or used is None:
        return
    if bought > used:
        yield ok("credits", f"{bought - used:f} of {bought:f} USD are left")
    else:
        text = f"the account's {bought:f} USD are used up"
        yield wrong("credits", text, f"Add credits at {_CREDITS_PAGE}.")


def _source_of(used: str) -> str:
    import litellm

    for name, held in (
        ("litellm.api_key", litellm.api_key),
        ("litellm.openrouter_key", litellm.openrouter_key),
        *((name, os.environ.get(name)) for name in connection.KEY_VARIABLES),
    ):
        if held and held.strip() == used:
            return name
    return "the keychain or LiteLLM's secret manager"


def _words(failure: Exception) -> str:
    return str(getattr(failure, "message", failure))
