"""The cost of a request besides its model's tokens: web search, PDF parsing, server tools.

See https://openrouter.ai/docs/guides/features/plugins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.prices import ZERO
from openrouter_adapter.money import decimal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openrouter_adapter.catalog.catalog import Model
    from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt
    from openrouter_adapter.catalog.prices import Rates

EXA_RESULT: Final = Decimal("0.004")
"""USD for one result of the web plugin."""
# USD for one search by exa with its first ten results, and for each further result. The first is
# from a recorded bill, both are exa's prices. The worst case is the higher of the two calculations.
_EXA_SEARCH: Final = Decimal("0.007")
_EXA_SEARCH_RESULTS: Final = 10
_EXA_FURTHER_RESULT: Final = Decimal("0.001")
# Modes that search more than once have a price of their own.
_USUAL_MODES: Final = (None, "auto", "basic", "fast", "instant", "turbo")
DEFAULT_RESULTS: Final = 5
OCR_PAGE: Final = Decimal("0.002")
"""USD for a page of a PDF that mistral-ocr reads; from a recorded bill."""
MOST_SEARCHES: Final = 10
"""How often a provider may search in a request that sets no limit; an assumption."""
# Five results in a recording made the prompt 2,200 tokens longer.
_RESULT_TOKENS: Final = 450
_MOST_RESULT_TOKENS: Final = 4000
_FREE_PLUGINS: Final = frozenset(
    {"response-healing", "context-compression", "moderation", "auto-router", "auto-beta-router"}
)
SEARCHING_AUTHORS: Final = frozenset({"perplexity"})
"""Authors whose models always search."""
# Authors whose models obey `max_uses`.
_OBEDIENT_AUTHORS: Final = frozenset({"anthropic"})
# Plugins that the model runs as a tool, any number of times.
_TOOLS_OF_PLUGINS: Final = {"web-fetch": "openrouter:web_fetch"}
# Search engines of the web plugin; native and exa have known prices.
_ENGINES: Final = (None, "auto", "exa", "native")
_FREE_PDF_ENGINES: Final = ("cloudflare-ai", "pdf-text")
# Server tools whose calls have a known price. Others call models or run machines.
_SEARCH_TOOLS: Final = frozenset({"openrouter:web_search", "web_search"})
# Tools of Messages: run by the caller, and by the provider of Anthropic's models.
_DATE: Final = re.compile(r"_\d{8}$")
_OF_CLIENT: Final = re.compile(r"(bash|text_editor|computer|memory)_\d{8}")
_ANTHROPICS: Final = re.compile(r"(web_search|web_fetch|tool_search_tool)(?:_bm25|_regex)?_\d{8}")
_CHEAP_TOOLS: Final = {"openrouter:datetime": ZERO, "openrouter:web_fetch": Decimal("0.001")}
_WITHOUT_LIMIT: Final = "how often it runs, and at which cost, is not known in advance"


@dataclass(slots=True)
class Surcharge:
    """Costs in addition to the tokens, in USD.

    Attributes:
        likely: The likely cost.
        worst: The cost in the worst case, without unknown costs.
        unknown_because: Why the worst case is unknown; None if it is known.
        loop_limit: The cost at which OpenRouter stops the loop of server tools; None without one.
    """

    likely: Decimal = ZERO
    worst: Decimal = ZERO
    unknown_because: str | None = None
    loop_limit: Decimal | None = None

    def add(self, likely: Decimal, worst: Decimal) -> None:
        """Adds USD."""
        self.likely += likely
        self.worst += worst


NONE: Final = Surcharge()
"""The surcharges of a request that costs nothing besides tokens."""


def of_request(
    body: Mapping[str, Any],
    model: Model | None,
    variants: frozenset[str],
    prompt: Prompt,
    rates: Rates,
) -> Surcharge:
    """The surcharges of plugins, server tools, searches and files; their tokens go to the prompt.

    Args:
        body: The request's body.
        model: The model; None if a router chooses it.
        variants: The dynamic variants in the model's name.
        prompt: The request's prompt; the results of searches are added to it.
        rates: The model's highest prices, USD.
    """
    return _Sum(model, prompt, rates).of(body, variants)


@dataclass(slots=True)
class _Sum:
    """Adds up the surcharges of one request.

    Attributes:
        model: The model; None if a router chooses it.
        prompt: The request's prompt; the results of searches are added to it.
        rates: The model's highest prices, USD.
        found: The sum.
    """

    model: Model | None
    prompt: Prompt
    rates: Rates
    found: Surcharge = field(default_factory=Surcharge)

    def of(self, body: Mapping[str, Any], variants: frozenset[str]) -> Surcharge:
        plugins = _plugins_of(body, variants)
        tools = list(_server_tools_in(body.get("tools")))
        for name, plugin in plugins.items():
            if name == "web":
                self._web(plugin)
            elif name in _TOOLS_OF_PLUGINS:
                tools.append({"type": _TOOLS_OF_PLUGINS[name], "parameters": plugin})
            elif name not in _FREE_PLUGINS and name != "file-parser":
                self.found.unknown_because = f"plugin {name}: {_WITHOUT_LIMIT}"
        if self.prompt.pages:
            self._files(plugins.get("file-parser"))
        tools = [tool for tool in tools if not self._is_anthropics(tool)]
        if tools:
            self._server_tools(tools, body.get("stop_server_tools_when"))
        if body.get("web_search_options") is not None:
            self._native_search({})
        elif self.model is not None and self.model.author in SEARCHING_AUTHORS:
            # The price of a request includes one search. Deep research makes more and reads their
            # results, and a larger `search_context_size` is more expensive.
            search = max(self.rates.get("web_search", ZERO), self.rates.get("request", ZERO))
            self.found.add(ZERO, MOST_SEARCHES * search)
            self.prompt.fills_window = True
        return self.found

    def _web(self, plugin: Mapping[str, Any]) -> None:
        engine = plugin.get("engine")
        self.found.unknown_because = _unpriced_search(plugin) or self.found.unknown_because
        # OpenRouter searches for a model whose provider doesn't.
        is_native = engine != "exa" and (self.model is None or "web_search" in self.rates)
        if is_native:
            self._native_search(plugin)
        if not is_native or engine != "native":
            number = _positive(plugin.get("max_results")) or DEFAULT_RESULTS
            price = number * EXA_RESULT
            self.found.add(ZERO if is_native else price, max(price, _exa_search(number)))
            likely = 0 if is_native else number * _RESULT_TOKENS
            self.prompt.add(likely, number * _MOST_RESULT_TOKENS)

    def _is_anthropics(self, tool: Mapping[str, Any]) -> bool:
        """Whether Anthropic's models run a tool within the request; adds the surcharge if they do.

        For other authors' models OpenRouter runs such tools, like its own.
        """
        if self.model is None or self.model.author not in _OBEDIENT_AUTHORS:
            return False
        found = _ANTHROPICS.fullmatch(tool["type"])
        if found is None:
            return False
        if found[1] != "tool_search_tool":
            self._native_search(tool, is_paid=found[1] == "web_search")
        return True

    def _native_search(self, plugin: Mapping[str, Any], *, is_paid: bool = True) -> None:
        if self.model is None:
            self.found.unknown_because = "web search by a provider that is not known in advance"
            return
        obeys = self.model.author in _OBEDIENT_AUTHORS
        number = (_positive(plugin.get("max_uses")) if obeys else None) or MOST_SEARCHES
        price = self.rates.get("web_search", ZERO) if is_paid else ZERO
        self.found.add(price, number * price)
        # The results of a provider's own search are input, billed again with the next search.
        self.prompt.add(DEFAULT_RESULTS * _RESULT_TOKENS, 0)
        self.prompt.fills_window = True
        self.prompt.searches += number

    def _files(self, parser: Mapping[str, Any] | None) -> None:
        pdf = (parser or {}).get("pdf")
        engine = pdf.get("engine") if isinstance(pdf, dict) else None
        reads_files = self.model is not None and "file" in self.model.input_modalities
        if engine in _FREE_PDF_ENGINES or (engine == "native" and reads_files):
            return
        likely = self.prompt.pages if engine is not None or not reads_files else 0
        self.found.add(likely * OCR_PAGE, self.prompt.most_pages * OCR_PAGE)

    def _server_tools(self, tools: list[Mapping[str, Any]], conditions: Any) -> None:
        reason = f"tool {', '.join(sorted({tool['type'] for tool in tools}))}: {_WITHOUT_LIMIT}"
        limit = _cost_limit(conditions)
        calls = [_most_per_step(tool, self.rates) for tool in tools]
        known = [price for price in calls if price is not None]
        if len(known) < len(calls):
            self.found.unknown_because = reason
        elif limit is None:
            self.found.unknown_because = (
                f"{reason} (stop_server_tools_when with max_cost sets a limit)"
            )
        else:
            self.found.loop_limit = limit
            self.found.add(ZERO, sum(known, ZERO))


def _plugins_of(body: Mapping[str, Any], variants: frozenset[str]) -> dict[str, Mapping[str, Any]]:
    """The enabled plugins of a request by id; `:online` stands for the web plugin."""
    given = body.get("plugins")
    if isinstance(given, dict):
        given = [
            {**(options if isinstance(options, dict) else {}), "id": name}
            for name, options in given.items()
        ]
    found: dict[str, Mapping[str, Any]] = {
        str(plugin.get("id")): plugin
        for plugin in (given if isinstance(given, list) else ())
        if isinstance(plugin, dict) and plugin.get("enabled") is not False
    }
    if "online" in variants:
        found.setdefault("web", {"id": "web"})
    return found


def _unpriced_search(options: Mapping[str, Any]) -> str | None:
    """Why the price of a search is unknown; None if it is known."""
    engine = options.get("engine")
    if engine not in _ENGINES:
        return f"web search by {engine}: its price is not in the catalogue"
    if options.get("mode") not in _USUAL_MODES or options.get("x_search") is not None:
        return "web search with a mode or with x_search: its price is not in the catalogue"
    return None


def _exa_search(results: int) -> Decimal:
    return _EXA_SEARCH + max(0, results - _EXA_SEARCH_RESULTS) * _EXA_FURTHER_RESULT


def _positive(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _server_tools_in(tools: Any) -> Iterator[Mapping[str, Any]]:
    for tool in tools if isinstance(tools, list) else ():
        kind = tool.get("type") if isinstance(tool, dict) else None
        if not isinstance(kind, str) or kind in {"function", "custom"}:
            continue
        if _OF_CLIENT.fullmatch(kind):
            continue
        yield tool


def _cost_limit(conditions: Any) -> Decimal | None:
    """The cost at which the loop of server tools stops, USD: the lowest, because any stops it."""
    limits = [
        decimal(condition.get("max_cost_in_dollars"))
        for condition in (conditions if isinstance(conditions, list) else ())
        if isinstance(condition, dict) and condition.get("type") == "max_cost"
    ]
    return min([max(ZERO, limit) for limit in limits if limit is not None], default=None)


def _most_per_step(tool: Mapping[str, Any], rates: Rates) -> Decimal | None:
    """Cost of the calls of a server tool that one answer may make, USD; None if unknown."""
    kind = _DATE.sub("", tool["type"])
    given = tool.get("parameters")
    options = given if isinstance(given, dict) else tool
    number = _positive(options.get("max_uses")) or MOST_SEARCHES
    if kind in _CHEAP_TOOLS:
        return number * _CHEAP_TOOLS[kind]
    if kind not in _SEARCH_TOOLS or _unpriced_search(options):
        return None
    results = _positive(options.get("max_results")) or DEFAULT_RESULTS
    return number * max(_exa_search(results), rates.get("web_search", ZERO))
