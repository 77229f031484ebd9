"""5.5.2.13 update metadata: a server that changes metadata wrongly is failed where it does, a right one by nothing."""

from __future__ import annotations

import pytest

from conformance.configuration import Roles
from conformance.faults.hooks import Hook, answers_ok, faulty
from conformance.faults.server import metadata
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.scenario import notices
from conformance.selftest.running import judged, run_cases
from conformance.servers.reference import ReferenceStorageServer

FLAGS = "store-changes-exactly-the-named-flags"
OBJECTS = "store-changes-exactly-the-named-objects"
KEYWORDS = "keywords-are-changed-like-other-flags"
SEEN = "every-permanent-flag-is-seen-by-all-sessions"
OUTLIVE = "flags-outlive-the-session"
UNLISTED = "unlisted-flags-do-not-persist"
NEW = "new-keyword-persists"
RISE = "mod-sequences-rise-with-each-change"
PROTECT = "unchangedsince-protects-changes-by-others"
ORDER = "ambiguous-commands-run-in-order"
FOLDER = "folder-metadata-is-kept"
APART = "private-and-shared-folder-metadata-are-apart"

SOME_FLAGS = Behaviour(permanent_flags=("\\Deleted", "\\Seen"))
EXTRA = Behaviour(flag_extensions=("\\XCpmUnlisted",))

