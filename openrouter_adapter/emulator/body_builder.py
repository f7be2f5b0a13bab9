"""`openrouter/bodybuilder`: request bodies for a task in plain words, one for each model named."""

from __future__ import annotations

import re
from typing import Any

from . import catalog

MODEL = "openrouter/bodybuilder"
# Common names of models, longer names first, with the newest model of each in the catalog.
_NAMES = {
    "claude sonnet": "anthropic/claude-sonnet-4.6",
    "claude opus": "anthropic/claude-opus-4.5",
    "claude haiku": "anthropic/claude-haiku-4.5",
    "claude": "anthropic/claude-sonnet-4.6",
    "gpt-5 mini": "openai/gpt-5-mini",
    "gpt-5 nano": "openai/gpt-5-nano",
    "gpt-5": "openai/gpt-5.2",
    "gpt-4.1 mini": "openai/gpt-4.1-mini",
    "gpt-4o mini": "openai/gpt-4o-mini",
    "gpt-4o": "openai/gpt-4o",
    "gemini flash": "google/gemini-2.5-flash",
    "gemini pro": "google/gemini-2.5-pro",
    "gemini": "google/gemini-2.5-pro",
    "deepseek r1": "deepseek/deepseek-r1-0528",
    "deepseek": "deepseek/deepseek-chat",
    "llama": "meta-llama/llama-3.3-70b-instruct",
    "mistral": "mistralai/mistral-small-3.2-24b-instruct",
    "grok": "x-ai/grok-4",
    "qwen": "qwen/qwen3-30b-a3b",
}
# Models to use if the text asks for a number of models without names.
_USUAL = (
    *("openai/gpt-5.2", "anthropic/claude-sonnet-4.6", "google/gemini-2.5-pro"),
    *("deepseek/deepseek-chat", "x-ai/grok-4", "meta-llama/llama-3.3-70b-instruct"),
)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_COUNT = re.compile(rf"\b(\d|{'|'.join(_NUMBERS)})\b(?: \w+)? models?\b", re.IGNORECASE)
_SLUG = re.compile(r"[\w.-]+/[\w.:-]*\w")
_SPOKEN = re.compile(
    "|".join(re.escape(name).replace(r"\ ", "[ -]") + r"(?![\w.])" for name in _NAMES),
    re.IGNORECASE,
)
_BY = re.compile(r"\s+(?:using|with|via|on|by|for|across)\s+", re.IGNORECASE)


def build(request: str) -> list[dict[str, Any]]:
    """Return the bodies for a text, in the order in which it names the models."""
    task = _task(request)
    messages = [{"role": "user", "content": task}]
    return [{"model": model, "messages": messages} for model in _models(request)]


def _models(request: str) -> list[str]:
    found = [(one.start(), one.group()) for one in _SLUG.finditer(request)]
    found = [(place, slug) for place, slug in found if catalog.knows(slug)]
    taken = [(place, place + len(slug)) for place, slug in found]
    for one in _SPOKEN.finditer(request):
        if not any(begin <= one.start() < end for begin, end in taken):
            name = one.group().lower()
            found.append((one.start(), _NAMES.get(name) or _NAMES[_spaced(name)]))
    if found:
        return list(dict.fromkeys(model for _, model in sorted(found)))
    count = _COUNT.search(request)
    if count is None:
        return [_USUAL[0]]
    asked = _NUMBERS.get(count.group(1).lower()) or int(count.group(1))
    return list(_USUAL[: max(1, asked)])


def _spaced(name: str) -> str:
    return next(known for known in _NAMES if known.replace(" ", "-") == name.replace(" ", "-"))


def _task(request: str) -> str:
    """Return the text without the words that only choose models."""
    for place in reversed(list(_BY.finditer(request))):
        rest = request[place.end() :]
        if _SPOKEN.search(rest) or _SLUG.search(rest) or re.search(r"\bmodels?\b", rest):
            return (request[: place.start()] + _after(rest)).strip()
    return request.strip()


def _after(rest: str) -> str:
    # Text after the choice, such as an article, stays part of the task.
    _, mark, text = rest.partition(":")
    return mark + text if text.strip() else ""
