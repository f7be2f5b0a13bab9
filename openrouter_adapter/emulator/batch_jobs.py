"""Batches between requests: their status at a time, and their work when it is due."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson

from . import billing, chat, chat_format, embeddings, messages, responses, routing
from .batch_bodies import problem
from .billing import ZERO, Bill
from .clock import SECONDS_A_DAY
from .errors import ApiError
from .keys import Spend

if TYPE_CHECKING:
    from decimal import Decimal

    from .catalog import Endpoint, Model
    from .faults import Fault, RequestFaults
    from .inference import Form
    from .keys import Key
    from .state import State

FORMS: dict[str, Form | None] = {
    "/v1/chat/completions": chat_format.FORM,
    "/v1/responses": responses.FORM,
    "/v1/messages": messages.FORM,
    "/v1/embeddings": None,
}
# The parts of its time after which a batch is validated, and waits for its results to be stored.
_VALIDATED, _ANSWERED = 0.1, 0.95
_WINDOW = SECONDS_A_DAY
_VERTEX_WINDOW = 4 * SECONDS_A_DAY
_KEPT = 30 * SECONDS_A_DAY
_QUOTA = (
    "HTTP 400: invalid batch inference job: job-submission-count for account emulator, in use: 16, "
    "quota: 16"
)
TERMINAL = ("completed", "failed", "expired", "cancelled")
_OUTCOMES = {
    "batch-failed": "failed",
    "batch-expired": "expired",
    "batch-cancelled": "cancelled",
}


@dataclass(slots=True)
class Batch:
    """One batch.

    Attributes:
        id: Its id.
        key: The key that submitted it, and pays.
        endpoint: The form of its requests, such as `/v1/chat/completions`.
        model: The name of the model in the submission.
        twin: The model at its batch prices.
        served_by: The provider's endpoint that runs it.
        requests: Its requests, until they are answered.
        created_at: Seconds since 1970.
        takes: Seconds from its creation to its end.
        faults: The faults that may strike its requests.
        fault: The fault of the batch itself, if any.
        total: The number of its requests.
        finalized_at: When it ended; None before.
        outcome: Its status at the end.
        error: Why it failed, if it did.
        completed: Requests with an answer.
        failed: Requests with an error.
        usage: The sum of its requests' usage; None without an answer.
        cost: What is charged for it, in USD.
        is_paid: Whether it was charged.
        results: The JSON of its results; None without any.
        is_deleted: Whether it was deleted.
        is_checked: Whether its requests were checked.
        rows: The rows of the bill that wait for its charge.
    """

    id: str
    key: Key
    endpoint: str
    model: str
    twin: Model
    served_by: Endpoint
    requests: list[dict[str, Any]]
    created_at: float
    takes: float
    faults: RequestFaults
    fault: Fault | None
    total: int
    finalized_at: float | None = None
    outcome: str = "completed"
    error: str | None = None
    completed: int = 0
    failed: int = 0
    usage: dict[str, Any] | None = None
    cost: Decimal = ZERO
    is_paid: bool = True
    results: bytes | None = None
    is_deleted: bool = False
    is_checked: bool = False
    rows: list[billing.BillRow] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether its status is a terminal one."""
        return self.finalized_at is not None

    @property
    def expires_at(self) -> float:
        """When its provider gives up."""
        slow = self.served_by.slug == "google-vertex"
        return self.created_at + (_VERTEX_WINDOW if slow else _WINDOW)

    def progress(self, now: float) -> float:
        """Return the part of its time that has passed, from 0 to 1."""
        return min(1.0, (now - self.created_at) / self.takes) if self.takes else 1.0

    def status(self, now: float) -> str:
        """Return its status."""
        if self.is_over:
            return self.outcome
        part = self.progress(now)
        if part < _VALIDATED:
            return "validating"
        if part < _ANSWERED:
            return "in_progress"
        return "cancelling" if self._ending == "cancelled" else "finalizing"

    def is_gone(self, now: float) -> bool:
        """Whether OpenRouter no longer has its results."""
        return self.is_deleted or now >= self.created_at + _KEPT

    @property
    def _ending(self) -> str:
        return _OUTCOMES[self.fault.name] if self.fault is not None else "completed"

    def wire(self, now: float, status: str | None = None) -> dict[str, Any]:
        """Return its JSON, without results."""
        done = int(self.total * self.progress(now)) if not self.is_over else self.completed
        status = status or self.status(now)
        error = None if self.error is None else {"message": self.error}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "model": self.model,
            "provider": None if status == "validating" else self.served_by.provider,
            "completion_window": "24h",
            "status": status,
            "created_at": int(self.created_at),
            "expires_at": int(self.expires_at),
            "finalized_at": None if self.finalized_at is None else int(self.finalized_at),
            "request_counts": {
                "total": self.total,
                "completed": 0 if status == "validating" else done,
                "failed": self.failed,
            },
            "usage": self.usage,
            "results": None,
            "error": error,
        }


def work(state: State) -> None:
    """Do the work of all batches that is due, and charge for those that ended."""
    for batch in state.batches.values():
        if not batch.is_over:
            _advance(state, batch)
        if not batch.is_paid:
            _pay(state, batch)


