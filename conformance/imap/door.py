"""The door of a proxy that has logged in to the server in the client's place; the client logs in to the proxy.

It is for servers that take no password. The client shows one that the suite made up, and the server sees none of it.
"""

from __future__ import annotations

import hmac

from conformance.imap.endpoint import Credentials
from conformance.imap.errors import SyntaxProblem
from conformance.imap.framing import Direction
from conformance.imap.interception import Action, Answer, Interceptor, LiteralInterceptor
from conformance.imap.syntax import Command, octets_of, parse_command

HIDDEN = frozenset({"AUTH=*", "LOGINDISABLED", "SASL-IR"})
"""What a server offers before a login, and the proxy does not."""
_BEFORE_LOGIN = frozenset({"CAPABILITY", "NOOP", "LOGOUT", "ID"})


class Door:
    """The interceptor of one connection: answers LOGIN itself; everything else is for the interceptor behind it."""

    def __init__(self, credentials: Credentials, behind: Interceptor | None = None) -> None:
        self._credentials, self._behind = credentials, behind
        self._is_open = False

    def __call__(self, connection: str, direction: Direction, unit: bytes) -> Action | None:
        """What becomes of a unit. An interceptor that cuts or stalls at it comes first."""
        action = self._behind(connection, direction, unit) if self._behind else None
        return action or (self._answer(unit) if direction == "C" and not self._is_open else None)

    def at_literal(self, connection: str, beginning: bytes) -> Action | None:
        """A client that waits to send a literal of LOGIN is told to quote."""
        behind = self._behind
        action = behind.at_literal(connection, beginning) if isinstance(behind, LiteralInterceptor) else None
        if action or self._is_open:
            return action
        return Answer(beginning.split(b" ", 1)[0] + b" BAD log in first, with quoted strings\r\n")

    def _answer(self, unit: bytes) -> Action | None:
        try:
            command = parse_command(unit)
        except SyntaxProblem:
            return Answer(unit.split(b" ", 1)[0].rstrip() + b" BAD log in first\r\n")
        if command.name in _BEFORE_LOGIN:
            return None
        return Answer(command.tag.encode() + b" " + self._told(command) + b"\r\n")

    def _told(self, command: Command) -> bytes:
        if command.name != "LOGIN":
            return b"NO LOGIN first; nothing else is offered here"
        shown = [octets_of(each) for each in command.arguments if isinstance(each, bytes)]
        known = [self._credentials.user.encode(), self._credentials.password.encode()]
        if len(shown) != len(known) or not all(map(hmac.compare_digest, shown, known)):
            return b"NO [AUTHENTICATIONFAILED] user or password is wrong"
        self._is_open = True
        return b"OK logged in"
