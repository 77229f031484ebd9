"""The stored objects of CPM message storage: messages, file transfers, session info, group states, media objects.

Every object is one RFC 5322 octet stream with CRLF line ends. The headers follow the CPM message storage objects:
conversation and contribution identities, IMDN message identity, direction. The suite writes all of them and demands
nothing but that the octets survive.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from enum import StrEnum
from functools import cached_property


class ObjectKind(StrEnum):
    """The kinds of 5.5.2.20 paragraph 1; a CPM Session History is a folder that holds the two session kinds."""

    MESSAGE = "CPM Message"
    FILE_TRANSFER = "CPM File Transfer History"
    SESSION_INFO = "CPM Session History: session info"
    GROUP_STATE = "CPM Session History: group state"
    MEDIA = "standalone Media Object"


KIND_ITEMS = {
    ObjectKind.MESSAGE: "kind.message",
    ObjectKind.FILE_TRANSFER: "kind.file-transfer",
    ObjectKind.SESSION_INFO: "kind.session",
    ObjectKind.GROUP_STATE: "kind.session",
    ObjectKind.MEDIA: "kind.media",
}
"""The item of a client's implementation conformance statement (ICS) that each kind belongs to."""


@dataclass(frozen=True)
class StoredObject:
    """One object as it is stored: its kind and its octets."""

    kind: ObjectKind
    octets: bytes

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the octets, in hexadecimal."""
        return hashlib.sha256(self.octets).hexdigest()

    @property
    def subject(self) -> str:
        """What a person finds it by on a screen: its subject, else its Message-ID, else its first line."""
        fields = BytesHeaderParser().parsebytes(self.octets)
        first = self.octets.partition(b"\n")[0].decode("utf-8", "replace").strip()
        return str(fields["Subject"] or fields["Message-ID"] or first)

    def __repr__(self) -> str:
        return f"<{self.kind.value}, {len(self.octets)} octets, {self.digest[:8]}>"


def _stream(headers: dict[str, str], body: str | bytes) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    octets = body if isinstance(body, bytes) else body.encode().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return head + b"\r\n" + octets


def _common(identity: str, conversation: str, direction: str) -> dict[str, str]:
    return {
        "From": "tel:+15550100",
        "To": "tel:+15550111",
        "Date": "Mon, 04 Mar 2024 10:15:00 +0000",
        "Conversation-ID": conversation,
        "Contribution-ID": f"contribution-{identity}",
        "IMDN-Message-ID": identity,
        "Message-ID": f"<{identity}@example.test>",
        "Subject": identity,
        "Message-Direction": direction,
        "MIME-Version": "1.0",
    }


def message(
    identity: str,
    text: str = "Are you on the train?",
    *,
    conversation: str = "conversation-1",
    direction: str = "received",
) -> StoredObject:
    """A CPM Message: a `message/cpim` entity around a plain text."""
    headers = _common(identity, conversation, direction) | {
        "Content-Type": "message/cpim",
        "Content-Transfer-Encoding": "7bit" if text.isascii() else "8bit",
    }
    body = (
        "From: <tel:+15550100>\nTo: <tel:+15550111>\nDateTime: 2024-03-04T10:15:00Z\n"
        f"NS: imdn <urn:ietf:params:imdn>\nimdn.Message-ID: {identity}\n\n"
        f"Content-Type: text/plain; charset=UTF-8\n\n{text}\n"
    )
    return StoredObject(ObjectKind.MESSAGE, _stream(headers, body))


def file_transfer(
    identity: str,
    content: bytes = b"\x89PNG\r\n\x1a\n",
    *,
    conversation: str = "conversation-1",
    direction: str = "sent",
) -> StoredObject:
    """A CPM File Transfer History: a `multipart/related` entity with the transfer's description and the file."""
    boundary = f"boundary-{identity}"
    headers = _common(identity, conversation, direction) | {
        "Content-Type": f'multipart/related; boundary="{boundary}"; type="Application/X-CPM-File-Transfer"'
    }
    body = (
        f"--{boundary}\nContent-Type: Application/X-CPM-File-Transfer\n\n"
        "<file-transfer-type>1-1</file-transfer-type>\n<invited-participants>tel:+15550111</invited-participants>\n"
        f'<file-object><cid>cid:{identity}@example.test</cid><sdp>a=file-selector:name:"map.png" type:image/png '
        f"size:{len(content)}</sdp></file-object>\n--{boundary}\nContent-Type: image/png\n"
        f"Content-ID: <{identity}@example.test>\nContent-Transfer-Encoding: base64\n\n"
        f"{base64.encodebytes(content).decode()}--{boundary}--\n"
    )
    return StoredObject(ObjectKind.FILE_TRANSFER, _stream(headers, body))


def session_info(identity: str, *, conversation: str = "conversation-1", direction: str = "sent") -> StoredObject:
    """The session info object of a CPM Session History."""
    headers = _common(identity, conversation, direction) | {"Content-Type": "Application/X-CPM-Session"}
    body = (
        "<session><session-type>Ad-Hoc</session-type>\n"
        "<invited-participants>tel:+15550111;tel:+15550122</invited-participants></session>\n"
    )
    return StoredObject(ObjectKind.SESSION_INFO, _stream(headers, body))


def group_state(identity: str, *, conversation: str = "conversation-1", direction: str = "received") -> StoredObject:
    """A group state object of a CPM Session History; a session holds any number of them."""
    headers = _common(identity, conversation, direction) | {
        "From": "sip:anonymous@anonymous.invalid",
        "Content-Type": "application/group-state-object+xml",
    }
    body = (
        f'<groupstate timestamp="2024-03-04T11:45:00Z" lastfocussessionid="sip:{identity}@example.test" '
        'group-type="Closed">\n<participant name="Ada" comm-addr="tel:+15550122"/></groupstate>\n'
    )
    return StoredObject(ObjectKind.GROUP_STATE, _stream(headers, body))


def media_object(identity: str, content: bytes = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;") -> StoredObject:
    """A standalone Media Object: the media as one MIME entity."""
    headers = _common(identity, "conversation-1", "received") | {
        "Content-Type": "image/gif",
        "Content-Transfer-Encoding": "base64",
    }
    body = base64.encodebytes(content + identity.encode()).decode()
    return StoredObject(ObjectKind.MEDIA, _stream(headers, body))


def of_kind(kind: ObjectKind, identity: str) -> StoredObject:
    """An object of the given kind with the given identity and otherwise usual content."""
    return _BUILDERS[kind](identity)


_BUILDERS: dict[ObjectKind, Callable[[str], StoredObject]] = {
    ObjectKind.MESSAGE: message,
    ObjectKind.FILE_TRANSFER: file_transfer,
    ObjectKind.SESSION_INFO: session_info,
    ObjectKind.GROUP_STATE: group_state,
    ObjectKind.MEDIA: media_object,
}
