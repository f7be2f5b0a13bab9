"""Types of the request fields that OpenAI's chat API lacks, or has in another form."""
# ruff: noqa: TC001 -- pydantic reads these types when the program runs

from __future__ import annotations

from typing import Any

from typing_extensions import Required, TypedDict

from openrouter_adapter.options.plugins import Plugin
from openrouter_adapter.options.vocabulary import (
    AspectRatio,
    CacheControlType,
    CacheLifetime,
    DataCollection,
    DeferredToolsProfile,
    DeferredToolsProtocol,
    DeferredToolsSearchType,
    DeferredToolsValidation,
    Effort,
    ImageSize,
    Modality,
    PromptCacheLifetime,
    PromptCacheMode,
    Provider,
    Quantization,
    ReasoningContext,
    ReasoningMode,
    ReasoningSummary,
    Route,
    SearchContextSize,
    ServiceTier,
    SortBy,
    SortPartition,
    StopConditionType,
    Transform,
    Verbosity,
)


class MaxPrice(TypedDict, total=False):
    """The highest prices you accept, as numbers or as decimal strings.

    https://openrouter.ai/docs/features/provider-routing#max-price
    """

    prompt: float | str
    """USD per million prompt tokens."""
    completion: float | str
    """USD per million completion tokens."""
    request: float | str
    """USD per request."""
    image: float | str
    """USD per image."""
    audio: float | str
    """USD per unit of audio."""


class ProviderSort(TypedDict, total=False):
    """The long form of `provider.sort`.

    https://openrouter.ai/docs/features/provider-routing#provider-sorting
    """

    by: SortBy | None
    """What to sort by: `price`, `throughput`, `latency` or `exacto`."""
    partition: SortPartition | None
    """`model` (default) sorts the endpoints of each model; `none` sorts those of all `models`."""


class Percentiles(TypedDict, total=False):
    """A threshold for each percentile of recent requests; all given ones must be met."""

    p50: float | None
    p75: float | None
    p90: float | None
    p99: float | None


class ProviderPreferences(TypedDict, total=False):
    """Routing preferences: which of a model's providers may serve a request, and in which order.

    https://openrouter.ai/docs/guides/routing/provider-selection
    """

    order: list[Provider] | None
    """Slugs to try first, in this order; switches load balancing off."""
    only: list[Provider] | None
    """Slugs that may serve the request; all others are excluded."""
    ignore: list[Provider] | None
    """Slugs that may not serve the request."""
    allow_fallbacks: bool | None
    """Whether other providers are tried if the first ones fail (default true)."""
    require_parameters: bool | None
    """Use only providers that support every parameter of the request (default false)."""
    data_collection: DataCollection | None
    """`deny` excludes providers that may store your data (default `allow`)."""
    zdr: bool | None
    """Use only endpoints that retain no data."""
    enforce_distillable_text: bool | None
    """Use only models whose authors allow distillation of their text."""
    sort: ProviderSort | SortBy | None
    """Order by price, throughput or latency; switches load balancing off."""
    quantizations: list[Quantization] | None
    """Quantization levels that may serve the request."""
    max_price: MaxPrice
    """The highest prices you accept."""
    preferred_min_throughput: Percentiles | float | None
    """Tokens per second; a number stands for p50. Slower endpoints are tried last."""
    preferred_max_latency: Percentiles | float | None
    """Seconds; a number stands for p50. Slower endpoints are tried last."""
    options: dict[str, dict[str, Any]]
    """Settings of individual providers, by slug; only those of the chosen one are passed on."""


class Reasoning(TypedDict, total=False):
    """How much a model reasons, and whether the reasoning is returned.

    Give `effort` or `max_tokens`, not both.
    https://openrouter.ai/docs/use-cases/reasoning-tokens
    """

    effort: Effort | None
    """From `none` and `minimal` to `xhigh` and `max`."""
    max_tokens: int | None
    """The maximum number of reasoning tokens."""
    exclude: bool | None
    """Reason, but leave the reasoning out of the answer (default false)."""
    enabled: bool | None
    """Whether to reason; by default, whether `effort` or `max_tokens` is given."""
    summary: ReasoningSummary | None
    """How the reasoning is summarized."""
    context: ReasoningContext | None
    """Which turns' reasoning the model sees (Responses API)."""
    mode: ReasoningMode | None
    """`pro` reasons more deeply, on models that support it (Responses API)."""


class UsageAccounting(TypedDict, total=False):
    """Content of the answer's `usage`.

    https://openrouter.ai/docs/use-cases/usage-accounting
    """

    include: bool
    """Return the token counts and the cost in USD with the answer."""


class ImageConfig(TypedDict, total=False):
    """Form of a generated image; some models accept more keys than these two.

    https://openrouter.ai/docs/guides/overview/multimodal/image-generation
    """

    aspect_ratio: AspectRatio
    """Such as `16:9` (default `1:1`)."""
    image_size: ImageSize
    """`1K`, `2K` or `4K`."""


