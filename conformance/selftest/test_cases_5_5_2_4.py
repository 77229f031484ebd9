"""Servers that fetch objects wrongly are failed by the requirement that they break, and a right one by none."""

from __future__ import annotations

import itertools
import re

import pytest

from conformance.configuration import Roles
from conformance.faults.hooks import Hook, answers_ok, faulty
from conformance.faults.server import fetch
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.selftest.running import judged, run_cases
from conformance.servers.reference import ReferenceStorageServer

CLAUSE = "5.5.2.4"
SEVEN_BIT = bytes(each & 0x7F for each in range(256))
SIZES = "store-and-fetch-every-size-and-encoding"
STRING = rb'(NIL|"(?:[^"\\]|\\.)*")'
_minutes = itertools.count(1)


def _decoded_size(match: re.Match[bytes]) -> bytes:
    return b'"BASE64" %d' % (int(match[1]) * 3 // 4)


def _clock(_: re.Match[bytes]) -> bytes:
    return b'INTERNALDATE "04-Mar-2024 10:%02d:00 +0000"' % (next(_minutes) % 60)


def _fewer_octets(match: re.Match[bytes]) -> bytes:
    return b"RFC822.SIZE %d" % (int(match[1]) - 5)


def _unfolded(octets: bytes) -> bytes:
    return re.sub(rb"\r\n[ \t][^\r]*", b"", octets)


FAULTS: dict[str, list[tuple[str, str, Hook]]] = {
    "OP04-S1": [
        ("put together anew", "same-octets-however-fetched", Hook(mailbox=fetch.RenewingMailbox)),
        ("moves up at an expunge", "same-object-after-neighbours-go", Hook(mailbox=fetch.ShiftingMailbox)),
        (
            "text differs from that of the whole",
            "same-octets-however-fetched",
            fetch.only(b"BODY[TEXT]", lambda octets: octets + b"\r\n"),
        ),
    ],
    "OP04-S2": [
        ("flags as at first", "flags-fetched-follow-every-store", Hook(session=fetch.FirstFlags)),
        ("only one flag", "fetching-changes-no-other-flag", fetch.response(rb"FLAGS \((\S+)[^)]*\)", rb"FLAGS (\1)")),
        ("no keywords", "keywords-fetched-as-stored", fetch.response(rb" ?\$Delivered", b"")),
        ("flags of all", "flags-fetched-follow-every-store", fetch.response(rb"FLAGS \([^)]*\)", rb"FLAGS (\\Draft)")),
    ],
    "OP04-S3": [
        ("NO for unknown", "fetch-any-set-of-uids", fetch.naming(fetch.refuses_unknown)),
        ("no n:* beyond", "fetch-any-set-of-uids", fetch.naming(fetch.knows_no_far_star)),
        ("no reversed range", "fetch-any-set-of-uids", fetch.naming(fetch.knows_no_reversed_range)),
        ("UIDs are numbers", "fetch-any-set-of-uids", Hook(commands={"UID FETCH": fetch.takes_uids_for_numbers})),
        ("* is UIDNEXT", "fetch-the-last-after-the-last-is-gone", fetch.naming(fetch.takes_star_for_the_assigned)),
        ("BAD in an empty folder", "fetch-from-an-empty-folder", fetch.naming(fetch.wants_objects)),
        ("nothing at all", "fetch-from-an-empty-folder", Hook(commands={"UID FETCH": answers_ok})),
    ],
    "OP04-S4": [
        ("equal ones too", "fetch-what-changed-since", fetch.since(-1)),
        ("the first left out", "fetch-what-changed-since", fetch.since(1)),
        ("all of them", "fetch-since-every-mod-sequence", fetch.since(-1000)),
        ("equal ones in every place", "fetch-since-every-mod-sequence", fetch.since(-1)),
        ("no MODSEQ", "fetch-what-changed-since", fetch.response(rb"(FLAGS .*) MODSEQ \(\d+\)", rb"\1")),
    ],
    "OP04-S5": [
        ("date of the last change", "static-items-never-change", Hook(mailbox=fetch.DatingMailbox)),
        ("date is a clock", "static-items-never-change", fetch.response(rb'INTERNALDATE "[^"]*"', _clock)),
        (
            "size counts the flags",
            "static-items-never-change",
            fetch.fetching(fetch.answering(fetch.counts_flags)),
        ),
    ],
    "OP04-S6": [
        ("STORE without UID", "uid-commands-answer-with-the-uid", fetch.stores(rb"UID \d+ ", b"")),
        ("FLAGS without UID", "uid-commands-answer-with-the-uid", fetch.response(rb"UID \d+ FLAGS", b"FLAGS")),
        ("bodies without UID", "uid-commands-answer-with-the-uid", fetch.response(rb"UID \d+ BODY\[", b"BODY[")),
    ],
    "OP04-S7": [
        ("cut at 64 KiB", "fetch-objects-around-buffer-sizes", fetch.only(b"BODY[", lambda octets: octets[:65536])),
        ("cut at 4 MiB", "fetch-a-large-object", fetch.only(b"", lambda octets: octets[: 4 * 2**20])),
        (
            "named as a part",
            "fetch-objects-around-buffer-sizes",
            fetch.response(rb"(BODY\[\]|RFC822) \{", rb"BODY[]<0> {"),
        ),
    ],
    "OP04-S8": [
        ("PEEK reads", "peek-does-not-set-seen", fetch.marking(when=b"BODY[")),
        ("the structure reads", "peek-does-not-set-seen", fetch.marking(when=b"BODYSTRUCTURE")),
        ("RFC822.HEADER reads", "peek-does-not-set-seen", fetch.marking(when=b"RFC822.HEADER")),
        ("FLAGS read", "fetching-changes-no-other-flag", fetch.marking(when=b"BODY[TEXT]")),
        ("reading does nothing", "reading-sets-seen-and-tells", fetch.fetching(fetch.reading_sets_nothing)),
        (
            "reading reads all",
            "reading-sets-seen-and-tells",
            fetch.marking(when=b"RFC822", all_objects=True),
        ),
    ],
    "OP04-S9": [
        ("other line ends", "fetch-every-object-octet-for-octet", fetch.response(rb"RFC822.SIZE (\d+)", _fewer_octets)),
        ("of one length", "fetch-metadata-of-many-objects", fetch.response(rb"RFC822.SIZE \d+", b"RFC822.SIZE 100")),
        ("of 16 bits", "fetch-objects-around-buffer-sizes", fetch.response(rb"RFC822.SIZE 131073", b"RFC822.SIZE 1")),
        ("8-bit text counted as characters", "fetch-8-bit-text", fetch.response(rb"RFC822.SIZE (\d+)", _fewer_octets)),
    ],
    "OP04-S10": [
        ("NO beyond the end", "fetch-a-part-by-octets", fetch.fetching(fetch.nothing_beyond_the_end)),
        ("NIL beyond the end", "fetch-a-part-by-octets", fetch.response(rb'> ""', b"> NIL")),
        ("named as the whole", "fetch-a-part-by-octets", fetch.response(rb"BODY\[\]<\d+>", b"BODY[]")),
        ("the whole", "fetch-a-part-by-octets", fetch.fetching(fetch.gives_the_whole)),
        ("one octet less", "fetch-a-part-of-a-section", fetch.only(b"BODY[TEXT]<", lambda octets: octets[:-1])),
        ("the last of several", "fetch-several-parts-at-once", fetch.response(rb" BODY\[\]<0> \{16\}\r\n.{16}", b"")),
    ],
    "OP04-S11": [
        (
            "dots doubled",
            "fetch-every-object-octet-for-octet",
            fetch.only(b"BODY[", lambda octets: octets.replace(b"\r\n.", b"\r\n..")),
        ),
        (
            "From escaped",
            "fetch-every-object-octet-for-octet",
            fetch.only(b"BODY[", lambda octets: octets.replace(b"\r\nFrom a", b"\r\n>From a")),
        ),
        (
            "spaces taken from line ends",
            "fetch-every-object-octet-for-octet",
            fetch.only(b"BODY[", lambda octets: re.sub(rb"[ \t]+\r\n", b"\r\n", octets)),
        ),
        (
            "a line end put to the end",
            "fetch-every-object-octet-for-octet",
            fetch.only(b"BODY[", lambda octets: octets.removesuffix(b"\r\n") + b"\r\n"),
        ),
        ("folded fields cut", "fetch-header-fields", fetch.only(b"BODY[HEADER.F", _unfolded)),
        ("no blank line", "fetch-header-fields", fetch.only(b"BODY[HEADER.F", lambda octets: octets[:-2])),
        (
            "a field more",
            "fetch-header-fields",
            fetch.only(b"BODY[HEADER.FIELDS ", lambda octets: b"From: <a@example.test>\r\n" + octets),
        ),
        ("line end of the boundary", "fetch-mime-parts", fetch.only(b"BODY[1.1]", lambda octets: octets + b"\r\n")),
        ("header in the part", "fetch-mime-parts", fetch.only(b"BODY[2]", lambda octets: b"A: b\r\n\r\n" + octets)),
        ("parts counted from zero", "fetch-mime-parts", fetch.response(rb"BODY\[1\]", b"BODY[2]")),
        ("no part 1", "fetch-the-only-part", fetch.response(rb"BODY\[1\] \{\d+\}\r\n.*\)\r\n\Z", b"BODY[1] NIL)\r\n")),
        ("one section of several", "fetch-several-sections-at-once", fetch.response(rb"BODY\[1.2\] ", b"BODY[1.3] ")),
        (
            "to each the first",
            "fetch-large-objects-by-two-sessions-at-once",
            fetch.only(b"BODY[]", lambda octets: octets.replace(b"size", b"SIZE")),
        ),
    ],
    "OP04-S12": [
        ("date after subject", "fetch-the-envelope", fetch.response(rb"PE \(%b %b" % (STRING, STRING), rb"PE (\2 \1")),
        ("no Sender", "fetch-the-envelope", fetch.response(rb"(\(\([^)]*\)\)) \(\([^)]*\)\)", rb"\1 NIL")),
        ("nine members", "fetch-the-envelope", fetch.response(rb" (NIL|\S+)\)\)\r\n\Z", b"))\r\n")),
        ("sizes after decoding", "fetch-the-body-structure", fetch.response(rb'"BASE64" (\d+)', _decoded_size)),
        ("no parameters", "fetch-the-body-structure", fetch.response(rb'\("CHARSET"[^)]*\)', b"NIL")),
        (
            "extensions in BODY",
            "fetch-the-body-structure",
            fetch.response(rb"BODY \(.*\) BODYSTRUCTURE (\(.*\))\)\r\n\Z", rb"BODY \1 BODYSTRUCTURE \1)\r\n"),
        ),
    ],
    "OP04-S13": [
        (
            "first item only",
            "fetch-items-and-macros",
            fetch.response(rb"(FLAGS \([^)]*\)) INTERNALDATE.*", rb"\1)\r\n"),
        ),
        ("FULL without BODY", "fetch-items-and-macros", fetch.response(rb" BODY \(.*\)\)\r\n\Z", b")\r\n")),
        ("no envelope", "fetch-items-and-macros", fetch.response(rb'ENVELOPE \("', b'X-ENVELOPE ("')),
        ("only twenty objects", "fetch-metadata-of-many-objects", fetch.response(rb"\* [2-6]\d FETCH.*", b"")),
    ],
    "OP04-S14": [
        (
            "numbered by UID",
            "fetch-responses-bear-sequence-numbers",
            fetch.response(rb"\* \d+ FETCH \(UID (\d+)", rb"* \1 FETCH (UID \1"),
        ),
        ("shifts untold", "sequence-numbers-stand-until-expunge-is-told", Hook(view=fetch.EagerView)),
    ],
    "OP04-S15": [
        ("one left out", "fetch-what-vanished-since", fetch.response(rb"(VANISHED \(EARLIER\) \d+),.*", rb"\1\r\n")),
        (
            "all named",
            "fetch-what-vanished-since",
            fetch.response(rb"(VANISHED \(EARLIER\)) .*", rb"\1 1:7\r\n"),
        ),
        ("not EARLIER", "fetch-what-vanished-since", fetch.response(rb"VANISHED \(EARLIER\)", b"VANISHED")),
        ("after the changes", "fetch-what-vanished-since", fetch.vanished(lambda responses: responses[::-1])),
    ],
}
FAULTS["SYN-414"] = [
    ("high bits stripped", SIZES, fetch.only(b"BODY[", lambda octets: octets.translate(SEVEN_BIT))),
    ("never empty", SIZES, fetch.only(b"BODY[", lambda octets: octets.removesuffix(b"\r\n\r\n"))),
]
TABLE = [
    pytest.param(requirement, case, fault, id=f"{requirement}: {name}")
    for requirement, faults in FAULTS.items()
    for name, case, fault in faults
]


@pytest.mark.parametrize(("requirement", "case", "fault"), TABLE)
def test_a_server_that_fetches_wrongly_is_failed(requirement: str, case: str, fault: Hook) -> None:
    """The requirement that is broken fails, found by the case that looks for it."""
    with faulty(fault) as server:
        outcomes = run_cases(server, select=[case])
    assert outcomes[requirement] == "fail", outcomes


def test_a_server_that_does_not_tell_what_it_read_is_warned() -> None:
    r"""The \Seen that BODY[] sets should be told in its answer."""
    untold = fetch.response(rb"((?:BODY\[|RFC822).*) FLAGS \([^)]*\)(?: UID \d+)?\)\r\n\Z", rb"\1)\r\n")
    with faulty(untold) as server:
        assert run_cases(server, select=["reading-sets-seen-and-tells"])["OP04-S8"] == "warn"


BEHAVIOURS = {
    "the least": Behaviour(
        extensions=frozenset(), first_uid=2**32 - 400, fetch_item_order="reversed", updates_before_answer=True
    ),
    "the most": Behaviour(
        first_modseq=2**62, vanished_reports_all=True, expunge_in_uid_commands=False, uid_in_updates=True
    ),
    "no mod-sequences": Behaviour(mod_sequences=False),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=list(BEHAVIOURS))
def test_a_server_that_fetches_rightly_is_failed_by_nothing(behaviour: Behaviour) -> None:
    """The reference server passes what it offers, in each of these legal variations."""
    with ReferenceStorageServer(ReferenceServer(behaviour)) as server:
        selected = [CLAUSE] if behaviour.mod_sequences else ["OP04-S4", "OP04-S15"]
        report = judged(server, select=selected, role=Roles.SERVER)
    wrong = [each.id for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    assert not wrong
    assert report.cases
