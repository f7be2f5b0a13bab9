"""Where `login` keeps a key, and that it costs nobody anything who has not logged in."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import keyring
import litellm
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import PasswordDeleteError

from openrouter_adapter import keychain
from openrouter_adapter.wire import connection
from tests.conftest import KEY
from tests.support.calls import WAYS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.loopback import Loopback

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")


class Ring(KeyringBackend):
    """A system's keyring, with a count of what it is asked."""

    priority = 9

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}
        self.asked = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.held:
            raise PasswordDeleteError(service)
        del self.held[service, username]


@pytest.fixture
def ring() -> Iterator[Ring]:
    before = keyring.get_keyring()
    ring = Ring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings folder where no variable names the file."""
    monkeypatch.delenv("OPENROUTER_ADAPTER_KEY_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: str(tmp_path / "own"))
    return tmp_path / "own"


def test_a_key_is_kept_in_the_keyring_and_not_in_the_file(ring: Ring, own_folder: Path) -> None:
    assert keychain.keep(KEY) == "keyring"
    assert list(ring.held.values()) == [KEY]
    assert json.loads((own_folder / "key.json").read_text()) == {"kept_in": "keyring"}
    assert keychain.read() == KEY


def test_the_keyring_is_asked_once_for_each_login(ring: Ring, own_folder: Path) -> None:  # noqa: ARG001
    keychain.keep(KEY)
    before = ring.asked
    assert [connection.api_key(None) for _ in range(50)] == [KEY] * 50
    assert ring.asked == before + 1
    keychain.keep("sk-or-v1-next")
    assert connection.api_key(None) == "sk-or-v1-next"


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring])
def test_where_there_is_no_keyring_a_file_has_it(backend: Any, own_folder: Path) -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(backend())
    try:
        assert keychain.keep(KEY) == "file"
        assert keychain.read() == KEY
        assert keychain.forget()
    finally:
        keyring.set_keyring(before)
    assert list(own_folder.iterdir()) == []


@posix
def test_only_its_owner_may_read_the_file(key_file: Path) -> None:
    mask = os.umask(0)
    try:
        keychain.keep(KEY)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file.parent.stat().st_mode) == 0o700


@posix
def test_a_file_that_others_may_read_is_not_used(key_file: Path) -> None:
    keychain.keep(KEY)
    key_file.chmod(0o640)
    os.utime(key_file, ns=(1, 1))
    with pytest.raises(litellm.AuthenticationError, match=f"chmod 600 {key_file}") as caught:
        connection.api_key(None)
    assert KEY not in str(caught.value)
    key_file.chmod(0o600)
    assert connection.api_key(None) == KEY


def test_a_variable_keeps_the_key_out_of_the_keyring(ring: Ring, key_file: Path) -> None:
    assert keychain.keep(KEY) == "file"
    assert ring.held == {}
    assert KEY in key_file.read_text()


def test_forgetting_leaves_nothing(ring: Ring, own_folder: Path) -> None:
    keychain.keep(KEY)
    assert keychain.forget()
    assert ring.held == {}
    assert list(own_folder.iterdir()) == []
    assert keychain.read() is None
    assert not keychain.forget()


def test_what_was_removed_by_hand_is_forgotten_all_the_same(ring: Ring, own_folder: Path) -> None:
    keychain.keep(KEY)
    ring.held.clear()
    assert keychain.forget()
    assert not (own_folder / "key.json").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"kept_in": "file"}', '{"kept_in": "elsewhere"}'])
def test_a_spoiled_file_says_what_to_do(key_file: Path, text: str) -> None:
    key_file.parent.mkdir()
    key_file.write_text(text)
    with pytest.raises(litellm.AuthenticationError, match=r"login` creates it again"):
        connection.api_key(None)
    keychain.keep(KEY)
    assert connection.api_key(None) == KEY


def test_a_file_that_can_t_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("OPENROUTER_ADAPTER_KEY_FILE", str(tmp_path / "file" / "key.json"))
    with pytest.raises(keychain.KeychainError, match=r"key\.json can't be written"):
        keychain.keep(KEY)


@pytest.mark.parametrize("way", WAYS)
def test_every_call_of_litellm_finds_the_key(
    openrouter: Loopback, way: str, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    keychain.keep("sk-or-v1-kept")
    WAYS[way]()
    assert openrouter.headers["authorization"] == "Bearer sk-or-v1-kept"
    assert key_file.exists()


def test_all_other_places_go_before_it(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keychain.keep("sk-or-v1-kept")
    assert connection.api_key("sk-or-v1-argument") == "sk-or-v1-argument"
    monkeypatch.setenv("OR_API_KEY", "sk-or-v1-second")
    assert connection.api_key(None) == "sk-or-v1-second"
    monkeypatch.setattr(litellm, "openrouter_key", "sk-or-v1-setting")
    assert connection.api_key(None) == "sk-or-v1-setting"
    assert key_file.exists()


def test_it_is_not_even_looked_for_where_another_place_has_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    monkeypatch.setattr(keychain, "path", lambda: pytest.fail("it was looked for"))
    assert connection.api_key(None) == KEY
