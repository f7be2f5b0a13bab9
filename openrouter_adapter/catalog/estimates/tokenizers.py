"""Families of tokenizers, and the tokens of a text: likely, and in the worst case.

Only OpenAI's vocabularies are available offline. For other families the likely count is OpenAI's
times a factor. The worst case adds what other vocabularies do worse: shorter merges of letters, and
single tokens for digits, line breaks, bytes of other scripts, and runs of spaces or punctuation. A
token is at least one byte of UTF-8, so the bytes of a text are the upper limit.

Compared with the vocabularies of Gemma 3, Llama 2 and 3, Qwen 3, DeepSeek V3, Mistral's Tekken and
Claude 2 on prose, source code, JSON, base64, numbers, rulers and thirty scripts, letters needed a
factor of 1.4 at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import tiktoken

_SEGMENT: Final = 20_000  # Byte-pair merging is slow on long runs, so long texts are cut.


def _class_of(byte: int) -> str:
    """`a` for a letter, `!` for punctuation, ` ` for a space, `1` for a possible single token."""
    letter = chr(byte)
    if byte >= 0x80 or letter.isdigit() or not letter.isprintable():
        return "1"
    return "a" if letter.isalpha() else "!" if letter != " " else " "


_CLASSES: Final = "".join(map(_class_of, range(256))).encode()
# Providers rewrite JSON: with spaces, with line breaks, as a type of a programming language. In the
# vocabularies named above that adds less than two tokens for each of its marks.
_JSON_MARKS: Final = ",:{}[]"
_MOST_PER_JSON_MARK: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A family of tokenizers: how many tokens its models count.

    Attributes:
        likely: Tokens for each of OpenAI's tokens, in plain English.
        worst: The same for the worst text of letters.
        is_exact: Whether OpenAI's vocabulary is the family's own.
        frame: Tokens that a provider may put before any prompt, such as its own system prompt.
        tools: Likely tokens that tools add besides their schemas.
        most_tools: The same in the worst case.
        most_schema: Tokens that JSON output adds besides its schema, in the worst case.
        image: Likely tokens of an input image.
        most_image: The same in the worst case.
        page: Likely tokens of a PDF's page that the model reads itself.
        most_page: The same in the worst case.
        vocabulary: The tiktoken vocabulary that approximates the family's.
    """

    likely: float = 1.1
    worst: float = 1.6
    is_exact: bool = False
    frame: int = 200
    tools: int = 50
    most_tools: int = 400
    most_schema: int = 400
    image: int = 1000
    most_image: int = 16_400
    page: int = 600
    most_page: int = 6000
    vocabulary: str = "o200k_base"


_OTHER: Final = Family()
# Frames and tool overheads are from recorded requests, rounded up; images and pages are from the
# providers' documentation.
_FAMILIES: Final = {
    "GPT": Family(1.0, 1.1, True, 150, 20, 200, 100, 800, 16_400, 800, 22_400),
    # Newer Claudes make up to 1.35 times as many tokens as those that were recorded.
    "Claude": Family(1.15, 2.2, False, 50, 450, 900, 500, 1300, 5000, 2000, 8000),
    "Gemini": Family(1.0, 1.5, False, 50, 10, 300, 300, 258, 9300, 258, 2600),
    # Grok 4 has some 680 tokens of its own before every prompt.
    "Grok": Family(1.0, 1.6, False, 1200, 300, 900, 400, 1000, 16_400, 600, 6000),
    # Any model that a router may choose: the most of all the others.
    "Router": Family(1.1, 2.2, False, 1200, 50, 900, 500, 1000, 36_900, 600, 42_900),
}
# gpt-4o-mini bills 36,835 tokens for the largest image, and reads a PDF's page as text and image.
_GPT_4O_MINI: Final = replace(_FAMILIES["GPT"], most_image=36_900, most_page=42_900)


@lru_cache(maxsize=1024)
def family(tokenizer: str, model_id: str) -> Family:
    """The family of a catalogue row's `tokenizer` and id."""
    author, _, name = model_id.lstrip("~").partition("/")
    found = _FAMILIES.get(tokenizer, _OTHER)
    if tokenizer == "GPT" and author != "openai":
        found = _OTHER  # A model of another company may count differently, whatever its row says.
    elif author == "openai" and name.startswith("gpt-4o-mini"):
        found = _GPT_4O_MINI
    if name.startswith(("gpt-3.5", "gpt-4-", "text-embedding")) or name == "gpt-4":
        return replace(found, vocabulary="cl100k_base")
    return found


@lru_cache(maxsize=4)
def _encoding(name: str) -> tiktoken.Encoding:
    # This import points tiktoken to the vocabularies that LiteLLM ships.
    import litellm.litellm_core_utils.default_encoding  # noqa: F401
    import tiktoken

    return tiktoken.get_encoding(name)


def measure(text: str, model_family: Family) -> tuple[int, int]:
    """The tokens of a text: likely, and in the worst case.

    Args:
        text: Any text.
        model_family: The model's family.
    """
    if not text:
        return 0, 0
    if len(text) <= _SEGMENT:
        return _measure(text, model_family)
    likely = worst = 0
    for start in range(0, len(text), _SEGMENT):
        some, most = _measure.__wrapped__(text[start : start + _SEGMENT], model_family)
        likely, worst = likely + some, worst + most
    return likely, worst


def measure_json(text: str, model_family: Family) -> tuple[int, int]:
    """The tokens of JSON, which a provider may rewrite; the arguments are those of `measure`."""
    likely, worst = measure(text, model_family)
    return likely, worst + _MOST_PER_JSON_MARK * sum(map(text.count, _JSON_MARKS))


# The requests of a batch repeat system prompts and tools: 1 µs instead of 10 and more.
@lru_cache(maxsize=512)
def _measure(text: str, model_family: Family) -> tuple[int, int]:
    counted = len(_encoding(model_family.vocabulary).encode_ordinary(text))
    if model_family.is_exact:
        return counted, ceil(counted * model_family.worst)
    spelled = text.encode("utf-8", "surrogatepass")
    classes = spelled.translate(_CLASSES)
    alone = classes.count(b"1") + classes.count(b" 1")
    alone += 2 * (classes.count(b"  ") + classes.count(b"!!"))
    return (
        ceil(counted * model_family.likely),
        min(len(spelled), ceil(counted * model_family.worst) + alone),
    )
