"""How an emulator behaves; everything has a default."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from decimal import Decimal

    from .answers import Script


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `Emulator` and `serve`.

    Attributes:
        api_key: The key that calls models, the one that is known at the start; None takes any.
        provisioning_key: The key that manages the account, and calls no models.
        answer: What to say instead of the emulator's own words: a text, an `Answer`, a mapping
            from model id to one of them, or a function of the request's body that returns one
            of them or None.
        chunk_tokens: Tokens in each chunk of a stream.
        chunk_delay: Seconds between the chunks of a stream.
        comments: `: OPENROUTER PROCESSING` lines before a stream's first event.
        seed: Of generation and tool call ids.
        clock: Seconds since 1970; give a constant one for answers that are equal to the byte.
        credits: USD bought; None is no end of them. Without enough of them requests get 402.
        requests_per_minute: Of each key; None is no limit.
        free_requests_per_minute: Of the account, to `:free` models; None is no limit.
        free_requests_per_day: The same for a UTC day; None is 50, or 1,000 with 10 USD bought.
        byok: Slugs of providers for which the account has a key of its own.
        presets: Parameters by the name of their preset; `system_prompt` is one of them.
        check_signatures: Whether changed reasoning details are refused as upstreams do.
        log_size: Requests that `Emulator.requests` keeps.
    """

    api_key: str | None = "sk-or-v1-emulator"
    provisioning_key: str = "sk-or-v1-emulator-provisioning"
    answer: Script | None = None
    chunk_tokens: int = 1
    chunk_delay: float = 0.0
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
    log_size: int = 1000
