"""Servers that store objects wrongly are failed by the requirement that they break, and a right one by none."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from conformance.cases import registry
from conformance.configuration import Roles
from conformance.faults.hooks import Hook, answers_ok, faulty
from conformance.faults.server import store
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.scenario import notices
from conformance.selftest.running import judged, run_cases
from conformance.servers.reference import ReferenceStorageServer

CASES = [each for each in registry.declarations() if each.startswith("store") and not each.endswith("-plainly")]
EVERY, SIZES, CUT = (
    "store-every-object-octet-for-octet",
    "store-objects-around-buffer-sizes",
    "store-cut-off-in-the-object",
)
MISSING, TOLD, NEXT = (
    "store-into-a-missing-folder",
    "store-tells-the-identifier",
    "stored-object-gets-the-announced-identifier",
)
ARGUMENTS, QUOTA, BIT = "store-with-arguments-that-are-refused", "store-beyond-the-quota", "store-8-bit-data"
FLAGS, DATE, DEFAULTS = "store-with-flags", "store-with-a-date", "store-without-flags-and-date"
AT_ONCE = "store-into-the-active-folder-is-told-at-once"


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference server tells at once what it tells at all."""
    monkeypatch.setattr(notices, "QUIET", 0.2)
    monkeypatch.setattr(notices, "PATIENCE", 0.3)


def _raised(pattern: bytes, by: int = 1) -> Hook:
    """A server that sends a number, the second group of the pattern, other than it is."""
    return Hook(rewrite=lambda octets: re.sub(pattern, lambda found: found[1] + b"%d" % (int(found[2]) + by), octets))


def _sent(pattern: bytes, replacement: bytes) -> Hook:
    """A server that sends something else for what matches."""
    return Hook(rewrite=lambda octets: re.sub(pattern, replacement, octets))


def _without(text: str) -> str:
    return re.sub(r"\[APPENDUID[^]]*\] ", "", text)


