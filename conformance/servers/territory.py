"""What on an account of others is the suite's own, what is on the way to it, and what is somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from conformance.imap.data import list_data
from conformance.imap.errors import OperationRefused
from conformance.imap.names import Hierarchy, decode_name
from conformance.imap.session import StorageSession
from conformance.imap.syntax import octets_of
from conformance.imap.wire import Exchange, WireConnection
from conformance.model.folders import FolderPath
from conformance.servers.traces import is_of_here, lives, run_of


def personal_prefix(wire: WireConnection, session: StorageSession) -> FolderPath:
    """The levels that the personal namespace puts before every name, none where the server tells none (RFC 2342)."""
    answer = wire.command(b"NAMESPACE") if "NAMESPACE" in session.capabilities else None
    levels: FolderPath = ()
    for response in answer.named("NAMESPACE") if answer else ():
        personal = response.tokens[0] if response.tokens else None
        if isinstance(personal, tuple) and personal and isinstance(personal[0], tuple):
            prefix = decode_name(octets_of(personal[0][0]))
            levels = tuple(level for level in prefix.split(session.delimiter or "\0") if level)
    return levels


def top_of(wire: WireConnection, session: StorageSession, root: FolderPath) -> FolderPath:
    """The folder that a root names, in the personal namespace whether or not it says so; it need not be there."""
    prefix = personal_prefix(wire, session)
    return root if root[: len(prefix)] == prefix else (*prefix, *root)


def foreign_content(session: StorageSession, top: FolderPath) -> list[str]:
    """What is not the suite's, so that a client under test had better not be let at it.

    The levels of the top do not count, nor does INBOX, as long as no objects lie in them.
    """
    hierarchy = Hierarchy(session.delimiter)
    own = {top[:depth] for depth in range(1, len(top) + 1)} | {("INBOX",)}
    names = {each.name: hierarchy.path(each.name) or () for each in session.list_folders() if each.selectable}
    others = [name for name, path in names.items() if path not in own and run_of(path) is None]
    full = (name for name, path in names.items() if path in own and not holds_nothing(session, name))
    return sorted([*others, *(f"objects in {name}" for name in full)])


def left_by_dead_runs(session: StorageSession) -> list[str]:
    """The root folders of runs of this machine and user that did not end well, and of any other machine."""
    hierarchy = Hierarchy(session.delimiter)
    found = {run_of(hierarchy.path(each.name) or ()) for each in session.list_folders()}
    return sorted(hierarchy.name(each[1]) for each in found if each and not (is_of_here(each[0]) and lives(each[0])))


def subscriptions(answer: Exchange, hierarchy: Hierarchy) -> Iterator[tuple[bytes, FolderPath]]:
    """The names that LSUB answered, as the server spells them and as paths."""
    for response in answer.named("LSUB"):
        wire_name = list_data(response).wire_name
        yield wire_name, hierarchy.path(decode_name(wire_name)) or ()


def is_empty(session: StorageSession, name: str) -> bool:
    """Whether a folder is there, and neither objects nor folders lie in it."""
    return [each.name for each in session.list_folders(name)] == [name] and holds_nothing(session, name)


def holds_nothing(session: StorageSession, name: str) -> bool:
    """Whether no objects lie in a folder, which may be one that cannot hold any."""
    with suppress(OperationRefused):
        return session.status(name).messages == 0
    return True