def _advance(state: State, batch: Batch) -> None:
    now = state.now()
    if not batch.is_checked and batch.progress(now) >= _VALIDATED:
        batch.is_checked = True
        form = FORMS[batch.endpoint]
        batch.error = problem(batch.requests, form, batch.twin, batch.served_by)
        if batch.fault is not None and batch.fault.name == "batch-failed":
            batch.error = batch.fault.options.get("message", _QUOTA)
        if batch.error:
            batch.outcome, batch.failed = "failed", batch.total
            batch.finalized_at = batch.created_at + _VALIDATED * batch.takes
            batch.requests = []
            return
    ends_at = batch.created_at + batch.takes
    if now >= min(ends_at, batch.expires_at):
        _end(state, batch, min(ends_at, batch.expires_at))


def _end(state: State, batch: Batch, moment: float) -> None:
    """Answer the requests of a batch whose time is over."""
    share = 1.0
    if batch.fault is not None:
        batch.outcome = _OUTCOMES[batch.fault.name]
        share = float(batch.fault.value or 0)
    elif batch.expires_at < batch.created_at + batch.takes:
        batch.outcome = "expired"
        share = (batch.expires_at - batch.created_at) / batch.takes
    batch.finalized_at = moment
    requests, batch.requests = batch.requests[: int(batch.total * share)], []
    # Answers are charged together, to the key that submitted the batch, when all are there.
    desk = copy.copy(state)
    desk.bill, desk.purchases = Bill(), []
    desk.key = replace(batch.key, limit=None, spend=Spend())
    answers: list[bytes] = []
    errors: list[bytes] = []
    for request in requests:
        is_answer, result = _ended(desk, batch, request)
        (answers if is_answer else errors).append(result)
    batch.completed, batch.failed = len(answers), len(errors)
    if answers or errors:
        # As providers return them: not in the order of the requests, and errors last.
        batch.results = b"[" + b",".join((*reversed(answers), *errors)) + b"]"
    if answers:
        _sum_up(batch, desk.bill)
        batch.is_paid = False


def _sum_up(batch: Batch, bill: Bill) -> None:
    rows = bill.rows()
    batch.cost = billing.as_sent(bill.total)
    # The last row absorbs the difference that rounding the sum to a JSON number makes.
    last = max(place for place, row in enumerate(rows) if row.status == 200)
    rows[last] = replace(rows[last], cost=rows[last].cost + batch.cost - bill.total)
    batch.rows = rows
    prompt = sum(row.tokens_prompt for row in rows)
    completion = sum(row.tokens_completion for row in rows)
    batch.usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cost": billing.wire_number(batch.cost),
        "is_byok": any(row.is_byok for row in rows),
    }


def _pay(state: State, batch: Batch) -> None:
    """Charge for a batch, if the credits are enough."""
    left = state.remaining_credits()
    if left is not None and batch.cost > left:
        return
    payer = state.of(batch.key)
    for row in batch.rows:
        payer.charge(replace(row, created_at=batch.finalized_at or 0))
    batch.is_paid, batch.rows = True, []


def _ended(desk: State, batch: Batch, request: dict[str, Any]) -> tuple[bool, bytes]:
    """Return whether a request was answered, and its result."""
    try:
        body = orjson.Fragment(_answered(desk, batch, request["body"]))
    except ApiError as refusal:
        return False, _result(desk, request["custom_id"], None, _error(refusal))
    sent = {"status_code": 200, "request_id": desk.new_id("req"), "body": body}
    return True, _result(desk, request["custom_id"], sent, None)


def _answered(desk: State, batch: Batch, body: dict[str, Any]) -> bytes:
    """Return the body of the answer to one request.

    Raises:
        ApiError: The request fails; the others don't.
    """
    asked = {**body, "model": batch.twin.id}
    form = FORMS[batch.endpoint]
    if form is None:
        fault = batch.faults.take("attempt", batch.twin.id, batch.served_by.provider)
        if fault is not None:
            raise desk.refuse(fault, "/batches", asked, batch.twin.id, batch.served_by.provider)
        return embeddings.embed(desk, asked, in_batch=True)[0]
    asked["provider"] = {"only": [batch.served_by.tag]}
    completion = chat.complete(desk, form.chat_body(asked), batch.faults, in_batch=True)
    completion = replace(completion, id=desk.new_id("gen-batch"))
    desk.charge(completion.bill_row(desk.now(), streamed=False))
    answer = orjson.loads(form.whole(completion, asked, None))
    # Only the batch as a whole reports a cost.
    for name in ("cost", "cost_details", "is_byok"):
        answer.get("usage", {}).pop(name, None)
    answer["id"] = completion.id
    return orjson.dumps(answer)


def _result(
    state: State, custom_id: str, response: dict[str, Any] | None, error: dict[str, Any] | None
) -> bytes:
    return orjson.dumps(
        {
            "id": state.new_id("batch_req"),
            "custom_id": custom_id,
            "response": response,
            "error": error,
        }
    )


def _error(refusal: ApiError) -> dict[str, Any]:
    error = refusal.error()
    typed = (error.get("metadata") or {}).get("error_type")
    kind = "invalid_request_error" if refusal.status < 500 else "server_error"
    return {
        "message": f"Upstream request failed with status {refusal.status}: {refusal.message}",
        "type": kind,
        "param": None,
        **({"error_type": typed} if typed else {}),
    }


def choose(state: State, body: dict[str, Any], twin: Model) -> Endpoint:
    """Return the provider's endpoint that runs a batch.

    Raises:
        ApiError: 404 if the preferences exclude all of them.
    """
    permitted = state.guardrails.permitted(state.key, twin)
    target = routing.Target(twin.id, twin)
    wishes = {"provider": body.get("provider") or {}}
    return routing.endpoints(target, wishes, permitted)[0]
