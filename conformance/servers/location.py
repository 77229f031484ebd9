"""Where a running server is, who logs in and how, and the folder below which the suite may work: URL and options."""

from __future__ import annotations

import ipaddress
import math
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from conformance.adapters import nearest
from conformance.imap.endpoint import TOKEN_MECHANISMS, Credentials, Endpoint, Mechanism, Tls
from conformance.imap.pace import Pace
from conformance.model.folders import FolderPath
from conformance.problems import UsageProblem

PASSWORD_VARIABLE, TOKEN_VARIABLE, KEY_VARIABLE = "CPM_SERVER_PASSWORD", "CPM_SERVER_TOKEN", "CPM_SERVER_KEY_PASSWORD"
SHAPE = "imap://user:password@host:port/root"
OPTIONS: Mapping[str, str] = {
    "security": "tls, starttls or plain; imaps:// is tls, imap:// is starttls, and plain to this machine itself",
    "ca": "PEM file or directory of the authority that signed the server's certificate; else the system's are trusted",
    "name": "the name in the server's certificate, where it is not the host of the URL",
    "verify": "no takes any certificate: for a lab that you trust",
    "certificate": "PEM file of the certificate that the client shows",
    "key": f"PEM file of its key, if not in the same file; its password is taken from {KEY_VARIABLE}",
    "authentication": "login, plain, scram-sha-256, scram-sha-1, oauthbearer, xoauth2 or external; else the best",
    "rate": "the most commands a second of the whole run, for a server that others use, too; no limit by default",
    "foreign": "accept runs client test cases although the account holds folders or objects that are not the suite's",
}
_HELP = (
    f"write {SHAPE}, with imaps:// for TLS; imap:// is STARTTLS unless the server is on this machine, and "
    "imap+plain:// has no encryption at all; in user and password write %2F for /, %3F for ?, %23 for #, %3A for : "
    "and %25 for %"
)
_SECURITY: Mapping[str, tuple[str, int]] = {
    "imap": ("", 143),
    "imaps": ("tls", 993),
    "imap+starttls": ("starttls", 143),
    "imap+plain": ("plain", 143),
}
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
_MECHANISMS: Mapping[str, Mechanism] = {each.lower(): each for each in get_args(Mechanism) if each}


@dataclass(frozen=True, slots=True)
class UserSecrets:
    """One of several users: the name, and the password or token; empty is what is not given."""

    user: str
    password: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """What URL and options say."""

    endpoint: Endpoint
    credentials: Credentials
    root: FolderPath = ()
    accepts_foreign: bool = False

    def __str__(self) -> str:
        host = f"[{self.endpoint.host}]" if ":" in self.endpoint.host else self.endpoint.host
        return f"{host}:{self.endpoint.port}"


def parse(url: str, options: Mapping[str, str] | None = None, user: UserSecrets | None = None) -> Location:
    """Read `imap://user:password@host:port/root/folder`, `imaps://`, `imap+starttls://` or `imap+plain://`.

    `imap://` is STARTTLS, as `imap://…?starttls=1` is everywhere, but plain to this machine itself.

    User, password and folders are percent-decoded; `user`, if given, is taken instead of the URL's. Password and OAuth
    2.0 token may come from the environment variables `CPM_SERVER_PASSWORD` and `CPM_SERVER_TOKEN`. `options` are those
    of `OPTIONS`. Raises `UsageProblem`, which never shows the URL, as that may hold a password.
    """
    said = dict(options or {})
    for unknown in sorted(said.keys() - OPTIONS.keys()):
        raise UsageProblem(f"a server given by its URL has no option {unknown!r}", nearest(unknown, OPTIONS))
    parts, endpoint = _endpoint(url, said)
    root = tuple(unquote(level) for level in parts.path.split("/") if level)
    credentials = _credentials(parts, said.get("authentication", ""), user)
    return Location(endpoint, credentials, root, _choice(said, "foreign", "refuse", "accept") == "accept")


def _endpoint(url: str, said: Mapping[str, str]) -> tuple[SplitResult, Endpoint]:
    try:
        parts = urlsplit(url)
        port, query = parts.port, dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        (parts.hostname or "").encode("idna")
        if port == 0:
            raise ValueError
    except ValueError:
        raise UsageProblem("the server's URL cannot be read: its host, port or query is malformed", _HELP) from None
    if parts.scheme not in _SECURITY:
        raise UsageProblem(f"the server's URL has the unknown scheme {parts.scheme!r}", _HELP)
    if not parts.hostname or parts.fragment:
        raise UsageProblem("the server's URL has no host, or holds a bare #", _HELP)
    security = _security(parts.scheme, parts.hostname, query, said)
    port = port or (993 if security == "tls" else _SECURITY[parts.scheme][1])
    return parts, Endpoint(parts.hostname, port, security, tls=_tls(said), pace=_pace(said))


