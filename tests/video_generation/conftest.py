"""Jobs on the emulator, and what LiteLLM's callbacks get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

from openrouter_adapter.video_generation import jobs, models

if TYPE_CHECKING:
    from collections.abc import Iterator

VEO = "openrouter/google/veo-3.1"


class Costs(CustomLogger):
    """Notes what LiteLLM tells its callbacks, each call once: its type, model and cost in USD."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, tuple[str, str, Any]] = {}

    def _note(self, kwargs: Any) -> None:
        # A download has no cost, not even None.
        call = kwargs["call_type"], kwargs["model"], kwargs.get("response_cost")
        self.told[kwargs["litellm_call_id"]] = call

    def log_success_event(self, kwargs: Any, *_: Any, **__: Any) -> None:
        self._note(kwargs)

    async def async_log_success_event(self, kwargs: Any, *_: Any, **__: Any) -> None:
        self._note(kwargs)

    @property
    def costs(self) -> list[Any]:
        """The costs, in the order of the calls."""
        return [cost for _, _, cost in self.told.values()]


@pytest.fixture
def costs() -> Costs:
    made = Costs()
    litellm.callbacks.append(made)
    return made


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no video model that was read, and no job: emulators give the same ids again."""
    monkeypatch.setattr(jobs, "_reported", {})
    yield
    models.forget()


def submit(**fields: Any) -> Any:
    """Return a submitted video."""
    return litellm.video_generation(
        **{"model": VEO, "prompt": "A wren.", "seconds": "4", "size": "1280x720", **fields}
    )
