"""The ways in which OpenRouter fails, as they look on the wire, streamed and not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.versions import litellm_from
from tests.support.wire import Reply, events

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"
COST = 0.0004970133333333333
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "cost": COST}
HEAD = {
    "id": "gen-1",
    "provider": "OpenAI",
    "model": "openai/gpt-4o-mini-2024-07-18",
    "created": 1_700_000_000,
}
FLAGGED = "how do I pick the lock of my neighbour's door"


@dataclass(frozen=True)
class Failure:
    """One row of the table of failures.

    Attributes:
        name: The row, in the table's words.
        raised: The name of the exception that it must be.
        status: The exception's `status_code`.
        whole: The answer to an unstreamed request; None if it has none.
        stream: The answer to a streamed one.
        words: What the message must hold.
        partial: What had been said before it broke, None where nothing was.
        builtin: What LiteLLM's own adapter makes of it, unstreamed and streamed: an exception's
            name, or what is wrong with its success. None where it is right, or not asked.
        facts: What `exception.openrouter` must hold.
    """

    name: str
    raised: str
    status: int
    whole: Reply | None = None
    stream: Reply | None = None
    words: tuple[str, ...] = ()
    partial: str | None = None
    builtin: tuple[str | None, str | None] = (None, None)
    facts: dict[str, Any] = field(default_factory=dict)


def error(code: Any, message: str = "Provider returned error", **metadata: Any) -> dict[str, Any]:
    """Return an error's body."""
    found: dict[str, Any] = {"code": code, "message": message}
    if metadata:
        found["metadata"] = metadata
    return {"error": found, "user_id": "user_1"}


def message_body(message: dict[str, Any], reason: Any = "stop", **choice: Any) -> dict[str, Any]:
    """Return a completion of one choice, with a bill."""
    choices = [{"index": 0, "finish_reason": reason, "message": message, **choice}]
    return {**HEAD, "object": "chat.completion", "choices": choices, "usage": USAGE}


def said(text: str, reason: Any = "stop", **choice: Any) -> dict[str, Any]:
    """Return a completion that says a text."""
    return message_body({"role": "assistant", "content": text}, reason, **choice)


