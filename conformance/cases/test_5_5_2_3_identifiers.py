"""5.5.2.3 store object: the identifier of a stored object, as it is told with OK and as UIDNEXT announced it."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.data import expand_uids
from conformance.imap.errors import SyntaxProblem
from conformance.imap.syntax import number_of, text_of
from conformance.imap.wire import Exchange
from conformance.model.objects import ObjectKind, message, of_kind
from conformance.scenario.judge import Judge, NotApplicable, PreconditionNotReached
from conformance.scenario.looking import STATUS_ITEMS, Look, look_afresh, status_of
from conformance.scenario.storage import Storage, Tester, append_line

OBJECTS = [of_kind(kind, f"identified-{number}").octets for number, kind in enumerate(ObjectKind)]
ACTIVE = ("none", "another", "the-target", "the-target-read-only")


def _told(answer: Exchange) -> tuple[int, list[int]] | None:
    """UIDVALIDITY and UIDs of APPENDUID; None where it is missing, `(0, [])` where it cannot be read."""
    if answer.code is None or answer.code.name.upper() != "APPENDUID":
        return None
    try:
        validity, uids = answer.code.arguments
        return number_of(validity), expand_uids(text_of(uids))
    except (SyntaxProblem, ValueError):
        return 0, []


def _judge_told(judge: Judge, answer: Exchange, view: Look, contents: list[bytes]) -> None:
    """Whether APPENDUID names the objects that were stored last, which the folder shows."""
    last = view.objects[-len(contents) :]
    if not answer.ok or [each.octets for each in last] != contents:
        raise PreconditionNotReached(f"{answer.told}: what was to be stored is not the last of the folder")
    told, true = _told(answer), (view.told.uid_validity, [each.uid for each in last])
    if told is None:
        judge.recommended("OP03-S4", "APPENDUID in the tagged OK", f"OK {answer.text}", answer.entry)
        judge.passed("OP03-S4")
    else:
        expected = f"APPENDUID {true[0]} {true[1]}, as EXAMINE and FETCH tell"
        judge.check("OP03-S4", told == true, expected, f"APPENDUID {told[0]} {told[1]}", answer.entry)


def _require_uidplus(tester: Tester) -> None:
    if "UIDPLUS" not in tester.capabilities:
        raise NotApplicable("UIDPLUS is not announced")


def _worn(storage: Storage, tester: Tester, *levels: str) -> bytes:
    """A folder whose identifiers have gone on: of five objects the third and the last are gone."""
    folder, uids = storage.filled(tester, 5, *levels)
    tester.store([uids[2], uids[4]], "+FLAGS (\\Deleted)")
    tester.must(b"CLOSE")
    return folder


@pytest.mark.parametrize("active", ACTIVE)
@server_case("store-tells-the-identifier", "OP03-S4")
def test_store_tells_the_identifier(storage: Storage, judge: Judge, active: str) -> None:
    """A server tells with OK the true UIDVALIDITY and UID of a stored object, whatever folder is active."""
    tester = storage.connect()
    _require_uidplus(tester)
    other, _ = storage.filled(tester, 2, "Other")
    folder = _worn(storage, tester, "Target")
    session = storage.connect()
    if active != "none":
        choose = session.examine if active == "the-target-read-only" else session.select
        choose(other if active == "another" else folder)
    for content in OBJECTS[:3]:
        answer = session.ask(append_line(folder, ["\\Seen"]), content)
        _judge_told(judge, answer, look_afresh(storage, folder), [content])


@server_case("store-tells-the-identifier-of-each", "OP03-S4")
def test_store_tells_the_identifier_of_each(storage: Storage, judge: Judge) -> None:
    """A server tells each of two sessions that store by turns into two folders the identifiers of its own objects."""
    testers = [storage.connect(), storage.connect()]
    _require_uidplus(testers[0])
    folders = [storage.folder(testers[0], "First", objects=OBJECTS[:1]), _worn(storage, testers[0], "Second")]
    for number in range(4):
        for tester, turn in zip(testers, (0, 1), strict=True):
            folder, content = folders[(number + turn) % 2], message(f"turn-{number}-{turn}").octets
            _judge_told(judge, tester.ask(append_line(folder), content), look_afresh(storage, folder), [content])


@server_case("store-tells-identifiers-of-equal-objects", "OP03-S4")
def test_store_tells_identifiers_of_equal_objects(storage: Storage, judge: Judge) -> None:
    """A server tells a new identifier for an object whose octets are there already."""
    tester = storage.connect()
    _require_uidplus(tester)
    folder = storage.folder(tester, "Equal", objects=OBJECTS[:1] * 2)
    for _ in range(2):
        answer = tester.ask(append_line(folder), OBJECTS[0])
        _judge_told(judge, answer, look_afresh(storage, folder), OBJECTS[:1])


@server_case("store-several-tells-every-identifier", "OP03-S4")
def test_store_several_tells_every_identifier(storage: Storage, judge: Judge) -> None:
    """A server that stores several objects by one command tells the identifier of each, in order."""
    tester = storage.connect()
    _require_uidplus(tester)
    if "MULTIAPPEND" not in tester.capabilities:
        raise NotApplicable("MULTIAPPEND is not announced")
    folder = _worn(storage, tester, "Several")
    answer = tester.ask(b"APPEND " + folder + b" {} {} {}", *OBJECTS[:3])
    _judge_told(judge, answer, look_afresh(storage, folder), OBJECTS[:3])


def _announced(storage: Storage, folder: bytes) -> int:
    """UIDNEXT as it is told now."""
    later = storage.connect()
    told = status_of(later.must(b"STATUS " + folder + b" " + STATUS_ITEMS)).get("UIDNEXT", 0)
    announced = max(told, later.examine(folder).uid_next or 0)
    if not announced:
        raise PreconditionNotReached("neither STATUS nor EXAMINE tells UIDNEXT")
    return announced


def _judge_next(storage: Storage, judge: Judge, folder: bytes, before: int, content: bytes) -> None:
    after, view = _announced(storage, folder), look_afresh(storage, folder)
    uids = [each.uid for each in view.objects if each.octets == content]
    told, entry = f"UID {uids}, UIDNEXT {before} before and {after} after", view.told.answer.entry
    judge.check("OP03-S5", len(uids) == 1 and uids[0] >= before, f"one new object, UID {before} or above", told, entry)
    judge.check("OP03-S5", after > max([before, *uids]), f"UIDNEXT above {before}, and above the UID", told, entry)


STATES = {
    "an-empty-folder": (),
    "a-filled-one": ("NOOP",),
    "after-the-last-went": ("STORE 3 +FLAGS (\\Deleted)", "EXPUNGE"),
    "after-all-went": ("STORE 1:* +FLAGS (\\Deleted)", "EXPUNGE"),
    "after-the-first-went": ("STORE 1 +FLAGS (\\Deleted)", "CLOSE"),
    "after-copies": ("COPY 1:3 {folder}", "NOOP"),
}


@pytest.mark.parametrize("state", STATES)
@server_case("stored-object-gets-the-announced-identifier", "OP03-S5")
def test_stored_object_gets_the_announced_identifier(storage: Storage, judge: Judge, state: str) -> None:
    """A server gives a new object the announced identifier or a higher one, and announces a still higher one then."""
    tester = storage.connect()
    folder = storage.folder(tester, "Announced", objects=OBJECTS[:3] if STATES[state] else ())
    tester.select(folder)
    for command in STATES[state]:
        tester.must(command.encode().replace(b"{folder}", folder))
    for number, session in enumerate((tester, storage.connect(), tester)):
        before, content = _announced(storage, folder), message(f"next-{number}").octets
        session.append(folder, content)
        _judge_next(storage, judge, folder, before, content)


@server_case("stored-object-that-goes-at-once-raises-the-next", "OP03-S5")
def test_stored_object_that_goes_at_once_raises_the_next(storage: Storage, judge: Judge) -> None:
    """A server announces a higher identifier after an object was stored, even when that is removed at once."""
    tester = storage.connect()
    folder, _ = storage.filled(tester, 1, "Going")
    for _ in range(2):
        before = _announced(storage, folder)
        tester.append(folder, OBJECTS[1], ["\\Deleted"])
        tester.select(folder)
        tester.store(tester.uids()[1:], "+FLAGS (\\Deleted)")
        answer = tester.must(b"EXPUNGE")
        after, left = _announced(storage, folder), len(storage.afresh(folder))
        if left != 1:
            raise PreconditionNotReached(f"{left} objects are there where 1 was left")
        told = f"UIDNEXT {before} before, {after} after"
        judge.check("OP03-S5", after > before, f"UIDNEXT above {before}", told, answer.entry)
