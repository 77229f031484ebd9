"""Where a message storage server listens, how the way there is secured, and who logs in there."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from conformance.imap.pace import Pace

Mechanism = Literal["", "LOGIN", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1", "OAUTHBEARER", "XOAUTH2", "EXTERNAL"]
TOKEN_MECHANISMS: tuple[Mechanism, ...] = ("OAUTHBEARER", "XOAUTH2")


@dataclass(frozen=True, slots=True)
class Tls:
    """What TLS rests on; files are PEM. By default the system's authorities are trusted, and no certificate is shown.

    `authority` is a file, or a directory as OpenSSL hashes it, that is trusted instead; `certificate` with `key` is
    what we show ourselves; `name` is the server's in its certificate, where that is not the host.
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: str = field(default="", repr=False)
    name: str = ""
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's address; `tls` means TLS from the first octet, `starttls` the command of RFC 3501 6.2.1.

    `pace`, which every connection to the server shares, keeps commands apart.
    """

    host: str
    port: int
    security: Literal["none", "tls", "starttls"] = "none"
    tls: Tls = field(default=Tls(), kw_only=True)
    pace: Pace | None = field(default=None, kw_only=True, compare=False, repr=False)

    @property
    def certified_name(self) -> str:
        """The name that the server's certificate has to bear."""
        return self.tls.name or self.host

    def context(self) -> ssl.SSLContext:
        """The TLS context for a connection. Raises `OSError` (`ssl.SSLError` is one) where a file is of no use."""
        return context_of(self.tls)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user with a password or an OAuth 2.0 token, neither of which shows in a repr.

    Without a `mechanism` the best one that the server offers is taken.
    """

    user: str
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False, kw_only=True)
    mechanism: Mechanism = field(default="", kw_only=True)


@lru_cache(maxsize=16)
def context_of(tls: Tls) -> ssl.SSLContext:
    """The TLS context that these settings describe; see `Endpoint.context`."""
    context = ssl.create_default_context()
    if tls.authority is not None:
        context = _trusting(tls.authority)
    if not tls.verified:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if tls.certificate is not None:
        # Without a password OpenSSL would ask for one at the terminal.
        context.load_cert_chain(tls.certificate, tls.key, tls.key_password)
    return context


def _trusting(authority: Path) -> ssl.SSLContext:
    """A private authority is trusted for what it signed, be it an intermediate one or an old-fashioned one."""
    directory = authority.is_dir()
    context = ssl.create_default_context(
        cafile=None if directory else str(authority), capath=str(authority) if directory else None
    )
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
