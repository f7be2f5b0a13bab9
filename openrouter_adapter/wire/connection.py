"""The connection to OpenRouter: API key, base URL, request headers, TLS and proxy.

Everything is read again for each request, so a key that rotates in the environment or in a secret
manager takes effect without a restart.

HTTP allows any byte from 0x20 on in a header, except 0x7f; bytes beyond ASCII are usually UTF-8.
httpx encodes a text as ASCII, aiohttp as UTF-8; `header_value` makes both send the same.
"""

from __future__ import annotations

import functools
import itertools
import re
import ssl
import urllib.request
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from openrouter_adapter import keychain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT_BASE_URL: Final = "https://openrouter.ai/api/v1"
KEY_VARIABLES: Final = ("OPENROUTER_API_KEY", "OR_API_KEY")
PROVISIONING_VARIABLE: Final = "OPENROUTER_PROVISIONING_KEY"
BASE_URL_VARIABLE: Final = "OPENROUTER_API_BASE"
# The compressions that incoming.py can decompress piece by piece, within its limit.
ACCEPT_ENCODING: Final = "gzip, deflate"
_CATEGORIES: Final = "X-OpenRouter-Categories"

# LiteLLM's defaults (litellm/main.py, `_complete_openrouter`).
_LITELLM_SITE_URL: Final = "https://litellm.ai"
_LITELLM_APP_NAME: Final = "liteLLM"

_NO_KEY: Final = (
    "No OpenRouter API key. Set the environment variable OPENROUTER_API_KEY, or pass "
    "api_key=…, or set litellm.openrouter_key, or run `openrouter-adapter login`. Keys are made "
    "at https://openrouter.ai/keys."
)
_NOT_A_KEY: Final = (
    "The OpenRouter API key has characters that no key has, such as a space, a line break or a "
    "letter with an accent. Nothing was sent. Copy it again from https://openrouter.ai/keys."
)
_NO_PROVISIONING_KEY: Final = (
    "No OpenRouter provisioning key. Keys, guardrails and activity are managed with a key of their "
    "own, which calls no models: set the environment variable OPENROUTER_PROVISIONING_KEY. It is "
    "made at https://openrouter.ai/settings/provisioning-keys."
)


_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of `register()`; None leaves one to the environment.

    Attributes:
        app_url: The calling app's address.
        app_title: Its name.
        app_categories: Its marketplace categories, separated by commas.
        max_response_bytes: The largest body of a response that is read.
    """

    app_url: str | None = None
    app_title: str | None = None
    app_categories: str | None = None
    max_response_bytes: int | None = None

    def __post_init__(self) -> None:
        """Checks the last two, which a typing error would make invalid.

        Raises:
            ValueError: `app_categories` can't be a header, or `max_response_bytes` is not a whole
                number from 1.
        """
        categories, limit = self.app_categories, self.max_response_bytes
        if categories is not None and not (categories.isascii() and categories.isprintable()):
            raise ValueError(f"app_categories={categories!r}: give categories such as 'cli-agent'")
        if limit is not None and (type(limit) is not int or limit < 1):
            raise ValueError(f"max_response_bytes={limit!r}: give a whole number from 1")

    def updated(self, given: Settings) -> Settings:
        """These settings, replaced by those that are given."""
        found = {f.name: getattr(given, f.name) for f in fields(given)}
        return replace(self, **{name: one for name, one in found.items() if one is not None})


_settings = Settings()


def use(settings: Settings) -> None:
    """Sets the calling app's attribution on every request, and the limit of a response."""
    global _settings
    _settings = settings


def settings() -> Settings:
    """The settings in use."""
    return _settings


