"""Whether a client's adapter tells the truth: asked by `doctor`, and before every run that judges a client.

No verdict rests on the answers; an adapter that does not pass is a problem of its own, never a failure of the client.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from conformance.clients.protocol import (
    AdapterCannot,
    ClientTimeout,
    RefusingClient,
    SyncResult,
    observes_local_storage,
)
from conformance.imap.transcript import Transcript
from conformance.model.folders import FolderPath
from conformance.problems import AdapterProblem
from conformance.scenario.conduct import sent
from conformance.scenario.content import item
from conformance.scenario.judge import Judge, NotApplicable, PreconditionNotReached
from conformance.scenario.scenario import Scenario
from conformance.scenario.stage import Stage
from conformance.servers.reference import ReferenceStorageServer
from conformance.spec import requirement

FOLDER: FolderPath = ("doctor",)
UNKNOWN, NOT_THERE = "no-such-operation", "no-such-object"
_LOGINS = ("LOGIN", "AUTHENTICATE")
_UNSEEN = "cannot be asked: nobody but the tester sees local storage"
_MEND = "mend the client's adapter; `cpm-conformance doctor` looks at it in the same way"


def questions(stage: Stage) -> tuple[tuple[str, Callable[[], str]], ...]:
    """What is asked, and how; an answer that is not as it should be is raised as `LookupError`."""
    return (
        ("an unknown operation is refused", lambda: _answered(_refuses, stage)),
        ("local storage shows what was put into it", lambda: _answered(_shows, stage)),
        ("synchronize reaches the given account", lambda: _answered(_reaches, stage)),
    )


def _answered(ask: Callable[[Stage], str], stage: Stage) -> str:
    try:
        return ask(stage)
    except NotApplicable as answer:
        return f"not asked: {answer}"
    except (AdapterCannot, PreconditionNotReached) as answer:
        raise LookupError(str(answer)) from answer


def require_honesty(stage: Stage) -> None:
    """Ask everything before a server of the suite, whatever server is under test. Raises `AdapterProblem`."""
    with ReferenceStorageServer() as server:
        for question, ask in questions(replace(stage, server=server)):
            try:
                ask()
            except LookupError as answer:
                raise AdapterProblem(f"{question}? {answer}", _MEND) from answer


def _scenario(stage: Stage) -> Scenario:
    return Scenario(stage, Judge(requirement, ""), Transcript(stage.secrets))


def _refuses(stage: Stage) -> str:
    if isinstance(stage.client, RefusingClient):
        if not stage.client.refuses(UNKNOWN):
            raise LookupError(f"the operation {UNKNOWN}, which nobody knows, was answered as if it were done")
        return f"{UNKNOWN} is"
    if stage.client is None or not observes_local_storage(stage.client):
        return _UNSEEN
    with _scenario(stage) as scenario:
        scenario.on_client.create_folder(FOLDER)
        try:
            scenario.client.remove(FOLDER, NOT_THERE)
        except Exception as refusal:
            # However an adapter says no is well: what counts is that it does not say yes.
            return f"the removal of an object that is not there is: {type(refusal).__name__}"
    raise LookupError("the removal of an object that is not there was told to be done")


def _shows(stage: Stage) -> str:
    if stage.client is None or not observes_local_storage(stage.client):
        return _UNSEEN
    with _scenario(stage) as scenario:
        put = item("doctor-1")
        scenario.on_client.put(FOLDER, put)
        identity = stage.equality.identity
        seen = [identity(each.octets) for each in scenario.client.snapshot().folders.get(FOLDER, ())]
        if seen != [identity(put.content.octets)]:
            raise LookupError(f"one object was put, the snapshot shows {len(seen)}, or one with other octets")
    return "yes"


def _reaches(stage: Stage) -> str:
    with _scenario(stage) as scenario:
        run = scenario.run_once(lambda: _ended(scenario))
        let_in = [each for each in sent([run]) if each.name in _LOGINS and each.status == "OK"]
        if not let_in:
            made = f"{scenario.proxy.connections} connections, and no login that succeeded"
            raise LookupError(f"the client made {made}: {run.result.detail or run.result}")
        return f"{len(let_in)} login(s), {'success' if run.result.success else run.result.detail}"


def _ended(scenario: Scenario) -> SyncResult:
    """A client that does not end has still shown whom it talks to."""
    try:
        return scenario.client.synchronize(scenario.stage.bounds.synchronize)
    except ClientTimeout as problem:
        return SyncResult(success=False, detail=str(problem))