FAULTS: dict[str, list[tuple[str, str, Hook]]] = {
    "OP03-S1": [
        ("nothing stored", EVERY, Hook(commands={"APPEND": answers_ok})),
        ("a field added", EVERY, store.content(lambda octets: b"X-Stored: yes\r\n" + octets)),
        ("Message-ID rewritten", EVERY, store.content(lambda octets: octets.replace(b"Message-ID:", b"Message-Id:"))),
        ("LF line ends", EVERY, store.content(lambda octets: octets.replace(b"\r\n", b"\n"))),
        ("spaces stripped", EVERY, store.content(lambda octets: re.sub(rb"[ \t]+\r\n", b"\r\n", octets))),
        ("dots undoubled", EVERY, store.content(lambda octets: octets.replace(b"\r\n..", b"\r\n."))),
        ("From escaped", EVERY, store.content(lambda octets: octets.replace(b"\r\nFrom ", b"\r\n>From "))),
        ("a last line end added", EVERY, store.content(lambda octets: octets.removesuffix(b"\r\n") + b"\r\n")),
        ("unfolded", EVERY, store.content(lambda octets: re.sub(rb"\r\n[ \t]+(?=\w)", b" ", octets))),
        ("long lines broken", EVERY, store.content(lambda octets: re.sub(rb"([^\r\n]{900})(?=.)", rb"\1\r\n", octets))),
        ("controls dropped", EVERY, store.content(lambda octets: octets.replace(b"\x01", b""))),
        ("no preamble", EVERY, store.content(lambda octets: octets.replace(b"before the first part\r\n", b""))),
        ("cut at 4096", SIZES, store.content(lambda octets: octets[:-1] if len(octets) % 4096 == 0 else octets)),
        ("cut at 64 KiB", SIZES, store.content(lambda octets: octets[:65536])),
        ("cut at 4 MiB", "store-a-large-object", store.content(lambda octets: octets[: 2**22])),
        ("cut below 1 MiB", "store-a-large-object", store.content(lambda octets: octets[: 2**20 - 1])),
        ("pieces changed", "store-an-object-sent-in-pieces", Hook(connection=store.SharesOneBuffer)),
        ("no small letters", "store-in-every-spelling", Hook(connection=store.KnowsCapitals)),
        ("no literal names", "store-in-every-spelling", Hook(connection=store.KnowsNoLiteralNames)),
        ("one of each", "store-the-same-object-again", Hook(account=store.KeepsOneOfEach)),
        ("one of each Message-ID", "store-the-same-object-again", Hook(account=store.OneOfEachMessageId)),
        ("sorted by date", "stored-object-is-the-last", Hook(mailbox=store.SortsByDate)),
        ("two sessions mixed", "store-by-two-sessions-at-once", store.content(lambda octets: octets[:70_000])),
        ("LITERAL+ in name only", "store-without-waiting", Hook(connection=store.OnlyAnnounces)),
        ("LITERAL+ cut", "store-a-large-object-without-waiting", store.content(lambda octets: octets[:65536])),
        ("only the first", "store-several-by-one-command", Hook(account=store.OnlyTheFirst)),
        ("backwards", "store-several-by-one-command", Hook(account=store.Backwards)),
        ("not shown", "store-into-the-active-folder-shows-in-it", Hook(view=store.BlindView)),
    ],
    "OP03-S2": [
        ("a part of the refused", ARGUMENTS, store.when_refused(store.keeps_a_part)),
        ("the last goes, too", ARGUMENTS, store.when_refused(store.removes_the_last)),
        ("the last is marked", ARGUMENTS, store.when_refused(store.marks_the_last)),
        ("an identifier taken", ARGUMENTS, store.when_refused(store.takes_an_identifier)),
        ("a part of no message", "store-what-is-not-a-message", store.when_refused(store.keeps_a_part)),
        ("a part of more", "store-with-more-after-the-object", store.when_refused(store.keeps_a_part)),
        ("what fits", QUOTA, Hook(account=store.StoresWhatFits)),
        ("stored, then checked", QUOTA, Hook(account=store.StoresBeforeItChecks)),
        ("fills up", "store-until-the-quota-is-reached", Hook(account=store.StoresBeforeItChecks)),
        ("into read-only", "store-into-a-read-only-folder", Hook(account=store.StoresBeforeItChecks)),
        ("a part of what is cut off", CUT, store.cutting()),
        ("all but the last CRLF", CUT, store.cutting(whole=True)),
        ("what was written down", CUT, store.cutting(least=65536)),
        ("cut off at once", "store-without-waiting-cut-off", store.cutting(plus=b"+")),
        ("the first of several", "store-of-several-cut-off", Hook(connection=store.KeepsTheFirst)),
        ("the first of two", "store-all-of-several-or-none", store.when_refused(store.keeps_a_part)),
    ],
    "OP03-S3": [
        ("created", MISSING, store.missing(store.creates)),
        ("created and refused", MISSING, store.missing(store.creates_and_refuses)),
        ("superiors created", MISSING, store.missing(store.creates_superiors)),
        ("BAD", MISSING, store.missing(store.says_bad)),
        ("OK", MISSING, store.missing(store.says_ok)),
        ("no hint", MISSING, store.missing(store.refuses_with(None))),
        ("another code", MISSING, store.missing(store.refuses_with("NONEXISTENT"))),
        ("not the prefix", MISSING, store.missing(store.refuses_with(None, "no such folder [TRYCREATE]"))),
        ("removed one comes back", "store-into-a-removed-folder", store.missing(store.creates)),
        ("OK in between", "store-into-a-missing-folder-again-and-again", store.missing(store.says_ok)),
        ("not read over", "store-into-a-missing-folder-without-waiting", Hook(connection=store.LeavesTheObject)),
    ],
    "OP03-S4": [
        ("one more", TOLD, _raised(rb"(APPENDUID \d+ )(\d+)")),
        ("one less", TOLD, _raised(rb"(APPENDUID \d+ )(\d+)", -1)),
        ("another validity", TOLD, _raised(rb"(APPENDUID )(\d+)")),
        ("validity of the active", TOLD, store.telling(store.validity_of_the_active)),
        ("always 1", "store-tells-the-identifier-of-each", _sent(rb"(APPENDUID \d+) \d+", rb"\1 1")),
        ("that of the equal", "store-tells-identifiers-of-equal-objects", store.telling(store.uid_of_the_equal)),
        ("only the first", "store-several-tells-every-identifier", _sent(rb"(APPENDUID \d+ \d+):\d+", rb"\1")),
        ("no numbers", TOLD, _sent(rb"APPENDUID \d+ \d+", b"APPENDUID")),
    ],
    "OP03-S5": [
        ("gaps filled", NEXT, Hook(mailbox=store.FillsGaps)),
        ("announced too high", NEXT, _raised(rb"(UIDNEXT )(\d+)", 5)),
        ("always the same", NEXT, _sent(rb"UIDNEXT \d+", b"UIDNEXT 1")),
        ("falls back", "stored-object-that-goes-at-once-raises-the-next", Hook(mailbox=store.FallsBack)),
    ],
    "OP03-S8": [
        ("the high bit stripped", BIT, store.content(lambda octets: bytes(each & 127 for each in octets))),
        ("question marks", BIT, store.content(lambda octets: re.sub(rb"[\x80-\xff]", b"?", octets))),
        ("dropped", BIT, store.content(lambda octets: re.sub(rb"[\x80-\xff]", b"", octets))),
        ("taken for Latin-1", BIT, store.content(lambda octets: octets.decode("latin-1").encode())),
        ("only UTF-8", BIT, store.content(lambda octets: octets.decode("utf-8", "replace").encode())),
        ("refused", BIT, store.drafts(store.refuses_8_bit)),
        ("encoded, not said", BIT, store.content(store.encodes_secretly)),
    ],
    "OP03-S10": [
        ("seen", DEFAULTS, store.flags(lambda flags: flags or frozenset({"\\Seen"}))),
        ("a keyword", DEFAULTS, store.flags(lambda flags: flags | {"$NotJunk"})),
        ("seen as the header says", DEFAULTS, store.drafts(store.seen_by_header)),
        ("dated by the header", DEFAULTS, store.drafts(store.date_of_header)),
        ("dated 1970", DEFAULTS, store.date(lambda _: datetime(1970, 1, 1, tzinfo=UTC))),
        ("flags of the one before", "store-with-only-one-of-both", Hook(account=store.RemembersFlags)),
        ("date of the one before", "store-with-only-one-of-both", Hook(account=store.RemembersDates)),
    ],
}
WARNED: dict[str, list[tuple[str, str, Hook]]] = {
    "OP03-S4": [("no code", TOLD, store.telling(lambda _, text: _without(text)))],
    "OP03-S7": [
        ("no flags", FLAGS, store.flags(lambda _: frozenset())),
        ("no keywords", FLAGS, store.flags(lambda flags: frozenset(each for each in flags if each[0] == "\\"))),
        ("one flag of several", FLAGS, store.flags(lambda flags: frozenset(sorted(flags)[:1]))),
        ("one more", FLAGS, store.flags(lambda flags: flags | {"\\Seen"})),
        ("not Draft", FLAGS, store.flags(lambda flags: flags - {"\\Draft"})),
        ("now", DATE, store.date(lambda _: datetime.now(UTC).replace(microsecond=0))),
        ("without its zone", DATE, store.date(lambda moment: moment.replace(tzinfo=UTC))),
        ("without its time", DATE, store.date(lambda moment: moment.replace(hour=0, minute=0, second=0))),
        ("without half hours", DATE, store.date(store.whole_hours)),
        ("no padded day", DATE, Hook(commands={"APPEND": store.takes_no_padding})),
        ("no flags with a date", "store-with-flags-and-date", store.flags(lambda _: frozenset())),
        ("flags of the one before", "store-with-flags-and-date", Hook(account=store.AddsFlags)),
    ],
    "OP03-S9": [
        ("told later", AT_ONCE, Hook(commands={"APPEND": store.tells_later}, session=store.Silent)),
        ("told at selection", AT_ONCE, Hook(view=store.BlindView)),
        ("one too many", AT_ONCE, _raised(rb"(\* )(\d+)(?= EXISTS)")),
        ("only its own", "store-into-a-shared-active-folder-is-told-at-once", Hook(view=store.OwnView)),
        ("not with each", "store-of-several-shows-in-the-active-folder", _sent(rb"\* 7 EXISTS\r\n", b"")),
    ],
}


