"""Which options are refused before anything is sent, and which pass."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import litellm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openrouter_adapter.options import OPENROUTER_FIELDS, check
from tests.options.values import AGREEING, BAD, CONTRADICTIONS, GOOD

MODEL = "openai/gpt-4o-mini"


def refusal(fields: dict[str, Any]) -> str:
    with pytest.raises(litellm.BadRequestError) as caught:
        check(fields, MODEL)
    assert caught.value.model == MODEL
    assert caught.value.llm_provider == "openrouter"
    assert caught.value.status_code == 400
    return caught.value.message


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_every_documented_value_passes_as_it_is_and_without_a_word(
    name: str, value: Any, warnings: Any
) -> None:
    before = copy.deepcopy(value)
    fields = {"temperature": 0, name: value}
    check(fields, MODEL)
    assert fields[name] is value
    assert value == before
    assert warnings() == []


def test_every_option_is_among_the_documented_values() -> None:
    assert {name for name, _ in GOOD} == OPENROUTER_FIELDS
    assert {name for name, *_ in BAD} == OPENROUTER_FIELDS


def test_none_is_no_value() -> None:
    check(dict.fromkeys(OPENROUTER_FIELDS), MODEL)


@pytest.mark.parametrize("fields", AGREEING)
def test_what_goes_together_passes(fields: dict[str, Any]) -> None:
    check(fields, MODEL)


def test_a_tuple_is_as_good_as_a_list() -> None:
    fields = {"models": ("a/b", "c/d"), "provider": {"order": ("openai",)}}
    check(fields, MODEL)
    assert fields == {"models": ("a/b", "c/d"), "provider": {"order": ("openai",)}}


def test_the_items_of_a_tuple_are_checked() -> None:
    assert "models.1: must be a string" in refusal({"models": ("a/b", 3)})


# What is put into OpenRouter's own form


def test_empty_words_of_transforms_are_dropped() -> None:
    given_list = ["", "middle-out"]
    fields = {"transforms": given_list}
    check(fields, MODEL)
    assert fields == {"transforms": ["middle-out"]}
    assert given_list == ["", "middle-out"]


def test_transforms_of_empty_words_only_are_an_empty_list() -> None:
    fields = {"transforms": [""]}
    check(fields, MODEL)
    assert fields == {"transforms": []}


def test_an_empty_route_is_dropped() -> None:
    fields = {"route": "", "seed": 1}
    check(fields, MODEL)
    assert fields == {"seed": 1}


def test_plugins_by_name_become_a_list() -> None:
    by_name = {"web": {}, "file-parser": {"pdf": {"engine": "native"}}}
    before = copy.deepcopy(by_name)
    fields: dict[str, Any] = {"plugins": by_name}
    check(fields, MODEL)
    assert fields["plugins"] == [
        {"id": "web"},
        {"id": "file-parser", "pdf": {"engine": "native"}},
    ]
    assert by_name == before


def test_plugins_by_name_are_checked() -> None:
    message = refusal({"plugins": {"web": {"max_results": "3"}}})
    assert "plugins.0.max_results" in message


# What is refused


@pytest.mark.parametrize(("name", "value", "path"), BAD)
def test_a_wrong_shape_is_refused_by_its_path(name: str, value: Any, path: str) -> None:
    assert f"{path}: must " in refusal({name: value})


@pytest.mark.parametrize(("fields", "sides"), CONTRADICTIONS)
def test_a_contradiction_shows_both_sides(fields: dict[str, Any], sides: tuple[str, str]) -> None:
    message = refusal(fields)
    assert sides[0] in message
    assert sides[1] in message


def test_the_message_names_value_and_what_is_allowed() -> None:
    message = refusal({"reasoning": {"effort": 3}})
    assert 'reasoning.effort: must be a string such as "none", "minimal"' in message
    assert message.endswith("but is 3")


def test_all_faults_are_named_at_once() -> None:
    message = refusal({"top_k": "4", "models": "a/b", "provider": {"zdr": 1, "only": 2}})
    for path in ("top_k", "models", "provider.zdr", "provider.only"):
        assert f"{path}: must be" in message


def test_a_fault_in_one_form_of_an_option_hides_the_other_form() -> None:
    message = refusal({"provider": {"sort": {"by": 3}}})
    assert "provider.sort: " not in message


@pytest.mark.parametrize(
    "fields",
    [
        {"models": "Dear diary, today I met"},
        {"models": "sk-or-v1-0123456789"},
        {"preset": ["sk-or-v1-0123456789"]},
        {"transforms": "Dear diary, " * 1000},
        {"provider": {"options": {"azure": "0123456789"}}},
        {"trace": {"trace_id": 123456789}},
        {"plugins": [{"id": "alignment", "rules": "diary"}]},
        {"session_id": "0123456789" * 30},
    ],
)
def test_the_message_has_no_prompt_and_no_key(fields: dict[str, Any]) -> None:
    message = refusal(fields)
    assert "diary" not in message
    assert "123456789" not in message
    assert len(message) < 500


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["web", "price", "high", "none", "openai", "ephemeral"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(["id", "effort", "max_tokens", "enabled", "only", "ignore", "order"])
            | st.sampled_from(["sort", "by", "max_price", "prompt", "options", "type", "rules"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=1000, deadline=None)
@given(fields=st.dictionaries(st.sampled_from(sorted(OPENROUTER_FIELDS)), json_like, max_size=4))
def test_anything_passes_or_is_a_bad_request(fields: dict[str, Any]) -> None:
    before = copy.deepcopy(fields)
    values = list(fields.values())
    with contextlib.suppress(litellm.BadRequestError):
        check(fields, MODEL)
    # Whatever came of it, no value of the caller's was touched.
    assert repr(values) == repr(list(before.values()))
