"""5.5.2.2 set active folder: the laws of UIDs, UIDVALIDITY and message numbers, in one session and over many."""

from __future__ import annotations

from itertools import count

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.syntax import number_of
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.fetched import numbered
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.looking import Look, look, look_afresh, objects_of, sizes
from conformance.scenario.notices import ask_for_news, removals
from conformance.scenario.storage import Storage, Tester

KINDS = list(ObjectKind)
DATES = ("05-Mar-2024 10:00:00 +0000", "01-Jan-2001 00:00:00 +0000", "31-Dec-2030 23:59:59 +0000")


class Past:
    """Every selection of a folder so far: which octets a UID once named, and how high the UIDs were."""

    def __init__(self, judge: Judge, *, renames: bool = False) -> None:
        self.judge, self.renames = judge, renames
        self.named: dict[tuple[bytes, int | None, int], bytes] = {}
        self.last: dict[bytes, Look] = {}
        self.highest: dict[tuple[bytes, int | None], int] = {}

    def remember(self, folder: bytes, view: Look) -> None:
        """Hold a selection against all that went before, and keep it for those that follow."""
        self._judge_pairs(folder, view)
        place = (folder, view.told.uid_validity)
        if folder in self.last:
            self._judge_persistence(self.last[folder], view, self.highest.get(place, 0))
        self.last[folder] = view
        self.highest[place] = max([*view.uids, self.highest.get(place, 0)])

    def forget(self, folder: bytes) -> None:
        """The folder is removed or renamed: its objects need not persist, what they were named must not come again."""
        self.last.pop(folder, None)

    def _judge_pairs(self, folder: bytes, view: Look) -> None:
        told = view.told
        once = [
            self.named.setdefault((folder, told.uid_validity, uid), octets) for uid, octets in view.contents.items()
        ]
        again = [uid for (uid, octets), before in zip(view.contents.items(), once, strict=True) if octets != before]
        observed = f"UIDVALIDITY {told.uid_validity}: UIDs {again} once named other objects"
        expected = "a UID names one object forever"
        if again and self.renames:
            # RENAME is no operation that 5.5.2.20 cites, and RFC 3501 6.3.5 says nothing of identifiers.
            self.judge.recommended("OP02-S4", f"{expected}, also after RENAME", observed, told.answer.entry)
        else:
            self.judge.check("OP02-S4", not again, expected, observed, told.answer.entry)

    def _judge_persistence(self, before: Look, now: Look, highest: int) -> None:
        validity, former = now.told.uid_validity, before.told.uid_validity
        arrived = [each for each in now.objects if each.octets not in before.contents.values()]
        moved = {each.octets for each in now.objects} & {each.octets for each in before.objects}
        kept = all(_uids(now, octets) == _uids(before, octets) for octets in moved)
        ascending = all(each.uid > highest for each in arrived)
        entry = now.told.answer.entry
        if validity == former:
            observed = f"UIDs {now.uids} after {before.uids} with UIDVALIDITY {validity}"
            self.judge.check("OP02-S4", kept, "objects keep their UIDs while UIDVALIDITY stays", observed, entry)
            self.judge.check("OP02-S4", ascending, f"new objects have UIDs above {highest}", observed, entry)
            return
        observed = f"UIDVALIDITY {validity} after {former}"
        if kept:
            self.judge.recommended("OP02-S4", "UIDVALIDITY stays as the UIDs do", observed, entry)
        else:
            greater = (validity or 0) > (former or 0)
            self.judge.check("OP02-S4", greater, "a greater UIDVALIDITY where UIDs do not persist", observed, entry)


def _uids(view: Look, octets: bytes) -> list[int]:
    return [each.uid for each in view.objects if each.octets == octets]


class Source:
    """Objects that are all unlike each other."""

    def __init__(self) -> None:
        self.numbers = count()

    def next(self) -> bytes:
        """One more."""
        number = next(self.numbers)
        return of_kind(KINDS[number % len(KINDS)], f"identified-{number}").octets


def _remove(tester: Tester, folder: bytes, which: slice) -> None:
    tester.select(folder)
    tester.store(tester.uids()[which], "+FLAGS (\\Deleted)")
    tester.must(b"EXPUNGE")


