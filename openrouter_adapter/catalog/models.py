"""A model and its providers' endpoints, as the catalogue has them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog import prices

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from decimal import Decimal


@dataclass(frozen=True)
class Endpoint:
    """One provider's offer of a model.

    Attributes:
        provider: The provider's name, such as `DeepInfra`.
        tag: What `provider.only` calls it, such as `deepinfra/fp4`.
        pricing: USD.
        context_length: Tokens of prompt and completion together, None if not told.
        max_completion_tokens: The longest completion, tokens; None if not told.
        quantization: Such as `fp8`; None if not told.
        service_tier: `flex`, `priority`, …; None for the usual one.
        parameters: The request fields that it takes.
        wire: The row as OpenRouter sent it: latency, throughput and uptime are in it.
    """

    provider: str
    tag: str
    pricing: prices.Pricing
    context_length: int | None
    max_completion_tokens: int | None
    quantization: str | None
    service_tier: str | None
    parameters: frozenset[str]
    wire: Mapping[str, Any]

    def is_named(self, slug: str) -> bool:
        """Whether a slug of `provider.only`, `ignore` or `order` is this endpoint's."""
        slug = slug.lower()
        return slug in {self.tag, self.tag.partition("/")[0], self.provider.lower()}

    def may_be(self, slug: str) -> bool:
        """The same, also of a slug that names a part of what the endpoint's tag stands for."""
        return self.is_named(slug) or slug.lower().partition("/")[0] == self.tag


@dataclass(frozen=True, slots=True)
class ImagePrice:
    """One price of the images API.

    Attributes:
        billable: `output_image`, `input_image`, `input_reference`, `input_text`, `input_font`.
        unit: `image`, `megapixel`, `token` or `request`.
        usd: For each.
        variant: The tier or quality that it is for, such as `2k` or `low_1k`; empty for any.
    """

    billable: str
    unit: str
    usd: Decimal
    variant: str = ""


@dataclass(frozen=True, slots=True)
class ImageEndpoint:
    """One provider's offer of a model on the images API.

    Attributes:
        endpoint: What `provider.only`, `ignore` and `order` know it by.
        lines: The prices; none where OpenRouter lists none.
        parameters: A descriptor for each field that it takes.
    """

    endpoint: Endpoint
    lines: tuple[ImagePrice, ...]
    parameters: Mapping[str, Any]

    @property
    def is_sold_by_token(self) -> bool:
        """Whether an image costs by its tokens."""
        return any(line.unit == "token" for line in self.lines if line.billable == "output_image")


@dataclass(frozen=True)
class Model:
    """A model of OpenRouter.

    Attributes:
        id: What requests call it, such as `openai/gpt-4o-mini` or `…:free`.
        canonical_slug: The dated name that does not move, such as `openai/gpt-5-mini-2025-08-07`.
        name: For people.
        pricing: USD, of the provider that is asked first.
        context_length: The most that any provider takes, tokens; None if not told.
        top_context_length: The same of the provider that is asked first.
        max_completion_tokens: The longest completion of that provider, tokens.
        input_modalities: `text`, `image`, `file`, `audio`, `video`.
        output_modalities: `text`, `image`, `embeddings`, `rerank`, `speech`, ….
        tokenizer: Its family: `GPT`, `Claude`, `Gemini`, `Llama3`, …, or `Other`.
        parameters: The request fields that at least one provider takes.
        alias_of: The id that a `~author/…-latest` name stands for, None for any other.
        wire: The row as OpenRouter sent it.
    """

    id: str
    canonical_slug: str
    name: str
    pricing: prices.Pricing
    context_length: int | None
    top_context_length: int | None
    max_completion_tokens: int | None
    input_modalities: tuple[str, ...]
    output_modalities: tuple[str, ...]
    tokenizer: str
    parameters: frozenset[str]
    alias_of: str | None
    wire: Mapping[str, Any]

    @property
    def author(self) -> str:
        """Who made it: the part before the slash."""
        return self.id.partition("/")[0].lstrip("~")

    @cached_property
    def window(self) -> int | None:
        """Tokens of prompt and completion that a request can count on: the smaller length."""
        lengths = [size for size in (self.context_length, self.top_context_length) if size]
        return min(lengths) if lengths else None

    @cached_property
    def longest(self) -> int | None:
        """The most tokens of a prompt that any provider takes."""
        lengths = [size for size in (self.context_length, self.top_context_length) if size]
        return max(lengths) if lengths else None

    @cached_property
    def first_endpoint(self) -> Endpoint:
        """What the row tells of the provider that is asked first."""
        return Endpoint(
            provider="",
            tag="",
            pricing=self.pricing,
            context_length=self.longest,
            max_completion_tokens=self.max_completion_tokens,
            quantization=None,
            service_tier=None,
            parameters=self.parameters,
            wire=self.wire,
        )

    @cached_property
    def mode(self) -> str:
        """LiteLLM's word for what it does: `chat`, `embedding`, `image_generation`, …."""
        for modality, mode in _MODES.items():
            if modality in self.output_modalities:
                return mode
        return "chat"


