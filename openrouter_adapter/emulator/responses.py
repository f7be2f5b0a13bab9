"""OpenAI's Responses API: a request of it as a chat, and the chat's answer as a response."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from . import billing, chat, faults, reasoning, responses_stream, sending, typed_errors
from .bodies import check_list, check_object
from .errors import invalid_body

if TYPE_CHECKING:
    from aiohttp import web

    from .completion import Completion
    from .faults import Fault, RequestFaults
    from .state import State

PATH = "/responses"
# Fields that mean the same on both endpoints.
_SHARED = (
    *("model", "models", "provider", "plugins", "transforms", "preset", "route", "modalities"),
    *("temperature", "top_p", "stream", "stop", "reasoning", "image_config", "cache_control"),
)
_PARTS = {"input_text": "text", "output_text": "text", "refusal": "text"}
# What a response repeats of its request, and what it says where nothing was asked.
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


async def answer(
    request: web.BaseRequest, state: State, body: Any, asked: RequestFaults
) -> web.StreamResponse:
    """Answer a request, as a whole or as a stream.

    Raises:
        ApiError: The body is refused, or no provider can answer it.
    """
    cached = state.look(request.headers, PATH, check_object(body))
    hit = cached.completion(state.new_id) if cached else None
    finished = hit or chat.complete(state, chat_body(body), asked)
    finished = replace(finished, path=PATH)
    fault = asked.take("answer", finished.model.id, finished.endpoint.provider)
    if fault is not None:
        finished = faults.settled(finished, fault)
    whole = response(finished, body)
    headers = cached.headers() if cached else {}
    if body.get("stream"):
        events = responses_stream.spoiled(whole, started(finished, body), finished, fault)
        sent = await sending.send_stream(request, state, finished, fault, events, headers)
    else:
        row = chat.bill_row(finished, state.now(), streamed=False)
        state.charge(sending.named(row, fault))
        headers["X-Generation-Id"] = finished.id
        answered = _spoiled(whole, finished, fault)
        sent = await sending.send_json(request, answered, headers, fault)
    if cached and fault is None:
        cached.keep(finished.id, finished)
    return sent


def _spoiled(whole: dict[str, Any], finished: Completion, fault: Fault | None) -> bytes:
    if fault is None:
        return orjson.dumps(whole)
    if fault.name == "comments-only":
        return b""
    if fault.name == "error-in-200":
        return sending.spoiled_body(finished, fault)
    if fault.name in {"error-chunk", "choice-error"}:
        provider = finished.endpoint.provider
        broken = typed_errors.failed_response(whole, faults.error_object(fault, provider))
        beside = faults.beside_error(fault, finished.model.id, provider)
        return orjson.dumps({**broken, **beside})
    if fault.name in {"null-choices", "empty-choices", "no-finish"}:
        output: list[Any] | None = None if fault.name == "null-choices" else []
        return orjson.dumps({**whole, "status": None, "output": output})
    return orjson.dumps(whole)


def chat_body(body: dict[str, Any]) -> dict[str, Any]:
    """Return the chat request that asks the same.

    Raises:
        ApiError: 400 for what the Responses API refuses by itself.
    """
    if body.get("input") in (None, "", []):
        raise invalid_body('Input required: specify "input"')
    if body.get("previous_response_id") is not None:
        raise invalid_body("previous_response_id: Invalid input: responses are not stored")
    if body.get("store"):
        raise invalid_body("store: Invalid input: expected false")
    asked = {name: body[name] for name in _SHARED if body.get(name) is not None}
    asked["messages"] = _messages(body)
    if body.get("max_output_tokens") is not None:
        asked["max_tokens"] = body["max_output_tokens"]
    check_list("tools", body.get("tools"), dict)
    if body.get("tools"):
        asked["tools"] = [_chat_tool(tool) for tool in body["tools"]]
    choice = body.get("tool_choice")
    if choice is not None:
        asked["tool_choice"] = _chat_choice(choice)
    wanted = (body.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_schema":
        schema = {name: value for name, value in wanted.items() if name != "type"}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif wanted.get("type") == "json_object":
        asked["response_format"] = wanted
    return asked


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    given = body["input"]
    if not isinstance(given, (str, list)):
        raise invalid_body("input: Invalid input: expected string or array")
    messages: list[dict[str, Any]] = []
    if body.get("instructions"):
        messages.append({"role": "system", "content": body["instructions"]})
    if isinstance(given, str):
        return [*messages, {"role": "user", "content": given}]
    for place, item in enumerate(given):
        if not isinstance(item, dict):
            raise invalid_body(f"input.{place}: Invalid input")
        _add(messages, item, place)
    return messages


def _add(messages: list[dict[str, Any]], item: dict[str, Any], place: int) -> None:
    kind = item.get("type", "message")
    if kind == "message":
        content = _content(item.get("content"))
        last = messages[-1] if messages else {}
        if item.get("role") == "assistant" and last.get("content", "") is None:
            last["content"] = content
        else:
            messages.append({"role": item.get("role"), "content": content})
    elif kind == "reasoning":
        _assistant(messages).setdefault("reasoning_details", []).extend(_details(item))
    elif kind == "function_call":
        if not isinstance(item.get("call_id"), str) or not isinstance(item.get("arguments"), str):
            raise invalid_body(f"input.{place}.call_id: Invalid input: expected string")
        function = {"name": item.get("name"), "arguments": item["arguments"]}
        call = {"id": item["call_id"], "type": "function", "function": function}
        _assistant(messages).setdefault("tool_calls", []).append(call)
    elif kind == "function_call_output":
        result = _content(item.get("output"))
        messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": result})


def _assistant(messages: list[dict[str, Any]]) -> dict[str, Any]:
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    return messages[-1]


def _content(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return [_part(part) if isinstance(part, dict) else part for part in content]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    beside = {"cache_control": part["cache_control"]} if "cache_control" in part else {}
    if isinstance(kind, str) and kind in _PARTS:
        return {"type": "text", "text": part.get("text") or part.get("refusal") or "", **beside}
    if kind == "input_image":
        return {"type": "image_url", "image_url": {"url": part.get("image_url")}, **beside}
    if kind == "input_file":
        named = {name: part[name] for name in ("filename", "file_data") if name in part}
        return {"type": "file", "file": named, **beside}
    return part


def _details(item: dict[str, Any]) -> list[dict[str, Any]]:
    form = item.get("format") or "unknown"
    details: list[dict[str, Any]] = [
        {"type": "reasoning.text", "text": part.get("text"), "format": form, "index": 0}
        for part in item.get("content") or ()
    ]
    if details and item.get("signature") is not None:
        details[-1]["signature"] = item["signature"]
    if item.get("encrypted_content") is not None:
        data = item["encrypted_content"]
        details.append({"type": "reasoning.encrypted", "data": data, "format": form, "index": 0})
    return details


def _chat_tool(tool: Any) -> Any:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        return tool
    if not isinstance(tool.get("name"), str):
        raise invalid_body("tools.0.name: Invalid input: expected string, received undefined")
    return {"type": "function", "function": {n: v for n, v in tool.items() if n != "type"}}


def _chat_choice(choice: Any) -> Any:
    if isinstance(choice, dict) and "name" in choice:
        return {"type": "function", "function": {"name": choice["name"]}}
    return choice


def started(completion: Completion, body: dict[str, Any]) -> dict[str, Any]:
    """Return the response as it is when nothing has been said yet."""
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


def response(completion: Completion, body: dict[str, Any]) -> dict[str, Any]:
    """Return the body of an answer that does not stream."""
    finish = completion.answer.finish_reason
    is_cut = finish == "length"
    return {
        **started(completion, body),
        "status": "incomplete" if is_cut else "completed",
        "completed_at": completion.created,
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "output": output(completion, body),
        "service_tier": completion.service_tier or "default",
        "reasoning": _reasoning(completion, body),
        "usage": _usage(completion),
    }


def _reasoning(completion: Completion, body: dict[str, Any]) -> dict[str, Any] | None:
    asked: dict[str, Any] = body.get("reasoning") or {}
    if completion.endpoint.provider != "OpenAI":
        return body.get("reasoning")
    if completion.reasoning_format != reasoning.OPENAI:
        # OpenAI has the keys also where the model does not think.
        return {"context": None, "effort": None, "summary": None}
    effort = asked.get("effort") or "medium"
    return {"effort": effort, "summary": "detailed", "context": "current_turn", "mode": "standard"}


def output(completion: Completion, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the items of an answer: the thought, images, words, calls."""
    said = completion.answer
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
        for place, url in enumerate(said.images)
    ]
    if said.content:
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
        for call, call_id in zip(said.tool_calls, completion.call_ids, strict=True)
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
    # The others' thoughts can't go back without it, so it comes unasked.
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