def _require(view: Look, objects: int) -> None:
    if len(view.objects) != objects:
        raise PreconditionNotReached(f"{objects} objects were expected, {len(view.objects)} can be fetched")


REMOVALS = {
    "the-last": slice(-1, None),
    "the-last-two": slice(-2, None),
    "the-first": slice(0, 1),
    "all": slice(None),
}


@pytest.mark.parametrize("which", REMOVALS)
@server_case("uids-over-sessions", "OP02-S4", "OP02-S10")
def test_uids_over_sessions(storage: Storage, judge: Judge, which: str) -> None:
    """A server gives every new object a higher UID than any before it, though those before were removed."""
    source, past = Source(), Past(judge)
    tester = storage.connect()
    folder = storage.folder(tester, "Over sessions", objects=[source.next() for _ in range(4)])
    present = 4
    for _ in range(3):
        view = look_afresh(storage, folder)
        _require(view, present)
        past.remember(folder, view)
        _judge_order(judge, view)
        _remove(storage.connect(), folder, REMOVALS[which])
        left = look_afresh(storage, folder)
        past.remember(folder, left)
        for _ in range(2):
            storage.connect().append(folder, source.next())
        present = len(left.objects) + 2
    past.remember(folder, look_afresh(storage, folder))


def _judge_order(judge: Judge, view: Look) -> None:
    numbers, uids = [each.number for each in view.objects], view.uids
    entry = view.told.answer.entry
    observed = f"numbers {numbers} with UIDs {uids}, EXISTS {view.told.exists}"
    holds = uids == sorted(set(uids)) and numbers == list(range(1, (view.told.exists or 0) + 1))
    judge.check("OP02-S10", holds, "numbers without gaps, and UIDs that ascend with them", observed, entry)


@server_case("uids-of-a-folder-created-again", "OP02-S4")
def test_uids_of_a_folder_created_again(storage: Storage, judge: Judge) -> None:
    """A server gives a folder that was removed and created again UIDs or a UIDVALIDITY that its name never had."""
    source, past = Source(), Past(judge)
    folder = storage.name("Again")
    validities = []
    for _ in range(4):
        tester = storage.connect()
        storage.folder(tester, "Again", objects=[source.next() for _ in range(2)])
        view = look_afresh(storage, folder)
        _require(view, 2)
        past.remember(folder, view)
        past.forget(folder)
        validities.append(view.told.uid_validity or 0)
        storage.connect().must(b"DELETE " + folder)
    _judge_validities(judge, validities)


@server_case("uids-after-rename", "OP02-S4")
def test_uids_after_rename(storage: Storage, judge: Judge) -> None:
    """A server lets no UID name another object when folders take names that other folders had."""
    source, past = Source(), Past(judge, renames=True)
    one, other = storage.name("One"), storage.name("Other")
    tester = storage.connect()
    for name in ("One", "Other"):
        storage.folder(tester, name, objects=[source.next() for _ in range(2)])
        past.remember(storage.name(name), look_afresh(storage, storage.name(name)))
    storage.connect().must(b"DELETE " + other)
    past.forget(other)
    for _ in range(2):
        storage.connect().must(b"RENAME " + one + b" " + other)
        past.forget(one)
        renamed = look_afresh(storage, other)
        _require(renamed, 2)
        past.remember(other, renamed)
        storage.folder(storage.connect(), "One", objects=[source.next() for _ in range(2)])
        past.remember(one, look_afresh(storage, one))
        storage.connect().must(b"DELETE " + other)
        past.forget(other)


def _judge_validities(judge: Judge, validities: list[int]) -> None:
    if validities != sorted(validities):
        judge.recommended("OP02-S4", "UIDVALIDITY never falls", f"{validities} for one name")


@server_case("uids-of-copies", "OP02-S4", "OP02-S10")
def test_uids_of_copies(storage: Storage, judge: Judge) -> None:
    """A server gives copies UIDs of their own, above all that the target ever had."""
    source, past = Source(), Past(judge)
    tester = storage.connect()
    target = storage.folder(tester, "Target", objects=[source.next() for _ in range(3)])
    origin = storage.folder(tester, "Origin", objects=[source.next() for _ in range(3)])
    past.remember(target, look_afresh(storage, target))
    _remove(tester, target, slice(-1, None))
    for numbers in (b"3", b"1:2"):
        tester.select(origin)
        tester.must(b"COPY " + numbers + b" " + target)
        view = look_afresh(storage, target)
        past.remember(target, view)
        _judge_order(judge, view)
    _require(look_afresh(storage, target), 5)


