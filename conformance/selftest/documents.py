"""What a page of the documentation holds for a test: commands with what they print, files, names in text, and links.

Commands are the lines after `$ ` in a block of the kind `console`; what follows is what they print. In any other block
they are the lines that begin with one of `PROGRAMS`. A block whose first line is `# name.toml` or the like is a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += [ROOT / "fixtures/clients/stdio/PROTOCOL.md", ROOT / "fixtures/ci/example/README.md"]
PROGRAMS = ("cpm-conformance", "python3", "pytest", "tox", "docker", "kubectl")
ELLIPSIS = "…"
_FENCE = re.compile(r"^(`{3,})(\w*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:\A|(?<=\n\n))(?: {4}.*\n?)+", re.MULTILINE)
_FILE = re.compile(r"# ([\w./-]+\.(?:toml|py|ini|yml))\n")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code, with its language if it names one."""

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and the lines that it prints; none are shown where `shown` is empty."""

    text: str
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """A file that a reader is told to write."""

    name: str
    text: str


def blocks(text: str) -> list[Block]:
    """The blocks of code in their order, fenced and indented ones."""
    found = [(each.start(), Block(each[2], each[3])) for each in _FENCE.finditer(text)]
    rest = _FENCE.sub(lambda each: re.sub(r"[^\n]", "-", each[0]), text)
    indented = [
        (each.start(), Block("", re.sub(r"^ {4}", "", each[0], flags=re.M))) for each in _INDENTED.finditer(rest)
    ]
    return [block for _, block in sorted(found + indented, key=lambda each: each[0])]


def steps(text: str) -> Iterator[Command | File]:
    """What a reader does, in the order of the page."""
    for block in blocks(text):
        file = _FILE.match(block.text)
        if file:
            yield File(file[1], block.text)
        elif block.language == "console":
            yield from _session(block.text)
        elif block.language == "":
            yield from (Command(line) for line in block.text.splitlines() if line.startswith(PROGRAMS))


def _session(text: str) -> Iterator[Command]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.replace("\\\n", "").splitlines()
        yield Command(command, tuple(shown))


def spans(text: str) -> list[str]:
    """What stands between single backquotes in running text."""
    return re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))


def links(text: str) -> list[str]:
    """The targets of links and pictures."""
    return _LINK.findall(_FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """The names that the headings of a page have in links."""
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in _HEADING.findall(_FENCE.sub("", text))}


def agrees(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether a page shows what was printed, with `…` for part of a line, or alone for any number of lines."""
    if not shown:
        return not printed
    if shown[0] == ELLIPSIS:
        return any(agrees(shown[1:], printed[start:]) for start in range(len(printed) + 1))
    pattern = ".*".join(map(re.escape, shown[0].split(ELLIPSIS)))
    return bool(printed) and bool(re.fullmatch(pattern, printed[0])) and agrees(shown[1:], printed[1:])
