"""5.5.2.13 update metadata: permanent flags outlive their session and are seen by all others; no other flags are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.wire import Exchange
from conformance.outcomes import Reason
from conformance.scenario import notices
from conformance.scenario.judge import Judge, NotApplicable, PreconditionNotReached
from conformance.scenario.storage import Selection, Storage, Tester
from conformance.servers.protocol import Ability

SYSTEM = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
UNLISTED = ("\\XCpmUnlisted", "CpmUnlisted")

ENDINGS: dict[str, Callable[[Tester, bytes], object]] = {
    "another-folder": lambda tester, other: tester.select(other),
    "close": lambda tester, _: tester.must(b"CLOSE"),
    "logout": lambda tester, _: tester.ask(b"LOGOUT"),
    "lost-connection": lambda tester, _: tester.wire.abort(),
}


def _permanent(told: Selection) -> list[str]:
    """Every flag that PERMANENTFLAGS lists; the system flags where it is missing."""
    listed = SYSTEM if told.permanent_flags is None else told.permanent_flags
    return sorted(flag for flag in listed if flag.lower() not in ("\\*", "\\recent"))


def _seen_by(
    tester: Tester, uids: Sequence[int], wanted: Sequence[frozenset[str] | None]
) -> list[frozenset[str] | None]:
    """The flags that an open session shows after NOOP; they are given a moment to arrive."""
    end = time.monotonic() + notices.PATIENCE
    while True:
        tester.must(b"NOOP")
        seen = [tester.flags(uid) for uid in uids]
        if seen == list(wanted) or time.monotonic() > end:
            return seen
        notices.listen(tester, 0.05)


@server_case("every-permanent-flag-is-seen-by-all-sessions", "OP13-S7")
def test_every_permanent_flag_is_seen_by_all_sessions(storage: Storage, judge: Judge) -> None:
    """A server shows each flag of PERMANENTFLAGS, set and cleared, to sessions that are open and to later ones."""
    tester, other = storage.connect(), storage.connect()
    folder, uids = storage.filled(tester, 2)
    flags = _permanent(tester.select(folder))
    if not flags:
        raise PreconditionNotReached("PERMANENTFLAGS of a folder that was just created lists no flag")
    other.select(folder)
    for flag in flags:
        rest = frozenset(each.lower() for each in flags if each != flag)
        tester.store([uids[1]], f"FLAGS ({' '.join(each for each in flags if each != flag)})")
        for sign, extra in (("+", frozenset({flag.lower()})), ("-", frozenset[str]())):
            answer = tester.ask(f"UID STORE 1:* {sign}FLAGS ({flag})".encode())
            wanted: list[frozenset[str] | None] = [extra, rest | extra]
            now, after = _seen_by(other, uids, wanted), storage.afresh(folder)
            later = [after.get(uid) for uid in uids]
            observed = f"{sign}{flag}: {answer.status}; open session {_told(now)}, later session {_told(later)}"
            holds = answer.ok and now == later == wanted
            judge.check("OP13-S7", holds, f"both see {_told(wanted)}", observed, answer.entry)


def _told(flags: Sequence[frozenset[str] | None]) -> str:
    return " / ".join("nothing" if each is None else " ".join(sorted(each)) or "none" for each in flags)


@pytest.mark.parametrize("end", ENDINGS.values(), ids=list(ENDINGS))
@server_case("flags-outlive-the-session", "OP13-S7")
def test_flags_outlive_the_session(storage: Storage, judge: Judge, end: Callable[[Tester, bytes], object]) -> None:
    """A server keeps what was set and cleared when the session that did it leaves the folder or ends in any way."""
    tester = storage.connect()
    other = storage.folder(tester, "Other")
    folder, uids = storage.filled(tester, 3)
    wanted = _change_all(tester, folder, uids)
    end(tester, other)
    after = storage.afresh(folder)
    judge.check("OP13-S7", after == wanted, _told(list(wanted.values())), _told(list(after.values())))


def _change_all(tester: Tester, folder: bytes, uids: Sequence[int]) -> dict[int, frozenset[str]]:
    """Set and clear flags on three objects; the flags they have to have for good."""
    flags = [flag for flag in _permanent(tester.select(folder)) if flag.lower() != "\\deleted"]
    if not flags:
        raise NotApplicable("PERMANENTFLAGS lists no flag to set")
    tester.store(uids, f"FLAGS.SILENT ({' '.join(flags)})")
    tester.must(b"CHECK")
    tester.store(uids[1:2], f"-FLAGS ({flags[0]})")
    tester.store(uids[2:3], "FLAGS.SILENT ()")
    every = frozenset(flag.lower() for flag in flags)
    return {uids[0]: every, uids[1]: every - {flags[0].lower()}, uids[2]: frozenset()}


@server_case("flags-outlive-a-restart", "OP13-S7")
def test_flags_outlive_a_restart(storage: Storage, judge: Judge) -> None:
    """A server that is stopped and started again has every object with the flags it had before."""
    if Ability.RESTART not in storage.server.abilities:
        raise NotApplicable("the adapter cannot restart the server", Reason.NO_ABILITY)
    tester = storage.connect()
    folder, uids = storage.filled(tester, 3)
    wanted = _change_all(tester, folder, uids)
    tester.ask(b"LOGOUT")
    storage.server.restart()
    after = storage.afresh(folder)
    judge.check("OP13-S7", after == wanted, _told(list(wanted.values())), _told(list(after.values())))


@server_case("unlisted-flags-do-not-persist", "OP13-S2")
def test_unlisted_flags_do_not_persist(storage: Storage, judge: Judge) -> None:
    """A server forgets at the latest with the session what was stored of a flag that PERMANENTFLAGS does not list."""
    tester = storage.connect()
    folder, uids = storage.filled(tester, 2)
    told = tester.select(folder)
    flags = [flag for flag in (*SYSTEM, *UNLISTED) if not told.keeps(flag)]
    if not flags:
        raise NotApplicable("PERMANENTFLAGS is missing: every flag is permanent")
    _control(storage, tester, folder, uids[1])
    changes = [f"{sign}FLAGS ({flag})" for sign in ("", "+") for flag in flags]
    answers = [tester.ask(f"UID STORE {uids[0]} {change}".encode()) for change in changes]
    _judge_forgotten(storage, judge, tester, folder, uids[0], answers)


def _control(storage: Storage, tester: Tester, folder: bytes, uid: int) -> None:
    """Flags that are permanent do persist here; else the server has nothing that could fail to."""
    flags = _permanent(tester.select(folder))
    tester.store([uid], f"+FLAGS ({' '.join(flags)})")
    if storage.afresh(folder).get(uid) != frozenset(flag.lower() for flag in flags):
        raise PreconditionNotReached("not even the flags that PERMANENTFLAGS lists persist")


def _judge_forgotten(
    storage: Storage, judge: Judge, tester: Tester, folder: bytes, uid: int, answers: Sequence[Exchange]
) -> None:
    tester.ask(b"LOGOUT")
    flags = storage.afresh(folder).get(uid)
    told = ", ".join(each.status for each in answers)
    observed = f"UID STORE: {told}; a later session sees {_told([flags])}"
    judge.check("OP13-S2", flags == frozenset(), "no flag in a later session", observed, answers[-1].entry)


# Changes of an object that has the second of two permanent flags, and not the first.
UNDER_EXAMINE = {
    "add": "+FLAGS ({0})",
    "remove": "-FLAGS ({1})",
    "replace": "FLAGS.SILENT ({0})",
    "clear": "FLAGS ()",
}


@pytest.mark.parametrize("change", UNDER_EXAMINE.values(), ids=list(UNDER_EXAMINE))
@server_case("store-under-examine-does-not-persist", "OP13-S2")
def test_store_under_examine_does_not_persist(storage: Storage, judge: Judge, change: str) -> None:
    """A server keeps every flag as it was when STORE is tried in a folder that was selected by EXAMINE."""
    tester = storage.connect()
    folder, uids = storage.filled(tester, 2)
    flags = _permanent(tester.select(folder))[:2]
    if len(flags) < 2:
        raise NotApplicable("PERMANENTFLAGS lists fewer than two flags")
    command = f"UID STORE 1:* {change.format(*flags)}".encode()
    tester.store(uids, f"FLAGS ({flags[1]})")
    before = storage.afresh(folder)
    tester.examine(folder)
    answer = tester.ask(command)
    tester.ask(b"LOGOUT")
    after = storage.afresh(folder)
    observed = f"{answer.told}; {_told(list(after.values()))}"
    judge.check("OP13-S2", after == before, _told(list(before.values())), observed, answer.entry)
    later = storage.connect()
    later.select(folder)
    later.must(command)
    if storage.afresh(folder) == before:
        raise PreconditionNotReached("the same change has no effect after SELECT either")


@server_case("store-in-a-read-only-folder-does-not-persist", "OP13-S2")
def test_store_in_a_read_only_folder_does_not_persist(storage: Storage, judge: Judge) -> None:
    """A server keeps what PERMANENTFLAGS does not list as it was when STORE is tried in a read-only folder."""
    if Ability.READ_ONLY not in storage.server.abilities:
        raise NotApplicable("the adapter cannot make a folder read-only", Reason.NO_ABILITY)
    tester = storage.connect()
    folder, uids = storage.filled(tester, 2)
    _control(storage, tester, folder, uids[1])
    tester.store(uids[1:], "FLAGS ()")
    storage.server.set_read_only(storage.account, storage.hierarchy.name(("Folder",)))
    reader = storage.connect()
    told = reader.select(folder)
    flags = [flag for flag in SYSTEM if not told.keeps(flag)]
    if told.permanent_flags is None or not flags:
        raise NotApplicable("PERMANENTFLAGS lists every flag all the same")
    answers = [reader.ask(f"UID STORE {uids[0]} +FLAGS ({flag})".encode()) for flag in flags]
    _judge_forgotten(storage, judge, reader, folder, uids[0], answers)
