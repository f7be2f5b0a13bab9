"""LiteLLM's and Anthropic's words for reasoning, as `reasoning`: the only form OpenRouter reads.

Follows https://openrouter.ai/docs/use-cases/reasoning-tokens.
"""

from __future__ import annotations

from typing import Any

from openrouter_adapter.wire import errors


def fold_reasoning(fields: dict[str, Any], model: str) -> None:
    """Makes `reasoning_effort` and `thinking` into `reasoning`, in place.

    Raises:
        litellm.BadRequestError: they contradict each other, or a `reasoning` beside them.
    """
    effort, thinking = fields.pop("reasoning_effort", None), fields.pop("thinking", None)
    if effort is None and thinking is None:
        return
    given = fields.get("reasoning")
    if given is not None and not isinstance(given, dict):
        return
    by_thinking, by_effort = _of_thinking(thinking, model), _of_effort(effort)
    asked = by_thinking | by_effort
    is_overruled = any(asked[name] != value for name, value in by_thinking.items())
    if is_overruled or ("effort" in asked and "max_tokens" in asked):
        raise _contradiction(f"reasoning_effort={effort!r}", f"thinking={thinking!r}", model)
    for name, value in asked.items():
        other = {"effort": "max_tokens", "max_tokens": "effort"}.get(name, name)
        for rival in (name, other):
            if given and rival in given and (rival != name or given[rival] != value):
                ours = (
                    f"thinking={thinking!r}" if effort is None else f"reasoning_effort={effort!r}"
                )
                raise _contradiction(ours, f"reasoning={given!r}", model)
    fields["reasoning"] = {**(given or {}), **asked}


def _of_effort(effort: Any) -> dict[str, Any]:
    if effort is None:
        return {}
    # LiteLLM also takes the Responses API's object: {"effort": …, "summary": …}.
    return dict(effort) if isinstance(effort, dict) else {"effort": effort}


def _of_thinking(thinking: Any, model: str) -> dict[str, Any]:
    """Anthropic's thinking: enabled with a budget in tokens, adaptive, or disabled."""
    if thinking is None:
        return {}
    kind = thinking.get("type") if isinstance(thinking, dict) else thinking
    if kind in {"enabled", "adaptive", True}:
        budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
        return {"enabled": True} if budget is None else {"max_tokens": budget}
    if kind in {"disabled", False}:
        return {"effort": "none"}
    raise errors.bad_request(
        f"thinking={thinking!r} is not understood: its type is 'enabled' (with budget_tokens), "
        "'adaptive' or 'disabled'",
        model,
    )


def _contradiction(one: str, other: str, model: str) -> Exception:
    return errors.bad_request(f"{one} and {other} contradict each other: give one of them", model)
