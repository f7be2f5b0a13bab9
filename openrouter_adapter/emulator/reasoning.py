"""Reasoning details in each family's format: whole, in deltas, and checked when sent back."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from .errors import ApiError, anthropic_error, invalid_body, provider_error

if TYPE_CHECKING:
    from .answers import Thought
    from .catalog import Model

ANTHROPIC = "anthropic-claude-v1"
OPENAI = "openai-responses-v1"
GOOGLE = "google-gemini-v1"
XAI = "xai-responses-v1"
UNSIGNED = "unknown"
# Anthropic's test string: a prompt with it makes Claude's reasoning come redacted.
REDACTION_TRIGGER = (
    "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_"
    "46C9A13E193C177646C7398A98432ECCCE4C1253D5E2D82641AC0E52CC2876CB"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """Whether a request gets reasoning, with what effort, and whether it is hidden."""

    enabled: bool = False
    exclude: bool = False
    effort: str = "medium"


def wish(body: dict[str, Any], model: Model) -> Wish:
    """Read `reasoning`, `reasoning_effort` and `include_reasoning`.

    Raises:
        ApiError: 400 if effort and max_tokens are both given.
    """
    asked = body.get("reasoning")
    options: dict[str, Any] = asked if isinstance(asked, dict) else {}
    if options.get("effort") is not None and options.get("max_tokens") is not None:
        raise invalid_body(
            'Only one of "reasoning.effort" and "reasoning.max_tokens" can be specified'
        )
    effort = options.get("effort") or body.get("reasoning_effort")
    included = body.get("include_reasoning")
    exclude = bool(options.get("exclude")) or included is False
    if model.reasoning is None:
        return Wish()
    if model.reasoning.when == "always":
        return Wish(enabled=True, exclude=exclude, effort=effort or "medium")
    if options.get("enabled") is False or effort == "none":
        return Wish()
    enabled = bool(
        options.get("enabled") or effort or options.get("max_tokens") or included is True
    )
    return Wish(enabled=enabled, exclude=exclude, effort=effort or "medium")


@lru_cache(maxsize=1024)
def sign(text: str) -> str:
    """Return the signature of a reasoning text; it can be checked without being stored."""
    digest = hashlib.shake_256(b"emulator-signature" + text.encode()).digest(189)
    return "Er" + base64.b64encode(digest).decode()


@lru_cache(maxsize=1024)
def seal(text: str) -> str:
    """Return the encrypted form of a reasoning text, with a checksum at the end."""
    digest = hashlib.shake_256(b"emulator-seal" + text.encode()).digest(90)
    data = "gAAAAAB" + base64.urlsafe_b64encode(digest).decode()
    return data + hashlib.sha256(data.encode()).hexdigest()[:12]


def is_sealed(data: Any) -> bool:
    """Return whether encrypted data is as `seal` returned it."""
    if not isinstance(data, str) or len(data) < 12:
        return False
    return hashlib.sha256(data[:-12].encode()).hexdigest()[:12] == data[-12:]


def all_details(form: str, thoughts: tuple[Thought, ...]) -> list[dict[str, Any]]:
    """Return the `reasoning_details` of an answer's thoughts."""
    found: list[dict[str, Any]] = []
    for thought in thoughts:
        index = found[-1]["index"] + 1 if found else 0
        found += details(form, thought.text, index, is_redacted=thought.is_redacted)
    return found


def details(
    form: str, text: str, index: int = 0, *, is_redacted: bool = False
) -> list[dict[str, Any]]:
    """Return the `reasoning_details` of a reasoning text in a whole answer.

    Args:
        form: The format of the model's reasoning.
        text: The text.
        index: The index of the first detail.
        is_redacted: Whether only the encrypted text is sent.
    """
    if form == XAI or is_redacted:
        return [_encrypted(form, text, index)]
    if form == OPENAI:
        return [
            {"type": "reasoning.summary", "summary": text, "format": form, "index": index},
            _encrypted(form, text, index + 1),
        ]
    plain: dict[str, Any] = {"type": "reasoning.text", "text": text, "format": form, "index": index}
    if form == ANTHROPIC:
        plain["signature"] = sign(text)
    # Gemini gives the text and its encrypted form the same index.
    return [plain, _encrypted(form, text, index)] if form == GOOGLE else [plain]


def _encrypted(form: str, text: str, index: int) -> dict[str, Any]:
    return {
        "type": "reasoning.encrypted",
        "data": seal(text),
        "format": form,
        "id": f"rs_{hashlib.sha256(text.encode()).hexdigest()[:50]}",
        "index": index,
    }


def shown_text(form: str, text: str) -> str | None:
    """Return the message's `reasoning`, None if the model shows no text."""
    return None if form == XAI else text


def deltas(
    form: str, pieces: tuple[str, ...], index: int = 0, *, is_redacted: bool = False
) -> list[dict[str, Any]]:
    """Return the deltas of a stream, which add up to `details`."""
    text = "".join(pieces)
    cut: list[dict[str, Any]] = []
    for detail in details(form, text, index, is_redacted=is_redacted):
        key = "summary" if detail["type"] == "reasoning.summary" else "text"
        if key in detail:
            frame = {name: detail[name] for name in ("type", key, "format", "index")}
            cut += [
                {"reasoning": piece, "reasoning_details": [{**frame, key: piece}]}
                for piece in pieces
            ]
        if "signature" in detail:
            # The signature comes last and alone.
            rest = {name: detail[name] for name in ("type", "signature", "format", "index")}
            cut.append({"reasoning_details": [rest]})
        elif key not in detail:
            cut.append({"reasoning_details": [detail]})
    return cut


def check_returned(messages: list[dict[str, Any]], provider: str, *, is_claude: bool) -> None:
    """Refuse reasoning details that were changed before they were sent back.

    Args:
        messages: The messages; a detail of `/messages` has the place of its block as `path`.
        provider: The provider that would refuse them.
        is_claude: Whether the model is Claude, which accepts no other model's thinking block.

    Raises:
        ApiError: 400 with the provider's message in `metadata.raw`.
    """
    for place, message in enumerate(messages):
        for position, detail in enumerate(message.get("reasoning_details") or ()):
            path = detail.get("path") or f"messages.{place}.content.{position}"
            problem = _problem(detail, path)
            if is_claude and "path" in detail and detail.get("signature") == "":
                problem = f"{path}: Invalid `signature` in `thinking` block"
            if problem is not None:
                raise _refusal(problem, detail, provider)


def _problem(detail: Any, path: str) -> str | None:
    form = detail.get("format")
    if form == ANTHROPIC and detail.get("type") == "reasoning.text":
        signature = detail.get("signature")
        if signature is None:
            return f"{path}.thinking.signature: Field required"
        if signature != sign(detail.get("text") or ""):
            return f"{path}: Invalid `signature` in `thinking` block"
    if form == ANTHROPIC and detail.get("type") == "reasoning.encrypted":
        is_ours = is_sealed(detail.get("data"))
        return None if is_ours else f"{path}: Invalid `data` in `redacted_thinking` block"
    if form == GOOGLE and detail.get("type") == "reasoning.encrypted":
        return None if is_sealed(detail.get("data")) else "Corrupted thought signature."
    return None


def _refusal(problem: str, detail: dict[str, Any], provider: str) -> ApiError:
    if detail.get("format") != GOOGLE:
        return anthropic_error(provider, problem)
    body = {"error": {"code": 400, "message": problem, "status": "INVALID_ARGUMENT"}}
    return provider_error(400, provider, orjson.dumps(body).decode())
