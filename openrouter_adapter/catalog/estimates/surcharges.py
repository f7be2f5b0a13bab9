"""What a request costs beside its model's tokens: web search, PDF parsing, server tools.

See https://openrouter.ai/docs/guides/features/plugins.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.prices import ZERO, decimal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt
    from openrouter_adapter.catalog.models import Model
    from openrouter_adapter.catalog.prices import Rates

EXA_RESULT: Final = Decimal("0.004")
"""USD for one result of the web plugin."""
# USD for one search by exa, the first ten results included, and for each further one; the first
# is from a recorded bill, both are exa's own prices. The worst is the dearer of the two ways.
_EXA_SEARCH: Final = Decimal("0.007")
_EXA_SEARCH_RESULTS: Final = 10
_EXA_FURTHER_RESULT: Final = Decimal("0.001")
# Modes of search that ask more than once have a price of their own.
_USUAL_MODES: Final = (None, "auto", "basic", "fast", "instant", "turbo")
DEFAULT_RESULTS: Final = 5
OCR_PAGE: Final = Decimal("0.002")
"""USD for a PDF's page read by mistral-ocr; from a recorded bill."""
MOST_SEARCHES: Final = 10
"""How often a provider's own search may run in a request that doesn't say; an assumption."""
# Five recorded results made a prompt 2,200 tokens longer.
_RESULT_TOKENS: Final = 450
_MOST_RESULT_TOKENS: Final = 4000
_FREE_PLUGINS: Final = frozenset(
    {"response-healing", "context-compression", "moderation", "auto-router", "auto-beta-router"}
)
_SEARCHING_AUTHORS: Final = frozenset({"perplexity"})
# Those who obey `max_uses`.
_OBEDIENT_AUTHORS: Final = frozenset({"anthropic"})
# Plugins that the model runs as a tool, as often as it likes.
_TOOLS_OF_PLUGINS: Final = {"web-fetch": "openrouter:web_fetch"}
# Who searches for the web plugin; native and exa have known prices.
_ENGINES: Final = (None, "auto", "exa", "native")
_FREE_PDF_ENGINES: Final = ("cloudflare-ai", "pdf-text")
# Server tools whose calls have a known price; others ask models or rent machines.
_SEARCH_TOOLS: Final = frozenset({"openrouter:web_search", "web_search"})
_CHEAP_TOOLS: Final = {"openrouter:datetime": ZERO, "openrouter:web_fetch": Decimal("0.001")}
_WITHOUT_LIMIT: Final = "how often it is run, and with which cost, is not known beforehand"


