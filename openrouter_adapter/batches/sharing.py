"""The bill of a batch, shared out over its requests: OpenRouter bills only the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal


def share_out(total: int, weights: Sequence[Decimal]) -> list[int]:
    """Each request's part of a batch's cost; the parts add up to exactly the cost.

    Each part is rounded down, and the last request with a weight takes what is left.

    Args:
        total: The cost of the batch in picodollars.
        weights: What each request would cost by the catalogue's batch prices, in USD; 0 for one
            that failed. If all are 0, the last request takes the whole cost.

    Returns:
        Picodollars, in the order of the weights.
    """
    if not weights:
        return []
    # As whole numbers: a decimal quotient would be rounded.
    scale = -min(0, *(_exponent(weight) for weight in weights))
    whole = [int(weight.scaleb(scale)) for weight in weights]
    total_weight = sum(whole)
    parts = [total * weight // total_weight if total_weight else 0 for weight in whole]
    last = max((place for place, weight in enumerate(whole) if weight), default=len(parts) - 1)
    parts[last] += total - sum(parts)
    return parts


def _exponent(weight: Decimal) -> int:
    exponent = weight.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
