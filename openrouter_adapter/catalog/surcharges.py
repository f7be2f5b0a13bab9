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

    from openrouter_adapter.catalog.models import Model
    from openrouter_adapter.catalog.prices import Rates
    from openrouter_adapter.catalog.prompts import Prompt

EXA_RESULT: Final = Decimal("0.004")
"""USD for one result of OpenRouter's own web search."""
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
_LENGTHENING_PLUGINS: Final = frozenset({"web-fetch"})
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


def plugins_of(body: Mapping[str, Any], variants: frozenset[str]) -> dict[str, Mapping[str, Any]]:
    """The plugins of a request by id; `:online` is the web plugin, switched-off ones are not in."""
    given = body.get("plugins")
    if isinstance(given, dict):
        given = [{**options, "id": name} for name, options in given.items()]
    found: dict[str, Mapping[str, Any]] = {
        str(plugin.get("id")): plugin
        for plugin in given or ()
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
    plugins = plugins_of(body, variants) if body.get("plugins") or variants else {}
    for name, plugin in plugins.items():
        if name == "web":
            _web(surcharge, plugin, prompt, rates)
        elif name in _LENGTHENING_PLUGINS:
            prompt.fills_window = True
        elif name not in _FREE_PLUGINS and name != "file-parser":
            surcharge.unknown_because = f"plugin {name}: {_WITHOUT_LIMIT}"
    if prompt.pages:
        _files(surcharge, plugins.get("file-parser"), model, prompt)
    if body.get("tools"):
        _server_tools(surcharge, body)
    if body.get("web_search_options") is not None:
        _native_search(surcharge, {}, prompt, rates)
    elif model is not None and model.author in _SEARCHING_AUTHORS:
        # The price of a request has one search in it; deep research makes more, and reads them.
        surcharge.add(ZERO, MOST_SEARCHES * rates.get("web_search", ZERO))
        prompt.fills_window = True
    return surcharge


def _web(surcharge: Surcharge, plugin: Mapping[str, Any], prompt: Prompt, rates: Rates) -> None:
    engine = plugin.get("engine")
    if engine not in {None, "exa", "native"}:
        surcharge.unknown_because = f"web search by {engine}: its price is not in the catalogue"
    # OpenRouter searches by itself for a model whose provider doesn't.
    is_native = engine != "exa" and "web_search" in rates
    if is_native:
        _native_search(surcharge, plugin, prompt, rates)
    if not is_native or engine != "native":
        results = plugin.get("max_results")
        number = results if isinstance(results, int) and results > 0 else DEFAULT_RESULTS
        price = number * EXA_RESULT
        surcharge.add(ZERO if is_native else price, price)
        prompt.add(0 if is_native else number * _RESULT_TOKENS, number * _MOST_RESULT_TOKENS)


def _native_search(
    surcharge: Surcharge, plugin: Mapping[str, Any], prompt: Prompt, rates: Rates
) -> None:
    uses = plugin.get("max_uses")
    number = uses if isinstance(uses, int) and uses > 0 else MOST_SEARCHES
    price = rates.get("web_search", ZERO)
    surcharge.add(price, number * price)
    # What a provider's search brings is read, and billed, as input.
    prompt.add(DEFAULT_RESULTS * _RESULT_TOKENS, 0)
    prompt.fills_window = True


def _files(
    surcharge: Surcharge, parser: Mapping[str, Any] | None, model: Model | None, prompt: Prompt
) -> None:
    pdf = (parser or {}).get("pdf")
    engine = pdf.get("engine") if isinstance(pdf, dict) else None
    if engine not in {"native", "pdf-text"}:
        reads_files = model is not None and "file" in model.input_modalities
        is_likely = engine is not None or not reads_files
        surcharge.add(prompt.pages * OCR_PAGE if is_likely else ZERO, prompt.most_pages * OCR_PAGE)


def _server_tools(surcharge: Surcharge, body: Mapping[str, Any]) -> None:
    kinds = sorted(set(_kinds_of_server_tools(body["tools"])))
    if not kinds:
        return
    limits = [
        decimal(condition.get("max_cost_in_dollars"))
        for condition in body.get("stop_server_tools_when") or ()
        if isinstance(condition, dict) and condition.get("type") == "max_cost"
    ]
    known = [limit for limit in limits if limit is not None]
    if known:
        surcharge.loop_limit = min(known)
    else:
        surcharge.unknown_because = (
            f"tool {', '.join(kinds)}: {_WITHOUT_LIMIT} (stop_server_tools_when with max_cost "
            "sets a limit)"
        )


def _kinds_of_server_tools(tools: Any) -> Iterator[str]:
    for tool in tools if isinstance(tools, list) else ():
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str) and kind not in {"function", "custom"}:
            yield kind
