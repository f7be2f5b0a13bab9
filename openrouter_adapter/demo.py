"""The main features end to end, through LiteLLM's own functions: each call with its exact cost.

On the emulator the costs must add up to its bill; live, the same calls go to OpenRouter.
"""

from __future__ import annotations

import base64
import contextlib
import os
import tempfile
import textwrap
import urllib.request
import warnings
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

# LiteLLM would fetch its price list when it is imported. It is not needed here: OpenRouter reports
# the cost of each request.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm
import openai
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from openrouter_adapter.emulator import Emulator
from openrouter_adapter.registration import registered
from openrouter_adapter.wire.connection import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from openrouter_adapter.emulator import BillRow

CHAT_MODEL: Final = "openrouter/openai/gpt-4o-mini"
STREAM_MODEL: Final = "openrouter/anthropic/claude-haiku-4.5"
TOOL_MODEL: Final = "openrouter/google/gemini-2.5-flash"
EMBEDDING_MODEL: Final = "openrouter/openai/text-embedding-3-small"
IMAGE_MODEL: Final = "openrouter/google/gemini-2.5-flash-image"

LIVE_NOTICE: Final = (
    "This sends six requests to OpenRouter itself. They cost about 4 US cents, nearly all of it "
    "for the image."
)
PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

WEATHER_TOOL: Final[dict[str, Any]] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city now",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}

# An answer for the emulator; its own would be dull.
_POEM: Final = (
    "Each token counted, none forgot,\n"
    "each cent that's spent is on the slip;\n"
    "what was not billed, we add it not,\n"
    "and nothing's lost upon the trip."
)


@dataclass(frozen=True, slots=True)
class CallCost:
    """The cost of one request.

    Attributes:
        call: The kind of call.
        model: The requested model, as OpenRouter names it.
        provider: The provider that served it.
        tokens: Prompt and completion tokens.
        cost: USD, to the last digit that OpenRouter sent.
    """

    call: str
    model: str
    provider: str
    tokens: int
    cost: Decimal


def cost_of_call(call: str, model: str, response: Any) -> CallCost:
    """The cost of a call, from the hidden parameters of LiteLLM's response."""
    hidden = response._hidden_params
    return CallCost(
        call=call,
        model=model.removeprefix("openrouter/"),
        provider=hidden["openrouter"]["provider"],
        tokens=response.usage.total_tokens,
        cost=Decimal(repr(hidden["response_cost"])),
    )


def chat(console: Console) -> list[CallCost]:
    """One question, one answer."""
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    response: Any = litellm.completion(CHAT_MODEL, messages=messages, max_tokens=50)

    _say(console, "asked", messages[0]["content"])
    _say(console, "answered", response.choices[0].message.content)
    return [cost_of_call("chat", CHAT_MODEL, response)]


def stream(console: Console) -> list[CallCost]:
    """An answer that is printed as it arrives; its cost is on the complete response, at the end."""
    messages = [{"role": "user", "content": "Four short lines in rhyme about honest bills."}]
    _say(console, "asked", messages[0]["content"])

    chunks: Any = litellm.completion(STREAM_MODEL, messages=messages, max_tokens=200, stream=True)
    _say(console, "answered", "", end="")
    for chunk in chunks:
        text = chunk.choices[0].delta.content or ""
        console.out(text.replace("\n", f"\n{'':14}"), end="", highlight=False)
    console.print()
    return [cost_of_call("stream", STREAM_MODEL, chunks.response)]


def call_tool(console: Console) -> list[CallCost]:
    """The model asks for a function, gets its result, and answers in a second turn."""
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Lisbon?"}]
    first: Any = litellm.completion(TOOL_MODEL, messages=messages, tools=[WEATHER_TOOL])
    _say(console, "asked", messages[0]["content"])

    # The message goes back as it came, with all that OpenRouter needs to continue.
    messages.append(first.choices[0].message)
    for call in first.choices[0].message.tool_calls or ():
        _say(console, "called", f"{call.function.name}({call.function.arguments})")
        result = "18 degrees Celsius, sunny, wind from the west"
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})

    second: Any = litellm.completion(TOOL_MODEL, messages=messages, tools=[WEATHER_TOOL])
    _say(console, "answered", second.choices[0].message.content)
    return [
        cost_of_call("tool call", TOOL_MODEL, first),
        cost_of_call("  answer", TOOL_MODEL, second),
    ]


def embed(console: Console) -> list[CallCost]:
    """Two texts → two vectors."""
    texts = ["What does it cost?", "How much is it?"]
    response: Any = litellm.embedding(EMBEDDING_MODEL, input=texts)

    _say(console, "embedded", " / ".join(texts))
    _say(console, "got", f"{len(response.data)} vectors of {len(response.data[0]['embedding'])}")
    return [cost_of_call("embedding", EMBEDDING_MODEL, response)]


def draw(console: Console, folder: Path) -> list[CallCost]:
    """An image, written to a file."""
    prompt = "A lighthouse at dusk, in flat colours"
    response: Any = litellm.image_generation(prompt=prompt, model=IMAGE_MODEL, size="1536x1024")

    image = response.data[0]
    data = base64.b64decode(image.b64_json)
    media_type = image.provider_specific_fields["media_type"]
    path = folder / f"openrouter-demo.{media_type.removeprefix('image/')}"
    path.write_bytes(data)
    if media_type == "image/png" and not data.startswith(PNG_SIGNATURE):
        raise ValueError(f"{path} is not a PNG file, although the response says so")
    _say(console, "asked", prompt)
    _say(console, "wrote", str(path))
    return [cost_of_call("image", IMAGE_MODEL, response)]


