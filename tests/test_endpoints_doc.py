"""docs/coverage.md: each of OpenRouter's endpoints, with the call that reaches it."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from openrouter import OpenRouter

from tests.support.openapi import description
from tests.test_coverage_doc import PAGE, rows

OPERATION = re.compile(r"`([A-Z]+) (/[^`]*)`")
METHOD = re.compile(r"`([a-z_]+)\.([a-z_]+)`")
SECTION = PAGE.partition("## All endpoints of OpenRouter\n")[2].partition("\n## ")[0]
TABLE = rows(SECTION)
THROUGH = "through `account.client()`: "


def test_the_table_has_every_endpoint_of_openrouters_description() -> None:
    named = [pair for row in TABLE for pair in OPERATION.findall(row[0])]

    assert len(named) == len(set(named))
    assert set(named) == {
        (method, path) for path, methods in description()["paths"].items() for method in methods
    }


def test_a_row_names_a_call_or_says_that_there_is_none() -> None:
    for what, here, _ in TABLE:
        assert METHOD.search(here) or here.startswith(("not yet", "not at all")), what


@pytest.mark.parametrize("row", [row for row in TABLE if THROUGH in row[1]], ids=lambda row: row[0])
def test_a_method_of_the_sdk_calls_the_path_of_its_row(row: list[str]) -> None:
    client = OpenRouter(api_key="none")
    calls = METHOD.findall(row[1].partition(THROUGH)[2])
    operations = {(method, without_names(path)) for method, path in OPERATION.findall(row[0])}

    assert calls
    assert {operation(getattr(client, part), name) for part, name in calls} == operations


def operation(part: Any, name: str) -> tuple[str, str]:
    """Return the HTTP method and the path that a method of the SDK calls."""
    source = inspect.getsource(getattr(part, name))
    found = re.search(r'method="(\w+)",\s*path="([^"]+)"', source)
    assert found, name
    return found[1], without_names(found[2])


def without_names(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)
