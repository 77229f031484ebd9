"""5.5.2.13 update metadata with CONDSTORE: every change is numbered, and no change by others is overwritten."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.data import UidSet
from conformance.imap.syntax import number_of, text_of
from conformance.imap.wire import Exchange
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Selection, Storage, Tester, selection

CHANGES = ("+FLAGS (\\Flagged)", "-FLAGS (\\Seen)", "FLAGS.SILENT (\\Answered)", "FLAGS ()")


def _prepared(storage: Storage, tester: Tester, count: int) -> tuple[bytes, list[int]]:
    r"""An active folder whose objects have mod-sequences and the flag `\Seen`."""
    if "CONDSTORE" not in tester.capabilities:
        raise NotApplicable("CONDSTORE is not announced")
    folder, uids = storage.filled(tester, count)
    told = _select(tester, folder)
    if told.no_modseq:
        raise NotApplicable("the folder has no mod-sequences")
    if not told.keeps("\\Seen", "\\Flagged", "\\Answered"):
        raise NotApplicable("PERMANENTFLAGS does not list \\Seen, \\Flagged and \\Answered")
    tester.store(uids, "FLAGS.SILENT (\\Seen)")
    return folder, uids


def _select(tester: Tester, folder: bytes) -> Selection:
    return selection(tester.must(b"SELECT " + folder + b" (CONDSTORE)"))


def _modseqs(tester: Tester) -> dict[int, int]:
    """The mod-sequence of each object of the active folder."""
    fetched = tester.fetch("1:*", "UID MODSEQ")
    return {uid: number_of(items["MODSEQ"]) for uid, items in fetched.items() if "MODSEQ" in items}


@server_case("mod-sequences-rise-with-each-change", "OP13-S3")
def test_mod_sequences_rise_with_each_change(storage: Storage, judge: Judge) -> None:
    """A server gives an object a new highest mod-sequence with each change of its flags, and no other object."""
    tester, other = storage.connect(), storage.connect()
    folder, uids = _prepared(storage, tester, 3)
    other.select(folder)
    for change in CHANGES:
        before, highest = _modseqs(tester), _select(tester, folder).highest_modseq
        answer = other.ask(f"UID STORE {uids[1]} {change}".encode())
        later = storage.connect()
        told, after = _select(later, folder), _modseqs(later)
        top = max([highest or 0, *before.values()])
        others = {uid: value for uid, value in after.items() if uid != uids[1]}
        kept = before.keys() == after.keys() and others.items() <= before.items()
        holds = answer.ok and kept and after[uids[1]] > top and (told.highest_modseq or 0) >= after[uids[1]]
        observed = f"{change}: {answer.status}; HIGHESTMODSEQ {told.highest_modseq}, from {before} to {after}"
        judge.check("OP13-S3", holds, f"that of {uids[1]} above {top}, in HIGHESTMODSEQ too", observed, answer.entry)


@pytest.mark.parametrize("news", [False, True], ids=["not-told-yet", "told"])
@pytest.mark.parametrize("by", ["UID STORE", "STORE"])
@server_case("unchangedsince-protects-changes-by-others", "OP13-S3")
def test_unchangedsince_protects_changes_by_others(storage: Storage, judge: Judge, by: str, news: bool) -> None:  # noqa: FBT001
    """A server leaves alone what was changed since the given mod-sequence, changes the rest, and tells them apart."""
    tester, other = storage.connect(), storage.connect()
    folder, uids = _prepared(storage, tester, 4)
    known = max(_modseqs(tester).values())
    other.select(folder)
    other.store([uids[1]], "+FLAGS (\\Flagged)")
    other.store([uids[1]], "-FLAGS (\\Flagged)")
    if news:
        tester.must(b"NOOP")
    named = f"{uids[0]}:{uids[2]}" if by == "UID STORE" else "1:3"
    answer = tester.ask(f"{by} {named} (UNCHANGEDSINCE {known}) +FLAGS.SILENT (\\Flagged)".encode())
    _judge_protected(storage, judge, folder, answer, [uids[0], uids[2]], [uids[1] if by == "UID STORE" else 2])
    risen = {uid for uid, value in _modseqs(tester).items() if value > known}
    judge.check("OP13-S3", risen == {*uids[:3]}, f"{uids[:3]} have risen above {known}", f"{sorted(risen)}")
    current = max(_modseqs(tester).values())
    again = tester.ask(f"UID STORE {uids[1]} (UNCHANGEDSINCE {current}) +FLAGS.SILENT (\\Flagged)".encode())
    _judge_protected(storage, judge, folder, again, uids[:3], [])


def _judge_protected(
    storage: Storage, judge: Judge, folder: bytes, answer: Exchange, changed: list[int], failed: list[int]
) -> None:
    """Exactly these were changed, those others named in MODIFIED; with a failure NO is as good as OK."""
    flagged = sorted(uid for uid, flags in storage.afresh(folder).items() if "\\flagged" in flags)
    code = answer.code
    is_modified = code is not None and code.name == "MODIFIED" and bool(code.arguments)
    named = UidSet.parse(text_of(code.arguments[0])).expand() if code is not None and is_modified else []
    status = answer.ok or (answer.status == "NO" and bool(failed))
    observed = f"{answer.told}; MODIFIED {named}, {flagged} changed"
    holds = status and flagged == changed and named == failed
    judge.check("OP13-S3", holds, f"MODIFIED {failed}, {changed} changed", observed, answer.entry)


@server_case("unchangedsince-zero-protects-everything", "OP13-S3")
def test_unchangedsince_zero_protects_everything(storage: Storage, judge: Judge) -> None:
    """A server changes no system flag under UNCHANGEDSINCE 0, as each has some mod-sequence, and says so."""
    tester = storage.connect()
    folder, uids = _prepared(storage, tester, 2)
    answer = tester.ask(b"UID STORE 1:* (UNCHANGEDSINCE 0) +FLAGS.SILENT (\\Flagged)")
    _judge_protected(storage, judge, folder, answer, [], uids)
    unconditional = tester.ask(b"UID STORE 1:* +FLAGS.SILENT (\\Flagged)")
    _judge_protected(storage, judge, folder, unconditional, uids, [])
