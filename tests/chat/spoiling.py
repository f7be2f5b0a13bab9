"""Answers like recorded ones, and hypothesis strategies that break them."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

from tests.support.failures import (
    HEAD,
    USAGE,
    delta_chunk,
    error,
    message_body,
    said,
    whole_stream,
    words,
)

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
NOTE = {"type": "url_citation", "url_citation": {"url": "https://x.y", "title": "x"}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}
DETAILS = [
    {"type": "reasoning.text", "text": "Hm", "format": "anthropic-claude-v1", "index": 0},
    {"type": "reasoning.encrypted", "data": "x", "format": "openai-responses-v1", "index": 0},
]
SIGNATURE = {**DETAILS[0], "text": None, "signature": "c2ln"}
LOGPROBS = {"content": [{"token": "W", "logprob": -0.1, "bytes": [87], "top_logprobs": []}]}
AUDIO = {"id": "audio_1", "data": "UklGRg==", "transcript": "Wren", "expires_at": 1}
RICH_MESSAGE = {
    "role": "assistant",
    "content": "Wren",
    "refusal": None,
    "reasoning": "Hm",
    "reasoning_details": [*DETAILS, SIGNATURE],
    "tool_calls": [CALL],
    "annotations": [NOTE],
    "images": [IMAGE],
    "audio": AUDIO,
}
DETAILED_USAGE = {
    **USAGE,
    "is_byok": False,
    "cost_details": {"upstream_inference_cost": 0.0004970133333333333},
    "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 1, "image_tokens": 0},
    "server_tool_use_details": {"web_search_requests": 1},
}

BODIES: tuple[dict[str, Any], ...] = (
    said("Wren"),
    {
        **message_body(RICH_MESSAGE, "tool_calls", logprobs=LOGPROBS, native_finish_reason="x"),
        "usage": DETAILED_USAGE,
        "service_tier": "flex",
        "system_fingerprint": "fp",
    },
    {"choices": None, "provider": said("Wren")},
    said("Wren", "error", error=error(502, raw='{"error": {"message": "x"}}')["error"]),
    error(429, headers={"X-RateLimit-Reset": "1790000005000"}, previous_errors=[{"code": 502}]),
    error(403, "Flagged.", reasons=["violence"], flagged_input="a b...c d", raw="a b, c d"),
)
STREAMS: tuple[list[dict[str, Any]], ...] = (
    whole_stream("Wren", ", tit"),
    [
        delta_chunk({"role": "assistant", "content": "", "reasoning": "H"}),
        delta_chunk({"reasoning": "m", "reasoning_details": [DETAILS[0]]}),
        delta_chunk({"reasoning_details": [DETAILS[1], SIGNATURE]}),
        delta_chunk({"content": "Wren", "annotations": [NOTE], "images": [IMAGE]}),
        delta_chunk({"content": "", "annotations": [NOTE], "audio": AUDIO}),
        delta_chunk({"tool_calls": [{"index": 0, **CALL}]}),
        delta_chunk({"tool_calls": [{"index": 1, **CALL, "id": "call_2"}]}),
        delta_chunk({"tool_calls": [{"index": 1, "function": {"arguments": " "}}]}),
        delta_chunk({"content": ""}, "tool_calls"),
        {**HEAD, "choices": [], "usage": DETAILED_USAGE},
    ],
    [
        {**HEAD, "choices": [{"index": i, "delta": {"content": "x"}, "logprobs": LOGPROBS}]}
        for i in (0, 1)
    ]
    + [{**HEAD, "choices": [{"index": i, "delta": {}, "finish_reason": "stop"}]} for i in (1, 0)],
    [*words("Wren"), {**HEAD, "choices": [], **error("server_error", "Gone"), "usage": USAGE}],
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["0", "429", "error", "stop", "data:", "[DONE]", "text", "model_dump"])
)
names = st.sampled_from(
    [
        *("choices", "delta", "message", "error", "code", "metadata", "raw", "index", "id", "type"),
        *("content", "role", "tool_calls", "function", "arguments", "usage", "cost", "provider"),
        *("model_dump", "_hidden_params", "__class__", "copy", "self", "model_copy", "object"),
        *("reasoning_details", "annotations", "finish_reason", "logprobs", "images", "audio"),
    ]
)
keys = st.text(max_size=6) | names
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6) | names, inner, max_size=3)
    ),
    max_leaves=6,
)


def _places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each value in JSON data, the data itself among them."""
    found = [path]
    items = data.items() if isinstance(data, dict) else ()
    if isinstance(data, list):
        items = enumerate(data)
    for name, value in items:
        found += _places(value, (*path, name))
    return found


@st.composite
def spoilt(draw: st.DrawFn, originals: tuple[Any, ...]) -> Any:
    """Give one of the originals with up to three values replaced, taken out or added."""
    data = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(_places(data)))
        if not path:
            continue
        holder = data
        for name in path[:-1]:
            holder = holder[name]
        deed = draw(st.sampled_from(["replace", "replace", "take out", "add"]))
        if deed == "take out":
            del holder[path[-1]]
        elif deed == "add" and isinstance(holder, dict):
            holder[draw(names)] = draw(anything)
        else:
            holder[path[-1]] = draw(anything)
    return data


@st.composite
def broken(draw: st.DrawFn, originals: st.SearchStrategy[bytes]) -> bytes:
    """Give bytes with pieces cut out, doubled, put in or moved."""
    data = draw(originals)
    for _ in range(draw(st.integers(0, 3))):
        begin, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        end = min(end, begin + 400)
        deed = draw(st.sampled_from(["end here", "cut out", "double", "put in", "move"]))
        piece = data[begin:end]
        if deed == "end here":
            data = data[:begin]
        elif deed == "cut out":
            data = data[:begin] + data[end:]
        elif deed == "double":
            data = data[:end] + piece + data[end:]
        elif deed == "put in":
            data = data[:begin] + draw(st.binary(max_size=12)) + data[begin:]
        else:
            rest = data[:begin] + data[end:]
            place = draw(st.integers(0, len(rest)))
            data = rest[:place] + piece + rest[place:]
    return data


@st.composite
def event_bytes(draw: st.DrawFn, chunks: st.SearchStrategy[Any]) -> bytes:
    """Give chunks as a stream's bytes, with any line ends, comments and end."""
    line_end = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    comment = draw(st.sampled_from([b"", b": OPENROUTER PROCESSING" + line_end * 2]))
    space = draw(st.sampled_from([b" ", b""]))
    lines = [b"data:" + space + json.dumps(chunk).encode() + line_end * 2 for chunk in draw(chunks)]
    done = draw(st.sampled_from([b"data: [DONE]" + line_end * 2, b"data: [DONE]", b""]))
    return comment + comment.join(lines) + done


@st.composite
def pieces_of(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Give the bytes cut into pieces, empty ones among them."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)], strict=True)]


good_chunks = st.sampled_from(STREAMS)
bad_chunks = spoilt(STREAMS)
good_bodies = st.sampled_from(BODIES).map(lambda body: json.dumps(body).encode())
bad_bodies = spoilt(BODIES).map(lambda body: json.dumps(body).encode())
any_bytes = st.binary(max_size=200)
any_stream = (
    event_bytes(good_chunks)
    | event_bytes(bad_chunks)
    | broken(event_bytes(good_chunks))
    | any_bytes
)
any_body = good_bodies | bad_bodies | broken(good_bodies) | any_bytes
