"""What a job will be and cost, before it is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openrouter_adapter.batch import validation
from openrouter_adapter.batch.estimates import Expected, Prices
from openrouter_adapter.batch.exceptions import FaultyInput

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a job would be and cost. Amounts are in USD.

    Attributes:
        requests: How many it holds.
        total: What all will cost.
        models: The same by model.
    """

    requests: int
    total: Expected
    models: Mapping[str, Expected]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values; amounts as exact texts."""
        return {
            **self.total.as_json(),
            "models": {name: one.as_json() for name, one in self.models.items()},
        }


def dry_run(
    source: str | os.PathLike[str],
    *,
    model: str | None = None,
    skip_faulty: bool = False,
    api_key: str | None = None,
    api_base: str | None = None,
) -> DryRun:
    """Checks a file and says what it would cost; sends nothing but asks for prices.

    Args:
        source: As `run` takes it.
        model: Takes the place of every line's own model.
        skip_faulty: Whether lines that can't be sent are left out.
        api_key: None to look for it as every call of the adapter does.
        api_base: The same.

    Raises:
        FaultyInput: it has lines that can't be sent.
        One of LiteLLM's exceptions: there is no catalogue, and none could be fetched.
    """
    prices = Prices(api_key, api_base)

    def look(request: Any) -> None:
        prices.look(request)

    checked = validation.check(Path(source), model, look=look)
    if checked.fault_count and not skip_faulty:
        raise FaultyInput(str(source), checked.faults, checked.fault_count)
    return DryRun(prices.total.requests, prices.total, prices.models)