@server_case("uids-stay-during-a-session", "OP02-S9")
def test_uids_stay_during_a_session(storage: Storage, judge: Judge) -> None:
    """A server keeps the UID of every object while a session lasts, whatever is removed and added around it."""
    source = Source()
    tester, other = storage.connect(), storage.connect()
    folder = storage.folder(tester, "Session", objects=[source.next() for _ in range(6)])
    before = look(tester, folder, b"SELECT")
    _require(before, 6)
    tester.store(before.uids[:1], "+FLAGS (\\Deleted)")
    tester.must(b"EXPUNGE")
    _judge_stayed(judge, tester, before, before.uids[1:])
    _remove(other, folder, slice(0, 2))
    other.append(folder, source.next())
    ask_for_news(tester, lambda heard: len(removals(heard)) == 2 and sizes(heard))
    _judge_stayed(judge, tester, before, before.uids[3:])
    tester.append(folder, source.next())
    other.append(folder, source.next())
    ask_for_news(tester, sizes)
    _judge_stayed(judge, tester, before, before.uids[3:])


def _judge_stayed(judge: Judge, tester: Tester, before: Look, left: list[int]) -> None:
    answer = tester.must(b"UID FETCH 1:* (UID FLAGS BODY.PEEK[])")
    objects = objects_of(answer)
    now = {each.uid: each.octets for each in objects}
    lost = [uid for uid in left if now.get(uid) != before.contents[uid]]
    expected = f"the same octets under the UIDs {left}"
    judge.check("OP02-S9", not lost, expected, f"not under {lost}; UIDs are now {sorted(now)}", answer.entry)
    single = [uid for uid in left if tester.body(uid) != before.contents[uid]]
    observed = f"not under {single}, fetched one by one"
    judge.check("OP02-S9", not single, expected, observed, tester.wire.last_entry)
    twice = len({each.octets for each in objects}) < len(objects)
    judge.check("OP02-S9", not twice, "no object under two UIDs", f"UIDs {sorted(now)}", answer.entry)


@server_case("numbers-follow-uids", "OP02-S10")
def test_numbers_follow_uids(storage: Storage, judge: Judge) -> None:
    """A server numbers objects by ascending UID without gaps, whatever their dates, flags and sizes are."""
    source = Source()
    tester, other = storage.connect(), storage.connect()
    folder = storage.folder(tester, "Numbered")
    for number in range(6):
        flags = ["\\Flagged", "\\Seen"] if number % 2 else []
        tester.append(folder, source.next(), flags, DATES[number % len(DATES)])
    view = look(tester, folder, b"SELECT")
    _require(view, 6)
    _judge_order(judge, view)
    _judge_numbers(judge, tester, 6)
    _remove(other, folder, slice(1, 4, 2))
    other.append(folder, source.next(), date=DATES[1])
    for which in (b"*", b"1"):
        other.must(b"COPY " + which + b" " + folder)
    ask_for_news(tester, lambda heard: len(removals(heard)) == 2 and 7 in sizes(heard))
    _judge_numbers(judge, tester, 7)
    _judge_order(judge, look_afresh(storage, folder))
    _judge_order(judge, look(tester, folder, b"SELECT"))


def _judge_numbers(judge: Judge, tester: Tester, objects: int) -> None:
    for line in (b"FETCH 1:* (UID)", b"UID FETCH 1:* (UID)"):
        answer = tester.must(line)
        told = {number: number_of(items["UID"]) for number, items in numbered(answer) if "UID" in items}
        uids = [told[number] for number in sorted(told)]
        holds = sorted(told) == list(range(1, objects + 1)) and uids == sorted(set(uids))
        expected = f"{line.decode()} gives the numbers 1 to {objects} with ascending UIDs"
        judge.check("OP02-S10", holds, expected, f"{told}", answer.entry)
