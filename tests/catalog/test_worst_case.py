"""What a request could cost beyond an estimate's worst case, each way that was found."""

from __future__ import annotations

import base64
import json
import zlib
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import litellm
import pytest
import tiktoken
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openrouter_adapter import catalog as package
from openrouter_adapter.catalog import prices
from openrouter_adapter.catalog.estimates import attachments, prompt_tokens, tokenizers

if TYPE_CHECKING:
    from collections.abc import Callable

GPT = "openai/gpt-4o-mini"  # 0.15 and 0.6 USD per million, one price everywhere
LLAMA = "meta-llama/llama-3.3-70b-instruct"  # four providers, 0.13/0.38 to 0.88/1.2
SONNET = "anthropic/claude-sonnet-4"  # 3 and 15 USD per million
GEMINI = "google/gemini-2.5-flash"


def body(model: str = GPT, content: Any = "Name three birds.", **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": content}]
    return {"model": model, "messages": messages, "max_tokens": 100, **fields}


def details(
    catalog: package.Catalog, request: dict[str, Any], path: str = "/chat/completions"
) -> package.Details:
    found = package.estimate(request, path, catalog).details
    assert found is not None
    return found


def worst(
    catalog: package.Catalog, request: dict[str, Any], path: str = "/chat/completions"
) -> Decimal:
    found = package.estimate(request, path, catalog).worst
    assert found is not None
    return found


def reason(catalog: package.Catalog, request: dict[str, Any]) -> str:
    found = package.estimate(request, catalog=catalog)
    assert found.worst is None
    return str(found.unknown_because)


def one_model(**row: Any) -> package.Catalog:
    plain = {"id": "a/b", "pricing": {"prompt": "0.000001", "completion": "0.000002"}}
    return package.Catalog([{**plain, "context_length": 1000, **row}])


class TestLimits:
    @pytest.mark.parametrize("limit", [0, -1, float("inf"), float("nan"), True, "100", None])
    def test_what_is_no_limit_is_not_taken_for_one(
        self, catalog: package.Catalog, limit: Any
    ) -> None:
        request = body(max_tokens=limit)
        assert details(catalog, request).most_completion_tokens == 16384

    def test_a_limit_below_what_providers_take_is_raised_by_them(
        self, catalog: package.Catalog
    ) -> None:
        assert details(catalog, body(max_tokens=1)).most_completion_tokens == 16

    def test_of_two_limits_the_higher_counts(self, catalog: package.Catalog) -> None:
        request = body(max_tokens=500, max_completion_tokens=100)
        assert details(catalog, request).most_completion_tokens == 500

    def test_a_thinking_budget_above_the_limit_comes_on_top(self, catalog: package.Catalog) -> None:
        request = body(SONNET, reasoning={"max_tokens": 2000})
        assert details(catalog, request).most_completion_tokens == 2100
        within = body(SONNET, reasoning={"max_tokens": 2000}, max_tokens=3000)
        assert details(catalog, within).most_completion_tokens == 3000

    @pytest.mark.parametrize(
        "fields",
        [
            {"reasoning": {"effort": "low"}},
            {"reasoning": {"enabled": True}},
            {"reasoning_effort": "high"},
        ],
    )
    def test_claude_thinks_with_1024_tokens_at_least(
        self, catalog: package.Catalog, fields: dict[str, Any]
    ) -> None:
        assert details(catalog, body(SONNET, **fields)).most_completion_tokens == 1124
        assert details(catalog, body(GPT, **fields)).most_completion_tokens == 100

    @pytest.mark.parametrize("reasoning", [{"effort": "none"}, {"exclude": True}])
    def test_without_thinking_there_is_none_on_top(
        self, catalog: package.Catalog, reasoning: dict[str, Any]
    ) -> None:
        request = body(SONNET, reasoning=reasoning)
        assert details(catalog, request).most_completion_tokens == 100

    def test_more_than_one_round_of_thinking_has_no_known_end(
        self, catalog: package.Catalog
    ) -> None:
        assert "reasoning.mode pro" in reason(catalog, body(reasoning={"mode": "pro"}))

    def test_rejected_tokens_of_a_prediction_are_output_too(self, catalog: package.Catalog) -> None:
        prediction = {"type": "content", "content": "word " * 1000}
        assert details(catalog, body(prediction=prediction)).most_completion_tokens > 1000

    @pytest.mark.parametrize("fields", [{"n": 3.0}, {"best_of": 3}, {"n": 2, "best_of": 3}])
    def test_answers_that_are_made_count_whether_shown_or_not(
        self, catalog: package.Catalog, fields: dict[str, Any]
    ) -> None:
        assert worst(catalog, body(**fields)) == 3 * worst(catalog, body())

    def test_pictures_are_not_held_by_max_tokens(self, catalog: package.Catalog) -> None:
        request = body("google/gemini-2.5-flash-image", max_tokens=10)
        assert details(catalog, request).most_completion_tokens == 32768
        drawn = Decimal("0.03870")  # 1,290 tokens, Google's for an image
        assert worst(catalog, request) > drawn

    def test_each_of_several_prompts_is_completed(self, catalog: package.Catalog) -> None:
        request = {"model": GPT, "prompt": ["one", "two", "three"], "max_tokens": 100}
        assert details(catalog, request, "/completions").most_completion_tokens == 300


class TestPrompts:
    def test_a_chat_s_plain_prompt_counts(self, catalog: package.Catalog) -> None:
        request = {"model": GPT, "prompt": "word " * 1000, "max_tokens": 10}
        assert details(catalog, request).most_prompt_tokens > 1000

    def test_what_comes_after_the_gap_counts(self, catalog: package.Catalog) -> None:
        request = {"model": GPT, "prompt": "a", "suffix": "word " * 1000, "max_tokens": 10}
        assert details(catalog, request, "/completions").most_prompt_tokens > 1000

    def test_a_message_object_counts_like_its_fields(self, catalog: package.Catalog) -> None:
        message = litellm.Message(role="assistant", content="word " * 1000)
        request = {"model": GPT, "messages": [message], "max_tokens": 10}
        assert details(catalog, request).most_prompt_tokens > 1000

    def test_content_that_is_one_part_and_no_list_counts(self, catalog: package.Catalog) -> None:
        part = {"type": "text", "text": "word " * 1000}
        assert details(catalog, body(content=part)).most_prompt_tokens > 1000

    def test_a_list_of_texts_may_be_longer_than_the_model_s_window(
        self, catalog: package.Catalog
    ) -> None:
        model = "openai/text-embedding-3-small"
        request = {"model": model, "input": ["word " * 4000] * 10}
        assert details(catalog, request, "/embeddings").most_prompt_tokens >= 40_000

    def test_documents_may_be_longer_than_the_model_s_window(self) -> None:
        request = {"model": "a/b", "query": "a bird", "documents": ["word " * 800] * 10}
        assert details(one_model(), request, "/rerank").most_prompt_tokens > 8000

    def test_a_rerank_of_many_documents_is_several_searches(self) -> None:
        catalog = one_model(
            pricing={"prompt": "0", "completion": "0", "request": "0.001"},
            context_length=1_000_000,
        )
        many = {"model": "a/b", "query": "bird", "documents": ["a bird"] * 250}
        long = {"model": "a/b", "query": "bird", "documents": ["word " * 600] * 100}
        assert worst(catalog, many, "/rerank") >= Decimal("0.003")
        assert worst(catalog, long, "/rerank") >= Decimal("0.002")

    def test_images_to_draw_from_count(self, catalog: package.Catalog) -> None:
        model = "google/gemini-2.5-flash-image"
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
        plain = {"model": model, "prompt": "a bird"}
        request = {**plain, "input_references": [image] * 2}
        more = details(catalog, request, "/images").most_prompt_tokens
        assert more > details(catalog, plain, "/images").most_prompt_tokens + 2 * 1290

    @pytest.mark.parametrize(
        "fields",
        [
            {"previous_response_id": "resp_1"},
            {"conversation": "conv_1"},
            {"prompt": {"id": "pmpt_1"}},
            {"input": [{"type": "item_reference", "id": "msg_1"}]},
        ],
    )
    def test_what_a_response_leans_on_is_as_long_as_it_can_be(
        self, catalog: package.Catalog, fields: dict[str, Any]
    ) -> None:
        request = {"model": GPT, "input": "Go on", "max_output_tokens": 10, **fields}
        assert details(catalog, request, "/responses").most_prompt_tokens == 128_000

    def test_an_image_that_a_tool_returns_is_an_image(self, catalog: package.Catalog) -> None:
        image = {"type": "input_image", "image_url": "https://example.com/a.png"}
        item = {"type": "function_call_output", "call_id": "c", "output": [image]}
        request = {"model": GPT, "input": [item], "max_output_tokens": 10}
        assert details(catalog, request, "/responses").most_prompt_tokens > 36_835

    def test_sound_that_lies_elsewhere_is_as_long_as_it_can_be(
        self, catalog: package.Catalog
    ) -> None:
        for held in ({"data": "https://example.com/a.mp3"}, {"url": "https://example.com"}):
            part = {"type": "input_audio", "input_audio": held}
            assert details(catalog, body(GEMINI, [part])).most_prompt_tokens == 1_048_576

    def test_tools_may_be_written_in_lines_or_as_a_type(self, catalog: package.Catalog) -> None:
        colours = {"type": "string", "enum": [str(number) for number in range(1000)]}
        function = {"name": "f", "parameters": {"type": "object", "properties": {"c": colours}}}
        tool = {"type": "function", "function": function}
        counted = len(tiktoken.get_encoding("o200k_base").encode(json.dumps(function, indent=4)))
        plain = details(catalog, body()).most_prompt_tokens
        assert details(catalog, body(tools=[tool])).most_prompt_tokens > plain + counted

    def test_only_openai_s_models_count_exactly_as_openai_s(self) -> None:
        row = {"id": "a/b", "architecture": {"tokenizer": "GPT"}}
        text = "0123456789" * 50
        request = {"model": "a/b", "messages": [{"role": "user", "content": text}], "max_tokens": 9}
        assert details(one_model(**row), request).most_prompt_tokens > 500


@lru_cache(maxsize=1)
def vocabularies() -> dict[str, tuple[str, Callable[[str], int]]]:
    """Those that are at hand, each with a family of those that it may stand for."""
    import litellm.litellm_core_utils.default_encoding  # It tells tiktoken where to look.
    from tokenizers import Tokenizer

    folder = Path(litellm.__file__).parent / "litellm_core_utils" / "tokenizers"
    claude = Tokenizer.from_file(str(folder / "anthropic_tokenizer.json"))
    found: dict[str, tuple[str, Callable[[str], int]]] = {
        "claude": ("Claude", lambda text: len(claude.encode(text, add_special_tokens=False).ids))
    }
    for name in ("cl100k_base", "p50k_base"):
        encoding = tiktoken.get_encoding(name)
        found[name] = ("Other", lambda text, one=encoding: len(one.encode_ordinary(text)))
    return found


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400) | st.text("aZ0 =-!?~\n\r\t\u00a0\u0416鳥🐦_.,{}", max_size=400))
@example("!?" * 100)
@example("~" * 100)
@example("\u00a0" * 100)
@example("\r\n" * 50)
@example(" \n" * 50)
@example("=" * 80 + "\n")
def test_no_vocabulary_at_hand_makes_more_tokens_than_the_worst(text: str) -> None:
    for name, (family, count) in vocabularies().items():
        _, most = tokenizers.measure(text, tokenizers.family(family, "a/b"))
        if "\ud800" <= max(text, default="a") <= "\udfff":
            continue
        assert count(text) <= most + prompt_tokens.MOST_PER_MESSAGE, name


