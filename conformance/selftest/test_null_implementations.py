"""Implementations that do nothing establish nothing, and the reference implementations fail nothing."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Literal, Self

import pytest

from conformance.clients.reference import ReferenceClient
from conformance.configuration import Roles
from conformance.faults.null import NullClient, NullEngine, NullServer
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.outcomes import Outcome, Verdict
from conformance.report import Report, exit_code
from conformance.scenario.stage import Bounds
from conformance.selftest.running import judged
from conformance.servers.protocol import Account
from conformance.servers.reference import ReferenceStorageServer


def _mandatory(report: Report, role: Literal["server", "client"], outcome: Outcome) -> list[str]:
    return [
        each.id
        for each in report.requirements
        if each.level == "mandatory" and role in each.roles and each.seen_by(role).outcome is outcome
    ]


class ListeningNullServer(NullServer):
    """The server that answers OK to everything and stores nothing, on a port of this machine."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        engine = NullEngine()
        with connection:
            connection.sendall(engine.greeting())
            while not engine.closed and (octets := connection.recv(65536)):
                connection.sendall(engine.receive(octets))

    def fresh_account(self) -> Account:
        """Any name will do."""
        port: int = self._listener.getsockname()[1]
        return Account(Endpoint("127.0.0.1", port), Credentials("anybody", "anything"))


def test_a_null_client_passes_no_mandatory_requirement() -> None:
    """A client that does nothing at synchronize establishes nothing that is mandatory for a client."""
    with ReferenceStorageServer() as server, NullClient() as client:
        report = judged(server, client, role=Roles.CLIENT)
    assert _mandatory(report, "client", Outcome.PASS) == []
    assert report.verdict.client is not Verdict.CONFORMANT
    assert exit_code(report) != 0


def test_a_null_server_passes_no_mandatory_requirement() -> None:
    """A server that answers OK to everything and stores nothing establishes nothing that is mandatory for a server."""
    with ListeningNullServer() as server:
        report = judged(server, role=Roles.SERVER, bounds=Bounds(synchronize=2.0, answer=0.3))
    assert _mandatory(report, "server", Outcome.PASS) == []
    assert report.verdict.server is not Verdict.CONFORMANT


@pytest.mark.parametrize("role", ["server", "client"])
def test_the_reference_implementations_fail_nothing(role: str) -> None:
    """The reference server and client are held to every case like any other, and fail none."""
    with ReferenceStorageServer() as server, ReferenceClient() as client:
        report = judged(server, client, role=Roles(role))
    wrong = [each.id for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    assert not wrong
    assert report.cases
