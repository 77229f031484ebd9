"""Servers that set a folder active wrongly are failed by the requirement that they break, and a right one by none."""

from __future__ import annotations

import re
from functools import partial

import pytest

from conformance.configuration import Roles
from conformance.faults.hooks import Hook, Rewrite, answers_ok, dropping, faulty
from conformance.faults.server import selection as wrong
from conformance.faults.server.selection import replaced, selecting, telling
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.scenario import notices
from conformance.selftest.running import judged, run_cases
from conformance.servers.reference import ReferenceStorageServer

CLAUSE = "5.5.2.2"
TOLD = "selection-tells-of-the-folder"
UNKNOWN = "selection-of-an-unknown-name"
MODSEQ_TOLD, MODSEQ_RISES = "highest-modseq-is-told", "highest-modseq-rises"
FIXED = "read-only-folder-is-announced"
EXAMINED = "examine-is-read-only"
STEADY, RISING = "next-uid-stays-without-additions", "next-uid-rises-with-additions"
OVER_SESSIONS, AGAIN = "uids-over-sessions", "uids-of-a-folder-created-again"
STATUS, NO_SELECTION = "status-changes-nothing", "status-sets-no-folder-active"
FLAGS = "flags-names-what-is-applicable"


def _less(match: re.Match[bytes]) -> bytes:
    return match[1] + b"%d" % (int(match[2]) - 1)


def _sent(rewrite: Rewrite) -> Hook:
    return Hook(rewrite=rewrite)


def _examine_only(pattern: bytes, replacement: bytes) -> Hook:
    changed = telling(lambda _, line: re.sub(pattern, replacement, line))
    return Hook(commands={"EXAMINE": changed.commands["EXAMINE"]})


