"""Checks of a wire response, and LiteLLM's objects of responses and of a stream's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm.llms.openai.responses.transformation import OpenAIResponsesAPIConfig
from litellm.types.llms.openai import ResponsesAPIResponse
from pydantic import ValidationError

from openrouter_adapter.wire import completion, errors, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm.types.llms.base import BaseLiteLLMOpenAIResponseObject

# Events that end a stream.
COMPLETED: Final = "response.completed"
INCOMPLETE: Final = "response.incomplete"
FAILED: Final = "response.failed"

# The fields of a response with its provider and its cost; LiteLLM's object itself has the others.
_FACTS: Final = ("id", "model", "usage", "provider", "service_tier")
# Those that an error's exception keeps, or that decide its class.
FACTS_OF_ERROR: Final = (
    *_FACTS,
    "availability",
    "error_type",
    "openrouter_metadata",
    "user_id",
)


def parse(
    content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
) -> dict[str, Any]:
    """The checked wire response in an answer's bytes.

    Raises:
        One of LiteLLM's exceptions: they hold an error, or no answer.
    """
    return check(errors.read_json(content, headers, model), headers, model)


def check(body: Any, headers: Mapping[str, str] | None = None, model: str = "") -> dict[str, Any]:
    """The wire response if it is an answer; function calls get missing ids and arguments.

    Raises:
        One of LiteLLM's exceptions (see errors.py): the body holds an error, a failed
        response, or no answer. `partial_response` has what had arrived of a failed one.
    """
    if not isinstance(body, dict):
        raise errors.build(503, "OpenRouter's answer is not a JSON object", headers, model)
    status = body.get("status")
    if body.get("error") or status in {"failed", "cancelled"}:
        raise failure(body, headers, model)
    if not isinstance(body.get("output"), list) or not (body["output"] or status):
        error = {"code": 503, "message": "the answer has no output"}
        raise failure({**body, "output": [], "error": error}, headers, model)
    repair(body["output"])
    return body


def failure(
    body: Mapping[str, Any], headers: Mapping[str, str] | None = None, model: str = ""
) -> Exception:
    """The exception of a failed response, with what had arrived of it."""
    error = body.get("error")
    if not error:
        error = {"code": 502, "message": f"the response was {body.get('status') or 'failed'}"}
    others = {name: body[name] for name in FACTS_OF_ERROR if body.get(name) is not None}
    exception = errors.from_body({**others, "error": error}, headers, model)
    if body.get("output"):
        exception.__dict__["partial_response"] = response_object(body, headers)
    return exception


def repair(output: list[Any]) -> None:
    """Adds missing ids and arguments to function calls: an agent loop needs both."""
    seen: set[str] = set()
    for item in output:
        if isinstance(item, dict) and item.get("type") == "function_call":
            if item.get("arguments") is None:
                item["arguments"] = "{}"
            if not item.get("call_id") or item["call_id"] in seen:
                item["call_id"] = completion.new_tool_call_id()
            seen.add(item["call_id"])


def response_object(
    body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> ResponsesAPIResponse:
    """LiteLLM's response, with all fields of the wire, and the cost in its hidden params."""
    # Fields that LiteLLM's class requires, and an unusual answer may lack.
    fields = {"id": "", "created_at": 0, "output": [], **body}
    if isinstance(fields["created_at"], float):
        fields["created_at"] = int(fields["created_at"])
    response: ResponsesAPIResponse = _validated(ResponsesAPIResponse, fields)
    facts = {name: body[name] for name in _FACTS if name in body}
    usage.attach(response._hidden_params, facts, headers)
    return response


def event_object(
    event: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> BaseLiteLLMOpenAIResponseObject:
    """LiteLLM's event of a stream, with all fields of the wire, also those of unknown events."""
    kind = OpenAIResponsesAPIConfig.get_event_model_class(event_type=str(event.get("type")))
    if isinstance(event.get("response"), dict):
        event = {**event, "response": response_object(event["response"], headers)}
    built: BaseLiteLLMOpenAIResponseObject = _validated(kind, event)
    return built


def _validated(kind: Any, fields: Mapping[str, Any]) -> Any:
    """An object of a class; fields of a form that the class rejects are put on it unchanged.

    LiteLLM's types are narrower than the wire, and one unusual field must not cost the others their
    types.
    """
    try:
        return kind(**fields)
    except ValidationError as faults:
        odd = {fault["loc"][0] for fault in faults.errors() if fault["loc"]}
    try:
        built = kind(**{name: value for name, value in fields.items() if name not in odd})
    except ValidationError:
        return kind.model_construct(**fields)
    for name in odd & fields.keys():
        built.__dict__[str(name)] = fields[str(name)]
    return built
