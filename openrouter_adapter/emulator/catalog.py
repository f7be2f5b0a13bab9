"""The models and providers that the emulator serves, with real prices, read from catalog.json."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from .errors import unknown_model

VARIANTS = ("free", "extended", "exacto", "thinking", "online", "nitro", "floor")
# `openrouter/auto` picks a model by itself and bills that model's price.
AUTO_CHOICE = "openai/gpt-5-mini"
# The fields of a model that catalog.json has by the same name.
_AS_THEY_ARE = (
    *("id", "canonical_slug", "name", "created", "context_length", "tokenizer", "pricing"),
    *("dimensions", "image_tokens", "is_moderated", "listed", "always_calls"),
)
ROUTERS = ("openrouter/auto", "openrouter/auto-beta", "openrouter/pareto-code")


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A model's reasoning: the format of its details, and `asked` or `always`."""

    format: str
    when: str


@dataclass(frozen=True, slots=True, eq=False)
class ImageApi:
    """A model's parameters and prices on the images API, in OpenRouter's form.

    Attributes:
        supported_parameters: A descriptor for each parameter.
        pricing: A price for each billable unit.
        supports_streaming: Whether it sends partial images.
        allowed_passthrough_parameters: The names that `provider.options` may have.
    """

    supported_parameters: dict[str, Any]
    pricing: list[dict[str, Any]]
    supports_streaming: bool
    allowed_passthrough_parameters: list[str]

    @property
    def is_sold_by_token(self) -> bool:
        """Whether images are charged by the token, at the model's own prices."""
        return any(line["unit"] == "token" for line in self.pricing)


@dataclass(frozen=True, slots=True, eq=False)
class VideoApi:
    """A model's row of `/videos/models`, without its names, in OpenRouter's form.

    Attributes:
        pricing_skus: The prices by the name of what is sold.
        supported_resolutions: Such as `720p`; None if the model is not limited to a list.
        supported_aspect_ratios: Such as `16:9`.
        supported_sizes: Pixels, such as `1280x720`.
        supported_durations: Seconds.
        supported_frame_images: `first_frame`, `last_frame`.
        generate_audio: Whether it can add sound; None if it can't.
        seed: Whether it takes a seed.
        allowed_passthrough_parameters: The names that `provider.options` may have.
        creativity: Levels, of a model that upscales.
        upscale_factor: The range, of a model that upscales.
        continues: Whether it takes `previous_job_id`; OpenRouter doesn't list that.
    """

    pricing_skus: dict[str, str]
    supported_resolutions: list[str] | None = None
    supported_aspect_ratios: list[str] | None = None
    supported_sizes: list[str] | None = None
    supported_durations: list[int] | None = None
    supported_frame_images: list[str] | None = None
    generate_audio: bool | None = None
    seed: bool | None = None
    allowed_passthrough_parameters: tuple[str, ...] = ()
    creativity: list[int] | None = None
    upscale_factor: dict[str, float] | None = None
    continues: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One provider's offer of a model. Prices are decimal strings, USD per token."""

    provider: str
    tag: str
    pricing: dict[str, Any]
    context_length: int
    max_completion_tokens: int | None
    parameters: frozenset[str]
    quantization: str | None = None
    latency: float = 0.6
    throughput: float = 70.0

    @property
    def slug(self) -> str:
        """The provider's slug, the tag without its endpoint part."""
        return self.tag.partition("/")[0]

    def price(self, item: str, prompt_tokens: int = 0) -> Decimal:
        """Return USD per unit of an item, 0 if it has no price.

        Args:
            item: A key of the pricing, such as `completion`.
            prompt_tokens: Long prompts cost more if the pricing has `overrides`.
        """
        for override in self.pricing.get("overrides", ()):
            if prompt_tokens > override["min_prompt_tokens"] and item in override:
                return Decimal(override[item])
        return Decimal(self.pricing.get(item, "0"))


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model as `/models` lists it, and its endpoints, the default one first."""

    id: str
    canonical_slug: str
    name: str
    created: int
    context_length: int
    input: tuple[str, ...]
    output: tuple[str, ...]
    tokenizer: str
    pricing: dict[str, Any]
    parameters: frozenset[str]
    endpoints: tuple[Endpoint, ...]
    reasoning: Reasoning | None = None
    aliases: tuple[str, ...] = ()
    dimensions: int = 0
    image_tokens: int = 1290
    image_api: ImageApi | None = None
    video_api: VideoApi | None = None
    is_moderated: bool = False
    listed: bool = True
    always_calls: bool = False
    is_batch_only: bool = False

    @property
    def is_free(self) -> bool:
        """Whether it is a free variant, with limits of its own."""
        return self.id.endswith(":free")

    @property
    def author(self) -> str:
        """The model's author: the part before the slash."""
        return self.id.partition("/")[0].lstrip("~")


def _endpoint(row: dict[str, Any], model: dict[str, Any]) -> Endpoint:
    own = dict(row)
    parameters = set(model.get("supported_parameters", ())) | set(own.pop("extra", ()))
    parameters -= set(own.pop("unsupported", ()))
    shared = {
        "pricing": model["pricing"],
        "context_length": model["context_length"],
        "max_completion_tokens": model.get("max_completion_tokens"),
    }
    return Endpoint(**{**shared, **own}, parameters=frozenset(parameters))


