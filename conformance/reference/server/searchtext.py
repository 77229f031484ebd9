"""The text SEARCH looks at: decoded, and without regard to case (RFC 3501 section 6.4.4)."""

from __future__ import annotations

import base64
import binascii
import quopri
from datetime import date
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import parsedate

from conformance.reference.server.mime import Part
from conformance.reference.server.store import Content


def header_text(content: Content, name: bytes) -> str | None:
    """The value of a header field, decoded and casefolded; None when the message has no such field."""
    value = content.root.get(name)
    return None if value is None else _decoded_words(value)


def body_text(content: Content) -> str:
    """The text of all parts, decoded and casefolded."""
    return "\n".join(_part_text(content.root))


def whole_text(content: Content) -> str:
    """Header and body, as stored and decoded, casefolded."""
    raw = content.octets.decode("utf-8", "replace").casefold()
    return "\n".join([raw, *map(_decoded_words, content.root.fields.values()), *_part_text(content.root)])


def sent_date(content: Content) -> date | None:
    """The day of the Date field, in the zone it was written in."""
    parsed = parsedate((content.root.get(b"date") or b"").decode("latin-1"))
    try:
        return date(*parsed[:3]) if parsed else None
    except ValueError:
        return None


def _decoded_words(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(text))).casefold()
    except (HeaderParseError, LookupError, ValueError):
        return text.casefold()


def _part_text(part: Part) -> list[str]:
    if part.children:
        return [text for child in part.children for text in _part_text(child)]
    if part.message is not None:
        return [part.message.header_octets.decode("utf-8", "replace").casefold(), *_part_text(part.message)]
    charset = dict(part.parameters).get(b"CHARSET", b"utf-8").decode("latin-1")
    octets = _decoded_body(part)
    try:
        return [octets.decode(charset, "replace").casefold()]
    except (LookupError, ValueError):
        return [octets.decode("utf-8", "replace").casefold()]


def _decoded_body(part: Part) -> bytes:
    encoding = (part.get(b"content-transfer-encoding") or b"").strip().upper()
    if encoding == b"QUOTED-PRINTABLE":
        return quopri.decodestring(part.body_octets)
    if encoding == b"BASE64":
        try:
            return base64.b64decode(part.body_octets)
        except binascii.Error:
            return part.body_octets
    return part.body_octets
