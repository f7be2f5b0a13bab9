"""A place to run programs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from openrouter_adapter.emulator import Emulator
from tests.launcher.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "tmp").mkdir()
    with Emulator() as emulator:
        yield Place(tmp_path, emulator)
    # Whatever became of the program, its notes are gone.
    assert not list((tmp_path / "tmp").glob("openrouter-adapter-run-*"))
