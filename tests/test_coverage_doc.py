"""docs/coverage.md: no row without a test that is there, no value of the documents left out."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support import named_values

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "coverage.md").read_text("utf-8")
HEADER = "| what | here | test |"
TEST = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row of a text's tables."""
    found = []
    for line in text.splitlines():
        if line.startswith("| ") and line != HEADER and not line.startswith("| ---"):
            # A bar inside of a code span belongs to it.
            cells = re.split(r" \| ", line.removeprefix("| ").removesuffix(" |"))
            found.append([cell.strip() for cell in cells])
    return found


ROWS = rows(PAGE)


@cache
def functions(file: str) -> frozenset[str]:
    """Return the names of the tests of a file below tests/, without importing it."""
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name.startswith("test_")
    )


def test_the_page_has_its_rows() -> None:
    assert len(ROWS) > 150
    assert PAGE.count(HEADER) == PAGE.count("\n| --- |")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_a_row_names_tests_that_exist_or_its_reason(row: list[str]) -> None:
    assert len(row) == 3, "three cells, with no bar in them"
    assert all(row)
    shown_by = row[2]
    named = TEST.findall(shown_by)
    if not named:
        reason = shown_by.removeprefix("none: ")
        assert reason != shown_by, "neither a test nor a reason"
        assert len(reason) > 10
    for file, function in named:
        assert function, f"{file}: which test?"
        assert function in functions(file), f"{file} has no {function}"


def words(*values: Any) -> set[str]:
    """Return values as they stand between backticks: texts bare, everything else as JSON."""
    return {value if isinstance(value, str) else json.dumps(value) for value in values}


def spans(row: list[str]) -> set[str]:
    return {span.strip() for span in re.findall(r"`([^`]+)`", f"{row[0]} {row[1]}")}


@pytest.mark.parametrize("field", named_values.CHAT)
def test_every_value_of_a_field_is_in_its_row(field: str) -> None:
    values = words(*named_values.CHAT[field])
    if field == "provider.order":
        assert any(spans(row) >= values for row in ROWS)
    else:
        assert any(field in spans(row) and spans(row) >= values for row in ROWS), values


@pytest.mark.parametrize(
    "values",
    [
        *([model] for model in named_values.MODELS),
        named_values.IMAGES,
        named_values.VIDEOS,
        named_values.RECORDINGS,
        [*named_values.SIZES, *named_values.SIZES.values()],
        [*named_values.QUALITIES, *named_values.QUALITIES.values()],
        named_values.BETAS,
        named_values.SUPPORTED_PARAMETERS,
        *([*filter(None, [name]), *fields] for name, fields in named_values.MODEL_FIELDS.items()),
    ],
    ids=lambda values: str(values[0]),
)
def test_values_that_belong_together_are_in_one_row(values: list[str]) -> None:
    assert any(spans(row) >= words(*values) for row in ROWS)
