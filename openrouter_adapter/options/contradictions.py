"""Pairs of options that can't both be meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openrouter_adapter.options.display import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_SLUGS_SHOWN = 5


def contradictions(fields: dict[str, Any]) -> list[str]:
    """Return what contradicts what, both sides shown. The shapes are known to be right."""
    faults: list[str] = []
    reasoning = fields.get("reasoning")
    if reasoning is not None:
        faults += _of_reasoning(reasoning)
        faults += _of_inclusion(reasoning.get("exclude"), fields.get("include_reasoning"))
    provider = fields.get("provider")
    if provider is not None:
        faults += _of_providers(provider)
    return faults


def _of_reasoning(reasoning: dict[str, Any]) -> list[str]:
    faults: list[str] = []
    effort, max_tokens = reasoning.get("effort"), reasoning.get("max_tokens")
    enabled = reasoning.get("enabled")
    shown_effort = f"reasoning.effort = {shown(effort)}"
    shown_tokens = f"reasoning.max_tokens = {max_tokens}"
    if effort is not None and max_tokens is not None:
        faults.append(f"{shown_effort} and {shown_tokens}: give one of the two")
    if enabled is False and effort not in {None, "none"}:
        faults.append(f"reasoning.enabled = false and {shown_effort}: only none goes with it")
    if enabled is False and max_tokens is not None:
        faults.append(f"reasoning.enabled = false and {shown_tokens}: give one of the two")
    if enabled is True and effort == "none":
        faults.append(f"reasoning.enabled = true and {shown_effort}: give one of the two")
    return faults


def _of_inclusion(exclude: bool | None, include_reasoning: bool | None) -> list[str]:
    if exclude is None or include_reasoning is None or exclude is not include_reasoning:
        return []
    word = "true" if exclude else "false"
    return [f"include_reasoning = {word} and reasoning.exclude = {word}: one is the other's no"]


def _of_providers(provider: dict[str, Any]) -> list[str]:
    ignored = provider.get("ignore") or ()
    faults: list[str] = []
    only, order = provider.get("only"), provider.get("order")
    if only and _all_ignored(only, ignored):
        faults.append(f"provider.only = {_listed(only)} and {_ignoring(ignored)}")
    if order and provider.get("allow_fallbacks") is False and _all_ignored(order, ignored):
        faults.append(
            f"provider.order = {_listed(order)}, provider.allow_fallbacks = false "
            f"and {_ignoring(ignored)}"
        )
    return faults


def _ignoring(ignored: Sequence[str]) -> str:
    return f"provider.ignore = {_listed(ignored)}: no provider is left"


def _listed(slugs: Sequence[str]) -> str:
    more = ", …" if len(slugs) > _SLUGS_SHOWN else ""
    return f"[{', '.join(shown(slug) for slug in slugs[:_SLUGS_SHOWN])}{more}]"


def _all_ignored(slugs: Sequence[str], ignored: Sequence[str]) -> bool:
    # A provider's own slug stands for all its endpoints, "deepinfra" for "deepinfra/turbo".
    return all(slug in ignored or slug.partition("/")[0] in ignored for slug in slugs)
