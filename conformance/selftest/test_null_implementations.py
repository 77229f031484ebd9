"""Implementations that do nothing establish nothing."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Literal, Self

from conformance.configuration import Roles
from conformance.faults.null import NullClient
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.outcomes import Outcome, Verdict
from conformance.report import Report, exit_code
from conformance.scenario.stage import Bounds
from conformance.selftest.running import judged
from conformance.servers.protocol import Ability, Account
from conformance.servers.reference import ReferenceStorageServer


def _mandatory(report: Report, role: Literal["server", "client"], outcome: Outcome) -> list[str]:
    return [
        each.id
        for each in report.requirements
        if each.level == "mandatory" and role in each.roles and each.seen_by(role).outcome is outcome
    ]


class NullServer:
    """A server that answers OK to everything and stores nothing."""

    name = "null"
    abilities: frozenset[Ability] = frozenset()

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
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
            for line in lines:
                tag, _, command = line.rstrip().partition(b" ")
                if command.endswith(b"}"):
                    connection.sendall(b"+ go on\r\n")
                    lines.read(int(command[command.rindex(b"{") + 1 : -1]))
                    lines.readline()
                if command.upper() == b"CAPABILITY":
                    connection.sendall(b"* CAPABILITY IMAP4rev1\r\n")
                connection.sendall(tag + b" OK done\r\n")

    def identify(self) -> str:
        """Its name."""
        return "null server"

    def fresh_account(self) -> Account:
        """Any name will do."""
        port: int = self._listener.getsockname()[1]
        return Account(Endpoint("127.0.0.1", port), Credentials("anybody", "anything"))

    def release(self, account: Account) -> None:
        """There is nothing to remove."""

    def restart(self) -> None:
        """Not offered."""

    def set_read_only(self, account: Account, folder: str) -> None:
        """Not offered."""

    def set_quota(self, account: Account, octets: int) -> None:
        """Not offered."""

    def renew_uid_validity(self, account: Account, folder: str) -> None:
        """Not offered."""


def test_a_null_client_passes_no_mandatory_requirement() -> None:
    """A client that does nothing at synchronize establishes nothing that is mandatory for a client."""
    with ReferenceStorageServer() as server, NullClient() as client:
        report = judged(server, client, role=Roles.CLIENT)
    assert _mandatory(report, "client", Outcome.PASS) == []
    assert report.verdict.client is not Verdict.CONFORMANT
    assert exit_code(report) != 0


def test_a_null_server_passes_no_mandatory_requirement() -> None:
    """A server that answers OK to everything and stores nothing establishes nothing that is mandatory for a server."""
    with NullServer() as server:
        report = judged(server, role=Roles.SERVER, bounds=Bounds(synchronize=2.0, answer=0.3))
    assert _mandatory(report, "server", Outcome.PASS) == []
    assert report.verdict.server is not Verdict.CONFORMANT
