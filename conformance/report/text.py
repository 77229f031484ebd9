"""Make text of unknown origin safe to show: control characters visible, and nothing endless."""

from __future__ import annotations

import re

# Controls but tab and newline, what changes the direction of text or is invisible, surrogates, noncharacters, tags.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_OF_MARKDOWN = re.compile(r"([\\`*_\[\]#|~@$])")
_NOTE = re.compile(r"… ([\d,]+) characters in all, the first [\d,]+ are shown$")
_ANY_LINE_END = re.compile(r"\r\n|\r(?=\n)")


def pieces(text: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it stands for a character that would not be seen, as `U+202E`."""
    found: list[tuple[str, bool]] = []
    start = 0
    text = _ANY_LINE_END.sub("\n", text)
    for match in _UNSEEN.finditer(text):
        found += [(text[start : match.start()], False), (f"U+{ord(match[0]):04X}", True)]
        start = match.end()
    return [*found, (text[start:], False)]


def visible(text: str) -> str:
    """Plain text with every unseen character as `<U+202E>`."""
    return "".join(f"<{piece}>" if unseen else piece for piece, unseen in pieces(text))


def cut(text: str, limit: int) -> tuple[str, str]:
    """The first `limit` characters, and a note on the rest, empty when there is none.

    What was cut before and is cut again still tells how long it once was.
    """
    if len(text) <= limit:
        return text, ""
    before = _NOTE.search(text, max(0, len(text) - 100))
    size = before[1] if before else f"{len(text):,}"
    return text[:limit], f"… {size} characters in all, the first {limit:,} are shown"


def shortened(text: str, limit: int = 500) -> str:
    """Text of several lines with its unseen characters shown, and a note of how much was left out."""
    shown, note = cut(text, limit)
    return f"{visible(shown)} {note}".rstrip(" ")


def one_line(text: str, limit: int = 500) -> str:
    """Text for one line of a terminal."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return " ".join(text.split())
    shown, note = cut(text, limit)
    return " ".join(f"{visible(shown)} {note}".split())


def in_markdown(text: str, limit: int = 500) -> str:
    """Text for one line of Markdown, in which it means nothing but itself: neither markup nor a link."""
    shown = one_line(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _OF_MARKDOWN.sub(r"\\\1", shown).replace("://", ":\u200b//").replace("www.", "www\u200b.")
