"""When a wire response is an answer, and LiteLLM's objects of it and of a stream's events."""

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

# Of a response's fields, those that tell who served it and what it cost; LiteLLM's object
# itself holds the rest.
_FACTS: Final = ("id", "model", "usage", "provider", "service_tier")
# Those that an error's exception keeps, or takes its meaning from.
BESIDE_ERROR: Final = (
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
        One of LiteLLM's exceptions: it holds an error, or no answer.
    """
    return check(errors.read_json(content, headers, model), headers, model)


def check(body: Any, headers: Mapping[str, str] | None = None, model: str = "") -> dict[str, Any]:
    """The wire response if it is an answer; function calls get ids and arguments they lack.

    Raises:
        One of LiteLLM's exceptions (see errors.py): the body holds an error, or says that the
        response failed, or there is no answer in it. What a failed one had said is on
        `partial_response`.
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
    """The exception of a response that failed, with what it had said until then."""
    error = body.get("error")
    if not error:
        error = {"code": 502, "message": f"the response was {body.get('status') or 'failed'}"}
    beside = {name: body[name] for name in BESIDE_ERROR if body.get(name) is not None}
    exception = errors.from_body({**beside, "error": error}, headers, model)
    if body.get("output"):
        exception.__dict__["partial_response"] = response_object(body, headers)
    return exception


def repair(output: list[Any]) -> None:
    """Gives function calls what an agent loop can't do without; what is there stays as it is."""
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
    """LiteLLM's response, all fields of the wire on it and the cost in its hidden params."""
    # What LiteLLM's class insists on, and an odd answer may lack.
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
    """LiteLLM's event of a stream, all fields of the wire on it, also those of unknown events."""
    kind = OpenAIResponsesAPIConfig.get_event_model_class(event_type=str(event.get("type")))
    if isinstance(event.get("response"), dict):
        event = {**event, "response": response_object(event["response"], headers)}
    built: BaseLiteLLMOpenAIResponseObject = _validated(kind, event)
    return built


def _validated(kind: Any, fields: Mapping[str, Any]) -> Any:
    """An object of a class; fields whose form the class does not foresee are put on it as they are.

    LiteLLM's types are narrower than the wire, and one odd field must not cost the other ones
    their types.
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
