"""Faults on demand: how they are written, when they strike, and the errors that they make."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from . import answers, errors, typed_errors
from .errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence


HEADER = "x-emulator-fault"
# Faults that refuse a request, and faults of its answer.
REFUSALS = ("status", "rate-limit", "moderation", "credits", "html")
ANSWER_FAULTS = (
    "error-in-200",
    "error-chunk",
    "choice-error",
    "null-choices",
    "empty-choices",
    "nested-body",
    "bad-json",
    "comments-only",
    "no-finish",
    "no-arguments",
    "named-done",
    "cut",
    "hang-up",
    "stall",
    "slow-drip",
)
# Faults that strike a whole batch.
BATCH_FAULTS = ("batch-failed", "batch-expired", "batch-cancelled")
_KNOWN = REFUSALS + ANSWER_FAULTS + BATCH_FAULTS
_RAW = {
    429: "{model} is temporarily rate-limited upstream. Please retry shortly, or add your own key "
    "to accumulate your rate limits: https://openrouter.ai/settings/integrations",
    503: "upstream connect error or disconnect/reset before headers",
    529: '{{"type":"error","error":{{"type":"overloaded_error","message":"Overloaded"}}}}',
}
_MESSAGES = {
    402: "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
    403: "Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys",
    408: "Request timed out",
    413: "Request Entity Too Large",
    504: "The operation was aborted due to timeout",
    524: "Provider timed out",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: one thing that goes wrong.

    Attributes:
        name: One of `REFUSALS`, `ANSWER_FAULTS` or `BATCH_FAULTS`.
        value: The text after the name's `=`, empty if there is none.
        options: The other `key=value` parts.
        model: Only attempts on this model, by id; OpenRouter falls back after them.
        provider: Only attempts on this provider, by name or slug; likewise.
        path: Only requests to this path, such as `/generation` or `/batches/{}`.
        tells_route: Whether its answer has `openrouter_metadata`, because the caller's header
            asks for it.
    """

    name: str
    value: str = ""
    options: dict[str, str] = field(default_factory=dict)
    model: str | None = None
    provider: str | None = None
    path: str | None = None
    tells_route: bool = False

    @property
    def stage(self) -> str:
        """When it strikes: at a `request`, an `attempt` of a provider, an `answer`, a `batch`."""
        if self.name in ANSWER_FAULTS:
            return "answer"
        if self.name in BATCH_FAULTS:
            return "batch"
        return "attempt" if self.model or self.provider else "request"

    @property
    def code(self) -> int | str:
        """The error's code, a number or a word; by default its type's status, else 502."""
        if self.value:
            return int(self.value) if self.value.isdigit() else self.value
        return typed_errors.STATUSES.get(typed_errors.type_of(self.options) or "", 502)

    @property
    def status(self) -> int:
        """The HTTP status of the code, 502 for a word."""
        return self.code if isinstance(self.code, int) else 502

    def number(self, option: str, default: float) -> float:
        """Return an option as a number."""
        return float(self.options.get(option, default))

    def strikes(self, stage: str, path: str, model: str, provider: str) -> bool:
        """Return whether it strikes at this stage of this request."""
        slug = provider.lower().replace(" ", "-")
        return (
            self.stage == stage
            and self.path in {None, path}
            and self.model in {None, model}
            and self.provider in {None, provider, slug}
        )


def parse(spec: str) -> Fault:
    """Return the fault of a text such as `error-chunk=502; after=3; provider=openai`.

    Raises:
        ValueError: The text names no known fault.
    """
    first, *rest = (part.strip() for part in spec.split(";"))
    name, _, value = first.partition("=")
    if name not in _KNOWN:
        raise ValueError(f"Invalid fault {name!r}: use {', '.join(_KNOWN)}")
    options = {}
    for part in filter(None, rest):
        key, _, setting = part.partition("=")
        options[key.strip()] = setting.strip()
    return Fault(
        name,
        value.strip(),
        options,
        model=options.pop("model", None),
        provider=options.pop("provider", None),
        path=options.pop("path", None),
    )


