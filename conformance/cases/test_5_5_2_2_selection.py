"""5.5.2.2 set active folder: what the response tells, in every state of a folder and after every kind of change."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.cases.declaration import server_case
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.looking import STATUS_ITEMS, judge_selection, judge_status, look, look_afresh
from conformance.scenario.storage import Storage, Tester

KINDS = list(ObjectKind)
SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
SEEN, UNSEEN = ("\\Seen",), ("\\Answered",)
STATES: dict[str, list[tuple[str, ...]]] = {
    "empty": [],
    "nothing-seen": [UNSEEN, UNSEEN, UNSEEN],
    "everything-seen": [SEEN, SEEN],
    "first-unseen": [UNSEEN, SEEN, SEEN],
    "middle-unseen": [SEEN, SEEN, UNSEEN, SEEN, UNSEEN],
    "last-unseen": [SEEN, SEEN, SEEN, UNSEEN],
    "unseen-marked": [SEEN, ("\\Deleted",), UNSEEN],
}


def _octets(number: int) -> bytes:
    return of_kind(KINDS[number % len(KINDS)], f"selected-{number}").octets


def _folder(storage: Storage, tester: Tester, name: str, flags: list[tuple[str, ...]]) -> bytes:
    """A new folder with one object for each set of flags."""
    folder = storage.folder(tester, name)
    for number, each in enumerate(flags):
        tester.append(folder, _octets(number), each)
    return folder


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
@server_case("selection-tells-of-the-folder", "OP02-S1")
def test_selection_tells_of_the_folder(storage: Storage, judge: Judge, command: str, state: str) -> None:
    """A server tells with SELECT and EXAMINE what the folder holds, be it empty, unseen, seen, or in part."""
    tester = storage.connect()
    _folder(storage, tester, "Other", [UNSEEN] * 6)
    folder = _folder(storage, tester, "Chosen", STATES[state])
    judge_selection(judge, look(storage.connect(), folder, command.encode()), len(STATES[state]))
    judge_selection(judge, look(tester, folder, command.encode()), len(STATES[state]))


@server_case("selections-in-turn", "OP02-S1", "OP02-S2")
def test_selections_in_turn(storage: Storage, judge: Judge) -> None:
    """A server has one folder active on a connection, the last one selected, and tells of no other."""
    tester = storage.connect()
    folders = {
        name: _folder(storage, tester, name, STATES[name]) for name in ("empty", "middle-unseen", "first-unseen")
    }
    for name in ("middle-unseen", "first-unseen", "empty", "middle-unseen", "middle-unseen", "empty"):
        for command in (b"SELECT", b"EXAMINE"):
            view = look(tester, folders[name], command)
            judge_selection(judge, view, len(STATES[name]))
            wanted = [_octets(number) for number in range(len(STATES[name]))]
            shown = [each.octets for each in view.objects]
            observed = f"{len(shown)} objects, or others"
            expected = f"the {len(wanted)} objects of the folder selected last"
            judge.check("OP02-S2", shown == wanted, expected, observed, view.told.answer.entry)


@dataclass(frozen=True)
class Change:
    """Commands given in the folder itself or in another one, objects appended then, and how many there are after it."""

    count: int
    commands: tuple[str, ...] = ()
    appended: int = 0
    inside: bool = True


CHANGES = {
    "append": Change(6, appended=2),
    "see": Change(4, ("STORE 1:2 +FLAGS (\\Seen)",)),
    "unsee": Change(4, ("STORE 1 -FLAGS (\\Seen)",)),
    "expunge-first": Change(3, ("STORE 1 +FLAGS (\\Deleted)", "EXPUNGE")),
    "expunge-last": Change(3, ("STORE 4 +FLAGS (\\Deleted)", "EXPUNGE")),
    "expunge-all": Change(0, ("STORE 1:4 +FLAGS (\\Deleted)", "EXPUNGE")),
    "close-with-marked": Change(2, ("STORE 2:3 +FLAGS (\\Deleted)", "CLOSE")),
    "copy-into": Change(6, ("COPY 1:2 {folder}",), inside=False),
    "copy-within": Change(5, ("COPY 1 {folder}",)),
    "expunge-and-append": Change(4, ("STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"), appended=1),
}


def _make(change: Change, tester: Tester, folder: bytes, other: bytes) -> None:
    tester.select(folder if change.inside else other)
    for command in change.commands:
        tester.must(command.encode().replace(b"{folder}", folder))
    for number in range(change.appended):
        tester.append(folder, _octets(90 + number), SEEN if number else ())


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("whose", ["its-own", "another"])
@server_case("selection-after-a-change", "OP02-S1", "OP02-S16")
def test_selection_after_a_change(storage: Storage, judge: Judge, whose: str, change: str) -> None:
    """A server tells the true values in SELECT, EXAMINE and STATUS after a change of this session or of another."""
    tester = storage.connect()
    other = _folder(storage, tester, "Other", [UNSEEN, SEEN])
    folder = _folder(storage, tester, "Changing", [SEEN, UNSEEN, SEEN, UNSEEN])
    judge_selection(judge, look(tester, folder, b"SELECT"), 4)
    count = CHANGES[change].count
    _make(CHANGES[change], tester if whose == "its-own" else storage.connect(), folder, other)
    judge_status(judge, storage.connect().ask(b"STATUS " + folder + b" " + STATUS_ITEMS), look_afresh(storage, folder))
    judge_selection(judge, look(tester, folder, b"SELECT"), count)
    judge_selection(judge, look(storage.connect(), folder, b"SELECT"), count)
    examined = look_afresh(storage, folder)
    judge_selection(judge, examined, count)
    judge_status(judge, storage.connect().ask(b"STATUS " + folder + b" " + STATUS_ITEMS), examined)


@server_case("permanent-flags-are-true", "OP02-S1")
def test_permanent_flags_are_true(storage: Storage, judge: Judge) -> None:
    """A server names in PERMANENTFLAGS the flags that it keeps, and none where the folder is only read."""
    tester = storage.connect()
    folder, uids = storage.filled(tester, len(SYSTEM_FLAGS), "Permanent")
    told = tester.select(folder)
    for uid, flag in zip(uids, SYSTEM_FLAGS, strict=True):
        tester.ask(f"UID STORE {uid} +FLAGS ({flag})".encode())
    kept = {flag for flags in storage.afresh(folder).values() for flag in flags}
    if told.permanent_flags is None:
        judge.recommended("OP02-S1", "PERMANENTFLAGS", "it is missing", told.answer.entry)
        return
    if not kept:
        raise PreconditionNotReached("no flag that was set is there in a later session")
    named = {flag.lower() for flag in told.permanent_flags} & {flag.lower() for flag in SYSTEM_FLAGS}
    observed = f"kept are {sorted(kept)}"
    judge.check("OP02-S1", named == kept, f"{sorted(named)} are kept, as PERMANENTFLAGS says", observed)
    examined = storage.connect().examine(folder)
    untrue = sorted(examined.permanent_flags or ())
    judge.check("OP02-S1", not untrue, "no permanent flag after EXAMINE", f"{untrue}", examined.answer.entry)


@server_case("read-write-is-announced", "OP02-S15")
def test_read_write_is_announced(storage: Storage, judge: Judge) -> None:
    """A server announces [READ-WRITE] for a folder that may be changed, be it selected for the first time or again."""
    tester = storage.connect()
    folder = storage.folder(tester, "Writable", objects=[_octets(1)])
    tester.examine(folder)
    for told in (tester.select(folder), tester.select(folder), storage.connect().select(folder)):
        observed = f"it begins with {told.code or 'no code'}"
        expected = "the text of the tagged OK begins with [READ-WRITE]"
        judge.check("OP02-S15", told.code == "READ-WRITE", expected, observed, told.answer.entry)
    tester.store(tester.uids(), "+FLAGS (\\Flagged)")
    if set(storage.afresh(folder).values()) != {frozenset({"\\flagged"})}:
        raise PreconditionNotReached("the folder cannot be changed")


@server_case("flags-names-what-is-applicable", "OP02-S17")
def test_flags_names_what_is_applicable(storage: Storage, judge: Judge) -> None:
    """A server names in FLAGS the system flags and every keyword that is in use, in SELECT and in EXAMINE."""
    tester = storage.connect()
    folder, uids = storage.filled(tester, 2, "Flags")
    tester.append(folder, _octets(3), ["Cpm-Appended"])
    for uid, flags in zip(uids, ("Cpm-Kept $Forwarded", "Cpm-Kept"), strict=True):
        tester.ask(f"UID STORE {uid} +FLAGS ({flags})".encode())
    in_use = {flag for flags in storage.afresh(folder).values() for flag in flags}
    wanted = in_use | {flag.lower() for flag in SYSTEM_FLAGS}
    judge.observe("Keywords that were set and kept", ", ".join(sorted(in_use)) or "none")
    for told in (tester.select(folder), storage.connect().select(folder), storage.connect().examine(folder)):
        absent = sorted(wanted - {flag.lower() for flag in told.flags or ()})
        judge.check("OP02-S17", not absent, f"FLAGS names {sorted(wanted)}", f"it lacks {absent}", told.answer.entry)
