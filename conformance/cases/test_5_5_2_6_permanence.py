"""5.5.2.6 remove object: a marked object stays until it is expunged, an expunged one never comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.data import search_data
from conformance.model.objects import message
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Storage, Tester, by_uid


def _logout(tester: Tester, _: bytes) -> None:
    tester.ask(b"LOGOUT")


def _lose(tester: Tester, _: bytes) -> None:
    tester.wire.abort()


def _unselect(tester: Tester, _: bytes) -> None:
    if "UNSELECT" not in tester.capabilities:
        raise NotApplicable("UNSELECT is not announced")
    tester.must(b"UNSELECT")


WITHOUT_EXPUNGE: dict[str, Callable[[Tester, bytes], object]] = {
    "asks-for-news": lambda tester, _: tester.must(b"NOOP"),
    "checks": lambda tester, _: tester.must(b"CHECK"),
    "selects-another-folder": lambda tester, other: tester.select(other),
    "examines-another-folder": lambda tester, other: tester.examine(other),
    "selects-one-that-is-not-there": lambda tester, other: tester.ask(b"SELECT " + other[:-1] + b' not there"'),
    "leaves-the-folder": _unselect,
    "logs-out": _logout,
    "is-cut-off": _lose,
}

BY: dict[str, Callable[[Tester, str], object]] = {
    "expunge": lambda tester, _: tester.must(b"EXPUNGE"),
    "close": lambda tester, _: tester.must(b"CLOSE"),
    "uid-expunge": lambda tester, uids: tester.must(f"UID EXPUNGE {uids}".encode()),
}


@pytest.mark.parametrize("leave", WITHOUT_EXPUNGE.values(), ids=list(WITHOUT_EXPUNGE))
@server_case("marked-objects-stay-until-expunged", "OP06-S1")
def test_marked_objects_stay_until_expunged(
    storage: Storage, judge: Judge, leave: Callable[[Tester, bytes], object]
) -> None:
    """A server keeps marked objects, and their marks, however the session that marked them goes on or ends."""
    tester = storage.connect()
    other = storage.folder(tester, "Other")
    folder, uids = storage.filled(tester, 3)
    tester.store(uids[1:], "+FLAGS (\\Deleted)")
    leave(tester, other)
    after = storage.afresh(folder)
    marked = sorted(uid for uid, flags in after.items() if "\\deleted" in flags)
    observed = f"{sorted(after)} there, {marked} marked"
    judge.check("OP06-S1", sorted(after) == uids and marked == uids[1:], f"{uids} there, {uids[1:]} marked", observed)
    later = storage.connect()
    later.select(folder)
    answer = later.ask(b"EXPUNGE")
    left = sorted(storage.afresh(folder))
    observed = f"{answer.status}; {left} left"
    judge.check("OP06-S1", answer.ok and left == uids[:1], f"EXPUNGE then leaves {uids[:1]}", observed, answer.entry)


@pytest.mark.parametrize("way", BY, ids=list(BY))
@server_case("removed-uids-are-never-used-again", "OP06-S1")
def test_removed_uids_are_never_used_again(storage: Storage, judge: Judge, way: str) -> None:
    """A server never gives the UID of a removed object to another, not even when the newest or all were removed."""
    tester = storage.connect()
    if way == "uid-expunge" and "UIDPLUS" not in tester.capabilities:
        raise NotApplicable("UIDPLUS is not announced")
    folder, held = storage.filled(tester, 3)
    validity, used = tester.select(folder).uid_validity, set(held)
    for removed in (held[-1:], None):
        gone = held if removed is None else removed
        tester.store(gone, "+FLAGS (\\Deleted)")
        BY[way](tester, f"{gone[0]}:{gone[-1]}")
        storage.connect().append(folder, message(f"after-{len(used)}").octets)
        again, now = tester.select(folder), tester.uids()
        kept = [uid for uid in held if uid not in gone]
        new = [uid for uid in now if uid not in kept]
        holds = len(new) == 1 and (new[0] not in used or again.uid_validity != validity)
        observed = f"{kept} and {new} there, {sorted(used)} were used"
        judge.check("OP06-S1", holds, "the new object has a UID that was never used", observed, again.answer.entry)
        used, held = used.union(new), now


@server_case("expunged-object-cannot-be-reached", "OP06-S1")
def test_expunged_object_cannot_be_reached(storage: Storage, judge: Judge) -> None:
    """A server gives no trace of an expunged object: neither its octets, nor its UID, nor a copy of it."""
    tester = storage.connect()
    target = storage.folder(tester, "Target")
    folder, uids = storage.filled(tester, 3)
    tester.store([uids[1]], "+FLAGS (\\Deleted)")
    tester.must(b"EXPUNGE")
    later = storage.connect()
    later.select(folder)
    for session in (tester, later):
        fetched = session.ask(f"UID FETCH {uids[1]} (UID FLAGS BODY.PEEK[])".encode())
        body = by_uid(fetched).get(uids[1])
        judge.check("OP06-S1", body is None, "no data of the expunged object", f"{body}", fetched.entry)
        found = session.ask(f"UID SEARCH UID {uids[1]}".encode())
        hits = [uid for each in found.named("SEARCH") for uid in search_data(each)]
        judge.check("OP06-S1", uids[1] not in hits, "SEARCH does not find it", f"{hits}", found.entry)
        session.ask(f"UID COPY {uids[1]} ".encode() + target)
    copies, left = storage.afresh(target), sorted(storage.afresh(folder))
    judge.check("OP06-S1", not copies, "UID COPY of it copies nothing", f"{len(copies)} objects copied")
    judge.check("OP06-S1", left == [uids[0], uids[2]], f"{[uids[0], uids[2]]} left", f"{left}")
