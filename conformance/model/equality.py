"""When two octet streams are the same object: octet for octet after line-end normalization, or by MIME content.

The second, weaker equality serves clients that write an object anew (they add a header or fold one anew). It compares
the identity headers and the decoded leaves. Which one was used stands in the report.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from collections.abc import Callable
from email.message import Message
from enum import StrEnum
from functools import lru_cache

IDENTITY_HEADERS = (
    "From",
    "To",
    "Date",
    "Subject",
    "Conversation-ID",
    "Contribution-ID",
    "InReplyTo-Contribution-ID",
    "IMDN-Message-ID",
    "Message-ID",
    "Message-Direction",
    "Message-Context",
    "Message-Correlator",
    "Content-Type",
)
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Equality(StrEnum):
    """How objects are compared; a client's adapter declares the weaker one."""

    OCTETS = "octets"
    MIME = "mime"

    def identity(self, octets: bytes) -> str:
        """A key that is the same for two streams exactly if they are the same object (hexadecimal SHA-256)."""
        return _IDENTITY[self](octets)


@lru_cache(maxsize=4096)
def _octet_identity(octets: bytes) -> str:
    return hashlib.sha256(_LINE_END.sub(b"\r\n", octets)).hexdigest()


@lru_cache(maxsize=4096)
def _mime_identity(octets: bytes) -> str:
    entity = email.message_from_bytes(_LINE_END.sub(b"\n", octets), policy=email.policy.compat32)
    digest = hashlib.sha256()
    for name in IDENTITY_HEADERS:
        digest.update(f"{name}={_unfolded(entity, name)}\0".encode("utf-8", "surrogateescape"))
    for leaf in entity.walk():
        if not isinstance(leaf.get_payload(), list):
            payload = leaf.get_payload(decode=True)
            digest.update(payload.rstrip(b"\n") if isinstance(payload, bytes) else b"")
            digest.update(b"\0")
    return digest.hexdigest()


def _unfolded(entity: Message, name: str) -> str:
    return "|".join(" ".join(str(value).split()) for value in entity.get_all(name, []))


_IDENTITY: dict[Equality, Callable[[bytes], str]] = {
    Equality.OCTETS: _octet_identity,
    Equality.MIME: _mime_identity,
}
