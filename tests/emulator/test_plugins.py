"""Web search, PDFs and server tools: annotations, counters and prices."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Client

PDF = (
    b"%PDF-1.4\n1 0 obj <</Type /Page>> endobj 2 0 obj <</Type/Page>> endobj\n"
    b"BT (A dummy) Tj (PDF file) Tj ET"
)


def tokens_price(client: Client, prompt: str, completion: str) -> Decimal:
    row = client.emulator.bill()[-1]
    return row.tokens_prompt * Decimal(prompt) + row.tokens_completion * Decimal(completion)


class TestWebPlugin:
    def test_citations_come_with_the_answer(self, client: Client) -> None:
        reply = client.chat("Ruby news", plugins=[{"id": "web"}])
        annotations = reply.message["annotations"]
        assert len({one["url_citation"]["url"] for one in annotations}) == 5
        assert {one["type"] for one in annotations} == {"url_citation"}
        assert set(annotations[0]["url_citation"]) == {
            "url",
            "title",
            "content",
            "start_index",
            "end_index",
        }

    @pytest.mark.parametrize(("results", "price"), [(None, "0.02"), (1, "0.004"), (12, "0.048")])
    def test_exa_is_paid_by_the_result(
        self, client: Client, results: int | None, price: str
    ) -> None:
        plugin = {"id": "web", **({"max_results": results} if results else {})}
        client.chat("Ruby news", plugins=[plugin])
        inference = tokens_price(client, "0.00000015", "0.0000006")
        assert client.emulator.bill()[-1].cost == inference + Decimal(price)

    def test_native_search_is_paid_by_the_providers_price(self, client: Client) -> None:
        plugin = {"id": "web", "engine": "native"}
        usage = client.chat(model="openai/gpt-4.1-mini", plugins=[plugin]).json["usage"]
        inference = tokens_price(client, "0.0000004", "0.0000016")
        assert client.emulator.bill()[-1].cost == inference + Decimal("0.01")
        # It is the provider's bill, so it is part of the upstream's cost.
        assert usage["cost_details"]["upstream_inference_cost"] == usage["cost"]

    def test_it_can_be_switched_off(self, client: Client) -> None:
        off = [{"id": "web", "enabled": False}]
        assert "annotations" not in client.chat(plugins=off).message

    def test_search_results_are_part_of_the_prompt(self, client: Client) -> None:
        plain, searched = (
            client.chat(plugins=plugins).json["usage"]["prompt_tokens"]
            for plugins in ([], [{"id": "web"}])
        )
        assert searched > plain + 20


class TestServerTools:
    def test_a_search_by_openrouter(self, client: Client) -> None:
        tool = {"type": "openrouter:web_search"}
        usage = client.chat(model="deepseek/deepseek-chat", tools=[tool]).json["usage"]
        assert usage["server_tool_use_details"] == {
            "tool_calls_executed": 1,
            "tool_calls_requested": 1,
            "web_search_requests": 1,
        }
        inference = tokens_price(client, "0.0000002574", "0.0000010287")
        assert client.emulator.bill()[-1].cost == inference + Decimal("0.007")
        # Only a part of the cost is inference.
        assert usage["cost_details"]["upstream_inference_cost"] < usage["cost"]

    def test_a_search_by_the_provider(self, client: Client) -> None:
        tool = {"type": "openrouter:web_search"}
        usage = client.chat(model="openai/gpt-5.2", tools=[tool]).json["usage"]
        assert usage["server_tool_use_details"] == {"web_search_requests": 1}
        inference = tokens_price(client, "0.00000175", "0.000014")
        assert client.emulator.bill()[-1].cost == inference + Decimal("0.01")

    def test_server_tools_are_no_functions_to_call(self, client: Client) -> None:
        reply = client.chat("Search the web", tools=[{"type": "openrouter:advisor"}])
        assert "tool_calls" not in reply.message
        assert reply.json["usage"]["server_tool_use_details"]["tool_calls_executed"] == 1


FILE = {
    "type": "file",
    "file": {
        "filename": "dummy.pdf",
        "file_data": f"data:application/pdf;base64,{base64.b64encode(PDF).decode()}",
    },
}
OCR = [{"id": "file-parser", "pdf": {"engine": "mistral-ocr"}}]


class TestFiles:
    def ask(self, *turns: dict[str, Any]) -> list[dict[str, Any]]:
        content = [{"type": "text", "text": "What does it say?"}, FILE]
        return [{"role": "user", "content": content}, *turns]

    def test_the_parsed_file_is_an_annotation(self, client: Client) -> None:
        (annotation,) = client.chat(self.ask(), plugins=OCR).message["annotations"]
        assert annotation["type"] == "file"
        assert annotation["file"]["name"] == "dummy.pdf"
        assert [part["text"] for part in annotation["file"]["content"]] == [
            '<file name="dummy.pdf">',
            "A dummy PDF file",
            "</file>",
        ]

    def test_pages_are_paid_once_where_the_annotation_comes_back(self, client: Client) -> None:
        first = client.chat(self.ask(), plugins=OCR).message
        inference = tokens_price(client, "0.00000015", "0.0000006")
        assert client.emulator.bill()[-1].cost == inference + 2 * Decimal("0.002")

        again = client.chat(self.ask(first, {"role": "user", "content": "Shorter!"}), plugins=OCR)
        assert "annotations" not in again.message
        assert client.emulator.bill()[-1].cost == tokens_price(client, "0.00000015", "0.0000006")

        forgetful = {key: value for key, value in first.items() if key != "annotations"}
        client.chat(self.ask(forgetful, {"role": "user", "content": "Why?"}), plugins=OCR)
        assert client.emulator.bill()[-1].cost > 2 * Decimal("0.002")

    @pytest.mark.parametrize("engine", ["pdf-text", "cloudflare-ai"])
    def test_text_engines_are_free(self, client: Client, engine: str) -> None:
        plugins = [{"id": "file-parser", "pdf": {"engine": engine}}]
        assert client.chat(self.ask(), plugins=plugins).message["annotations"]
        assert client.emulator.bill()[-1].cost == tokens_price(client, "0.00000015", "0.0000006")

    def test_native_files_are_input_tokens(self, client: Client) -> None:
        usage = client.chat(self.ask(), model="google/gemini-2.5-flash").json["usage"]
        assert usage["prompt_tokens"] > 500

    def test_a_link_or_broken_data_is_one_page(self, client: Client) -> None:
        for source in ("https://example.com/a.pdf", "data:application/pdf;base64,?"):
            part = {"type": "file", "file": {"file_data": source}}
            client.chat([{"role": "user", "content": [part]}], plugins=OCR)
            inference = tokens_price(client, "0.00000015", "0.0000006")
            assert client.emulator.bill()[-1].cost == inference + Decimal("0.002")
