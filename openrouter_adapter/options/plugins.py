"""The `plugins` option: what OpenRouter does to a request or its answer in addition to the model.

An unknown plugin is sent unchanged.
"""
# ruff: noqa: TC001 -- pydantic reads these types when the program runs

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import Required, TypedDict

from openrouter_adapter.options.vocabulary import (
    ArmorFailure,
    ArmorOutput,
    CompressionEngine,
    CostTier,
    Enforcement,
    FusionPreset,
    LocationType,
    PdfEngine,
    PriceSource,
    SwitchyardAlgorithm,
    WatchedField,
    WebEngine,
    WebMode,
)


class Location(TypedDict, total=False):
    """The approximate location of the user."""

    type: Required[LocationType]
    """Always `approximate`."""
    city: str | None
    region: str | None
    country: str | None
    timezone: str | None


class XSearch(TypedDict, total=False):
    """Search of X (Twitter) in addition to native web search; xAI's models only, billed by xAI."""

    allowed_x_handles: list[str]
    """At most 20; not together with `excluded_x_handles`."""
    excluded_x_handles: list[str]
    """At most 20; not together with `allowed_x_handles`."""
    enable_image_understanding: bool
    enable_video_understanding: bool
    from_date: str
    """First day, ISO 8601."""
    to_date: str
    """Last day, ISO 8601."""


class WebPlugin(TypedDict, total=False):
    """Gives web search results to the model.

    Engine exa costs USD 4 per 1,000 results, on free models too; native search costs what the
    provider asks. https://openrouter.ai/docs/guides/features/plugins/web-search
    """

    id: Required[Literal["web"]]
    enabled: bool
    """False switches off a plugin that the account has on by default."""
    engine: WebEngine
    """Default: the provider's native search if it has one, else exa."""
    max_results: int
    """How many results (default 5)."""
    max_uses: int
    """The maximum number of searches in a turn, if the provider counts them."""
    mode: WebMode
    """The depth of the search; each engine accepts some of these words."""
    search_prompt: str
    """The text that introduces the results to the model."""
    include_domains: list[str]
    exclude_domains: list[str]
    user_location: Location | None
    x_search: XSearch


class WebFetchPlugin(TypedDict, total=False):
    """Lets the model fetch pages.

    https://openrouter.ai/docs/guides/features/plugins
    """

    id: Required[Literal["web-fetch"]]
    allowed_domains: list[str]
    blocked_domains: list[str]
    max_content_tokens: int
    """The approximate length in tokens beyond which a page is cut."""
    max_uses: int
    """The maximum number of pages that a request may fetch."""


class PdfOptions(TypedDict, total=False):
    """The engine that reads PDFs."""

    engine: PdfEngine
    """`pdf-text` is free, `mistral-ocr` is billed by the page, `native` as input tokens."""


class FileParserPlugin(TypedDict, total=False):
    """Reads files for the model.

    https://openrouter.ai/docs/guides/overview/multimodal/pdfs
    """

    id: Required[Literal["file-parser"]]
    enabled: bool
    pdf: PdfOptions


class ResponseHealingPlugin(TypedDict, total=False):
    """Repairs invalid JSON in answers to a JSON schema that aren't streamed.

    https://openrouter.ai/docs/guides/features/plugins/response-healing
    """

    id: Required[Literal["response-healing"]]
    enabled: bool


class ContextCompressionPlugin(TypedDict, total=False):
    """Makes a prompt fit the model's context; the successor of `transforms`.

    https://openrouter.ai/docs/guides/features/message-transforms
    """

    id: Required[Literal["context-compression"]]
    enabled: bool
    engine: CompressionEngine


class ModerationPlugin(TypedDict, total=False):
    """Moderates the request.

    https://openrouter.ai/docs/guides/features/plugins
    """

    id: Required[Literal["moderation"]]


class AutoRouterPlugin(TypedDict, total=False):
    """Settings of the model `openrouter/auto`.

    https://openrouter.ai/docs/guides/features/routers/auto-router
    """

    id: Required[Literal["auto-router"]]
    enabled: bool
    allowed_models: list[str]
    """Model names or patterns such as `anthropic/*`."""
    excluded_models: list[str]
    """The same; these take precedence."""
    cost_tier: CostTier
    """A fifth of the price range, from `low` to `max`."""
    cost_quality_tradeoff: int
    """0 to 10, higher is cheaper; replaced by `cost_tier`."""
    pin_model: bool
    """Keep the model that wrote the last assistant message (default false)."""


