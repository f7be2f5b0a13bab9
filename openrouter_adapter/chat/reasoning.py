"""Reasoning in its three forms: OpenRouter's details, plain text, Anthropic's thinking blocks.

A detail is `reasoning.text` (with a signature where the provider signs), `reasoning.summary`
or `reasoning.encrypted`; see https://openrouter.ai/docs/use-cases/reasoning-tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ANTHROPIC_FORMAT: Final = "anthropic-claude-v1"


def text(message: Mapping[str, Any]) -> str | None:
    """What a message or a delta shows of its reasoning. Encrypted data is never shown."""
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
    """Anthropic's thinking blocks of the details that are Anthropic's."""
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
    """OpenRouter's details of Anthropic's thinking blocks."""
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


def sendable(details: Any) -> list[Any]:
    """The details that a provider will take back: all, but those that lost what makes them valid.

    Anthropic refuses the whole request for a thinking text without its signature, and there is
    nothing to read in encrypted data that isn't there.
    """
    return [detail for detail in details if not _is_broken(detail)]


def _is_broken(detail: Any) -> bool:
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
