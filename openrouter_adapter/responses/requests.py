"""The body of a Responses request: input items, tools and options in OpenRouter's form.

See https://openrouter.ai/docs/api-reference/responses-api/overview.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from openrouter_adapter import options
from openrouter_adapter.responses import parts
from openrouter_adapter.wire import errors, model_names

if TYPE_CHECKING:
    from collections.abc import Mapping

# OpenAI's own parameters of this endpoint. LiteLLM rejects those that are not listed.
SUPPORTED: Final = (
    "background",
    "context_management",
    "include",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "partial_images",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
)

# OpenRouter's additional parameters, and those of the chat endpoint that are translated below.
_SAMPLING: Final = frozenset({"frequency_penalty", "presence_penalty", "seed", "stop"})
_CHAT: Final = frozenset(
    {"max_completion_tokens", "max_tokens", "reasoning_effort", "response_format", "thinking"}
)
_ALSO: Final = _SAMPLING | _CHAT

_NOT_SENT: Final = ("extra_headers", "extra_query", "timeout")

# Fields with a caller's own JSON, in which a null has a meaning.
_OPAQUE: Final = frozenset({"arguments", "input", "output", "parameters", "schema"})


def build_body(model: str, inputs: Any, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a Responses request.

    Args:
        model: As OpenRouter names it, or as LiteLLM's core left it.
        inputs: A text, or a list of items: dicts, or objects of an answer's `output`.
        keywords: Parameters of OpenAI, OpenRouter's own options, and `extra_body`, which is sent
            unchecked and fills in what no keyword sets.

    Raises:
        litellm.BadRequestError: an option is invalid, or contradicts another one.
    """
    fields, extra = options.body_fields(keywords, _NOT_SENT)
    _translate_chat(fields, model)
    if "tools" in fields:
        fields["tools"] = [_tool(tool) for tool in fields["tools"]]
    if "tool_choice" in fields:
        fields["tool_choice"] = _flat_function(fields["tool_choice"])
    checked = {name: fields.pop(name) for name in fields.keys() & options.OPENROUTER_FIELDS}
    options.check(checked, model)
    body = {
        "model": model_names.wire_model(model),
        "input": to_wire(inputs, model),
        **fields,
        **checked,
    }
    return options.with_extra(body, extra, model=model)


def known_options(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters for OpenRouter among LiteLLM's, under plain names."""
    return options.gather_known(parameters, _ALSO)


def to_wire(inputs: Any, model: str = "") -> Any:
    """The `input` of a request; items of an answer are sent back unchanged.

    Nulls are left out: Python's objects and their dumps are full of them, and providers refuse some
    (`status`). The content of a part decides its type: a PDF given as an image is sent as a file.

    Raises:
        litellm.BadRequestError: it is neither a text nor a list of items, or a part lacks a field
            that OpenRouter requires.
    """
    if isinstance(inputs, str):
        return inputs
    if not isinstance(inputs, list | tuple):
        raise errors.bad_request(f"input={inputs!r:.100}: give a text or a list of items", model)
    return [
        parts.to_wire(_without_nulls(item), position, model) for position, item in enumerate(inputs)
    ]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True)
    if isinstance(value, dict):
        return {
            name: inner if name in _OPAQUE and isinstance(inner, dict) else _without_nulls(inner)
            for name, inner in value.items()
            if inner is not None
        }
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _tool(tool: Any) -> Any:
    if isinstance(tool, BaseModel):
        tool = tool.model_dump(mode="json", by_alias=True, exclude_unset=True)
    flat = _flat_function(tool)
    if flat is not tool:
        # The schema requires the key, and null for a function without parameters.
        flat.setdefault("parameters", None)
    return flat


def _flat_function(value: Any) -> Any:
    """A tool, or a choice of one, in the form of the Responses API; a chat nests the function."""
    if not isinstance(value, dict) or not isinstance(value.get("function"), dict):
        return value
    others = {name: inner for name, inner in value.items() if name != "function"}
    return {**others, "type": "function", **value["function"]}


def _translate_chat(fields: dict[str, Any], model: str) -> None:
    """Renames parameters that have another name in a chat."""
    _translate_length(fields, model)
    options.fold_reasoning(fields, model)
    text = fields.get("text")
    text = dict(text) if isinstance(text, dict) else {}
    if "response_format" in fields:
        text.setdefault("format", _text_format(fields.pop("response_format")))
    if "verbosity" in fields:
        text.setdefault("verbosity", fields.pop("verbosity"))
    if text:
        fields["text"] = text
    search = fields.pop("web_search_options", None)
    if search is not None:
        options.check({"web_search_options": search}, model)
        fields["tools"] = [*(fields.get("tools") or ()), _web_search(search)]


def _translate_length(fields: dict[str, Any], model: str) -> None:
    given = {
        name: fields.pop(name)
        for name in ("max_tokens", "max_completion_tokens")
        if fields.get(name) is not None
    }
    for name, value in given.items():
        length = fields.setdefault("max_output_tokens", value)
        if length != value:
            one, other = f"{name}={value!r}", f"max_output_tokens={length!r}"
            raise options.contradiction(one, other, model)


def _text_format(response_format: Any) -> Any:
    if not isinstance(response_format, dict):
        return response_format
    schema = response_format.get("json_schema")
    if not isinstance(schema, dict):
        return response_format
    return {"type": "json_schema", **schema}


def _web_search(search: Mapping[str, Any]) -> dict[str, Any]:
    """A chat's search options as the tool that the Responses API has for them."""
    tool = {"type": "web_search", **search}
    place = tool.get("user_location")
    if isinstance(place, dict) and isinstance(place.get("approximate"), dict):
        tool["user_location"] = {"type": "approximate", **place["approximate"]}
    return tool
