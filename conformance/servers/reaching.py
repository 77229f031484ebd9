"""A session with a running server: reached, secured and logged in as its location says, or a problem with its mend."""

from __future__ import annotations

from conformance.imap.errors import ImapProblem
from conformance.imap.session import StorageSession
from conformance.imap.wire import WireConnection
from conformance.servers.diagnosis import no_login, unreachable
from conformance.servers.location import Location


def reach(location: Location, timeout: float) -> WireConnection:
    """A connection that was greeted, and has TLS where that is asked for. Raises `AdapterProblem`."""
    try:
        return WireConnection.open(location.endpoint, timeout=timeout)
    except ImapProblem as error:
        raise unreachable(location, error) from error


def log_in(wire: WireConnection, location: Location) -> StorageSession:
    """The session of the location's user. Raises `AdapterProblem`, and closes the connection then."""
    try:
        if wire.greeting.name != "PREAUTH":
            wire.authenticate(location.credentials)
        return StorageSession(wire)
    except ImapProblem as error:
        wire.close()
        raise no_login(location, error) from error
