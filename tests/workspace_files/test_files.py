"""LiteLLM's functions for files on OpenRouter's `/files`, on the emulator."""

from __future__ import annotations

import asyncio
import io
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter import catalog
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.workspace_files import uploads
from openrouter_adapter.workspace_files.transformation import MOST_FILES
from tests.conftest import KEY
from tests.support.gate import RefusingGate, guarded
from tests.support.loopback import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.loopback import Loopback

NAMES = ("create_file", "file_retrieve", "file_list", "file_delete", "file_content")
WREN = b"A wren is a small bird."
PDF = b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n"


def call(name: str, **keywords: Any) -> Any:
    return getattr(litellm, name)(custom_llm_provider="openrouter", **keywords)


def call_async(name: str, **keywords: Any) -> Any:
    function = getattr(litellm, f"a{name}")
    return asyncio.run(function(custom_llm_provider="openrouter", **keywords))


ways = pytest.mark.parametrize("ask", [call, call_async], ids=["sync", "async"])


def upload(ask: Callable[..., Any] = call, file: Any = ("birds/wren.txt", WREN)) -> Any:
    return ask("create_file", file=file, purpose="user_data")


@ways
def test_a_file_is_uploaded_looked_up_listed_and_deleted(
    ask: Callable[..., Any], emulated: Emulator
) -> None:
    made = upload(ask)
    assert made.id.startswith("or_file_")
    assert (made.filename, made.bytes, made.object) == ("birds/wren.txt", len(WREN), "file")
    assert (made.mime_type, made.downloadable) == ("text/plain", False)
    assert abs(made.created_at - emulated.now()) < 60
    assert made._hidden_params["response_cost"] == 0.0
    assert made._hidden_params["openrouter"]["mime_type"] == "text/plain"
    found = ask("file_retrieve", file_id=made.id)
    assert found.model_dump() == made.model_dump()
    assert found._hidden_params["openrouter"]["downloadable"] is False
    assert [one.model_dump() for one in ask("file_list")] == [made.model_dump()]
    gone = ask("file_delete", file_id=made.id)
    assert (gone.id, gone.deleted, gone.object) == (made.id, True, "file")
    assert ask("file_list") == []
    with pytest.raises(litellm.NotFoundError, match="File not found"):
        ask("file_retrieve", file_id=made.id)
    assert emulated.bill() == []


@ways
def test_only_downloadable_content_comes_back(
    ask: Callable[..., Any], emulated: Emulator, tmp_path: Path
) -> None:
    made = ask("file_content", file_id=emulated.add_file("chart.csv", b"bird,count\nwren,2\n"))
    assert made.content == b"bird,count\nwren,2\n"
    made.write_to_file(tmp_path / "chart.csv")
    assert (tmp_path / "chart.csv").read_bytes() == made.content
    with pytest.raises(litellm.BadRequestError, match="can't be downloaded again"):
        ask("file_content", file_id=upload().id)


