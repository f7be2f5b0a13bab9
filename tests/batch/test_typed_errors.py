"""A batch reads typed errors: what is tried again, after how long, and what a result says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter import batch
from openrouter_adapter.batch import retries
from openrouter_adapter.wire import errors, retry_after
from tests.errors.table import CODES, TYPES, typed, unavailable

from .conftest import QUICK, assert_each_once, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

AGAIN = {"rate_limit_exceeded", "provider_overloaded", "provider_unavailable", "server"}
AGAIN |= {"unmapped", "timeout"}


def of(error: dict[str, Any]) -> Exception:
    return errors.from_body({"error": error})


@pytest.mark.parametrize("error_type", TYPES)
def test_type_says_whether_a_request_is_tried_again(error_type: str) -> None:
    failure = of(typed(error_type))
    assert retries.is_retried(failure) == (error_type in AGAIN)
    throttled = error_type in {"rate_limit_exceeded", "provider_overloaded"}
    assert retries.is_throttled(failure) == throttled
    assert retries.is_outage(failure) == (error_type in AGAIN and not throttled)


@pytest.mark.parametrize("code", CODES)
def test_availability_says_whether_and_after_how_long(code: str) -> None:
    failure = of(unavailable(code, retry_after=40))
    assert retries.is_retried(failure) == CODES[code][2]
    assert retries.is_throttled(failure) == CODES[code][2]
    assert retry_after.asked_wait(failure) == 40


@pytest.mark.usefixtures("openrouter_at")
@pytest.mark.parametrize(
    "fault",
    [
        "status; type=provider_overloaded",
        "error-in-200; type=rate_limit_exceeded",
        "error-in-200; availability=capacity_exhausted; retry-after=0",
        "choice-error; type=provider_unavailable",
    ],
)
def test_request_that_was_refused_for_now_is_answered_later(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, fault: str
) -> None:
    em.faults.add(fault, times=3)
    summary = batch.run(job(5), tmp_path / "out", pace=QUICK)
    assert summary.done == 5
    assert_each_once(tmp_path / "out", 5)


@pytest.mark.usefixtures("openrouter_at")
@pytest.mark.parametrize("fault", ["status", "error-in-200", "choice-error"])
def test_result_of_a_failure_names_its_type(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, fault: str
) -> None:
    em.faults.add(f"{fault}; type=context_length_exceeded")
    batch.run(job(1), tmp_path / "out", pace=QUICK)
    (failed,) = read(tmp_path / "out" / "failures.jsonl")
    assert failed["error"]["code"] == "ContextWindowExceededError"
    assert failed["error"]["error_type"] == "context_length_exceeded"
    assert len([one for one in em.requests if one.path == "/chat/completions"]) == 1