class TestDocuments:
    def pdf(self, pages: int, *, packed: bool = False, extra: bytes = b"") -> str:
        """A PDF of empty pages, of some 60 bytes each."""
        objects = b"".join(
            b"%d 0 obj<</Type/Page/Parent 2 0 R>>endobj\n" % number
            for number in range(3, pages + 3)
        )
        if packed:
            stream = zlib.compress(objects)
            objects = b"1 0 obj<</Type/ObjStm/N %d/Filter/FlateDecode/Length %d>>stream\n" % (
                pages,
                len(stream),
            )
            objects += stream + b"\nendstream endobj\n"
        tree = b"2 0 obj<</Type/Pages/Count %d>>endobj\n" % pages
        content = b"%PDF-1.5\n" + extra + tree + objects + b"%%EOF"
        return "data:application/pdf;base64," + base64.b64encode(content).decode()

    @pytest.mark.parametrize("packed", [False, True])
    def test_many_small_pages_are_counted(self, catalog: package.Catalog, packed: bool) -> None:
        data = self.pdf(300, packed=packed)
        assert attachments.pages(data) == (300, 300)
        blind = "openai/gpt-3.5-turbo"  # reads no files: mistral-ocr does it
        part = {"type": "file", "file": {"file_data": data}}
        assert worst(catalog, body(blind, [part])) >= 300 * Decimal("0.002")

    @pytest.mark.parametrize(
        "data",
        [
            "data:application/pdf;base64,AAAA",
            "data:application/pdf;base64,A",
            "data:application/vnd.ms-word;base64," + "A" * 1000,
        ],
    )
    def test_what_can_t_be_counted_has_as_many_as_it_may(self, data: str) -> None:
        assert attachments.pages(data)[1] == attachments.MOST_PAGES

    def test_nor_can_a_locked_or_a_broken_one(self) -> None:
        locked = self.pdf(3, extra=b"9 0 obj<</Encrypt 1 0 R>>endobj\n")
        assert attachments.pages(locked)[1] == attachments.MOST_PAGES
        broken = b"7 0 obj<</Type/ObjStm/Filter/FlateDecode>>stream\nnothing endstream endobj\n"
        assert attachments.pages(self.pdf(3, extra=broken))[1] == attachments.MOST_PAGES
        nested = b"7 0 obj<</Type/ObjStm/DecodeParms<</Columns 4>>>>stream\n"
        assert attachments.pages(self.pdf(3, extra=nested))[1] == attachments.MOST_PAGES
        cut = self.pdf(3, packed=True)
        assert attachments.pages(cut[: len(cut) // 2 // 4 * 4])[1] == attachments.MOST_PAGES

    def test_a_page_named_twice_is_two(self) -> None:
        doubled = self.pdf(3, extra=b"9 0 obj<</Type/Pages/Count 40>>endobj\n")
        assert attachments.pages(doubled)[1] == 40

    def test_a_plain_text_has_no_pages(self, catalog: package.Catalog) -> None:
        data = "data:text/plain;base64," + base64.b64encode(b"word " * 1000).decode()
        found = details(catalog, body(content=[{"type": "file", "file": {"file_data": data}}]))
        assert found.most_surcharge == 0
        assert found.most_prompt_tokens > 5000

    def test_a_page_is_text_and_an_image(self, catalog: package.Catalog) -> None:
        part = {"type": "file", "file": {"file_data": self.pdf(1)}}
        assert details(catalog, body(content=[part])).most_prompt_tokens > 36_835

    def test_an_engine_that_costs_nothing(self, catalog: package.Catalog) -> None:
        part = {"type": "file", "file": {"file_data": self.pdf(3)}}
        for engine, surcharge in (("cloudflare-ai", "0"), ("pdf-text", "0"), ("native", "0.006")):
            parser = {"id": "file-parser", "pdf": {"engine": engine}}
            request = body("openai/gpt-3.5-turbo", [part], plugins=[parser])
            assert details(catalog, request).most_surcharge == Decimal(surcharge), engine


class TestPrices:
    def test_keeping_in_a_cache_comes_on_top_of_the_prompt(self, catalog: package.Catalog) -> None:
        pricing = catalog[GEMINI].pricing.base
        assert pricing["input_cache_write"] < pricing["prompt"]
        request = body(GEMINI)
        tokens_at_worst = details(catalog, request).most_prompt_tokens
        kept = tokens_at_worst * (pricing["prompt"] + pricing["input_cache_write"])
        assert worst(catalog, request) == kept + 100 * pricing["completion"]

    def test_a_cache_for_an_hour_is_dearer_where_no_price_says_so(self) -> None:
        pricing = {"prompt": "1", "completion": "0", "input_cache_write": "1.25"}
        catalog = one_model(pricing=pricing)
        request = body("a/b", cache_control={"type": "ephemeral", "ttl": "1h"})
        assert worst(catalog, request) == 2 * details(catalog, request).most_prompt_tokens

    def test_sound_in_a_film_has_its_own_price(self, catalog: package.Catalog) -> None:
        film = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
        audio = catalog[GEMINI].pricing.base["audio"]
        assert worst(catalog, body(GEMINI, [film])) > 1_048_576 * audio

    def test_a_ceiling_is_the_price_where_the_providers_are_not_known(
        self, catalog: package.Catalog
    ) -> None:
        plain = body(LLAMA)
        ceiling = body(LLAMA, provider={"max_price": {"prompt": 13, "completion": 38}})
        assert worst(catalog, ceiling) == 100 * worst(catalog, plain)
        found = package.estimate(ceiling, catalog=catalog)
        assert found.likely == package.estimate(plain, catalog=catalog).likely

    def test_a_ceiling_of_a_price_that_the_first_provider_lacks(
        self, catalog: package.Catalog
    ) -> None:
        limited = body(LLAMA, provider={"max_price": {"request": 0.5}})
        plain = package.estimate(body(LLAMA), catalog=catalog)
        found = package.estimate(limited, catalog=catalog)
        assert plain.worst is not None
        assert found.worst == plain.worst + Decimal("0.5")
        assert found.likely == plain.likely

    def test_a_free_model_stays_free_below_a_ceiling(self, catalog: package.Catalog) -> None:
        request = body(f"{LLAMA}:free", provider={"max_price": {"prompt": 1, "completion": 1}})
        assert worst(catalog, request) == 0

    @pytest.mark.parametrize(
        "pricing",
        [
            {"prompt": "0.000002", "completion": "0.000002", "discount": 0.5},
            {
                "prompt": "0.000002",
                "completion": "0.000002",
                "overrides": [
                    {"utc_start": 0, "utc_end": 2359, "prompt": "0.000001"},
                    {"utc_start": 0, "utc_end": 2359, "completion": "0.000001"},
                ],
            },
        ],
    )
    def test_a_provider_below_the_ceiling_at_some_hours_may_be_chosen(
        self, catalog: package.Catalog, pricing: dict[str, Any]
    ) -> None:
        cheap = {"prompt": "0.0000001", "completion": "0.0000001"}
        rows = [
            {"tag": "a", "pricing": cheap, "context_length": 1000},
            {"tag": "b", "pricing": pricing, "context_length": 1000},
        ]
        wide = catalog.with_endpoints({LLAMA: rows})
        request = body(LLAMA, provider={"max_price": {"prompt": 1, "completion": 1}})
        assert worst(wide, request) > 100 * Decimal("0.000001")

    @pytest.mark.parametrize(("asked", "sold"), [("fast", "priority"), ("ultrafast", "priority")])
    def test_a_tier_under_another_name(
        self, catalog: package.Catalog, asked: str, sold: str
    ) -> None:
        rows = [
            {"tag": "a", "pricing": {"prompt": "1", "completion": "1"}},
            {"tag": "b", "pricing": {"prompt": "2", "completion": "2"}, "service_tier": sold},
        ]
        wide = catalog.with_endpoints({GPT: [{**row, "context_length": 1000} for row in rows]})
        assert worst(wide, body(service_tier=asked)) == 2 * worst(wide, body())

    @pytest.mark.parametrize(
        "provider",
        [
            {"only": ["a", "b/global"]},
            {"order": ["a", "b/global"], "allow_fallbacks": False},
            {"ignore": ["b/global"]},
        ],
    )
    def test_a_part_of_a_provider_may_be_the_whole(
        self, catalog: package.Catalog, provider: dict[str, Any]
    ) -> None:
        rows = [
            {"tag": "a", "pricing": {"prompt": "1", "completion": "1"}},
            {"tag": "b", "pricing": {"prompt": "2", "completion": "2"}},
        ]
        wide = catalog.with_endpoints({GPT: [{**row, "context_length": 1000} for row in rows]})
        assert worst(wide, body(provider=provider)) == worst(wide, body())

    def test_a_speed_without_a_price(self, catalog: package.Catalog) -> None:
        assert "speed fast" in reason(catalog, body(SONNET, speed="fast"))

    def test_the_cheapest_price_has_every_condition_and_the_discount(self) -> None:
        pricing = prices.parse(
            {"prompt": "2", "discount": 0.5, "overrides": [{"utc_start": 1, "prompt": "1"}]}
        )
        assert pricing.lowest_rates() == {"prompt": Decimal("0.5")}


class TestFallbacks:
    def test_the_providers_of_each_model_must_be_known(
        self, catalog: package.Catalog, wide_catalog: package.Catalog
    ) -> None:
        known = {GPT: [endpoint.wire for endpoint in wide_catalog.endpoints(catalog[GPT])]}
        half = catalog.with_endpoints(known)
        assert details(half, body()).knows_endpoints
        assert not details(half, body(models=[LLAMA])).knows_endpoints
        assert details(wide_catalog, body(models=[LLAMA])).knows_endpoints


class TestSearches:
    def test_one_result_costs_a_whole_search(self, catalog: package.Catalog) -> None:
        free = "openai/gpt-oss-20b:free"
        one = {"id": "web", "engine": "exa", "max_results": 1}
        assert worst(catalog, body(free, plugins=[one])) == Decimal("0.007")
        five = {"id": "web", "engine": "exa"}
        assert worst(catalog, body(free, plugins=[five])) == Decimal("0.02")

    @pytest.mark.parametrize("options", [{"mode": "deep-reasoning"}, {"x_search": {}}])
    def test_a_search_of_another_kind_has_no_known_price(
        self, catalog: package.Catalog, options: dict[str, Any]
    ) -> None:
        assert "web search" in reason(catalog, body(plugins=[{"id": "web", **options}]))

    def test_only_claude_s_providers_obey_a_limit_of_searches(
        self, catalog: package.Catalog
    ) -> None:
        plugin = {"id": "web", "engine": "native", "max_uses": 1}
        for model, surcharge in ((SONNET, "0.01"), ("openai/gpt-5-mini", "0.1")):
            found = details(catalog, body(model, plugins=[plugin]))
            assert found.most_surcharge == Decimal(surcharge)

    def test_each_search_of_a_provider_reads_everything_again(
        self, catalog: package.Catalog
    ) -> None:
        def cost(searches: int) -> Decimal:
            plugin = {"id": "web", "engine": "native", "max_uses": searches}
            return worst(catalog, body(SONNET, plugins=[plugin]))

        read = catalog[SONNET].pricing.highest_rates(1_000_000)["input_cache_read"]
        assert cost(3) - cost(2) == 1_000_000 * read + Decimal("0.01")

    def test_a_larger_search_is_dearer_than_the_price_of_a_request(self) -> None:
        pricing = {"prompt": "0", "completion": "0", "request": "0.005"}
        catalog = one_model(id="perplexity/x", pricing=pricing)
        assert worst(catalog, body("perplexity/x")) >= Decimal("0.012")
        pricing = {"prompt": "0", "completion": "0", "web_search": "0.005"}
        catalog = one_model(id="perplexity/x", pricing=pricing)
        assert worst(catalog, body("perplexity/x")) == 10 * Decimal("0.005")

    def test_the_dearest_provider_s_search_counts(self, catalog: package.Catalog) -> None:
        rows = [
            {"tag": tag, "pricing": {"prompt": "0", "completion": "0", "web_search": search}}
            for tag, search in (("a", "0.01"), ("b", "0.05"))
        ]
        wide = catalog.with_endpoints({GPT: [{**row, "context_length": 1000} for row in rows]})
        assert worst(wide, body(web_search_options={})) == 10 * Decimal("0.05")

    def test_a_free_router_s_search_is_not_free(self, catalog: package.Catalog) -> None:
        request = body("openrouter/bodybuilder", plugins=[{"id": "web"}])
        assert package.estimate(request, catalog=catalog).worst != 0


class TestServerTools:
    stop = ({"type": "max_cost", "max_cost_in_dollars": 0.5},)

    def test_the_loop_ends_with_two_more_answers(self, catalog: package.Catalog) -> None:
        tools = [{"type": "openrouter:web_search"}]
        request = body(tools=tools, stop_server_tools_when=list(self.stop))
        pricing = catalog[GPT].pricing.base
        answer = 128_000 * pricing["prompt"] + 100 * pricing["completion"]
        assert worst(catalog, request) > Decimal("0.5") + 2 * answer + 10 * Decimal("0.007")

    def test_a_loop_may_reach_the_prices_of_long_prompts(self, catalog: package.Catalog) -> None:
        tools = [{"type": "openrouter:web_search"}]
        request = body(SONNET, tools=tools, stop_server_tools_when=list(self.stop))
        long = catalog[SONNET].pricing.highest_rates(1_000_000)["prompt"]
        assert worst(catalog, request) > 2 * 1_000_000 * long

    @pytest.mark.parametrize(
        "tool",
        [
            {"type": "openrouter:advisor"},
            {"type": "openrouter:web_search", "parameters": {"engine": "firecrawl"}},
            {"type": "openrouter:web_search", "parameters": {"mode": "deep"}},
        ],
    )
    def test_a_call_without_a_known_price_is_not_held_by_the_loop_s_limit(
        self, catalog: package.Catalog, tool: dict[str, Any]
    ) -> None:
        request = body(tools=[tool], stop_server_tools_when=list(self.stop))
        assert tool["type"] in reason(catalog, request)

    def test_a_limit_below_nothing_is_nothing(self, catalog: package.Catalog) -> None:
        tools = [{"type": "openrouter:datetime"}]
        stop = [{"type": "max_cost", "max_cost_in_dollars": -5}]
        request = body(tools=tools, stop_server_tools_when=stop)
        assert worst(catalog, request) > worst(catalog, body(tools=tools[:0]))


class TestRouters:
    def request(self, content: Any = "Name three birds.", **fields: Any) -> dict[str, Any]:
        ceilings = {"prompt": 2, "completion": 10}
        return body("openrouter/auto", content, provider={"max_price": ceilings}, **fields)

    def test_whoever_is_chosen_counts_tokens_like_the_worst(self, catalog: package.Catalog) -> None:
        text = "Name three birds. " * 1000
        chosen = details(catalog, body(SONNET, text)).most_prompt_tokens
        assert details(catalog, self.request(text)).most_prompt_tokens > chosen

    @pytest.mark.parametrize(
        ("part", "words"),
        [
            ({"type": "image_url", "image_url": {"url": "data:"}}, "image"),
            ({"type": "input_audio", "input_audio": {"data": "AAAA"}}, "audio"),
        ],
    )
    def test_images_and_sound_need_ceilings_of_their_own(
        self, catalog: package.Catalog, part: dict[str, Any], words: str
    ) -> None:
        assert words in reason(catalog, self.request([part]))

        def cost(ceiling: int) -> Decimal:
            request = self.request([part] * 3)
            request["provider"]["max_price"][words] = ceiling
            return worst(catalog, request)

        tokens = 3 * (32 + 3 * 32 // 750)  # A second each for what may lie in three bytes.
        assert cost(2) - cost(1) == {"image": 3, "audio": tokens}[words]

    @pytest.mark.parametrize(
        "fields",
        [
            {"plugins": [{"id": "web"}]},
            {"web_search_options": {}},
            {"modalities": ["image", "text"]},
            {"modalities": ["text", "audio"]},
            {
                "tools": [{"type": "openrouter:web_search"}],
                "stop_server_tools_when": [{"type": "max_cost", "max_cost_in_dollars": 1}],
            },
        ],
    )
    def test_what_no_ceiling_holds(self, catalog: package.Catalog, fields: dict[str, Any]) -> None:
        assert reason(catalog, self.request(**fields))

    def test_a_router_that_searches_is_not_held_either(self, catalog: package.Catalog) -> None:
        request = self.request()
        request["model"] = "openrouter/auto:online"
        assert "search" in reason(catalog, request)

    def test_exa_s_search_is_known_for_any_model(self, catalog: package.Catalog) -> None:
        request = self.request(plugins=[{"id": "web", "engine": "exa"}])
        assert worst(catalog, request) > Decimal("0.02")


class TestWhatIsSent:
    def test_a_keyword_wins_over_extra_body(self, catalog: package.Catalog) -> None:
        plain = worst(catalog, body())
        assert worst(catalog, body(extra_body={"max_tokens": 10})) == plain
        unlimited = body()
        del unlimited["max_tokens"]
        assert worst(catalog, {**unlimited, "extra_body": {"max_tokens": 100}}) == plain

    def test_a_line_without_a_url_is_a_chat(self, catalog: package.Catalog) -> None:
        assert worst(catalog, {"custom_id": "1", "body": body()}) == worst(catalog, body())