FAULTS: dict[str, list[tuple[str, str, Hook]]] = {
    "OP02-S1": [
        ("no RECENT", TOLD, _sent(dropping(b" RECENT\r\n"))),
        ("no EXISTS", TOLD, _sent(dropping(b" EXISTS\r\n"))),
        ("no FLAGS", TOLD, _sent(dropping(b"* FLAGS "))),
        ("no UIDNEXT", TOLD, _sent(dropping(b"[UIDNEXT"))),
        ("no UIDVALIDITY", TOLD, _sent(dropping(b"[UIDVALIDITY"))),
        ("no UIDNEXT from EXAMINE", TOLD, _examine_only(rb"\* OK \[UIDNEXT.*\r\n", b"")),
        ("after OK", TOLD, _sent(replaced(rb"(\* OK \[UIDNEXT.*\r\n)((?:\*.*\r\n)*)(A\d+ OK.*\r\n)", rb"\2\3\1"))),
        ("EXISTS of the account", TOLD, telling(wrong.counts_the_account)),
        ("UNSEEN is a count", TOLD, telling(wrong.counts_the_unseen)),
        ("UNSEEN with all seen", TOLD, telling(wrong.always_has_an_unseen)),
        ("UNSEEN is always 1", TOLD, _sent(replaced(rb"\[UNSEEN \d+\]", b"[UNSEEN 1]"))),
        ("RECENT counts all", TOLD, telling(wrong.counts_all_as_recent)),
        ("RECENT is 0", TOLD, _sent(replaced(rb"^\* \d+ RECENT", b"* 0 RECENT"))),
        ("UIDNEXT is the last", TOLD, _sent(replaced(rb"(\[UIDNEXT )(\d+)", _less))),
        ("UIDVALIDITY 0", TOLD, _sent(replaced(rb"\[UIDVALIDITY \d+", b"[UIDVALIDITY 0"))),
        ("EXISTS as at first", "selection-after-a-change", telling(wrong.remembering(rb" EXISTS"))),
        ("UNSEEN as at first", "selection-after-a-change", telling(wrong.remembering(rb"\[UNSEEN"))),
        ("UIDNEXT as at first", "selection-after-a-change", telling(wrong.remembering(rb"\[UIDNEXT"))),
        (
            "a flag is kept that is not named",
            "permanent-flags-are-true",
            _sent(replaced(rb"(PERMANENTFLAGS \([^)]*)\\Draft ?", rb"\1")),
        ),
        (
            "a flag is named that is not kept",
            "permanent-flags-are-true",
            Hook(
                behaviour=Behaviour(permanent_flags=("\\Answered", "\\Flagged", "\\Deleted", "\\Seen")),
                rewrite=replaced(rb"(PERMANENTFLAGS \()(?=\\)", rb"\1\\Draft "),
            ),
        ),
        ("EXAMINE permits", "permanent-flags-are-true", _sent(replaced(rb"FLAGS \(\)", rb"FLAGS (\\Seen)"))),
    ],
    "OP02-S2": [
        ("the old one stays", UNKNOWN, selecting(wrong.Failing(wrong.keeps_the_old))),
        ("OK for unknown", UNKNOWN, selecting(wrong.Failing(wrong.says_ok))),
        ("BAD for unknown", UNKNOWN, selecting(wrong.Failing(wrong.says_bad))),
        ("created", UNKNOWN, selecting(wrong.creates)),
        ("expunged", UNKNOWN, selecting(wrong.Failing(wrong.expunges_the_old))),
        ("a level is a folder", "selection-of-a-bare-level", Hook(account=wrong.LevelsAreFolders)),
        ("the first one stays", "selections-in-turn", selecting(wrong.keeps_the_first)),
    ],
    "OP02-S3": [
        ("expunged by SELECT", "leaving-a-folder-removes-nothing", selecting(wrong.expunges_what_it_leaves)),
        (
            "expunged at LOGOUT",
            "leaving-a-folder-removes-nothing",
            Hook(commands={"LOGOUT": wrong.expunges_at_logout}),
        ),
        ("SELECT reads", "selecting-changes-nothing", selecting(partial(wrong.reads_all, when=[False]))),
        ("EXAMINE reads", "selecting-changes-nothing", selecting(partial(wrong.reads_all, when=[True]))),
        ("both read", "selecting-changes-nothing", selecting(wrong.reads_all)),
    ],
    "OP02-S4": [
        ("used again", OVER_SESSIONS, Hook(mailbox=wrong.FallingBack)),
        ("assigned anew", OVER_SESSIONS, Hook(mailbox=wrong.Renumbering)),
        (
            "assigned anew with a lower UIDVALIDITY",
            OVER_SESSIONS,
            Hook(mailbox=wrong.Aging, behaviour=wrong.YOUNG),
        ),
        ("descending", OVER_SESSIONS, Hook(mailbox=wrong.Descending)),
        ("the same after CREATE", AGAIN, Hook(account=wrong.OneValidity)),
        ("copies come first", "uids-of-copies", Hook(mailbox=wrong.Descending)),
        ("copies use UIDs again", "uids-of-copies", Hook(mailbox=wrong.FallingBack)),
    ],
    "OP02-S5": [
        ("neither code", MODSEQ_TOLD, _sent(dropping(b"[HIGHESTMODSEQ"))),
        ("both codes", MODSEQ_TOLD, _sent(replaced(rb"^(\* OK \[HIGHEST.*\r\n)", rb"\1* OK [NOMODSEQ] none\r\n"))),
        ("not from EXAMINE", MODSEQ_TOLD, _examine_only(rb"\* OK \[HIGHESTMODSEQ.*\r\n", b"")),
        ("below the objects", MODSEQ_TOLD, _sent(replaced(rb"(\[HIGHESTMODSEQ )(\d+)", _less))),
        ("not with flags", MODSEQ_RISES, Hook(mailbox=wrong.SteadyFlags)),
        ("not with additions", MODSEQ_RISES, Hook(mailbox=wrong.SteadyAdditions)),
        ("as at first", MODSEQ_RISES, telling(wrong.remembering(rb"HIGHESTMODSEQ"))),
        ("below what is left", "highest-modseq-after-removals", _sent(replaced(rb"(\[HIGHESTMODSEQ )\d+", rb"\g<1>1"))),
    ],
    "OP02-S6": [
        ("READ-WRITE", FIXED, _sent(replaced(rb"\[READ-ONLY\] SELECT", b"[READ-WRITE] SELECT"))),
        ("no code", FIXED, _sent(replaced(rb"\[READ-ONLY\] SELECT", b"SELECT"))),
        ("at the end", FIXED, _sent(replaced(rb"\[READ-ONLY\] SELECT completed", b"SELECT [READ-ONLY]"))),
    ],
    "OP02-S7": [
        (
            "an alias of SELECT",
            EXAMINED,
            Hook(view=wrong.AlwaysWritable, rewrite=replaced(rb"\[READ-WRITE\] EXAMINE", b"[READ-ONLY] EXAMINE")),
        ),
        ("READ-WRITE", EXAMINED, _sent(replaced(rb"\[READ-ONLY\] EXAMINE", b"[READ-WRITE] EXAMINE"))),
        ("no code", EXAMINED, _sent(replaced(rb"\[READ-ONLY\] EXAMINE", b"EXAMINE"))),
        ("UID STORE works", EXAMINED, wrong.unguarded("UID STORE")),
        ("STORE works", EXAMINED, wrong.unguarded("STORE")),
        ("MOVE works", EXAMINED, wrong.unguarded("UID MOVE")),
        ("EXPUNGE works", EXAMINED, wrong.unguarded("EXPUNGE")),
        ("UID EXPUNGE works", EXAMINED, wrong.unguarded("UID EXPUNGE")),
        ("CLOSE works", EXAMINED, wrong.unguarded("CLOSE")),
        ("reading works", EXAMINED, wrong.unguarded("UID FETCH")),
        ("takes Recent", "looking-keeps-recent", Hook(view=wrong.TakesRecent)),
    ],
    "OP02-S8": [
        ("falls back", STEADY, Hook(mailbox=wrong.FallingBack)),
        (
            "falls back before anybody looks",
            "next-uid-after-additions-that-vanish",
            Hook(mailbox=wrong.FallingBack),
        ),
        ("rises with flags", STEADY, Hook(mailbox=wrong.Counting)),
        ("rises with SELECT", STEADY, selecting(wrong.raises_the_next)),
        (
            "rises with a failed APPEND",
            "next-uid-after-failed-append",
            Hook(commands={"APPEND": wrong.fails_with_a_trace}),
        ),
        ("as at first", RISING, telling(wrong.remembering(rb"\[UIDNEXT"))),
        ("another in STATUS", STEADY, _sent(replaced(rb"(STATUS .*UIDNEXT )\d+", rb"\g<1>1"))),
    ],
    "OP02-S9": [("closes up", "uids-stay-during-a-session", Hook(mailbox=wrong.Renumbering))],
    "OP02-S10": [
        ("by date", "numbers-follow-uids", Hook(view=wrong.ByDate)),
        (
            "with gaps",
            "numbers-follow-uids",
            _sent(replaced(rb"^\* (\d+) FETCH", lambda match: b"* %d FETCH" % (int(match[1]) * 2))),
        ),
        (
            "from zero",
            OVER_SESSIONS,
            _sent(replaced(rb"^\* (\d+) FETCH", lambda match: b"* %d FETCH" % (int(match[1]) - 1))),
        ),
    ],
    "OP02-S11": [
        ("by SELECT only", "additions-are-told", Hook(session=wrong.TellsNoAdditions)),
        ("one too many", "additions-are-told", Hook(session=wrong.TellsHowManyCame)),
        ("NOOP does nothing", "additions-elsewhere-are-not-told", Hook(session=wrong.TellsNoAdditions)),
        ("one too many in the end", "additions-elsewhere-are-not-told", Hook(session=wrong.TellsHowManyCame)),
    ],
    "OP02-S12": [
        ("EXISTS for EXPUNGE", "exists-never-reduces", Hook(session=wrong.Reducing)),
        ("EXISTS before EXPUNGE", "exists-never-reduces", Hook(session=wrong.ReducingFirst)),
        ("removals are not told", "exists-never-reduces", Hook(session=wrong.ForgettingRemovals)),
    ],
    "OP02-S14": [
        (
            "no folder after BAD to SELECT",
            "rejected-commands-change-no-state",
            Hook(commands={"SELECT": partial(wrong.leaves_at_bad, name="SELECT")}),
        ),
        (
            "no folder after BAD to UID FETCH",
            "rejected-commands-change-no-state",
            Hook(commands={"UID FETCH": partial(wrong.leaves_at_bad, name="UID FETCH")}),
        ),
        ("read-only after BAD to EXAMINE", "rejected-commands-change-no-state", selecting(wrong.protects_at_bad)),
    ],
    "OP02-S16": [
        ("selects", STATUS, wrong.status_and(lambda session, mailbox: session.select(mailbox, examine=False))),
        (
            "selects where none was",
            NO_SELECTION,
            wrong.status_and(lambda session, mailbox: session.select(mailbox, examine=True)),
        ),
        ("leaves the active one", STATUS, wrong.status_and(lambda session, _: session.deselect())),
        ("protects the active one", STATUS, wrong.status_and(wrong.protects)),
        ("takes Recent", "looking-keeps-recent", wrong.status_and(wrong.takes_recent)),
        ("reads", STATUS, wrong.status_and(wrong.reads)),
        ("expunges", STATUS, wrong.status_and(lambda _, mailbox: mailbox.expunge(mailbox.deleted()))),
        ("knows every name", STATUS, Hook(commands={"STATUS": wrong.knows_every_name})),
        ("says nothing", STATUS, Hook(commands={"STATUS": answers_ok})),
        ("UNSEEN is a number", STATUS, _sent(replaced(rb"(STATUS .*UNSEEN )\d+", rb"\g<1>1"))),
        ("MESSAGES one less", STATUS, _sent(replaced(rb"(STATUS .*MESSAGES )(\d+)", _less))),
        ("RECENT is 0", STATUS, _sent(replaced(rb"(STATUS .*RECENT )\d+", rb"\g<1>0"))),
        ("another UIDVALIDITY", STATUS, _sent(replaced(rb"(STATUS .*UIDVALIDITY )(\d+)", rb"\g<1>9\2"))),
        ("one item too many", NO_SELECTION, _sent(replaced(rb"(STATUS .*)\(UNSEEN", rb"\1(MESSAGES 4 UNSEEN"))),
        ("another HIGHESTMODSEQ", MODSEQ_RISES, _sent(replaced(rb"(STATUS .*HIGHESTMODSEQ )\d+", rb"\g<1>1"))),
    ],
    "OP02-S17": [
        ("empty", FLAGS, _sent(replaced(rb"^\* FLAGS \([^)]*\)", b"* FLAGS ()"))),
        ("no keywords", FLAGS, _sent(replaced(rb"(?i)(?<=\* FLAGS )(.*) ?Cpm-Kept", rb"\1"))),
        ("no Draft", FLAGS, _sent(replaced(rb"(\* FLAGS .*)\\Draft ?", rb"\1"))),
        ("not from EXAMINE", FLAGS, _examine_only(rb"\* FLAGS \([^)]*\)", b"* FLAGS (\\\\\\\\Seen)")),
    ],
}
WARNED: dict[str, list[tuple[str, str, Hook]]] = {
    "OP02-S1": [
        ("no PERMANENTFLAGS", TOLD, _sent(dropping(b"[PERMANENTFLAGS"))),
        ("no UNSEEN", TOLD, _sent(dropping(b"[UNSEEN"))),
        ("no PERMANENTFLAGS to be true", "permanent-flags-are-true", _sent(dropping(b"[PERMANENTFLAGS"))),
    ],
    "OP02-S4": [
        ("UIDVALIDITY renewed for nothing", OVER_SESSIONS, selecting(wrong.renews_validity)),
        ("UIDVALIDITY falls after CREATE", AGAIN, Hook(account=wrong.FallingValidity)),
        ("the same after RENAME", "uids-after-rename", Hook(account=wrong.OneValidity)),
    ],
    "OP02-S13": [
        ("not told", "flag-changes-are-told", Hook(session=wrong.TellsNoFlags)),
        ("told of another object", "flag-changes-are-told", Hook(session=wrong.TellsFlagsOfTheNext)),
    ],
    "OP02-S15": [
        ("no code", "read-write-is-announced", _sent(replaced(rb"\[READ-WRITE\] ", b""))),
        ("READ-ONLY", "read-write-is-announced", _sent(replaced(rb"\[READ-WRITE\]", b"[READ-ONLY]"))),
    ],
}


