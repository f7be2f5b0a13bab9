"""The catalogue: models and their endpoints, found by every name that OpenRouter takes."""

from __future__ import annotations

import time
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from openrouter_adapter.catalog import prices
from openrouter_adapter.wire import model_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_PREFIX: Final = "openrouter/"
_Parsed = TypeVar("_Parsed")
_MOST_REMEMBERED: Final = 10_000  # Names come from requests, which can have anything in them.


@dataclass(frozen=True)
class Endpoint:
    """A model at one provider.

    Attributes:
        provider: The provider's name, such as `DeepInfra`.
        tag: Its name in `provider.only`, such as `deepinfra/fp4`.
        pricing: USD.
        context_length: Tokens of prompt and completion together; None if unknown.
        max_completion_tokens: Tokens of the longest completion; None if unknown.
        quantization: Such as `fp8`; None if unknown.
        service_tier: `flex`, `priority`, …; None for the usual one.
        parameters: The request fields that it takes.
        wire: The row as OpenRouter sent it, with latency, throughput and uptime.
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
        """Whether a slug of `provider.only`, `ignore` or `order` names this endpoint."""
        slug = slug.lower()
        return slug in {self.tag, self.tag.partition("/")[0], self.provider.lower()}

    def may_be(self, slug: str) -> bool:
        """Whether a slug names this endpoint, or a part of what its tag stands for."""
        return self.is_named(slug) or slug.lower().partition("/")[0] == self.tag


@dataclass(frozen=True, slots=True)
class ImageEndpoint:
    """A model at one provider of the images API.

    Attributes:
        endpoint: Its names for `provider.only`, `ignore` and `order`.
        lines: The prices; empty if OpenRouter lists none.
        parameters: A descriptor for each field that it takes.
    """

    endpoint: Endpoint
    lines: tuple[prices.ImagePrice, ...]
    parameters: Mapping[str, Any]

    @property
    def is_sold_by_token(self) -> bool:
        """Whether a generated image is priced by its tokens."""
        return any(line.unit == "token" for line in self.lines if line.billable == "output_image")


@dataclass(frozen=True)
class Model:
    """A model of OpenRouter.

    Attributes:
        id: The name in requests, such as `openai/gpt-4o-mini` or `…:free`.
        canonical_slug: The dated name, which never changes: `openai/gpt-5-mini-2025-08-07`.
        name: The name for people.
        pricing: USD, of the provider that is asked first.
        context_length: Tokens that the provider with the longest context takes; None if unknown.
        top_context_length: The same for the provider that is asked first.
        max_completion_tokens: Tokens of that provider's longest completion.
        input_modalities: `text`, `image`, `file`, `audio`, `video`.
        output_modalities: `text`, `image`, `embeddings`, `rerank`, `speech`, ….
        tokenizer: The tokenizer's family: `GPT`, `Claude`, `Gemini`, `Llama3`, …, or `Other`.
        parameters: The request fields that at least one provider takes.
        alias_of: The id that a `~author/…-latest` name stands for; None for other names.
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
        """The company that made it: the part of the id before the slash."""
        return self.id.partition("/")[0].lstrip("~")

    @cached_property
    def window(self) -> int | None:
        """Tokens of prompt and completion that a request can rely on: the smaller length."""
        lengths = [size for size in (self.context_length, self.top_context_length) if size]
        return min(lengths) if lengths else None

    @cached_property
    def longest(self) -> int | None:
        """Tokens of the longest prompt that any provider takes."""
        lengths = [size for size in (self.context_length, self.top_context_length) if size]
        return max(lengths) if lengths else None

    @cached_property
    def first_endpoint(self) -> Endpoint:
        """The provider that is asked first, as far as the row describes it."""
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
        """LiteLLM's mode: `chat`, `embedding`, `image_generation`, …."""
        for modality, mode in _MODES.items():
            if modality in self.output_modalities:
                return mode
        return "chat"


# In this order: LiteLLM calls a model that writes images and text "image_generation".
_MODES: Final = {
    "embeddings": "embedding",
    "rerank": "rerank",
    "image": "image_generation",
    "video": "video_generation",
    "transcription": "audio_transcription",
    "speech": "audio_speech",
}


@dataclass(frozen=True, slots=True)
class Found:
    """The model that a name stands for, and the name's dynamic variants.

    Attributes:
        model: The model.
        variants: Which of `online`, `nitro`, `floor` and `exacto` the name has.
    """

    model: Model
    variants: frozenset[str] = frozenset()


