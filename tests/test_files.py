"""A file is replaced whole or stays as it was."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("is_durable", [False, True])
def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path, is_durable: bool) -> None:
    target = tmp_path / "kept.json"
    target.write_text("old", "utf-8")

    with files.write_atomically(target, is_durable=is_durable) as file:
        file.write(b"new\n")
        file.flush()
        assert target.read_text("utf-8") == "old"

    assert target.read_bytes() == b"new\n"
    assert list(tmp_path.iterdir()) == [target]


def test_an_exception_in_the_block_leaves_the_old_content(tmp_path: Path) -> None:
    target = tmp_path / "kept.json"
    target.write_text("old", "utf-8")

    def write_half() -> None:
        with files.write_atomically(target) as file:
            file.write(b"half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()

    assert target.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), files.write_atomically(tmp_path / "none" / "kept"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_private_file_is_private_from_its_first_byte(tmp_path: Path) -> None:
    target = tmp_path / "key.json"

    with files.write_atomically(target, mode=0o600) as file:
        new = next(tmp_path.iterdir())
        assert stat.S_IMODE(new.stat().st_mode) == 0o600
        file.write(b"secret")

    assert stat.S_IMODE(target.stat().st_mode) == 0o600
