"""Keep credentials out of what is recorded (RFC 3501 6.2.2 and 6.2.3 carry them in the clear)."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = b"***"

_LOGIN = re.compile(rb"([^ \r\n]+ +LOGIN +)[^\r\n]", re.IGNORECASE)
_AUTHENTICATE = re.compile(rb"([^ \r\n]+ +AUTHENTICATE +[^ \r\n]+ +)[^\r\n]", re.IGNORECASE)
_AUTHENTICATION_TAG = re.compile(rb"([^ \r\n]+) +AUTHENTICATE\b", re.IGNORECASE)


def mask_login(unit: bytes) -> bytes:
    """A client unit with the arguments of LOGIN, or the initial response of AUTHENTICATE, replaced by `***`."""
    match = _LOGIN.match(unit) or _AUTHENTICATE.match(unit)
    return match[1] + MASK + _line_end(unit) if match else unit


def mask_line(unit: bytes) -> bytes:
    """A line of an authentication exchange with everything but its line end replaced."""
    return MASK + _line_end(unit)


def _line_end(unit: bytes) -> bytes:
    return b"\r\n" if unit.endswith(b"\r\n") else b"\n" if unit.endswith(b"\n") else b""


def authentication_tag(unit: bytes) -> bytes | None:
    """The tag of an AUTHENTICATE command, None for any other unit."""
    match = _AUTHENTICATION_TAG.match(unit)
    return match[1] if match else None


def _octets(secret: str | bytes) -> set[bytes]:
    """What a secret is on a wire: text in UTF-8, and octets that were taken for text as they are."""
    if isinstance(secret, bytes):
        return {secret}
    taken_for_text = {secret.encode("latin-1")} if all(each <= "\xff" for each in secret) else set()
    return {secret.encode("utf-8", "surrogatepass")} | taken_for_text


class Secrets:
    """Known secrets; each occurrence is overwritten by as many `*`, so that literal sizes stay true."""

    def __init__(self, secrets: Iterable[str | bytes] = ()) -> None:
        self._pattern: re.Pattern[bytes] | None = None
        self._known: set[bytes] = set()
        self.add(*secrets)

    def add(self, *secrets: str | bytes) -> None:
        """Register secrets, with the form each takes inside a quoted string; empty ones are ignored."""
        for secret in secrets:
            for octets in _octets(secret):
                self._known |= {octets, octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')} - {b""}
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first))) if longest_first else None

    def mask(self, octets: bytes) -> bytes:
        """The octets without any known secret."""
        for secret in self._known:
            if secret in octets and self._pattern:
                return self._pattern.sub(lambda found: b"*" * len(found[0]), octets)
        return octets