FAULTS: dict[str, list[tuple[str, str, Hook]]] = {
    "OP13-S1": [
        (
            "add replaces",
            FLAGS,
            metadata.storing(lambda some, how, flags: (some, "replace" if how == "add" else how, flags)),
        ),
        ("remove clears", FLAGS, metadata.hearing(rb"-FLAGS\S* .*\r", b"FLAGS ()\r")),
        (
            "replace adds",
            FLAGS,
            metadata.storing(lambda some, how, flags: (some, "add" if how == "replace" else how, flags)),
        ),
        ("one flag of several", FLAGS, metadata.storing(lambda some, how, flags: (some, how, flags[:1]))),
        ("case matters", FLAGS, metadata.hearing(rb"\\(FLAGGED|SEEN)", b"keyword")),
        (".SILENT does nothing", FLAGS, metadata.hearing(rb"UID STORE 2 \S*FLAGS\.SILENT .*\r", b"NOOP\r")),
        ("no empty list", FLAGS, metadata.storing_with(metadata.without_empty_lists)),
        ("nothing", FLAGS, Hook(commands={"UID STORE": answers_ok})),
        ("one object of several", OBJECTS, metadata.storing(lambda some, how, flags: (some[:1], how, flags))),
        ("no range turned round", OBJECTS, metadata.hearing(rb" 6:3 ", b" 6 ")),
        ("nothing beyond the newest", OBJECTS, metadata.hearing(rb" 109:\* ", b" 109 ")),
        ("UIDs taken for numbers", OBJECTS, metadata.hearing(rb"UID STORE 4 ", b"STORE 4 ")),
        ("keywords by case", KEYWORDS, Hook(mailbox=metadata.KeywordsByCase)),
        ("plainly", "update-metadata-plainly", metadata.hearing(rb"-FLAGS \S*\r", b"FLAGS ()\r")),
    ],
    "OP13-S2": [
        ("kept though not listed", UNLISTED, Hook(mailbox=metadata.KeepsEverything, behaviour=SOME_FLAGS)),
        ("an extension kept", UNLISTED, Hook(session=metadata.ListsOnlySystemFlags, behaviour=EXTRA)),
        ("a keyword kept", UNLISTED, Hook(session=metadata.ListsOnlySystemFlags)),
        ("EXAMINE", "store-under-examine-does-not-persist", Hook(session=metadata.WritesUnderExamine)),
        ("read-only", "store-in-a-read-only-folder-does-not-persist", Hook(session=metadata.WritesUnderExamine)),
    ],
    "OP13-S3": [
        ("no rise", RISE, Hook(mailbox=metadata.SameModSequence)),
        ("all rise", RISE, Hook(mailbox=metadata.EveryModSequence)),
        ("HIGHESTMODSEQ stands", RISE, metadata.saying(rb"HIGHESTMODSEQ \d+", b"HIGHESTMODSEQ 1")),
        ("changed all the same", PROTECT, metadata.hearing(rb"\(UNCHANGEDSINCE \d+\) ", b"")),
        ("MODIFIED not told", PROTECT, metadata.saying(rb"\[MODIFIED [^]]*\] ", b"")),
        ("all MODIFIED", PROTECT, metadata.saying(rb"\[MODIFIED 2\]", b"[MODIFIED 1:3]")),
        ("all refused", PROTECT, metadata.hearing(rb"UNCHANGEDSINCE \d+", b"UNCHANGEDSINCE 0")),
        ("zero", "unchangedsince-zero-protects-everything", metadata.hearing(rb"SINCE 0\b", b"SINCE 9999")),
    ],
    "OP13-S4": [
        ("lost with the session", FOLDER, Hook(connection=metadata.MetadataOfTheSession)),
        ("not replaced", FOLDER, metadata.saying(rb'"family"', b'"fam"')),
        (
            "quotes changed",
            FOLDER,
            metadata.annotating(
                lambda changes: {entry: value and value.replace(b'"', b"'") for entry, value in changes.items()}
            ),
        ),
        ("shared by all folders", FOLDER, Hook(account=metadata.MetadataOfTheAccount)),
        (
            "not removed",
            FOLDER,
            metadata.annotating(lambda changes: {k: v for k, v in changes.items() if v is not None}),
        ),
        ("refused", FOLDER, Hook(commands={"SETMETADATA": metadata.refused})),
        ("nothing", FOLDER, Hook(commands={"SETMETADATA": answers_ok})),
        (
            "private and shared mixed",
            APART,
            metadata.annotating(
                lambda changes: {entry.replace("shared", "private"): value for entry, value in changes.items()}
            ),
        ),
    ],
    "OP13-S5": [
        ("mixed", "annotations-are-kept", metadata.with_annotations(metadata.mixed)),
        ("quotes changed", "annotations-are-kept", metadata.with_annotations(metadata.altered)),
        ("dropped", "annotations-are-kept", metadata.with_annotations(metadata.dropped)),
    ],
    "OP13-S7": [
        ("flags of the session", SEEN, Hook(view=metadata.OwnCopy)),
        ("lost at the end", OUTLIVE, Hook(session=metadata.ForgetfulAtTheEnd)),
        ("one flag dropped", SEEN, metadata.hearing(rb"\\Draft(?=\)\r)", b"\\\\Seen")),
    ],
    "OP13-S10": [
        ("dropped", NEW, Hook(mailbox=metadata.DropsKeywords)),
        ("not in FLAGS", NEW, Hook(session=metadata.HidesKeywords)),
        ("by case", KEYWORDS, Hook(mailbox=metadata.KeywordsByCase)),
        ("only some", "many-keywords-persist", Hook(mailbox=metadata.FewKeywords)),
    ],
    "OP13-S11": [
        ("looks first", ORDER, Hook(connection=metadata.OutOfOrder)),
        ("changes left out", ORDER, Hook(connection=metadata.OnlyTheFirst)),
        ("removal", "removal-sent-together-with-changes", Hook(connection=metadata.OutOfOrder)),
    ],
}
CASES = sorted({case for faults in FAULTS.values() for _, case, _ in faults})
TABLE = [
    pytest.param(requirement, case, fault, id=f"{requirement}: {name}")
    for requirement, faults in FAULTS.items()
    for name, case, fault in faults
]

