"""A desk for trials of client adapters: a client at work on a fresh account, and an independent look at the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from imapclient import IMAPClient

from conformance.clients.protocol import StorageClient
from conformance.model.equality import Equality
from conformance.model.folders import FolderPath
from conformance.model.states import ObservedObject
from conformance.servers.protocol import StorageServer

BOUND = 20.0
DEEP: FolderPath = ("Grüße & more", "日本 x", "d")
FOLDER: FolderPath = ("a",)


class Desk:
    """A client at work on a fresh account, and an independent look at the server."""

    def __init__(self, server: StorageServer, client: StorageClient, root: FolderPath = ()) -> None:
        self.account = replace(server.fresh_account(), root=root)
        self.client = client
        endpoint = self.account.endpoint
        self.imap = IMAPClient(endpoint.host, endpoint.port, ssl=False)
        self.imap.login(self.account.credentials.user, self.account.credentials.password)
        self.delimiter: str = self.imap.list_folders()[0][1].decode()
        client.reset(self.account)

    def close(self) -> None:
        """End the look at the server."""
        self.imap.logout()

    def synchronize(self) -> None:
        """One synchronization that must be a success by the program's own word."""
        result = self.client.synchronize(BOUND)
        assert result.success, result.detail

    def name(self, path: FolderPath) -> str:
        """The server's name of a folder."""
        return self.delimiter.join((*self.account.root, *path))

    def store(self, path: FolderPath, octets: bytes, *flags: str) -> None:
        """Store an object on the server, in a folder that is made if need be."""
        if not self.imap.folder_exists(self.name(path)):
            self.imap.create_folder(self.name(path))
        self.imap.append(self.name(path), octets, flags)

    def on_server(self, path: FolderPath) -> list[tuple[bytes, frozenset[bytes]]]:
        """Octets and flags of the objects in a folder of the server."""
        self.imap.select_folder(self.name(path), readonly=True)
        found = self.imap.search()
        fetched = self.imap.fetch(found, ["BODY.PEEK[]", "FLAGS"]) if found else {}
        self.imap.unselect_folder()
        return [(fetched[uid][b"BODY[]"], frozenset(fetched[uid][b"FLAGS"]) - {rb"\Recent"}) for uid in found]

    def change(self, path: FolderPath, act: Callable[[list[int]], object]) -> None:
        """Change the objects of a folder on the server."""
        self.imap.select_folder(self.name(path))
        act(self.imap.search())
        self.imap.unselect_folder()

    def local(self, path: FolderPath) -> tuple[ObservedObject, ...]:
        """The objects of a folder of local storage."""
        return self.client.snapshot().folders[path]


def same(one: bytes, other: bytes) -> bool:
    """Whether the two are one object, an added header apart."""
    return Equality.MIME.identity(one) == Equality.MIME.identity(other)
