"""A model and its endpoints in the wire's form, as all lists of them show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .catalog import models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .catalog import Endpoint, Model, Reasoning

_SAMPLING = (
    *("temperature", "top_p", "top_k"),
    *("frequency_penalty", "presence_penalty", "repetition_penalty"),
)
_OPENAI_EFFORTS = ("high", "medium", "low", "minimal")


def listing(shown: Sequence[Model] | None = None, total: int | None = None) -> dict[str, Any]:
    """Return a list of models as `/models` answers; without any given, of all that are listed.

    Args:
        shown: The models of a page.
        total: How many there are on all pages.
    """
    if shown is None:
        shown = [model for model in models() if model.listed]
    rows = [model_object(model) for model in shown]
    total = len(rows) if total is None else total
    return {"data": rows, "total_count": total, "links": {"next": None}}


def model_object(model: Model) -> dict[str, Any]:
    """Return one model as `/models` has it."""
    top = model.endpoints[0]
    wire: dict[str, Any] = {
        "id": model.id,
        "canonical_slug": model.canonical_slug,
        "hugging_face_id": None,
        "name": model.name,
        "created": model.created,
        "description": f"{model.name}, as the emulator serves it.",
        "context_length": model.context_length,
        "architecture": _architecture(model),
        "pricing": model.pricing,
        "top_provider": {
            "context_length": top.context_length,
            "max_completion_tokens": top.max_completion_tokens,
            "is_moderated": model.is_moderated,
        },
        "per_request_limits": None,
        "supported_parameters": sorted(model.parameters),
        "default_parameters": dict.fromkeys(_SAMPLING) if model.reasoning else {},
        "supported_voices": None,
        "knowledge_cutoff": None,
        "expiration_date": None,
        "links": {"details": f"/api/v1/models/{model.canonical_slug}/endpoints"},
    }
    if model.reasoning is not None:
        wire["reasoning"] = _reasoning(model.reasoning)
    return wire


def _reasoning(reasoning: Reasoning) -> dict[str, Any]:
    wire: dict[str, Any] = {"mandatory": reasoning.when == "always"}
    if reasoning.format == "openai-responses-v1":
        wire |= {"supported_efforts": list(_OPENAI_EFFORTS), "default_effort": "medium"}
    return wire


def endpoints_object(model: Model) -> dict[str, Any]:
    """Return the body of `GET /models/{author}/{slug}/endpoints`."""
    return {
        "data": {
            "id": model.id,
            "name": model.name,
            "created": model.created,
            "description": f"{model.name}, as the emulator serves it.",
            "architecture": _architecture(model),
            "endpoints": [endpoint_object(model, endpoint) for endpoint in model.endpoints],
        }
    }


def _architecture(model: Model) -> dict[str, Any]:
    return {
        "modality": f"{'+'.join(model.input)}->{'+'.join(model.output)}",
        "input_modalities": list(model.input),
        "output_modalities": list(model.output),
        "tokenizer": model.tokenizer,
        "instruct_type": None,
    }


def endpoint_object(model: Model, endpoint: Endpoint) -> dict[str, Any]:
    """Return one provider's offer of a model."""
    tool_choice = "tool_choice" in endpoint.parameters
    return {
        "name": f"{endpoint.provider} | {model.canonical_slug}",
        "model_id": model.id,
        "model_name": model.name,
        "context_length": endpoint.context_length,
        "pricing": {**endpoint.pricing, "discount": 0},
        "provider_name": endpoint.provider,
        "tag": endpoint.tag,
        "quantization": endpoint.quantization or "unknown",
        "max_completion_tokens": endpoint.max_completion_tokens,
        "max_prompt_tokens": None,
        "supported_parameters": sorted(endpoint.parameters),
        "supports_implicit_caching": False,
        "supports_diarization": False,
        "supports_tool_choice": dict.fromkeys(
            ("none", "auto", "required", "function"), tool_choice
        ),
        "native_tools": {},
        "service_tier": None,
        "status": 0,
        "uptime_last_5m": 100,
        "uptime_last_30m": 100,
        "uptime_last_1d": 100,
        "latency_last_30m": _percentiles(endpoint.latency * 1000),  # Milliseconds.
        "throughput_last_30m": _percentiles(endpoint.throughput),
    }


def _percentiles(median: float) -> dict[str, float]:
    return {"p50": median, "p75": median, "p90": median, "p99": median}
