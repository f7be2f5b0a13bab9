"""`/completions`: a chat whose only message is the prompt, with its answer as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from . import chat_format
from .errors import invalid_body
from .inference import Form, conversation
from .sending import sse

if TYPE_CHECKING:
    from .completion import Completion
    from .faults import Fault
    from .state import Settings


def _chat_body(body: dict[str, Any]) -> dict[str, Any]:
    prompt = body.get("prompt")
    prompts = prompt if isinstance(prompt, list) else [prompt]
    if not prompts or not all(isinstance(one, str) and one for one in prompts):
        raise invalid_body('Input required: specify "prompt" or "messages"')
    rest = {name: value for name, value in body.items() if name != "prompt"}
    return {**rest, "messages": [{"role": "user", "content": "\n".join(map(str, prompts))}]}


def _whole(completion: Completion, body: dict[str, Any], fault: Fault | None) -> bytes:
    return orjson.dumps(_text(orjson.loads(chat_format.whole(completion, body, fault))))


def _stream(
    completion: Completion, body: dict[str, Any], fault: Fault | None, settings: Settings
) -> tuple[list[bytes], bytes]:
    events, end = chat_format.stream(completion, body, fault, settings)
    return [_event(event) for event in events], _events(end)


def _events(several: bytes) -> bytes:
    return b"".join(_event(event + b"\n\n") for event in several.split(b"\n\n") if event)


def _event(event: bytes) -> bytes:
    try:
        chunk = orjson.loads(event.removeprefix(b"data: "))
    except orjson.JSONDecodeError:
        # [DONE], or an event cut off by a fault.
        return event
    return sse(_text(chunk))


def _text(body: dict[str, Any]) -> dict[str, Any]:
    """Return a chat's answer or chunk in the form of a text completion."""
    inner = body.get("provider")
    if isinstance(inner, dict):
        return {**body, "provider": _text(inner)}
    made = {**body, "object": "text_completion"} if "object" in body else body
    choices = body.get("choices")
    if isinstance(choices, list):
        made["choices"] = [_choice(choice) for choice in choices]
    return made


def _choice(choice: dict[str, Any]) -> dict[str, Any]:
    message = choice.get("message") or choice.get("delta") or {}
    rest = {name: value for name, value in choice.items() if name not in {"message", "delta"}}
    names = ("reasoning", "reasoning_details")
    thought = {name: message[name] for name in names if message.get(name)}
    return {"text": message.get("content") or "", **thought, **rest}


ROUTES = (conversation(Form("/completions", _chat_body, _whole, _stream, is_cached=False)),)
