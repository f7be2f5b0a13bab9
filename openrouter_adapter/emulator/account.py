"""What the account can ask about itself: a generation, its credits, its key."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .billing import ZERO, BillRow, wire_number
from .errors import unknown_generation

if TYPE_CHECKING:
    from .service import Service

# Where `credits` is not set, `/credits` must still say a number.
_ENDLESS = Decimal(1000)
_LATENCY_MS = 250
_MS_PER_TOKEN = 12
_API_TYPES = {
    "/audio/speech": "tts",
    "/audio/transcriptions": "stt",
    "/embeddings": "embeddings",
    "/images": "image",
    "/rerank": "rerank",
}


def generation(service: Service, generation_id: str) -> dict[str, Any]:
    """Return the body of `GET /generation?id=`.

    Raises:
        ApiError: 404 for an id that is on no bill.
    """
    row = service.bill.find(generation_id)
    if row is None:
        raise unknown_generation(generation_id)
    created = datetime.fromtimestamp(row.created_at, timezone.utc)
    return {
        "data": {
            "id": row.generation_id,
            "upstream_id": None,
            "total_cost": wire_number(row.cost),
            "usage": wire_number(row.cost),
            "upstream_inference_cost": wire_number(row.upstream_cost) if row.is_byok else 0,
            "cache_discount": None,
            "created_at": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "model": row.model,
            "provider_name": row.provider or None,
            "provider_responses": None,
            "api_type": _API_TYPES.get(row.endpoint, "completions"),
            "streamed": row.streamed,
            "cancelled": row.cancelled,
            "latency": _LATENCY_MS,
            "moderation_latency": None,
            "generation_time": _MS_PER_TOKEN * row.tokens_completion,
            "finish_reason": row.finish_reason,
            "native_finish_reason": row.native_finish_reason,
            **_tokens(row),
            "is_byok": row.is_byok,
            "app_id": None,
            "data_region": "global",
            "external_user": None,
            "http_referer": None,
            "origin": "",
            "preset_id": None,
            "router": None,
            "service_tier": None,
            "user_agent": None,
            "workspace_id": None,
        }
    }


def _tokens(row: BillRow) -> dict[str, Any]:
    return {
        "tokens_prompt": row.tokens_prompt,
        "tokens_completion": row.tokens_completion,
        "native_tokens_prompt": row.tokens_prompt,
        "native_tokens_completion": row.tokens_completion,
        "native_tokens_reasoning": row.tokens_reasoning,
        "native_tokens_cached": row.tokens_cached,
        "native_tokens_completion_images": row.tokens_image,
        "num_media_prompt": None,
        "num_media_completion": None,
        "num_input_audio_prompt": None,
        "num_search_results": None,
        "num_fetches": None,
        "web_search_engine": None,
    }


def credit_balance(service: Service) -> dict[str, Any]:
    """Return the body of `GET /credits`."""
    bought = service.settings.credits
    return {
        "data": {
            "total_credits": wire_number(_ENDLESS if bought is None else bought),
            "total_usage": wire_number(service.bill.total),
        }
    }


def key(service: Service) -> dict[str, Any]:
    """Return the body of `GET /key`."""
    spent = wire_number(service.bill.total)
    byok = wire_number(sum((row.upstream_cost for row in service.bill.rows() if row.is_byok), ZERO))
    return {
        "data": {
            "label": "sk-or-v1-emu...tor",
            "creator_user_id": None,
            "workspace_id": None,
            "organization_id": None,
            "limit": None,
            "limit_remaining": None,
            "limit_reset": None,
            "include_byok_in_limit": False,
            **dict.fromkeys(("usage", "usage_daily", "usage_weekly", "usage_monthly"), spent),
            **dict.fromkeys(
                ("byok_usage", "byok_usage_daily", "byok_usage_weekly", "byok_usage_monthly"), byok
            ),
            "is_free_tier": False,
            "is_management_key": False,
            "is_provisioning_key": False,
            "allowed_data_regions": ["global"],
            "budgets": [],
            "effective_budget": None,
            "free_model_daily_requests": {"limit": 1000, "remaining": 1000, "used": 0},
            "rate_limit": {"requests": -1, "interval": "10s", "note": "This field is deprecated."},
            "expires_at": None,
        }
    }
