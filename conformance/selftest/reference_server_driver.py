"""Drive the reference server without sockets: send a command, get its answer cut into responses."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from conformance.imap.endpoint import Credentials
from conformance.reference.server import Behaviour, ReferenceServer, ServerConnection

MESSAGE = b"From: a@example.org\r\nSubject: one\r\n\r\nHello\r\n"
_LITERAL = re.compile(rb"\{(\d+)\}\Z")


@dataclass(frozen=True, slots=True)
class Answer:
    """Untagged responses without `* ` and line ends, and the tagged status with its text."""

    untagged: list[bytes]
    status: str
    text: str

    @property
    def ok(self) -> bool:
        return self.status == "OK"

    def named(self, word: bytes) -> list[bytes]:
        """The untagged responses with this word in first or second place."""
        return [line for line in self.untagged if word in line.split(b" ", 2)[:2]]

    def code(self, name: str) -> int:
        """The number of an untagged `OK [NAME n]`."""
        found = [re.match(rb"OK \[%b (\d+)\]" % name.encode(), line) for line in self.untagged]
        return next(int(match[1]) for match in found if match)

    def exists(self) -> int:
        """The number of the last EXISTS."""
        return int(self.named(b"EXISTS")[-1].split()[0])


def responses(raw: bytes) -> list[bytes]:
    """Cut octets of a server into whole responses, literals included."""
    found: list[bytes] = []
    start = position = 0
    while position < len(raw):
        end = raw.index(b"\r\n", position)
        position = end + 2
        match = _LITERAL.search(raw, start, end)
        if match:
            position += int(match[1])
        else:
            found.append(raw[start:end])
            start = position
    return found


class Driver:
    """One client: strict about tags, easy about everything else."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self._tags = (b"t%d" % number for number in itertools.count(1))

    def send(self, command: bytes | str) -> Answer:
        """Send one command, `{n+}` literals included, and return its answer."""
        tag = next(self._tags)
        octets = command.encode() if isinstance(command, str) else command
        found = responses(self.connection.receive(tag + b" " + octets + b"\r\n"))
        *untagged, last = found
        got, status, text = last.split(b" ", 2)
        assert got == tag, f"answer {last!r} to the command with tag {tag!r}"
        assert all(line.startswith(b"* ") for line in untagged), untagged
        return Answer([line[2:] for line in untagged], status.decode(), text.decode())

    def ok(self, command: bytes | str) -> Answer:
        """Send a command that must succeed."""
        answer = self.send(command)
        assert answer.ok, f"{command!r}: {answer}"
        return answer

    def append(self, folder: str = "INBOX", message: bytes = MESSAGE, options: str = "") -> Answer:
        """APPEND one message; `options` are flags and date as they stand on the wire."""
        head = f'APPEND "{folder}" {options + " " if options else ""}'.encode()
        return self.send(head + b"{%d+}\r\n" % len(message) + message)

    def fetch(self, numbers: str, items: str) -> list[bytes]:
        """The FETCH responses to a command that must succeed."""
        return self.ok(f"FETCH {numbers} {items}").named(b"FETCH")

    def flags(self, uid: int) -> set[str]:
        r"""The flags of one message, without `\Recent`."""
        (line,) = self.ok(f"UID FETCH {uid} FLAGS").named(b"FETCH")
        match = re.search(rb"FLAGS \(([^)]*)\)", line)
        assert match
        return set(match[1].decode().split()) - {"\\Recent"}

    def uids(self) -> list[int]:
        """The UIDs of the selected folder in order of their numbers."""
        return [int(number) for number in self.ok("UID SEARCH ALL").named(b"SEARCH")[0].split()[1:]]


class Site:
    """A server, not started, with one account; `driver()` gives sessions logged in to it."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.server = ReferenceServer(behaviour)
        self.credentials: Credentials = self.server.add_account("user", "secret")

    def driver(self, folder: str | None = None) -> Driver:
        """A session logged in, with a folder selected if one is named."""
        driver = Driver(self.server.connect())
        driver.ok("LOGIN user secret")
        if folder is not None:
            driver.ok(f'SELECT "{folder}"')
        return driver
