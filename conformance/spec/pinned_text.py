"""Finds quoted words in the two pinned texts, with white space, page breaks and comment marks folded away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

_PAGE_BREAK = re.compile(r"^(Crispin {2,}.*\[Page \d+\]|RFC 3501 {2,}IMAPv4 {2,}.*)$")
_HEADING = re.compile(r"^(\d+(?:\.\d+)*)\.? +\S")
_CONTENTS_LINE = re.compile(r"\.{4}|[ .]\d+$")
_GRAMMAR_COMMENT = re.compile(r"\n\s*; ")


def folded(text: str) -> str:
    """The text with every run of white space as one space."""
    return " ".join(text.split())


def change_request_section(text: str) -> str:
    """The text of 5.5.2.20 out of the change request, folded, from its heading to its end."""
    return folded(text[text.index("5.5.2.20 Synchronization") :])


@cache
def rfc_sections(text: str) -> Mapping[str, str]:
    """Section number to its own folded text (its subsections have entries of their own)."""
    lines: dict[str, list[str]] = {}
    section: list[str] = []
    for line in text.replace("\f", "").splitlines():
        heading = _HEADING.match(line)
        if heading and not _CONTENTS_LINE.search(line):
            section = lines.setdefault(heading[1], [])
        elif not _PAGE_BREAK.match(line):
            section.append(line)
    return {number: folded(_GRAMMAR_COMMENT.sub(" ", "\n".join(body))) for number, body in lines.items()}
