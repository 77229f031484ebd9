"""What the faults of 5.5.2.4 replace: FETCH that gives other objects, octets or items than were asked for."""

from __future__ import annotations

import re

from conformance.faults.hooks import Hook, answers_ok
from conformance.faults.server import fetch

_STRING = rb'(NIL|"(?:[^"\\]|\\.)*")'

HOOKS = {
    "octets-put-together-anew": Hook(mailbox=fetch.RenewingMailbox),
    "expunge-shifts-the-octets": Hook(mailbox=fetch.ShiftingMailbox),
    "text-is-not-that-of-the-whole": fetch.only(b"BODY[TEXT]", lambda octets: octets + b"\r\n"),
    "flags-stay-as-first-fetched": Hook(session=fetch.FirstFlags),
    "only-the-first-flag-is-fetched": fetch.response(rb"FLAGS \((\S+)[^)]*\)", rb"FLAGS (\1)"),
    "keywords-are-not-fetched": fetch.response(rb" ?\$Delivered", b""),
    "every-object-fetched-as-draft": fetch.response(rb"FLAGS \([^)]*\)", rb"FLAGS (\\Draft)"),
    "fetch-refuses-unknown-uids": fetch.naming(fetch.refuses_unknown),
    "nothing-beyond-the-highest-uid": fetch.naming(fetch.knows_no_far_star),
    "nothing-for-reversed-ranges": fetch.naming(fetch.knows_no_reversed_range),
    "fetched-uids-taken-for-numbers": Hook(commands={"UID FETCH": fetch.takes_uids_for_numbers}),
    "star-is-the-last-uid-assigned": fetch.naming(fetch.takes_star_for_the_assigned),
    "fetch-in-an-empty-folder-is-bad": fetch.naming(fetch.wants_objects),
    "uid-fetch-answers-nothing": Hook(commands={"UID FETCH": answers_ok}),
    "unchanged-objects-at-the-mod-sequence": fetch.since(-1),
    "first-change-is-left-out": fetch.since(1),
    "changedsince-returns-all": fetch.since(-1000),
    "changes-without-modseq": fetch.response(rb"(FLAGS .*) MODSEQ \(\d+\)", rb"\1"),
    "date-of-the-last-change": Hook(mailbox=fetch.DatingMailbox),
    "date-is-the-time-of-fetching": fetch.fetching(fetch.answering(fetch.dated_by_clock)),
    "size-counts-the-flags": fetch.fetching(fetch.answering(fetch.counts_flags)),
    "store-answers-without-uid": fetch.stores(rb"UID \d+ ", b""),
    "flags-without-uid": fetch.response(rb"UID \d+ FLAGS", b"FLAGS"),
    "bodies-without-uid": fetch.response(rb"UID \d+ BODY\[", b"BODY["),
    "bodies-cut-at-64-kib": fetch.only(b"BODY[", lambda octets: octets[:65536]),
    "octets-cut-at-4-mib": fetch.only(b"", lambda octets: octets[: 4 * 2**20]),
    "whole-bodies-named-as-parts": fetch.response(rb"(BODY\[\]|RFC822) \{", rb"BODY[]<0> {"),
    "peek-sets-seen": fetch.marking(when=b"BODY["),
    "structure-sets-seen": fetch.marking(when=b"BODYSTRUCTURE"),
    "header-sets-seen": fetch.marking(when=b"RFC822.HEADER"),
    "part-of-the-text-sets-seen": fetch.marking(when=b"BODY[TEXT]"),
    "reading-does-not-set-seen": fetch.fetching(fetch.reading_sets_nothing),
    "reading-sets-seen-on-all": fetch.marking(when=b"RFC822", all_objects=True),
    "size-with-lf-line-ends": fetch.fetching(
        fetch.answering(fetch.sized(lambda message: len(message.content.octets.replace(b"\r\n", b"\n"))))
    ),
    "size-in-characters": fetch.fetching(
        fetch.answering(fetch.sized(lambda message: len(message.content.octets.decode("utf-8", "replace"))))
    ),
    "size-of-16-bits": fetch.fetching(fetch.answering(fetch.sized(lambda message: message.size % 2**16))),
    "one-size-for-all": fetch.fetching(fetch.answering(fetch.sized(lambda _: 100))),
    "part-beyond-the-end-is-refused": fetch.fetching(fetch.nothing_beyond_the_end),
    "part-beyond-the-end-is-nil": fetch.response(rb'> ""', b"> NIL"),
    "part-named-as-the-whole": fetch.response(rb"BODY\[\]<\d+>", b"BODY[]"),
    "the-whole-for-a-part": fetch.fetching(fetch.gives_the_whole),
    "part-of-the-text-is-short": fetch.only(b"BODY[TEXT]<", lambda octets: octets[:-1]),
    "first-of-several-parts-missing": fetch.response(rb" BODY\[\]<0> \{16\}\r\n.{16}", b""),
    "dots-at-line-starts-doubled": fetch.only(b"BODY[", lambda octets: octets.replace(b"\r\n.", b"\r\n..")),
    "from-at-line-starts-quoted": fetch.only(b"BODY[", lambda octets: octets.replace(b"\r\nFrom a", b"\r\n>From a")),
    "spaces-at-line-ends-cut": fetch.only(b"BODY[", lambda octets: re.sub(rb"[ \t]+\r\n", b"\r\n", octets)),
    "last-line-always-ended": fetch.only(b"BODY[", lambda octets: octets.removesuffix(b"\r\n") + b"\r\n"),
    "folded-fields-are-cut": fetch.only(b"BODY[HEADER.F", fetch.unfolded),
    "no-blank-line-after-fields": fetch.only(b"BODY[HEADER.F", lambda octets: octets[:-2]),
    "one-field-more-than-asked": fetch.only(
        b"BODY[HEADER.FIELDS ", lambda octets: b"From: <a@example.test>\r\n" + octets
    ),
    "boundary-line-end-in-the-part": fetch.only(b"BODY[1.1]", lambda octets: octets + b"\r\n"),
    "mime-header-in-the-part": fetch.only(b"BODY[2]", lambda octets: b"A: b\r\n\r\n" + octets),
    "part-number-off-by-one": fetch.response(rb"BODY\[1\]", b"BODY[2]"),
    "only-part-is-nil": fetch.response(rb"BODY\[1\] \{\d+\}\r\n.*\)\r\n\Z", b"BODY[1] NIL)\r\n"),
    "one-of-several-sections-misnamed": fetch.response(rb"BODY\[1.2\] ", b"BODY[1.3] "),
    "sessions-share-the-first-octets": fetch.fetching(fetch.answering(fetch.keeps_the_first)),
    "subject-before-date": fetch.response(rb"PE \(%b %b" % (_STRING, _STRING), rb"PE (\2 \1"),
    "absent-sender-is-nil": fetch.response(rb"(\(\([^)]*\)\)) \(\([^)]*\)\)", rb"\1 NIL"),
    "envelope-without-message-id": fetch.response(rb" (NIL|\S+)\)\)\r\n\Z", b"))\r\n"),
    "part-sizes-after-decoding": fetch.response(rb'"BASE64" (\d+)', fetch.decoded_size),
    "structure-without-parameters": fetch.response(rb'\("CHARSET"[^)]*\)', b"NIL"),
    "extension-data-in-body": fetch.response(
        rb"BODY \(.*\) BODYSTRUCTURE (\(.*\))\)\r\n\Z", rb"BODY \1 BODYSTRUCTURE \1)\r\n"
    ),
    "only-the-first-item": fetch.response(rb"(FLAGS \([^)]*\)) INTERNALDATE.*", rb"\1)\r\n"),
    "full-without-body": fetch.response(rb" BODY \(.*\)\)\r\n\Z", b")\r\n"),
    "envelope-under-another-name": fetch.response(rb'ENVELOPE \("', b'X-ENVELOPE ("'),
    "only-twenty-objects-fetched": fetch.only_numbers_to(20),
    "responses-numbered-by-uid": fetch.response(rb"\* \d+ FETCH \(UID (\d+)", rb"* \1 FETCH (UID \1"),
    "untold-expunge-shifts-numbers": Hook(view=fetch.EagerView),
    "one-vanished-uid-left-out": fetch.response(rb"(VANISHED \(EARLIER\) \d+),.*", rb"\1\r\n"),
    "vanished-names-all": fetch.response(rb"(VANISHED \(EARLIER\)) .*", rb"\1 1:7\r\n"),
    "vanished-without-earlier": fetch.response(rb"VANISHED \(EARLIER\)", b"VANISHED"),
    "vanished-after-the-changes": fetch.vanished(lambda responses: responses[::-1]),
    "high-bits-are-stripped": fetch.only(b"BODY[", fetch.seven_bit),
    "empty-bodies-lose-their-blank-line": fetch.only(b"BODY[", lambda octets: octets.removesuffix(b"\r\n\r\n")),
}
