"""imapclient on our own wire: it forms commands and keeps its state, we do the I/O and read the answers.

imaplib has no deadline for a whole answer, leaves Nagle's algorithm on and records nothing; on top of `WireConnection`
these are settled once. What imapclient makes of an answer is not used: it drops unsolicited data and response codes.
"""

from __future__ import annotations

import imaplib
import io
import re
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from imapclient import IMAPClient

from conformance.imap.errors import ConnectionLost, SyntaxProblem
from conformance.imap.syntax import parse_response
from conformance.imap.wire import Exchange, WireConnection

if TYPE_CHECKING:
    from typing_extensions import Buffer

_TAGGED = re.compile(rb"(?P<tag>A\d+) (?P<type>[A-Z]+) (?P<data>.*)")

_NAME = re.compile(rb"\A(?:\* (?:\d+ )?|A\d+ )[A-Za-z]+")
_TEXTLESS = re.compile(rb"[^ ]+ (?:OK|NO|BAD|BYE)", re.IGNORECASE)


class _WireImap4(imaplib.IMAP4):
    """imaplib's protocol object, reading whole responses from a connection that is already logged in."""

    def __init__(self, wire: WireConnection, offered: Iterable[str]) -> None:
        self.wire, self._offered = wire, tuple(offered)
        self.tag = ""
        self.units: list[bytes] = []
        self._reading = io.BytesIO()
        super().__init__()

    @property
    def is_readonly(self) -> bool:
        """Always: imaplib would raise on a folder that is, or becomes, read-only, which is an answer and no error."""
        return True

    @is_readonly.setter
    def is_readonly(self, value: bool) -> None:
        pass

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:  # noqa: ARG002
        self.host, self.port = host, port

    def shutdown(self) -> None:
        self.wire.close()

    def send(self, data: Buffer) -> None:
        self.wire.send(bytes(data))

    def read(self, size: int) -> bytes:
        return self._reading.read(size)

    def readline(self) -> bytes:
        line = self._reading.readline()
        if not line:
            self.units.append(self.wire.read_unit())
            self._reading = io.BytesIO(self.units[-1])
            line = self._reading.readline()
        return _readable(line.removesuffix(b"\n").removesuffix(b"\r")) + b"\r\n"

    def _connect(self) -> None:
        """Nothing is asked: the connection is logged in, and its capabilities are known."""
        # imaplib would draw its tag prefix at random, and no two transcripts would be alike.
        self.tagpre, self.tagre = b"A", _TAGGED  # type: ignore[assignment]
        self.state, self.capabilities = "AUTH", self._offered
        # What imaplib keeps for its own debugging.
        self._cmd_log: dict[int, object] = {}
        self._cmd_log_len, self._cmd_log_idx = 10, 0

    def _new_tag(self) -> bytes:
        self.wire.be_patient()
        self.units.clear()
        self.tag = self.wire.next_tag()
        self.tagged_commands[self.tag.encode()] = None
        return self.tag.encode()


class WireClient(IMAPClient):  # type: ignore[misc]
    """An `IMAPClient` over a logged-in `WireConnection`; its commands are run through `perform`.

    It asks nothing by itself: `offered` are the capabilities that it is to use, in capitals.
    """

    def __init__(self, wire: WireConnection, offered: Collection[str]) -> None:
        self._wire, self._offered = wire, offered
        super().__init__("", ssl=False, timeout=wire.timeout)
        self._imap.debug = 0
        self._cached_capabilities = tuple(name.encode() for name in offered)

    def _create_IMAP4(self) -> _WireImap4:  # noqa: N802
        return _WireImap4(self._wire, self._offered)

    def _set_read_timeout(self) -> None:
        """The wire keeps its own time."""

    def has_active_folder(self, *, active: bool) -> None:
        """Tell imaplib, which refuses commands by its own state, what was selected or left beneath it."""
        self._imap.state = "SELECTED" if active else "AUTH"

    def perform(self, operation: str, call: Callable[[], object]) -> Exchange:
        """Run one imapclient call and return what the server said, read by us.

        Raises `OperationRefused`, `ConnectionLost`, `ServerStalled`, `SyntaxProblem` or `ResponseTooLarge`.
        """
        problem: Exception | None = None
        # A call that fails before it has sent anything must not find the answer to the one before.
        self._imap.units.clear()
        try:
            call()
        except (imaplib.IMAP4.error, ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
            if isinstance(error, SyntaxProblem):
                raise
            problem = error
        return self._outcome(operation, problem)

    def _outcome(self, operation: str, problem: Exception | None) -> Exchange:
        responses = [parse_response(unit) for unit in self._imap.units]
        final = responses[-1] if responses else None
        untagged = tuple(response for response in responses if response.kind == "untagged")
        if final is not None and final.kind == "tagged" and final.tag == self._imap.tag:
            done = Exchange(final.tag, final.name, final.code, final.text, untagged, self._wire.last_entry)
            return done.require_ok(operation)
        farewell = next((response.text for response in untagged if response.name == "BYE"), None)
        if farewell is not None:
            raise ConnectionLost(f"{operation}: the server said BYE {farewell}") from problem
        raise SyntaxProblem(f"{operation}: {problem}", self._imap.units[-1] if responses else b"") from problem


def _readable(line: bytes) -> bytes:
    """What imaplib takes for a response: names in capitals, though any case is legal, and a text after a status."""
    line = _NAME.sub(lambda found: found[0].upper(), line)
    return line + b" " if _TEXTLESS.fullmatch(line) else line