# In this order: a model that paints and talks is LiteLLM's "image_generation".
_MODES: Final = {
    "embeddings": "embedding",
    "rerank": "rerank",
    "image": "image_generation",
    "video": "video_generation",
    "transcription": "audio_transcription",
    "speech": "audio_speech",
}


def parse_model(row: Mapping[str, Any]) -> Model | None:
    """A row of `GET /models`; None where it has no id."""
    model_id = row.get("id")
    if not isinstance(model_id, str) or not model_id:
        return None
    architecture = _object(row, "architecture")
    top = _object(row, "top_provider")
    return Model(
        id=model_id,
        canonical_slug=str(row.get("canonical_slug") or model_id),
        name=str(row.get("name") or model_id),
        pricing=prices.parse(row.get("pricing")),
        context_length=_positive(row.get("context_length")),
        top_context_length=_positive(top.get("context_length")),
        max_completion_tokens=_positive(top.get("max_completion_tokens")),
        input_modalities=_words(architecture.get("input_modalities")) or ("text",),
        output_modalities=_words(architecture.get("output_modalities")) or ("text",),
        tokenizer=str(architecture.get("tokenizer") or "Other"),
        parameters=frozenset(_words(row.get("supported_parameters"))),
        alias_of=str(_object(row, "alias_target").get("slug") or "") or None,
        wire=row,
    )


def parse_endpoint(row: Mapping[str, Any]) -> Endpoint:
    """A row of `GET /models/{id}/endpoints`."""
    return Endpoint(
        provider=str(row.get("provider_name") or ""),
        tag=str(row.get("tag") or "").lower(),
        pricing=prices.parse(row.get("pricing")),
        context_length=_positive(row.get("context_length")),
        max_completion_tokens=_positive(row.get("max_completion_tokens")),
        quantization=str(row.get("quantization") or "") or None,
        service_tier=str(row.get("service_tier") or "") or None,
        parameters=frozenset(_words(row.get("supported_parameters"))),
        wire=row,
    )


def parse_image_endpoint(row: Mapping[str, Any]) -> ImageEndpoint:
    """A row of `GET /images/models/{author}/{slug}/endpoints`."""
    tag = row.get("provider_tag") or row.get("provider_slug")
    pricing = row.get("pricing")
    parameters = row.get("supported_parameters")
    named = {"provider_name": row.get("provider_name"), "tag": tag}
    return ImageEndpoint(
        endpoint=parse_endpoint(named),
        lines=tuple(_image_prices(pricing if isinstance(pricing, list) else ())),
        parameters=parameters if isinstance(parameters, dict) else {},
    )


def _image_prices(pricing: Iterable[Any]) -> Iterator[ImagePrice]:
    for entry in pricing:
        usd = prices.decimal(entry.get("cost_usd")) if isinstance(entry, dict) else None
        if usd is not None:
            words = (str(entry.get(name) or "") for name in ("billable", "unit", "variant"))
            billable, unit, variant = words
            yield ImagePrice(billable, unit, usd, variant.lower())


def _object(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = row.get(name)
    return found if isinstance(found, dict) else {}


def _words(value: Any) -> tuple[str, ...]:
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()


def _positive(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return None
    return int(value)