def api_key(given: str | None, model: str = "") -> str:
    """The key to use: the argument, LiteLLM's settings, the environment, `login`'s.

    White space around it, such as the line break at the end of a file, is removed.

    Raises:
        litellm.AuthenticationError: none of them has one, or it is invalid. Nothing has been sent.

    Follows https://docs.litellm.ai/docs/providers/openrouter.
    """
    import litellm

    settings = (given, litellm.api_key, litellm.openrouter_key)
    # Lazily: a variable may be looked up in a secret manager.
    found = map(_stripped, itertools.chain(settings, map(_secret, KEY_VARIABLES)))
    key, why = next(filter(None, found), ""), _NO_KEY
    if not key:
        try:
            key = _stripped(keychain.read())
        except keychain.KeychainError as cause:
            why = str(cause)
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        # httpx's own error would show the key.
        key, why = "", _NOT_A_KEY
    if not key:
        from litellm import exceptions

        raise exceptions.AuthenticationError(message=why, llm_provider="openrouter", model=model)
    return key


def provisioning_key(given: str | None = None) -> str:
    """The key that manages the account: the argument, else OPENROUTER_PROVISIONING_KEY.

    Raises:
        litellm.AuthenticationError: neither has one. Nothing has been sent.

    Follows https://openrouter.ai/docs/guides/overview/auth/provisioning-api-keys.
    """
    from litellm import exceptions

    key = _stripped(given) or _stripped(_secret(PROVISIONING_VARIABLE))
    if not key:
        raise exceptions.AuthenticationError(
            message=_NO_PROVISIONING_KEY, llm_provider="openrouter", model=""
        )
    return key


def base_url(given: str | None = None) -> str:
    """The API's base URL without a trailing slash: argument, LiteLLM's setting, environment."""
    import litellm

    url = given or litellm.api_base or _secret(BASE_URL_VARIABLE)
    return (_stripped(url) or DEFAULT_BASE_URL).rstrip("/")


def endpoint_url(given: str | None, path: str) -> str:
    """The URL of an endpoint such as `/chat/completions`; a base that ends in it is kept.

    Raises:
        litellm.BadRequestError: the base is not an http(s) URL.
    """
    base = base_url(given)
    if not base.startswith(("http://", "https://")):
        from litellm import exceptions

        # Not shown: by a mixed-up argument it may be the key.
        raise exceptions.BadRequestError(
            message="The api_base is not a web address: it must begin with https:// or http://",
            llm_provider="openrouter",
            model="",
        )
    return base if base.endswith(path) else base + path


def request_headers(
    given: Mapping[str, str | None], key: str | None, model: str = ""
) -> dict[str, str]:
    """Headers of a request: the caller's, the key, content type, compression and attribution.

    Args:
        given: The caller's headers. LiteLLM's core has already put its own attribution among
            them on some endpoints and not on others; here it comes out the same on all.
        key: The API key of the call, or None to look for it. Not needed if the caller
            sends an Authorization header of their own.
        model: Named in the error when there is no key.

    Raises:
        litellm.AuthenticationError: there is no key.
        litellm.BadRequestError: a header can't be sent; the message names it.

    Follows https://openrouter.ai/docs/app-attribution.
    """
    headers = {name: value for name, value in given.items() if value is not None}
    names = {name.lower() for name in headers}
    if "authorization" not in names:
        headers["Authorization"] = f"Bearer {api_key(key, model)}"
    if "content-type" not in names:
        headers["Content-Type"] = "application/json"
    if "accept-encoding" not in names:
        headers["Accept-Encoding"] = ACCEPT_ENCODING
    said = _settings
    _attribute(headers, "HTTP-Referer", said.app_url, "OR_SITE_URL", _LITELLM_SITE_URL)
    _attribute(headers, "X-Title", said.app_title, "OR_APP_NAME", _LITELLM_APP_NAME)
    if said.app_categories and _CATEGORIES.lower() not in names:
        headers[_CATEGORIES] = said.app_categories
    return sendable(headers, model)


