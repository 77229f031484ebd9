"""Untagged data that a server may send at any time, put between its own responses (RFC 3501 2.2.2, 7).

What is injected is legal and true: every client has to accept it, and none of it changes what the client has to do.
"""

from __future__ import annotations

import re

from conformance.imap.framing import Direction
from conformance.imap.interception import Action, Replace
from conformance.imap.names import encode_name
from conformance.scenario.disturbance import WireReader

STATUS_LINES = (
    b"* OK [ALERT] the server is serviced at midnight\r\n",
    b"* OK still here\r\n",
    b"* NO [LIMIT] the disk is nearly full\r\n",
)
UNKNOWN_CODES = (b"* OK [XYZZY 1 2] nothing happens\r\n", b'* OK [X-PLUGH (a "b" {c)] a hollow voice says\r\n')
_EXPUNGE = re.compile(rb"\* (\d+ EXPUNGE|VANISHED)", re.IGNORECASE)
_CAPABILITIES = re.compile(rb"(?:\* |\[)CAPABILITY ([^\]\r\n]+)\]?", re.IGNORECASE)
_LOGIN = re.compile(rb"(LOGIN|AUTHENTICATE)\b", re.IGNORECASE)


class Injection(WireReader):
    """Puts lines before each response after the login; `lines` counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0
        self._logged_in: set[str] = set()

    def __call__(self, connection: str, direction: Direction, unit: bytes) -> Action | None:
        self.read(connection, direction, unit)
        if direction == "C":
            return None
        told = b"".join(self.before(connection, unit)) if connection in self._logged_in else b""
        self.lines += told.count(b"\n")
        if _LOGIN.match(self.command_answered_by(connection, unit) or b""):
            self._logged_in.add(connection)
            self.before(connection, unit)
        return Replace(told + unit) if told else None

    def before(self, connection: str, unit: bytes) -> list[bytes]:
        """The lines to put before a response."""
        raise NotImplementedError


class Lines(Injection):
    """The same lines before each response."""

    def __init__(self, *always: bytes) -> None:
        super().__init__()
        self._always = always

    def before(self, connection: str, unit: bytes) -> list[bytes]:  # noqa: ARG002
        return [self._always[self.lines % len(self._always)]]


class Echo(Injection):
    """What the server said of sizes or flags, said once more before its next response, when it still holds."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        super().__init__()
        self._pattern = pattern
        self._said: dict[str, bytes] = {}

    def before(self, connection: str, unit: bytes) -> list[bytes]:
        again = self._said.pop(connection, b"")
        if self._pattern.match(unit):
            self._said[connection] = unit
        return [again] if again and not _EXPUNGE.match(unit) else []


def repeated_sizes() -> Injection:
    """EXISTS and RECENT, also when nobody asked."""
    return Echo(re.compile(rb"\* \d+ (EXISTS|RECENT)\r\n\Z", re.IGNORECASE))


def repeated_flags() -> Injection:
    """FETCH responses with flags, without a UID or with one, in between those that were asked for."""
    return Echo(re.compile(rb"\* \d+ FETCH \([^{]*FLAGS \([^{]*\)\r\n\Z", re.IGNORECASE))


class RepeatedCapabilities(Injection):
    """The server's capabilities, once more before each response."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, bytes] = {}

    def before(self, connection: str, unit: bytes) -> list[bytes]:
        found = _CAPABILITIES.search(unit)
        if found and b"{" not in unit:
            self._known[connection] = b"* CAPABILITY " + found[1] + b"\r\n"
        return [self._known[connection]] if connection in self._known else []


class CodedAnswers(Injection):
    """An unknown response code in every tagged OK that has none (RFC 3501 7.1)."""

    def __call__(self, connection: str, direction: Direction, unit: bytes) -> Action | None:
        self.read(connection, direction, unit)
        tag = unit.partition(b" ")[0]
        if direction == "S" and self.command_answered_by(connection, unit) and unit.startswith(tag + b" OK "):
            text = unit[len(tag) + 4 :]
            if not text.startswith(b"["):
                self.lines += 1
                return Replace(tag + b" OK [XYZZY 1 2] " + text)
        return None


class Silenced(Injection):
    """Leaves a response of the selection out, such as UIDNEXT; `lines` counts them."""

    def __init__(self, code: bytes) -> None:
        super().__init__()
        self._line = re.compile(rb"\* OK \[" + code + rb"\b", re.IGNORECASE)

    def __call__(self, connection: str, direction: Direction, unit: bytes) -> Action | None:  # noqa: ARG002
        if direction == "S" and self._line.match(unit):
            self.lines += 1
            return Replace(b"")
        return None


class EightBitNames(Injection):
    """A server that lists one name in raw UTF-8, and knows it in both forms; `lines` counts the listings."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._encoded, self._raw = encode_name(name), name.encode()

    def __call__(self, connection: str, direction: Direction, unit: bytes) -> Action | None:  # noqa: ARG002
        if direction == "C" and self._raw in unit.partition(b"\r\n")[0]:
            return Replace(unit.replace(self._raw, self._encoded, 1))
        if direction == "S" and unit.upper().startswith(b"* LIST ") and self._encoded in unit:
            self.lines += 1
            return Replace(unit.replace(self._encoded, self._raw))
        return None
