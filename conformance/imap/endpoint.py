"""Where a message storage server listens, and who logs in there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's address; `tls` means TLS from the first octet, `starttls` the command of RFC 3501 6.2.1."""

    host: str
    port: int
    security: Literal["none", "tls", "starttls"] = "none"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password; the password never shows in a repr."""

    user: str
    password: str = field(repr=False)
