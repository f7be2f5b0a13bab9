"""OpenRouter's typed errors and availability codes, each with the exception that it must be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import litellm

from tests.responses import asking
from tests.responses.test_requests import response
from tests.support import calls
from tests.support.failures import delta_chunk, said, words
from tests.support.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

# error_type: its HTTP status, and the exception.
TYPES: dict[str, tuple[int, str]] = {
    "context_length_exceeded": (400, "ContextWindowExceededError"),
    "string_too_long": (400, "BadRequestError"),
    "token_limit_exceeded": (400, "BadRequestError"),
    "max_tokens_exceeded": (400, "BadRequestError"),
    "content_policy_violation": (400, "ContentPolicyViolationError"),
    "refusal": (400, "ContentPolicyViolationError"),
    "invalid_request": (400, "BadRequestError"),
    "invalid_prompt": (400, "BadRequestError"),
    "invalid_image": (400, "BadRequestError"),
    "image_too_large": (400, "BadRequestError"),
    "image_too_small": (400, "BadRequestError"),
    "unsupported_image_format": (400, "BadRequestError"),
    "image_download_failed": (400, "BadRequestError"),
    "image_not_found": (404, "NotFoundError"),
    "not_found": (404, "NotFoundError"),
    "authentication": (401, "AuthenticationError"),
    "payment_required": (402, "PaymentRequiredError"),
    "permission_denied": (403, "PermissionDeniedError"),
    "precondition_failed": (412, "BadRequestError"),
    "payload_too_large": (413, "BadRequestError"),
    "unprocessable": (422, "UnprocessableEntityError"),
    "rate_limit_exceeded": (429, "RateLimitError"),
    "provider_overloaded": (503, "ServiceUnavailableError"),
    "provider_unavailable": (502, "BadGatewayError"),
    "server": (500, "InternalServerError"),
    "unmapped": (500, "InternalServerError"),
    "timeout": (504, "Timeout"),
}
# availability.code: its error_type, HTTP status, whether it is retryable, and the exception.
CODES: dict[str, tuple[str, int, bool, str]] = {
    "model_not_found": ("invalid_request", 400, False, "BadRequestError"),
    "wrong_endpoint": ("invalid_request", 400, False, "BadRequestError"),
    "no_endpoints": ("not_found", 404, False, "NotFoundError"),
    "model_deprecated": ("not_found", 404, False, "NotFoundError"),
    "model_unavailable_upstream": ("not_found", 404, False, "NotFoundError"),
    "capacity_exhausted": ("rate_limit_exceeded", 429, True, "RateLimitError"),
    "temporarily_unavailable": ("provider_overloaded", 503, True, "ServiceUnavailableError"),
    "region_restricted": ("permission_denied", 403, False, "PermissionDeniedError"),
    "privacy_restricted": ("not_found", 404, False, "NotFoundError"),
    "constraint_filtered": ("not_found", 404, False, "NotFoundError"),
    "free_variant_ended": ("not_found", 404, False, "NotFoundError"),
}
ROUTER_METADATA = {"requested": "openai/gpt-4o-mini", "strategy": "direct", "attempt": 1}
MASKED = {"server", "unmapped"}


def typed(error_type: str, code: Any = None, **error: Any) -> dict[str, Any]:
    """Return an `error` as chats, images and embeddings have it: the message says nothing."""
    metadata = {"error_type": error_type}
    if error_type not in MASKED:
        metadata["provider_code"] = "zzz"
    status = TYPES.get(error_type, (400,))[0]
    return {
        "code": status if code is None else code,
        "message": "Provider returned error",
        "metadata": metadata,
        **error,
    }


def availability(code: str, **fields: Any) -> dict[str, Any]:
    """Return `error.availability`, with a hint of everything."""
    _, _, is_retryable, _ = CODES.get(code, ("", 0, False, ""))
    return {
        "code": code,
        "retryable": is_retryable,
        "requested_models": ["openai/gpt-4o-mini"],
        "affected_providers": ["openai", "azure"],
        "excluded_by": ["data_policy:zdr", "max_price"],
        "constraint": {"field": "max_price", "detail": "0.1 USD is below every endpoint"},
        "fallback_models": ["openai/gpt-4.1-mini", "qwen/qwen3-32b"],
        "docs_url": f"https://openrouter.ai/docs/errors#{code}",
        **fields,
    }


def unavailable(code: str, **fields: Any) -> dict[str, Any]:
    """Return an `error` of a model that can't be served: it has no `code`, but `http_status`."""
    error_type, status, *_ = CODES[code]
    return {
        "message": "The model can't be served",
        "error_type": error_type,
        "http_status": status,
        "availability": availability(code, **fields),
        "metadata": {"previous_errors": [{"provider": "openai", "code": code, "status": status}]},
    }


