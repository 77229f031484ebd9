"""The two ways a command can fail: refused (NO) and not understood (BAD)."""

from __future__ import annotations


class Refused(Exception):
    """The command is valid but cannot be done: answered NO with an optional response code."""

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class NotUnderstood(Exception):
    """The command breaks the protocol: answered BAD, and nothing has changed (RFC 3501 section 6)."""
