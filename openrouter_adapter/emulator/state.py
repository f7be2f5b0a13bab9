"""The state of one emulator between requests, and its settings.

Endpoints import this module, and nothing here imports an endpoint.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import random
import string
import time
import uuid
from collections import deque
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import stored_files
from .billing import ZERO, Bill, BillRow
from .caching import PromptCache
from .clock import Clock
from .faults import Faults, refusal
from .guardrails import Guardrails
from .keys import Key, Keys
from .presets import Preset
from .rates import Rates
from .response_cache import ResponseCache
from .stored_files import StoredFile

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from typing_extensions import Self

    from .answers import Script
    from .batch_jobs import Batch
    from .catalog import Endpoint, Model
    from .errors import ApiError
    from .faults import Fault
    from .keys import Grant, ProviderKey
    from .response_cache import Lookup
    from .videos import Job

_ALPHABET = string.ascii_letters + string.digits
# The prefixes that upstreams give to the ids of tool calls.
_CALL_PREFIXES = {
    "Amazon Bedrock": "toolu_bdrk_01",
    "Anthropic": "toolu_01",
    "Google": "toolu_vrtx_01",
}
# The key of all callers if the emulator accepts any key.
ANY_KEY = "sk-or-v1-any"
_SECRETS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `Emulator` and `serve`.

    Attributes:
        api_key: The key that calls models, known from the start; None accepts any key.
        provisioning_key: The key that manages the account and can't call models.
        answer: Answers in place of the emulator's own: a text, an `Answer`, a mapping
            from model id to one of them, or a function of the request's body that returns one
            of them or None.
        chunk_tokens: Tokens in each chunk of a stream.
        chunk_delay: Seconds between the chunks of a stream.
        stream_cost: Whether the stream of `/messages` reports its cost. OpenRouter's does, although
            its documentation has none there.
        comments: `: OPENROUTER PROCESSING` lines before a stream's first event.
        seed: Seed of generation and tool call ids.
        clock: Returns seconds since 1970; if it is constant, answers are equal to the byte.
        credits: USD bought, None for no limit. Requests that cost more than is left get 402.
        requests_per_minute: Requests of each key, None for no limit.
        free_requests_per_minute: Requests of the account to `:free` models, None for no limit.
        free_requests_per_day: The same for a UTC day; None is 50, or 1,000 with 10 USD bought.
        byok: Slugs of providers for which the account has its own key.
        presets: Parameters by the name of their preset; `system_prompt` is one of them.
        check_signatures: Whether changed reasoning details are refused, as providers do.
        video_seconds: Seconds until a video is ready.
        webhook_secret: Signs the events that are sent to a `callback_url`, None for no signature.
        log_size: Number of requests that `Emulator.requests` keeps.
        batch_seconds: Time from a batch's submission to its end.
        file_storage: Bytes of files that the workspace stores.
    """

    api_key: str | None = "sk-or-v1-emulator"
    provisioning_key: str = "sk-or-v1-emulator-provisioning"
    answer: Script | None = None
    chunk_tokens: int = 1
    chunk_delay: float = 0.0
    stream_cost: bool = False
    comments: int = 2
    seed: int = 0
    clock: Callable[[], float] = time.time
    credits: Decimal | None = None
    requests_per_minute: int | None = None
    free_requests_per_minute: int | None = 20
    free_requests_per_day: int | None = None
    byok: Collection[str] = ()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    check_signatures: bool = True
    video_seconds: float = 1.0
    webhook_secret: str | None = None
    log_size: int = 1000
    batch_seconds: float = 420.0
    file_storage: int = stored_files.MOST_STORED


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request as it arrived.

    Attributes:
        method: The HTTP method, in upper case.
        path: The path below the base URL, such as `/chat/completions`.
        headers: Names in lower case; the key and other secrets are removed.
        body: The JSON body, None without a body.
        query: The parameters of the URL.
    """

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)


class State:
    """The settings, the bill, the log, the account and the source of ids.

    Attributes:
        key: The caller's key, in the copy of the state that a request gets.
    """

    def __init__(self, settings: Settings) -> None:
        """Start with an empty bill."""
        self.settings = settings
        self.clock = Clock(settings.clock)
        self.bill = Bill()
        self.requests: deque[LoggedRequest] = deque(maxlen=settings.log_size)
        self.faults = Faults()
        self.cache = PromptCache()
        self.response_cache = ResponseCache()
        self.rates = Rates(
            settings.requests_per_minute,
            settings.free_requests_per_minute,
            settings.free_requests_per_day,
        )
        self.guardrails = Guardrails()
        self._random = random.Random(settings.seed)  # noqa: S311  (ids, not secrets)
        self._secrets = itertools.count(1)
        self.key = Key(settings.api_key or ANY_KEY, "Emulator", self.now())
        self.keys = Keys(open_to_all=self.key if settings.api_key is None else None)
        self.keys.add(self.key)
        self.keys.add(Key(settings.provisioning_key, "Provisioning", self.now(), manages=True))
        self.provider_keys: dict[str, ProviderKey] = {}
        self.presets: dict[str, Preset] = {}
        self.batches: dict[str, Batch] = {}
        for slug, parameters in settings.presets.items():
            self.keep_preset(slug, parameters)
        self.codes: dict[str, Grant] = {}
        self.files: dict[str, StoredFile] = {}
        self.videos: dict[str, Job] = {}
        # Jobs that are not on the bill yet: a job is charged when it ends.
        self.unbilled_videos: list[Job] = []
        self.purchases: list[Decimal] = [] if settings.credits is None else [settings.credits]

    def of(self, key: Key) -> Self:
        """Return the same state for the requests of one key, which pays for them."""
        mine = copy.copy(self)
        mine.key = key
        return mine

    def now(self) -> float:
        """Return seconds since 1970."""
        return self.clock.now()

    def log(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: Any,
    ) -> None:
        """Add a request to `Emulator.requests`."""
        kept = {
            lowered: value
            for name, value in headers.items()
            if (lowered := name.lower()) not in _SECRETS
        }
        self.requests.append(LoggedRequest(method, path, kept, body, dict(query)))

    def look(self, headers: Mapping[str, str], path: str, body: Any) -> Lookup | None:
        """Return the lookup of a request in the response cache, None if it does not ask for one."""
        return self.response_cache.look(self.clock, self.key.hash, headers, path, body)

    def charge(self, row: BillRow) -> BillRow:
        """Add a row to the bill and to the spend of the caller's key, and return it."""
        row = replace(row, key_hash=self.key.hash)
        self.bill.add(row)
        self.key.spend.add(row)
        self.key.last_used_at = row.created_at
        return row

    def refuse(self, fault: Fault, path: str, body: Any, model: str, provider: str) -> ApiError:
        """Return the error of a fault, and add its row, which costs nothing, to the bill.

        Args:
            fault: The fault.
            path: The endpoint's path.
            body: The request.
            model: The model's id, empty if unknown.
            provider: The provider's name, empty if unknown.
        """
        error = refusal(fault, body, model, provider, self.now())
        self.charge(
            BillRow(
                generation_id=self.new_id(),
                endpoint=path,
                model=model,
                provider=provider,
                tokens_prompt=0,
                tokens_completion=0,
                cost=ZERO,
                status=error.status,
                finish_reason=None,
                native_finish_reason=None,
                fault=fault.name,
                created_at=self.now(),
            )
        )
        return error

    def new_id(self, prefix: str = "gen") -> str:
        """Return the next generation id."""
        return f"{prefix}-{int(self.now())}-{self._characters(20)}"

    def new_secret(self, purpose: str) -> str:
        """Return 64 hexadecimal digits: different each time, but the same in every run."""
        seed = f"{self.settings.seed}/{purpose}/{next(self._secrets)}"
        return hashlib.sha256(seed.encode()).hexdigest()

    def new_uuid(self, purpose: str) -> str:
        """Return the next UUID for something of the account, such as a preset."""
        return str(uuid.UUID(self.new_secret(purpose)[:32], version=4))

    def keep_preset(self, slug: str, parameters: Mapping[str, Any]) -> Preset:
        """Create a preset, or its next version."""
        preset = self.presets.get(slug)
        if preset is None:
            preset = Preset(self.new_uuid("preset"), slug, self.now())
            self.presets[slug] = preset
        preset.add_version(self.new_uuid("preset"), parameters, self.now())
        return preset

    def store_file(
        self, filename: str, content: bytes, *, downloadable: bool = False
    ) -> StoredFile:
        """Add a file to the workspace.

        Raises:
            ApiError: 400, 403 or 413 if it may not be stored.
        """
        used = sum(len(file.content) for file in self.files.values())
        mime_type = stored_files.check_new(filename, content, used, self.settings.file_storage)
        file_id = f"or_file_011{self._characters(21)}"
        file = StoredFile(file_id, filename, content, mime_type, self.now(), downloadable)
        self.files[file_id] = file
        return file

    def call_ids(self, number: int, provider: str) -> tuple[str, ...]:
        """Return the ids of an answer's tool calls."""
        prefix = _CALL_PREFIXES.get(provider, "call_")
        return tuple(prefix + self._characters(22) for _ in range(number))

    def is_byok(self, model: Model, endpoint: Endpoint) -> bool:
        """Return whether the account's own provider key serves a request."""
        if endpoint.slug in self.settings.byok or endpoint.tag in self.settings.byok:
            return True
        return any(one.serves(self.key, model, endpoint) for one in self.provider_keys.values())

    def bought(self) -> Decimal | None:
        """Return the USD bought so far, None for no limit."""
        return sum(self.purchases, Decimal(0)) if self.purchases else None

    def remaining_credits(self) -> Decimal | None:
        """Return the USD left, None for no limit."""
        bought = self.bought()
        return None if bought is None else bought - self.bill.total

    def _characters(self, number: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=number))
