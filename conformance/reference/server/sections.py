"""The sections of a message that BODY[...] names (RFC 3501 section 6.4.5)."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.reference.server.arguments import Arguments
from conformance.reference.server.errors import NotUnderstood
from conformance.reference.server.mime import Part, find_part, select_fields
from conformance.reference.server.responses import string
from conformance.reference.server.store import Content

_TEXTS = (b"HEADER.FIELDS.NOT", b"HEADER.FIELDS", b"HEADER", b"TEXT", b"MIME")


@dataclass(frozen=True, slots=True)
class Section:
    """A section: `path` are part numbers, `text` is HEADER, TEXT and so on or empty; `start` and `count` are octets."""

    path: tuple[int, ...] = ()
    text: bytes = b""
    fields: tuple[bytes, ...] = ()
    start: int | None = None
    count: int = 0

    @property
    def name(self) -> bytes:
        """How the section is named in the answer."""
        inside = b".".join([*(b"%d" % number for number in self.path), *([self.text] if self.text else [])])
        if self.fields:
            inside += b" (" + b" ".join(map(_field_name, self.fields)) + b")"
        return b"BODY[" + inside + b"]" + (b"" if self.start is None else b"<%d>" % self.start)

    def of(self, content: Content) -> bytes | None:
        """The octets of the section, or None when the message has no such part."""
        octets = self._whole(content)
        if octets is None or self.start is None:
            return octets
        return octets[self.start : self.start + self.count]

    def _whole(self, content: Content) -> bytes | None:
        if not self.path:
            return self._text_of(content.root) if self.text else content.octets
        part = find_part(content.root, self.path)
        if part is None:
            return None
        if not self.text:
            return part.body_octets
        if self.text == b"MIME":
            return part.header_octets
        return self._text_of(part.message) if part.message is not None else None

    def _text_of(self, message: Part) -> bytes:
        if self.text == b"TEXT":
            return message.body_octets
        if self.fields:
            return select_fields(message.header_octets, self.fields, exclude=self.text.endswith(b"NOT"))
        return message.header_octets


def _field_name(name: bytes) -> bytes:
    plain = all(0x21 <= octet <= 0x7E and octet not in b'(){%*"\\]' for octet in name)
    return name if plain and name else string(name)


def read_section(arguments: Arguments) -> Section:
    """What follows `BODY[`, up to and with a partial such as `<0.2048>`."""
    path: list[int] = []
    while arguments.peek().isdigit():
        path.append(arguments.number())
        if not arguments.skip(b"."):
            break
    text: bytes = b""
    fields: tuple[bytes, ...] = ()
    if arguments.peek() != b"]":
        text, fields = _read_text(arguments, inside_part=bool(path))
    arguments.expect(b"]")
    if not arguments.skip(b"<"):
        return Section(tuple(path), text, fields)
    start = arguments.number()
    arguments.expect(b".")
    count = arguments.number()
    arguments.expect(b">")
    if not count:
        raise NotUnderstood("a partial of no octets")
    return Section(tuple(path), text, fields, start, count)


def _read_text(arguments: Arguments, *, inside_part: bool) -> tuple[bytes, tuple[bytes, ...]]:
    text = next((each for each in _TEXTS if arguments.skip(each)), None)
    if text is None or (text == b"MIME" and not inside_part):
        raise NotUnderstood("this is not a section of a message")
    if not text.startswith(b"HEADER.FIELDS"):
        return text, ()
    arguments.space()
    return text, tuple(arguments.listed(arguments.astring))
