"""Errors in OpenRouter's wording, as its API sends them."""

from __future__ import annotations

from typing import Any

from . import typed_errors

CREDITS_PAGE = "https://openrouter.ai/settings/credits"
KEYS_PAGE = "https://openrouter.ai/settings/keys"
USER_ID = "user_emulator00000000000000000"
ROUTING_HELP = (
    "To learn more about provider routing, visit: "
    "https://openrouter.ai/docs/guides/routing/provider-selection"
)
PROVIDER_ERROR = "Provider returned error"
# What a response that was refused has besides its error.
_NO_RESPONSE = {"id": "resp-emulator", "object": "response", "output": []}


class ApiError(Exception):
    """A refusal that goes out as `{"error": {"code", "message", "metadata"}}`.

    Args:
        status: HTTP status, also the body's `error.code`.
        message: What the caller reads.
        metadata: `error.metadata`, left out when None.
        falls_back: Whether OpenRouter tries the next provider or model after it.
        provider: Who refused, for the bill; None when OpenRouter itself did.

    Attributes:
        headers: HTTP headers of the answer, beside the usual ones.
        page: HTML that goes out instead of the JSON, None for none.
        typed: The `error` object where the fault gives it a type, None for the plain one.
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

        Who isn't known (401) gets no `user_id`.
        """
        if path.startswith("/messages"):
            return typed_errors.messages_envelope(self.error(), self.status)
        if path.startswith("/responses") and self.typed is not None:
            return typed_errors.failed_response(_NO_RESPONSE, self.typed)
        if self.status == 401:
            return {"error": self.error()}
        return {"error": self.error(), "user_id": USER_ID}


def invalid_body(problem: str) -> ApiError:
    """A body that OpenRouter's own schema refuses."""
    return ApiError(400, problem)


def unknown_model(model: str) -> ApiError:
    """A model that nobody serves."""
    return ApiError(404, f"No endpoints found for {model}.", falls_back=True)


def no_endpoints(reason: str) -> ApiError:
    """All endpoints of a model were excluded; `reason` completes "No endpoints found …"."""
    return ApiError(404, f"No endpoints found {reason}. {ROUTING_HELP}", falls_back=True)


def context_length(limit: int, text_tokens: int, output_tokens: int) -> ApiError:
    """More tokens than the endpoint holds."""
    parts = f"{text_tokens} of text input"
    if output_tokens:
        parts += f", {output_tokens} in the output"
    return ApiError(
        400,
        f"This endpoint's maximum context length is {limit} tokens. However, you requested about "
        f"{text_tokens + output_tokens} tokens ({parts}). Please reduce the length of either one, "
        "or use the context-compression plugin to compress your prompt automatically.",
        metadata={"provider_name": None},
        falls_back=True,
    )


def provider_error(status: int, provider: str, raw: str, **metadata: Any) -> ApiError:
    """An upstream's refusal, whose own words ride in `metadata.raw`."""
    return ApiError(
        status,
        PROVIDER_ERROR,
        metadata={"raw": raw, "provider_name": provider or None, **metadata},
        falls_back=status not in {400, 401},
        provider=provider,
    )


def payment_required(
    words: str, source: str = "openrouter_credits", reset: str | None = None
) -> ApiError:
    """Return the refusal of a request that costs too much.

    Args:
        words: What is missing.
        source: The limit that is too low, in OpenRouter's words.
        reset: The limit's window, None for a limit that is never reset.
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
    """Return the refusal of more completion tokens than can be paid."""
    words = (
        "This request requires more credits, or fewer max_tokens. You requested up to "
        f"{requested} tokens, but can only afford {affordable}. "
    )
    return payment_required(words, source, reset)
