"""Guardrails: what they allow, their budgets, and the keys and members they are assigned to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import catalog
from .billing import ZERO
from .errors import ApiError
from .keys import Budget

if TYPE_CHECKING:
    from .catalog import Endpoint, Model
    from .keys import Key, Keys

# Groups of models with their own zero data retention setting, by author.
_GROUPS = {"anthropic": "anthropic", "openai": "openai", "google": "google", "x-ai": "xai"}
# The emulator's data region.
REGION = "global"
_PRIVACY_PAGE = "https://openrouter.ai/settings/privacy"


@dataclass(slots=True)
class Guardrail:
    """A guardrail; `fields` are as in `/guardrails`, with models by their dated slug."""

    id: str
    name: str
    workspace: str
    created_at: float
    updated_at: float | None = None
    fields: dict[str, Any] = field(default_factory=dict)

    def allows(self, model: Model, endpoint: Endpoint) -> bool:
        """Return whether an endpoint of a model is allowed."""
        fields = self.fields
        if not _within(model.canonical_slug, fields, "models"):
            return False
        if not _within(endpoint.slug, fields, "providers"):
            return False
        group = _GROUPS.get(model.author, "other")
        if fields.get(f"enforce_zdr_{group}") and not catalog.has_zero_retention(endpoint):
            return False
        kind = "free" if model.is_free else "paid"
        denied = fields.get(f"enable_{kind}_model_training") is False
        return not (denied and catalog.trains(model, endpoint))

    def budget(self, scope: str, keys: list[Key], now: float) -> Budget | None:
        """Return its budget with the spend of some keys, None if it has no budget."""
        limit = self.fields.get("limit_usd")
        if limit is None:
            return None
        reset = self.fields.get("reset_interval")
        byok = bool(self.fields.get("include_byok_in_budgets"))
        spent = sum((key.spend.counted(reset, now, byok=byok) for key in keys), ZERO)
        return Budget(scope, Decimal(repr(limit)), spent, reset, byok, self.id)


@dataclass(frozen=True, slots=True)
class Assignment:
    """The assignment of a guardrail to a key, by hash, or to a member, by user id."""

    id: str
    guardrail: str
    target: str
    created_at: float


class Guardrails:
    """All guardrails and their assignments; a key or a member has at most one."""

    def __init__(self) -> None:
        """Start empty."""
        self.all: dict[str, Guardrail] = {}
        self.of_keys: dict[str, Assignment] = {}
        self.of_members: dict[str, Assignment] = {}

    def remove(self, guardrail: Guardrail) -> None:
        """Remove a guardrail and its assignments."""
        del self.all[guardrail.id]
        for assigned in (self.of_keys, self.of_members):
            for target in [
                one.target for one in assigned.values() if one.guardrail == guardrail.id
            ]:
                del assigned[target]

    def of(self, key: Key) -> list[tuple[str, Guardrail]]:
        """Return the guardrails of a key with their scopes, the owner's first."""
        assigned = [
            ("member", self.of_members.get(key.creator or "")),
            ("api_key", self.of_keys.get(key.hash)),
        ]
        return [(scope, self.all[one.guardrail]) for scope, one in assigned if one is not None]

    def budgets(self, key: Key, keys: Keys, now: float) -> list[Budget]:
        """Return the budgets that a key's requests count against."""
        found = []
        for scope, guardrail in self.of(key):
            spenders = keys.of_owner(key.creator) if scope == "member" else [key]
            found.append(guardrail.budget(scope, spenders, now))
        return [budget for budget in found if budget is not None]

    def permitted(self, key: Key, model: Model) -> tuple[Endpoint, ...]:
        """Return the endpoints of a model that all guardrails of a key allow.

        Raises:
            ApiError: 404 if they allow none.
        """
        assigned = self.of(key)
        if not assigned:
            return model.endpoints
        left = tuple(
            one for one in model.endpoints if all(rule.allows(model, one) for _, rule in assigned)
        )
        if not left:
            raise ApiError(
                404,
                "No endpoints available matching your guardrail restrictions and data policy. "
                f"Configure: {_PRIVACY_PAGE}",
                falls_back=True,
            )
        return left

    def check_region(self, key: Key) -> None:
        """Check that a key's guardrails allow the emulator's region.

        Raises:
            ApiError: 403 if they do not.
        """
        for _, guardrail in self.of(key):
            regions = guardrail.fields.get("allowed_data_regions")
            if regions is not None and REGION not in regions:
                raise ApiError(403, f"Data region {REGION} is not allowed by your guardrail")

    def filtered(self, key: Key, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return messages with the matches of the guardrails' patterns redacted.

        Raises:
            ApiError: 403 if a blocking pattern matches.
        """
        for _, guardrail in self.of(key):
            for entry in guardrail.fields.get("content_filters") or ():
                messages = [_screened(message, entry) for message in messages]
        return messages


def _within(name: str, fields: dict[str, Any], kind: str) -> bool:
    allowed = fields.get(f"allowed_{kind}")
    return (not allowed or name in allowed) and name not in (fields.get(f"ignored_{kind}") or ())


def _screened(message: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    if message.get("role") != "user" or not content:
        return message
    if isinstance(content, str):
        return {**message, "content": _screened_text(content, entry)}
    parts = [
        {**part, "text": _screened_text(part["text"], entry)} if part.get("text") else part
        for part in content
    ]
    return {**message, "content": parts}


def _screened_text(text: str, entry: dict[str, Any]) -> str:
    label = entry.get("label") or "REDACTED"
    if entry["action"] == "redact":
        return re.sub(entry["pattern"], f"[{label}]", text)
    if entry["action"] == "block" and re.search(entry["pattern"], text):
        raise ApiError(
            403,
            "Request blocked: content filter matched",
            metadata={"patterns": [entry["pattern"]]},
        )
    return text