TELL, SILENT, OTHERS = "store-tells-the-new-flags", "silent-store-tells-nothing", "silent-store-tells-changes-by-others"
WARNED: dict[str, tuple[str, str, Hook]] = {
    "nothing told": ("OP13-S8", TELL, metadata.hearing(rb"FLAGS (?=[(\\])", b"FLAGS.SILENT ")),
    "no UID told": ("OP13-S8", TELL, Hook(session=metadata.TellsNoUid)),
    ".SILENT is not heard": ("OP13-S8", SILENT, metadata.hearing(rb"\.SILENT", b"")),
    "changes by others not told": ("OP13-S9", OTHERS, Hook(view=metadata.NotToldOfFlags)),
}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of these tests answer at once: nobody has to listen long."""
    monkeypatch.setattr(notices, "QUIET", 0.1)
    monkeypatch.setattr(notices, "PATIENCE", 0.1)


@pytest.mark.parametrize(("requirement", "case", "fault"), TABLE)
def test_a_server_that_changes_metadata_wrongly_is_failed(requirement: str, case: str, fault: Hook) -> None:
    """The requirement that is broken fails, found by the case that looks for it."""
    with faulty(fault) as server:
        outcomes = run_cases(server, select=[case])
    assert outcomes[requirement] == "fail", outcomes


@pytest.mark.parametrize(("requirement", "case", "fault"), WARNED.values(), ids=list(WARNED))
def test_a_server_that_does_not_tell_is_warned(requirement: str, case: str, fault: Hook) -> None:
    """What a server should tell and does not is a warning, never a failure."""
    with faulty(fault) as server:
        outcomes = run_cases(server, select=[case])
    assert outcomes[requirement] == "warn", outcomes
    assert "fail" not in outcomes.values()


def test_an_answer_that_shows_only_the_argument_is_failed() -> None:
    """Flags told wrongly break what FETCH responses mean, and are no mere lack of an answer."""
    told = metadata.saying(rb"FLAGS \(\\Flagged \\Seen\)", rb"FLAGS (\\Flagged)")
    with faulty(told) as server:
        outcomes = run_cases(server, select=[TELL])
    assert outcomes["OP13-S8"] == "warn"
    assert "OP04-S2" in outcomes


@pytest.mark.parametrize("forgets", [False, True])
def test_flags_that_a_restart_loses_are_missed(forgets: bool) -> None:  # noqa: FBT001
    """Where the adapter can restart the server, flags have to be there afterwards."""
    server = metadata.Restarting()
    server.forgets = forgets
    with server:
        outcomes = run_cases(server, select=["flags-outlive-a-restart"])
    assert outcomes["OP13-S7"] == ("fail" if forgets else "pass")


def test_a_server_that_keeps_annotations_passes() -> None:
    """RFC 5257 is experimental; who announces it is held to it."""
    with faulty(metadata.with_annotations()) as server:
        assert run_cases(server, select=["OP13-S5"]) == {"OP13-S5": "pass"}


BEHAVIOURS = {
    "the least": Behaviour(
        extensions=frozenset(), permanent_flags=("\\Deleted", "\\Seen"), new_keywords=False, first_uid=2**32 - 400
    ),
    "the most": Behaviour(
        updates_before_answer=True, uid_in_updates=True, fetch_item_order="reversed", first_modseq=2**62
    ),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=list(BEHAVIOURS))
def test_a_server_that_changes_metadata_rightly_is_failed_by_nothing(behaviour: Behaviour) -> None:
    """The reference server passes what it offers, in each of these legal variations."""
    with ReferenceStorageServer(ReferenceServer(behaviour)) as server:
        report = judged(server, select=CASES, role=Roles.SERVER)
    wrong = [each.id for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    assert not wrong
    assert report.cases


def test_a_folder_without_mod_sequences_is_left_out() -> None:
    """NOMODSEQ is allowed; nothing is judged there."""
    with ReferenceStorageServer(ReferenceServer(Behaviour(mod_sequences=False))) as server:
        assert run_cases(server, select=["OP13-S3"]) == {"OP13-S3": "not_applicable"}