def refusal(error: dict[str, Any], status: int) -> Callable[[dict[str, Any]], Reply]:
    """Answer with the error's HTTP status."""
    return lambda _: Reply({"error": error, "openrouter_metadata": ROUTER_METADATA}, status)


def interruption(error: dict[str, Any]) -> Callable[[dict[str, Any]], Reply]:
    """Answer with status 200 and the error where the endpoint that is asked puts it."""

    def reply(body: dict[str, Any]) -> Reply:
        beside = {"openrouter_metadata": ROUTER_METADATA}
        if "messages" not in body:
            return _other(body, error, beside)
        if body.get("stream"):
            end = {**delta_chunk({"content": ""}, "error", error=error), **beside}
            end["choices"][0]["native_finish_reason"] = "MALFORMED_FUNCTION_CALL"
            return Reply([*words("Wren"), end])
        native = {"native_finish_reason": "MALFORMED_FUNCTION_CALL"}
        return Reply({**said("Wren", "error", error=error, **native), **beside})

    return reply


def _other(body: dict[str, Any], error: dict[str, Any], beside: dict[str, Any]) -> Reply:
    if "input" not in body or "embedding" in body["model"]:
        return Reply({"error": error, **beside})
    metadata = error.get("metadata", {})
    fields: dict[str, Any] = {
        "error_type": error.get("error_type") or metadata.get("error_type"),
        **beside,
    }
    # The Responses' own codes are coarse.
    kept = {
        name: error[name] for name in ("message", "http_status", "availability") if name in error
    }
    failed = response([], status="failed", error={"code": "server_error", **kept}, **fields)
    if not body.get("stream"):
        return Reply(failed)
    created = response([], status="in_progress", usage=None)
    return Reply(
        [
            {"type": "response.created", "response": created, "sequence_number": 0},
            {"type": "response.failed", "response": failed, "sequence_number": 1},
        ]
    )


def draw_dedicated(**keywords: Any) -> Any:
    """Draw over OpenRouter's images API."""
    return calls.draw(openrouter_image_route="images", **keywords)


async def adraw_dedicated(**keywords: Any) -> Any:
    """Draw over OpenRouter's images API, asynchronously."""
    return await calls.adraw(openrouter_image_route="images", **keywords)


def _name(way: asking.Way) -> str:
    return f"{'aresponses' if way.is_async else 'responses'}{', streamed' if way.is_stream else ''}"


WAYS: dict[str, Callable[..., Any]] = {
    **calls.WAYS,
    "image_generation on /images": draw_dedicated,
    "aimage_generation on /images": lambda **keywords: asyncio.run(adraw_dedicated(**keywords)),
    **{_name(way): way.ask for way in asking.WAYS},
}


def failure_of(way: str, **keywords: Any) -> Any:
    """Return what a call raises; what a Router's wrapper of a broken stream holds."""
    try:
        answer = WAYS[way](**keywords)
    except litellm.exceptions.MidStreamFallbackError as wrapped:
        return wrapped.original_exception or wrapped
    except Exception as raised:  # noqa: BLE001 - whatever is raised is what is judged
        return raised
    finally:
        if way.startswith("a"):
            # LiteLLM keeps its asynchronous clients, whose event loop has ended.
            litellm.in_memory_llm_clients_cache.flush_cache()
    raise AssertionError(f"it succeeded with {answer!r}")
