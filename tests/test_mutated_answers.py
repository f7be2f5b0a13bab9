"""Whatever bytes come back, a call ends, by an answer or by one of LiteLLM's exceptions.

The answers are the emulator's own, changed at random places; the seeds are fixed, so that a case
that fails fails again. Each case is one call: `run(number)` is all that it takes to see it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import resource
import socket
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter.batch.requests import parse
from openrouter_adapter.batch.sending import Sender
from openrouter_adapter.emulator import Emulator
from tests.support.endpoints import CALLS, GETS, PROMPT
from tests.support.raw import Raw, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Seconds: what the calls are given, and what they may take at most on a busy machine.
TIMEOUT = 0.4
LONGEST = 8.0
LIMIT = 5_000_000
# Of the process, with all of LiteLLM's caches; a body without a limit would take more at once.
MOST_MEMORY = 250_000_000


def send_line(api_base: str, api_key: str, timeout: float = 5) -> Any:
    """Send a request as a batch does; raise its failure."""
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": PROMPT}]}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    request = parse(1, json.dumps(line).encode())

    async def send() -> Any:
        async with Sender(api_key, api_base, timeout) as sender:
            return await sender.send(request, lambda _: None)

    outcome = asyncio.run(send())
    if outcome.failure is not None:
        raise outcome.failure
    return outcome.body


EVERY: dict[str, Callable[..., Any]] = {**CALLS, **GETS, "batch": send_line}
NAMES = list(EVERY)


def relayed(emulator: Emulator, request: bytes, kept: list[bytes]) -> list[bytes]:
    """Return the emulator's answer to a request, byte for byte, and keep it."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [one for one in head.split(b"\r\n") if not one.lower().startswith(b"connection:")]
    with socket.create_connection(urlsplit(emulator.base_url).netloc.split(":")) as connection:
        connection.sendall(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    kept.append(received)
    return [received]


@pytest.fixture(scope="module")
def recorded() -> dict[str, bytes]:
    """The emulator's answer to each call, with its head."""
    found: dict[str, bytes] = {}
    kept: list[bytes] = []
    with (
        openrouter_adapter.registered(),
        Emulator() as emulator,
        Raw(lambda request: relayed(emulator, request, kept)) as relay,
    ):
        for name, call in EVERY.items():
            with contextlib.suppress(litellm.NotFoundError):  # of a generation that doesn't exist
                call(api_base=relay.base_url, api_key=emulator.api_key)
            found[name] = kept[-1]
    generation = json.dumps({"data": {"id": "gen-1", "total_cost": 0.1}}).encode()
    return found | {"aget_generation": b"".join(answer(generation))}


ODD: list[Any] = [None, True, -1, 1e308, "", "x", [], [[]], {}, {"a": None}, "\ud83d", 10**30]


def mutated(chance: random.Random, content: bytes) -> bytes:
    """Return an answer with some of its bytes changed, or some of its JSON."""
    head, gap, body = content.partition(b"\r\n\r\n")
    kind = chance.randrange(10)
    if kind < 4:
        body = changed_json(chance, body)
        head = b"\r\n".join(
            b"Content-Length: %d" % len(body) if one.lower().startswith(b"content-length") else one
            for one in head.split(b"\r\n")
        )
        return head + gap + body
    whole = bytearray(body if kind < 8 else content)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        change_bytes(chance, whole)
    return bytes(head + gap + whole if kind < 8 else whole)


def change_bytes(chance: random.Random, whole: bytearray) -> None:
    """Change, take out, repeat, put in or cut off some bytes."""
    place = chance.randrange(len(whole) + 1)
    length = chance.choice([1, 2, 10, 50])
    noise = bytes(chance.randrange(256) for _ in range(chance.choice([1, 3, 20])))
    change = chance.randrange(5)
    if change == 0:
        whole[place : place + len(noise)] = noise
    elif change == 1:
        del whole[place : place + length]
    elif change == 2:
        whole[place:place] = noise
    elif change == 3:
        whole[place:place] = whole[place : place + length]
    else:
        del whole[place:]


def changed_json(chance: random.Random, body: bytes) -> bytes:
    """Return a body with a value of one of its JSON texts in another type, or taken out."""
    lines = body.split(b"\n")
    texts = [number for number, line in enumerate(lines) if b"{" in line]
    if not texts:
        return body
    number = chance.choice(texts)
    before, brace, text = lines[number].partition(b"{")
    try:
        value = json.loads(brace + text)
    except ValueError:
        return body
    owner: Any = value
    while True:
        keys = list(owner if isinstance(owner, dict) else range(len(owner)))
        key = chance.choice(keys)
        if isinstance(owner[key], dict | list) and owner[key] and chance.random() < 0.7:
            owner = owner[key]
            continue
        break
    if chance.random() < 0.2:
        del owner[key]
    else:
        owner[key] = chance.choice(ODD)
    lines[number] = before + json.dumps(value).encode("utf-8", "surrogatepass")
    return b"\n".join(lines)


def pieces(chance: random.Random, content: bytes) -> list[bytes]:
    """Return an answer cut into some pieces."""
    places = sorted(chance.randrange(len(content) + 1) for _ in range(chance.randrange(4)))
    return [content[a:b] for a, b in zip([0, *places], [*places, len(content)], strict=True)]


def run(number: int, recorded: dict[str, bytes]) -> None:
    """Make one call on one answer; raise for what must not be."""
    chance = random.Random(number)  # noqa: S311 - no secret
    name = NAMES[number % len(NAMES)]
    sent = pieces(chance, mutated(chance, recorded[name]))
    seconds = 5.0 if chance.random() < 0.05 else 0.0
    begun, failure = time.monotonic(), None
    with Raw(sent, seconds) as server:
        try:
            EVERY[name](api_base=server.base_url, api_key="k" * 40, timeout=TIMEOUT)
        except BaseException as raised:  # noqa: BLE001 - whatever is raised is judged
            failure = raised
    if failure is not None and type(failure).__module__ != "litellm.exceptions":
        raise AssertionError(f"case {number}, {name}: {failure!r} of {sent!r:.3000}") from failure
    took = time.monotonic() - begun
    assert took < LONGEST, f"case {number}, {name}: {took:.1f} s for {sent!r:.3000}"


def memory() -> int:
    """Return the most bytes of memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


@pytest.fixture
def limited() -> Iterator[None]:
    """The adapter in LiteLLM, which reads little of an answer."""
    with openrouter_adapter.registered(max_response_bytes=LIMIT):
        yield


def run_all(numbers: range, recorded: dict[str, bytes]) -> None:
    """Make many calls, in the memory of a few."""
    for number in numbers[: 2 * len(NAMES)]:
        run(number, recorded)
    before = memory()
    for number in numbers[2 * len(NAMES) :]:
        run(number, recorded)
    assert memory() - before < MOST_MEMORY


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("limited")
def test_three_hundred_mutated_answers(recorded: dict[str, bytes]) -> None:
    run_all(range(300), recorded)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("limited")
def test_five_thousand_mutated_answers(recorded: dict[str, bytes]) -> None:
    run_all(range(300, 5300), recorded)
