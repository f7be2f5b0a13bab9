"""The internal names of LiteLLM that we call are in one table, and looked for in advance."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.responses.streaming_iterator import BaseResponsesAPIStreamingIterator

import openrouter_adapter
from openrouter_adapter import doctor, registration
from openrouter_adapter.hooks import names as litellm_names
from openrouter_adapter.registration import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(openrouter_adapter.__file__).parent
# The emulator knows nothing of LiteLLM.
TREES = {
    path: ast.parse(path.read_text())
    for path in PACKAGE.rglob("*.py")
    if "emulator" not in path.parts
}
LOGS = {"logging_obj", "log"}
# Named tuples and SQLAlchemy's rows.
OTHERS = {"_replace", "_mapping"}


def own_names() -> set[str]:
    """What the package itself defines: functions, classes, fields, and attributes of `self`."""
    found = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
    return found - {"_hidden_params"}


def inherits_from_litellm(node: ast.ClassDef, imported: set[str]) -> bool:
    names = {ast.unparse(base).partition(".")[0] for base in node.bases}
    return bool(names & imported) or "_Stream" in names


def litellm_names_in(tree: ast.Module) -> set[str]:
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("litellm")
        for alias in node.names
    }


def called() -> Iterator[tuple[str, str]]:
    """Each name that is read from an object of LiteLLM's, with the file that reads it."""
    own = own_names()
    for path, tree in TREES.items():
        imported = litellm_names_in(tree)
        inherited = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and inherits_from_litellm(node, imported)
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
                continue
            base = ast.unparse(node.value)
            is_private = node.attr.startswith("_") and not node.attr.startswith("__")
            if (
                (is_private and node.attr not in own)
                or (base in {"self", "super()"} and node in inherited and node.attr not in own)
                or (base.rpartition(".")[2] in LOGS and not node.attr.startswith("__"))
            ):
                yield node.attr, str(path.relative_to(PACKAGE))


def test_every_internal_name_that_is_called_is_in_the_table() -> None:
    known = {name.attribute for name in litellm_names.NAMES} | OTHERS
    # It is asked whether there is one, and called only then.
    known |= {"dispatch_attempt_failure_handlers"}
    assert {(name, path) for name, path in called() if name not in known} == set()


def test_the_installed_litellm_has_them_all() -> None:
    assert litellm_names.missing() == []


@pytest.mark.parametrize("name", litellm_names.NAMES, ids=lambda name: name.attribute)
def test_a_name_of_the_table_is_called(name: litellm_names.Name) -> None:
    source = "".join(path.read_text() for path in TREES if path.parts[-2:] != ("hooks", "names.py"))
    assert (
        f".{name.attribute}" in source
        or f'"{name.attribute}"' in source
        or (f"def {name.attribute}" in source)
    )


def test_without_a_streams_method_register_raises_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(CustomStreamWrapper, "_add_mcp_list_tools_to_first_chunk")
    before = litellm.OpenrouterConfig
    with pytest.raises(RegistrationError, match="_add_mcp_list_tools_to_first_chunk"):
        openrouter_adapter.register()
    assert litellm.OpenrouterConfig is before
    assert not registration.is_registered()


def test_without_a_method_of_responses_streams_responses_raise_before_they_are_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(BaseResponsesAPIStreamingIterator, "_process_chunk")
    with pytest.warns(RuntimeWarning, match="_process_chunk"):
        openrouter_adapter.register()
    try:
        with pytest.raises(litellm.BadRequestError, match="_process_chunk"):
            litellm.responses(model="openrouter/a/b", input="Hi.")
    finally:
        openrouter_adapter.unregister()


def test_the_doctor_says_which_name_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(CustomStreamWrapper, "_handle_stream_fallback_error")
    found: list[Any] = list(doctor.installation.internal_names())
    assert any("_handle_stream_fallback_error" in one.text for one in found)
