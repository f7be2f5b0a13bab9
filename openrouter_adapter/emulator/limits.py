"""Checks that a caller can pay: the account's credits, the key's limit, budgets of guardrails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .billing import ZERO, wire_number
from .errors import CREDITS_PAGE, KEYS_PAGE, ApiError, payment_required, too_few_credits

if TYPE_CHECKING:
    from decimal import Decimal

    from .billing import Cost
    from .catalog import Endpoint, Model
    from .keys import Budget
    from .state import State

# Completion tokens if neither the model nor the request has a limit.
_OUTPUT = 4096


def budgets(state: State) -> list[Budget]:
    """Return the limits of the caller's key, in the order in which they are checked."""
    key, now = state.key, state.now()
    own = key.budget(now)
    found = state.guardrails.budgets(key, state.keys, now)
    return found if own is None else [*found, own]


def tightest(found: list[Budget]) -> Budget | None:
    """Return the budget that blocks first, None if there is no budget."""
    spent = [budget for budget in found if budget.left <= 0]
    return spent[0] if spent else min(found, key=lambda one: one.left, default=None)


def check_open(state: State) -> None:
    """Check that no limit of the caller is used up.

    Raises:
        ApiError: 403 if a limit is used up or a guardrail doesn't allow the region, 402 if the
            account is in debt.
    """
    state.guardrails.check_region(state.key)
    for budget in budgets(state):
        if budget.left <= 0:
            raise _used_up(budget, state.now())
    remaining = state.remaining_credits()
    if remaining is not None and remaining < 0:
        raise _no_credits(state)


def check_worst_case(
    state: State, model: Model, endpoint: Endpoint, prompt_tokens: int, limit: int | None
) -> None:
    """Check that a chat's highest possible cost can be paid.

    Raises:
        ApiError: 429 if the limit of free requests is reached, 402 if the money is not enough.
    """
    if model.is_free:
        state.rates.admit_free(state.now(), state.bought())
        return
    if state.is_byok(model, endpoint):
        return
    limit = limit or endpoint.max_completion_tokens or _OUTPUT
    for_prompt, each = endpoint.price("prompt"), endpoint.price("completion")
    if not (for_prompt or each):
        return
    for source, left, reset in _purses(state):
        if source == "openrouter_credits" and left <= 0:
            raise _no_credits(state)
        after = left - prompt_tokens * for_prompt
        if after < 0:
            affordable = int(left / for_prompt)
            words = f"Prompt tokens limit exceeded: {prompt_tokens} > {affordable}. "
            raise payment_required(words, source, reset)
        if each and after < limit * each:
            raise too_few_credits(limit, max(0, int(after / each)), source, reset)


def check_cost(state: State, model: Model, cost: Cost) -> None:
    """Check that a request whose cost is known can be paid.

    Raises:
        ApiError: 429 if the limit of free requests is reached, 402 if the money is not enough.
    """
    if model.is_free:
        state.rates.admit_free(state.now(), state.bought())
    elif not cost.is_byok:
        for source, left, reset in _purses(state):
            if cost.total > left:
                raise (
                    _no_credits(state)
                    if source == "openrouter_credits"
                    else payment_required("This request requires more credits. ", source, reset)
                )


def _purses(state: State) -> list[tuple[str, Decimal, str | None]]:
    """Return the sources that must all cover a request: name, USD left, reset interval."""
    purses: list[tuple[str, Decimal, str | None]] = [
        (_source(budget), budget.left, budget.reset) for budget in budgets(state)
    ]
    remaining = state.remaining_credits()
    if remaining is not None:
        purses.append(("openrouter_credits", remaining, None))
    return purses


def _source(budget: Budget) -> str:
    return "openrouter_key_limit" if budget.guardrail is None else "openrouter_guardrail_budget"


def _no_credits(state: State) -> ApiError:
    remedy = f"Add more using {CREDITS_PAGE}"
    if state.bought() == ZERO:
        remedy = (
            "This account never purchased credits. Make sure your key is on the correct account "
            f"or org, and if so, purchase more at {CREDITS_PAGE}"
        )
    metadata = {
        "limit_source": "openrouter_credits",
        "remedy_hint": f"Add credits at {CREDITS_PAGE}",
    }
    return ApiError(402, f"Insufficient credits. {remedy}", metadata=metadata)


def _used_up(budget: Budget, now: float) -> ApiError:
    window = budget.reset or "total"
    if budget.guardrail is None:
        words = f"Key limit exceeded ({window} limit). Manage it using {KEYS_PAGE}"
    else:
        words = f"Guardrail budget exceeded ({window} limit)"
    return ApiError(
        403,
        words,
        metadata={
            "limit_source": _source(budget),
            "scope": budget.scope,
            "limit_usd": wire_number(budget.limit),
            "spend_usd": wire_number(budget.spent),
            "resets_at": budget.resets_at(now),
        },
    )
