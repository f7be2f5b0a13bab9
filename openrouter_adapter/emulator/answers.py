"""Answers of the emulated models: short, plausible, the same for the same request."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from . import json_schema


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one of the caller's functions; `arguments` is JSON text, as on the wire."""

    name: str
    arguments: str | None = "{}"


@dataclass(frozen=True, slots=True)
class Thought:
    """One of several thoughts in a row; a redacted one is only sent encrypted."""

    text: str
    is_redacted: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer, before limits and prices.

    Attributes:
        content: The text, None if there is none.
        reasoning: The reasoning before it, if the request gets any: a text, or several thoughts.
        tool_calls: Functions to call.
        images: Images, as data URLs or links.
        annotations: Citations and parsed files, as in OpenRouter's answers.
        finish_reason: As OpenRouter's; None if the provider broke off.
        stopped_at: The stop sequence of the request that ended the text, if one did.
    """

    content: str | None = None
    reasoning: str | tuple[Thought, ...] | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    images: tuple[str, ...] = ()
    annotations: tuple[dict[str, Any], ...] = ()
    finish_reason: str | None = "stop"
    stopped_at: str | None = None

    @property
    def thoughts(self) -> tuple[Thought, ...]:
        """The reasoning as thoughts."""
        if isinstance(self.reasoning, str):
            return (Thought(self.reasoning),) if self.reasoning else ()
        return self.reasoning or ()


Reply = str | Answer
Script = Reply | Mapping[str, Reply] | Callable[[dict[str, Any]], Reply | None]

_GREETING = re.compile(r"^\s*(hello|hi|hey|good (morning|evening|day))\b", re.IGNORECASE)
_COUNT = re.compile(r"\bcount (?:from )?(\d+) to (\d+)\b", re.IGNORECASE)
_SUM = re.compile(r"(-?\d+(?:\.\d+)?)\s*([-+*/x])\s*(-?\d+(?:\.\d+)?)")
_EXACTLY = re.compile(
    r"\b(?:reply|respond|answer) with (?:only |just )?the (?:single )?(?:word|text|phrase):?\s+"
    r"[\"“']?([^\"”'\n]+?)[\"”']?\.?$",
    re.IGNORECASE,
)
_LENGTH = re.compile(r"\b(\d{1,5})[ -]words?\b", re.IGNORECASE)
_WORD = re.compile(r"[a-z0-9]+")
_TOPIC = re.compile(
    r"^(?:please |can you |could you |would you )*"
    r"(?:tell me about|what is|what's|what are|who is|who are|explain|describe|write about|"
    r"summarize|why is|why are|how do i|how does|how do)\s+",
    re.IGNORECASE,
)
_TEMPLATES = (
    "Here is a short answer about {topic}: a few main points matter, and the rest depends on use.",
    "In brief, {topic} comes down to a few main points; ask about any of them to go deeper.",
    "Good question. As for {topic}, the usual advice is to start with the basics.",
    "About {topic}: there is more than one good answer, and the simplest is usually the best.",
)
_FILLER = (
    "It helps to look at one part at a time.",
    "Most of it follows from a few clear ideas.",
    "A small example says more than a long definition.",
    "What matters most depends on the use.",
    "Once the basics are in place, the rest is practice.",
)
_CAPITAL = re.compile(r"\bcapital of ([A-Z][\w ]*?)\W*$")
_CAPITALS = {
    "Argentina": "Buenos Aires",
    "Egypt": "Cairo",
    "France": "Paris",
    "Germany": "Berlin",
    "India": "New Delhi",
    "Italy": "Rome",
    "Japan": "Tokyo",
    "Kenya": "Nairobi",
    "Spain": "Madrid",
}
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a about and any are at available be briefly by can current do does find for from get gets "
        "give have how i in is it just list me my of on or please show tell that the them this to "
        "tool tools use using what when where which who with you your",
    )
)


def scripted(script: Script | None, body: dict[str, Any], model: str) -> Answer | None:
    """Return the configured answer to a request, None if the emulator makes its own."""
    if script is None:
        return None
    reply: Reply | None
    if isinstance(script, (str, Answer)):
        reply = script
    elif isinstance(script, Mapping):
        reply = script.get(model) or script.get(body.get("model") or "")
    else:
        reply = script(body)
    return Answer(content=reply) if isinstance(reply, str) else reply


def last_words(messages: list[dict[str, Any]]) -> str:
    """Return the text of the last user message."""
    for message in reversed(messages):
        if message.get("role") == "user":
            return text_of(message.get("content"))
    return text_of(messages[-1].get("content")) if messages else ""


def text_of(content: Any) -> str:
    """Return the text of a message's content, a string or a list of parts."""
    if isinstance(content, str):
        return content
    return " ".join(
        part.get("text") or "" for part in parts_of(content) if part.get("type") == "text"
    )


def parts_of(content: Any) -> list[dict[str, Any]]:
    """Return the parts of a message's content, an empty list if it is not a list."""
    return content if isinstance(content, list) else []


def compose(body: dict[str, Any], messages: list[dict[str, Any]]) -> Answer:
    """Return the answer to a request without a configured one."""
    prompt = last_words(messages)
    calls = choose_tools(body, messages, prompt)
    if calls:
        return Answer(tool_calls=calls, finish_reason="tool_calls")
    written = structured(body, prompt)
    if written is not None:
        return Answer(content=written)
    results = _tool_results(messages)
    if results:
        return Answer(content=f"Here is what I found: {results}")
    return Answer(content=say(prompt))


