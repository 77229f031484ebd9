"""5.5.2.2 set active folder: UIDNEXT changes whenever objects are added, and never else."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.model.objects import ObjectKind, of_kind
from conformance.outcomes import Reason
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.looking import status_of
from conformance.scenario.storage import Storage, Tester, append_line

OBJECTS = [of_kind(kind, f"next-{number}").octets for number, kind in enumerate(ObjectKind)]
ADDITIONS = ["append", "append-to-the-active", "append-two", "copy-into", "copy-within", "append-and-expunge"]
HARMLESS = {
    "store": ("UID STORE 1:* +FLAGS (\\Seen \\Flagged)", "UID STORE 1:* -FLAGS (\\Seen)"),
    "fetch": ("UID FETCH 1:* (BODY[])",),
    "select-again": ("SELECT {folder}", "EXAMINE {folder}", "SELECT {folder}"),
    "status": ("STATUS {folder} (UIDNEXT)",),
    "copy-elsewhere": ("UID COPY 1:* {other}",),
    "expunge-the-first": ("STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"),
    "expunge-the-last": ("STORE 3 +FLAGS (\\Deleted)", "EXPUNGE"),
    "expunge-all": ("STORE 1:3 +FLAGS (\\Deleted)", "EXPUNGE"),
    "close-with-marked": ("STORE 2:3 +FLAGS (\\Deleted)", "CLOSE"),
    "expunge-one-by-one": ("STORE 3 +FLAGS (\\Deleted)", "EXPUNGE", "STORE 2 +FLAGS (\\Deleted)", "EXPUNGE"),
    "noop": ("NOOP", "CHECK"),
}


def _next(storage: Storage, judge: Judge, folder: bytes) -> int:
    """UIDNEXT as EXAMINE and STATUS tell it now, which has to be one value."""
    later = storage.connect()
    answer = later.must(b"STATUS " + folder + b" (UIDNEXT)")
    asked, told = status_of(answer).get("UIDNEXT"), later.examine(folder)
    if told.uid_next is None:
        raise PreconditionNotReached("EXAMINE tells no UIDNEXT")
    observed = f"STATUS tells {asked}, EXAMINE {told.uid_next}"
    judge.check("OP02-S8", asked == told.uid_next, "one UIDNEXT in STATUS and EXAMINE", observed, told.answer.entry)
    return told.uid_next


def _judge_same(storage: Storage, judge: Judge, folder: bytes, before: int, what: str) -> None:
    for _ in range(2):
        after = _next(storage, judge, folder)
        judge.check("OP02-S8", after == before, f"UIDNEXT {before}, as before {what}", f"UIDNEXT {after}")


def _judge_risen(storage: Storage, judge: Judge, folder: bytes, before: int, what: str) -> None:
    after = _next(storage, judge, folder)
    judge.check("OP02-S8", after > before, f"a UIDNEXT above {before} after {what}", f"UIDNEXT {after}")


@pytest.mark.parametrize("what", HARMLESS)
@server_case("next-uid-stays-without-additions", "OP02-S8")
def test_next_uid_stays_without_additions(storage: Storage, judge: Judge, what: str) -> None:
    """A server keeps UIDNEXT while nothing is added, even when the last object is removed, and raises it afterwards."""
    tester = storage.connect()
    other = storage.folder(tester, "Other")
    folder, _ = storage.filled(tester, 3, "Steady")
    before = _next(storage, judge, folder)
    for command in HARMLESS[what]:
        tester.must(command.encode().replace(b"{folder}", folder).replace(b"{other}", other))
    _judge_same(storage, judge, folder, before, what)
    storage.connect().append(folder, OBJECTS[0])
    _judge_risen(storage, judge, folder, before, "an APPEND")
    later = storage.connect()
    later.examine(folder)
    highest = max(later.uids(), default=0)
    judge.check("OP02-S8", highest >= before, f"the new object has a UID of {before} or above", f"UID {highest}")


@pytest.mark.parametrize("how", ADDITIONS)
@server_case("next-uid-rises-with-additions", "OP02-S8")
def test_next_uid_rises_with_additions(storage: Storage, judge: Judge, how: str) -> None:
    """A server raises UIDNEXT with every addition, even of an object that is removed again at once."""
    tester = storage.connect()
    other = storage.folder(tester, "Other", objects=OBJECTS[:2])
    folder, _ = storage.filled(tester, 2, "Rising")
    for _ in range(3):
        before = _next(storage, judge, folder)
        _add(tester, folder, other, how)
        _judge_risen(storage, judge, folder, before, how)


def _add(tester: Tester, folder: bytes, other: bytes, how: str) -> None:
    tester.select(other if how in ("append", "copy-into") else folder)
    if how.startswith("copy"):
        tester.must(b"COPY 1:2 " + folder)
        return
    for octets in OBJECTS[: 2 if how == "append-two" else 1]:
        tester.append(folder, octets)
    if how == "append-and-expunge":
        tester.must(b"NOOP")
        tester.store(tester.uids()[-1:], "+FLAGS (\\Deleted)")
        tester.must(b"EXPUNGE")


@server_case("next-uid-after-additions-that-vanish", "OP02-S8")
def test_next_uid_after_additions_that_vanish(storage: Storage, judge: Judge) -> None:
    """A server raises UIDNEXT when an object is added to an empty folder and removed before anybody looks."""
    tester = storage.connect()
    folder = storage.folder(tester, "Vanishing")
    before = _next(storage, judge, folder)
    for _ in range(3):
        tester.append(folder, OBJECTS[0])
        tester.select(folder)
        tester.must(b"STORE 1:* +FLAGS (\\Deleted)")
        tester.must(b"CLOSE")
        _judge_risen(storage, judge, folder, before, "an object that is gone again")
        if storage.afresh(folder):
            raise PreconditionNotReached("the object is still there")
        before = _next(storage, judge, folder)


@server_case("next-uid-after-failed-append", "OP02-S8")
def test_next_uid_after_failed_append(storage: Storage, judge: Judge) -> None:
    """A server keeps UIDNEXT when an APPEND is refused, cancelled or cut off."""
    tester = storage.connect()
    folder, _ = storage.filled(tester, 2, "Failing")
    before = _next(storage, judge, folder)
    failed = 0
    for line in (append_line(folder, date="99-Xyz-2024 10:00:00 +0000"), append_line(folder, ["\\Bad\\Flag"])):
        refused = not tester.ask(line, OBJECTS[0]).ok
        failed += refused
        if refused:
            _judge_same(storage, judge, folder, before, "a refused APPEND")
        before = _next(storage, judge, folder)
    failed += _cut_off(storage.connect(), folder)
    _judge_same(storage, judge, folder, before, "an APPEND that was cut off")
    if not failed:
        judge.undecided("OP02-S8", "an APPEND that fails", "none failed", Reason.NOT_EXERCISED)
    storage.connect().append(folder, OBJECTS[1])
    _judge_risen(storage, judge, folder, before, "an APPEND that does not fail")


def _cut_off(tester: Tester, folder: bytes) -> bool:
    """Begin an APPEND and reset the connection in the middle of the object."""
    wire = tester.wire
    wire.send(wire.next_tag().encode() + b" APPEND " + folder + b" {%d}\r\n" % len(OBJECTS[0]))
    invited = wire.read_response().kind == "continuation"
    if invited:
        wire.send(OBJECTS[0][: len(OBJECTS[0]) // 2])
    wire.abort()
    return invited