@ways
def test_a_full_workspace_names_the_limit(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator(file_storage=30) as small, openrouter_adapter.registered():
        monkeypatch.setenv("OPENROUTER_API_BASE", small.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", small.api_key)
        upload(ask)
        with pytest.raises(litellm.PermissionDeniedError, match=r"quota exceeded.*10 GiB"):
            upload(ask)


@pytest.mark.parametrize("kind", ["path", "open file", "named", "spooled", "bytearray"])
def test_a_file_is_given_in_any_form(kind: str, emulated: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "wren.pdf"
    path.write_bytes(PDF)
    spooled = tempfile.SpooledTemporaryFile()  # noqa: SIM115 - as the proxy has it
    spooled.write(PDF)
    with path.open("rb") as opened:
        given: dict[str, Any] = {
            "path": path,
            "open file": opened,
            "named": ("wren.pdf", path),
            "spooled": ("wren.pdf", spooled, "application/octet-stream"),
            "bytearray": ("wren.pdf", bytearray(PDF)),
        }
        made = upload(file=given[kind])
    assert (made.filename, made.bytes, made.mime_type) == ("wren.pdf", len(PDF), "application/pdf")
    assert upload(file=PDF).filename == "file"
    assert emulated.requests[0].body == {"filename": "wren.pdf", "size_bytes": len(PDF)}


@pytest.mark.usefixtures("emulated")
def test_an_open_file_is_sent_from_its_beginning_each_time() -> None:
    opened = io.BytesIO(WREN)
    assert upload(file=opened).bytes == upload(file=opened).bytes == len(WREN)


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "a string": ({"file": "/etc/passwd"}, r"file='/etc/passwd': give bytes"),
    "nothing": ({"file": None}, "file=None: give bytes"),
    "empty": ({"file": b""}, "file: file is empty"),
    "no such path": ({"file": Path("/nowhere/a.txt")}, "a.txt can't be read"),
    "text": ({"file": io.StringIO("a")}, "open as text"),
    "name": ({"file": ("a/../b", WREN)}, "OpenRouter refuses the name 'a/../b'"),
    "purpose": ({"purpose": None}, "purpose=None"),
    "fine-tune": ({"purpose": "fine-tune"}, "doesn't fine-tune"),
    "expiry": ({"expires_after": {"anchor": "created_at", "seconds": 60}}, "expires_after="),
    "extra_body": ({"extra_body": {"a": "b"}}, "extra_body="),
    "provider": ({"provider": {"order": ["openai"]}}, "provider=.*: leave it out"),
    "workspace": ({"workspace_id": 3}, "workspace_id=3"),
}


@ways
@pytest.mark.parametrize("case", INVALID)
def test_invalid_uploads_are_refused_before_they_are_sent(
    case: str, ask: Callable[..., Any], emulated: Emulator
) -> None:
    given, words = INVALID[case]
    with pytest.raises(litellm.BadRequestError, match=words):
        ask("create_file", **{"file": WREN, "purpose": "user_data", **given})
    assert emulated.requests == []


def test_a_file_that_is_too_large_is_refused_before_it_is_read(
    emulated: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "large.pdf"
    with path.open("wb") as made:
        made.truncate(uploads.MOST_BYTES + 1)
    with pytest.raises(
        litellm.BadRequestError, match=r"104,857,601 bytes; OpenRouter accepts 104,8"
    ):
        upload(file=path)
    with path.open("rb") as opened, pytest.raises(litellm.BadRequestError, match="104,857,601"):
        upload(file=opened)
    assert emulated.requests == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"limit": 0}, "limit=0"),
        ({"limit": MOST_FILES + 1}, "10,000"),
        ({"after": ""}, "after=''"),
    ],
)
def test_an_invalid_page_is_refused(given: Any, words: str, emulated: Emulator) -> None:
    with pytest.raises(litellm.BadRequestError, match=words):
        call("file_list", **given)
    with pytest.raises(litellm.BadRequestError, match="file_id=' '"):
        call("file_retrieve", file_id=" ")
    assert emulated.requests == []


@ways
def test_a_list_has_all_pages_or_as_many_files_as_asked_for(
    ask: Callable[..., Any], openrouter: Loopback
) -> None:
    openrouter.replies_in_turn(Reply(page("a", "b", cursor="next")), Reply(page("c")))
    assert [file.id for file in ask("file_list")] == ["a", "b", "c"]
    first, second = openrouter.requests
    assert "limit=1000" in first.path
    assert "cursor=next" in second.path
    openrouter.replies(page("a", "b", cursor="next"))
    assert [file.id for file in ask("file_list", limit=2, after="z")] == ["a", "b"]
    assert "limit=2" in openrouter.requests[-1].path
    assert "after=z" in openrouter.requests[-1].path
    assert ask("file_list", purpose="batch") == []


def page(*ids: str, cursor: str | None = None) -> dict[str, Any]:
    files = [
        {
            "id": one,
            "type": "file",
            "filename": one,
            "mime_type": "text/plain",
            "size_bytes": 3,
            "created_at": "2026-08-25T00:00:00Z",
            "downloadable": False,
        }
        for one in ids
    ]
    return {"data": files, "has_more": cursor is not None, "cursor": cursor, "last_id": ids[-1]}


@ways
def test_keys_headers_and_parameters_go_where_they_belong(
    ask: Callable[..., Any], openrouter: Loopback
) -> None:
    openrouter.replies(page("a")["data"][0])
    ask("file_retrieve", file_id="or_file_1/x", workspace_id="w", extra_headers={"X-Bird": "wren"})
    (request,) = openrouter.requests
    assert request.path == "/api/v1/files/or_file_1%2Fx?workspace_id=w"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["x-bird"] == "wren"
    assert "content-type" not in request.headers


