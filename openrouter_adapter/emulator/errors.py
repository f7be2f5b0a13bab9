"""Errors in OpenRouter's wording, as its API sends them."""

from __future__ import annotations

from typing import Any

import orjson

from . import typed_errors

CREDITS_PAGE = "https://openrouter.ai/settings/credits"
KEYS_PAGE = "https://openrouter.ai/settings/keys"
USER_ID = "user_emulator00000000000000000"
ROUTING_HELP = (
    "To learn more about provider routing, visit: "
    "https://openrouter.ai/docs/guides/routing/provider-selection"
)
PROVIDER_ERROR = "Provider returned error"
# The fields of a refused response besides its error.
_NO_RESPONSE = {"id": "resp-emulator", "object": "response", "output": []}


class ApiError(Exception):
    """A refused request, sent as `{"error": {"code", "message", "metadata"}}`.

    Args:
        status: HTTP status, also the body's `error.code`.
        message: The text that the caller reads.
        metadata: `error.metadata`; if None, the key is missing.
        falls_back: Whether OpenRouter then tries the next provider or model.
        provider: The provider that refused; None if OpenRouter itself did.

    Attributes:
        headers: Further HTTP headers of the answer.
        page: HTML to send instead of JSON, None to send JSON.
        typed: The `error` object with the type that a fault gives it, None for the plain one.
        error_type: The error's type on `/messages`; None for the usual type of its status.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        metadata: dict[str, Any] | None = None,
        falls_back: bool = False,
        provider: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.metadata = metadata
        self.falls_back = falls_back
        self.provider = provider
        self.headers: dict[str, str] = {}
        self.page: str | None = None
        self.typed: dict[str, Any] | None = None
        self.error_type: str | None = None

    def error(self) -> dict[str, Any]:
        """Return the `error` object."""
        if self.typed is not None:
            return self.typed
        error: dict[str, Any] = {"message": self.message, "code": self.status}
        if self.metadata is not None:
            error["metadata"] = self.metadata
        return error

    def body(self, path: str = "") -> dict[str, Any]:
        """Return the whole body in the form of an endpoint's path.

        With status 401 the caller is unknown, and `user_id` is missing.
        """
        if path.startswith("/messages"):
            return typed_errors.messages_envelope(self.error(), self.status, self.error_type)
        if path.startswith("/responses") and self.typed is not None:
            return typed_errors.failed_response(_NO_RESPONSE, self.typed)
        if self.status == 401:
            return {"error": self.error()}
        return {"error": self.error(), "user_id": USER_ID}


def invalid_body(problem: str) -> ApiError:
    """Return the error for a body that does not fit OpenRouter's schema."""
    return ApiError(400, problem)


def unknown_model(model: str) -> ApiError:
    """Return the error for a model that no provider serves."""
    return ApiError(404, f"No endpoints found for {model}.", falls_back=True)


def no_endpoints(reason: str) -> ApiError:
    """Return the error for a model without usable endpoints.

    Args:
        reason: Completes "No endpoints found …".
    """
    return ApiError(404, f"No endpoints found {reason}. {ROUTING_HELP}", falls_back=True)


def context_length(limit: int, text_tokens: int, output_tokens: int) -> ApiError:
    """Return the error for more tokens than the endpoint's context length."""
    parts = f"{text_tokens} of text input"
    if output_tokens:
        parts += f", {output_tokens} in the output"
    error = ApiError(
        400,
        f"This endpoint's maximum context length is {limit} tokens. However, you requested about "
        f"{text_tokens + output_tokens} tokens ({parts}). Please reduce the length of either one, "
        "or use the context-compression plugin to compress your prompt automatically.",
        metadata={"provider_name": None},
        falls_back=True,
    )
    error.error_type = "context_length_exceeded"
    return error


def provider_error(status: int, provider: str, raw: str) -> ApiError:
    """Return a provider's error, with the provider's own text in `metadata.raw`."""
    return ApiError(
        status,
        PROVIDER_ERROR,
        metadata={"raw": raw, "provider_name": provider or None},
        falls_back=status not in {400, 401},
        provider=provider,
    )


def anthropic_error(provider: str, problem: str) -> ApiError:
    """Return a provider's 400 in Anthropic's form."""
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": problem}}
    return provider_error(400, provider, orjson.dumps(body).decode())


def payment_required(words: str, source: str, reset: str | None) -> ApiError:
    """Return the error for a request that costs too much.

    Args:
        words: The start of the message.
        source: OpenRouter's name of the limit that is too low.
        reset: The limit's reset interval, None if it is never reset.
    """
    remedy = f"To increase, visit {CREDITS_PAGE} and add more credits"
    if source != "openrouter_credits":
        remedy = (
            f"To increase, visit {KEYS_PAGE} and create a key with a higher "
            f"{reset or 'total'} limit"
        )
    metadata = {"provider_name": None, "limit_source": source, "remedy_hint": remedy}
    return ApiError(402, words + remedy, metadata=metadata)


def too_few_credits(
    requested: int, affordable: int, source: str = "openrouter_credits", reset: str | None = None
) -> ApiError:
    """Return the error for more completion tokens than the caller can pay for."""
    words = (
        "This request requires more credits, or fewer max_tokens. You requested up to "
        f"{requested} tokens, but can only afford {affordable}. "
    )
    return payment_required(words, source, reset)
