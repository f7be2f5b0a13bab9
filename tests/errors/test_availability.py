"""A model that can't be served: what LiteLLM retries, how long it waits, what a person reads."""

from __future__ import annotations

from typing import Any

import pytest

from openrouter_adapter.wire import errors
from tests.errors.table import CODES, availability, unavailable

RETRIED = {
    "RateLimitError",
    "ServiceUnavailableError",
    "InternalServerError",
    "BadGatewayError",
    "Timeout",
}
NOT_RETRIED = {"BadRequestError", "NotFoundError", "UnprocessableEntityError"}


def of(error: dict[str, Any], status: int | None = None, **headers: str) -> Any:
    return errors.from_body({"error": error}, headers, "a/b", status)


@pytest.mark.parametrize("status", [None, 400, 403, 404, 429, 500, 503, 504])
@pytest.mark.parametrize(
    "error_type", ["", "not_found", "permission_denied", "provider_overloaded"]
)
@pytest.mark.parametrize("is_retryable", [True, False])
def test_code_that_nobody_knows_is_retried_as_it_says(
    status: int | None, error_type: str, is_retryable: bool
) -> None:
    error = {
        "message": "No",
        "error_type": error_type,
        "http_status": status,
        "availability": availability("brand_new", retryable=is_retryable),
    }
    assert type(of(error)).__name__ in (RETRIED if is_retryable else NOT_RETRIED)


@pytest.mark.parametrize("code", CODES)
def test_retryable_that_contradicts_its_code_wins(code: str) -> None:
    error = unavailable(code)
    error["availability"]["retryable"] = not CODES[code][2]
    assert type(of(error)).__name__ in (NOT_RETRIED if CODES[code][2] else RETRIED)


@pytest.mark.parametrize("code", CODES)
def test_code_gives_the_status_where_nothing_else_does(code: str) -> None:
    error = {"message": "No", "availability": availability(code)}
    assert type(of(error)).__name__ == CODES[code][3]


def test_unknown_code_without_retryable_goes_by_its_status() -> None:
    error = {"message": "No", "http_status": 409, "availability": {"code": ["odd"]}}
    assert type(of(error)).__name__ == "BadRequestError"


@pytest.mark.parametrize(
    ("seconds", "header"),
    [(40, "40"), (0.2, "1"), (0, "0"), (-1, None), (1e30, None), (float("nan"), None), ("9", None)],
)
def test_retry_after_of_the_availability(seconds: Any, header: str | None) -> None:
    raised = of(unavailable("capacity_exhausted", retry_after=seconds), 429)
    assert raised.litellm_response_headers.get("retry-after") == header


def test_retry_after_of_a_header_wins() -> None:
    error = unavailable("capacity_exhausted", retry_after=40)
    assert of(error, 429, **{"Retry-After": "7"}).litellm_response_headers["retry-after"] == "7"
    error["metadata"]["headers"] = {"Retry-After": 8}
    assert of(error, 429).litellm_response_headers["retry-after"] == "8"


def test_a_person_reads_what_excluded_the_model_and_what_may_stand_in() -> None:
    message = str(of(unavailable("capacity_exhausted", retry_after=40), 429))
    assert message.endswith(
        "OpenRouter: The model can't be served"
        " | excluded by: zero data retention (data_policy:zdr), the maximum price (max_price)"
        " | constraint: max_price: 0.1 USD is below every endpoint"
        " | available instead: openai/gpt-4.1-mini, qwen/qwen3-32b"
        " | try again in 40 s"
        " | see https://openrouter.ai/docs/errors#capacity_exhausted"
    )


@pytest.mark.parametrize("odd", [None, 7, "geo", {}, [], [None, 7], [["geo"]], {"field": None}])
def test_odd_fields_are_no_second_failure(odd: Any) -> None:
    fields = dict.fromkeys(
        ("retryable", "excluded_by", "constraint", "fallback_models", "docs_url", "retry_after"),
        odd,
    )
    raised = of({"message": "No", "http_status": 404, "availability": {"code": odd, **fields}})
    assert type(raised).__name__ in {"NotFoundError", "BadGatewayError"}
    assert type(of({"message": "No", "code": 404, "availability": odd})).__name__ == "NotFoundError"


def test_long_fields_are_cut() -> None:
    fields = {"fallback_models": ["m" * 5000] * 50, "docs_url": "u" * 5000}
    assert len(str(of(unavailable("no_endpoints", **fields), 404))) < 5000
