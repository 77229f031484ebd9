"""What an object is, from its octets: the form in which it travels, its digest, and its kind."""

from __future__ import annotations

import base64
import email
import email.policy
import re
from email.message import Message
from email.parser import BytesHeaderParser
from functools import lru_cache

from conformance.model.equality import Equality
from conformance.model.objects import ObjectKind

_LINE_END = re.compile(rb"\r\n|\r|\n")
_POLICY = email.policy.compat32.clone(linesep="\r\n", max_line_length=None)

KINDS: tuple[tuple[str, ObjectKind], ...] = (
    ("x-cpm-file-transfer", ObjectKind.FILE_TRANSFER),
    ("x-cpm-session", ObjectKind.SESSION_INFO),
    ("group-state-object", ObjectKind.GROUP_STATE),
    ("message/", ObjectKind.MESSAGE),
    ("multipart/", ObjectKind.MESSAGE),
    ("text/", ObjectKind.MESSAGE),
    ("image/", ObjectKind.MEDIA),
    ("audio/", ObjectKind.MEDIA),
    ("video/", ObjectKind.MEDIA),
    ("application/", ObjectKind.MEDIA),
)
"""The kind by the first text that the Content-Type holds, in any letter case; so a server's SEARCH can tell it too."""


class CannotTravel(ValueError):
    """An object that no storage operation can carry as it is."""


def digest(octets: bytes) -> str:
    """The same for two objects exactly if their octets are the same but for the form of line ends."""
    return Equality.OCTETS.identity(octets)


def identity(octets: bytes) -> str:
    """The same for two objects with equal identity headers and equal decoded content."""
    return Equality.MIME.identity(octets)


def kind_of(octets: bytes) -> ObjectKind:
    """The kind of an object; a CPM Message unless its Content-Type says otherwise."""
    return _kind_told_by(octets[: _end_of_header(octets)])


@lru_cache(maxsize=1024)
def _kind_told_by(head: bytes) -> ObjectKind:
    if b"\ncontent-type:" not in b"\n" + head.lower():
        return ObjectKind.MESSAGE
    content_type = str(BytesHeaderParser().parsebytes(head)["Content-Type"]).lower()
    return next((kind for text, kind in KINDS if text in content_type), ObjectKind.MESSAGE)


def _end_of_header(octets: bytes) -> int:
    ends = [at for at in (octets.find(b"\r\n\r\n"), octets.find(b"\n\n")) if at >= 0]
    return min(ends, default=len(octets))


def wire_form(octets: bytes) -> bytes:
    """The octets as they travel: CRLF line ends (RFC 3501 6.3.11), and no NUL, which no literal can hold (4.3.1).

    Content with NUL octets is encoded in base64. Raises `CannotTravel` where that is not possible.
    """
    if b"\0" in octets:
        octets = _encoded(octets)
    if octets.count(b"\r") == octets.count(b"\n") == octets.count(b"\r\n"):
        return octets
    return _LINE_END.sub(b"\r\n", octets)


def travel_form(octets: bytes) -> bytes:
    """The wire form; the octets themselves when they cannot travel."""
    try:
        return wire_form(octets)
    except CannotTravel:
        return octets


def _encoded(octets: bytes) -> bytes:
    if b"\0" in octets[: _end_of_header(octets)]:
        raise CannotTravel("the object has a NUL octet in its header; no encoding can carry it")
    entity = email.message_from_bytes(octets, policy=_POLICY)
    if not entity.is_multipart():
        return _encoded_leaf(octets, entity)
    for leaf in entity.walk():
        payload = None if leaf.is_multipart() else leaf.get_payload(decode=True)
        if isinstance(payload, bytes) and b"\0" in payload:
            _set_base64(leaf, payload)
    return entity.as_bytes()


def _encoded_leaf(octets: bytes, entity: Message) -> bytes:
    """The parser turns line ends inside the content about; so the octets after the header are taken themselves."""
    at = _end_of_header(octets)
    _set_base64(entity, octets[at + (4 if octets[at : at + 2] == b"\r\n" else 2) :])
    return entity.as_bytes()


def _set_base64(leaf: Message, payload: bytes) -> None:
    del leaf["Content-Transfer-Encoding"]
    leaf["Content-Transfer-Encoding"] = "base64"
    leaf.set_payload(base64.encodebytes(payload).decode("ascii"))
