"""The reference storage server: a sans-I/O IMAP4rev1 engine over an in-memory store, and a loopback server for it."""

from conformance.reference.server.accounts import Account, Accounts
from conformance.reference.server.behaviour import ALL_EXTENSIONS, Behaviour
from conformance.reference.server.engine import COMMANDS, ServerConnection
from conformance.reference.server.server import ReferenceServer

__all__ = ["ALL_EXTENSIONS", "COMMANDS", "Account", "Accounts", "Behaviour", "ReferenceServer", "ServerConnection"]
