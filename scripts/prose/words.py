"""Finds the odd words of words.txt in prose.

    scripts/words [--names] [PATH ...]

Reads Markdown, Python, YAML and shell scripts; of code the comments, the docstrings and the strings
of more than one word, with --names also the names that it defines. Leaves out what is written in
`backticks`, and the code of examples. Without a path, it reads the documentation and
the code. Prints file, line, the words and what to write instead; exits 1 if there are any.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EVERYTHING = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md"),
    *("docs", "cookbook", "openrouter_adapter", "tests", "bench", "scripts"),
    *(".github", ".pre-commit-config.yaml"),
)
# Shell scripts have no suffix.
SUFFIXES = {".md", ".py", ".yml", ".yaml", ".ipynb", ""}
# A passage of prose, and the line that it begins on, first.
Passage = tuple[int, str]

FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
NOT_PROSE = re.compile(r"``.+?``|`[^`]*`|https?://\S+|\]\([^)\s]*\)", re.DOTALL)
SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|FROM|WHERE|AND|WITH) ")
SHELL_COMMENTS = re.compile(r"(?:(?:^|(?<=\s))#[^\n]*(?:\n\s*(?=#))?)+", re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Print what is found in the files and folders; return the exit code."""
    words = list(read_words(Path(__file__).with_suffix(".txt").read_text("utf-8")))
    paths = [Path(argument) for argument in arguments if argument != "--names"]
    found = 0
    for file in files(paths or [ROOT / name for name in EVERYTHING]):
        for line, text, instead in findings(passages(file, "--names" in arguments), words):
            print(f"{shown(file)}:{line}: {text!r} -> {instead}")
            found += 1
    if found:
        print(f"{found} to rewrite; scripts/prose/words.txt says what each pattern means.")
    return 1 if found else 0


def read_words(text: str) -> Iterator[tuple[re.Pattern[str], str]]:
    """The patterns of the list, with what to write instead."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            pattern, _, instead = line.partition(" -> ")
            pattern = pattern.strip().replace(" ", r"\s+")
            yield re.compile(rf"(?<![\w-])(?:{pattern})(?!\w)", re.IGNORECASE), instead


def shown(file: Path) -> Path:
    """The path from the root of the repository, if the file is in it."""
    return file.relative_to(ROOT) if file.is_absolute() and file.is_relative_to(ROOT) else file


def files(paths: list[Path]) -> Iterator[Path]:
    """The files that have prose, of these paths and the folders among them."""
    for path in paths:
        if path.is_dir():
            yield from sorted(
                file for file in path.rglob("*") if file.is_file() and file.suffix in SUFFIXES
            )
        else:
            yield path


def findings(
    passages: Iterator[Passage], words: list[tuple[re.Pattern[str], str]]
) -> Iterator[tuple[int, str, str]]:
    """Line, words found and what to write instead."""
    for line, passage in sorted(passages):
        prose = NOT_PROSE.sub(blank, passage)
        found = [
            (match.start(), match[0], instead)
            for pattern, instead in words
            for match in pattern.finditer(prose)
        ]
        for start, text, instead in sorted(found):
            yield line + prose.count("\n", 0, start), " ".join(text.split()), instead


def blank(match: re.Match[str]) -> str:
    """A word that no pattern finds, with the lines of what it replaces."""
    return "_" + "\n" * match[0].count("\n")


def passages(file: Path, names: bool) -> Iterator[Passage]:
    """The prose of a file, and if asked for, the names that it defines."""
    text = file.read_text("utf-8")
    if file.suffix == ".py":
        yield from of_python(text)
        if names:
            yield from of_names(text)
    elif file.suffix in {".md", ".ipynb"}:
        yield from of_markdown(text)
    else:
        yield from of_comments(text)


def of_markdown(text: str) -> Iterator[Passage]:
    """The text, and the comments of its examples."""
    for fence in FENCE.finditer(text):
        if fence[2] in {"python", "sh", "yaml"}:
            before = text.count("\n", 0, fence.start(3))
            yield from ((before + line, comment) for line, comment in of_comments(fence[3]))
    yield 1, FENCE.sub(blank, text)


def of_comments(text: str) -> Iterator[Passage]:
    """What follows a number sign, to the end of the line; lines below each other as one."""
    for match in SHELL_COMMENTS.finditer(text):
        yield 1 + text.count("\n", 0, match.start()), match[0].replace("#", " ")


def of_python(text: str) -> Iterator[Passage]:
    """Docstrings and other strings of more than one word, and comments."""
    pieces: set[ast.AST] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr):
            pieces.update(node.values)
        for string in () if node in pieces else strings(node):
            if " " in string and not SQL.match(string):
                yield node.lineno, string
    block: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if token.start[0] != last + 1 and block:
                yield last - len(block) + 1, "\n".join(block)
                block = []
            last = token.start[0]
            block.append(token.string.lstrip("#:"))
    if block:
        yield last - len(block) + 1, "\n".join(block)


def strings(node: ast.AST) -> Iterator[str]:
    """The string that a node is, with a blank word for each value in an f-string."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "_" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def of_names(text: str) -> Iterator[Passage]:
    """The words of each name that is defined: in `FaultyInput` and `faulty_input` both."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                pass
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                pass
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                pass
            case _:
                continue
        yield node.lineno, re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
