"""The account: generations, the caller's key, credits and members."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .. import clock, limits
from ..billing import ZERO, BillRow, wire_number
from ..call import Route
from ..errors import USER_ID, ApiError, invalid_body

if TYPE_CHECKING:
    from ..call import Call

# `/credits` needs a number even if `credits` is not set.
_ENDLESS = Decimal(1000)
_CATEGORIES = (
    *("latency", "incoherence", "incorrect_response", "formatting"),
    *("billing", "api_error", "other"),
)
_LATENCY_MS = 250
_MS_PER_TOKEN = 12
_API_TYPES = {
    "/audio/speech": "tts",
    "/audio/transcriptions": "stt",
    "/embeddings": "embeddings",
    "/images": "image",
    "/rerank": "rerank",
}


def generation(call: Call) -> dict[str, Any]:
    """Return the body of `GET /generation?id=`.

    Raises:
        ApiError: 404 for an unknown id.
    """
    row = _row(call, call.query.get("id", ""))
    return {
        "data": {
            "id": row.generation_id,
            "upstream_id": None,
            "total_cost": wire_number(row.cost),
            "usage": wire_number(row.cost),
            "upstream_inference_cost": wire_number(row.upstream_cost) if row.is_byok else 0,
            "cache_discount": None,
            "created_at": clock.instant(row.created_at),
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


def _row(call: Call, generation_id: str) -> BillRow:
    row = call.state.bill.find(generation_id)
    if row is None:
        raise ApiError(404, f"Generation {generation_id} not found")
    return row


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


def generation_content(call: Call) -> dict[str, Any]:
    """Refuse the content: the emulator stores no prompts, like an account without logging.

    Raises:
        ApiError: 404, always.
    """
    generation_id = call.query.get("id", "")
    _row(call, generation_id)
    raise ApiError(404, f"The content of generation {generation_id} was not stored")


def feedback(call: Call) -> dict[str, Any]:
    """Accept feedback on a generation; it is not kept.

    Raises:
        ApiError: 404 for an unknown id.
    """
    fields = call.given()
    if fields.choice("category", _CATEGORIES) is None:
        raise invalid_body("category: Required")
    _row(call, fields.name("generation_id"))
    return {"data": {"success": True}}


def credit_balance(call: Call) -> dict[str, Any]:
    """Return the body of `GET /credits`."""
    bought = call.state.bought()
    return {
        "data": {
            "total_credits": wire_number(_ENDLESS if bought is None else bought),
            "total_usage": wire_number(call.state.bill.total),
        }
    }


def current_key(call: Call) -> dict[str, Any]:
    """Return the body of `GET /key`."""
    state, key, now = call.state, call.state.key, call.state.now()
    found = limits.budgets(state)
    first = limits.tightest(found)
    return {
        "data": {
            "label": key.label,
            **key.limits(now),
            **key.usage(now),
            "creator_user_id": key.creator,
            "workspace_id": key.workspace,
            "organization_id": None,
            "is_free_tier": state.bought() == ZERO,
            "is_management_key": key.manages,
            "is_provisioning_key": key.manages,
            "allowed_data_regions": ["global"],
            "budgets": [budget.wire(now) for budget in found],
            "effective_budget": None if first is None else first.wire(now),
            "free_model_daily_requests": state.rates.free_today(now, state.bought()),
            "rate_limit": {"requests": -1, "interval": "10s", "note": "This field is deprecated."},
        }
    }


def list_members(call: Call) -> dict[str, Any]:
    """Return a page of the organization's members: its administrator and the owners of keys."""
    users = [USER_ID, *(key.creator for key in reversed(call.state.keys.all()) if key.creator)]
    return call.listing(list(dict.fromkeys(users)), _member)


def _member(user: str) -> dict[str, Any]:
    return {
        "id": user,
        "email": f"{user}@example.com",
        "first_name": None,
        "last_name": None,
        "role": "org:admin" if user == USER_ID else "org:member",
    }


ROUTES = (
    Route("GET", "/generation", generation, "any key"),
    Route("GET", "/generation/content", generation_content, "any key"),
    Route("POST", "/generation/feedback", feedback),
    Route("GET", "/key", current_key, "any key"),
    Route("GET", "/auth/key", current_key, "any key"),
    Route(
        "GET",
        "/credits",
        credit_balance,
        refusal="Only management keys can fetch credits for an account",
    ),
    Route("GET", "/organization/members", list_members),
)
