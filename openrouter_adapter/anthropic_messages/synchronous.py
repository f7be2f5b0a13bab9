"""`litellm.anthropic.messages.create`: LiteLLM makes only asynchronous calls natively.

A synchronous call is made as one of those, in the background.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from openrouter_adapter import background
from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self


def call(keywords: Mapping[str, Any]) -> Any:
    """The answer of `litellm.anthropic_messages`; of a stream, an iterator over its bytes.

    Args:
        keywords: Those of LiteLLM's HTTP handler.
    """
    import litellm

    others = {
        **(keywords.get("kwargs") or {}),
        **keywords["anthropic_messages_optional_request_params"],
    }
    given = {
        name: keywords[name] for name in ("api_key", "api_base") if keywords.get(name) is not None
    }
    answer = background.wait_for(
        litellm.anthropic_messages(
            **{
                **others,
                **given,
                "model": f"{errors.PROVIDER}/{keywords['model']}",
                "messages": keywords["messages"],
                "stream": keywords.get("stream"),
            }
        )
    )
    return MessagesStream(answer) if hasattr(answer, "__anext__") else answer


class MessagesStream:
    """The bytes of a stream, cut between events. `close()` ends it early."""

    def __init__(self, stream: Any) -> None:
        """Wraps an asynchronous stream that was opened in the background."""
        self._stream = stream
        self._hidden_params: Any = getattr(stream, "_hidden_params", {})

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        block: bytes | None = background.wait_for(self._next())
        if block is None:
            raise StopIteration
        return block

    async def _next(self) -> bytes | None:
        found: bytes | None = await anext(self._stream, None)
        return found

    def close(self) -> None:
        """Ends the stream and frees its connection. Its cost is reconciled later."""
        background.wait_for(self._stream.aclose())

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            background.start(self._stream.aclose())
