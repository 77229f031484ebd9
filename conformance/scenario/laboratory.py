"""Laboratory servers: the client under test before a server that behaves in one unusual, legal way.

Few servers show every freedom that the standard leaves them, so the embedded reference server stands in for the one
under test. It is equipment: only the client is judged.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace

from conformance.imap.names import encode_name
from conformance.imap.transcript import Transcript
from conformance.model.folders import FolderPath, display
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.scenario.judge import Judge
from conformance.scenario.scenario import Scenario
from conformance.scenario.stage import Stage
from conformance.servers.protocol import Account
from conformance.servers.reference import ReferenceStorageServer
from conformance.servers.simulation import SimulatedServer


class _BelowRoot(ReferenceStorageServer):
    """A server whose accounts begin at a folder, as below a namespace prefix."""

    root: FolderPath = ()

    def fresh_account(self) -> Account:
        return replace(super().fresh_account(), root=self.root)


class _InMemory(_BelowRoot, SimulatedServer):
    """The same for a run that has no sockets."""


@dataclass
class Laboratory:
    """Opens scenarios before servers of a given behaviour; all are closed with `resources`."""

    stage: Stage
    judge: Judge
    transcript: Transcript
    resources: ExitStack

    def open(self, behaviour: Behaviour | None = None, root: FolderPath = ()) -> LaboratoryScenario:
        """A scenario with a fresh account on a server that behaves so; its folders lie below `root`."""
        behaviour = behaviour or Behaviour()
        kind = _InMemory if isinstance(self.stage.server, SimulatedServer) else _BelowRoot
        server = self.resources.enter_context(kind(ReferenceServer(behaviour)))
        server.root = root
        self.judge.step(f"before a server of the suite: {_told(behaviour, root)}")
        scenario = LaboratoryScenario(replace(self.stage, server=server), self.judge, self.transcript, server)
        return self.resources.enter_context(scenario)


class LaboratoryScenario(Scenario):
    """A scenario that can also change the server itself."""

    def __init__(self, stage: Stage, judge: Judge, transcript: Transcript, server: ReferenceStorageServer) -> None:
        super().__init__(stage, judge, transcript)
        self._server = server.server

    def set_quota(self, octets: int | None) -> None:
        """Bound what the account can hold, or lift the bound."""
        self._server.set_quota(self.account.credentials.user, octets)
        told = "lift the quota" if octets is None else f"a quota of {octets} octets"
        self.judge.step(f"on the server: {told}")

    def set_read_only(self, path: FolderPath, *, read_only: bool) -> None:
        """Forbid changes in a folder, or allow them again."""
        name = encode_name(self.store.name(path)).decode("ascii")
        self._server.set_read_only(self.account.credentials.user, name, read_only)
        now = "read-only" if read_only else "no longer read-only"
        self.judge.step(f"on the server: folder {display(path)} is {now}")


def _told(behaviour: Behaviour, root: FolderPath) -> str:
    usual = Behaviour()
    changed = [
        f"{name} {getattr(behaviour, name)!r}"
        for name in Behaviour.__dataclass_fields__
        if name != "extensions" and getattr(behaviour, name) != getattr(usual, name)
    ]
    changed += [f"without {name}" for name in sorted(usual.extensions - behaviour.extensions)]
    changed += [f"all folders below {'/'.join(root)}"] if root else []
    return ", ".join(changed) or "of the usual behaviour"
