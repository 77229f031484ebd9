"""5.5.2.6 remove object: exactly the objects that are marked and expunged are removed, and no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.data import compact_uids
from conformance.imap.wire import Exchange
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.notices import Numbering, ask_for_news, removals
from conformance.scenario.storage import Storage, body_of, uids_in_order

Uids = Sequence[int]

# How many objects there are, and the message numbers of the marked ones.
PATTERNS: dict[str, tuple[int, Sequence[int]]] = {
    "first": (4, [1]),
    "last": (4, [4]),
    "all": (5, range(1, 6)),
    "none": (4, []),
    "only-one-there-is": (1, [1]),
    "with-gaps": (11, [3, 4, 7, 11]),
    "every-other": (12, range(1, 13, 2)),
    "all-but-first-and-last": (9, range(2, 9)),
    "many": (40, [*range(2, 30, 3), *range(31, 37), 40]),
}

# The UIDs that UID EXPUNGE names, of eight objects of which 2, 3, 5 and 8 are marked, and those it has to remove.
NAMED: dict[str, tuple[Callable[[Uids], str], Sequence[int]]] = {
    "one-of-the-marked": (lambda uids: f"{uids[2]}", [3]),
    "some-of-the-marked": (lambda uids: f"{uids[7]},{uids[1]}", [2, 8]),
    "marked-and-unmarked": (lambda uids: f"{uids[0]}:{uids[3]}", [2, 3]),
    "range-turned-round": (lambda uids: f"{uids[5]}:{uids[2]}", [3, 5]),
    "newest": (lambda _: "*", [8]),
    "everything": (lambda _: "1:*", [2, 3, 5, 8]),
    "only-unmarked": (lambda uids: f"{uids[0]},{uids[3]}", []),
    "with-unknown-uids": (lambda uids: f"{uids[1]},{uids[7] + 100}:{uids[7] + 200}", [2]),
    "only-unknown-uids": (lambda uids: f"{uids[7] + 100},{uids[7] + 300}", []),
}


def _at(uids: Uids, numbers: Sequence[int]) -> list[int]:
    return [uids[number - 1] for number in numbers]


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=list(PATTERNS))
@server_case("expunge-removes-exactly-the-marked", "OP06-S1", "OP06-S4")
def test_expunge_removes_exactly_the_marked(storage: Storage, judge: Judge, pattern: tuple[int, Sequence[int]]) -> None:
    """A server removes by EXPUNGE every object that is marked and no other, and tells each removal."""
    tester = storage.connect()
    folder, uids = storage.filled(tester, pattern[0])
    marked = _at(uids, pattern[1])
    if marked:
        tester.store(marked, "+FLAGS (\\Deleted)")
    before = storage.afresh(folder)
    shown = [uid for uid, flags in before.items() if "\\deleted" in flags]
    holds = sorted(before) == uids and sorted(shown) == marked
    observed = f"{sorted(before)} there, {sorted(shown)} with the mark"
    judge.check("OP06-S1", holds, f"{uids} there, {marked} with the mark", observed)
    answer = tester.ask(b"EXPUNGE")
    left = [uid for uid in uids if uid not in marked]
    here, later = tester.uids(), sorted(storage.afresh(folder))
    observed = f"{answer.status}; left in this session {here}, in a later one {later}"
    judge.check("OP06-S1", answer.ok and here == later == left, f"OK, and {left} left", observed, answer.entry)
    _judge_notices(judge, uids, answer, left)


def _judge_notices(judge: Judge, uids: Uids, answer: Exchange, left: Uids) -> None:
    numbering = Numbering(uids)
    numbering.follow(answer.untagged)
    observed = f"EXPUNGE {removals(answer.untagged)}, which leaves {numbering.uids}; {numbering.impossible}"
    holds = numbering.uids == left and not numbering.impossible
    judge.check("OP06-S4", holds, f"notices that leave {left}", observed, answer.entry)


@pytest.mark.parametrize("named", NAMED.values(), ids=list(NAMED))
@server_case("uid-expunge-spares-what-it-does-not-name", "OP06-S1", "OP06-S4")
def test_uid_expunge_spares_what_it_does_not_name(
    storage: Storage, judge: Judge, named: tuple[Callable[[Uids], str], Sequence[int]]
) -> None:
    """A server removes by UID EXPUNGE what is both named and marked, and spares what others have marked."""
    tester, other = storage.connect(), storage.connect()
    if "UIDPLUS" not in tester.capabilities:
        raise NotApplicable("UIDPLUS is not announced")
    folder, uids = storage.filled(tester, 8)
    other.select(folder)
    marked, removed = _at(uids, [2, 3, 5, 8]), _at(uids, named[1])
    other.store(marked, "+FLAGS (\\Deleted)")
    tester.must(b"NOOP")
    answer = tester.ask(f"UID EXPUNGE {named[0](uids)}".encode())
    left = [uid for uid in uids if uid not in removed]
    after = storage.afresh(folder)
    still = sorted(uid for uid, flags in after.items() if "\\deleted" in flags)
    holds = answer.ok and sorted(after) == tester.uids() == left
    kept = still == [uid for uid in marked if uid not in removed]
    observed = f"{answer.status}; left {sorted(after)}, of them {still} marked"
    judge.check("OP06-S1", holds and kept, f"OK, {left} left, and their marks", observed, answer.entry)
    _judge_notices(judge, uids, answer, left)


@pytest.mark.parametrize("command", ["UID MOVE", "MOVE"])
@server_case("move-removes-exactly-the-named", "OP06-S1", "OP06-S6")
def test_move_removes_exactly_the_named(storage: Storage, judge: Judge, command: str) -> None:
    """A server that offers MOVE takes exactly the named objects out of the folder, and spares the marked ones."""
    tester = storage.connect()
    if "MOVE" not in tester.capabilities:
        raise NotApplicable("MOVE is not announced")
    target = storage.folder(tester, "Target")
    source, uids = storage.filled(tester, 7, "Source")
    tester.store([uids[3]], "+FLAGS (\\Deleted)")
    moved = _at(uids, [2, 5, 7])
    bodies = [body_of(items) for _, items in sorted(tester.fetch(moved, "UID BODY.PEEK[]").items())]
    named = compact_uids(moved if command.startswith("UID") else [2, 5, 7])
    answer = tester.ask(f"{command} {named} ".encode() + target)
    news = ask_for_news(tester, lambda _: True)
    left = [uid for uid in uids if uid not in moved]
    after = storage.afresh(source)
    marked = [uid for uid, flags in after.items() if "\\deleted" in flags]
    holds = answer.ok and sorted(after) == left and marked == [uids[3]] and _bodies(storage, target) == bodies
    observed = f"{answer.status}; {sorted(after)} left, {marked} marked, {len(_bodies(storage, target))} arrived"
    judge.check("OP06-S1", holds, f"{left} left, the mark kept, {moved} in the target", observed, answer.entry)
    numbering = Numbering(uids)
    numbering.follow([*answer.untagged, *news])
    numbers = tester.ask(b"FETCH 1:* (UID)")
    agreed = numbering.uids == uids_in_order(numbers) == left and not numbering.impossible
    observed = f"the notices leave {numbering.uids}, FETCH says {uids_in_order(numbers)}"
    judge.check("OP06-S6", agreed, f"both {left}", observed, numbers.entry)


def _bodies(storage: Storage, folder: bytes) -> list[bytes | None]:
    later = storage.connect()
    later.examine(folder)
    return [body_of(items) for _, items in sorted(later.fetch("1:*", "UID BODY.PEEK[]").items())]


@server_case("unmarked-again-is-not-removed", "OP06-S1")
def test_unmarked_again_is_not_removed(storage: Storage, judge: Judge) -> None:
    """A server does not remove an object whose mark was taken away again, by whichever session."""
    tester, other = storage.connect(), storage.connect()
    folder, uids = storage.filled(tester, 5)
    other.select(folder)
    tester.store(uids[:4], "+FLAGS (\\Deleted)")
    tester.store(uids[:1], "-FLAGS (\\Deleted)")
    tester.store(uids[1:2], "FLAGS (\\Seen)")
    other.store(uids[2:3], "-FLAGS.SILENT (\\Deleted)")
    answer = tester.ask(b"EXPUNGE")
    left = sorted(storage.afresh(folder))
    wanted = [*uids[:3], uids[4]]
    judge.check("OP06-S1", answer.ok and left == wanted, f"{wanted} left", f"{answer.status}; {left}", answer.entry)