def run_emulated(folder: Path | None = None, console: Console | None = None) -> int:
    """Runs all calls on the emulator and compares their costs with its bill.

    Args:
        folder: Where to write the image; None for a new temporary folder.
        console: Where to print.

    Returns:
        The exit code: 0, or 1 if a call failed or the costs differ from the bill.
    """
    console = console or Console()
    script = {STREAM_MODEL.removeprefix("openrouter/"): _POEM}
    with Emulator(answer=script, chunk_delay=0.03) as emulator:
        console.print(f"OpenRouter's emulator runs at {emulator.base_url}\n", highlight=False)
        variables = {
            "OPENROUTER_API_KEY": emulator.api_key,
            "OPENROUTER_API_BASE": emulator.base_url,
            "no_proxy": _without_proxy("127.0.0.1"),
        }
        with _environment(variables):
            costs, is_complete = run_calls(console, folder)
        bill = emulator.bill()
    print_costs(console, costs)
    if not is_complete or not _print_verdict(console, costs, bill):
        return 1
    console.print("\nThe same on OpenRouter itself, for about 4 US cents:\n", highlight=False)
    for line in ("export OPENROUTER_API_KEY=sk-or-v1-…", "openrouter-adapter demo --live"):
        console.out(f"  {line}", highlight=False)
    console.print(
        "\n(scripts/demo --live in a checkout; keys: https://openrouter.ai/keys)", highlight=False
    )
    return 0


def run_live(folder: Path | None = None, console: Console | None = None) -> int:
    """Runs all calls on OpenRouter itself, with the key and the base URL of the environment.

    Returns:
        The exit code: 0, or 1 if a call failed.
    """
    console = console or Console()
    costs, is_complete = run_calls(console, folder)
    print_costs(console, costs)
    console.print("Your account's own list: https://openrouter.ai/activity", highlight=False)
    return 0 if is_complete else 1


def run_calls(console: Console, folder: Path | None) -> tuple[list[CallCost], bool]:
    """The costs of all calls up to the first that failed, and whether all succeeded."""
    target = Path(tempfile.mkdtemp(prefix="openrouter-demo-")) if folder is None else folder
    target.mkdir(parents=True, exist_ok=True)
    steps: tuple[tuple[str, Callable[[Console], list[CallCost]]], ...] = (
        ("Chat", chat),
        ("Stream", stream),
        ("Tool call", call_tool),
        ("Embedding", embed),
        ("Image", lambda console: draw(console, target)),
    )
    costs: list[CallCost] = []
    with registered(Settings(app_title="openrouter_adapter demo")), _without_noise():
        for number, (title, step) in enumerate(steps, 1):
            console.print(f"[bold]{number}. {title}[/bold]", highlight=False)
            try:
                found = step(console)
            except (openai.OpenAIError, ValueError) as failure:
                _say(console, "failed", f"{type(failure).__name__}: {failure}")
                return costs, False
            _say(console, "cost", f"{_exact(sum_of(found))} USD")
            console.print()
            costs += found
    return costs, True


def sum_of(costs: Sequence[CallCost | BillRow]) -> Decimal:
    """The sum of costs, in USD."""
    return sum((one.cost for one in costs), Decimal(0))


def print_costs(console: Console, costs: Sequence[CallCost]) -> None:
    """Prints the table of costs; all have the same number of decimal places."""
    total = sum_of(costs)
    places = len(_exact(total).partition(".")[2])
    table = Table(box=SIMPLE_HEAD, show_footer=True, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("call", "sum", no_wrap=True)
    table.add_column("model", no_wrap=True)
    table.add_column("provider", overflow="fold")
    table.add_column("tokens", str(sum(one.tokens for one in costs)), justify="right")
    table.add_column("USD", f"{total:.{places}f}", justify="right", no_wrap=True)
    for one in costs:
        cost = f"{one.cost:.{places}f}"
        table.add_row(one.call, one.model, one.provider, str(one.tokens), cost)
    console.print(table)


def _print_verdict(console: Console, costs: Sequence[CallCost], bill: Sequence[BillRow]) -> bool:
    reported, billed = sum_of(costs), sum_of(bill)
    is_equal = reported == billed and len(costs) == len(bill)
    if is_equal:
        console.print(
            f"[green]✓[/green] This is the emulator's bill to the last digit: "
            f"{len(bill)} requests, {_exact(billed)} USD.",
            highlight=False,
        )
    else:
        console.print(
            f"[red]✗[/red] The emulator's bill differs: "
            f"{len(bill)} requests, {_exact(billed)} USD.",
            highlight=False,
        )
    return is_equal


def _say(console: Console, what: str, text: str, end: str = "\n") -> None:
    console.print(f"   [dim]{what:>8}[/dim]   ", end="", highlight=False)
    lines = textwrap.wrap(
        text, max(20, console.width - 14), break_long_words=False, break_on_hyphens=False
    )
    console.out(f"\n{'':14}".join(lines), end=end, highlight=False)


def _exact(amount: Decimal) -> str:
    return f"{amount:f}"


def _without_proxy(host: str) -> str:
    """The environment's `no_proxy` with one more host."""
    return ",".join(filter(None, (host, urllib.request.getproxies().get("no"))))


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _without_noise() -> Iterator[None]:
    """Hides LiteLLM's hints, and pydantic's warnings about LiteLLM's types."""
    before = litellm.suppress_debug_info
    litellm.suppress_debug_info = True
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"pydantic\b")
            yield
    finally:
        litellm.suppress_debug_info = before
