"""How options are given: as keywords, with a prefix, with what LiteLLM keeps for itself."""

from __future__ import annotations

import pytest

from openrouter_adapter.options import gather


def test_gather_folds_a_prefixed_name() -> None:
    assert gather({"openrouter_provider": {"zdr": True}}) == {"provider": {"zdr": True}}


def test_gather_folds_names_that_litellm_keeps_for_itself() -> None:
    assert gather({"openrouter_metadata": {"a": "b"}}) == {"metadata": {"a": "b"}}


@pytest.mark.parametrize("prefixed_first", [True, False])
def test_gather_lets_the_keyword_win_with_its_whole_value(*, prefixed_first: bool) -> None:
    given_ones = [("provider", {"zdr": True}), ("openrouter_provider", {"sort": "price"})]
    parameters = dict(reversed(given_ones) if prefixed_first else given_ones)
    assert gather(parameters) == {"provider": {"zdr": True}}


def test_gather_takes_the_prefixed_value_when_the_keyword_is_none() -> None:
    assert gather({"top_k": None, "openrouter_top_k": 4}) == {"top_k": 4}


def test_gather_drops_none_and_keeps_zero_and_false() -> None:
    parameters = {"min_p": None, "top_k": 0, "openrouter_zdr": None, "structured_outputs": False}
    assert gather(parameters) == {"top_k": 0, "structured_outputs": False}


def test_gather_keeps_the_order() -> None:
    parameters = {"temperature": 0, "openrouter_top_k": 1, "seed": 2, "openrouter_min_p": 0.1}
    assert list(gather(parameters)) == ["temperature", "top_k", "seed", "min_p"]


def test_gather_returns_a_new_dict_of_the_callers_own_values() -> None:
    preferences = {"zdr": True}
    parameters = {"provider": preferences}
    fields = gather(parameters)
    assert fields is not parameters
    assert fields["provider"] is preferences


def test_gather_leaves_a_bare_prefix_alone() -> None:
    assert gather({"openrouter_": 1}) == {"openrouter_": 1}
