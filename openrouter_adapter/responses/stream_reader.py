"""Reads a stream's events: LiteLLM's events, the answer so far, or the failure that broke it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm.types.llms.openai import ResponseIncompleteEvent, ResponsesAPIStreamEvents

from openrouter_adapter.responses import answers
from openrouter_adapter.wire import errors, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm.types.llms.openai import ResponsesAPIResponse

# Events before anything was generated: a Router may still start again elsewhere.
_PREAMBLE: Final = frozenset({"response.created", "response.in_progress", "response.queued"})
# The fields of every event.
_EVENT_FIELDS: Final = frozenset({"type", "sequence_number"})


class EventReader:
    """Converts the wire's events to LiteLLM's, and keeps what an exception of the stream needs.

    Used in place of the transformation class, which has no state and does not get the headers.
    """

    def __init__(self, headers: Mapping[str, str], model: str) -> None:
        self.headers = headers
        self.model = model
        self.has_output = False
        self.bill = usage.read_bill({}, headers)
        self._response: dict[str, Any] = {}
        self._items: dict[int, Any] = {}
        self._texts: dict[int, list[str]] = {}

    def transform_streaming_response(
        self, model: str, parsed_chunk: dict[str, Any], logging_obj: Any
    ) -> Any:
        """LiteLLM's event of a wire event; a method of the transformation class.

        Raises:
            One of LiteLLM's exceptions: the event is of a failed response.
        """
        try:
            self._keep(parsed_chunk)
            failed = self._failure(parsed_chunk)
            if failed is not None:
                usage.tell_failed(logging_obj.model_call_details, self.bill)
                raise failed
            return answers.event_object(parsed_chunk, self.headers)
        except errors.MALFORMED as cause:
            what = f"an event of the stream is malformed ({type(cause).__name__})"
            raise errors.build(503, what, self.headers, model) from cause

    @property
    def partial_response(self) -> ResponsesAPIResponse | None:
        """The partial response: the finished items, and the text of the others."""
        items = dict(self._items)
        for index, pieces in self._texts.items():
            part = {"type": "output_text", "text": "".join(pieces), "annotations": []}
            items.setdefault(index, _message(part))
        output = [items[index] for index in sorted(items)]
        return self._incomplete(output) if output else None

    @property
    def incomplete_event(self) -> ResponseIncompleteEvent | None:
        """The event that would end the stream now; None before the first one."""
        response = self.partial_response or (self._incomplete([]) if self._response else None)
        if response is None:
            return None
        return ResponseIncompleteEvent(
            type=ResponsesAPIStreamEvents.RESPONSE_INCOMPLETE, response=response
        )

    def _incomplete(self, output: list[Any]) -> ResponsesAPIResponse | None:
        body = {**self._response, "status": "incomplete", "output": output}
        try:
            return answers.response_object(body, self.headers)
        except errors.MALFORMED:
            return None

    def _keep(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        self.has_output = self.has_output or kind not in _PREAMBLE
        if isinstance(event.get("response"), dict):
            self._response = event["response"]
            self.bill = usage.read_bill(self._response, self.headers)
            if isinstance(self._response.get("output"), list):
                answers.repair(self._response["output"])
        elif kind == "response.output_text.delta":
            self._texts.setdefault(_index_of(event), []).append(_delta_of(event))
        elif kind == "response.output_item.done":
            answers.repair([event["item"]])
            self._items[_index_of(event)] = event["item"]

    def _failure(self, event: Mapping[str, Any]) -> Exception | None:
        kind = event.get("type")
        if kind not in {answers.FAILED, "error", None} and not event.get("error"):
            return None
        others = {
            name: event[name] for name in answers.FACTS_OF_ERROR if event.get(name) is not None
        }
        if kind == answers.FAILED:
            return answers.failure({**others, **event["response"]}, self.headers, self.model)
        # OpenAI's own error event has the fields of the error at the top.
        error = event.get("error") or {
            name: value for name, value in event.items() if name not in _EVENT_FIELDS
        }
        body = {**self._response, **others, "output": [], "error": error}
        return answers.failure(body, self.headers, self.model)


def _index_of(event: Mapping[str, Any]) -> int:
    index = event["output_index"]
    if not isinstance(index, int):
        raise TypeError("output_index is not a whole number")
    return index


def _delta_of(event: Mapping[str, Any]) -> str:
    delta = event["delta"]
    if not isinstance(delta, str):
        raise TypeError("delta is not a text")
    return delta


def _message(part: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "",
        "type": "message",
        "role": "assistant",
        "status": "incomplete",
        "content": [part],
    }
