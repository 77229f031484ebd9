"""Commands about the connection itself: capabilities, login, IDLE and the like (RFC 3501 sections 6.1 and 6.2)."""

from __future__ import annotations

import base64
import binascii

from conformance.reference.server.arguments import Arguments
from conformance.reference.server.errors import NotUnderstood, Refused
from conformance.reference.server.responses import nstring, string
from conformance.reference.server.session import (
    ANY_STATE,
    LOGGED_IN,
    CommandRule,
    Continuation,
    Outcome,
    Session,
    State,
)

_IDENTITY = ((b"name", b"cpm-conformance reference server"),)
_BASE_CAPABILITIES = "IMAP4rev1"
_ENABLEABLE = ("CONDSTORE", "QRESYNC")


def capabilities(session: Session) -> str:
    """The capability list of the connection's state."""
    names = [_BASE_CAPABILITIES, *sorted(session.behaviour.extensions)]
    if session.state is State.NOT_AUTHENTICATED:
        names.append("AUTH=PLAIN")
        names += ["LOGINDISABLED"] * session.behaviour.login_disabled
    return " ".join(names)


def capability(session: Session, arguments: Arguments) -> Outcome:
    """CAPABILITY (6.1.1)."""
    arguments.end()
    session.untagged(f"CAPABILITY {capabilities(session)}".encode())
    return None


def noop(_session: Session, arguments: Arguments) -> Outcome:
    """NOOP (6.1.2): the engine tells all updates when it completes."""
    arguments.end()
    return None


def logout(session: Session, arguments: Arguments) -> Outcome:
    """LOGOUT (6.1.3)."""
    arguments.end()
    session.untagged(b"BYE logging out")
    session.deselect()
    session.logged_out = True
    return None


def login(session: Session, arguments: Arguments) -> Outcome:
    """LOGIN (6.2.3)."""
    arguments.space()
    user = arguments.astring()
    arguments.space()
    password = arguments.astring()
    arguments.end()
    if session.behaviour.login_disabled:
        raise Refused("LOGIN is disabled; use AUTHENTICATE", "PRIVACYREQUIRED")
    return _log_in(session, user, password)


def _log_in(session: Session, user: bytes, password: bytes) -> str:
    try:
        session.account = session.accounts.log_in(user.decode(), password.decode())
    except UnicodeDecodeError:
        raise Refused("user name or password is wrong", "AUTHENTICATIONFAILED") from None
    code = f"[CAPABILITY {capabilities(session)}] " if session.behaviour.capability_after_login else ""
    return f"{code}logged in"


def authenticate(session: Session, arguments: Arguments) -> Outcome:
    """AUTHENTICATE PLAIN (6.2.2; RFC 4616), with an initial response if SASL-IR is on (RFC 4959)."""
    arguments.space()
    mechanism = arguments.word()
    if mechanism != "PLAIN":
        raise Refused("only the mechanism PLAIN is offered", "CANNOT")
    if session.offers("SASL-IR") and arguments.skip(b" "):
        initial = arguments.astring()
        arguments.end()
        return _plain(session, b"" if initial == b"=" else initial)
    arguments.end()
    return Continuation(b"", lambda line: _plain(session, line))


def _plain(session: Session, line: bytes) -> Outcome:
    if line == b"*":
        raise NotUnderstood("authentication cancelled")
    try:
        parts = base64.b64decode(line, validate=True).split(b"\0")
    except binascii.Error:
        raise NotUnderstood("the response is not BASE64") from None
    if len(parts) != 3 or parts[0] not in (b"", parts[1]):
        raise Refused("the response is not one of PLAIN", "AUTHENTICATIONFAILED")
    return _log_in(session, parts[1], parts[2])


def starttls(_session: Session, arguments: Arguments) -> Outcome:
    """STARTTLS (6.2.1): a loopback server has no certificate to show."""
    arguments.end()
    raise NotUnderstood("STARTTLS is not offered")


def identify(session: Session, arguments: Arguments) -> Outcome:
    """ID (RFC 2971)."""
    arguments.space()
    if not arguments.skip(b"NIL") and not arguments.skip(b"()"):
        values = arguments.listed(arguments.nstring)
        if len(values) % 2 or None in values[::2]:
            raise NotUnderstood("ID takes pairs of a field and a value")
    arguments.end()
    session.untagged(b"ID (" + b" ".join(string(name) + b" " + nstring(value) for name, value in _IDENTITY) + b")")
    return None


def enable(session: Session, arguments: Arguments) -> Outcome:
    """ENABLE (RFC 5161)."""
    wanted: list[str] = []
    while arguments.skip(b" "):
        wanted.append(arguments.word())
    arguments.end()
    if not wanted:
        raise NotUnderstood("ENABLE takes the name of an extension")
    enabled = [name for name in dict.fromkeys(wanted) if name in _ENABLEABLE and session.offers(name)]
    session.untagged(" ".join(["ENABLED", *enabled]).encode())
    if enabled:
        session.enable_condstore()
    session.qresync = session.qresync or "QRESYNC" in enabled
    return None


def namespace(session: Session, arguments: Arguments) -> Outcome:
    """NAMESPACE (RFC 2342): one personal namespace."""
    arguments.end()
    delimiter = session.behaviour.delimiter
    shown = nstring(delimiter.encode() if delimiter else None)
    prefix = string(session.behaviour.personal_prefix.encode())
    session.untagged(b"NAMESPACE ((" + prefix + b" " + shown + b")) NIL NIL")
    return None


def idle(_session: Session, arguments: Arguments) -> Outcome:
    """IDLE (RFC 2177), until the client says DONE."""
    arguments.end()
    return Continuation(b"idling", _end_idle, live=True)


def _end_idle(line: bytes) -> Outcome:
    if line.upper() != b"DONE":
        raise NotUnderstood("DONE expected")
    return None


COMMANDS = {
    "CAPABILITY": CommandRule(capability, ANY_STATE),
    "NOOP": CommandRule(noop, ANY_STATE),
    "LOGOUT": CommandRule(logout, ANY_STATE),
    "LOGIN": CommandRule(login, State.NOT_AUTHENTICATED),
    "AUTHENTICATE": CommandRule(authenticate, State.NOT_AUTHENTICATED),
    "STARTTLS": CommandRule(starttls, State.NOT_AUTHENTICATED),
    "ID": CommandRule(identify, ANY_STATE, "ID"),
    "ENABLE": CommandRule(enable, LOGGED_IN, "ENABLE"),
    "NAMESPACE": CommandRule(namespace, LOGGED_IN, "NAMESPACE"),
    "IDLE": CommandRule(idle, LOGGED_IN, "IDLE"),
}
