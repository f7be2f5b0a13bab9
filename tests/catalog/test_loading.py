"""Where the catalogue comes from: memory, disk, OpenRouter; and what happens when one fails."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import litellm
import pytest

from openrouter_adapter import catalog
from openrouter_adapter.catalog import cache, loading
from openrouter_adapter.images import models as image_models

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import ModelServer

HOUR = 3600


def start_anew() -> None:
    """Forgets what this process has, as a new one would."""
    loading._kept.clear()
    loading._warned.clear()


def grow_old(folder: Path, seconds: float) -> None:
    for file in folder.glob("*.json"):
        entry = cache.read(file)
        assert entry is not None
        cache.write(file, cache.CachedList(entry.rows, entry.fetched_at - seconds, entry.etag))


def test_a_second_start_needs_no_network(server: ModelServer) -> None:
    first = catalog.load()
    server.status = 500
    start_anew()
    second = catalog.load()
    assert len(server.requests) == 1
    assert [model.id for model in second] == [model.id for model in first]
    assert second.refresh_error is None
    assert 0 <= second.age < 60


def test_within_a_process_it_is_built_once(server: ModelServer) -> None:
    assert catalog.load() is catalog.load()
    assert len(server.requests) == 1


def test_an_old_one_is_confirmed_by_its_etag(server: ModelServer, cache_folder: Path) -> None:
    before = catalog.load()
    grow_old(cache_folder, catalog.MAX_AGE + 1)
    start_anew()
    server.rows = []  # A list that is sent again would be noticed.
    after = catalog.load()
    assert server.requests[1][1]["if-none-match"] == '"one"'
    assert len(after) == len(before)
    assert after.age < 60
    start_anew()
    assert catalog.load().age < 60
    assert len(server.requests) == 2


def test_an_old_one_is_replaced(server: ModelServer, cache_folder: Path) -> None:
    catalog.load()
    grow_old(cache_folder, catalog.MAX_AGE + 1)
    start_anew()
    server.rows, server.etag = server.rows[:3], '"two"'
    assert len(catalog.load()) == 3


def test_a_failed_refresh_keeps_the_old_one_and_says_so_once(
    server: ModelServer, cache_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = catalog.load()
    grow_old(cache_folder, 30 * HOUR)
    start_anew()
    server.status = 503
    with caplog.at_level(logging.WARNING, "openrouter_adapter"):
        after = catalog.load()
        assert catalog.load() is after, "a server that is down is not asked for every request"
        catalog.load(refresh=True)
    assert len(after) == len(before)
    assert isinstance(after.refresh_error, litellm.ServiceUnavailableError)
    assert after.age > 29 * HOUR
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "30.0 hours" in caplog.text
    server.status = 200
    assert catalog.load(refresh=True).refresh_error is None


def test_an_empty_list_does_not_take_the_old_one_s_place(
    server: ModelServer, cache_folder: Path
) -> None:
    before = catalog.load()
    grow_old(cache_folder, catalog.MAX_AGE + 1)
    start_anew()
    server.rows, server.etag = [], None
    after = catalog.load()
    assert len(after) == len(before)
    assert after.refresh_error is not None


def test_refresh_asks_at_once_and_false_never(server: ModelServer, cache_folder: Path) -> None:
    with pytest.raises(catalog.CatalogUnavailableError, match="refresh=False"):
        catalog.load(refresh=False)
    catalog.load()
    catalog.load(refresh=True)
    assert len(server.requests) == 2
    grow_old(cache_folder, 1000 * HOUR)
    start_anew()
    assert catalog.load(refresh=False).age > 999 * HOUR
    assert len(server.requests) == 2


def test_a_list_from_the_future_is_confirmed(server: ModelServer, cache_folder: Path) -> None:
    """The clock was wrong when it was fetched: else it would stay in use until that day."""
    catalog.load()
    grow_old(cache_folder, -1000 * HOUR)
    start_anew()
    assert catalog.load().fetched_at < time.time() + 1
    assert len(server.requests) == 2


def test_a_list_from_a_clock_that_is_slightly_ahead_is_recent(
    server: ModelServer, cache_folder: Path
) -> None:
    catalog.load()
    grow_old(cache_folder, -30)
    start_anew()
    assert catalog.load().age == 0
    assert len(server.requests) == 1


def test_not_modified_is_no_list_where_nothing_was_kept(
    server: ModelServer, cache_folder: Path
) -> None:
    server.status = 304
    with pytest.raises(catalog.CatalogUnavailableError):
        catalog.load()
    assert list(cache_folder.glob("*.json")) == []


@pytest.mark.parametrize("etag", [5, ["one"], {"a": 1}])
def test_an_etag_that_is_no_text_is_left_out(
    server: ModelServer, cache_folder: Path, etag: object
) -> None:
    catalog.load()
    (file,) = cache_folder.glob("*.json")
    entry = cache.read(file)
    assert entry is not None
    cache.write(file, cache.CachedList(entry.rows, 0.0, etag))  # type: ignore[arg-type]
    start_anew()
    assert catalog.load().refresh_error is None
    assert "if-none-match" not in server.requests[-1][1]


def test_without_cache_and_without_server_the_reason_is_raised(server: ModelServer) -> None:
    server.status = 502
    with pytest.raises(litellm.BadGatewayError):
        catalog.load()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"format": 1}',
        b'{"format": 1, "rows": [1], "fetched_at": 0}',
        b'{"format": 1, "rows": [{"id": "a/b"}], "fetched_at": null}',
    ],
)
def test_a_corrupt_file_is_left_out_with_a_warning(
    server: ModelServer, cache_folder: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    catalog.load()
    (file,) = cache_folder.glob("*.json")
    file.write_bytes(content)
    start_anew()
    assert len(catalog.load()) == len(server.rows)
    assert "can't be read" in caplog.text
    assert len(server.requests) == 2


def test_a_kept_list_without_models_is_fetched_anew(
    server: ModelServer, cache_folder: Path
) -> None:
    catalog.load()
    (file,) = cache_folder.glob("*.json")
    cache.write(file, cache.CachedList([], time.time()))
    start_anew()
    assert len(catalog.load()) == len(server.rows)


def test_a_file_of_another_format_is_fetched_anew(server: ModelServer, cache_folder: Path) -> None:
    catalog.load()
    (file,) = cache_folder.glob("*.json")
    file.write_bytes(b'{"format": 99}')
    start_anew()
    assert len(catalog.load()) == len(server.rows)


def test_a_folder_that_can_t_be_written_is_said_and_does_no_harm(
    server: ModelServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(blocked / "below"))
    assert len(catalog.load()) == len(server.rows)
    assert "can't be written" in caplog.text


def test_each_server_has_a_file_of_its_own(server: ModelServer) -> None:
    one = cache.path("models", server.base_url)
    assert one != cache.path("models", "https://openrouter.ai/api/v1")
    assert cache.path("endpoints-a/b", "x") != cache.path("endpoints-a_b", "x")
    assert cache.path("endpoints-../../x", "y").parent == cache.folder()


def test_the_folder_is_the_user_s_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cache.FOLDER_VARIABLE)
    assert cache.folder().name == "openrouter-adapter"


def test_several_processes_at_once(cache_folder: Path) -> None:
    program = (
        "from openrouter_adapter.catalog import cache\n"
        "import sys\n"
        "file = cache.path('models', 'x')\n"
        "rows = [{'id': f'a/{sys.argv[1]}-{i}'} for i in range(3000)]\n"
        "for turn in range(40):\n"
        "    cache.write(file, cache.CachedList(rows, float(turn)))\n"
        "    entry = cache.read(file)\n"
        "    assert entry is not None and len(entry.rows) == 3000\n"
        "    assert len({row['id'].split('-')[0] for row in entry.rows}) == 1\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, "-c", program, str(number)],
            env=environment,
            stderr=subprocess.PIPE,
        )
        for number in range(3)
    ]
    for process in running:
        _, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
        assert b"can't be read" not in error
    assert list(cache_folder.glob(".*")) == [], "no temporary file is left"


def test_endpoints_are_kept_too(server: ModelServer, cache_folder: Path) -> None:
    model = "meta-llama/llama-3.3-70b-instruct"
    server.answers[f"/models/{model}/endpoints"] = {
        "data": {"endpoints": [{"provider_name": "Groq", "tag": "groq", "pricing": {}}]}
    }
    loaded = catalog.load()
    assert loaded.endpoints(loaded[model]) == ()
    wide = catalog.load_endpoints(loaded, [model, f"openrouter/{model}:nitro"])
    assert [one.provider for one in wide.endpoints(wide[model])] == ["Groq"]
    asked = len(server.requests)
    server.status = 500
    start_anew()
    again = catalog.load_endpoints(catalog.load(), [model])
    assert [one.tag for one in again.endpoints(again[model])] == ["groq"]
    assert len(server.requests) == asked
    with pytest.raises(KeyError):
        catalog.load_endpoints(loaded, ["no/model"])
    other = "openai/gpt-4o-mini"
    nothing = catalog.load_endpoints(loaded, [other], refresh=False)
    assert nothing.endpoints(nothing[other]) == ()
    with pytest.raises(litellm.InternalServerError):
        catalog.load_endpoints(loaded, [other])
    grow_old(cache_folder, 48 * HOUR)
    kept = catalog.load_endpoints(loaded, [model])
    assert [one.tag for one in kept.endpoints(kept[model])] == ["groq"]


IMAGES = {
    "id": "a/painter",
    "endpoints": [
        {
            "provider_name": "Seed",
            "provider_tag": "seed",
            "supported_parameters": {"n": {"type": "range", "min": 1, "max": 4}},
            "pricing": [{"billable": "output_image", "unit": "image", "cost_usd": 0.05}],
        },
        {
            "provider_name": "Other",
            "provider_tag": "other",
            "supported_parameters": {
                "n": {"type": "range", "min": 1, "max": 2},
                "resolution": {"type": "enum", "values": ["1K"]},
            },
            "pricing": [{"billable": "output_image", "unit": "image", "cost_usd": 0.06}],
        },
    ],
}
PAINTER = {"id": "a/painter", "architecture": {"output_modalities": ["image"]}}


def test_what_a_model_takes_on_the_images_api_is_kept_too(server: ModelServer) -> None:
    server.rows = [*server.rows, PAINTER]
    server.answers["/models/a/painter/endpoints"] = {"data": {"endpoints": []}}
    server.answers["/images/models/a/painter/endpoints"] = IMAGES
    loaded = catalog.load()
    assert image_models.find("a/painter") == image_models.ImageModel(only_images=True)
    wide = catalog.load_endpoints(loaded, ["a/painter"])
    offers = wide.image_endpoints(wide["a/painter"])
    assert [offer.endpoint.tag for offer in offers or ()] == ["seed", "other"]
    asked = len(server.requests)
    start_anew()
    image_models.forget()
    catalog.load_endpoints(catalog.load(), ["a/painter"])
    assert len(server.requests) == asked
    known = image_models.find("openrouter/a/painter")
    assert known is not None
    assert known.are_read
    assert known.most_images == 4
    assert known.takes("resolution")


def test_an_image_model_that_the_images_api_has_not_is_no_failure(server: ModelServer) -> None:
    server.rows = [*server.rows, PAINTER]
    server.answers["/models/a/painter/endpoints"] = {"data": {"endpoints": []}}
    wide = catalog.load_endpoints(catalog.load(), ["a/painter"])
    assert wide.image_endpoints(wide["a/painter"]) == ()


def test_the_list_of_image_models_is_read_once(server: ModelServer) -> None:
    row = {**PAINTER, "supported_parameters": {"seed": {"type": "boolean"}}}
    server.answers["/images/models"] = {"data": [row, {"name": "no id"}, "no row"]}
    with pytest.raises(catalog.CatalogUnavailableError):
        catalog.load_image_models(refresh=False)
    assert catalog.load_image_models() == {"a/painter": {"seed": {"type": "boolean"}}}
    assert catalog.load_image_models() == {"a/painter": {"seed": {"type": "boolean"}}}
    assert len(server.requests) == 1
    known = image_models.find("a/painter")
    assert known == image_models.ImageModel(True, {"seed": {"type": "boolean"}}, are_read=True)
    assert known.most_images == 1


@pytest.mark.timed
def test_loading_from_disk_is_quick(server: ModelServer) -> None:
    server.rows = [{**server.rows[0], "id": f"a/model-{number}"} for number in range(400)]
    catalog.load()
    start_anew()
    began = time.process_time()
    assert len(catalog.load()) == 400
    # A quiet machine needs 30 ms.
    assert time.process_time() - began < 1
