"""Controls: implementations whose judgement is known beforehand, because they are right, do nothing, or lie."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial

from conformance.cases.registry import declarations
from conformance.clients.protocol import StorageClient
from conformance.clients.simulation import SimulatedClient
from conformance.configuration import Profile
from conformance.faults.hooks import Hook, answers_ok, faulty
from conformance.faults.implementations import BOUNDS, in_memory
from conformance.faults.legal_clients import LEGAL_CLIENTS, LegalClient
from conformance.faults.legal_servers import LEGAL_SERVERS
from conformance.faults.null import NullClient, NullServer
from conformance.faults.results import Checked
from conformance.faults.trial import Run, run
from conformance.outcomes import CaseResult, Outcome
from conformance.scenario.stage import Stage
from conformance.servers.protocol import StorageServer
from conformance.spec import Level, Role, requirement


class Expected(StrEnum):
    """What has to become of a control."""

    NOTHING_WRONG = "no test case finds anything wrong"
    NOTHING_FAILS = "no test case fails or warns"
    NOTHING_ESTABLISHED = "no mandatory requirement passes"
    FAILED = "a mandatory requirement fails"


def _right_server() -> StorageServer:
    return in_memory(Hook())


def _no_client() -> StorageClient | None:
    return None


@dataclass(frozen=True)
class Control:
    """An implementation in a role, and what has to become of it.

    Where it is `scripted`, the cases that draw at random are left out; of the others `share` takes a part. `runs` is
    how many synchronizations a client may need until both sides agree; on what is `unsettled` it may be warned.
    """

    sentence: str
    role: Role
    expected: Expected
    server: Callable[[], StorageServer] = _right_server
    client: Callable[[], StorageClient | None] = _no_client
    claims: dict[str, bool] = field(default_factory=dict)
    scripted: bool = True
    share: int | None = None
    runs: int = 2
    unsettled: frozenset[str] = frozenset()

    @property
    def selection(self) -> tuple[str, ...]:
        """The test cases that are run."""
        role = [name for name, each in declarations().items() if each.role is self.role]
        chosen = [name for name in role if not (self.scripted and _is_costly(name))]
        return tuple(chosen if self.share is None else chosen[self.share :: _SHARES])


def _is_costly(case: str) -> bool:
    return case.startswith("random-") or case == "cut-at-every-point"


def _lying() -> StorageServer:
    """A server that claims all extensions and answers OK to their commands without doing anything."""
    names = ("UID EXPUNGE", "MOVE", "UID MOVE", "ENABLE", "SETMETADATA", "GETMETADATA", "UNSELECT", "NAMESPACE")
    return in_memory(Hook(commands=dict.fromkeys(names, answers_ok)))


CONTROLS: dict[str, Control] = {
    "reference-server": Control("The reference server is right.", Role.SERVER, Expected.NOTHING_WRONG, scripted=False),
    "reference-client": Control(
        "The reference client is right.", Role.CLIENT, Expected.NOTHING_WRONG, client=SimulatedClient, scripted=False
    ),
    "null-server": Control(
        "A server that answers OK to everything and keeps nothing.",
        Role.SERVER,
        Expected.NOTHING_ESTABLISHED,
        NullServer,
    ),
    "null-client": Control(
        "A client that does nothing and calls that a success.",
        Role.CLIENT,
        Expected.NOTHING_ESTABLISHED,
        client=NullClient,
    ),
    "lying-server": Control(
        "A server that claims extensions and does nothing of them.", Role.SERVER, Expected.FAILED, _lying
    ),
}
_SHARES = 16
"""Among how many variants the cases are shared out: each is held to a part, and all of them together to every case."""


def _legal() -> Iterator[tuple[str, Control]]:
    for number, (name, server) in enumerate(LEGAL_SERVERS.items()):
        yield (
            f"legal-server-{name}",
            Control(
                server.sentence,
                Role.SERVER,
                Expected.NOTHING_FAILS,
                server.open,
                share=number % _SHARES,
                unsettled=frozenset(server.unsettled),
            ),
        )
    for number, (name, client) in enumerate(LEGAL_CLIENTS.items()):
        yield (
            f"legal-client-{name}",
            Control(
                client.sentence,
                Role.CLIENT,
                Expected.NOTHING_FAILS,
                partial(_beside, client),
                client.open,
                dict(client.claims),
                share=number % _SHARES,
                runs=client.runs,
                unsettled=frozenset(client.unsettled),
            ),
        )


def _beside(client: LegalClient) -> StorageServer:
    return faulty(client.hook.server) if client.on_loopback else in_memory(client.hook.server)


CONTROLS |= dict(_legal())


def check(name: str, control: Control) -> Checked:
    """Run a control."""
    begun = time.monotonic()
    with ExitStack() as up:
        server, client = control.server(), control.client()
        here = up.enter_context(server), up.enter_context(client) if client else None
        stage = Stage(*here, overrides=control.claims, bounds=replace(BOUNDS, runs=control.runs))
        seen = run(stage, control.role, control.selection, Profile.QUICK)
    wrong = _WRONG[control.expected](seen, control.unsettled)
    seconds = round(time.monotonic() - begun, 2)
    return Checked(control=name, sentence=control.sentence, holds=not wrong, observed=wrong, seconds=seconds)


def _finds_anything(seen: Run, _: frozenset[str]) -> str:
    found = [each for each in seen.cases.values() if each.outcome not in _QUIET]
    return _told(found) if found or not seen.cases else ""


_QUIET = (Outcome.PASS, Outcome.NOT_APPLICABLE)


def _fails_anything(seen: Run, unsettled: frozenset[str]) -> str:
    bad = (Outcome.FAIL, Outcome.WARN)
    wrong = {
        case.id
        for case in seen.cases.values()
        for each in case.findings
        if each.outcome is Outcome.FAIL or (each.outcome in bad and each.requirement not in unsettled)
    }
    found = [each for each in seen.cases.values() if each.id in wrong or each.outcome is Outcome.ERROR]
    return _told(found) if found or not seen.cases else ""


def _establishes_anything(seen: Run, _: frozenset[str]) -> str:
    judged: dict[str, set[Outcome]] = {}
    for case in seen.cases.values():
        for each in case.findings:
            judged.setdefault(each.requirement, set()).add(each.outcome)
    passed = [each for each, outcomes in judged.items() if outcomes == {Outcome.PASS} and _is_mandatory(each)]
    return f"passed: {', '.join(sorted(passed))}" if passed else ""


def _fails_nothing(seen: Run, _: frozenset[str]) -> str:
    findings = [each for case in seen.cases.values() for each in case.findings]
    failed = any(each.outcome is Outcome.FAIL and _is_mandatory(each.requirement) for each in findings)
    return "" if failed else "nothing failed"


_WRONG: dict[Expected, Callable[[Run, frozenset[str]], str]] = {
    Expected.NOTHING_WRONG: _finds_anything,
    Expected.NOTHING_FAILS: _fails_anything,
    Expected.NOTHING_ESTABLISHED: _establishes_anything,
    Expected.FAILED: _fails_nothing,
}


def _is_mandatory(name: str) -> bool:
    return requirement(name).level is Level.MANDATORY


def _told(found: list[CaseResult]) -> str:
    if not found:
        return "no test case was run"
    return "; ".join(f"{each.id}: {each.outcome.value}: {each.observed or each.error}" for each in found[:5])