@ways
@pytest.mark.parametrize("name", NAMES)
def test_no_key_is_said_before_anything_is_sent(
    name: str, ask: Callable[..., Any], emulated: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    with pytest.raises(litellm.AuthenticationError, match="OPENROUTER_API_KEY"):
        ask(name, **arguments(name))
    assert emulated.requests == []


@ways
@pytest.mark.parametrize("name", NAMES)
def test_failures_are_litellms_exceptions(
    name: str, ask: Callable[..., Any], emulated: Emulator
) -> None:
    for fault, kind in FAILURES.items():
        emulated.faults.add(fault, times=1)
        with pytest.raises(kind):
            ask(name, **arguments(name))


FAILURES: dict[str, Any] = {
    "status=503": litellm.ServiceUnavailableError,
    "rate-limit": litellm.RateLimitError,
    "html=500": litellm.InternalServerError,
}


def arguments(name: str) -> dict[str, Any]:
    if name == "file_list":
        return {}
    if name == "create_file":
        return {"file": ("wren.txt", WREN), "purpose": "user_data"}
    return {"file_id": "or_file_1"}


@pytest.mark.parametrize("name", NAMES)
@ways
def test_files_are_free_so_a_spent_budget_lets_them_pass(
    ask: Callable[..., Any], name: str, emulated: Emulator
) -> None:
    file_id = emulated.add_file("made.txt", WREN)
    given = arguments(name)
    if "file_id" in given:
        given["file_id"] = file_id
    with guarded(RefusingGate()) as gate:
        ask(name, **given)
    assert gate.asked == []


@pytest.mark.parametrize("name", NAMES)
def test_openrouters_key_is_sent_to_no_other_provider(
    name: str, emulated: Emulator, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", loopback.base_url)
    for function in (getattr(litellm, name), lambda **given: asyncio.run(twin(name)(**given))):
        with pytest.raises(litellm.BadRequestError, match="custom_llm_provider='openrouter'"):
            function(api_key=KEY, **{"custom_llm_provider": "openai", **arguments(name)})
    assert loopback.requests == emulated.requests == []


def twin(name: str) -> Any:
    return getattr(litellm, f"a{name}")


def test_unregister_puts_litellms_functions_back() -> None:
    before = [getattr(litellm, name) for name in NAMES]
    with openrouter_adapter.registered():
        assert [getattr(litellm, name) for name in NAMES] != before
    assert [getattr(litellm, name) for name in NAMES] == before


def messages(file_id: str) -> list[dict[str, Any]]:
    question = {"type": "text", "text": "What is in it?"}
    return [{"role": "user", "content": [question, {"type": "file", "file": {"file_id": file_id}}]}]


def test_a_chat_reads_the_file_that_its_message_names(emulated: Emulator) -> None:
    made = upload(file=("wren.pdf", PDF + b"(A wren sings) Tj\n"))
    chat = {"model": "openrouter/openai/gpt-4o-mini", "messages": messages(made.id)}
    answer = litellm.completion(**chat)
    assert emulated.requests[-1].body["messages"] == chat["messages"]
    # The emulator counts the tokens of the file's page.
    assert answer.usage.prompt_tokens > 50
    with pytest.raises(litellm.NotFoundError, match="File not found: or_file_none"):
        litellm.completion(**{**chat, "messages": messages("or_file_none")})


def test_a_budget_reserves_a_whole_context_for_a_file_of_unknown_length(
    emulated: Emulator,
) -> None:
    loaded = catalog.load(base_url=emulated.base_url)
    body = {"model": "openai/gpt-4o-mini", "messages": messages("or_file_1"), "max_tokens": 10}
    found = catalog.estimate(body, catalog=loaded)
    # 128,000 tokens at 0.15 USD a million.
    assert found.worst is not None
    assert found.worst >= Decimal("0.0191")


def test_a_response_reads_the_file_that_its_input_names(emulated: Emulator) -> None:
    made = upload(file=("wren.pdf", PDF))
    parts = [{"type": "input_file", "file_id": made.id}, {"type": "input_text", "text": "What?"}]
    given: Any = [{"role": "user", "content": parts}]
    answer = litellm.responses(model="openrouter/openai/gpt-4o-mini", input=given)
    assert answer.usage is not None
    assert emulated.requests[-1].body["input"][0]["content"][0]["file_id"] == made.id


def router() -> litellm.Router:
    named = {"model": "openrouter/openai/gpt-4o-mini"}
    return litellm.Router(model_list=[{"model_name": "files", "litellm_params": named}])


def test_a_router_uploads_reads_and_deletes(emulated: Emulator) -> None:
    async def go() -> Any:
        file: Any = ("wren.txt", WREN)
        made = await router().acreate_file(model="files", file=file, purpose="user_data")
        downloadable = emulated.add_file("made.txt", WREN)
        content = await router().afile_content(model="files", file_id=downloadable)
        gone = await router().afile_delete(model="files", file_id=made.id)
        return made, content.content, gone

    made, content, gone = asyncio.run(go())
    assert content == WREN
    assert gone.id == made.id
    assert [request.method for request in emulated.requests] == ["POST", "GET", "DELETE"]


@pytest.fixture(autouse=True)
def prints_nothing(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """LiteLLM prints that it found no price for a model without a name."""
    yield
    assert "Provider List" not in capfd.readouterr().out
