"""A callback that keeps what LiteLLM says a call cost."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import litellm
from litellm.integrations.custom_logger import CustomLogger

from tests.support.waiting import ahappens

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTS = (
    *("callbacks", "input_callback", "success_callback", "failure_callback"),
    *("_async_input_callback", "_async_success_callback", "_async_failure_callback"),
)


class Costs(CustomLogger):
    """Costs in USD by LiteLLM's call id: events of other tests may still be on their way."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, Any] = {}

    async def async_log_success_event(
        self,
        kwargs: Any,
        response_obj: Any,  # noqa: ARG002
        start_time: Any,  # noqa: ARG002
        end_time: Any,  # noqa: ARG002
    ) -> None:
        """Note the cost of a call."""
        self._told[kwargs["litellm_call_id"]] = kwargs["response_cost"]

    async def of(self, call_id: str) -> Any:
        """Return what a call cost, as soon as LiteLLM says it."""
        assert await ahappens(lambda: call_id in self._told)
        return self._told[call_id]


@contextlib.contextmanager
def listening() -> Iterator[Costs]:
    """Have LiteLLM tell a new callback of its calls for the length of a block."""
    costs = Costs()
    litellm.callbacks.append(costs)
    try:
        yield costs
    finally:
        # LiteLLM copies callbacks from the first list to the others.
        for name in _LISTS:
            held = getattr(litellm, name)
            held[:] = [one for one in held if one is not costs]
