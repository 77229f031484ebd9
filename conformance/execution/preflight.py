"""The checks of `doctor`: whether server and client can be driven at all, and whether their adapters tell the truth.

What stands on the account is only looked at. Rights are tried in a root folder of the suite's own, which goes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial

from conformance.clients.registry import open_client
from conformance.configuration import Configuration, Roles
from conformance.execution.honesty import FOLDER, questions
from conformance.execution.looks import ServerLooks
from conformance.execution.opening import locations, require_no_foreign_content
from conformance.execution.simulation import client_within_reach
from conformance.imap.errors import ImapProblem
from conformance.imap.memory import MemoryEndpoint
from conformance.imap.transcript import Transcript
from conformance.outcomes import Frozen
from conformance.problems import Problem
from conformance.scenario.content import item
from conformance.scenario.stage import Bounds, Stage
from conformance.scenario.store import ServerStore
from conformance.servers.location import Location
from conformance.servers.protocol import Account, StorageServer
from conformance.servers.registry import is_url, open_server
from conformance.servers.remote import RemoteServer
from conformance.servers.territory import foreign_content, left_by_dead_runs, top_of

LARGEST_SKEW = 300.0
"""Seconds by which the server's clock may be off."""
_RIGHTS = "the account needs the rights to create, fill and remove folders below the root"


class Check(Frozen):
    """One line of the doctor: what was looked at, what was seen, and the mend if it is not as needed."""

    name: str
    ok: bool
    detail: str
    mend: str = ""


class _Ill(Exception):
    """A check did not go well; whatever stands on it is not looked at."""


class _Examination:
    """The checks so far; `of` stands behind their names, where several accounts are examined."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.checks: list[Check] = []
        self.of = ""

    @property
    def bounds(self) -> Bounds:
        said = self.configuration
        return Bounds(said.synchronize_timeout, said.answer_timeout, said.runs_to_converge)

    def check(self, name: str, look: Callable[[], str], mend: str = "", *, needed: bool = True) -> None:
        name = f"{name}{self.of}"
        try:
            self.checks.append(Check(name=name, ok=True, detail=look()))
        except Problem as problem:
            self._ill(Check(name=name, ok=False, detail=problem.text, mend=problem.mend or mend), needed=needed)
        except (ImapProblem, OSError, LookupError, ValueError) as problem:
            self._ill(Check(name=name, ok=False, detail=str(problem), mend=mend), needed=needed)

    def _ill(self, check: Check, *, needed: bool) -> None:
        self.checks.append(check)
        if needed:
            raise _Ill


def examine(configuration: Configuration, *, read_only: bool = False) -> Iterator[Check]:
    """Look at everything in the order in which one thing stands on another; stops at the first that is needed and ill.

    With `read_only` nothing is changed, and nothing that would need a change is looked at. Raises `UsageProblem`.
    """
    examination = _Examination(configuration)
    examine_it = _examine_running if is_url(configuration.server) else _examine_private
    with suppress(_Ill), ExitStack() as opened:
        examine_it(examination, opened, read_only=read_only)
        examination.of = ""
        examination.check("everything ends again", lambda: _done(opened.close))
    yield from examination.checks


def _examine_running(examination: _Examination, opened: ExitStack, *, read_only: bool) -> None:
    """A server given by its URL: each account is looked at before anything is created there."""
    places = locations(examination.configuration)
    for location in places:
        examination.of = f" ({location.credentials.user})" if len(places) > 1 else ""
        _look_at(examination, location, holds_others=True)
        if not read_only:
            server = RemoteServer(location, examination.bounds.answer)
            account = _account(examination, opened, server)
            _examine_rights(examination, opened, account)
            if location is places[-1]:
                _examine_client(examination, opened, server)


def _examine_private(examination: _Examination, opened: ExitStack, *, read_only: bool) -> None:
    """A server that the suite starts, where every account is thrown away afterwards."""
    said = examination.configuration
    server = open_server(said.server, said.server_options)
    account = _account(examination, opened, server)
    if not isinstance(account.endpoint, MemoryEndpoint):
        _look_at(examination, Location(account.endpoint, account.credentials), holds_others=False)
    if not read_only:
        _examine_rights(examination, opened, account)
        _examine_client(examination, opened, server)


def _look_at(examination: _Examination, location: Location, *, holds_others: bool) -> None:
    with ExitStack() as opened:
        looks = ServerLooks(location, examination.bounds.answer, opened)
        for each in looks.looks():
            examination.check(each.name, each.see, each.mend, needed=each.needed)
        if holds_others:
            examination.check("folders of others", lambda: _others(examination.configuration, looks), needed=False)
            examination.check("folders of killed runs", lambda: _leftovers(looks), needed=False)


def _others(said: Configuration, looks: ServerLooks) -> str:
    """What is not the suite's keeps no test case of a server from running, but every one of a client."""
    foreign = foreign_content(looks.session, top_of(looks.wire, looks.session, looks.location.root))
    if said.client != "none" and said.role is not Roles.SERVER:
        require_no_foreign_content(foreign, looks.location)
    return f"{len(foreign)}, which the suite leaves alone" if foreign else "none, and no objects"