class AutoBetaRouterPlugin(TypedDict, total=False):
    """Settings of the next version of the auto router.

    https://openrouter.ai/docs/guides/features/routers/auto-router
    """

    id: Required[Literal["auto-beta-router"]]
    enabled: bool
    allowed_models: list[str]
    excluded_models: list[str]
    cost_tier: CostTier
    cost_quality_tradeoff: int


class ParetoRouterPlugin(TypedDict, total=False):
    """Chooses among coding models on the frontier of price and quality."""

    id: Required[Literal["pareto-router"]]
    enabled: bool
    max_price: float
    """USD per million prompt tokens; replaces `min_coding_score`."""
    min_coding_score: float
    """0 to 1."""
    price_source: PriceSource


class JevRouterPlugin(TypedDict, total=False):
    """Chooses among a pool of models."""

    id: Required[Literal["jev-router"]]
    models: list[str]
    allowed_models: list[str]
    """Added to `models`."""
    excluded_models: list[str]
    cost_tier: str


class SwitchyardRouterPlugin(TypedDict, total=False):
    """Chooses between an efficient and a capable model."""

    id: Required[Literal["switchyard-router"]]
    algorithm: SwitchyardAlgorithm
    judge_model: str
    """The model that decides; its call is billed, too."""


class ServerTool(TypedDict, total=False):
    """A tool that OpenRouter runs."""

    type: Required[str]
    """Such as `openrouter:web_search`."""
    parameters: dict[str, Any]


class FusionPlugin(TypedDict, total=False):
    """Settings of `openrouter/fusion`, which calls several models and merges their answers."""

    id: Required[Literal["fusion"]]
    enabled: bool
    preset: FusionPreset
    analysis_models: list[str]
    """The models to call, at most 8."""
    model: str
    """The model that merges the answers."""
    max_tool_calls: int
    """Steps with tools for each model (default 4, at most 16)."""
    tools: list[ServerTool]
    """Default: web search and web fetch; an empty list means none."""


class AlignmentRule(TypedDict, total=False):
    """One rule for the answer."""

    rule: Required[str]
    watch: Required[list[WatchedField]]
    """The fields of the message that the rule applies to."""


class AlignmentPlugin(TypedDict, total=False):
    """Gives the model rules and checks every turn against them (beta)."""

    id: Required[Literal["alignment"]]
    rules: Required[list[AlignmentRule]]
    instruct: bool
    """Whether the model gets the rules (default true)."""
    max_retries: int
    """Retries after a withheld turn (default 1), each billed."""
    mode: Enforcement
    """`enforce` withholds a turn that violates a rule; `audit` (default) reports it."""
    threshold: float
    """The probability above which a rule counts as violated, 0.01 to 1 (default 0.7)."""


class ArmorPlugin(TypedDict, total=False):
    """Checks every tool call of the model against rules before returning it (beta)."""

    id: Required[Literal["armor"]]
    enabled: bool
    mode: Enforcement
    """`enforce` (default) withholds a blocked call; `audit` reports it."""
    classifier_context: dict[str, Any]
    """The rules, in Claude Code's form."""
    evaluate_native_tools: bool
    on_error: ArmorFailure
    """What to do with a call that can't be checked (default `block`)."""
    output_mode: ArmorOutput
    use_cc_style_default_rules: bool


class OtherPlugin(TypedDict, total=False):
    """The fields that every plugin has, for one that is newer than this package."""

    id: Required[str]
    enabled: bool


Plugin = (
    WebPlugin
    | WebFetchPlugin
    | FileParserPlugin
    | ResponseHealingPlugin
    | ContextCompressionPlugin
    | ModerationPlugin
    | AutoRouterPlugin
    | AutoBetaRouterPlugin
    | ParetoRouterPlugin
    | JevRouterPlugin
    | SwitchyardRouterPlugin
    | FusionPlugin
    | AlignmentPlugin
    | ArmorPlugin
    | OtherPlugin
)
"""One entry of `plugins`."""

PLUGINS: dict[str, Any] = {
    "web": WebPlugin,
    "web-fetch": WebFetchPlugin,
    "file-parser": FileParserPlugin,
    "response-healing": ResponseHealingPlugin,
    "context-compression": ContextCompressionPlugin,
    "moderation": ModerationPlugin,
    "auto-router": AutoRouterPlugin,
    "auto-beta-router": AutoBetaRouterPlugin,
    "pareto-router": ParetoRouterPlugin,
    "jev-router": JevRouterPlugin,
    "switchyard-router": SwitchyardRouterPlugin,
    "fusion": FusionPlugin,
    "alignment": AlignmentPlugin,
    "armor": ArmorPlugin,
}
"""The plugins that are checked, by id."""