def _security(
    scheme: str, host: str, query: Mapping[str, str], said: Mapping[str, str]
) -> Literal["none", "tls", "starttls"]:
    """What scheme, query and option say together; plain is what nobody gets without saying so (RFC 8314 3)."""
    told = _SECURITY[scheme][0]
    if query and (query != {"starttls": "1"} or told not in ("", "starttls")):
        raise UsageProblem("the query of the server's URL can only be ?starttls=1, and not with imaps://", _HELP)
    told = told or ("starttls" if query else "")
    wanted = _choice(said, "security", told or ("plain" if is_loopback(host) else "starttls"), *SPELLED)
    if told and wanted != told:
        raise UsageProblem(f"the server's URL says {told}, the option security says {wanted}", "leave one of them out")
    return SPELLED[wanted]


SPELLED: Mapping[str, Literal["none", "tls", "starttls"]] = {"tls": "tls", "starttls": "starttls", "plain": "none"}
"""What an `Endpoint` calls the values of the option security."""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, to which nothing travels over a network."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _tls(said: Mapping[str, str]) -> Tls:
    tls = Tls(
        authority=_file(said, "ca"),
        certificate=_file(said, "certificate"),
        key=_file(said, "key"),
        key_password=os.environ.get(KEY_VARIABLE, ""),
        name=said.get("name", ""),
        verified=_choice(said, "verify", "yes", "no") == "yes",
    )
    if tls.key and not tls.certificate:
        raise UsageProblem("server option key: it belongs to a certificate", "give -O server.certificate=FILE, too")
    _try(replace(tls, certificate=None, key=None), f"ca: {tls.authority}", "name a PEM file with its certificate")
    mend = f"name PEM files that belong together, and put the key's password into {KEY_VARIABLE} if it has one"
    _try(tls, f"certificate: {tls.certificate}" + (f" with key {tls.key}" if tls.key else ""), mend)
    return tls


def _file(said: Mapping[str, str], option: str) -> Path | None:
    if option not in said:
        return None
    path = Path(said[option]).expanduser()
    hashed = option == "ca" and path.is_dir() and any(_HASHED.fullmatch(each.name) for each in path.iterdir())
    if not path.is_file() and not hashed:
        mend = "name a PEM file that is there, or for ca a directory that `openssl rehash` was run on"
        raise UsageProblem(f"server option {option}: there is no file {said[option]!r}", mend)
    return path


def _try(tls: Tls, what: str, mend: str) -> None:
    try:
        Endpoint("", 0, tls=tls).context()
    except OSError as error:
        why = error.reason if isinstance(error, ssl.SSLError) and error.reason else error.strerror or str(error)
        raise UsageProblem(f"server option {what} cannot be used: {why}", mend) from None


def _pace(said: Mapping[str, str]) -> Pace | None:
    """The share of this process, where a run is spread over several."""
    if "rate" not in said:
        return None
    try:
        rate = float(said["rate"])
    except ValueError:
        rate = 0.0
    if not (math.isfinite(rate) and 0.1 <= rate <= 1e6):
        raise UsageProblem(f"server option rate: {said['rate']!r}", "give commands a second, from 0.1 to 1000000")
    return Pace(rate / max(1, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))


def _choice(said: Mapping[str, str], option: str, default: str, *others: str) -> str:
    value, known = said.get(option, default), {default, *others}
    if value not in known:
        raise UsageProblem(f"server option {option}: {value!r} is none of its values", nearest(value, known))
    return value


def _credentials(parts: SplitResult, authentication: str, user: UserSecrets | None) -> Credentials:
    mechanism = _MECHANISMS.get(_choice({"authentication": authentication}, "authentication", "", *_MECHANISMS), "")
    if user is None:
        if not parts.username:
            raise UsageProblem("the server's URL names no user", _HELP)
        user = UserSecrets(unquote(parts.username), unquote(parts.password or ""))
        if parts.password is None:
            user = replace(user, password=os.environ.get(PASSWORD_VARIABLE, ""))
        given = parts.password is not None or PASSWORD_VARIABLE in os.environ
    else:
        given = bool(user.password)
    if any(each in user.user for each in "\0\r\n"):
        raise UsageProblem("the name of the user holds a control character", _HELP)
    token = user.token or os.environ.get(TOKEN_VARIABLE, "")
    if mechanism in TOKEN_MECHANISMS and not token:
        raise UsageProblem("no OAuth 2.0 token is given", f"put it into the environment variable {TOKEN_VARIABLE}")
    if mechanism not in (*TOKEN_MECHANISMS, "EXTERNAL") and not given and not token:
        mend = f"put it into the environment variable {PASSWORD_VARIABLE}, or into the URL"
        raise UsageProblem("no password for the server is given", mend)
    uses_token = bool(token) and mechanism in ("", *TOKEN_MECHANISMS)
    return Credentials(user.user, user.password, token=token if uses_token else "", mechanism=mechanism)