def thought(prompt: str, effort: str) -> str:
    """Return the reasoning about a prompt; it is longer with more effort."""
    lines = [f"The user says: “{_clip(prompt)}”."]
    lines.append("I should answer directly and keep it short.")
    if effort in {"high", "xhigh", "max"}:
        lines.append("Before that, I check whether anything is ambiguous. Nothing is.")
    return " ".join(lines if effort != "minimal" else lines[:1])


def say(prompt: str) -> str:
    """Return a sentence or two that answer a prompt."""
    exactly = _EXACTLY.search(prompt.strip())
    if exactly:
        return exactly.group(1)
    counting = _COUNT.search(prompt)
    if counting:
        first, last = int(counting.group(1)), int(counting.group(2))
        return "\n".join(str(number) for number in range(first, min(last, first + 99_999) + 1))
    arithmetic = _SUM.search(prompt)
    if arithmetic:
        return _calculate(*arithmetic.groups())
    if _GREETING.match(prompt) or not prompt.strip():
        return "Hello! How can I help you today?"
    capital = _CAPITAL.search(prompt)
    if capital and capital.group(1) in _CAPITALS:
        return f"The capital of {capital.group(1)} is {_CAPITALS[capital.group(1)]}."
    template = _TEMPLATES[zlib.crc32(prompt.encode()) % len(_TEMPLATES)]
    sentence = template.format(topic=_topic(prompt))
    length = _LENGTH.search(prompt)
    return _lengthen(sentence, int(length.group(1))) if length else sentence


def caption(prompt: str) -> str:
    """Return the text that goes with an image."""
    return f"Here is the image you asked for: “{_clip(prompt)}”."


def _calculate(left: str, operator: str, right: str) -> str:
    a, b = float(left), float(right)
    if operator == "/" and b == 0:
        return f"{left} / {right} is not defined."
    value = {"+": a + b, "-": a - b, "/": a / b if b else 0.0}.get(operator, a * b)
    return f"{left} {operator} {right} = {value:.10g}"


def _topic(prompt: str) -> str:
    first = re.split(r"(?<=[.?!])\s|\n", prompt.strip(), maxsplit=1)[0]
    return f"“{_clip(_TOPIC.sub('', first).strip(' ?.!'))}”"


def _clip(text: str, limit: int = 120) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"{flat[:limit].rstrip()}…"


def _lengthen(sentence: str, words: int) -> str:
    text = sentence.split()
    place = 0
    while len(text) < words:
        text += _FILLER[place % len(_FILLER)].split()
        place += 1
    return " ".join(text[:words])


def _tool_results(messages: list[dict[str, Any]]) -> str:
    results: list[str] = []
    for message in reversed(messages):
        if message.get("role") != "tool":
            break
        results.insert(0, text_of(message.get("content")))
    return "; ".join(result for result in results if result)


def structured(body: dict[str, Any], prompt: str) -> str | None:
    """Return JSON text that fits `response_format`, None if the request has none."""
    wanted: dict[str, Any] = body.get("response_format") or {}
    kind = wanted.get("type")
    if kind == "json_object":
        return orjson.dumps({"answer": say(prompt)}).decode()
    if kind != "json_schema":
        return None
    schema = (wanted.get("json_schema") or {}).get("schema") or {}
    return orjson.dumps(json_schema.fill(schema, prompt)).decode()


def insist(body: dict[str, Any], messages: list[dict[str, Any]]) -> Answer:
    """Return the answer of a model that calls a tool at every turn, if there is a tool."""
    prompt = last_words(messages)
    asked = [{"role": "user", "content": prompt}]
    calls = choose_tools({**body, "tool_choice": "required"}, asked, prompt)
    return Answer(tool_calls=calls, finish_reason="tool_calls") if calls else Answer(say(prompt))


def choose_tools(
    body: dict[str, Any], messages: list[dict[str, Any]], prompt: str
) -> tuple[ToolCall, ...]:
    """Return the tool calls of an answer.

    A tool is called if `tool_choice` demands it, or if the prompt shares a word with its
    name, description or parameters. After a tool's result the answer is text.
    """
    functions = [
        tool["function"]
        for tool in body.get("tools") or ()
        if tool.get("type", "function") == "function"
    ]
    choice = body.get("tool_choice")
    if not functions or choice == "none" or messages[-1].get("role") == "tool":
        return ()
    if isinstance(choice, dict):
        name = (choice.get("function") or {}).get("name")
        wanted = [function for function in functions if function.get("name") == name]
    elif choice == "required":
        wanted = [max(functions, key=lambda function: _affinity(function, prompt))]
    else:
        wanted = [function for function in functions if _affinity(function, prompt) > 0]
    if body.get("parallel_tool_calls") is False:
        wanted = wanted[:1]
    return tuple(_call(function, prompt) for function in wanted)


def _affinity(function: dict[str, Any], prompt: str) -> int:
    parameters = function.get("parameters") or {}
    described = " ".join(
        [
            function.get("name", "").replace("_", " "),
            function.get("description") or "",
            *(parameters.get("properties") or {}),
        ]
    )
    if re.search(r"calc|math|expression", described) and _SUM.search(prompt):
        return 1
    return len(_words(described) & _words(prompt))


def _words(text: str) -> set[str]:
    # Crude stems, so that "locations" matches "location".
    return {word.rstrip("s") for word in _WORD.findall(text.lower())} - _STOP_WORDS


def _call(function: dict[str, Any], prompt: str) -> ToolCall:
    schema = dict(function.get("parameters") or {})
    required = schema.get("required")
    if required:
        properties = schema.get("properties") or {}
        schema["properties"] = {name: properties.get(name, {}) for name in required}
    arguments = json_schema.fill({"type": "object", **schema}, prompt)
    return ToolCall(function.get("name", ""), orjson.dumps(arguments).decode())
