"""What can go wrong on the way to a server, one class a cause."""

from __future__ import annotations


class ImapProblem(Exception):
    """The base of every error of the IMAP binding."""


class OperationRefused(ImapProblem):
    """The server answered NO or BAD (RFC 3501 7.1); `code` is the response code's name, if any."""

    def __init__(self, operation: str, status: str, code: str | None, text: str) -> None:
        self.operation, self.status, self.code, self.text = operation, status, code, text
        bracket = f"[{code}] " if code else ""
        super().__init__(f"{operation}: the server answered {status} {bracket}{text}")


class LoginRefused(OperationRefused):
    """The server does not accept the credentials, or offers no way to present them."""


class ConnectionLost(ImapProblem):
    """The connection could not be made, or ended before the answer was complete."""


class ServerStalled(ImapProblem):
    """No complete answer came in time; `timeout` is the time granted, in seconds."""

    def __init__(self, waiting_for: str, timeout: float) -> None:
        self.timeout = timeout
        super().__init__(f"no {waiting_for} within {timeout:g} s; raise the timeout if the server is only slow")


class NotAnImapServer(ImapProblem):
    """What answered does not open with an IMAP greeting (RFC 3501 7.1)."""


class SyntaxProblem(ImapProblem, ValueError):
    """Octets that no IMAP grammar allows; `offset` counts from the start of the command or response."""

    def __init__(self, what: str, octets: bytes, offset: int = 0) -> None:
        self.what, self.offset = what, offset
        start = max(0, offset - 20)
        super().__init__(f"{what} at octet {offset}: …{bytes(octets[start : offset + 60])!r}")


class ResponseTooLarge(ImapProblem):
    """The other side sent, or announced, more than we are ready to hold."""

    def __init__(self, what: str, size: int, limit: int) -> None:
        self.size, self.limit = size, limit
        super().__init__(f"{what} of {size} octets or lines; the limit is {limit}")