def _table(faults: dict[str, list[tuple[str, str, Hook]]]) -> list[object]:
    return [
        pytest.param(requirement, case, fault, id=f"{requirement}: {name}")
        for requirement, each in faults.items()
        for name, case, fault in each
    ]


@pytest.mark.parametrize(("requirement", "case", "fault"), _table(FAULTS))
def test_a_server_that_stores_wrongly_is_failed(requirement: str, case: str, fault: Hook) -> None:
    """The requirement that is broken fails, found by the case that looks for it."""
    with faulty(fault) as server:
        outcomes = run_cases(server, select=[case])
    assert outcomes[requirement] == "fail", outcomes


@pytest.mark.parametrize(("requirement", "case", "fault"), _table(WARNED))
def test_a_server_that_leaves_a_recommendation_is_warned(requirement: str, case: str, fault: Hook) -> None:
    """A SHOULD that is not followed is a warning."""
    with faulty(fault) as server:
        outcomes = run_cases(server, select=[case])
    assert outcomes[requirement] == "warn", outcomes


def test_a_wrong_size_that_is_told_to_others_is_failed() -> None:
    """The unasked notice itself is optional; a size that is not true breaks what is told at NOOP."""
    with faulty(_raised(rb"(\* )(\d+)(?= EXISTS)")) as server:
        outcomes = run_cases(server, select=["store-shows-to-another-session", "stored-object-is-told-unasked"])
    assert (outcomes["OP02-S11"], outcomes["OP03-S6"]) == ("fail", "pass")


