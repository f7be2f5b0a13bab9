"""A run that is told to end at once, at the moments that are hardest to do it at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import batch
from openrouter_adapter.batch.writer import Writer
from tests.batch.conftest import assert_each_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from openrouter_adapter.batch.engine import Engine
    from openrouter_adapter.emulator import Emulator

pytestmark = pytest.mark.usefixtures("openrouter_at")


def test_told_to_end_at_once_while_intents_are_written(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = job(200), tmp_path / "out"
    engines: list[Engine] = []
    write_intents = Writer.write_intents

    async def interrupted(files: Writer, intents: Iterable[bytes]) -> None:
        await write_intents(files, intents)
        if engines and engines[0].has_answers:
            engines[0].abandon()

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "write_intents", interrupted)
        summary = batch.run(
            path, out, concurrency=8, watch=lambda progress: engines.append(progress.engine)
        )
    assert summary.stopped is not None
    assert "at once" in summary.stopped
    assert 0 < summary.done < 200
    sent = len(em.bill())
    again = batch.resume(out)
    assert (again.done, again.left) == (200, 0)
    assert_each_once(out, 200)
    # Only what was in flight is sent again.
    assert 200 <= len(em.bill()) <= 200 + sent - summary.done
