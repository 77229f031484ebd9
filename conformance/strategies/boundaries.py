"""Boundary values of the random cases: folder names and objects that are legal and easily got wrong."""

from __future__ import annotations

from collections.abc import Callable

from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind, StoredObject

FOLDER_PATHS: tuple[FolderPath, ...] = (
    ("Alpha",),
    ("Alpha", "Session"),
    ("Beta",),
    ("Gamma é",),
    ("Gamma é", "x & y"),
    ("Alphabet",),
)
"""Where a base may have folders: inferiors, a name that begins with another one, and names that have to be encoded."""

NEW_FOLDER_PATHS: tuple[FolderPath, ...] = (("Delta",), ("Beta", "Deep"), ("Epsilon 会",), ("Del",))
"""Where folders may be created later."""

_HEADER = "From: <a@example.test>\r\nDate: Mon, 04 Mar 2024 10:15:00 +0000\r\nMessage-ID: <{name}@example.test>\r\n"
_BODIES: dict[str, bytes] = {
    "no body": b"",
    "no line end at the end": b"first line\r\nlast line",
    "lines of dots": b".\r\n..\r\n.leading\r\n.\r\n",
    "From at the start of a line": b"From a@example.test Mon Mar  4 10:15:00 2024\r\n>From b\r\n",
    "looks like the protocol": b") FLAGS (\\Seen))\r\nA1 OK done\r\n* BYE\r\nx {5}\r\n+ go\r\n",
    "8 bit": "Grüße aus 東京\r\n".encode(),
    "8 KiB": b"a line of an object that does not fit into one small buffer\r\n" * 131,
}


def _builder(what: str, body: bytes) -> Callable[[str], StoredObject]:
    def build(name: str) -> StoredObject:
        header = _HEADER.format(name=name) + f"Subject: {name}, {what}\r\n"
        return StoredObject(ObjectKind.MESSAGE, header.encode() + b"\r\n" + body)

    return build


AWKWARD_OBJECTS: tuple[Callable[[str], StoredObject], ...] = tuple(_builder(*each) for each in _BODIES.items())
"""Each makes an awkward object of a given name, whose octets are unlike those of any other name."""
