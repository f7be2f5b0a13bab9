"""The emulator's `/files`, to OpenRouter's own SDK and to OpenAI's."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import openai
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.emulator import Emulator

    from .conftest import Client

openrouter = pytest.importorskip("openrouter")

MARKS = {
    "application/pdf": b"%PDF-1.7",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/webp": b"RIFF\x00\x00\x00\x00WEBP",
    "audio/wav": b"RIFF\x00\x00\x00\x00WAVE",
    "application/json": b'{"bird": "wren"}',
    "application/x-ndjson": b'{"a": 1}\n{"a": 2}\n',
    "text/csv": b"bird,count\nwren,2\n",
    "text/markdown": b"# Birds\n\nA wren.\n",
    "text/plain": "Zaunkönig".encode(),
}


def put(sdk: Any, content: bytes, name: str = "a.bin") -> Any:
    return sdk.files.upload(file={"file_name": name, "content": content})


@pytest.mark.parametrize("mime_type", MARKS)
def test_the_type_is_read_from_the_content(sdk: Any, mime_type: str) -> None:
    assert put(sdk, MARKS[mime_type]).mime_type == mime_type


def test_a_word_document_is_one_by_its_content(sdk: Any) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    assert put(sdk, held.getvalue()).mime_type.endswith("wordprocessingml.document")


def test_the_official_sdk_lists_pages_looks_up_and_deletes(sdk: Any) -> None:
    ids = [put(sdk, b"a wren", f"birds/{number}.txt").id for number in range(5)]
    seen = []
    page = sdk.files.list(limit=2)
    while page is not None:
        seen += [file.id for file in page.result.data]
        page = page.next()
    assert seen == ids
    assert sdk.files.retrieve(file_id=ids[0]).filename == "birds/0.txt"
    assert sdk.files.delete(file_id=ids[0]).id == ids[0]
    with pytest.raises(openrouter.errors.NotFoundResponseError):
        sdk.files.retrieve(file_id=ids[0])
    with pytest.raises(openrouter.errors.BadRequestResponseError):
        sdk.files.download(file_id=ids[1])


def test_what_a_tool_made_can_be_downloaded(sdk: Any, emulator: Emulator) -> None:
    file_id = emulator.add_file("chart.csv", MARKS["text/csv"])
    answer = sdk.files.download(file_id=file_id)
    assert answer.read() == MARKS["text/csv"]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.txt", b"", openrouter.errors.BadRequestResponseError),
        ("a/../b", b"a wren", openrouter.errors.BadRequestResponseError),
        ("a.bin", b"\x00\x01\x02\xff", openrouter.errors.BadRequestResponseError),
    ],
)
def test_what_openrouter_refuses(sdk: Any, name: str, content: bytes, kind: Any) -> None:
    with pytest.raises(kind):
        put(sdk, content, name)


@pytest.fixture
def openai_client(emulator: Emulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=emulator.api_key, base_url=emulator.base_url) as client:
        yield client


def test_openais_sdk_gets_openais_form(openai_client: openai.OpenAI) -> None:
    made = openai_client.files.create(file=("wren.txt", b"a wren"), purpose="user_data")
    assert (made.bytes, made.object, made.status) == (6, "file", "processed")
    assert [file.id for file in openai_client.files.list(limit=1)] == [made.id]
    assert openai_client.files.delete(made.id).deleted


def test_anthropics_header_gets_anthropics_form(client: Client, emulator: Emulator) -> None:
    emulator.add_file("wren.txt", b"a wren")
    listed = client.send("GET", "/files", None, **{"anthropic-version": "2023-06-01"}).json
    assert "cursor" not in listed
    assert listed["data"][0]["type"] == "file"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=1001", 400),
        ("order=desc", 400),
        ("cursor=%21", 400),
        ("after=or_file_none", 400),
        ("provider=openai", 400),
        ("provider=azure", 400),
        ("workspace_id=00000000-0000-4000-8000-00000000000f", 403),
    ],
)
def test_parameters_are_checked(client: Client, query: str, status: int) -> None:
    assert client.send("GET", f"/files?{query}").status == status
