"""5.5.2.2 set active folder: selecting, EXAMINE and STATUS look at folders without changing them."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.wire import Exchange
from conformance.model.objects import ObjectKind, of_kind
from conformance.outcomes import Reason
from conformance.scenario.judge import Judge, NotApplicable, PreconditionNotReached
from conformance.scenario.looking import STATUS_ITEMS, Look, judge_status, look, look_afresh, objects_of, status_of
from conformance.scenario.storage import Storage, Tester, append_line, selection

OBJECTS = [of_kind(kind, f"looked-at-{number}").octets for number, kind in enumerate(ObjectKind)]
LEAVING = {
    "select-another": "SELECT {other}",
    "examine-another": "EXAMINE {other}",
    "select-it-again": "SELECT {folder}",
    "examine-it": "EXAMINE {folder}",
    "select-an-unknown-name": "SELECT {unknown}",
    "logout": "LOGOUT",
}
WRITING = {
    "add-a-flag": "UID STORE 1:* +FLAGS (\\Seen)",
    "add-a-flag-silently": "UID STORE 1:* +FLAGS.SILENT (\\Seen)",
    "take-a-flag": "UID STORE 1:* -FLAGS (\\Seen)",
    "replace-the-flags": "STORE 1:* FLAGS (\\Answered)",
    "read-the-octets": "UID FETCH 1:* (BODY[])",
    "expunge": "EXPUNGE",
    "expunge-some": "UID EXPUNGE 1:*",
    "close": "CLOSE",
    "move": "UID MOVE 1:* {other}",
}
NEEDED = {"expunge-some": "UIDPLUS", "move": "MOVE"}


def _marked(storage: Storage, tester: Tester, name: str) -> bytes:
    """A folder with four objects, active on the connection: one seen, one marked for removal."""
    folder, uids = storage.filled(tester, 4, name)
    tester.store(uids[:1], "+FLAGS (\\Seen)")
    tester.store(uids[1:2], "+FLAGS (\\Deleted)")
    if sorted(map(len, storage.afresh(folder).values())) != [0, 0, 1, 1]:
        raise PreconditionNotReached("the flags that were set are not there in a later session")
    return folder


def _spelled(storage: Storage, line: str, folder: bytes, other: bytes) -> bytes:
    names = {b"{folder}": folder, b"{other}": other, b"{unknown}": storage.name("Unknown")}
    spelled = line.encode()
    for place, name in names.items():
        spelled = spelled.replace(place, name)
    return spelled


@pytest.mark.parametrize("way", LEAVING)
@server_case("leaving-a-folder-removes-nothing", "OP02-S3")
def test_leaving_a_folder_removes_nothing(storage: Storage, judge: Judge, way: str) -> None:
    """A server keeps the objects that are marked for removal when their folder is left by SELECT, EXAMINE or LOGOUT."""
    tester = storage.connect()
    other = _marked(storage, tester, "Other")
    folder = _marked(storage, tester, "Left")
    before = [look_afresh(storage, each).state for each in (folder, other)]
    tester.select(folder)
    answer = tester.ask(_spelled(storage, LEAVING[way], folder, other))
    after = [look_afresh(storage, each).state for each in (folder, other)]
    observed = f"{len(after[0])} and {len(after[1])} objects, or other flags"
    expected = "in the folder that was left, and in the other, 4 objects with the same flags"
    judge.check("OP02-S3", after == before, expected, observed, answer.entry)


@server_case("selecting-changes-nothing", "OP02-S3")
def test_selecting_changes_nothing(storage: Storage, judge: Judge) -> None:
    r"""A server changes neither objects nor flags by SELECT or EXAMINE; only `\Recent` may be taken by SELECT."""
    tester = storage.connect()
    folder = storage.folder(tester, "Selected", objects=OBJECTS[:2])
    tester.append(folder, OBJECTS[2], ["\\Seen"])
    first = status_of(tester.must(b"STATUS " + folder + b" " + STATUS_ITEMS))
    before = look(tester, folder)
    if len(before.objects) != 3:
        raise PreconditionNotReached(f"3 objects were stored, {len(before.objects)} can be fetched")
    for command in (b"EXAMINE", b"SELECT", b"SELECT", b"EXAMINE"):
        view = look(storage.connect(), folder, command)
        same = view.state == before.state
        expected = f"{command.decode()} shows the objects with the flags they had"
        judge.check("OP02-S3", same, expected, "something else", view.told.answer.entry)
        told = storage.connect().must(b"STATUS " + folder + b" " + STATUS_ITEMS)
        now = status_of(told) | {"RECENT": first.get("RECENT", 0)}
        judge.check("OP02-S3", now == first, f"STATUS as before any selection: {first}", f"{now}", told.entry)


@pytest.mark.parametrize("how", WRITING)
@server_case("examine-is-read-only", "OP02-S7")
def test_examine_is_read_only(storage: Storage, judge: Judge, how: str) -> None:
    """A server changes nothing in a folder that is active by EXAMINE, whatever command is given."""
    tester = storage.connect()
    if how in NEEDED and NEEDED[how] not in tester.capabilities:
        raise NotApplicable(f"{NEEDED[how]} is not announced")
    other = storage.folder(tester, "Other")
    folder = _marked(storage, tester, "Examined")
    line = _spelled(storage, WRITING[how], folder, other)
    before = look_afresh(storage, folder).state
    reader = storage.connect()
    told = reader.examine(folder)
    observed = f"it begins with {told.code or 'no code'}"
    judge.check("OP02-S7", told.code == "READ-ONLY", "the text begins with [READ-ONLY]", observed, told.answer.entry)
    answer = reader.ask(line)
    kept = look_afresh(storage, folder).state == before
    observed = f"{answer.status}, and objects or flags are others in a later session"
    judge.check("OP02-S7", kept, f"after EXAMINE, {WRITING[how]} changes nothing", observed, answer.entry)
    if kept:
        _require_effect(storage, folder, line, before)


def _require_effect(storage: Storage, folder: bytes, line: bytes, before: object) -> None:
    """The same command does change the folder after SELECT; else nothing was shown by its lack of effect."""
    writer = storage.connect()
    writer.select(folder)
    writer.must(line)
    if look_afresh(storage, folder).state == before:
        raise PreconditionNotReached(f"{line.decode('ascii', 'backslashreplace')} changes nothing after SELECT either")


@server_case("looking-keeps-recent", "OP02-S7", "OP02-S16")
def test_looking_keeps_recent(storage: Storage, judge: Judge) -> None:
    r"""A server leaves `\Recent` to the first session that selects for writing, whoever looked before."""
    tester = storage.connect()
    control = storage.folder(tester, "Control", objects=OBJECTS[:3])
    if tester.select(control).recent != 3:
        raise NotApplicable(r"the server does not mark new objects \Recent", Reason.NO_ABILITY)
    examined = storage.folder(tester, "Examined", objects=OBJECTS[:3])
    for _ in range(2):
        look_afresh(storage, examined)
    _judge_recent(judge, "OP02-S7", "EXAMINE", storage.connect(), examined)
    asked = storage.folder(tester, "Asked", objects=OBJECTS[:3])
    for _ in range(2):
        storage.connect().must(b"STATUS " + asked + b" " + STATUS_ITEMS)
    _judge_recent(judge, "OP02-S16", "STATUS", storage.connect(), asked)


def _judge_recent(judge: Judge, requirement: str, command: str, tester: Tester, folder: bytes) -> None:
    view = look(tester, folder, b"SELECT")
    holds = view.told.recent == 3 and view.recent in (0, 3)
    observed = f"RECENT {view.told.recent}, {view.recent} objects carry \\Recent"
    expected = f"SELECT after {command} still tells of 3 objects with \\Recent"
    judge.check(requirement, holds, expected, observed, view.told.answer.entry)


@server_case("read-only-folder-is-announced", "OP02-S6")
def test_read_only_folder_is_announced(storage: Storage, judge: Judge) -> None:
    """A server announces [READ-ONLY] for a folder that the user may read and not change."""
    tester = storage.connect()
    folder, _ = storage.filled(tester, 2, "Fixed")
    storage.server.set_read_only(storage.account, storage.hierarchy.name(("Fixed",)))
    later = storage.connect()
    if later.ask(append_line(folder), OBJECTS[0]).ok:
        raise PreconditionNotReached("the folder takes objects although it was made read-only")
    for command in (b"SELECT", b"SELECT", b"EXAMINE"):
        answer = later.must(command + b" " + folder)
        code = selection(answer).code
        observed = f"it begins with {code or 'no code'}"
        expected = f"the text of the tagged OK to {command.decode()} begins with [READ-ONLY]"
        judge.check("OP02-S6", code == "READ-ONLY", expected, observed, answer.entry)


@server_case("status-changes-nothing", "OP02-S16")
def test_status_changes_nothing(storage: Storage, judge: Judge) -> None:
    """A server answers STATUS with the values of EXAMINE; the active folder stays active and both are unchanged."""
    tester = storage.connect()
    asked = _marked(storage, tester, "Asked")
    storage.folder(tester, "Fresh", objects=OBJECTS)
    active = _marked(storage, tester, "Active")
    before = look(tester, active, b"SELECT")
    for folder in (asked, storage.name("Fresh"), storage.name("Unknown")):
        known = folder != storage.name("Unknown")
        examined = look_afresh(storage, folder) if known else None
        answer = tester.ask(b"STATUS " + folder + b" " + STATUS_ITEMS)
        if examined is not None:
            judge_status(judge, answer, examined)
            _judge_unchanged(judge, answer, examined, look_afresh(storage, folder))
        else:
            judge.check("OP02-S16", answer.status == "NO", "NO for an unknown name", answer.status, answer.entry)
        shown = tester.ask(b"UID FETCH 1:* (UID FLAGS BODY.PEEK[])")
        observed = f"UID FETCH answers {shown.status} with {len(objects_of(shown))} objects, or others"
        same = Look(before.told, objects_of(shown)).state == before.state
        judge.check("OP02-S16", same, "the active folder is still active", observed, shown.entry)
    _judge_still_writable(storage, judge, tester, active)


def _judge_unchanged(judge: Judge, answer: Exchange, before: Look, after: Look) -> None:
    same = after.state == before.state and after.told.recent == before.told.recent
    observed = f"RECENT {after.told.recent} after {before.told.recent}, or other objects or flags"
    judge.check("OP02-S16", same, "the folder that STATUS names is unchanged", observed, answer.entry)


def _judge_still_writable(storage: Storage, judge: Judge, tester: Tester, active: bytes) -> None:
    answer = tester.ask(b"UID STORE 1:* +FLAGS (\\Seen)")
    flags = storage.afresh(active).values()
    holds = answer.ok and all("\\seen" in each for each in flags)
    judge.check("OP02-S16", holds, "the active folder can still be changed", answer.status, answer.entry)


@server_case("status-sets-no-folder-active", "OP02-S16")
def test_status_sets_no_folder_active(storage: Storage, judge: Judge) -> None:
    """A server gives each STATUS item that is asked for, alone or with others, and sets no folder active by it."""
    tester = storage.connect()
    folder = _marked(storage, tester, "Asked")
    examined = look_afresh(storage, folder)
    later = storage.connect()
    every = later.ask(b"STATUS " + folder + b" " + STATUS_ITEMS)
    judge_status(judge, every, examined)
    for item, value in status_of(every).items():
        answer = later.ask(b"STATUS " + folder + f" ({item})".encode())
        told = status_of(answer)
        judge.check("OP02-S16", told == {item: value}, f"{item} {value} and nothing else", f"{told}", answer.entry)
    after = later.ask(b"UID FETCH 1:* (UID)")
    holds = not after.ok and not after.named("FETCH")
    observed = f"UID FETCH answers {after.status} with {len(after.named('FETCH'))} objects"
    judge.check("OP02-S16", holds, "no folder is active after STATUS", observed, after.entry)
