"""Reasoning in its three forms: OpenRouter's details, plain text, and Anthropic's thinking blocks.

A detail is `reasoning.text` (with a signature if the provider signs), `reasoning.summary`
or `reasoning.encrypted`; see https://openrouter.ai/docs/use-cases/reasoning-tokens.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ANTHROPIC_FORMAT: Final = "anthropic-claude-v1"
# The format of unsigned reasoning, which no provider takes for signed.
UNSIGNED_FORMAT: Final = "unknown"


def text(message: Mapping[str, Any]) -> str | None:
    """The readable reasoning of a message or a delta; never encrypted data."""
    for name in ("reasoning", "reasoning_content"):
        if isinstance(message.get(name), str) and message[name]:
            return str(message[name])
    shown = [
        detail.get("text") or detail.get("summary")
        for detail in _details(message.get("reasoning_details"))
        if detail.get("type") in {"reasoning.text", "reasoning.summary"}
    ]
    return "".join(piece for piece in shown if isinstance(piece, str)) or None


def thinking_blocks(details: Any) -> list[dict[str, Any]]:
    """Anthropic's thinking blocks, from the details in its formats."""
    blocks: list[dict[str, Any]] = []
    for detail in _details(details):
        if not is_anthropic(detail):
            continue
        if detail.get("type") == "reasoning.text":
            blocks.append(
                {
                    "type": "thinking",
                    "thinking": detail.get("text") or "",
                    "signature": detail.get("signature") or "",
                }
            )
        elif detail.get("type") == "reasoning.encrypted" and detail.get("data"):
            blocks.append({"type": "redacted_thinking", "data": detail["data"]})
    return blocks


def details_of_blocks(blocks: Iterable[Any]) -> list[dict[str, Any]]:
    """OpenRouter's details, from Anthropic's thinking blocks."""
    details: list[dict[str, Any]] = []
    for block in blocks:
        if not isinstance(block, dict):
            continue
        detail: dict[str, Any] = {"format": ANTHROPIC_FORMAT, "index": len(details)}
        if block.get("type") == "redacted_thinking":
            details.append({"type": "reasoning.encrypted", "data": block.get("data"), **detail})
        elif block.get("type") == "thinking":
            signed = {"text": block.get("thinking") or "", "signature": block.get("signature")}
            details.append({"type": "reasoning.text", **signed, **detail})
    return details


def wants_signatures(model: str, fields: Mapping[str, Any] = MappingProxyType({})) -> bool | None:
    """Whether all models that may answer refuse unsigned reasoning; None if unknown.

    Anthropic's and Google's do. A router, a preset or a list of fallbacks may choose either kind.

    Args:
        model: The model asked for, as OpenRouter names it.
        fields: The other fields of the request; `models` and `preset` may name more models.
    """
    if fields.get("preset"):
        return None
    others = fields.get("models")
    names = [model, *(others if isinstance(others, list) else ())]
    kinds = {_wants_signature(str(name).lower()) for name in names}
    return kinds.pop() if len(kinds) == 1 else None


def _wants_signature(model: str) -> bool | None:
    name = model.removeprefix("openrouter/")
    if "@preset/" in name or (name != model and "/" not in name):
        return None
    return "claude" in name or "gemini" in name or name.lstrip("~").startswith("anthropic/")


def fields_for(details: Any, thought: str | None, *, signed: bool | None) -> dict[str, Any]:
    """An assistant message's fields that hold its reasoning.

    Anthropic and Google refuse the whole request if reasoning lost its signature, or never had one;
    other models refuse a tool turn without their reasoning. If either may answer, unsigned
    reasoning is sent as a detail in a format that no provider takes for a signed one.

    Args:
        details: The message's details; None if it has none.
        thought: Its reasoning as plain text.
        signed: The result of `wants_signatures` for the request.
    """
    entries = details if isinstance(details, list) else ()
    kept = [detail for detail in entries if not _is_broken(detail)]
    if kept:
        # They hold everything; the text would repeat it without a signature.
        return {"reasoning_details": kept}
    empty = {"reasoning_details": details} if details == [] else {}
    lost = thought if thought is not None else text({"reasoning_details": details})
    if lost is None or signed:
        return empty
    if lost and signed is None and not empty:
        return {"reasoning_details": [_unsigned(lost)]}
    return {"reasoning": lost, **empty}


def _unsigned(thought: str) -> dict[str, Any]:
    return {"type": "reasoning.text", "text": thought, "format": UNSIGNED_FORMAT, "index": 0}


def without_sent(details: list[Any], sent: set[Any]) -> list[Any]:
    """The details whose ids are not in `sent`; adds their ids to it.

    Providers refuse duplicate ids. Clients that split parallel tool calls into one message each put
    the same details on all of them.
    """
    fresh = [detail for detail in details if _key(detail) not in sent]
    # Otherwise a broken one would exclude its intact twin in a later message.
    sent.update(filter(None, (_key(detail) for detail in fresh if not _is_broken(detail))))
    return fresh


def _key(detail: Any) -> Any:
    given = detail.get("id") if isinstance(detail, dict) else None
    if not given:
        return None
    if str(detail.get("format")).startswith("google"):
        # Its ids are those of tool calls, which some providers number from the start in each turn.
        return str(given), str(detail.get("data") or detail.get("text"))
    return str(given)


def _is_broken(detail: Any) -> bool:
    """Whether a detail has lost its signature, or its encrypted data."""
    if not isinstance(detail, dict):
        return False
    if detail.get("type") == "reasoning.encrypted":
        return not detail.get("data")
    if detail.get("type") == "reasoning.text" and is_anthropic(detail):
        return not detail.get("signature")
    return False


def is_anthropic(detail: Mapping[str, Any]) -> bool:
    """Whether a detail is in one of Anthropic's formats."""
    return str(detail.get("format") or "").startswith("anthropic")


def _details(details: Any) -> list[dict[str, Any]]:
    if not isinstance(details, list):
        return []
    return [detail for detail in details if isinstance(detail, dict)]
