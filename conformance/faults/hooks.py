"""Where a fault takes hold: what it replaces in the reference server, or in and around the reference client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from conformance.reference.client.annotation_step import AnnotationStep
from conformance.reference.client.background import Background
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.reference.server.accounts import Account, Accounts
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.engine import COMMANDS, ServerConnection
from conformance.reference.server.session import Handler, Outcome, Session
from conformance.reference.server.store import Mailbox
from conformance.reference.server.view import MailboxView
from conformance.servers.reference import ReferenceStorageServer

Rewrite = Callable[[bytes], bytes]
Step = type[FolderStep] | type[ObjectStep] | type[AnnotationStep] | type[Synchronizer]


@dataclass(frozen=True)
class Hook:
    """What to replace in a reference server: classes, commands, or the octets that it sends."""

    account: type[Account] = Account
    mailbox: type[Mailbox] = Mailbox
    view: type[MailboxView] = MailboxView
    session: type[Session] = Session
    connection: type[ServerConnection] = ServerConnection
    commands: dict[str, Handler] = field(default_factory=dict)
    rewrite: Rewrite | None = None
    behaviour: Behaviour = field(default_factory=Behaviour)

    @property
    def removed(self) -> Hook:
        """The same server without the fault."""
        return Hook(behaviour=self.behaviour)


@dataclass(frozen=True)
class ClientHook:
    """What to replace in a reference client.

    That is its synchronization or a part of it, what lets it run by itself, or the octets that it sends and hears, in
    the pieces in which they come. `server` is what its server is like where the fault shows only there.
    """

    step: Step = Synchronizer
    background: type[Background] = Background
    sends: Rewrite | None = None
    hears: Rewrite | None = None
    server: Hook = field(default_factory=Hook)

    @property
    def synchronizer(self) -> type[Synchronizer]:
        """The synchronization with this step in it."""
        if issubclass(self.step, Synchronizer):
            return self.step
        parts = {FolderStep: "folder_step", ObjectStep: "object_step", AnnotationStep: "annotation_step"}
        part = next(name for kind, name in parts.items() if issubclass(self.step, kind))
        own = cast("dict[str, Any]", getattr(self.step, "beside", {}))
        return cast("type[Synchronizer]", type(self.step.__name__, (Synchronizer,), {**own, part: self.step}))

    @property
    def removed(self) -> ClientHook:
        """The client without the fault, before the same server."""
        return ClientHook(server=self.server)


def faulty(fault: Hook) -> ReferenceStorageServer:
    """A server under test with this fault."""
    account = type("FaultyAccount", (fault.account,), {"mailbox_class": fault.mailbox})
    accounts = type("FaultyAccounts", (Accounts,), {"account_class": account})(fault.behaviour)
    session = type("FaultySession", (fault.session,), {"view_class": fault.view})
    parts = {"session_class": session, "rewrite": staticmethod(fault.rewrite or bytes)}
    connection = type("FaultyConnection", (_Rewriting, fault.connection), parts)
    commands = dict(COMMANDS) | {name: replace(COMMANDS[name], handler=each) for name, each in fault.commands.items()}
    server = ReferenceServer(fault.behaviour, accounts=accounts, connection=partial(connection, commands=commands))
    return ReferenceStorageServer(server)


class _Rewriting(ServerConnection):
    """Sends other octets than the server means to."""

    rewrite: Rewrite

    def receive(self, data: bytes) -> bytes:
        return self.rewrite(super().receive(data))

    def pending(self) -> bytes:
        return self.rewrite(super().pending())


def answers_ok(_session: Session, _arguments: Arguments) -> Outcome:
    """A command that does nothing and says OK."""
    return None


def replacing(old: bytes, new: bytes) -> Rewrite:
    """Sends `new` for every `old`."""
    return lambda octets: octets.replace(old, new)


def dropping(fragment: bytes) -> Rewrite:
    """Leaves out the lines that hold a fragment."""
    return lambda octets: b"".join(line for line in octets.splitlines(keepends=True) if fragment not in line)
