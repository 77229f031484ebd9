"""What the doctor sees of a running server without changing anything: encryption, login, capability, quota, speed."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from conformance.imap.session import StorageSession
from conformance.imap.syntax import number_of, text_of
from conformance.imap.wire import WireConnection
from conformance.model.folders import FolderPath
from conformance.problems import AdapterProblem
from conformance.servers.location import Location, is_loopback
from conformance.servers.reaching import log_in, reach
from conformance.servers.territory import personal_prefix

LEAST_QUOTA = 16 * 1024
"""Units of 1024 octets that a run should find free."""
SLOWEST = 0.5
_NOOPS = 10


@dataclass(frozen=True)
class Look:
    """One thing to look at: `see` tells what is there, or raises; whatever stands on what is `needed` is left then."""

    name: str
    see: Callable[[], str]
    mend: str = ""
    needed: bool = True


class ServerLooks:
    """Everything there is to see of one account, on one connection that `opened` ends."""

    def __init__(self, location: Location, timeout: float, opened: ExitStack) -> None:
        self.location, self.timeout, self._opened = location, timeout, opened
        self.wire: WireConnection
        self.session: StorageSession

    def looks(self) -> Iterator[Look]:
        """In the order in which one stands on another."""
        yield Look("server is reached", self._answers)
        yield Look("encryption", self._encryption)
        yield Look("login", self._login)
        yield Look("capabilities", lambda: " ".join(sorted(self.session.capabilities)))
        yield Look("hierarchy delimiter", self._delimiter, "test a server that has a folder hierarchy")
        mend = "remove something, or have the limit raised; a run stores a few megabytes for a while"
        yield Look("quota", self._quota, mend, needed=False)
        mend = "use --profile remote, and raise answer_timeout and synchronize_timeout in the configuration file"
        yield Look("speed", self._speed, mend, needed=False)

    def _answers(self) -> str:
        at = self.location.endpoint
        try:
            started = time.perf_counter()
            with socket.create_connection((at.host, at.port), self.timeout) as connection:
                told: str = connection.getpeername()[0]
        except OSError as error:
            why = f"no answer within {self.timeout:g} s" if isinstance(error, TimeoutError) else error.strerror or error
            mend = "check host and port, that the server runs, and that no firewall is in between"
            raise AdapterProblem(f"{self.location} cannot be reached: {why}", mend) from None
        return f"{self.location} ({told}) within {(time.perf_counter() - started) * 1000:.0f} ms"

    def _encryption(self) -> str:
        self.wire = reach(self.location, self.timeout)
        self._opened.callback(self.wire.close)
        at = self.location.endpoint
        if isinstance(self.wire.socket, ssl.SSLSocket):
            told = [str(self.wire.socket.version()), _certificate(self.wire.socket.getpeercert())]
            return ", ".join([*told, "" if at.tls.verified else "which is not verified, as you said"]).rstrip(", ")
        if is_loopback(at.host):
            return "none, on this machine itself"
        return "none, as you said: login and objects go in the clear"

    def _login(self) -> str:
        self.session = log_in(self.wire, self.location)
        how = self.wire.mechanism or "no login, as the server greets with PREAUTH"
        told = f"user {self.location.credentials.user} by {how}"
        if self.wire.takes_password:
            return told
        return f"{told}; the proxy does so for a client under test, which shows it a password"

    def _delimiter(self) -> str:
        if self.session.delimiter is None:
            raise LookupError("there is none")
        prefix = self.prefix
        told = f", and personal folders begin with {self.session.delimiter.join(prefix)}" if prefix else ""
        return f"{self.session.delimiter}{told}"

    @property
    def prefix(self) -> FolderPath:
        """The levels of the personal namespace."""
        return personal_prefix(self.wire, self.session)

    def _quota(self) -> str:
        if "QUOTA" not in self.session.capabilities:
            return "not told (no QUOTA)"
        answer = self.wire.command(b"GETQUOTAROOT INBOX")
        told = []
        for response in answer.named("QUOTA"):
            limits = response.tokens[1] if len(response.tokens) > 1 else ()
            values = list(limits) if isinstance(limits, tuple) else []
            for name, used, limit in zip(values[::3], values[1::3], values[2::3], strict=False):
                free = number_of(limit) - number_of(used)
                told.append(f"{text_of(name)} {number_of(used)} of {number_of(limit)}")
                if text_of(name).upper() == "STORAGE" and free < LEAST_QUOTA:
                    raise LookupError(f"{max(free, 0)} KiB are free, {LEAST_QUOTA} should be")
        return ", ".join(told) or "no limit"

    def _speed(self) -> str:
        started = time.perf_counter()
        for _ in range(_NOOPS):
            self.session.noop()
        took = (time.perf_counter() - started) / _NOOPS
        told = f"{took * 1000:.1f} ms for a NOOP"
        if took > SLOWEST and not self.location.endpoint.pace:
            raise LookupError(told)
        return told


def _certificate(told: Mapping[str, Any] | None) -> str:
    """Whose certificate it is, until when, and who signed it; nothing where it was not verified."""
    if not told:
        return ""
    names = ", ".join(str(value) for _, value in told.get("subjectAltName", ())) or _name(told.get("subject", ()))
    return f"certificate of {names}, valid until {told.get('notAfter')}, signed by {_name(told.get('issuer', ()))}"


def _name(parts: Any) -> str:
    known = {key: value for part in parts for key, value in part}
    return str(known.get("commonName") or known.get("organizationName") or "nobody")