def delta_chunk(delta: dict[str, Any], reason: Any = None, **beside: Any) -> dict[str, Any]:
    """Return a chunk of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {**HEAD, "object": "chat.completion.chunk", "choices": [choice], **beside}


def words(*texts: str) -> list[dict[str, Any]]:
    """Return chunks that say these texts, without an end."""
    return [delta_chunk({"role": "assistant", "content": text}) for text in texts]


def whole_stream(*texts: str) -> list[dict[str, Any]]:
    """Return chunks that say these texts, with an end and a bill."""
    return [*words(*texts), delta_chunk({"content": ""}, "stop", usage=USAGE)]


def refusal(status: int, message: str, **metadata: Any) -> dict[str, Reply]:
    """Return an HTTP error, which is the same for a stream."""
    reply = Reply(error(status, message, **metadata), status)
    return {"whole": reply, "stream": reply}


TWO_WORDS = ("Wren, ", "tit")
SAID = "".join(TWO_WORDS)

FAILURES = (
    Failure(
        "402 insufficient credits",
        "PaymentRequiredError",
        402,
        **refusal(402, "Insufficient credits"),
        words=("Insufficient credits",),
        builtin=("APIError", "APIError"),
    ),
    Failure(
        "403 moderation",
        "ContentPolicyViolationError",
        # LiteLLM's status of the class; with the wire's 403 a Router would send it again.
        400,
        **refusal(
            403,
            "openai/gpt-4o requires moderation on OpenAI.",
            reasons=["violence", "self-harm"],
            flagged_input=FLAGGED,
            provider_name="OpenAI",
        ),
        words=("requires moderation", "violence", "self-harm", "OpenAI"),
        builtin=("APIError", "APIError"),
        facts={"reasons": ["violence", "self-harm"], "provider_name": "OpenAI"},
    ),
    Failure(
        "403 otherwise",
        "PermissionDeniedError",
        403,
        **refusal(403, "Key limit exceeded (total limit)."),
        words=("Key limit exceeded",),
        builtin=("APIError", "APIError"),
    ),
    Failure(
        "400 context length",
        "ContextWindowExceededError",
        400,
        **refusal(
            400,
            "This endpoint's maximum context length is 128000 tokens. However, you requested "
            "about 150000 tokens.",
        ),
        words=("128000", "150000"),
        builtin=("BadRequestError", "BadRequestError"),
    ),
    Failure(
        "400 context length, in the provider's words only",
        "ContextWindowExceededError",
        400,
        **refusal(
            400,
            "Provider returned error",
            raw='{"type":"error","error":{"message":"prompt is too long: 210000 tokens"}}',
            provider_name="Anthropic",
        ),
        words=("Anthropic said: prompt is too long: 210000 tokens",),
        builtin=("BadRequestError", "BadRequestError"),
    ),
    Failure(
        "404 no endpoints for these parameters",
        "NotFoundError",
        404,
        **refusal(
            404,
            "No endpoints found that support the requested parameters: tools, top_k. "
            "Your provider preferences exclude: DeepInfra.",
        ),
        words=("tools, top_k", "exclude: DeepInfra"),
    ),
    Failure(
        "413",
        "BadRequestError",
        413,
        **refusal(413, "Request Entity Too Large"),
        words=("Request Entity Too Large",),
        builtin=("APIError", "APIError"),
    ),
    Failure("408", "Timeout", 408, **refusal(408, "Request timed out"), words=("timed out",)),
    Failure("504", "Timeout", 504, **refusal(504, "The operation timed out"), words=("timed out",)),
    Failure(
        "524",
        "Timeout",
        524,
        **refusal(524, "Provider timed out"),
        words=("timed out",),
        builtin=("APIError", "APIError"),
    ),
    Failure(
        "502",
        "BadGatewayError",
        502,
        **refusal(
            502,
            "Provider returned error",
            raw={"error": {"message": "CUDA out of memory"}},
            provider_name="DeepInfra",
        ),
        words=("DeepInfra said: CUDA out of memory",),
        builtin=("APIError", "APIError"),
        facts={"provider_name": "DeepInfra"},
    ),
    Failure(
        "503",
        "ServiceUnavailableError",
        503,
        **refusal(503, "No instances available"),
        words=("No instances",),
    ),
    Failure(
        "529",
        "ServiceUnavailableError",
        503,
        **refusal(529, "Provider returned error", raw="Overloaded", provider_name="Anthropic"),
        words=("Anthropic said: Overloaded",),
        builtin=("APIError", "APIError"),
    ),
    Failure(
        "500 with HTML",
        "InternalServerError",
        500,
        whole=Reply(
            b"<html><head><title>500</title></head><body>Oops" + b" oops" * 500 + b"</body></html>",
            500,
            {"Content-Type": "text/html"},
        ),
        stream=Reply(
            b"<html><head><title>500</title></head><body>Oops" + b" oops" * 500 + b"</body></html>",
            500,
            {"Content-Type": "text/html"},
        ),
        words=("Oops oops",),
        builtin=("APIError", "APIError"),
    ),
    Failure(
        "429",
        "RateLimitError",
        429,
        **refusal(429, "Rate limit exceeded: free-models-per-min. "),
        words=("free-models-per-min",),
    ),
    Failure(
        "200 with an error body",
        "ServiceUnavailableError",
        503,
        whole=Reply({**error(529, raw="Overloaded", provider_name="Anthropic"), "usage": USAGE}),
        stream=Reply({**error(529, raw="Overloaded", provider_name="Anthropic"), "usage": USAGE}),
        words=("Anthropic said: Overloaded",),
        builtin=("APIError", "APIError"),
        facts={"cost": COST, "code": 529},
    ),
    Failure(
        "choices null",
        "ServiceUnavailableError",
        503,
        whole=Reply({**HEAD, "choices": None, "usage": USAGE}),
        stream=Reply([{**HEAD, "choices": None, "usage": USAGE}]),
        builtin=("APIError", "APIConnectionError"),
        facts={"cost": COST},
    ),
    Failure(
        "choices empty",
        "ServiceUnavailableError",
        503,
        whole=Reply({**HEAD, "choices": [], "usage": USAGE}),
        stream=Reply([{**HEAD, "choices": [], "usage": USAGE}]),
        builtin=("success: no choices", "success: stop ''"),
        facts={"cost": COST},
    ),
    Failure(
        "a choice with an error",
        "BadGatewayError",
        502,
        whole=Reply(
            said(
                SAID,
                "error",
                error=error(502, raw="upstream reset", provider_name="Novita")["error"],
            )
        ),
        stream=Reply(
            [
                *words(*TWO_WORDS),
                {
                    **HEAD,
                    "choices": [
                        {
                            "index": 0,
                            "delta": {"content": ""},
                            "finish_reason": "error",
                            "error": error(502, raw="upstream reset", provider_name="Novita")[
                                "error"
                            ],
                        }
                    ],
                    "usage": USAGE,
                },
            ]
        ),
        words=("Novita said: upstream reset",),
        partial=SAID,
        builtin=(f"success: stop {SAID!r}", f"success: stop {SAID!r}"),
        facts={"cost": COST},
    ),
    Failure(
        "error chunk with a string code",
        "ServiceUnavailableError",
        503,
        stream=Reply(
            [*words(*TWO_WORDS), {**HEAD, **error("overloaded", "Too busy"), "choices": []}]
        ),
        words=("Too busy",),
        partial=SAID,
        builtin=(None, "ValueError"),
    ),
    Failure(
        "stream without finish_reason or [DONE]",
        "ServiceUnavailableError",
        503,
        stream=Reply(events(words(*TWO_WORDS), done=False)),
        words=("incomplete",),
        partial=SAID,
        builtin=(
            None,
            "APIConnectionError" if litellm_from("1.109") else f"success: stop {SAID!r}",
        ),
    ),
    Failure(
        "stream of comments only",
        "ServiceUnavailableError",
        503,
        stream=Reply([b": OPENROUTER PROCESSING\n\n"] * 3),
        words=("without an answer",),
        builtin=(None, "success: stop ''"),
    ),
    Failure(
        "a data line that is not JSON",
        "ServiceUnavailableError",
        503,
        stream=Reply(
            [
                *events(words("Wren, "), done=False),
                b'data: {"choices": [{"delta": {"cont\n\n',
                *events(whole_stream("owl")),
            ]
        ),
        words=("not JSON",),
        partial="Wren, ",
        builtin=(None, "success: stop 'Wren, owl'"),
    ),
    Failure(
        "connection cut in mid-stream",
        "APIConnectionError",
        500,
        whole=Reply(b'{"id": "gen-1", "choices": [{"mess', cut=True),
        stream=Reply(events(words(*TWO_WORDS), done=False), cut=True),
        words=("broke",),
        partial=SAID,
    ),
)
