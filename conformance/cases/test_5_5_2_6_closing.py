"""5.5.2.6 remove object: CLOSE removes silently, and nothing is removed in a folder that is active for reading only."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.wire import Exchange
from conformance.outcomes import Reason
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.notices import Bystander, removals
from conformance.scenario.storage import Storage, Tester
from conformance.servers.protocol import Ability

PATTERNS: dict[str, Sequence[int]] = {
    "first": [1],
    "last": [5],
    "with-gaps": [2, 4],
    "all": range(1, 6),
    "none": [],
}

UNDER_EXAMINE = {
    "expunge": b"EXPUNGE",
    "uid-expunge": b"UID EXPUNGE 1:*",
}


def _prepared(storage: Storage, tester: Tester, numbers: Sequence[int]) -> tuple[bytes, list[int], list[int]]:
    """A folder of five objects: its name, the UIDs, and those of the marked ones."""
    folder, uids = storage.filled(tester, 5)
    marked = [uids[number - 1] for number in numbers]
    if marked:
        tester.store(marked, "+FLAGS (\\Deleted)")
    return folder, uids, marked


def _judge_closed(judge: Judge, tester: Tester, answer: Exchange) -> None:
    """CLOSE was answered OK, told no removal, and no folder is active any more."""
    judge.check("OP06-S5", answer.ok, "OK", answer.told, answer.entry)
    told = removals(answer.untagged)
    judge.check("OP06-S5", not told, "no EXPUNGE in answer to CLOSE", f"EXPUNGE {told}", answer.entry)
    if not answer.ok:
        return
    fetched = tester.ask(b"UID FETCH 1:* (UID)")
    holds = fetched.status in ("NO", "BAD") and not fetched.named("FETCH")
    observed = f"UID FETCH {fetched.status}, {len(fetched.named('FETCH'))} objects shown"
    judge.check("OP06-S5", holds, "no folder is active", observed, fetched.entry)
    alive = tester.ask(b"NOOP")
    judge.check("OP06-S5", alive.ok, "the session goes on", f"NOOP {alive.status}", alive.entry)


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=list(PATTERNS))
@server_case("close-removes-exactly-the-marked", "OP06-S5")
def test_close_removes_exactly_the_marked(storage: Storage, judge: Judge, pattern: Sequence[int]) -> None:
    """A server removes by CLOSE exactly the marked objects, tells no removal, and leaves no folder active."""
    tester = storage.connect()
    folder, uids, marked = _prepared(storage, tester, pattern)
    answer = tester.ask(b"CLOSE")
    _judge_closed(judge, tester, answer)
    left, there = [uid for uid in uids if uid not in marked], sorted(storage.afresh(folder))
    judge.check("OP06-S5", there == left, f"{left} are left", f"{there} are left", answer.entry)
    tester.select(folder)
    again = tester.uids()
    judge.check("OP06-S5", again == left, f"{left} are left in the folder selected again", f"{again}")


@server_case("close-tells-no-removal-by-others", "OP06-S5")
def test_close_tells_no_removal_by_others(storage: Storage, judge: Judge) -> None:
    """A server tells no removal at CLOSE, not even those by others that it had not told before."""
    bystander = Bystander(storage)
    bystander.others_expunge()
    answer = bystander.tester.ask(b"CLOSE")
    bystander.check_removed()
    _judge_closed(judge, bystander.tester, answer)


@server_case("close-after-examine-removes-nothing", "OP06-S5")
def test_close_after_examine_removes_nothing(storage: Storage, judge: Judge) -> None:
    """A server removes nothing by CLOSE and reports no error when the folder was selected by EXAMINE."""
    tester = storage.connect()
    folder, uids, marked = _prepared(storage, tester, [1, 3])
    tester.examine(folder)
    answer = tester.ask(b"CLOSE")
    _judge_closed(judge, tester, answer)
    if _judge_untouched(judge, storage, folder, uids, marked, answer):
        _control(judge, storage, folder, uids, marked)


def _judge_untouched(
    judge: Judge, storage: Storage, folder: bytes, uids: list[int], marked: list[int], answer: Exchange
) -> bool:
    after = storage.afresh(folder)
    still = sorted(uid for uid, flags in after.items() if "\\deleted" in flags)
    observed = f"{answer.status}; {sorted(after)} are left, {still} marked"
    holds = sorted(after) == uids and still == marked
    return judge.check("OP06-S5", holds, f"{uids} are left, {marked} marked", observed, answer.entry)


def _control(judge: Judge, storage: Storage, folder: bytes, uids: list[int], marked: list[int]) -> None:
    """The same marks are expunged where the folder is active for writing."""
    later = storage.connect()
    later.select(folder)
    answer = later.ask(b"CLOSE")
    left, there = [uid for uid in uids if uid not in marked], sorted(storage.afresh(folder))
    holds = answer.ok and there == left
    judge.check("OP06-S5", holds, f"CLOSE after SELECT leaves {left}", f"{answer.status}; {there}", answer.entry)


@pytest.mark.parametrize("kind", UNDER_EXAMINE)
@server_case("nothing-is-removed-under-examine", "OP06-S5")
def test_nothing_is_removed_under_examine(storage: Storage, judge: Judge, kind: str) -> None:
    """A server removes nothing from a folder that was selected by EXAMINE, whatever command asks for it."""
    tester = storage.connect()
    needed = {"uid-expunge": "UIDPLUS"}.get(kind)
    if needed and needed not in tester.capabilities:
        raise NotApplicable(f"{needed} is not announced")
    folder, uids, marked = _prepared(storage, tester, [1, 3])
    tester.examine(folder)
    answer = tester.ask(UNDER_EXAMINE[kind])
    told = removals(answer.untagged)
    judge.check("OP06-S5", not told, "no EXPUNGE under EXAMINE", f"EXPUNGE {told}", answer.entry)
    if _judge_untouched(judge, storage, folder, uids, marked, answer):
        _control(judge, storage, folder, uids, marked)


@server_case("close-in-a-read-only-folder-removes-nothing", "OP06-S5")
def test_close_in_a_read_only_folder_removes_nothing(storage: Storage, judge: Judge) -> None:
    """A server removes nothing by CLOSE and reports no error when SELECT found the folder to be read-only."""
    if Ability.READ_ONLY not in storage.server.abilities:
        raise NotApplicable("the adapter cannot make a folder read-only", Reason.NO_ABILITY)
    tester = storage.connect()
    folder, uids, marked = _prepared(storage, tester, [1, 3])
    tester.must(b"CHECK")
    storage.server.set_read_only(storage.account, storage.hierarchy.name(("Folder",)))
    reader = storage.connect()
    told = reader.select(folder)
    if told.code != "READ-ONLY":
        raise NotApplicable(f"the folder was not selected read-only, but {told.code or 'without a code'}")
    answer = reader.ask(b"CLOSE")
    _judge_closed(judge, reader, answer)
    _judge_untouched(judge, storage, folder, uids, marked, answer)
