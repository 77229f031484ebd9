"""The stage of a run: the implementations under test, what they claim, and the bounds that every scenario keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.clients.protocol import ClientIdentity, StorageClient
from conformance.imap.transcript import Transcript
from conformance.model.comparison import Lens
from conformance.model.equality import Equality
from conformance.model.states import SYSTEM_FLAGS
from conformance.servers.protocol import StorageServer
from conformance.spec import Role, ics_items


@dataclass(frozen=True, slots=True)
class Bounds:
    """The PIXIT values that bound a run.

    `synchronize` and `answer` are seconds for one synchronization and for one answer of the server. `runs` is how many
    synchronizations a client may need until both sides agree (A21). `period` is the number of seconds that a client is
    set to where it synchronizes periodically, `reaction` those within which a trigger starts a synchronization (A22).
    """

    synchronize: float = 30.0
    answer: float = 10.0
    runs: int = 2
    period: float = 0.5
    reaction: float = 5.0


@dataclass
class Stage:
    """The server and client under test for the length of a run."""

    server: StorageServer
    client: StorageClient | None
    identity: ClientIdentity | None = None
    overrides: Mapping[str, bool] = field(default_factory=dict)
    bounds: Bounds = field(default_factory=Bounds)
    output: Path | None = None
    secrets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.client is not None and self.identity is None:
            self.identity = self.client.hello()
        said = dict(self.identity.claims) if self.identity else {}
        self.claims = {Role.SERVER: self._claims(Role.SERVER, {}), Role.CLIENT: self._claims(Role.CLIENT, said)}

    def _claims(self, role: Role, said: Mapping[str, bool]) -> dict[str, bool]:
        defaults = {item.name: item.default == "yes" for item in ics_items() if role in item.roles}
        given = {**said, **self.declared(role)}
        return defaults | {name: claimed for name, claimed in given.items() if name in defaults}

    def declared(self, role: Role) -> dict[str, bool]:
        """The overrides that are about a role, by item; their keys are items, or `role:item`."""
        scoped = [(name.rpartition(":"), claimed) for name, claimed in self.overrides.items()]
        return {item: claimed for (scope, _, item), claimed in scoped if scope in ("", role.value)}

    @property
    def equality(self) -> Equality:
        """The equality that the client's adapter declares."""
        return self.identity.equality if self.identity else Equality.OCTETS

    def lens(self) -> Lens:
        r"""How snapshots are compared: a client that holds no keywords, or not every `\Flag`, is not judged by them."""
        claims = self.claims[Role.CLIENT]
        held = {flag.lower() for flag in SYSTEM_FLAGS} if claims.get("flags.system", True) else {"\\seen"}
        if claims.get("flags.read-report-sent", False):
            held.add("\\read-report-sent")
        keywords = claims.get("flags.keywords", True)
        return Lens(self.equality, lambda flag: flag.lower() in held or (keywords and not flag.startswith("\\")))

    def unclaimed(self, role: Role, items: tuple[str, ...]) -> str | None:
        """The first ICS item that the implementation in this role does not claim, None if it claims all."""
        return next((item for item in items if not self.claims[role].get(item, False)), None)

    @property
    def unclaimed_of_client(self) -> frozenset[str]:
        """The ICS items that the client does not claim."""
        return frozenset(item for item, claimed in self.claims[Role.CLIENT].items() if not claimed)

    def transcript(self) -> Transcript:
        """A new transcript that masks every secret of this run."""
        return Transcript(self.secrets)
