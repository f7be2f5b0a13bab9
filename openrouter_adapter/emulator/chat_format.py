"""`/chat/completions`: a completion as JSON and as server-sent events, intact or with a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from . import faults, reasoning, tokens
from .inference import Form, conversation
from .sending import DONE, sse

if TYPE_CHECKING:
    from .answers import Answer
    from .completion import Completion
    from .faults import Fault
    from .state import Settings


def _body(completion: Completion) -> dict[str, Any]:
    """Return the whole answer's JSON."""
    return {
        "id": completion.id,
        "object": "chat.completion",
        "created": completion.created,
        "model": completion.model.canonical_slug,
        "provider": completion.endpoint.provider,
        "system_fingerprint": None,
        "service_tier": completion.service_tier,
        "choices": [
            {
                "index": 0,
                "logprobs": None,
                "finish_reason": completion.answer.finish_reason,
                "native_finish_reason": completion.native_finish_reason,
                "message": _message(completion),
            }
        ],
        "usage": completion.wire_usage(),
    }


def _message(completion: Completion) -> dict[str, Any]:
    """Return the assistant's message, without keys for which there is no value."""
    answer, thought = completion.answer, completion.visible_thought
    form = completion.reasoning_format
    wire: dict[str, Any] = {
        "role": "assistant",
        "content": answer.content,
        "refusal": None,
        "reasoning": reasoning.shown_text(form, thought) if thought else None,
    }
    if answer.tool_calls:
        wire["tool_calls"] = _tool_calls(completion)
    if answer.images:
        wire["images"] = _images(answer)
    if completion.visible_thoughts:
        wire["reasoning_details"] = reasoning.all_details(form, completion.visible_thoughts)
    if answer.annotations:
        wire["annotations"] = list(answer.annotations)
    return wire


def _tool_calls(completion: Completion) -> list[dict[str, Any]]:
    """Return the message's tool calls; `arguments` may be missing."""
    return [
        {
            "type": "function",
            "index": place,
            "id": call_id,
            "function": {"name": call.name}
            if call.arguments is None
            else {"name": call.name, "arguments": call.arguments},
        }
        for place, (call, call_id) in enumerate(
            zip(completion.answer.tool_calls, completion.call_ids, strict=True)
        )
    ]


def _images(answer: Answer) -> list[dict[str, Any]]:
    """Return the message's images."""
    return [
        {"type": "image_url", "image_url": {"url": url}, "index": place}
        for place, url in enumerate(answer.images)
    ]


def _events(completion: Completion, chunk_tokens: int) -> list[bytes]:
    """Return the events up to the end of the choice, without comments and usage."""
    sent = [
        *_reasoning_events(completion, chunk_tokens),
        *_content_events(completion, chunk_tokens),
    ]
    answer = completion.answer
    if answer.images:
        sent += [_delta(completion, {"images": _images(answer)})]
    if answer.annotations:
        sent += [_delta(completion, {"annotations": list(answer.annotations)})]
    sent += _tool_events(completion, chunk_tokens)
    if answer.finish_reason is not None:
        sent.append(_chunk_event(completion, {"content": "", "role": "assistant"}, finished=True))
    return sent


def _usage_event(completion: Completion) -> bytes:
    """Return the last chunk before `[DONE]`, which repeats the finish reason and has the usage."""
    chunk = _chunk(completion, {"content": "", "role": "assistant"}, finished=True)
    choices = chunk.pop("choices")
    return sse(
        {
            **chunk,
            "service_tier": completion.service_tier,
            "choices": choices,
            "usage": completion.wire_usage(),
        }
    )


def _frame(completion: Completion) -> dict[str, Any]:
    """Return a chunk with an empty choice."""
    return _chunk(completion, {"content": "", "role": "assistant"}, finished=False)


def _error_event(
    completion: Completion,
    error: dict[str, Any],
    route: dict[str, Any],
    native_finish_reason: str | None,
    *,
    in_choice: bool,
) -> bytes:
    """Return the chunk with an error, of the answer or of its choice."""
    chunk = {**_frame(completion), **route}
    choice = {**chunk.pop("choices")[0], "finish_reason": "error"}
    choice["native_finish_reason"] = native_finish_reason
    if in_choice:
        return sse({**chunk, "choices": [{**choice, "error": error}]})
    usage = completion.wire_usage()
    return sse({**chunk, "error": error, "choices": [choice], "usage": usage})


def _chunk(completion: Completion, delta: dict[str, Any], *, finished: bool) -> dict[str, Any]:
    finish = completion.answer.finish_reason if finished else None
    native = completion.native_finish_reason if finished else None
    return {
        "id": completion.id,
        "object": "chat.completion.chunk",
        "created": completion.created,
        "model": completion.model.canonical_slug,
        "provider": completion.endpoint.provider,
        "choices": [
            {"index": 0, "delta": delta, "finish_reason": finish, "native_finish_reason": native}
        ],
    }