def test_8_bit_data_may_be_kept_in_another_encoding() -> None:
    """A server that cannot keep 8-bit data encodes it, which is the same content."""
    with faulty(store.content(store.encodes_openly)) as server:
        assert run_cases(server, select=[BIT])["OP03-S8"] == "pass"


def test_a_server_that_stores_nothing_establishes_nothing() -> None:
    """A server that refuses every store passes no mandatory requirement of it."""
    with faulty(Hook(commands={"APPEND": store.refuses_all})) as server:
        outcomes = run_cases(server, select=CASES)
    assert "pass" not in {outcome for requirement, outcome in outcomes.items() if requirement in FAULTS}, outcomes


BEHAVIOURS = {
    "usual": Behaviour(),
    "no extensions": Behaviour(extensions=frozenset()),
    "refused before the object": Behaviour(refuse_before_literal=True, updates_before_answer=True),
    "no new keywords": Behaviour(new_keywords=False, permanent_flags=("\\Seen", "\\Deleted")),
    "flat, large identifiers": Behaviour(delimiter=None, first_uid=2**32 - 400, first_uid_validity=2**31),
    "names in capitals": replace(Behaviour(), name_case="upper", idle_push=False),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=list(BEHAVIOURS))
def test_a_server_that_stores_rightly_is_failed_by_nothing(behaviour: Behaviour) -> None:
    """The reference server passes what it offers, in each of its legal variations; large objects need not vary."""
    with ReferenceStorageServer(ReferenceServer(behaviour)) as server:
        cases = CASES if behaviour == Behaviour() else [each for each in CASES if "-large-" not in each]
        report = judged(server, select=cases, role=Roles.SERVER)
    wrong = [each.id for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    assert not wrong
    assert report.cases
