"""5.5.2.2 set active folder: a selection that fails leaves none active, a rejected command changes no state."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.wire import Exchange
from conformance.model.objects import ObjectKind, of_kind
from conformance.outcomes import Reason
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.looking import look, look_afresh
from conformance.scenario.storage import Storage, Tester

OBJECT = of_kind(ObjectKind.MESSAGE, "active-1").octets
COMMANDS = (b"UID FETCH 1:* (UID FLAGS)", b"UID STORE 1:* +FLAGS (\\Seen)", b"EXPUNGE")
REJECTED = ("SELECT", "EXAMINE", "SELECT ()", "UID FETCH 1:*", "UID STORE 1:* +FLAGS", "COPY 1", "XYZZY")


def _active(storage: Storage, tester: Tester) -> bytes:
    """A folder with three objects, the second one marked, active on the connection."""
    folder, uids = storage.filled(tester, 3, "Active")
    tester.store(uids[1:2], "+FLAGS (\\Deleted)")
    return folder


def _judge_failure(storage: Storage, judge: Judge, tester: Tester, folder: bytes, line: bytes) -> None:
    """Send a selection that must fail while the folder is active, and judge it by what can be done afterwards."""
    before = look_afresh(storage, folder).state
    failed = tester.ask(line)
    after = [tester.ask(command) for command in COMMANDS]
    done = [command.decode() for command, answer in zip(COMMANDS, after, strict=True) if _worked(answer)]
    told = line.decode("ascii", "backslashreplace")
    observed = f"{told} answered {failed.status}; then done: {', '.join(done) or 'nothing'}"
    holds = failed.status == "NO" and not done
    judge.check("OP02-S2", holds, "NO, and object commands are refused after it", observed, failed.entry)
    kept = look_afresh(storage, folder).state == before
    judge.check("OP02-S2", kept, "the folder that was active is as before", "it is changed", failed.entry)
    again = look(tester, folder, b"SELECT").state == before
    judge.check("OP02-S2", again, "the folder can be selected again on this connection", "it shows something else")


def _worked(answer: Exchange) -> bool:
    return answer.ok or bool(answer.named("FETCH") or answer.named("EXPUNGE"))


@pytest.mark.parametrize("name", ["never-there", "removed", "below-a-folder", "renamed"])
@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
@server_case("selection-of-an-unknown-name", "OP02-S2")
def test_selection_of_an_unknown_name(storage: Storage, judge: Judge, command: str, name: str) -> None:
    """A server refuses to select a name that is not there, does not make it, and leaves no folder active."""
    tester = storage.connect()
    folder = _active(storage, tester)
    levels = ("Active", "Unknown") if name == "below-a-folder" and storage.hierarchy.delimiter else ("Unknown",)
    unknown = storage.name(*levels)
    if name in ("removed", "renamed"):
        helper = storage.connect()
        storage.folder(helper, *levels, objects=[OBJECT])
        helper.must(b"DELETE " + unknown if name == "removed" else b"RENAME " + unknown + b" " + storage.name("Known"))
    _judge_failure(storage, judge, tester, folder, command.encode() + b" " + unknown)
    made = storage.listed(storage.connect(), *levels)
    judge.check("OP02-S2", not made, "the unknown name is not made a folder", "LIST names it", tester.wire.last_entry)


@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
@server_case("selection-of-a-bare-level", "OP02-S2")
def test_selection_of_a_bare_level(storage: Storage, judge: Judge, command: str) -> None:
    r"""A server refuses to select a name that it lists as `\Noselect`, and leaves no folder active."""
    tester = storage.connect()
    folder = _active(storage, tester)
    level = _bare_level(storage, storage.connect())
    _judge_failure(storage, judge, tester, folder, command.encode() + b" " + level)


def _bare_level(storage: Storage, tester: Tester) -> bytes:
    r"""A name that is listed `\Noselect`: the superior of a folder, never created or removed."""
    if storage.hierarchy.delimiter is None:
        raise NotApplicable("the server has no hierarchy of folders")
    storage.folder(tester, "Level", "Leaf")
    if not _is_bare(storage, tester):
        tester.ask(b"DELETE " + storage.name("Level"))
    if not _is_bare(storage, tester):
        raise NotApplicable("the server makes superiors folders and keeps them so", Reason.NO_ABILITY)
    return storage.name("Level")


def _is_bare(storage: Storage, tester: Tester) -> bool:
    listing = [*tester.listing(storage.wire_name("Level")), *tester.listing(storage.pattern("%"))]
    return any("\\noselect" in each.attributes for each in storage.named(listing, "Level"))


@server_case("rejected-commands-change-no-state", "OP02-S14")
def test_rejected_commands_change_no_state(storage: Storage, judge: Judge) -> None:
    """A server that answers BAD keeps the folder active, its objects as they are, and the right to change them."""
    tester = storage.connect()
    folder = _active(storage, tester)
    before = look(tester, folder, b"SELECT")
    rejected = 0
    for line in REJECTED:
        answer = tester.ask(line.encode())
        if answer.status != "BAD":
            judge.observe(f"Answer to {line!r}", answer.told, answer.entry)
            tester.select(folder)
            continue
        rejected += 1
        shown = tester.ask(b"UID FETCH 1:* (UID)")
        observed = f"UID FETCH answers {shown.status} with {len(shown.named('FETCH'))} objects"
        holds = shown.ok and len(shown.named("FETCH")) == len(before.objects)
        judge.check("OP02-S14", holds, f"after BAD to {line!r} the folder is still active", observed, shown.entry)
        if not holds:
            tester.select(folder)
    if not rejected:
        judge.undecided("OP02-S14", "BAD to a command that is not well formed", "no BAD", Reason.NOT_EXERCISED)
    same = look_afresh(storage, folder).state == before.state
    judge.check("OP02-S14", same, "the objects are as before", "they are changed", tester.wire.last_entry)
    _judge_still_writable(storage, judge, tester, folder)


def _judge_still_writable(storage: Storage, judge: Judge, tester: Tester, folder: bytes) -> None:
    flag = tester.select(folder).some_flag()
    refused = tester.ask(b"EXAMINE")
    changed = tester.ask(f"UID STORE 1:* +FLAGS ({flag})".encode())
    flags = storage.afresh(folder)
    holds = refused.status != "BAD" or (changed.ok and all(flag.lower() in each for each in flags.values()))
    observed = f"UID STORE answers {changed.status}"
    judge.check("OP02-S14", holds, "after BAD to EXAMINE the folder can be changed", observed, changed.entry)