def sendable(headers: Mapping[str, str | None], model: str = "") -> dict[str, str]:
    """Headers with values that all HTTP clients send in the same way, without those that are None.

    Raises:
        litellm.BadRequestError: one of them can't be sent; the message names it.
    """
    try:
        return {
            name: header_value(name, value) for name, value in headers.items() if value is not None
        }
    except ValueError as cause:
        from litellm import exceptions

        raise exceptions.BadRequestError(
            message=f"{cause} Nothing was sent.", llm_provider="openrouter", model=model
        ) from None


class _Utf8(str):
    """A text that httpx, too, encodes as UTF-8."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The UTF-8 bytes, whatever encoding a client asks for."""
        return super().encode("utf-8", errors)


@functools.lru_cache(maxsize=256)
def _is_header_name(name: str) -> bool:
    return _HEADER_NAME.fullmatch(name) is not None


def header_value(name: Any, value: Any) -> str:
    """A header's value as all our clients send it: in UTF-8, without white space around it.

    Raises:
        ValueError: HTTP allows no such name or value; the message has the name, and nothing of
            the value, which may be a secret.
    """
    if not isinstance(name, str) or not _is_header_name(name):
        raise ValueError(f"The header {name!r} can't be sent: HTTP allows no such name.")
    if type(value) is str and value.isascii() and value.isprintable():
        return value.strip(" ")
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        kind = type(value).__name__
        raise ValueError(  # noqa: TRY004 - a wrong request, like the others
            f"The header {name} can't be sent: its value must be a text, not {kind}."
        )
    text = text.strip(" \t")
    if text.isascii() and text.isprintable():
        return text
    found = _CONTROL.search(text)
    if found is not None:
        raise ValueError(
            f"The header {name} can't be sent: character {found.start()} of its value is "
            f"{found[0]!r}, which HTTP doesn't allow."
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as cause:
        raise ValueError(
            f"The header {name} can't be sent: character {cause.start} of its value can't be "
            "encoded as UTF-8."
        ) from None
    return _Utf8(text)


def tls() -> ssl.SSLContext | bool:
    """TLS verification, for aiohttp's `ssl=`: LiteLLM's `ssl_verify`, SSL_CERT_FILE, ….

    Follows https://docs.litellm.ai/docs/guides/security_settings.
    """
    from litellm.llms.custom_httpx.http_handler import get_ssl_configuration

    found = get_ssl_configuration()
    # httpx takes a path; aiohttp needs the certificates loaded.
    return ssl.create_default_context(cafile=found) if isinstance(found, str) else found


def proxy(url: str) -> str | None:
    """The proxy for a URL by the environment (HTTPS_PROXY, NO_PROXY, …); None if it names none."""
    parts = urlsplit(url)
    if not parts.hostname or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


# OpenRouter accepts the title under either name.
_SYNONYMS: Final = {"http-referer": {"http-referer"}, "x-title": {"x-title", "x-openrouter-title"}}


def _attribute(
    headers: dict[str, str], name: str, registered: str | None, variable: str, default: str
) -> None:
    """Chooses one attribution header: the caller's, `register()`'s, the variable's or LiteLLM's."""
    environment = _secret(variable)
    if headers.get(name) == (environment or default):
        # LiteLLM's core wrote this one; the caller's, if any, has another spelling.
        del headers[name]
    synonyms = _SYNONYMS[name.lower()]
    given = [header for header in headers if header.lower() in synonyms]
    if given:
        for header in given:
            if not headers[header]:
                del headers[header]
        return
    value = registered if registered is not None else environment
    if value is None:
        value = default
    if value:
        headers[name] = value


def _stripped(value: str | None) -> str:
    return (value or "").strip()


def _secret(name: str) -> str | None:
    return _get_secret_str()(name)


@functools.cache
def _get_secret_str() -> Callable[[str], str | None]:
    # Importing it again for each of three variables of each request takes 3 µs.
    from litellm.secret_managers.main import get_secret_str

    return get_secret_str


def shown(url: str) -> str:
    """A URL for logs and errors: without user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
