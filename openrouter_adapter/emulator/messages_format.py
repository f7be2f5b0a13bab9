"""`/messages`: a completion as a message and as its events, intact or with a fault."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from . import billing, faults, messages_citations, messages_thinking, tokens, typed_errors
from .sending import DONE, sse

if TYPE_CHECKING:
    from .answers import ToolCall
    from .completion import Completion
    from .faults import Fault
    from .state import Settings

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
# Tokens in a delta of thinking or of a tool's input.
_DELTA_TOKENS = 4
_BROKEN = ("error-chunk", "choice-error")


def whole(completion: Completion, body: dict[str, Any], fault: Fault | None) -> bytes:
    """Return the JSON of a whole message, as a fault changes it."""
    if fault is not None and fault.name in _BROKEN:
        return orjson.dumps(error(fault, completion.model.id, completion.endpoint.provider))
    made = _message(completion, body)
    if fault is not None and fault.name == "null-choices":
        made["content"] = None
    return orjson.dumps(made)


def stream(
    completion: Completion, body: dict[str, Any], fault: Fault | None, settings: Settings
) -> tuple[list[bytes], bytes]:
    """Return a stream's events and its end, as a fault changes them."""
    sent = [event(_start(completion, body))]
    for place, block in enumerate(_content(completion, body)):
        sent += _block_events(block, place, settings.chunk_tokens)
    delta = _delta(completion, body, with_cost=settings.stream_cost)
    end = event(delta) + event({"type": "message_stop"}) + DONE
    if fault is None:
        return sent, end
    if fault.name == "named-done":
        # As OpenRouter sent in June 2026; Anthropic's client of today fails on it.
        return sent, end.removesuffix(DONE) + b"event: data\n" + DONE
    kept = sent[: 1 + int(fault.number("after", 1))]
    if fault.name in _BROKEN:
        return kept, event(error(fault, completion.model.id, completion.endpoint.provider))
    if fault.name == "bad-json":
        broken = sent[len(kept)] if len(sent) > len(kept) else sent[-1]
        return [*kept, broken[: len(broken) // 2] + b"\n\n", *sent[len(kept) + 1 :]], end
    if fault.name == "no-finish":
        return (kept if "after" in fault.options else sent), b""
    return sent, end


def event(content: dict[str, Any]) -> bytes:
    """Return a server-sent event, named by the type of its content."""
    name: str = content["type"]
    return b"event: " + name.encode() + b"\n" + sse(content)


def error(fault: Fault, model: str, provider: str) -> dict[str, Any]:
    """Return the envelope of an answer that is only the error of a fault."""
    envelope = typed_errors.messages_envelope(faults.error_object(fault, provider), fault.status)
    return {**envelope, **faults.route_metadata(fault, model, provider)}


def _message(completion: Completion, body: dict[str, Any]) -> dict[str, Any]:
    """Return the whole message."""
    return {
        **_frame(completion),
        "content": _content(completion, body),
        **_ending(completion),
        "usage": {
            **_usage(completion, body),
            "cache_creation": _cache_creation(completion),
            "inference_geo": None,
            **_cost(completion),
        },
        "context_management": _context_management(body),
    }


def _frame(completion: Completion) -> dict[str, Any]:
    return {
        "id": completion.id,
        "type": "message",
        "role": "assistant",
        "container": None,
        "content": [],
        "model": completion.model.canonical_slug,
        "provider": completion.endpoint.provider,
    }


def _start(completion: Completion, body: dict[str, Any]) -> dict[str, Any]:
    # The counts follow at the end, as recorded.
    nothing = dict.fromkeys(
        (
            *("output_tokens_details", "cache_creation_input_tokens", "cache_read_input_tokens"),
            *("cache_creation", "inference_geo", "server_tool_use", "service_tier"),
        )
    )
    usage = {"input_tokens": 0, "output_tokens": 0, **nothing, "speed": _speed(body)}
    stop = dict.fromkeys(("stop_reason", "stop_details", "stop_sequence"))
    return {"type": "message_start", "message": {**_frame(completion), **stop, "usage": usage}}


def _delta(completion: Completion, body: dict[str, Any], *, with_cost: bool) -> dict[str, Any]:
    usage = _usage(completion, body)
    written = _cache_creation(completion)
    if written:
        usage["cache_creation"] = written
    return {
        "type": "message_delta",
        "delta": {"container": None, **_ending(completion)},
        "usage": {**usage, **_cost(completion)} if with_cost else usage,
        "context_management": _context_management(body),
    }


def _ending(completion: Completion) -> dict[str, Any]:
    finish = completion.answer.finish_reason
    reason = _STOP_REASONS.get(finish or "", finish)
    if finish == "stop" and completion.answer.stopped_at:
        reason = "stop_sequence"
    refusal = {"type": "refusal", "category": None, "explanation": None}
    return {
        "stop_reason": reason,
        "stop_details": refusal if reason == "refusal" else None,
        # OpenRouter does not tell which one it was.
        "stop_sequence": None,
    }


def _context_management(body: dict[str, Any]) -> dict[str, Any] | None:
    return {"applied_edits": []} if body.get("context_management") else None


def _speed(body: dict[str, Any]) -> str:
    return str(body.get("speed") or "standard")


def _usage(completion: Completion, body: dict[str, Any]) -> dict[str, Any]:
    usage = completion.usage
    written = usage.cache_write + usage.cache_write_1h
    searches = (usage.server_tools or {}).get("web_search_requests")
    return {
        "input_tokens": usage.prompt - usage.cached - written,
        "output_tokens": usage.completion,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": usage.cached,
        "server_tool_use": {"web_search_requests": searches, "web_fetch_requests": 0}
        if searches
        else None,
        "service_tier": "standard",
        "speed": _speed(body),
    }


def _cache_creation(completion: Completion) -> dict[str, int] | None:
    usage = completion.usage
    if not usage.cache_write + usage.cache_write_1h:
        return None
    return {
        "ephemeral_5m_input_tokens": usage.cache_write,
        "ephemeral_1h_input_tokens": usage.cache_write_1h,
    }


def _cost(completion: Completion) -> dict[str, Any]:
    cost = completion.cost
    return {
        "cost": billing.wire_number(cost.total),
        "is_byok": cost.is_byok,
        "cost_details": billing.cost_details(cost),
    }


def _content(completion: Completion, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the blocks of an answer: thinking, searches, text, calls, and all reasoning again."""
    answer = completion.answer
    before, after = messages_thinking.blocks(
        completion.reasoning_format,
        completion.visible_thoughts,
        is_omitted=(body.get("thinking") or {}).get("display") == "omitted",
    )
    sources = messages_citations.found(answer.annotations)
    made = [*before, *_searches(completion, sources)]
    if answer.content:
        cited = messages_citations.of_search(sources) + messages_citations.of_documents(body)
        made.append({"type": "text", "text": answer.content, "citations": cited})
    calls = zip(answer.tool_calls, completion.call_ids, strict=True)
    return [*made, *(_call(call, call_id) for call, call_id in calls), *after]


def _searches(completion: Completion, sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not (completion.usage.server_tools or {}).get("web_search_requests"):
        return []
    search_id = f"srvtoolu_{hashlib.sha256(completion.id.encode()).hexdigest()[:24]}"
    direct = {"type": "direct"}
    use = {"type": "server_tool_use", "id": search_id, "caller": direct, "name": "web_search"}
    query = {"query": sources[0]["title"] if sources else ""}
    return [
        {**use, "input": query},
        {
            "type": "web_search_tool_result",
            "caller": direct,
            "tool_use_id": search_id,
            "content": messages_citations.results(sources),
        },
    ]


def _call(call: ToolCall, call_id: str) -> dict[str, Any]:
    block = {"type": "tool_use", "id": call_id, "caller": {"type": "direct"}, "name": call.name}
    # The model's own text, to the byte.
    return block if call.arguments is None else {**block, "input": orjson.Fragment(call.arguments)}


def _block_events(block: dict[str, Any], index: int, chunk_tokens: int) -> list[bytes]:
    """Return the events of a block, which add up to it."""
    started, deltas = dict(block), []
    place = {"type": "content_block_delta", "index": index}
    if block["type"] == "thinking":
        started |= {"thinking": "", "signature": ""}
        pieces = tokens.pieces(block["thinking"], _DELTA_TOKENS)
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
        if block["signature"]:
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif block["type"] == "text":
        started |= {"text": "", "citations": []}
        deltas = [{"type": "citations_delta", "citation": one} for one in block["citations"]]
    elif "input" in block:
        started["input"] = {}
        text = orjson.dumps(block["input"]).decode()
        pieces = tokens.pieces(text, max(chunk_tokens, _DELTA_TOKENS))
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    elif block["type"] == "tool_use":
        started["input"] = {}
    return [
        event({"type": "content_block_start", "index": index, "content_block": started}),
        *(_text_events(block["text"], place, chunk_tokens) if "text" in block else ()),
        *(event({**place, "delta": delta}) for delta in deltas),
        event({"type": "content_block_stop", "index": index}),
    ]


def _text_events(text: str, place: dict[str, Any], chunk_tokens: int) -> list[bytes]:
    # One frame for all of them is several times as fast, as in a chat.
    frame = event({**place, "delta": {"type": "text_delta", "text": "\0"}})
    before, after = frame.split(b'"\\u0000"')
    return [before + orjson.dumps(piece) + after for piece in tokens.pieces(text, chunk_tokens)]
