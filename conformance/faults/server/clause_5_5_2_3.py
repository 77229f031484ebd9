"""What the faults of 5.5.2.3 replace: APPEND that keeps other octets, flags or dates, or tells of them wrongly."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from conformance.faults.hooks import Hook, answers_ok
from conformance.faults.server import selection, store
from conformance.faults.server.selection import replaced


def _raised(pattern: bytes, by: int = 1) -> Hook:
    """A server that sends a number, the second group of the pattern, other than it is."""
    return Hook(rewrite=replaced(pattern, lambda found: found[1] + b"%d" % (int(found[2]) + by)))


def _sent(pattern: bytes, replacement: bytes) -> Hook:
    """A server that sends something else for what matches."""
    return Hook(rewrite=replaced(pattern, replacement))


HOOKS = {
    "append-stores-nothing": Hook(commands={"APPEND": answers_ok}),
    "field-added-to-the-header": store.content(lambda octets: b"X-Stored: yes\r\n" + octets),
    "field-names-are-respelled": store.content(lambda octets: octets.replace(b"Message-ID:", b"Message-Id:")),
    "line-ends-become-lf": store.content(lambda octets: octets.replace(b"\r\n", b"\n")),
    "trailing-spaces-are-stripped": store.content(lambda octets: re.sub(rb"[ \t]+\r\n", b"\r\n", octets)),
    "double-dots-become-single": store.content(lambda octets: octets.replace(b"\r\n..", b"\r\n.")),
    "from-lines-are-escaped": store.content(lambda octets: octets.replace(b"\r\nFrom ", b"\r\n>From ")),
    "last-line-end-is-added": store.content(lambda octets: octets.removesuffix(b"\r\n") + b"\r\n"),
    "folded-fields-are-unfolded": store.content(lambda octets: re.sub(rb"\r\n[ \t]+(?=\w)", b" ", octets)),
    "long-lines-are-broken": store.content(lambda octets: re.sub(rb"([^\r\n]{900})(?=.)", rb"\1\r\n", octets)),
    "control-characters-are-dropped": store.content(lambda octets: octets.replace(b"\x01", b"")),
    "preamble-is-dropped": store.content(lambda octets: octets.replace(b"before the first part\r\n", b"")),
    "full-buffers-lose-an-octet": store.content(lambda octets: octets[:-1] if len(octets) % 4096 == 0 else octets),
    "objects-cut-at-64-kib": store.content(lambda octets: octets[:65536]),
    "objects-cut-below-1-mib": store.content(lambda octets: octets[: 2**20 - 1]),
    "objects-cut-at-4-mib": store.content(lambda octets: octets[: 2**22]),
    "later-pieces-are-changed": Hook(connection=store.SharesOneBuffer),
    "sessions-fill-one-buffer": Hook(connection=store.FillsOneBuffer, account=store.StoresFromOneBuffer),
    "append-known-in-capitals-only": Hook(connection=store.KnowsCapitals),
    "folder-names-not-as-literals": Hook(connection=store.KnowsNoLiteralNames),
    "equal-object-not-stored-again": Hook(account=store.KeepsOneOfEach),
    "same-message-id-replaces": Hook(account=store.OneOfEachMessageId),
    "objects-sorted-by-date": Hook(mailbox=store.SortsByDate),
    "literal-plus-in-name-only": Hook(connection=store.OnlyAnnounces),
    "multiappend-stores-the-first": Hook(account=store.OnlyTheFirst),
    "multiappend-stores-backwards": Hook(account=store.Backwards),
    "additions-shown-after-selection-only": Hook(view=store.BlindView),
    "refused-store-leaves-a-part": store.when_refused(store.keeps_a_part),
    "refused-store-removes-the-last": store.when_refused(store.removes_the_last),
    "refused-store-marks-the-last": store.when_refused(store.marks_the_last),
    "what-fits-is-stored": Hook(account=store.StoresWhatFits),
    "stored-and-then-refused": Hook(account=store.StoresBeforeItChecks),
    "part-of-a-cut-literal-stored": store.cutting(),
    "whole-literal-without-end-stored": store.cutting(whole=True),
    "written-blocks-stay-when-cut": store.cutting(least=65536),
    "part-of-literal-plus-stored": store.cutting(plus=b"+"),
    "cut-multiappend-stores-the-first": Hook(connection=store.KeepsTheFirst),
    "append-creates-the-folder": store.missing(store.creates),
    "append-creates-and-refuses": store.missing(store.creates_and_refuses),
    "append-creates-superiors": store.missing(store.creates_superiors),
    "missing-folder-is-bad": store.missing(store.says_bad),
    "missing-folder-is-ok": store.missing(store.says_ok),
    "trycreate-is-left-out": store.missing(store.refuses_with(None)),
    "nonexistent-for-trycreate": store.missing(store.refuses_with("NONEXISTENT")),
    "trycreate-at-the-end": store.missing(store.refuses_with(None, "no such folder [TRYCREATE]")),
    "refused-object-read-as-commands": Hook(connection=store.LeavesTheObject),
    "appenduid-of-the-next": _raised(rb"(APPENDUID \d+ )(\d+)"),
    "appenduid-of-the-former": _raised(rb"(APPENDUID \d+ )(\d+)", -1),
    "appenduid-with-another-validity": _raised(rb"(APPENDUID )(\d+)"),
    "appenduid-with-active-validity": store.telling(store.validity_of_the_active),
    "appenduid-is-always-one": _sent(rb"(APPENDUID \d+) \d+", rb"\1 1"),
    "appenduid-of-the-equal-object": store.telling(store.uid_of_the_equal),
    "appenduid-of-the-first-only": _sent(rb"(APPENDUID \d+ \d+):\d+", rb"\1"),
    "appenduid-without-numbers": _sent(rb"APPENDUID \d+ \d+", b"APPENDUID"),
    "append-fills-gaps": Hook(mailbox=store.FillsGaps),
    "uidnext-is-too-high": _raised(rb"(UIDNEXT )(\d+)", 5),
    "uidnext-is-always-one": _sent(rb"UIDNEXT \d+", b"UIDNEXT 1"),
    "stored-flags-are-dropped": store.flags(lambda _: frozenset()),
    "stored-keywords-are-dropped": store.flags(lambda flags: frozenset(each for each in flags if each[0] == "\\")),
    "first-stored-flag-only": store.flags(lambda flags: frozenset(sorted(flags)[:1])),
    "stored-objects-are-seen": store.flags(lambda flags: flags | {"\\Seen"}),
    "stored-draft-is-dropped": store.flags(lambda flags: flags - {"\\Draft"}),
    "stored-flags-add-up": Hook(account=store.AddsFlags),
    "stored-date-is-now": store.date(lambda _: datetime.now(UTC).replace(microsecond=0)),
    "stored-date-without-zone": store.date(lambda moment: moment.replace(tzinfo=UTC)),
    "stored-date-without-time": store.date(lambda moment: moment.replace(hour=0, minute=0, second=0)),
    "stored-zone-in-whole-hours": store.date(store.whole_hours),
    "padded-day-is-bad": Hook(commands={"APPEND": store.takes_no_padding}),
    "stored-high-bits-stripped": store.content(lambda octets: bytes(each & 127 for each in octets)),
    "question-marks-for-8-bit": store.content(lambda octets: re.sub(rb"[\x80-\xff]", b"?", octets)),
    "8-bit-octets-dropped": store.content(lambda octets: re.sub(rb"[\x80-\xff]", b"", octets)),
    "8-bit-taken-for-latin-1": store.content(lambda octets: octets.decode("latin-1").encode()),
    "8-bit-taken-for-utf-8": store.content(lambda octets: octets.decode("utf-8", "replace").encode()),
    "8-bit-is-refused": store.drafts(store.refuses_8_bit),
    "8-bit-encoded-untold": store.content(store.encodes_secretly),
    "own-store-told-later": Hook(commands={"APPEND": store.tells_later}, session=store.Silent),
    "own-store-tells-the-newest": Hook(view=store.OwnView),
    "every-second-addition-told": Hook(session=selection.TellsEverySecondAddition),
    "stored-seen-without-flags": store.flags(lambda flags: flags or frozenset({"\\Seen"})),
    "stored-with-a-keyword": store.flags(lambda flags: flags | {"$NotJunk"}),
    "stored-seen-by-header": store.drafts(store.seen_by_header),
    "stored-date-of-the-header": store.drafts(store.date_of_header),
    "stored-date-is-1970": store.date(lambda _: datetime(1970, 1, 1, tzinfo=UTC)),
    "stored-flags-of-the-former": Hook(account=store.RemembersFlags),
    "stored-date-of-the-oldest": Hook(account=store.RemembersDates),
}
