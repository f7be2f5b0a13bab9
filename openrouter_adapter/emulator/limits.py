"""What a caller can pay: the account's credits, the key's limit, and the guardrails' budgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import clock
from .billing import ZERO, wire_number
from .errors import ApiError

if TYPE_CHECKING:
    from decimal import Decimal

    from .billing import Cost
    from .catalog import Endpoint, Model
    from .state import State

CREDITS_PAGE = "https://openrouter.ai/settings/credits"
KEYS_PAGE = "https://openrouter.ai/settings/keys"
# Where a model names no limit, and the request none either.
_OUTPUT = 4096


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit on what a key may spend, as `/key` lists them.

    Attributes:
        scope: Which layer it is, in OpenRouter's words.
        limit: USD in a window.
        spent: USD of the window that is open.
        reset: The window; None for one that never ends.
        byok: Whether the caller's own provider keys count.
        guardrail: The guardrail that sets it, None for the key's own limit.
    """

    scope: str
    limit: Decimal
    spent: Decimal
    reset: str | None
    byok: bool
    guardrail: str | None = None

    @property
    def left(self) -> Decimal:
        """USD left."""
        return self.limit - self.spent

    def wire(self, now: float) -> dict[str, Any]:
        """Return it as `/key` shows it."""
        return {
            "budget_id": None,
            "guardrail_id": self.guardrail,
            "include_byok": self.byok,
            "limit_usd": wire_number(self.limit),
            "remaining_usd": wire_number(self.left),
            "reset_interval": self.reset,
            "resets_at": self.resets_at(now),
            "scope": self.scope,
            "spend_usd": wire_number(self.spent),
        }

    def resets_at(self, now: float) -> str | None:
        """Return when its window ends."""
        return clock.instant(clock.resets_at(self.reset, now)) if self.reset else None


def budgets(state: State) -> list[Budget]:
    """Return the limits of the caller's key, in the order in which they are checked."""
    key, now = state.key, state.now()
    found = state.guardrails.budgets(key, state.keys, now)
    if key.limit is not None:
        byok = key.include_byok_in_limit
        spent = key.spend.counted(key.limit_reset, now, byok=byok)
        found.append(Budget("key_limit", key.limit, spent, key.limit_reset, byok))
    return found


def tightest(found: list[Budget]) -> Budget | None:
    """Return the budget that blocks first, None for none."""
    spent = [budget for budget in found if budget.left <= 0]
    return spent[0] if spent else min(found, key=lambda one: one.left, default=None)


def check_open(state: State) -> None:
    """Check that the caller may begin a request at all.

    Raises:
        ApiError: 403 where a limit is used up, 402 where the account owes.
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
    """Check that the most that a chat can cost is there.

    Raises:
        ApiError: 429 for one free request too many, 402 where the money is not enough.
    """
    if is_free(model):
        state.rates.admit_free(state)
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
            raise _payment_required(words, source, reset)
        if each and after < limit * each:
            words = (
                "This request requires more credits, or fewer max_tokens. You requested up to "
                f"{limit} tokens, but can only afford {max(0, int(after / each))}. "
            )
            raise _payment_required(words, source, reset)


def check_cost(state: State, model: Model, cost: Cost) -> None:
    """Check that a request whose cost is known can be paid.

    Raises:
        ApiError: 429 for one free request too many, 402 where the money is not enough.
    """
    if is_free(model):
        state.rates.admit_free(state)
    elif not cost.is_byok:
        for source, left, reset in _purses(state):
            if cost.total > left:
                raise (
                    _no_credits(state)
                    if source == "openrouter_credits"
                    else _payment_required("This request requires more credits. ", source, reset)
                )


def is_free(model: Model) -> bool:
    """Tell whether a model is a free variant, with limits of its own."""
    return model.id.endswith(":free")


def insufficient_credits(requested: int, affordable: int) -> ApiError:
    """Return the refusal of a request that the balance can't pay for."""
    words = (
        "This request requires more credits, or fewer max_tokens. You requested up to "
        f"{requested} tokens, but can only afford {affordable}. "
    )
    return _payment_required(words, "openrouter_credits", None)


def _purses(state: State) -> list[tuple[str, Decimal, str | None]]:
    """Return what must pay: where it comes from, the USD left there, and when it is filled."""
    purses: list[tuple[str, Decimal, str | None]] = [
        (_source(budget), budget.left, budget.reset) for budget in budgets(state)
    ]
    remaining = state.remaining_credits()
    if remaining is not None:
        purses.append(("openrouter_credits", remaining, None))
    return purses


def _source(budget: Budget) -> str:
    return "openrouter_key_limit" if budget.guardrail is None else "openrouter_guardrail_budget"


def _payment_required(words: str, source: str, reset: str | None) -> ApiError:
    page = CREDITS_PAGE if source == "openrouter_credits" else KEYS_PAGE
    remedy = f"To increase, visit {page} and add more credits"
    if source != "openrouter_credits":
        remedy = (
            f"To increase, visit {page} and create a key with a higher {reset or 'total'} limit"
        )
    metadata = {"provider_name": None, "limit_source": source, "remedy_hint": remedy}
    return ApiError(402, words + remedy, metadata=metadata)


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