@dataclass(slots=True)
class _Planned:
    """A configured fault, with its probability and how often it may strike."""

    fault: Fault
    times: int | None
    probability: float
    chance: random.Random

    def take(self) -> bool:
        """Return whether it strikes now, and count it."""
        if self.times == 0 or self.chance.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The configured faults, for `Emulator.faults`."""

    def __init__(self) -> None:
        """Start without any."""
        self._planned: list[_Planned] = []

    def add(
        self, spec: str, *, times: int | None = None, probability: float = 1.0, seed: int = 0
    ) -> None:
        """Let a fault strike from now on.

        Args:
            spec: The fault, as in the header `x-emulator-fault`.
            times: How often, None for always.
            probability: The probability that it strikes a request to which it applies.
            seed: Seed of the random choice, so that a run can be repeated.

        Raises:
            ValueError: There is no such fault.
        """
        chance = random.Random(seed)  # noqa: S311  (a coin, not a secret)
        self._planned.append(_Planned(parse(spec), times, probability, chance))

    def clear(self) -> None:
        """Remove all faults."""
        self._planned.clear()

    def of_request(
        self, header: str | None, path: str, *, tells_route: bool = False
    ) -> RequestFaults:
        """Return the faults that may strike one request.

        Args:
            header: The fault that the request asks for, if any.
            path: The endpoint's path.
            tells_route: Whether the request asks for `openrouter_metadata`.

        Raises:
            ApiError: 400 if the header names no known fault.
        """
        try:
            asked = parse(header) if header else None
        except ValueError as problem:
            raise errors.invalid_body(f"{HEADER}: {problem}") from None
        return RequestFaults(path, asked, self._planned, tells_route)


@dataclass(frozen=True, slots=True)
class RequestFaults:
    """The faults that may strike one request; the first that fits strikes.

    Attributes:
        path: The endpoint's path.
        asked: The fault that the request asks for, if any.
        planned: The configured ones.
        tells_route: Whether the request asks for `openrouter_metadata`.
    """

    path: str
    asked: Fault | None = None
    planned: Sequence[_Planned] = ()
    tells_route: bool = False

    def take(self, stage: str, model: str = "", provider: str = "") -> Fault | None:
        """Return the fault that strikes at a stage, None if none does."""
        fault = self._struck(stage, model, provider)
        return replace(fault, tells_route=True) if fault and self.tells_route else fault

    def _struck(self, stage: str, model: str, provider: str) -> Fault | None:
        if self.asked is not None and self.asked.strikes(stage, self.path, model, provider):
            return self.asked
        for planned in self.planned:
            struck = planned.fault.strikes(stage, self.path, model, provider)
            if struck and planned.take():
                return planned.fault
        return None


def refusal(fault: Fault, body: Any, model: str, provider: str, now: float) -> ApiError:
    """Return the error of a fault that refuses a request.

    Args:
        fault: The fault.
        body: The request's body, for the flagged text.
        model: The model's id.
        provider: The provider's name.
        now: Seconds since 1970.
    """
    error = _refusal(fault, body, model, provider, now)
    if "message" in fault.options:
        error.message = fault.options["message"]
    if "retry-after" in fault.options:
        error.headers["Retry-After"] = fault.options["retry-after"]
    # OpenRouter falls back from these failures of a provider.
    error.falls_back = fault.stage == "attempt" and error.status not in {400, 401, 402, 413}
    options = {"requested": model, **fault.options}
    error.typed = typed_errors.typed(error.error(), error.status, options)
    return error


def _refusal(fault: Fault, body: Any, model: str, provider: str, now: float) -> ApiError:
    if fault.name == "rate-limit":
        return _rate_limit(fault, now)
    if fault.name == "moderation":
        return _moderation(fault, body, model, provider)
    if fault.name == "credits":
        return errors.too_few_credits(int(fault.value or 4096), 0)
    status = fault.status if fault.name == "status" else int(fault.value or 500)
    if fault.name == "html":
        error = ApiError(status, "Internal Server Error", provider=provider)
        error.page = f"<html><head><title>{status}</title></head><body>Oops</body></html>"
        return error
    if status in _MESSAGES:
        return ApiError(status, _MESSAGES[status], provider=provider)
    raw = fault.options.get("raw") or _RAW.get(status, "upstream failed").format(model=model)
    return errors.provider_error(status, provider, raw)


def _rate_limit(fault: Fault, now: float) -> ApiError:
    reset = int((now + float(fault.value or 60)) * 1000)
    headers = {
        "X-RateLimit-Limit": "20",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(reset),
    }
    error = ApiError(
        429,
        "Rate limit exceeded: free-models-per-min. ",
        metadata={"headers": headers, "provider_name": None},
    )
    error.headers.update(headers)
    return error


def _moderation(fault: Fault, body: Any, model: str, provider: str) -> ApiError:
    reasons = fault.value.split("+") if fault.value else ["violence"]
    messages = body.get("messages") if isinstance(body, dict) else None
    flagged = answers.last_words(messages) if messages else ""
    return ApiError(
        403,
        f"{model} requires moderation on {provider}. Your input was flagged for "
        f'"{", ".join(reasons)}". No credits were charged.',
        metadata={
            "reasons": reasons,
            "flagged_input": flagged
            if len(flagged) <= 100
            else f"{flagged[:50]}...{flagged[-47:]}",
            "provider_name": provider,
            "model_slug": model,
        },
        provider=provider,
    )


def error_object(fault: Fault, provider: str) -> dict[str, Any]:
    """Return the `error` that a fault puts into a provider's answer."""
    error = {
        "code": fault.code,
        "message": fault.options.get("message", errors.PROVIDER_ERROR),
        "metadata": {
            "provider_name": provider,
            "raw": fault.options.get("raw", "upstream failed"),
        },
    }
    return typed_errors.typed(error, fault.status, fault.options)


def route_metadata(fault: Fault, model: str, provider: str) -> dict[str, Any]:
    """Return the route as `openrouter_metadata` if the caller asked for it, else nothing.

    A 500 has none: OpenRouter hides its details.
    """
    if not fault.tells_route or fault.status == 500:
        return {}
    return {"openrouter_metadata": typed_errors.route(model, provider)}


def error_body(fault: Fault, model: str, provider: str) -> dict[str, Any]:
    """Return the body of an answer that is only the `error` of a fault."""
    return {
        "error": error_object(fault, provider),
        "user_id": errors.USER_ID,
        **route_metadata(fault, model, provider),
    }
