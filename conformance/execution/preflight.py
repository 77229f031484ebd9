"""The checks of `doctor`: whether server and client can be driven at all, and whether their adapters tell the truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

from conformance.clients.registry import open_client
from conformance.configuration import Configuration
from conformance.execution.honesty import FOLDER, questions
from conformance.imap.errors import ImapProblem
from conformance.outcomes import Frozen
from conformance.problems import Problem
from conformance.scenario.content import item
from conformance.scenario.stage import Bounds, Stage
from conformance.scenario.store import ServerStore
from conformance.servers.protocol import Account
from conformance.servers.registry import open_server


class Check(Frozen):
    """One line of the doctor: what was looked at, what was seen, and the mend if it is not as needed."""

    name: str
    ok: bool
    detail: str
    mend: str = ""


class _Ill(Exception):
    """A check did not go well; whatever stands on it is not looked at."""


class _Examination:
    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.checks: list[Check] = []

    def check(self, name: str, look: Callable[[], str], mend: str = "") -> None:
        try:
            self.checks.append(Check(name=name, ok=True, detail=look()))
        except Problem as problem:
            self.checks.append(Check(name=name, ok=False, detail=problem.text, mend=problem.mend or mend))
            raise _Ill from problem
        except (ImapProblem, OSError, LookupError, ValueError) as problem:
            self.checks.append(Check(name=name, ok=False, detail=str(problem), mend=mend))
            raise _Ill from problem


def examine(configuration: Configuration) -> Iterator[Check]:
    """Look at everything in the order in which one thing stands on another; stops at the first that is not well."""
    examination = _Examination(configuration)
    with suppress(_Ill), ExitStack() as opened:
        stage = _examine_server(examination, opened)
        if stage.client is not None:
            _examine_client(examination, stage)
        examination.check("everything ends again", lambda: _done(opened.close))
    yield from examination.checks


def _examine_server(examination: _Examination, opened: ExitStack) -> Stage:
    said = examination.configuration
    stages: list[Stage] = []
    accounts: list[Account] = []

    def start() -> str:
        client = open_client(said.client, said.client_options)
        server = opened.enter_context(open_server(said.server, said.server_options))
        if client is not None:
            opened.enter_context(client)
        bounds = Bounds(said.synchronize_timeout, said.answer_timeout, said.runs_to_converge)
        stages.append(Stage(server, client, bounds=bounds, secrets=said.secrets()))
        return server.identify()

    examination.check("server is reached and lets us in", start)
    stage = stages[0]

    def account() -> str:
        accounts.append(stage.server.fresh_account())
        opened.callback(stage.server.release, accounts[0])
        return f"user {accounts[0].credentials.user}"

    examination.check("an account or root folder of our own", account)
    store = opened.enter_context(ServerStore(accounts[0], stage.transcript(), stage.bounds.answer))
    rights = "the account needs the rights to create, fill and remove folders below the root"
    examination.check("capabilities", lambda: " ".join(sorted(store.observer.capabilities)))
    examination.check("hierarchy delimiter", lambda: repr(store.observer.delimiter))
    examination.check("right to create a folder", lambda: _done(lambda: store.create_folder(FOLDER)), rights)
    examination.check("right to store an object", lambda: _done(lambda: store.put(FOLDER, item("doctor-1"))), rights)
    examination.check("objects come back as stored", lambda: _intact(store))
    examination.check("speed", lambda: _speed(store))
    examination.check("right to remove a folder", lambda: _done(lambda: store.remove_folder(FOLDER)), rights)
    return stage


def _done(act: Callable[[], None]) -> str:
    act()
    return "done"


def _intact(store: ServerStore) -> str:
    octets = [each.octets for path, each in store.snapshot().objects() if path == FOLDER]
    if octets != [item("doctor-1").content.octets]:
        raise LookupError(f"one object was stored, {len(octets)} came back, or with other octets")
    return "octet for octet"


def _speed(store: ServerStore) -> str:
    start = time.perf_counter()
    for _ in range(10):
        store.observer.noop()
    return f"{(time.perf_counter() - start) * 100:.1f} ms for a NOOP"


def _examine_client(examination: _Examination, stage: Stage) -> None:
    identity = stage.identity
    told = f"{identity.name} {identity.version}" if identity else ""
    examination.check("client introduces itself", lambda: told)
    for question, ask in questions(stage):
        examination.check(question, ask)
