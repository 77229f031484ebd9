"""5.5.2.2 set active folder: the highest mod-sequence, where the server offers CONDSTORE (RFC 7162 3.1.2)."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.syntax import number_of
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.looking import look_afresh, status_of
from conformance.scenario.storage import Selection, Storage, Tester, selection

OBJECTS = [of_kind(kind, f"modified-{number}").octets for number, kind in enumerate(ObjectKind)]
CHANGES = {
    "add-a-flag": "UID STORE 1:* +FLAGS (\\Flagged)",
    "add-a-flag-silently": "UID STORE 1:* +FLAGS.SILENT (\\Flagged)",
    "take-a-flag": "UID STORE 1:* -FLAGS (\\Answered)",
    "replace-the-flags": "UID STORE 1:* FLAGS (\\Draft)",
    "change-the-first": "STORE 1 +FLAGS (\\Seen)",
    "see-the-last": "FETCH 3 (BODY[])",
    "append": "APPEND",
    "copy": "UID COPY 1:* {folder}",
}


def _connect(storage: Storage) -> Tester:
    tester = storage.connect()
    if "CONDSTORE" not in tester.capabilities:
        raise NotApplicable("CONDSTORE is not announced")
    return tester


def _select(tester: Tester, folder: bytes, command: bytes = b"SELECT") -> Selection:
    """Set a folder active with the parameter that puts CONDSTORE in use."""
    return selection(tester.must(command + b" " + folder + b" (CONDSTORE)"))


def _judge_told(judge: Judge, tester: Tester, told: Selection) -> None:
    """One of the two codes is told, and HIGHESTMODSEQ is not below the mod-sequence of any object."""
    codes = [f"HIGHESTMODSEQ {told.highest_modseq}"] * (told.highest_modseq is not None) + ["NOMODSEQ"] * told.no_modseq
    entry = told.answer.entry
    holds = len(codes) == 1
    judge.check("OP02-S5", holds, "HIGHESTMODSEQ or NOMODSEQ before OK", " and ".join(codes) or "neither", entry)
    if told.highest_modseq is None:
        return
    highest = max(_modseqs(tester), default=0)
    observed = f"HIGHESTMODSEQ {told.highest_modseq} with an object of mod-sequence {highest}"
    holds = told.highest_modseq >= max(highest, 1)
    judge.check("OP02-S5", holds, "no object has a mod-sequence above HIGHESTMODSEQ", observed, entry)


def _modseqs(tester: Tester) -> list[int]:
    fetched = tester.fetch("1:*", "UID MODSEQ")
    return [number_of(items["MODSEQ"]) for items in fetched.values() if "MODSEQ" in items]


@pytest.mark.parametrize("way", ["select-with-parameter", "enable", "status", "fetch"])
@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
@server_case("highest-modseq-is-told", "OP02-S5")
def test_highest_modseq_is_told(storage: Storage, judge: Judge, command: str, way: str) -> None:
    """A server with CONDSTORE in use tells with every selection the highest mod-sequence, or that there is none."""
    tester = _connect(storage)
    folder, _ = storage.filled(storage.connect(), 3, "Filled")
    empty = storage.folder(storage.connect(), "Empty")
    if way == "select-with-parameter":
        _judge_told(judge, tester, _select(tester, folder, command.encode()))
    elif way == "enable":
        if "ENABLE" not in tester.capabilities:
            raise NotApplicable("ENABLE is not announced")
        tester.must(b"ENABLE CONDSTORE")
    elif way == "status":
        tester.must(b"STATUS " + folder + b" (HIGHESTMODSEQ)")
    else:
        tester.examine(folder)
        if not tester.ask(b"UID FETCH 1:* (MODSEQ)").ok:
            raise NotApplicable("the folder has no mod-sequences")
    for each in (folder, empty, folder, folder):
        _judge_told(judge, tester, selection(tester.must(command.encode() + b" " + each)))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("whose", ["its-own", "another"])
@server_case("highest-modseq-rises", "OP02-S5", "OP02-S16")
def test_highest_modseq_rises(storage: Storage, judge: Judge, whose: str, change: str) -> None:
    """A server raises the highest mod-sequence with every change of flags and every addition, whoever makes it."""
    tester = _connect(storage)
    folder, uids = storage.filled(tester, 3, "Modified")
    told = _select(tester, folder)
    if told.no_modseq:
        raise NotApplicable("the folder has no mod-sequences")
    tester.store(uids, "+FLAGS (\\Answered)")
    before = _select(storage.connect(), folder, b"EXAMINE")
    state = look_afresh(storage, folder).state
    _change(tester if whose == "its-own" else storage.connect(), folder, change)
    if look_afresh(storage, folder).state == state:
        raise NotApplicable(f"{change}: the server keeps nothing of it")
    for observer, command in ((storage.connect(), b"EXAMINE"), (tester, b"SELECT")):
        after = _select(observer, folder, command)
        _judge_told(judge, observer, after)
        risen = (after.highest_modseq or 0) > (before.highest_modseq or 0)
        observed = f"HIGHESTMODSEQ {after.highest_modseq}"
        expected = f"more than {before.highest_modseq}, which it was before the change"
        judge.check("OP02-S5", risen, expected, observed, after.answer.entry)
    _judge_status(storage, judge, folder)


def _change(tester: Tester, folder: bytes, change: str) -> None:
    _select(tester, folder)
    if change == "append":
        tester.append(folder, OBJECTS[0])
    else:
        tester.must(CHANGES[change].encode().replace(b"{folder}", folder))


def _judge_status(storage: Storage, judge: Judge, folder: bytes) -> None:
    answer = storage.connect().must(b"STATUS " + folder + b" (HIGHESTMODSEQ)")
    asked, told = status_of(answer).get("HIGHESTMODSEQ"), _select(storage.connect(), folder, b"EXAMINE")
    observed = f"STATUS tells {asked}, EXAMINE {told.highest_modseq}"
    judge.check("OP02-S16", asked == told.highest_modseq, "one HIGHESTMODSEQ", observed, answer.entry)


@server_case("highest-modseq-after-removals", "OP02-S5")
def test_highest_modseq_after_removals(storage: Storage, judge: Judge) -> None:
    """A server keeps the highest mod-sequence at or above that of every object that is left when others are removed."""
    tester = _connect(storage)
    folder, uids = storage.filled(tester, 3, "Removed")
    before = _select(tester, folder)
    for uid in (uids[2], uids[0]):
        tester.store([uid], "+FLAGS (\\Deleted)")
        tester.must(b"EXPUNGE")
        observer = storage.connect()
        after = _select(observer, folder, b"EXAMINE")
        _judge_told(judge, observer, after)
        rises = (after.highest_modseq or 0) > (before.highest_modseq or 0)
        judge.observe("HIGHESTMODSEQ after a removal", "rises" if rises else "does not rise", after.answer.entry)
        before = after