def _chunk_event(completion: Completion, delta: dict[str, Any], *, finished: bool = False) -> bytes:
    return sse(_chunk(completion, delta, finished=finished))


def _delta(completion: Completion, more: dict[str, Any]) -> bytes:
    return _chunk_event(completion, {"content": "", "role": "assistant", **more})


def _content_events(completion: Completion, chunk_tokens: int) -> list[bytes]:
    content = completion.answer.content
    if not content:
        return []
    # Content chunks differ only in their text. One frame for all is 9 times as fast.
    frame = _chunk_event(completion, {"content": "\0", "role": "assistant"})
    before, after = frame.split(b'"\\u0000"')
    dumps = orjson.dumps
    return [before + dumps(piece) + after for piece in tokens.pieces(content, chunk_tokens)]


def _reasoning_events(completion: Completion, chunk_tokens: int) -> list[bytes]:
    made: list[dict[str, Any]] = []
    for thought in completion.visible_thoughts:
        index = made[-1]["reasoning_details"][0]["index"] + 1 if made else 0
        cut = tokens.pieces(thought.text, chunk_tokens)
        form, is_redacted = completion.reasoning_format, thought.is_redacted
        made += reasoning.deltas(form, cut, index, is_redacted=is_redacted)
    return [_delta(completion, delta) for delta in made]


def _tool_events(completion: Completion, chunk_tokens: int) -> list[bytes]:
    sent: list[bytes] = []
    for call in _tool_calls(completion):
        function = call["function"]
        arguments = function.get("arguments")
        opening: dict[str, Any] = {"name": function["name"]}
        if arguments is not None:
            opening["arguments"] = ""
        first = {"index": call["index"], "id": call["id"], "type": "function"}
        deltas = [{**first, "function": opening}]
        deltas += [
            {"index": call["index"], "function": {"arguments": piece}}
            for piece in tokens.pieces(arguments or "", max(chunk_tokens, 4))
        ]
        sent += [
            _chunk_event(completion, {"content": None, "role": "assistant", "tool_calls": [delta]})
            for delta in deltas
        ]
    return sent


def whole(completion: Completion, _: dict[str, Any], fault: Fault | None) -> bytes:
    """Return the JSON of a whole answer, as a fault changes it."""
    model, provider = completion.model.id, completion.endpoint.provider
    if fault is None:
        return orjson.dumps(_body(completion))
    body = _body(completion)
    if fault.name in {"null-choices", "empty-choices"}:
        body["choices"] = None if fault.name == "null-choices" else []
    if fault.name in {"choice-error", "error-chunk"}:
        choice = body["choices"][0]
        choice["error"] = faults.error_object(fault, provider)
        native = choice.get("native_finish_reason")
        choice["native_finish_reason"] = fault.options.get("native", native)
        body |= faults.route_metadata(fault, model, provider)
    if fault.name == "nested-body":
        empty = dict.fromkeys(("id", "choices", "created", "model", "object", "usage"))
        body = {**empty, "provider": body}
    return orjson.dumps(body)


def stream(
    completion: Completion, _: dict[str, Any], fault: Fault | None, settings: Settings
) -> tuple[list[bytes], bytes]:
    """Return a stream's events and its end, as a fault changes them."""
    end = _usage_event(completion) + DONE
    events = _events(completion, settings.chunk_tokens)
    if fault is None:
        return events, end
    model, provider = completion.model.id, completion.endpoint.provider
    kept = events[: int(fault.number("after", 1))]
    if fault.name in {"null-choices", "empty-choices"}:
        frame = _frame(completion)
        frame["choices"] = None if fault.name == "null-choices" else []
        return [sse(frame)], end
    if fault.name in {"error-chunk", "choice-error"}:
        error = faults.error_object(fault, provider)
        in_choice = fault.name == "choice-error"
        route, native = faults.route_metadata(fault, model, provider), fault.options.get("native")
        event = _error_event(completion, error, route, native, in_choice=in_choice)
        return ([*kept, event], end) if in_choice else (kept, event + DONE)
    if fault.name == "bad-json":
        broken = events[len(kept)] if len(events) > len(kept) else events[-1]
        return [*kept, broken[: len(broken) // 2] + b"\n\n", *events[len(kept) + 1 :]], end
    if fault.name == "no-finish":
        return (kept if "after" in fault.options else events), b""
    return events, end


FORM = Form("/chat/completions", lambda body: body, whole, stream)
ROUTES = (conversation(FORM),)
