"""The kinds of recorded exchanges: which of LiteLLM's functions makes the call, and what returns.

A further kind is one more entry of `KINDS`, with the two functions that make its call.
"""

from __future__ import annotations

import base64
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import litellm

from .leaves import plain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .recordings import Exchange

Keywords: TypeAlias = dict[str, Any]

API_KEY = "sk-or-v1-conformance"

# LiteLLM keeps these keywords for itself; its documentation sends users to `extra_body` for them.
KEPT_BY_LITELLM = frozenset(
    {"cache", "fallbacks", "guardrails", "headers", "id", "metadata", "order", "roles", "tags"}
    | {"ttl"},
)


@dataclass(frozen=True)
class Returned:
    """What a caller holds after one call: the response, and for a stream its chunks too."""

    response: Any
    chunks: tuple[Any, ...] = ()

    @property
    def data(self) -> list[Any]:
        """Everything in it as JSON data.

        Of a chunk the chunk itself counts and not its hidden params: callers of a stream are told
        to look at the assembled response for those.
        """
        return [*map(plain, self.chunks), plain(self.response), self.hidden]

    @property
    def hidden(self) -> dict[str, Any]:
        """The response's hidden params as JSON data."""
        return dict(plain(getattr(self.response, "_hidden_params", None)) or {})


@dataclass(frozen=True)
class Kind:
    """How the exchanges of one folder are replayed through LiteLLM."""

    call: Callable[[Keywords], Returned]
    acall: Callable[[Keywords], Awaitable[Returned]]


def complete(keywords: Keywords) -> Returned:
    return Returned(litellm.completion(**keywords))


async def acomplete(keywords: Keywords) -> Returned:
    return Returned(await litellm.acompletion(**keywords))


def stream(keywords: Keywords) -> Returned:
    answer = litellm.completion(**keywords)
    return assembled(answer, list(answer))


async def astream(keywords: Keywords) -> Returned:
    answer: Any = await litellm.acompletion(**keywords)
    return assembled(answer, [chunk async for chunk in answer])


def assembled(answer: Any, chunks: list[Any]) -> Returned:
    """Return the chunks with the whole answer: the stream's own, else as LiteLLM builds one."""
    whole = getattr(answer, "response", None)
    if whole is None:
        whole = litellm.stream_chunk_builder(chunks)
    return Returned(whole, tuple(chunks))


def embed(keywords: Keywords) -> Returned:
    return Returned(litellm.embedding(**keywords))


async def aembed(keywords: Keywords) -> Returned:
    return Returned(await litellm.aembedding(**keywords))


def respond(keywords: Keywords) -> Returned:
    return Returned(litellm.responses(**keywords))


async def arespond(keywords: Keywords) -> Returned:
    return Returned(await litellm.aresponses(**keywords))


def stream_response(keywords: Keywords) -> Returned:
    answer: Any = litellm.responses(**keywords)
    events = tuple(answer)
    return Returned(answer.completed_response.response, events)


async def astream_response(keywords: Keywords) -> Returned:
    answer: Any = await litellm.aresponses(**keywords)
    events = tuple([event async for event in answer])
    return Returned(answer.completed_response.response, events)


def rerank(keywords: Keywords) -> Returned:
    return Returned(litellm.rerank(**keywords))


async def arerank(keywords: Keywords) -> Returned:
    return Returned(await litellm.arerank(**keywords))


def with_file(keywords: Keywords) -> Keywords:
    """Return the keywords of a transcription with the form's file as LiteLLM takes it."""
    file = keywords["file"]
    return {**keywords, "file": (file["name"], base64.b64decode(file["base64"]))}


def transcribe(keywords: Keywords) -> Returned:
    return Returned(litellm.transcription(**with_file(keywords)))


async def atranscribe(keywords: Keywords) -> Returned:
    return Returned(await litellm.atranscription(**with_file(keywords)))


class Spoken(dict[str, str]):
    """The audio as the recordings have it, with the hidden params of LiteLLM's response."""

    def __init__(self, answer: Any) -> None:
        super().__init__(base64=base64.b64encode(answer.content).decode())
        self._hidden_params = answer._hidden_params


def speak(keywords: Keywords) -> Returned:
    return Returned(Spoken(litellm.speech(**keywords)))


async def aspeak(keywords: Keywords) -> Returned:
    return Returned(Spoken(await litellm.aspeech(**keywords)))


def draw(keywords: Keywords) -> Returned:
    return Returned(litellm.image_generation(**keywords, openrouter_image_route="images"))


async def adraw(keywords: Keywords) -> Returned:
    return Returned(
        await litellm.aimage_generation(**keywords, openrouter_image_route="images"),
    )


KINDS = {
    "chat-completions": Kind(complete, acomplete),
    "chat-completions-stream": Kind(stream, astream),
    "embeddings": Kind(embed, aembed),
    "chat-completions-errors": Kind(complete, acomplete),
    "images": Kind(draw, adraw),
    "rerank": Kind(rerank, arerank),
    "audio-speech": Kind(speak, aspeak),
    "audio-transcriptions": Kind(transcribe, atranscribe),
    "responses": Kind(respond, arespond),
    "responses-stream": Kind(stream_response, astream_response),
}


def keywords_for(exchange: Exchange, server_root: str) -> Keywords:
    """Return the keywords of the LiteLLM call that asks what the recorded request asked."""
    # A copy, because LiteLLM changes messages and tools in place.
    asked = copy.deepcopy(exchange.request)
    model = asked.pop("model")
    kept = {name: asked.pop(name) for name in list(asked) if name in KEPT_BY_LITELLM}
    if kept:
        asked["extra_body"] = kept
    return {
        **asked,
        "model": f"openrouter/{model}",
        "api_base": f"{server_root}/api/v1",
        "api_key": API_KEY,
    }
