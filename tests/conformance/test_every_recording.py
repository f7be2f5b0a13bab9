"""No recorded file is left out: each belongs to a kind, and the lists of models come whole too."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from openrouter_adapter import api

from .conftest import NO_RECORDINGS
from .kinds import KINDS
from .leaves import lost_values
from .recordings import load, recordings_folder
from .replay_server import ReplayServer

if TYPE_CHECKING:
    from .recordings import Exchange

# Replayed below: LiteLLM has no call for the list of models, the catalogue asks for it.
LISTS = "models"
MODELS = load(LISTS)


def test_every_recorded_file_is_replayed() -> None:
    folder = recordings_folder()
    if not folder.is_dir():
        pytest.skip(NO_RECORDINGS)
    recorded = {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and file.name != "README.md"
    }
    replayed = {f"{kind}/{exchange.name}" for kind in (*KINDS, LISTS) for exchange in load(kind)}

    assert replayed == recorded
    assert all(load(kind) for kind in KINDS)


@pytest.mark.skipif(not MODELS, reason=NO_RECORDINGS)
@pytest.mark.parametrize("listed", MODELS, ids=lambda listed: listed.label)
def test_a_list_of_models_comes_whole(listed: Exchange) -> None:
    with ReplayServer() as server:
        root, arrived = server.offer(listed)
        listing = api.get_models(base_url=f"{root}/api/v1")

    (request,) = arrived
    assert (request.method, urlsplit(request.path).path) == (listed.method, listed.path)
    assert "authorization" not in request.headers
    kept = {"data": listing.rows, "total_count": listing.total_count, "links": {"next": None}}
    assert lost_values(listed.answer, [kept]) == []
    assert listing.rows == listed.answer["data"]
