"""5.5.2.6 remove object: every session's message numbers follow from the removals it was told of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.data import compact_uids, fetch_items
from conformance.imap.syntax import Response, number_of
from conformance.scenario.judge import Judge, NotApplicable, PreconditionNotReached
from conformance.scenario.notices import Bystander, Numbering, ask_for_news, listen, removals, send
from conformance.scenario.storage import Storage, Tester

PATTERNS: dict[str, Sequence[int]] = {
    "first": [1],
    "last": [9],
    "with-gaps": [2, 3, 7],
    "all-but-one": [1, 2, 3, 4, 6, 7, 8, 9],
}


def _idle(tester: Tester) -> list[Response]:
    if "IDLE" not in tester.capabilities:
        raise NotApplicable("IDLE is not announced")
    tester.wire.idle()
    heard = listen(tester)
    return [*heard, *tester.wire.done().untagged]


def _ask(line: bytes) -> Callable[[Tester], Sequence[Response]]:
    return lambda tester: tester.must(line).untagged


TOLD_DURING: dict[str, Callable[[Tester], Sequence[Response]]] = {
    "noop": _ask(b"NOOP"),
    "check": _ask(b"CHECK"),
    "uid-fetch": _ask(b"UID FETCH 1:* (FLAGS)"),
    "uid-store": _ask(b"UID STORE 1:* +FLAGS (\\Seen)"),
    "uid-search": _ask(b"UID SEARCH ALL"),
    "own-expunge": _ask(b"EXPUNGE"),
    "idle": _idle,
}

REMOVE: dict[str, Callable[[Tester, Sequence[int]], object]] = {
    "expunge": lambda tester, _: tester.must(b"EXPUNGE"),
    "close": lambda tester, _: tester.must(b"CLOSE"),
    "uid-expunge": lambda tester, uids: tester.must(b"UID EXPUNGE " + compact_uids(uids).encode()),
}


def _judge_numbers(judge: Judge, tester: Tester, numbering: Numbering, left: Sequence[int]) -> None:
    """Each number stands for the UID that the notices give it, and everything that is left has a number."""
    shown: dict[int, int] = {}
    entry = None
    for number in range(1, len(numbering.uids) + 1):
        answer = tester.ask(f"FETCH {number} (UID)".encode())
        entry = answer.entry
        items = [fetch_items(each) for each in answer.named("FETCH") if each.number == number]
        shown.update((number, number_of(each["UID"])) for each in items if "UID" in each)
    agreed = all(numbering.uids[number - 1] == uid for number, uid in shown.items()) and not numbering.impossible
    observed = f"FETCH shows {shown}; {'; '.join(numbering.impossible) or 'every notice is possible'}"
    holds = agreed and set(left) <= set(shown.values())
    judge.check("OP06-S6", holds, f"by the notices the numbers are those of {numbering.uids}", observed, entry)


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=list(PATTERNS))
@server_case("numbers-move-up-after-own-expunge", "OP06-S6")
def test_numbers_move_up_after_own_expunge(storage: Storage, judge: Judge, pattern: Sequence[int]) -> None:
    """A server counts the remaining objects anew from the EXPUNGE notices on, in what it shows and what it changes."""
    tester = storage.connect()
    folder, uids = storage.filled(tester, 9)
    tester.store([uids[number - 1] for number in pattern], "+FLAGS (\\Deleted)")
    left = [uid for number, uid in enumerate(uids, 1) if number not in pattern]
    numbering = Numbering(uids)
    numbering.follow(tester.must(b"EXPUNGE").untagged)
    _judge_numbers(judge, tester, numbering, left)
    last = len(left)
    answer = tester.ask(f"STORE {last} +FLAGS (\\Deleted)".encode())
    marked = [uid for uid, flags in storage.afresh(folder).items() if "\\deleted" in flags]
    holds = answer.ok and marked == left[-1:]
    judge.check("OP06-S6", holds, f"STORE {last} changes {left[-1:]}", f"{answer.status}; {marked}", answer.entry)


@pytest.mark.parametrize("ask", TOLD_DURING.values(), ids=list(TOLD_DURING))
@server_case("numbers-agree-with-what-was-told", "OP06-S6")
def test_numbers_agree_with_what_was_told(
    storage: Storage, judge: Judge, ask: Callable[[Tester], Sequence[Response]]
) -> None:
    """A server keeps the old message numbers until it tells a removal by others, and the new ones afterwards."""
    bystander = Bystander(storage)
    numbering = Numbering(bystander.uids)
    bystander.others_expunge()
    numbering.follow(ask(bystander.tester))
    bystander.check_removed()
    if not numbering.removed:
        judge.remark("the removals by another session were not told here")
    _judge_numbers(judge, bystander.tester, numbering, bystander.left)


@pytest.mark.parametrize("remove", REMOVE.values(), ids=list(REMOVE))
@server_case("other-sessions-are-told-of-removals", "OP06-S7", "OP06-S6")
def test_other_sessions_are_told_of_removals(
    storage: Storage, judge: Judge, remove: Callable[[Tester, Sequence[int]], object]
) -> None:
    """A server tells a session that asks for news which objects another session removed, by whatever command."""
    bystander = Bystander(storage)
    if remove is REMOVE["uid-expunge"] and "UIDPLUS" not in bystander.tester.capabilities:
        raise NotApplicable("UIDPLUS is not announced")
    remove(bystander.other, bystander.gone)
    numbering = Numbering(bystander.uids)
    numbering.follow(ask_for_news(bystander.tester, partial(_is_enough, len(bystander.gone))))
    bystander.check_removed()
    told = sorted(uid for uid in numbering.removed if uid is not None)
    entry = bystander.tester.wire.last_entry
    judge.check("OP06-S7", told == bystander.gone, f"told that {bystander.gone} are gone", f"told {told}", entry)
    _judge_numbers(judge, bystander.tester, numbering, bystander.left)


@server_case("own-and-others-removals-together", "OP06-S4", "OP06-S6")
def test_own_and_others_removals_together(storage: Storage, judge: Judge) -> None:
    """A server that owes a session removals by others tells them so that its own removals keep their numbers."""
    bystander = Bystander(storage, numbers=(1, 4, 9), count=10)
    tester, uids = bystander.tester, bystander.uids
    bystander.others_expunge()
    own = [uids[1], uids[4], uids[9]]
    numbering = Numbering(uids)
    numbering.follow(tester.must(f"UID STORE {compact_uids(own)} +FLAGS (\\Deleted)".encode()).untagged)
    answer = tester.ask(b"EXPUNGE")
    numbering.follow(answer.untagged)
    bystander.left = [uid for uid in bystander.left if uid not in own]
    bystander.check_removed()
    told = set(own) <= set(numbering.removed)
    observed = f"{answer.status}; told are {numbering.removed}; {numbering.impossible}"
    holds = answer.ok and told and not numbering.impossible
    judge.check("OP06-S4", holds, f"OK, and {own} are told", observed, answer.entry)
    _judge_numbers(judge, tester, numbering, bystander.left)


@pytest.mark.parametrize("command", ["EXPUNGE", "UID EXPUNGE"])
@server_case("two-sessions-expunge-at-once", "OP06-S1", "OP06-S6")
def test_two_sessions_expunge_at_once(storage: Storage, judge: Judge, command: str) -> None:
    """A server removes what two sessions expunge at the same time once, and lets each of them follow the numbers."""
    first, second = storage.connect(), storage.connect()
    if command == "UID EXPUNGE" and "UIDPLUS" not in first.capabilities:
        raise NotApplicable("UIDPLUS is not announced")
    folder, uids = storage.filled(first, 16)
    second.select(folder)
    numberings = {first: Numbering(uids), second: Numbering(uids)}
    left = uids
    for round_ in range(3):
        doomed = {first: [left[1], left[3]], second: [left[0], left[3]]}
        for tester, marked in doomed.items():
            numberings[tester].follow(tester.store(marked, "+FLAGS.SILENT (\\Deleted)").untagged)
        for tester, numbering in numberings.items():
            numbering.follow(tester.must(b"NOOP").untagged)
        sent = {tester: send(tester, _naming(command, marked)) for tester, marked in doomed.items()}
        for tester, tag in sent.items():
            answer = tester.wire.finish(tag)
            if not answer.ok:
                raise PreconditionNotReached(f"{command}: {answer.told} in round {round_ + 1}")
            numberings[tester].follow(answer.untagged)
        left = [uid for uid in left if uid not in (*doomed[first], *doomed[second])]
    there = sorted(storage.afresh(folder))
    judge.check("OP06-S1", there == left, f"{left} are left", f"{there} are left")
    for tester, numbering in numberings.items():
        numbering.follow(ask_for_news(tester, partial(_is_enough, len(numbering.uids) - len(left))))
        _judge_numbers(judge, tester, numbering, left)


def _naming(command: str, uids: Sequence[int]) -> bytes:
    return f"{command} {compact_uids(uids)}".encode() if command.startswith("UID") else command.encode()


def _is_enough(owed: int, heard: Sequence[Response]) -> bool:
    return len(removals(heard)) >= owed
