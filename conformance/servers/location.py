"""The URL of a running server: where it listens, who logs in, and the folder below which the suite may work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.model.folders import FolderPath
from conformance.problems import UsageProblem

PASSWORD_VARIABLE = "CPM_SERVER_PASSWORD"
SHAPE = "imap://user:password@host:port/root"
_HELP = (
    f"write {SHAPE}, with imaps:// for TLS or imap+starttls:// for STARTTLS; in user and password "
    "write %2F for /, %3F for ?, %23 for #, %3A for : and %25 for %"
)
_SECURITY: Mapping[str, tuple[Literal["none", "tls", "starttls"], int]] = {
    "imap": ("none", 143),
    "imaps": ("tls", 993),
    "imap+starttls": ("starttls", 143),
}


@dataclass(frozen=True, slots=True)
class Location:
    """What a URL says."""

    endpoint: Endpoint
    credentials: Credentials
    root: FolderPath = ()

    def __str__(self) -> str:
        host = f"[{self.endpoint.host}]" if ":" in self.endpoint.host else self.endpoint.host
        return f"{host}:{self.endpoint.port}"


def parse(url: str) -> Location:
    """Read `imap://user:password@host:port/root/folder`, `imaps://` or `imap+starttls://` (also `imap://…?starttls=1`).

    User, password and folders are percent-decoded. The password may come from the environment variable
    `CPM_SERVER_PASSWORD` instead. Raises `UsageProblem`, which never shows the URL, as that may hold a password.
    """
    parts, endpoint = _endpoint(url)
    if not parts.username:
        raise UsageProblem("the server's URL names no user", _HELP)
    root = tuple(unquote(level) for level in parts.path.split("/") if level)
    return Location(endpoint, Credentials(unquote(parts.username), _password(parts)), root)


def _endpoint(url: str) -> tuple[SplitResult, Endpoint]:
    try:
        parts = urlsplit(url)
        port, query = parts.port, dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise UsageProblem("the server's URL cannot be read: its host, port or query is malformed", _HELP) from None
    if parts.scheme not in _SECURITY:
        raise UsageProblem(f"the server's URL has the unknown scheme {parts.scheme!r}", _HELP)
    if not parts.hostname or parts.fragment:
        raise UsageProblem("the server's URL has no host, or holds a bare #", _HELP)
    security, default_port = _SECURITY[parts.scheme]
    endpoint = Endpoint(parts.hostname, port or default_port, security)
    return parts, _with_query(endpoint, query)


def _with_query(endpoint: Endpoint, query: Mapping[str, str]) -> Endpoint:
    """The query can say one thing only."""
    if not query:
        return endpoint
    if query != {"starttls": "1"} or endpoint.security == "tls":
        raise UsageProblem("the query of the server's URL can only be ?starttls=1, and not with imaps://", _HELP)
    return replace(endpoint, security="starttls")


def _password(parts: SplitResult) -> str:
    password = unquote(parts.password) if parts.password is not None else os.environ.get(PASSWORD_VARIABLE)
    if password is None:
        mend = f"put it into the environment variable {PASSWORD_VARIABLE}, or into the URL"
        raise UsageProblem("no password for the server is given", mend)
    return password
