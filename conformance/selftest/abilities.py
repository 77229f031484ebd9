"""What a server's adapter says that it can do to the server, tried: the same for every adapter."""

from __future__ import annotations

import pytest

from conformance.imap.errors import OperationRefused
from conformance.imap.session import StorageSession
from conformance.servers.protocol import Account, StorageServer

OBJECT = b"From: a@example.org\r\nSubject: one\r\n\r\nbody\r\n"


def log_in(account: Account) -> StorageSession:
    """A session of the account's user."""
    return StorageSession.open(account.endpoint, account.credentials)


def limit(server: StorageServer) -> None:
    """QUOTA: what fits is stored, also right after a login, and what does not is refused."""
    account = server.fresh_account()
    with log_in(account) as session:
        session.create_folder("a")
    server.set_quota(account, 5 * 1024)
    with log_in(account) as session:
        session.store_object("a", OBJECT)
        with pytest.raises(OperationRefused):
            session.store_object("a", OBJECT + b"x" * 8 * 1024)


def renew(server: StorageServer, account: Account, folder: str) -> None:
    """NEW_UID_VALIDITY: the new one is greater, and the folder keeps its object."""
    with log_in(account) as session:
        before = session.set_active_folder(folder).uid_validity
    server.renew_uid_validity(account, folder)
    with log_in(account) as session:
        active = session.set_active_folder(folder)
        assert (active.uid_validity or 0) > (before or 0)
        assert active.exists == 1