class Catalog:
    """OpenRouter's models and prices at one time.

    The rows of its Batch API, `author/model:batch`, are not models here, because no other endpoint
    takes them. They are prices of the model before the colon, see `in_batches`.

    Attributes:
        fetched_at: When OpenRouter last confirmed it, seconds since 1970; 0 if it was built from
            rows.
        refresh_error: The exception of the last refresh, which is why the catalogue is old; None
            if the refresh succeeded.
    """

    def __init__(
        self,
        rows: Iterable[Mapping[str, Any]],
        *,
        endpoints: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
        image_endpoints: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
        fetched_at: float = 0.0,
        refresh_error: Exception | None = None,
    ) -> None:
        """Builds a catalogue from wire rows.

        Args:
            rows: Those of `GET /models`.
            endpoints: Those of `GET /models/{id}/endpoints`, by the model's id.
            image_endpoints: Those of `GET /images/models/{id}/endpoints`, by the model's id.
            fetched_at: When they were fetched, seconds since 1970.
            refresh_error: The exception of the last refresh.
        """
        self.fetched_at = fetched_at
        self.refresh_error = refresh_error
        self._models: dict[str, Model] = {}
        # No request names these: they are only prices.
        self._in_batches: dict[str, Model] = {}
        for model in filter(None, map(parse_model, rows)):
            if model_names.is_batch_only(model.id):
                self._in_batches[model_names.without_batch(model.id)] = model
            else:
                self._models[model.id] = model
        self._endpoints = _parsed(endpoints, parse_endpoint)
        self._image_endpoints = _parsed(image_endpoints, parse_image_endpoint)
        self._names = self._all_names()
        self._found: dict[str, Found | None] = {}

    @property
    def age(self) -> float:
        """Seconds since OpenRouter last confirmed it."""
        return max(0.0, time.time() - self.fetched_at)

    def __len__(self) -> int:
        """The number of models."""
        return len(self._models)

    def __iter__(self) -> Iterator[Model]:
        """The models in OpenRouter's order."""
        return iter(self._models.values())

    def __contains__(self, name: object) -> bool:
        """Whether a name stands for a model."""
        return isinstance(name, str) and self.find(name) is not None

    def __getitem__(self, name: str) -> Model:
        """The model of a name.

        Raises:
            KeyError: the catalogue has no such model.
        """
        found = self.find(name)
        if found is None:
            raise KeyError(name)
        return found.model

    def find(self, name: str) -> Found | None:
        """The model that OpenRouter would choose for a name; None if the catalogue has none.

        Names are ids, dated slugs and `~author/…-latest` aliases, each with or without variants
        and LiteLLM's `openrouter/`.
        """
        try:
            return self._found[name]
        except KeyError:
            if len(self._found) >= _MOST_REMEMBERED:
                self._found.clear()
            found = self._found[name] = self._find(name)
            return found

    def endpoints(self, model: Model) -> tuple[Endpoint, ...]:
        """A model's providers; empty if they were not fetched."""
        return self._endpoints.get(model.id, ())

    def in_batches(self, model: Model) -> Model | None:
        """The row with a model's prices in OpenRouter's Batch API; None if that lacks the model."""
        return self._in_batches.get(model.id)

    def image_endpoints(self, model: Model) -> tuple[ImageEndpoint, ...] | None:
        """A model's providers of the images API; None if they were not fetched."""
        return self._image_endpoints.get(model.id)

    def names(self) -> Mapping[str, Model]:
        """All names without dynamic variants, with their models: ids, dated slugs, aliases."""
        return self._names

    def with_endpoints(
        self,
        endpoints: Mapping[str, Iterable[Mapping[str, Any]]],
        image_endpoints: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    ) -> Catalog:
        """The same catalogue with the endpoints of more models, given as wire rows by id."""
        wider = copy(self)
        wider._endpoints = {**self._endpoints, **_parsed(endpoints, parse_endpoint)}
        images = _parsed(image_endpoints, parse_image_endpoint)
        wider._image_endpoints = {**self._image_endpoints, **images}
        return wider

    def _find(self, name: str) -> Found | None:
        for tried in (name, name.removeprefix(_PREFIX)):
            if tried in self._names:
                return Found(self._names[tried])
            base, *suffixes = tried.split(":")
            acting = frozenset(suffixes) & model_names.DYNAMIC
            kept = [base, *(suffix for suffix in suffixes if suffix not in acting)]
            if acting and ":".join(kept) in self._names:
                return Found(self._names[":".join(kept)], acting)
        return None

    def _all_names(self) -> dict[str, Model]:
        names = dict(self._models)
        for model in self._models.values():
            words = [word for word in model.id.split(":")[1:] if word in model_names.STATIC]
            slug = ":".join([model.canonical_slug.split(":")[0], *words])
            names.setdefault(slug, model)
            if model.author == "anthropic":
                # OpenRouter also takes Anthropic's own spelling of versions, claude-sonnet-4-5.
                names.setdefault(model.id.replace(".", "-"), model)
        for model in self._models.values():
            if not model.pricing.is_known and model.alias_of in self._models:
                names[model.id] = self._models[model.alias_of]
        return names


def parse_model(row: Mapping[str, Any]) -> Model | None:
    """A row of `GET /models`; None if it has no id."""
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
    parameters = row.get("supported_parameters")
    named = {"provider_name": row.get("provider_name"), "tag": tag}
    return ImageEndpoint(
        endpoint=parse_endpoint(named),
        lines=prices.parse_image_prices(row.get("pricing")),
        parameters=parameters if isinstance(parameters, dict) else {},
    )


def _parsed(
    rows: Mapping[str, Iterable[Mapping[str, Any]]] | None,
    parse: Callable[[Mapping[str, Any]], _Parsed],
) -> dict[str, tuple[_Parsed, ...]]:
    """Rows by the model's id, each parsed."""
    return {model_id: tuple(map(parse, some)) for model_id, some in (rows or {}).items()}


def _object(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = row.get(name)
    return found if isinstance(found, dict) else {}


def _words(value: Any) -> tuple[str, ...]:
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()


def _positive(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return None
    return int(value)
