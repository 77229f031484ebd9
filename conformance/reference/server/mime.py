"""The MIME tree of a message, as positions in its octets (RFC 2045, RFC 2046)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)", re.MULTILINE)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_COMMENT = re.compile(rb"\([^()]*\)")
_PARAMETER = re.compile(rb';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.DOTALL)
_TYPE = re.compile(rb"\s*([^\s/;]+)\s*/\s*([^\s;]+)")
_DEEPEST = 50
_MOST_PARTS = 10_000

Parameters = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True)
class Part:
    """A message or body part: octets `start:body` are its header with the blank line, `body:end` its body."""

    octets: bytes
    start: int
    body: int
    end: int
    fields: dict[bytes, bytes] = field(default_factory=dict)
    type: bytes = b"TEXT"
    subtype: bytes = b"PLAIN"
    parameters: Parameters = ()
    children: list[Part] = field(default_factory=list)
    message: Part | None = None

    @property
    def header_octets(self) -> bytes:
        """The header, blank line included."""
        return self.octets[self.start : self.body]

    @property
    def body_octets(self) -> bytes:
        """What follows the header."""
        return self.octets[self.body : self.end]

    def get(self, name: bytes) -> bytes | None:
        """The first field of this name (in lower case), unfolded and stripped."""
        return self.fields.get(name)


def parse_message(octets: bytes) -> Part:
    """The tree of a whole message. Never fails: what is broken reads as plain text."""
    return _Parser(octets).part(0, len(octets), 0, default=(b"TEXT", b"PLAIN"))


def split_value(value: bytes | None) -> tuple[bytes, Parameters]:
    """A structured field such as Content-Disposition: its value in upper case and its parameters."""
    if not value:
        return b"", ()
    token = value.split(b";", 1)[0].strip()
    found = (
        (match[1].upper(), re.sub(rb"\\(.)", rb"\1", match[2]) if match[2] is not None else match[3])
        for match in _PARAMETER.finditer(value)
    )
    return token.upper(), tuple(found)


def parse_fields(header: bytes) -> dict[bytes, bytes]:
    """The first field of each name, unfolded and stripped, by lower-case name."""
    fields: dict[bytes, bytes] = {}
    for match in _FIELD.finditer(header):
        fields.setdefault(match[1].lower(), _FOLD.sub(b"", match[2]).strip())
    return fields


def select_fields(header: bytes, names: Sequence[bytes], *, exclude: bool) -> bytes:
    """The header reduced to some fields, or to all others; its blank line stays if it has one."""
    wanted = {name.lower() for name in names}
    kept = [match[0] for match in _FIELD.finditer(header) if (match[1].lower() in wanted) != exclude]
    blank = header.endswith((b"\r\n\r\n", b"\n\n")) or header in (b"\r\n", b"\n")
    return b"".join(kept) + (b"\r\n" if blank else b"")


def find_part(root: Part, path: Sequence[int]) -> Part | None:
    """The part with a part number such as 1.2; None when there is none."""
    candidates = _numbered(root)
    part = None
    for number in path:
        if not 1 <= number <= len(candidates):
            return None
        part = candidates[number - 1]
        candidates = _numbered(part.message) if part.message is not None else part.children
    return part


def _numbered(message: Part) -> list[Part]:
    """A message without parts is its own part 1."""
    return message.children or [message]


class _Parser:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._parts = 0

    def part(self, start: int, end: int, depth: int, default: tuple[bytes, bytes]) -> Part:
        self._parts += 1
        body = self._body_start(start, end)
        part = Part(self._octets, start, body, end, parse_fields(self._octets[start:body]), *default)
        self._set_type(part)
        if depth < _DEEPEST and self._parts < _MOST_PARTS:
            self._descend(part, depth + 1)
        return part

    def _body_start(self, start: int, end: int) -> int:
        for blank in (b"\r\n", b"\n"):
            if self._octets.startswith(blank, start, end):
                return start + len(blank)
        match = _BLANK_LINE.search(self._octets, start, end)
        return match.end() if match else end

    def _set_type(self, part: Part) -> None:
        value = part.get(b"content-type")
        match = _TYPE.match(value) if value else None
        if value and match:
            part.type, part.subtype = match[1].upper(), match[2].upper()
            part.parameters = split_value(_COMMENT.sub(b"", value))[1]

    def _descend(self, part: Part, depth: int) -> None:
        if part.type == b"MULTIPART":
            default = (b"MESSAGE", b"RFC822") if part.subtype == b"DIGEST" else (b"TEXT", b"PLAIN")
            spans = self._spans(part) or [(part.end, part.end)]
            part.children = [self.part(start, end, depth, default) for start, end in spans]
        elif (part.type, part.subtype) == (b"MESSAGE", b"RFC822"):
            part.message = self.part(part.body, part.end, depth, (b"TEXT", b"PLAIN"))

    def _spans(self, part: Part) -> list[tuple[int, int]]:
        """Where the parts of a multipart begin and end, without the line ends that belong to the delimiters."""
        boundary = dict(part.parameters).get(b"BOUNDARY")
        if not boundary:
            return []
        delimiter = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*\r?$\n?", re.MULTILINE)
        spans: list[tuple[int, int]] = []
        begin = None
        for match in delimiter.finditer(self._octets, part.body, part.end):
            if begin is not None:
                spans.append((begin, self._before_line_end(begin, match.start())))
            begin = match.end()
            if match[1]:
                return spans
        return [*spans, (begin, part.end)] if begin is not None else spans

    def _before_line_end(self, begin: int, end: int) -> int:
        for line_end in (b"\r\n", b"\n"):
            if self._octets.endswith(line_end, begin, end):
                return end - len(line_end)
        return end