@dataclass(slots=True)
class Surcharge:
    """USD on top of the tokens.

    Attributes:
        likely: USD.
        worst: USD; what is unknown is not in it.
        unknown_because: Why there is no worst, None where there is one.
        loop_limit: USD after which OpenRouter stops running server tools; None without such.
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
"""Of a request that asks for nothing beside tokens."""


def are_due(
    body: Mapping[str, Any], model: Model | None, variants: frozenset[str], prompt: Prompt
) -> bool:
    """Whether a request asks for anything beside tokens."""
    return bool(
        prompt.pages
        or variants
        or any(map(body.get, ("plugins", "tools")))
        or body.get("web_search_options") is not None
        or (model is not None and model.author in _SEARCHING_AUTHORS)
    )


def plugins_of(body: Mapping[str, Any], variants: frozenset[str]) -> dict[str, Mapping[str, Any]]:
    """The plugins of a request by id; `:online` is the web plugin, switched-off ones are not in."""
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


def of_request(
    body: Mapping[str, Any],
    model: Model | None,
    variants: frozenset[str],
    prompt: Prompt,
    rates: Rates,
) -> Surcharge:
    """What plugins, server tools, searches and files add; lengthens the prompt where they do.

    Args:
        body: The request's body.
        model: Who answers, None for whoever is chosen.
        variants: The dynamic variants in the model's name.
        prompt: The request's prompt; results and pages are added to it.
        rates: The model's dearest prices, USD.
    """
    surcharge = Surcharge()
    plugins = plugins_of(body, variants)
    tools = list(_server_tools_in(body.get("tools")))
    for name, plugin in plugins.items():
        if name == "web":
            _web(surcharge, plugin, model, prompt, rates)
        elif name in _TOOLS_OF_PLUGINS:
            tools.append({"type": _TOOLS_OF_PLUGINS[name], "parameters": plugin})
        elif name not in _FREE_PLUGINS and name != "file-parser":
            surcharge.unknown_because = f"plugin {name}: {_WITHOUT_LIMIT}"
    if prompt.pages:
        _files(surcharge, plugins.get("file-parser"), model, prompt)
    if tools:
        _server_tools(surcharge, tools, body, rates)
    if body.get("web_search_options") is not None:
        _native_search(surcharge, {}, model, prompt, rates)
    elif model is not None and model.author in _SEARCHING_AUTHORS:
        # The price of a request has one search in it; deep research makes more, and reads them,
        # and a larger `search_context_size` is dearer.
        search = max(rates.get("web_search", ZERO), rates.get("request", ZERO))
        surcharge.add(ZERO, MOST_SEARCHES * search)
        prompt.fills_window = True
    return surcharge


def _web(
    surcharge: Surcharge,
    plugin: Mapping[str, Any],
    model: Model | None,
    prompt: Prompt,
    rates: Rates,
) -> None:
    engine = plugin.get("engine")
    surcharge.unknown_because = _unpriced_search(plugin) or surcharge.unknown_because
    # OpenRouter searches by itself for a model whose provider doesn't.
    is_native = engine != "exa" and (model is None or "web_search" in rates)
    if is_native:
        _native_search(surcharge, plugin, model, prompt, rates)
    if not is_native or engine != "native":
        number = _positive(plugin.get("max_results")) or DEFAULT_RESULTS
        price = number * EXA_RESULT
        surcharge.add(ZERO if is_native else price, max(price, _exa_search(number)))
        prompt.add(0 if is_native else number * _RESULT_TOKENS, number * _MOST_RESULT_TOKENS)


def _native_search(
    surcharge: Surcharge,
    plugin: Mapping[str, Any],
    model: Model | None,
    prompt: Prompt,
    rates: Rates,
) -> None:
    if model is None:
        surcharge.unknown_because = "web search by a provider that is not known beforehand"
        return
    uses = _positive(plugin.get("max_uses")) if model.author in _OBEDIENT_AUTHORS else None
    number = uses or MOST_SEARCHES
    price = rates.get("web_search", ZERO)
    surcharge.add(price, number * price)
    # What a provider's search brings is read, and billed, as input, and again with the next one.
    prompt.add(DEFAULT_RESULTS * _RESULT_TOKENS, 0)
    prompt.fills_window = True
    prompt.searches += number


def _unpriced_search(options: Mapping[str, Any]) -> str | None:
    """What is asked of a search that has no known price, None for nothing."""
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


def _files(
    surcharge: Surcharge, parser: Mapping[str, Any] | None, model: Model | None, prompt: Prompt
) -> None:
    pdf = (parser or {}).get("pdf")
    engine = pdf.get("engine") if isinstance(pdf, dict) else None
    reads_files = model is not None and "file" in model.input_modalities
    if engine in _FREE_PDF_ENGINES or (engine == "native" and reads_files):
        return
    is_likely = engine is not None or not reads_files
    surcharge.add(prompt.pages * OCR_PAGE if is_likely else ZERO, prompt.most_pages * OCR_PAGE)


def _server_tools(
    surcharge: Surcharge, tools: list[Mapping[str, Any]], body: Mapping[str, Any], rates: Rates
) -> None:
    kinds = ", ".join(sorted({tool["type"] for tool in tools}))
    limit = _cost_limit(body.get("stop_server_tools_when"))
    calls = [_most_per_step(tool, rates) for tool in tools]
    known = [price for price in calls if price is not None]
    if len(known) < len(calls):
        surcharge.unknown_because = f"tool {kinds}: {_WITHOUT_LIMIT}"
    elif limit is None:
        surcharge.unknown_because = (
            f"tool {kinds}: {_WITHOUT_LIMIT} (stop_server_tools_when with max_cost sets a limit)"
        )
    else:
        surcharge.loop_limit = limit
        surcharge.add(ZERO, sum(known, ZERO))


def _server_tools_in(tools: Any) -> Iterator[Mapping[str, Any]]:
    for tool in tools if isinstance(tools, list) else ():
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str) and kind not in {"function", "custom"}:
            yield tool


def _cost_limit(conditions: Any) -> Decimal | None:
    """USD after which the loop of server tools is stopped; any condition that is met stops it."""
    limits = [
        decimal(condition.get("max_cost_in_dollars"))
        for condition in (conditions if isinstance(conditions, list) else ())
        if isinstance(condition, dict) and condition.get("type") == "max_cost"
    ]
    return min([max(ZERO, limit) for limit in limits if limit is not None], default=None)


def _most_per_step(tool: Mapping[str, Any], rates: Rates) -> Decimal | None:
    """USD for the calls that one answer may ask of a server tool, None where that is not known."""
    kind = tool["type"]
    given = tool.get("parameters")
    options = given if isinstance(given, dict) else tool
    number = _positive(options.get("max_uses")) or MOST_SEARCHES
    if kind in _CHEAP_TOOLS:
        return number * _CHEAP_TOOLS[kind]
    if kind not in _SEARCH_TOOLS or _unpriced_search(options):
        return None
    results = _positive(options.get("max_results")) or DEFAULT_RESULTS
    return number * max(_exa_search(results), rates.get("web_search", ZERO))
