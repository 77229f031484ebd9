"""Folder names: modified UTF-7 (RFC 3501 5.1.3) and the hierarchy they spell (RFC 3501 5.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from imapclient import imap_utf7


@lru_cache(maxsize=1024)
def encode_name(name: str) -> bytes:
    """The name as sent on the wire. Raises `ValueError` for a lone surrogate, which no UTF-16 can carry."""
    try:
        return bytes(imap_utf7.encode(name))
    except UnicodeEncodeError as error:
        raise ValueError(f"the folder name {name!r} holds a lone surrogate; use whole characters") from error


@lru_cache(maxsize=1024)
def decode_name(wire: bytes) -> str:
    """The name in Unicode; what is not modified UTF-7 is taken as UTF-8 (RFC 6855), other octets as lone surrogates."""
    if wire.isascii() and _well_formed(wire):
        try:
            return str(imap_utf7.decode(wire))
        except ValueError:
            pass
    return wire.decode("utf-8", "surrogateescape")


def _well_formed(wire: bytes) -> bool:
    """Not all that imapclient takes, such as a shift that never ends."""
    parts = wire.split(b"&")[1:]
    return all(b"-" in part and _is_modified_base64(part[: part.index(b"-")]) for part in parts)


def _is_modified_base64(octets: bytes) -> bool:
    return all(octet == 0x2B or octet == 0x2C or chr(octet).isalnum() for octet in octets)


def quote(octets: bytes) -> bytes:
    """A quoted string (RFC 3501 4.3); raises `ValueError` for CR, LF, NUL and octets above 127: use a literal."""
    if not octets.isascii() or any(octet in octets for octet in b"\r\n\0"):
        raise ValueError(f"{octets!r} cannot be quoted; send it as a literal")
    return quote_escaped(octets)


def quote_escaped(octets: bytes) -> bytes:
    """Octets between quotes, whatever they are; a server that sent them need not have kept to RFC 3501 4.3."""
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def same_spelling(one: bytes, other: bytes) -> bool:
    """Whether a server may show a name it was given as `one` as `other` (RFC 3501 5.1 and 5.1.3).

    It may fold the case of letters, but not inside modified BASE64.
    """
    return _folded(one) == _folded(other)


def _folded(wire: bytes) -> bytes:
    return b"".join(part if part.startswith(b"&") else part.lower() for part in _SHIFTED.split(wire))


_SHIFTED = re.compile(rb"(&[^-]*-)")


def is_inbox(name: str) -> bool:
    """INBOX is the one name without regard to case."""
    return name.upper() == "INBOX"


def same_folder(one: str, other: str) -> bool:
    """Whether two names mean the same folder."""
    return one == other or (is_inbox(one) and is_inbox(other))


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Turn paths below a root folder into names and back. Without a delimiter there is one level only."""

    delimiter: str | None
    root: str = ""

    def name(self, path: tuple[str, ...]) -> str:
        """The name of a path; `()` is the root. Raises `ValueError` for a part that is empty or would read as two."""
        for part in path:
            if not part or (self.delimiter and self.delimiter in part):
                raise ValueError(f"{part!r} cannot be one level of a folder name (delimiter {self.delimiter!r})")
        parts = (self.root, *path) if self.root else path
        if len(parts) > 1 and self.delimiter is None:
            raise ValueError(f"the server has no hierarchy; {'/'.join(parts)!r} needs one")
        return (self.delimiter or "").join(parts)

    def path(self, name: str) -> tuple[str, ...] | None:
        """The path of a name, `()` for the root itself, None when the name is not below the root."""
        parts = self._levels(name)
        root = self._levels(self.root) if self.root else ()
        return parts[len(root) :] if parts[: len(root)] == root else None

    def _levels(self, name: str) -> tuple[str, ...]:
        levels = tuple(name.split(self.delimiter)) if self.delimiter else (name,)
        return ("INBOX", *levels[1:]) if is_inbox(levels[0]) else levels
