"""`/completions`: a chat with one message for the prompt, its words as text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from . import chat, chat_stream, faults, sending
from .bodies import check_object
from .errors import invalid_body

if TYPE_CHECKING:
    from aiohttp import web

    from .faults import RequestFaults
    from .state import State

PATH = "/completions"
_PREFIX = b"data: "


async def answer(
    request: web.BaseRequest, state: State, body: Any, asked: RequestFaults
) -> web.StreamResponse:
    """Answer a request, as a whole or as a stream.

    Raises:
        ApiError: The body is refused, or no provider can answer it.
    """
    prompt = check_object(body).get("prompt")
    prompts = prompt if isinstance(prompt, list) else [prompt]
    if not prompts or not all(isinstance(one, str) and one for one in prompts):
        raise invalid_body('Input required: specify "prompt" or "messages"')
    messages = [{"role": "user", "content": "\n".join(map(str, prompts))}]
    rest = {name: value for name, value in body.items() if name != "prompt"}
    finished = chat.complete(state, {**rest, "messages": messages}, asked)
    finished = replace(finished, path=PATH)
    fault = asked.take("answer", finished.model.id, finished.endpoint.provider)
    if fault is not None:
        finished = faults.settled(finished, fault)
    if body.get("stream"):
        events, end = sending.spoiled_events(finished, fault, state.settings.chunk_tokens)
        sent = [_event(event) for event in events], _events(end)
        return await sending.send_stream(request, state, finished, fault, sent)
    row = chat.bill_row(finished, state.now(), streamed=False)
    state.charge(sending.named(row, fault))
    spoiled = sending.spoiled_body(finished, fault)
    whole = orjson.dumps(_text(orjson.loads(spoiled))) if spoiled else spoiled
    return await sending.send_json(request, whole, {"X-Generation-Id": finished.id}, fault)


def _events(several: bytes) -> bytes:
    return b"".join(_event(event + b"\n\n") for event in several.split(b"\n\n") if event)


def _event(event: bytes) -> bytes:
    try:
        chunk = orjson.loads(event.removeprefix(_PREFIX))
    except orjson.JSONDecodeError:
        # A comment, [DONE], or what a fault left of an event.
        return event
    return chat_stream.data(_text(chunk))


def _text(body: dict[str, Any]) -> dict[str, Any]:
    """Return a chat's answer or chunk as a text completion's."""
    inner = body.get("provider")
    if isinstance(inner, dict):
        return {**body, "provider": _text(inner)}
    made = {**body, "object": "text_completion"} if "object" in body else body
    choices = body.get("choices")
    if isinstance(choices, list):
        made["choices"] = [_choice(choice) for choice in choices]
    return made


def _choice(choice: dict[str, Any]) -> dict[str, Any]:
    said = choice.get("message") or choice.get("delta") or {}
    rest = {name: value for name, value in choice.items() if name not in {"message", "delta"}}
    thought = {name: said[name] for name in ("reasoning", "reasoning_details") if said.get(name)}
    return {"text": said.get("content") or "", **thought, **rest}
