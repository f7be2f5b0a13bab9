"""A chat completion with its price, independent of the endpoint's form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import billing, reasoning
from .answers import Answer

if TYPE_CHECKING:
    from .answers import Thought
    from .billing import BillRow, Cost, Usage
    from .catalog import Endpoint, Model
    from .faults import Fault

# Nothing was generated, or an error ended the answer: zero completion insurance applies.
_WITHOUT_OUTPUT = ("error-in-200", "null-choices", "empty-choices", "comments-only")
_ENDED_BY_ERROR = ("error-chunk", "choice-error")
_NATIVE_REASONS = {
    reasoning.ANTHROPIC: {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"},
    reasoning.GOOGLE: {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"},
    reasoning.OPENAI: {
        "stop": "completed",
        "length": "max_output_tokens",
        "tool_calls": "completed",
    },
    reasoning.XAI: {"stop": "completed", "tool_calls": "completed"},
}


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer with its price.

    Attributes:
        id: The generation id.
        created: Seconds since 1970.
        model: The model.
        endpoint: The provider's endpoint.
        answer: The answer, cut at its limits; its reasoning may be hidden from the caller.
        call_ids: Ids of the answer's tool calls.
        usage: Tokens.
        cost: USD.
        show_reasoning: Whether the message contains the reasoning.
        path: The endpoint's path.
    """

    id: str
    created: int
    model: Model
    endpoint: Endpoint
    answer: Answer
    call_ids: tuple[str, ...]
    usage: Usage
    cost: Cost
    show_reasoning: bool
    path: str

    @property
    def reasoning_format(self) -> str:
        """The format of the model's reasoning details."""
        return self.model.reasoning.format if self.model.reasoning else "unknown"

    @property
    def native_finish_reason(self) -> str | None:
        """The finish reason in the provider's words."""
        finish = self.answer.finish_reason
        if finish is None:
            return None
        return _NATIVE_REASONS.get(self.reasoning_format, {}).get(finish, finish)

    @property
    def service_tier(self) -> str | None:
        """The provider's service tier, if it reports one."""
        tells = self.reasoning_format == reasoning.OPENAI or self.endpoint.provider == "Anthropic"
        return "default" if tells or self.reasoning_format == reasoning.GOOGLE else None

    @property
    def visible_thoughts(self) -> tuple[Thought, ...]:
        """The thoughts in the message, none if they are hidden."""
        return self.answer.thoughts if self.show_reasoning else ()

    @property
    def visible_thought(self) -> str | None:
        """The text of the thoughts in the message, None if there is none."""
        texts = [thought.text for thought in self.visible_thoughts if not thought.is_redacted]
        return "".join(texts) or None

    def wire_usage(self) -> dict[str, Any]:
        """Return the `usage` object."""
        return billing.chat_usage(self.usage, self.cost)

    def bill_row(self, created_at: float, *, streamed: bool) -> BillRow:
        """Return the row of a complete answer."""
        return billing.row(
            self.id,
            self.path,
            self.model,
            self.endpoint,
            self.usage,
            self.cost,
            streamed=streamed,
            finish_reason=self.answer.finish_reason,
            native_finish_reason=self.native_finish_reason,
            created_at=created_at,
        )

    def cut_row(self, created_at: float, share: float) -> BillRow:
        """Return the row of a stream whose caller left after a share of the events."""
        usage = replace(
            self.usage,
            completion=round(self.usage.completion * share),
            reasoning=round(self.usage.reasoning * share),
            images=round(self.usage.images * share),
        )
        cost = billing.price(usage, self.endpoint, is_byok=self.cost.is_byok)
        row = replace(self, usage=usage, cost=cost).bill_row(created_at, streamed=True)
        return replace(row, cancelled=True, finish_reason=None, native_finish_reason=None)

    def under(self, fault: Fault) -> Completion:
        """Return the completion as it is billed under a fault of its answer."""
        answer, free = self.answer, billing.Cost(is_byok=self.cost.is_byok)
        if fault.name in _WITHOUT_OUTPUT:
            usage = replace(self.usage, completion=0, reasoning=0, images=0)
            answer = Answer(finish_reason=None)
            return replace(self, answer=answer, call_ids=(), usage=usage, cost=free)
        if fault.name in _ENDED_BY_ERROR:
            return replace(self, answer=replace(answer, finish_reason="error"), cost=free)
        if fault.name == "no-finish":
            return replace(self, answer=replace(answer, finish_reason=None))
        if fault.name == "no-arguments":
            calls = tuple(replace(call, arguments=None) for call in answer.tool_calls)
            return replace(self, answer=replace(answer, tool_calls=calls, finish_reason=None))
        return self
