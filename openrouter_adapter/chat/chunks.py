"""A chunk of the wire → LiteLLM's chunk, each built once.

A long stream has tens of thousands, so the common ones are copies of an empty one: pydantic's
constructors take five times as long and are only used where needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, SupportsIndex, overload

from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices

from openrouter_adapter.chat import reasoning
from openrouter_adapter.wire import completion, usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openrouter_adapter.chat.accumulator import Accumulator

_EMPTY_DELTA: Final = Delta()
_EMPTY_CHOICE: Final = StreamingChoices()
_EMPTY_CHUNK: Final = ModelResponseStream(choices=[])

_SIMPLE_DELTA_FIELDS: Final = frozenset({"content", "role"})
_NAMED_DELTA_FIELDS: Final = _SIMPLE_DELTA_FIELDS | {
    "annotations",
    "audio",
    "function_call",
    "images",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "refusal",
    "tool_calls",
}
_CHOICE_FIELDS: Final = frozenset({"index", "delta", "finish_reason", "logprobs", "message"})
_CHUNK_FIELDS: Final = frozenset({"id", "object", "created", "model", "choices", "usage"})


class ChunkBuilder:
    """Builds the chunks of one stream."""

    __slots__ = ("_accumulator", "_headers", "_id", "_is_thinking", "_model")

    def __init__(self, accumulator: Accumulator, headers: Mapping[str, str], model: str) -> None:
        """Takes the accumulator of the stream, its HTTP headers, and the model asked for."""
        self._accumulator = accumulator
        self._headers = headers
        self._model = model
        self._id: str | None = None
        self._is_thinking = False

    def build(self, event: dict[str, Any]) -> ModelResponseStream:
        """The chunk of an event that the accumulator has taken.

        Raises:
            One of `errors.MALFORMED`: a value has the wrong type.
        """
        choices = [self._choice(wire) for wire in event["choices"]] or [StreamingChoices()]
        created = event.get("created")
        fields = {
            "id": event.get("id") or self._id,
            "model": event.get("model") or self._model,
            **{name: value for name, value in event.items() if name not in _CHUNK_FIELDS},
        }
        if type(created) is int and type(fields["id"]) is str and type(fields["model"]) is str:
            chunk = _EMPTY_CHUNK.model_copy(
                update={"choices": choices, "created": created, **fields}
            )
            chunk._hidden_params = {}
        else:
            chunk = ModelResponseStream(choices=choices, created=created, **fields)
        self._id = chunk.id
        if isinstance(event.get("usage"), dict):
            chunk.usage = usage.litellm_usage(event["usage"])
            usage.attach(chunk._hidden_params, event, self._headers)
        return chunk

    def _choice(self, wire: dict[str, Any]) -> StreamingChoices:
        index = wire.get("index") or 0
        finish_reason = None
        specific: dict[str, Any] = {}
        if len(wire) > 2 and not wire.keys() <= _CHOICE_FIELDS:
            specific = {n: v for n, v in wire.items() if n not in _CHOICE_FIELDS and v is not None}
        if wire.get("finish_reason"):
            has_tool_calls = self._accumulator.has_tool_calls(index)
            finish_reason, unplaced = completion.finish(wire, has_tool_calls)
            if "finish_reason" in unplaced:
                specific["provider_specific_fields"] = {"finish_reason": wire["finish_reason"]}
        delta = self._opening_reasoning(_delta(wire["delta"]))
        specific |= {"index": index, "delta": delta, "finish_reason": finish_reason}
        if wire.get("logprobs"):
            return StreamingChoices(logprobs=wire["logprobs"], **specific)
        return _EMPTY_CHOICE.model_copy(update=specific)

    def _opening_reasoning(self, delta: Delta) -> Delta:
        """A delta, with an empty thinking block before the first piece of reasoning.

        LiteLLM's /v1/messages opens a block with the first of a delta's thinking blocks and then
        sends the delta: the piece would appear twice, and its signature be invalid.
        """
        blocks = delta.__dict__.get("thinking_blocks")
        if not blocks:
            if self._is_thinking and (delta.content or delta.tool_calls):
                self._is_thinking = False
        elif not self._is_thinking:
            self._is_thinking = True
            if blocks[0].get("thinking") and not blocks[0].get("signature"):
                blocks.insert(0, {"type": "thinking", "thinking": "", "signature": ""})
        return delta


class ChunksSoFar(list[ModelResponseStream]):
    """The answer so far as one chunk, built when LiteLLM reads it.

    LiteLLM keeps every chunk of a stream, to inspect it and to price it if its client leaves. All
    those objects took twice the memory of the answer, and the garbage collector two fifths of the
    time of a long stream.
    """

    def __init__(self, accumulator: Accumulator, headers: Mapping[str, str], model: str) -> None:
        """Takes the arguments of ChunkBuilder; nothing that would keep the stream alive."""
        super().__init__()
        self._of = (accumulator, headers, model)

    def _now(self) -> list[ModelResponseStream]:
        accumulator, headers, model = self._of
        if not accumulator.has_choices:
            return []
        event = accumulator.completion()
        for choice in event["choices"]:
            choice["delta"] = choice.pop("message")
        return [ChunkBuilder(accumulator, headers, model).build(event)]

    def __iter__(self) -> Iterator[ModelResponseStream]:
        return iter(self._now())

    def __len__(self) -> int:
        return int(self._of[0].has_choices)

    @overload
    def __getitem__(self, index: SupportsIndex) -> ModelResponseStream: ...

    @overload
    def __getitem__(self, index: slice) -> list[ModelResponseStream]: ...

    def __getitem__(
        self, index: SupportsIndex | slice
    ) -> ModelResponseStream | list[ModelResponseStream]:
        return self._now()[index]


def _delta(wire: dict[str, Any]) -> Delta:
    content = wire.get("content")
    if isinstance(content, list):
        content = completion.text_of_parts(content)
    fields: dict[str, Any] = {"content": content, "role": wire.get("role")}
    if wire.keys() <= _SIMPLE_DELTA_FIELDS:
        return _EMPTY_DELTA.model_copy(update=fields)
    for name in ("audio", "images", "annotations", "refusal"):
        if wire.get(name):
            fields[name] = wire[name]
    thoughts = reasoning.text(wire)
    if thoughts is not None:
        fields["reasoning_content"] = thoughts
    details = wire.get("reasoning_details")
    if details is not None:
        fields["reasoning_details"] = details
        blocks = reasoning.thinking_blocks(details)
        if blocks:
            fields["thinking_blocks"] = blocks
    specific = {name: value for name, value in wire.items() if name not in _NAMED_DELTA_FIELDS}
    calls = {name: wire[name] for name in ("tool_calls", "function_call") if wire.get(name)}
    if specific or calls:
        if specific:
            fields["provider_specific_fields"] = specific
        return Delta(**fields, **calls)
    return _EMPTY_DELTA.model_copy(update=fields)