def _leftovers(looks: ServerLooks) -> str:
    found = left_by_dead_runs(looks.session)
    return f"{len(found)}; `cpm-conformance clean` removes what is left" if found else "none"


def _account(examination: _Examination, opened: ExitStack, server: StorageServer) -> Account:
    accounts: list[Account] = []

    def make() -> str:
        opened.enter_context(server)
        accounts.append(server.fresh_account())
        opened.callback(server.release, accounts[0])
        root = "/".join(accounts[0].root)
        told = f"{root}, which goes again" if root else f"user {accounts[0].credentials.user}"
        return f"{told}, on {server.identify()}"

    examination.check("an account or root folder of our own", make, _RIGHTS)
    return accounts[0]


def _examine_rights(examination: _Examination, opened: ExitStack, account: Account) -> None:
    transcript = Transcript(examination.configuration.secrets())
    store = opened.enter_context(ServerStore(account, transcript, examination.bounds.answer))
    one = item("doctor-1")
    for name, act in (
        ("right to create a folder", lambda: store.create_folder(FOLDER)),
        ("right to store an object", lambda: store.put(FOLDER, one)),
    ):
        examination.check(name, partial(_done, act), _RIGHTS)
    examination.check("objects come back as stored", lambda: _intact(store))
    mend = "set the clock of one of the machines, best by NTP: dates of objects are those of the server"
    examination.check("clock", lambda: _clock(store), mend, needed=False)
    for name, act in (
        ("right to mark an object", lambda: store.set_flags(FOLDER, one, ["\\Seen"], [])),
        ("right to remove an object", lambda: store.remove(FOLDER, one)),
        ("right to remove a folder", lambda: store.remove_folder(FOLDER)),
    ):
        examination.check(name, partial(_done, act), _RIGHTS)


def _done(act: Callable[[], None]) -> str:
    act()
    return "done"


def _intact(store: ServerStore) -> str:
    octets = [each.octets for path, each in store.snapshot().objects() if path == FOLDER]
    if octets != [item("doctor-1").content.octets]:
        raise LookupError(f"one object was stored, {len(octets)} came back, or with other octets")
    return "octet for octet"


def _clock(store: ServerStore) -> str:
    """What the server took for now when it was given an object without a date (RFC 3501 6.3.11)."""
    store.observer.set_active_folder(store.name(FOLDER), read_only=True)
    uids = [each.uid for each in store.observer.list_objects()]
    dates = [each.internal_date for each in store.observer.fetch_objects(uids)]
    store.observer.leave_folder()
    if not dates or dates[0] is None:
        raise LookupError("the server tells no date of an object that was just stored")
    skew = (dates[0] - datetime.now(UTC)).total_seconds()
    told = f"{abs(skew):.0f} s {'before' if skew > 0 else 'behind'} ours"
    if abs(skew) > LARGEST_SKEW:
        raise LookupError(f"the server's is {told}")
    return told


def _examine_client(examination: _Examination, opened: ExitStack, server: StorageServer) -> None:
    """The client, if there is one, and whether its adapter tells the truth."""
    said = examination.configuration
    stages: list[Stage] = []

    def start() -> str:
        client = client_within_reach(server, open_client(said.client, said.client_options))
        if client is not None:
            opened.enter_context(client)
        stages.append(Stage(server, client, bounds=examination.bounds, secrets=said.secrets()))
        identity = stages[0].identity
        return f"{identity.name} {identity.version}" if identity else "there is no client"

    examination.check("client introduces itself", start)
    for question, ask in questions(stages[0]) if stages[0].client is not None else ():
        examination.check(question, ask)