def _table(faults: dict[str, list[tuple[str, str, Hook]]]) -> list[object]:
    return [
        pytest.param(requirement, case, fault, id=f"{requirement}: {name}")
        for requirement, each in faults.items()
        for name, case, fault in each
    ]


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "PATIENCE", 0.05)


@pytest.mark.parametrize(("requirement", "case", "fault"), _table(FAULTS))
def test_a_server_that_sets_active_wrongly_is_failed(requirement: str, case: str, fault: Hook) -> None:
    """The requirement that is broken fails, found by the case that looks for it."""
    with faulty(fault) as server:
        outcomes = run_cases(server, select=[case])
    assert outcomes[requirement] == "fail", outcomes


@pytest.mark.parametrize(("requirement", "case", "fault"), _table(WARNED))
def test_a_server_that_leaves_out_what_it_should_do_is_warned(requirement: str, case: str, fault: Hook) -> None:
    """What rests on a SHOULD, or is leniently judged, is a warning."""
    with faulty(fault) as server:
        outcomes = run_cases(server, select=[case])
    assert outcomes[requirement] == "warn", outcomes


BEHAVIOURS = {
    "the least": Behaviour(
        extensions=frozenset(), first_uid=2**32 - 400, fetch_item_order="reversed", updates_before_answer=True
    ),
    "the most": Behaviour(
        first_modseq=2**62, expunge_highest_first=True, expunge_in_uid_commands=False, uid_in_updates=True
    ),
    "continued UIDs": Behaviour(recreate_keeps_uid_validity=True, refuse_before_literal=True, delimiter="."),
    "no hierarchy, no keywords": Behaviour(
        delimiter=None,
        new_keywords=False,
        permanent_flags=("\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft"),
    ),
    "no mod-sequences": Behaviour(mod_sequences=False, select_order=wrong.REVERSED),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=list(BEHAVIOURS))
def test_a_server_that_sets_active_rightly_is_failed_by_nothing(behaviour: Behaviour) -> None:
    """The reference server passes what it offers, in each of these legal variations."""
    with ReferenceStorageServer(ReferenceServer(behaviour)) as server:
        report = judged(server, select=[CLAUSE], role=Roles.SERVER)
    unexpected = [each.id for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    assert not unexpected
    assert report.cases
