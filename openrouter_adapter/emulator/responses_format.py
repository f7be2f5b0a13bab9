"""`/responses`: a completion as a response and as its events, intact or with a fault."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from . import billing, faults, reasoning, tokens, typed_errors
from .sending import DONE, sse

if TYPE_CHECKING:
    from .completion import Completion
    from .faults import Fault
    from .state import Settings

# The fields that a response repeats from its request, with their defaults.
_REPEATED: dict[str, Any] = {
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "max_output_tokens": None,
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "top_logprobs": 0,
    "max_tool_calls": None,
    "metadata": {},
    "background": False,
    "previous_response_id": None,
    "truncation": "disabled",
    "store": False,
    "instructions": None,
    "text": {"format": {"type": "text"}},
    "safety_identifier": None,
    "prompt_cache_key": None,
    "prompt_cache_options": None,
}
# Tokens in a delta of reasoning or of a call's arguments.
_DELTA_TOKENS = 4


def whole(completion: Completion, body: dict[str, Any], fault: Fault | None) -> bytes:
    """Return the JSON of a whole answer, as a fault changes it."""
    made = _response(completion, body)
    model, provider = completion.model.id, completion.endpoint.provider
    if fault is None:
        return orjson.dumps(made)
    if fault.name in {"error-chunk", "choice-error"}:
        broken = typed_errors.failed_response(made, faults.error_object(fault, provider))
        return orjson.dumps({**broken, **faults.route_metadata(fault, model, provider)})
    if fault.name in {"null-choices", "empty-choices", "no-finish"}:
        output: list[Any] | None = None if fault.name == "null-choices" else []
        return orjson.dumps({**made, "status": None, "output": output})
    return orjson.dumps(made)


def stream(
    completion: Completion, body: dict[str, Any], fault: Fault | None, _: Settings
) -> tuple[list[bytes], bytes]:
    """Return a stream's events and its end, as a fault changes them."""
    response = _response(completion, body)
    made = _events(response, _started(completion, body))
    *sent, last = [sse(event) for event in made]
    end = last + DONE
    if fault is None:
        return sent, end
    kept = sent[: 2 + int(fault.number("after", 1))]
    model, provider = completion.model.id, completion.endpoint.provider
    error = faults.error_object(fault, provider)
    route = faults.route_metadata(fault, model, provider)
    if fault.name == "error-chunk":
        failed = typed_errors.failed_response({**response, "output": [], **route}, error)
        return kept, sse(
            {"type": "response.failed", "response": failed, "sequence_number": len(kept)}
        )
    if fault.name == "choice-error":
        event = {"type": "error", **error, "code": str(error.get("code")), **route}
        return kept, sse({**event, "param": None, "sequence_number": len(kept)})
    if fault.name == "bad-json":
        broken_line = sent[len(kept)] if len(sent) > len(kept) else sent[-1]
        return [*kept, broken_line[: len(broken_line) // 2] + b"\n\n"], end
    if fault.name in {"no-finish", "null-choices", "empty-choices"}:
        return (kept if fault.name != "no-finish" or "after" in fault.options else sent), b""
    return sent, end


def _started(completion: Completion, body: dict[str, Any]) -> dict[str, Any]:
    """Return the response at the start of its stream."""
    repeated = {
        name: default if body.get(name) is None else body[name]
        for name, default in _REPEATED.items()
    }
    return {
        "id": completion.id,
        "object": "response",
        "created_at": completion.created,
        "model": completion.model.id,
        "status": "in_progress",
        "completed_at": None,
        "output": [],
        "error": None,
        "incomplete_details": None,
        **repeated,
        "service_tier": "auto",
        "reasoning": body.get("reasoning"),
        "usage": None,
    }


def _response(completion: Completion, body: dict[str, Any]) -> dict[str, Any]:
    """Return the whole response."""
    finish = completion.answer.finish_reason
    is_cut = finish == "length"
    return {
        **_started(completion, body),
        "status": "incomplete" if is_cut else "completed",
        "completed_at": completion.created,
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "output": _output(completion, body),
        "service_tier": completion.service_tier or "default",
        "reasoning": _reasoning(completion, body),
        "usage": _usage(completion),
    }


def _reasoning(completion: Completion, body: dict[str, Any]) -> dict[str, Any] | None:
    asked: dict[str, Any] = body.get("reasoning") or {}
    if completion.endpoint.provider != "OpenAI":
        return body.get("reasoning")
    if completion.reasoning_format != reasoning.OPENAI:
        # OpenAI's responses have these keys even if the model does not reason.
        return {"context": None, "effort": None, "summary": None}
    effort = asked.get("effort") or "medium"
    return {"effort": effort, "summary": "detailed", "context": "current_turn", "mode": "standard"}


def _output(completion: Completion, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the items of an answer: reasoning, images, text, calls."""
    answer = completion.answer
    items: list[dict[str, Any]] = []
    if completion.visible_thought:
        items.append(_thought(completion, completion.visible_thought, body))
    items += [
        {
            "id": _item_id("ig", completion.id + str(place)),
            "type": "image_generation_call",
            "status": "completed",
            "result": url,
        }
        for place, url in enumerate(answer.images)
    ]
    if answer.content:
        items.append(_message(completion))
    items += [
        {
            "id": _item_id("fc", call_id),
            "type": "function_call",
            "status": "completed",
            "call_id": call_id,
            "name": call.name,
            "arguments": call.arguments,
        }
        for call, call_id in zip(answer.tool_calls, completion.call_ids, strict=True)
    ]
    return items


def _message(completion: Completion) -> dict[str, Any]:
    return {
        "id": _item_id("msg_tmp", completion.id),
        "type": "message",
        "status": "incomplete" if completion.answer.finish_reason == "length" else "completed",
        "role": "assistant",
        "content": [
            {
                "type": "output_text",
                "text": completion.answer.content,
                "annotations": [_annotation(one) for one in completion.answer.annotations],
                "logprobs": [],
            }
        ],
    }


def _annotation(annotation: dict[str, Any]) -> dict[str, Any]:
    cited = annotation.get("url_citation")
    if not isinstance(cited, dict):
        return annotation
    return {"type": "url_citation", "start_index": 0, "end_index": 0, **cited}


def _thought(completion: Completion, text: str, body: dict[str, Any]) -> dict[str, Any]:
    form = completion.reasoning_format
    item: dict[str, Any] = {
        "id": _item_id("rs", text),
        "type": "reasoning",
        "status": "completed",
        "summary": [],
    }
    wished = body.get("reasoning") or {}
    for detail in reasoning.details(form, text):
        if "summary" in detail and wished.get("summary") and wished.get("effort") != "minimal":
            item["summary"] = [{"type": "summary_text", "text": detail["summary"]}]
        if "text" in detail:
            item["content"] = [{"type": "reasoning_text", "text": detail["text"]}]
        if "signature" in detail:
            item["signature"] = detail["signature"]
        if "data" in detail and _wants_encrypted(body, form):
            item["encrypted_content"] = detail["data"]
    return {**item, "format": form}


def _wants_encrypted(body: dict[str, Any], form: str) -> bool:
    # Other models' reasoning can't be sent back without it, so it is always included.
    asked = "reasoning.encrypted_content" in (body.get("include") or ())
    return asked or form not in {reasoning.OPENAI, reasoning.XAI}


def _item_id(prefix: str, seed: str) -> str:
    return f"{prefix}_{hashlib.sha256(seed.encode()).hexdigest()[:50]}"


def _usage(completion: Completion) -> dict[str, Any]:
    usage, cost = completion.usage, completion.cost
    written = usage.cache_write + usage.cache_write_1h
    wire: dict[str, Any] = {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.completion,
        "cost": billing.wire_number(cost.total),
        "is_byok": cost.is_byok,
        "cost_details": {
            "upstream_inference_cost": billing.wire_number(cost.upstream),
            "upstream_inference_input_cost": billing.wire_number(cost.upstream_prompt),
            "upstream_inference_output_cost": billing.wire_number(cost.upstream_completions),
        },
    }
    if written:
        wire["input_tokens_details"]["cache_write_tokens"] = written
    if usage.server_tools is not None:
        wire["server_tool_use_details"] = usage.server_tools
    return wire


def _events(whole: dict[str, Any], started: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events of a response, the last one with all of it.

    Args:
        whole: The response.
        started: The response at the start of the stream.
    """
    sent: list[dict[str, Any]] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
    ]
    for index, item in enumerate(whole["output"]):
        sent += [{**event, "output_index": index} for event in _item_events(item)]
    sent.append({"type": f"response.{whole['status']}", "response": whole})
    return _numbered(sent)


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