def _model(row: dict[str, Any]) -> Model:
    own = {name: row[name] for name in _AS_THEY_ARE if name in row}
    reasoning, image_api = row.get("reasoning"), row.get("image_api")
    video_api = row.get("video_api")
    return Model(
        **own,
        input=tuple(row["input"]),
        output=tuple(row["output"]),
        aliases=tuple(row.get("aliases", ())),
        parameters=frozenset(row.get("supported_parameters", ())),
        endpoints=tuple(_endpoint(endpoint, row) for endpoint in row["endpoints"]),
        reasoning=Reasoning(**reasoning) if reasoning else None,
        image_api=ImageApi(**image_api) if image_api else None,
        video_api=VideoApi(**video_api) if video_api else None,
    )


def _in_batches(row: dict[str, Any]) -> list[Model]:
    """Return the twin of a model that only the Batch API serves, with its prices there."""
    if "batch_pricing" not in row:
        return []
    priced = {**row, "pricing": {**row["pricing"], **row["batch_pricing"]}, "aliases": ()}
    priced["endpoints"] = [{**one, "pricing": priced["pricing"]} for one in row["endpoints"]]
    model = _model(priced)
    name = f"{model.name} (batch)"
    return [replace(model, id=f"{model.id}:batch", name=name, is_batch_only=True)]


@lru_cache(maxsize=1)
def models() -> tuple[Model, ...]:
    """Return every model, in the catalog's order."""
    rows = orjson.loads(Path(__file__).with_name("catalog.json").read_bytes())
    return tuple(model for row in rows for model in (_model(row), *_in_batches(row)))


@lru_cache(maxsize=1)
def _by_name() -> dict[str, Model]:
    names: dict[str, Model] = {}
    # The dated slug of a free variant is the paid one's: the id listed first keeps it.
    for model in models():
        for name in (model.id, *model.aliases, model.canonical_slug):
            names.setdefault(name, model)
    for router in ROUTERS:
        names[router] = names[AUTO_CHOICE]
    return names


def knows(name: str) -> bool:
    """Return whether a name is an id, alias, dated slug or router."""
    return name in _by_name()


def find(name: str) -> Model:
    """Return the model of an id, alias, dated slug or router.

    Raises:
        ApiError: 404 if no provider serves it.
    """
    model = _by_name().get(name)
    if model is None:
        raise unknown_model(name)
    return model


@lru_cache(maxsize=1024)
def split_variants(name: str) -> tuple[str, tuple[str, ...]]:
    """Split `author/slug:free:online` into a model of the catalog and dynamic variants.

    Static variants such as `:free` are models of their own; the others are returned.
    """
    base, *suffixes = name.split(":")
    acting: list[str] = []
    for suffix in suffixes:
        if suffix in VARIANTS and f"{base}:{suffix}" not in _by_name():
            acting.append(suffix)
        else:
            base = f"{base}:{suffix}"
    return base, tuple(acting)


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider. Its data policy is the emulator's own choice, close to the published one.

    Attributes:
        slug: Its name in a request.
        site: The host of its website.
        country: The country of its headquarters, ISO 3166.
        zdr: Whether it retains no prompts.
        trains: Whether it may train on prompts.
    """

    slug: str
    site: str
    country: str = "US"
    zdr: bool = False
    trains: bool = False


PROVIDERS = (
    Provider("alibaba", "alibabacloud.com", "SG"),
    Provider("amazon-bedrock", "aws.amazon.com", zdr=True),
    Provider("anthropic", "anthropic.com"),
    Provider("azure", "azure.microsoft.com", zdr=True),
    Provider("baseten", "baseten.co", zdr=True),
    Provider("black-forest-labs", "bfl.ai", "DE"),
    Provider("cerebras", "cerebras.ai", zdr=True),
    Provider("deepinfra", "deepinfra.com", zdr=True),
    Provider("fake-provider", "localhost", zdr=True),
    Provider("google-ai-studio", "ai.google.dev"),
    Provider("google-vertex", "cloud.google.com", zdr=True),
    Provider("groq", "groq.com", zdr=True),
    Provider("minimax", "minimax.io", "CN", trains=True),
    Provider("mistral", "mistral.ai", "FR"),
    Provider("nebius", "nebius.com", "NL", zdr=True),
    Provider("nextbit", "nextbit256.com", "GB", zdr=True),
    Provider("novita", "novita.ai", zdr=True),
    Provider("nvidia", "nvidia.com", trains=True),
    Provider("open-inference", "openinference.xyz", trains=True),
    Provider("openai", "openai.com"),
    Provider("perplexity", "perplexity.ai"),
    Provider("recraft", "recraft.ai"),
    Provider("runway", "runwayml.com"),
    Provider("seed", "seed.bytedance.com", "SG"),
    Provider("sourceful", "sourceful.com", "GB"),
    Provider("together", "together.ai", zdr=True),
    Provider("venice", "venice.ai", zdr=True),
    Provider("voyageai", "voyageai.com"),
    Provider("xai", "x.ai"),
    Provider("z-ai", "z.ai", "SG"),
)
_PROVIDERS_BY_SLUG = {provider.slug: provider for provider in PROVIDERS}


def has_zero_retention(endpoint: Endpoint) -> bool:
    """Return whether an endpoint retains no prompts."""
    return _PROVIDERS_BY_SLUG[endpoint.slug].zdr


def trains(model: Model, endpoint: Endpoint) -> bool:
    """Return whether an endpoint may train on prompts."""
    free_at_google = model.is_free and endpoint.slug == "google-ai-studio"
    return _PROVIDERS_BY_SLUG[endpoint.slug].trains or free_at_google
