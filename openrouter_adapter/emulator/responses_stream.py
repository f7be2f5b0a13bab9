"""A response as server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from . import chat_stream, faults, tokens, typed_errors
from .errors import USER_ID

if TYPE_CHECKING:
    from .completion import Completion
    from .faults import Fault

# Tokens in a delta of words, and in one of a call's arguments.
_DELTA_TOKENS = 4


def events(whole: dict[str, Any], started: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events of a response, the last one with all of it.

    Args:
        whole: The response.
        started: The response before anything was said.
    """
    sent: list[dict[str, Any]] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
    ]
    for index, item in enumerate(whole["output"]):
        sent += [{**event, "output_index": index} for event in _item_events(item)]
    sent.append({"type": f"response.{whole['status']}", "response": whole})
    return _numbered(sent)


def spoiled(
    whole: dict[str, Any], started: dict[str, Any], completion: Completion, fault: Fault | None
) -> tuple[list[bytes], bytes]:
    """Return a stream's events, and what ends it: the whole response and `[DONE]`, or less."""
    made = events(whole, started)
    *sent, last = [_data(event) for event in made]
    end = last + chat_stream.DONE
    if fault is None:
        return sent, end
    kept = sent[: 2 + int(fault.number("after", 1))]
    provider = completion.endpoint.provider
    error = faults.error_object(fault, provider)
    beside = faults.beside_error(fault, completion.model.id, provider)
    if fault.name == "comments-only":
        return [chat_stream.COMMENT] * int(fault.value or 3), b""
    if fault.name == "error-in-200":
        return [_data({"error": error, "user_id": USER_ID, **beside})], b""
    if fault.name == "error-chunk":
        response = typed_errors.failed_response({**whole, "output": [], **beside}, error)
        return kept, _data(
            {"type": "response.failed", "response": response, "sequence_number": len(kept)}
        )
    if fault.name == "choice-error":
        event = {"type": "error", **error, "code": str(error.get("code")), **beside}
        return kept, _data({**event, "param": None, "sequence_number": len(kept)})
    if fault.name == "bad-json":
        broken_line = sent[len(kept)] if len(sent) > len(kept) else sent[-1]
        return [*kept, broken_line[: len(broken_line) // 2] + b"\n\n"], end
    if fault.name in {"no-finish", "null-choices", "empty-choices"}:
        return (kept if fault.name != "no-finish" or "after" in fault.options else sent), b""
    return sent, end


def _data(event: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(event) + b"\n\n"


def _numbered(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**event, "sequence_number": number} for number, event in enumerate(sent)]


def _item_events(item: dict[str, Any]) -> list[dict[str, Any]]:
    empty = {**item, "status": "in_progress"}
    between: list[dict[str, Any]] = []
    if item["type"] == "message":
        empty["content"] = []
        between = _message_events(item)
    elif item["type"] == "function_call":
        empty["arguments"] = ""
        between = _call_events(item)
    elif item["type"] == "reasoning":
        empty = {name: empty[name] for name in ("id", "type", "status")} | {"summary": []}
        between = _thought_events(item)
    elif item["type"] == "image_generation_call":
        empty["result"] = None
    return [
        {"type": "response.output_item.added", "item": empty},
        *between,
        {"type": "response.output_item.done", "item": item},
    ]


def _message_events(item: dict[str, Any]) -> list[dict[str, Any]]:
    part = item["content"][0]
    place = {"item_id": item["id"], "content_index": 0}
    empty = {**part, "text": "", "annotations": []}
    sent: list[dict[str, Any]] = [
        {"type": "response.content_part.added", **place, "part": empty},
        *(
            {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
            for piece in tokens.pieces(part["text"], 1)
        ),
    ]
    sent += [
        {
            "type": "response.output_text.annotation.added",
            **place,
            "annotation_index": number,
            "annotation": annotation,
        }
        for number, annotation in enumerate(part["annotations"])
    ]
    text = {"text": part["text"], "logprobs": []}
    return [
        *sent,
        {"type": "response.output_text.done", **place, **text},
        {"type": "response.content_part.done", **place, "part": part},
    ]


def _call_events(item: dict[str, Any]) -> list[dict[str, Any]]:
    kind = "response.function_call_arguments"
    deltas = [
        {"type": f"{kind}.delta", "item_id": item["id"], "delta": piece}
        for piece in tokens.pieces(item["arguments"] or "", _DELTA_TOKENS)
    ]
    done = {"item_id": item["id"], "name": item["name"], "arguments": item["arguments"]}
    return [*deltas, {"type": f"{kind}.done", **done}]


def _thought_events(item: dict[str, Any]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    for number, part in enumerate(item.get("content") or ()):
        place = {"item_id": item["id"], "content_index": number}
        sent += [
            {"type": "response.reasoning_text.delta", **place, "delta": piece}
            for piece in tokens.pieces(part["text"], _DELTA_TOKENS)
        ]
        sent.append({"type": "response.reasoning_text.done", **place, "text": part["text"]})
    for number, part in enumerate(item["summary"]):
        place = {"item_id": item["id"], "summary_index": number}
        kind = "response.reasoning_summary"
        empty = {**part, "text": ""}
        sent.append({"type": f"{kind}_part.added", **place, "part": empty})
        sent += [
            {"type": f"{kind}_text.delta", **place, "delta": piece}
            for piece in tokens.pieces(part["text"], _DELTA_TOKENS)
        ]
        sent.append({"type": f"{kind}_text.done", **place, "text": part["text"]})
        sent.append({"type": f"{kind}_part.done", **place, "part": part})
    return sent
