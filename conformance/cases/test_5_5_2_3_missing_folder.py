"""5.5.2.3 store object: a store into a folder that is not there is refused, with the hint, and creates nothing."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.wire import Exchange
from conformance.model.objects import message
from conformance.scenario.awkward import of_size
from conformance.scenario.judge import Judge, NotApplicable, PreconditionNotReached
from conformance.scenario.looking import look_afresh
from conformance.scenario.storage import Storage, Tester, append_line
from conformance.scenario.storing import without_waiting

OBJECT = message("for-a-missing-folder").octets
NAMES: dict[str, tuple[str, ...]] = {
    "plain": ("Missing",),
    "with-a-space": ("Not there",),
    "beyond-ascii": ("Nikde nic není",),
    "inferior": ("Present", "Missing"),
    "inferior-of-a-missing-one": ("Missing", "Inner"),
}


def _judge_refused(judge: Judge, answer: Exchange) -> None:
    code = answer.code.name.upper() if answer.code else ""
    told = f"{answer.status} [{code}] {answer.text}" if code else answer.told
    judge.check("OP03-S3", answer.status == "NO", "NO for a folder that is not there", told, answer.entry)


def _judge_not_created(storage: Storage, judge: Judge, *levels: str) -> None:
    later = storage.connect()
    listed = [path for path in (levels[:depth] for depth in range(1, len(levels) + 1)) if storage.listed(later, *path)]
    told = later.ask(b"STATUS " + storage.name(*levels) + b" (MESSAGES)")
    created = [path for path in listed if path != ("Present",)]
    holds = not created and not told.ok
    judge.check("OP03-S3", holds, "still no such folder", f"listed: {created}, STATUS {told.status}", told.entry)


def _judge_hint(storage: Storage, judge: Judge, refused: Exchange, *levels: str) -> None:
    """The hint may be left out only where a folder of that name cannot be created."""
    folder, later = storage.name(*levels), storage.connect()
    hinted = refused.code is not None and refused.code.name.upper() == "TRYCREATE"
    created = later.ask(b"CREATE " + folder)
    if not created.ok:
        judge.remark(f"CREATE {'/'.join(levels)}: {created.told}")
        return
    told = f"{refused.status} {refused.code} {refused.text}; CREATE then succeeds"
    judge.check("OP03-S3", hinted, "NO whose text begins with [TRYCREATE]", told, refused.entry)
    fresh = look_afresh(storage, folder)
    stored = later.ask(append_line(folder), OBJECT)
    found = [each.octets for each in look_afresh(storage, folder).objects]
    told = f"{len(fresh.objects)} objects after CREATE; APPEND {stored.status}, then {len(found)}"
    holds = not fresh.objects and stored.ok and found == [OBJECT]
    judge.check("OP03-S3", holds, "created empty, and then stored into", told, stored.entry)


def _control(storage: Storage, tester: Tester) -> bytes:
    """A folder into which a store succeeds, set active; without it a refusal says nothing."""
    folder = storage.folder(tester, "Present", objects=[OBJECT])
    tester.select(folder)
    if len(tester.uids()) != 1:
        raise PreconditionNotReached("an object that was stored is not there")
    return folder


@pytest.mark.parametrize("name", NAMES)
@server_case("store-into-a-missing-folder", "OP03-S3")
def test_store_into_a_missing_folder(storage: Storage, judge: Judge, name: str) -> None:
    """A server refuses to store into a folder that is not there, hints at creating it, and does not create it."""
    levels = NAMES[name]
    if len(levels) > 1 and not storage.nested:
        raise NotApplicable("the server has no hierarchy of folders")
    tester = storage.connect()
    present = _control(storage, tester)
    refused = tester.ask(append_line(storage.name(*levels)), OBJECT)
    _judge_refused(judge, refused)
    _judge_not_created(storage, judge, *levels)
    kept = [each.octets for each in look_afresh(storage, present).objects]
    alive = storage.is_alive(tester)
    told = f"{len(kept)} objects in the active folder, the session answers: {alive}"
    judge.check("OP03-S3", kept == [OBJECT] and alive, "nothing else is touched", told, refused.entry)
    if not storage.listed(storage.connect(), *levels):
        _judge_hint(storage, judge, refused, *levels)


@server_case("store-into-a-removed-folder", "OP03-S3")
def test_store_into_a_removed_folder(storage: Storage, judge: Judge) -> None:
    """A server does not bring a removed folder back when an object is stored into it."""
    tester = storage.connect()
    _control(storage, tester)
    removed = storage.folder(tester, "Removed", objects=[OBJECT])
    tester.must(b"DELETE " + removed)
    refused = tester.ask(append_line(removed, ["\\Seen"], "04-Mar-2024 10:15:00 +0000"), OBJECT)
    _judge_refused(judge, refused)
    _judge_not_created(storage, judge, "Removed")
    if not storage.listed(storage.connect(), "Removed"):
        _judge_hint(storage, judge, refused, "Removed")


@server_case("store-into-a-missing-folder-again-and-again", "OP03-S3")
def test_store_into_a_missing_folder_again_and_again(storage: Storage, judge: Judge) -> None:
    """A server refuses a missing folder each time, stores into an existing one between, and stays in step."""
    tester = storage.connect()
    present = _control(storage, tester)
    missing = storage.name("Missing")
    kept = [OBJECT]
    for number in range(3):
        refused = tester.ask(append_line(missing), of_size(5000 + number))
        _judge_refused(judge, refused)
        kept.append(of_size(3000 + number))
        tester.append(present, kept[-1])
    _judge_not_created(storage, judge, "Missing")
    found = [each.octets for each in look_afresh(storage, present).objects]
    told = f"objects of {[len(each) for each in found]} octets"
    judge.check("OP03-S3", found == kept, "what is stored between is there, and no more", told)


@server_case("store-into-a-missing-folder-without-waiting", "OP03-S3")
def test_store_into_a_missing_folder_without_waiting(storage: Storage, judge: Judge) -> None:
    """A server that refuses a missing folder takes no part of the object that follows at once for a command."""
    tester = storage.connect()
    if not without_waiting(tester):
        raise NotApplicable("neither LITERAL+ nor LITERAL- is announced")
    _control(storage, tester)
    trap = OBJECT + b"A0 CREATE " + storage.name("From the object") + b"\r\n"
    refused = tester.ask(append_line(storage.name("Missing")), trap, non_synchronizing=True)
    _judge_refused(judge, refused)
    alive, listed = storage.is_alive(tester), bool(storage.listed(storage.connect(), "From the object"))
    told = f"the session answers: {alive}, a folder that the object names was created: {listed}"
    judge.check("OP03-S3", alive and not listed, "the object is read over", told, refused.entry)
    _judge_not_created(storage, judge, "Missing")
    if not storage.listed(storage.connect(), "Missing"):
        _judge_hint(storage, judge, refused, "Missing")