class WebSearchOptions(TypedDict, total=False):
    """Settings of a model's own web search.

    https://openrouter.ai/docs/guides/features/plugins/web-search
    """

    search_context_size: SearchContextSize
    """How much of the results the model reads; also determines the price."""
    user_location: dict[str, Any] | None
    """The location of the user, in OpenAI's form."""


class CacheControl(TypedDict, total=False):
    """Automatic prompt caching: a breakpoint at the last block that can be cached."""

    type: Required[CacheControlType]
    """Always `ephemeral`."""
    ttl: CacheLifetime
    """Its lifetime: `5m` or `1h`."""


class PromptCacheOptions(TypedDict, total=False):
    """OpenAI's prompt cache, on models from GPT-5.6."""

    mode: Required[PromptCacheMode]
    """`explicit`: only content with a `prompt_cache_breakpoint` is cached."""
    ttl: PromptCacheLifetime | None
    """Its minimum lifetime: `30m` (default) or `12h`, which costs more to write."""


class Trace(TypedDict, total=False):
    """Names for tracing; other keys are passed on to your destinations unchanged."""

    trace_id: str
    trace_name: str
    span_name: str
    generation_name: str
    parent_span_id: str


class Debug(TypedDict, total=False):
    """Debugging help, in streams only."""

    echo_upstream_body: bool
    """The first chunk has the request that the provider received."""


class DeferredToolsSearch(TypedDict, total=False):
    """How a model finds a tool that was not loaded."""

    type: Required[DeferredToolsSearchType]
    max_results: int
    result_key: str
    """Only for `custom`: where the caller's search puts its results."""
    tool_id: str
    """Only for `custom`: the caller's search tool."""


class DeferredTools(TypedDict, total=False):
    """Tools that the model looks up when it needs them."""

    protocol: Required[DeferredToolsProtocol]
    profile: Required[DeferredToolsProfile]
    search: Required[DeferredToolsSearch]
    validation: Required[DeferredToolsValidation]


class StopCondition(TypedDict, total=False):
    """When OpenRouter stops running server tools; each type has one setting."""

    type: Required[StopConditionType]
    step_count: int
    """For `step_count_is`."""
    tool_name: str
    """For `has_tool_call`."""
    max_tokens: int
    """For `max_tokens_used`, over all steps."""
    max_cost_in_dollars: float
    """For `max_cost`, over all steps, in USD."""
    reason: str
    """For `finish_reason_is`."""


class Options(TypedDict, total=False):
    """Every OpenRouter option, as keywords of a LiteLLM call.

    Write `options: Options = {...}` and `litellm.completion(model, messages, **options)` to have
    an editor check them. https://openrouter.ai/docs/api-reference/overview
    """

    provider: ProviderPreferences
    models: list[str]
    """Models to fall back on, in this order.

    https://openrouter.ai/docs/guides/routing/model-fallbacks
    """
    route: Route
    """The former switch for `models`."""
    preset: str
    """A preset's slug.

    https://openrouter.ai/docs/guides/features/presets
    """
    transforms: list[Transform]
    """`["middle-out"]` shortens prompts that don't fit; `[]` forbids it.

    https://openrouter.ai/docs/guides/features/message-transforms
    """
    plugins: list[Plugin]
    """What OpenRouter does in addition to calling the model.

    https://openrouter.ai/docs/guides/features/plugins
    """
    reasoning: Reasoning
    include_reasoning: bool
    """The former, inverse form of `reasoning.exclude`."""
    usage: UsageAccounting
    modalities: list[Modality]
    """Output modalities, such as `["image", "text"]`."""
    image_config: ImageConfig
    web_search_options: WebSearchOptions
    structured_outputs: bool
    """Make the answer follow the JSON schema of `response_format`.

    https://openrouter.ai/docs/guides/features/structured-outputs
    """
    verbosity: Verbosity
    """The length of answers."""
    top_k: int
    """Sample from the k most likely tokens; 0 or more."""
    top_a: float
    """0 to 1, relative to the square of the most likely token's probability."""
    min_p: float
    """0 to 1, relative to the most likely token's probability."""
    repetition_penalty: float
    """0 to 2; 1 has no effect."""
    service_tier: ServiceTier
    session_id: str
    """Groups requests and keeps them on one provider; at most 256 characters."""
    trace: Trace
    cache_control: CacheControl
    prompt_cache_key: str
    prompt_cache_options: PromptCacheOptions
    deferred_tools: DeferredTools
    stop_server_tools_when: list[StopCondition]
    """Any one of these ends the loop."""
    debug: Debug
    input_type: str
    """The purpose of an embedding, such as `search_query`; embeddings only."""
