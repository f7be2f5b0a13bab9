"""OpenRouter's plain GETs: models, their endpoints, one generation, the key, the credits.

Each returns `data` of OpenRouter's answer, unchanged. Every failure is one of LiteLLM's
exceptions (errors.py); nothing is retried. See https://openrouter.ai/docs/api-reference/overview.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urljoin, urlsplit

import httpx

from openrouter_adapter.free_requests import Request, asend, send
from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_TIMEOUT: Final = 10.0
"""Seconds for one GET, unless the caller gives a `timeout`."""

MOST_MODELS: Final = 100_000
"""Rows after which no further page of the list is read."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Answer of `GET /models`.

    Attributes:
        rows: The models, or None if they are still those of the given ETag.
        etag: Names this state of the list; None if the server sent none.
        total_count: Number of all models; None if the server did not send it.
    """

    rows: list[dict[str, Any]] | None
    etag: str | None
    total_count: int | None = None


def get_models(
    *,
    etag: str | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> Listing:
    """Every model of OpenRouter, of all modalities, from all pages of the list. Needs no key.

    Args:
        etag: ETag of the list that the caller has; if it is still valid, no list is transferred.
        api_key: The key; None to look for one, or else send none.
        base_url: The API's base URL, None for the usual one.
        timeout: Seconds.

    Raises:
        One of LiteLLM's exceptions (see errors.py).

    Follows https://openrouter.ai/docs/guides/overview/models.
    """
    response = _get(
        "/models",
        {"output_modalities": "all"},
        {"If-None-Match": etag} if etag else {},
        api_key=api_key,
        base_url=base_url,
        timeout=timeout,
        needs_key=False,
    )
    if response.status_code == httpx.codes.NOT_MODIFIED:
        return Listing(None, etag)
    etag = response.headers.get("etag")
    body = _body(response, list)
    rows = list(body["data"])
    total_count = body.get("total_count")
    read: set[str] = set()
    while body["data"] and len(rows) < MOST_MODELS:
        page = _next_page(body, response.url)
        if page is None or page in read:
            break
        read.add(page)
        response = _get(page, api_key=api_key, timeout=timeout, needs_key=False)
        body = _body(response, list)
        rows += body["data"]
    return Listing([row for row in rows if isinstance(row, dict)], etag, total_count)


def get_endpoints(
    model: str,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> list[dict[str, Any]]:
    """The providers that serve a model: prices, limits, latency, throughput, uptime.

    Args:
        model: Its id at OpenRouter, such as `openai/gpt-4o-mini`.
        api_key: The key; None to look for one, or else send none: then latency and throughput are
            missing.
        base_url: The API's base URL, None for the usual one.
        timeout: Seconds.

    Raises:
        litellm.NotFoundError: OpenRouter has no such model.
        One of LiteLLM's other exceptions (see errors.py).
    """
    response = _get(
        f"/models/{quote(model, safe='/:~@')}/endpoints",
        api_key=api_key,
        base_url=base_url,
        timeout=timeout,
        needs_key=False,
        model=model,
    )
    return _endpoints_in(_data(response, dict))


def get_image_models(
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> list[dict[str, Any]]:
    """Every model of the images API, with a descriptor for each field that it takes.

    Raises:
        One of LiteLLM's exceptions (see errors.py).

    Follows https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
    """
    return _public_rows("/images/models", api_key, base_url, timeout)


def get_image_endpoints(
    model: str,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> list[dict[str, Any]]:
    """The providers that serve a model on the images API: what each takes, and its prices.

    Args:
        model: Its id at OpenRouter, such as `bytedance-seed/seedream-4.5`.
        api_key: The key; None to look for one, or else send none.
        base_url: The API's base URL, None for the usual one.
        timeout: Seconds.

    Raises:
        litellm.NotFoundError: the images API has no such model.
        One of LiteLLM's other exceptions (see errors.py).

    Follows https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
    """
    response = _get(
        f"/images/models/{quote(model, safe='/:~@')}/endpoints",
        api_key=api_key,
        base_url=base_url,
        timeout=timeout,
        needs_key=False,
        model=model,
    )
    return _endpoints_in(errors.read_body(response.content, response.headers, model))


def _endpoints_in(found: dict[str, Any]) -> list[dict[str, Any]]:
    endpoints = found.get("endpoints")
    rows = endpoints if isinstance(endpoints, list) else []
    return [row for row in rows if isinstance(row, dict)]


def get_video_models(
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> list[dict[str, Any]]:
    """Every model that makes videos: what each takes, and its prices.

    Raises:
        One of LiteLLM's exceptions (see errors.py).

    Follows https://openrouter.ai/docs/guides/overview/multimodal/video-generation.
    """
    return _public_rows("/videos/models", api_key, base_url, timeout)


def get_video(
    job_id: str,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> dict[str, Any]:
    """A video's job: `status`, and once it has ended `usage` and addresses, or `error`.

    Its `urls` need no key until `expires_at`: keep them secret.

    Args:
        job_id: OpenRouter's id of the job, not LiteLLM's of the video.
        api_key: The key that the job was submitted with; None to look for it.
        base_url: The API's base URL, None for the usual one.
        timeout: Seconds.

    Raises:
        litellm.NotFoundError: the key has no such job.
        One of LiteLLM's other exceptions (see errors.py).

    Follows https://openrouter.ai/docs/guides/overview/multimodal/video-generation.
    """
    response = _get(
        f"/videos/{quote(job_id, safe='')}", api_key=api_key, base_url=base_url, timeout=timeout
    )
    body = errors.read_json(response.content, response.headers)
    if isinstance(body, dict) and isinstance(body.get("status"), str):
        # A job that failed has an `error` of its own.
        return body
    return errors.raise_for_body(body, response.headers)


def get_generation(
    generation_id: str,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> dict[str, Any]:
    """OpenRouter's record of one request, with its `total_cost` in USD.

    OpenRouter has it some seconds after the end of a request; NotFoundError may mean "not yet".

    Raises:
        litellm.NotFoundError: there is no such generation, or not yet.
        litellm.AuthenticationError: there is no key, or a wrong one.
        One of LiteLLM's other exceptions (see errors.py).

    Follows https://openrouter.ai/docs/use-cases/usage-accounting.
    """
    response = _get(
        "/generation",
        {"id": generation_id},
        api_key=api_key,
        base_url=base_url,
        timeout=timeout,
    )
    return _object(response)


async def aget_generation(
    generation_id: str,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> dict[str, Any]:
    """`get_generation` for async code; the same arguments, answer and exceptions."""
    request = Request(
        "GET",
        "/generation",
        timeout,
        params={"id": generation_id},
        api_key=api_key,
        base_url=base_url,
    )
    return _object(await asend(request))


def get_key(
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> dict[str, Any]:
    """The key in use: label, limit and usage in USD, and when the limit resets.

    Raises:
        litellm.AuthenticationError: there is no key, or a wrong one.
        One of LiteLLM's other exceptions (see errors.py).
    """
    return _object(_get("/key", api_key=api_key, base_url=base_url, timeout=timeout))


def get_credits(
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> dict[str, Any]:
    """The account's `total_credits` and `total_usage`, in USD.

    Raises:
        litellm.AuthenticationError: there is no key, or a wrong one.
        One of LiteLLM's other exceptions (see errors.py).
    """
    return _object(_get("/credits", api_key=api_key, base_url=base_url, timeout=timeout))


def _get(
    address: str,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    api_key: str | None,
    timeout: float,
    base_url: str | None = None,
    needs_key: bool = True,
    model: str = "",
) -> httpx.Response:
    """The response of a path below the base URL, or of a whole URL."""
    return send(
        Request(
            "GET",
            address,
            timeout,
            params=params,
            headers=headers or {},
            api_key=api_key,
            base_url=base_url,
            needs_key=needs_key,
            model=model,
        )
    )


def _next_page(body: Mapping[str, Any], url: httpx.URL) -> str | None:
    """Address of the list's next page; None at its end, or if it is on another server."""
    links = body.get("links")
    page = links.get("next") if isinstance(links, dict) else None
    if not isinstance(page, str) or not page:
        return None
    address = urljoin(str(url), page)
    there, here = urlsplit(address), urlsplit(str(url))
    return address if (there.scheme, there.netloc) == (here.scheme, here.netloc) else None


def _object(response: httpx.Response) -> dict[str, Any]:
    return dict(_data(response, dict))


def _public_rows(
    path: str, api_key: str | None, base_url: str | None, timeout: float
) -> list[dict[str, Any]]:
    """The rows of a list that anyone may read."""
    response = _get(path, api_key=api_key, base_url=base_url, timeout=timeout, needs_key=False)
    return [row for row in _data(response, list) if isinstance(row, dict)]


def _data(response: httpx.Response, kind: type) -> Any:
    return _body(response, kind)["data"]


def _body(response: httpx.Response, kind: type) -> dict[str, Any]:
    """The whole body, checked; its `data` is of the given type."""
    body = errors.read_body(response.content, response.headers)
    if not isinstance(body.get("data"), kind):
        raise errors.unreadable(response.content, response.headers)
    return body
