"""Messages on the reference server: APPEND, FETCH, STORE, EXPUNGE, COPY, MOVE and SEARCH (RFC 3501 6.3.11, 6.4)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference.server import Behaviour
from conformance.selftest.reference_server_driver import MESSAGE, Driver, Site, responses

DATE = '"17-Jul-1996 02:44:25 -0700"'
NESTED = (
    b'From: Ann <ann@example.org>\r\nTo: List: b@x.org, "C D" <c@y.org>;\r\nSubject: outer\r\n'
    b"Date: Wed, 17 Jul 1996 02:23:25 -0700\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b1"\r\n\r\npreamble\r\n'
    b"--b1\r\n\r\nfirst part\r\n"
    b"--b1\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: d@z.org\r\n\r\ninner body\r\n"
    b"--b1\r\nContent-Type: multipart/alternative; boundary=b2\r\nX-Part: 3\r\n\r\n"
    b"--b2\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"PGI+R3LDvMOfZTwvYj4=\r\n"
    b"--b2\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=x.png\r\n\r\nPNG\r\n--b2--\r\n"
    b"--b1--\r\nepilogue\r\n"
)


def driver_with(*messages: bytes, options: str = "", behaviour: Behaviour | None = None) -> Driver:
    """A session with INBOX selected that holds these messages."""
    driver = Site(behaviour).driver("INBOX")
    for message in messages:
        assert driver.append(message=message, options=options).ok
    driver.ok("NOOP")
    return driver


def section(driver: Driver, name: str, number: int = 1) -> bytes | None:
    """The octets of a section, None for NIL."""
    (line,) = driver.fetch(str(number), f"BODY.PEEK[{name}]")
    match = re.match(rb'\d+ FETCH \(BODY\[[^]]*\]\S* (?:(NIL)|(")"|\{\d+\}\r\n)', line)
    assert match
    if match[1]:
        return None
    return b"" if match[2] else line[match.end() : -1]


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=200).map(lambda octets: octets.replace(b"\0", b"\xff")))
def test_octets_are_stored_exactly(message: bytes) -> None:
    """Any octets but NUL come back as they went in, 8-bit and bare line ends included; RFC822.SIZE is their number."""
    driver = driver_with(message)
    assert section(driver, "") == message
    assert driver.fetch("1", "RFC822.SIZE") == [b"1 FETCH (RFC822.SIZE %d)" % len(message)]
    assert driver.ok("FETCH 1 (ENVELOPE BODYSTRUCTURE BODY BODY[TEXT] BODY[HEADER])").ok


def test_append_sets_flags_and_date() -> None:
    """Those given are set; otherwise there are no flags, and the date is the clock's (section 6.3.11)."""
    driver = driver_with(MESSAGE, options=f"(\\Flagged kw) {DATE}")
    assert driver.flags(1) == {"\\Flagged", "kw"}
    assert driver.fetch("1", "INTERNALDATE") == [b'1 FETCH (INTERNALDATE "17-Jul-1996 02:44:25 -0700")']
    driver.append()
    assert driver.flags(2) == set()
    assert b" +0000" in driver.fetch("2", "INTERNALDATE")[0]


@pytest.mark.parametrize(
    ("command", "status", "text"),
    [
        ("APPEND nowhere {3+}\r\nabc", "NO", "[TRYCREATE]"),
        ("APPEND & {3+}\r\nabc", "NO", "[CANNOT]"),
        ("APPEND INBOX {0+}\r\n", "NO", ""),
        ("APPEND INBOX (\\Recent) {3+}\r\nabc", "BAD", ""),
        ("APPEND INBOX (\\read-report-sent) {3+}\r\nabc", "BAD", ""),
        ('APPEND INBOX "1-Foo-2020 00:00:00 +0000" {3+}\r\nabc', "BAD", ""),
        ('APPEND INBOX "quoted"', "BAD", ""),
        ("APPEND INBOX {3+}\r\na\0c", "BAD", ""),
        ("APPEND INBOX {3+}\r\nabc {0+}\r\n", "NO", ""),
        ("APPEND INBOX {3+}\r\nabc (\\Recent) {3+}\r\nabc", "BAD", ""),
    ],
)
def test_append_that_fails_stores_nothing(command: str, status: str, text: str) -> None:
    """A missing folder is [TRYCREATE] and not made; nothing is stored in part; UIDNEXT does not move."""
    driver = Site().driver("INBOX")
    answer = driver.send(command)
    assert answer.status == status
    assert answer.text.startswith(text)
    after = driver.ok("SELECT INBOX")
    assert (after.exists(), after.code("UIDNEXT")) == (0, 1)
    assert len(driver.ok('LIST "" "*"').untagged) == 1


def test_a_connection_cut_in_a_literal_stores_nothing() -> None:
    """No partial appending (section 6.3.11)."""
    site = Site()
    driver = site.driver()
    driver.connection.receive(b"x APPEND INBOX {20+}\r\nhalf of")
    driver.connection.close()
    assert site.driver().ok("STATUS INBOX (MESSAGES UIDNEXT)").untagged == [b'STATUS "INBOX" (MESSAGES 0 UIDNEXT 1)']


def test_multiappend_is_all_or_nothing() -> None:
    """Every message or, when the account gets full, none (RFC 3502); APPENDUID names them in order."""
    site = Site()
    driver = site.driver()
    parts = b" {3+}\r\none (\\Seen) {3+}\r\ntwo " + DATE.encode() + b" {5+}\r\nthree"
    assert driver.ok(b"APPEND INBOX" + parts).text.startswith("[APPENDUID 1 1:3]")
    site.server.set_quota("user", 20)
    assert driver.send(b"APPEND INBOX" + parts).text.startswith("[OVERQUOTA]")
    site.server.set_quota("user", None)
    assert driver.ok(b"APPEND INBOX" + parts).text.startswith("[APPENDUID 1 4:6]")
    driver.ok("SELECT INBOX")
    assert section(driver, "", 3) == b"three"


def test_sections() -> None:
    """BODY[] and its parts, by number, header, fields, MIME header and text (section 6.4.5)."""
    driver = driver_with(NESTED)
    header, text = NESTED.split(b"\r\n\r\n", 1)
    expected = {
        "": NESTED,
        "HEADER": header + b"\r\n\r\n",
        "TEXT": text,
        "HEADER.FIELDS (subject X-None)": b"Subject: outer\r\n\r\n",
        "1": b"first part",
        "1.MIME": b"\r\n",
        "2": b"Subject: inner\r\nFrom: d@z.org\r\n\r\ninner body",
        "2.HEADER": b"Subject: inner\r\nFrom: d@z.org\r\n\r\n",
        "2.HEADER.FIELDS.NOT (From)": b"Subject: inner\r\n\r\n",
        "2.TEXT": b"inner body",
        "2.1": b"inner body",
        "3.1": b"PGI+R3LDvMOfZTwvYj4=",
        "3.2.MIME": b"Content-Type: image/png\r\nContent-Disposition: attachment; filename=x.png\r\n\r\n",
        "4": None,
        "1.1": None,
        "3.HEADER": None,
    }
    assert {name: section(driver, name) for name in expected} == expected
    driver = driver_with(MESSAGE)
    assert section(driver, "1") == b"Hello\r\n"
    assert section(driver, "2") is None


def test_partials() -> None:
    """A partial names its origin even when cut short, and is empty past the end (section 6.4.5)."""
    driver = driver_with(b"0123456789")
    lines = [driver.fetch("1", f"BODY.PEEK[]<{part}>")[0] for part in ("0.4", "8.100", "10.5", "99.1")]
    assert lines == [
        b"1 FETCH (BODY[]<0> {4}\r\n0123)",
        b"1 FETCH (BODY[]<8> {2}\r\n89)",
        b'1 FETCH (BODY[]<10> "")',
        b'1 FETCH (BODY[]<99> "")',
    ]
    assert driver.send("FETCH 1 BODY[]<0.0>").status == "BAD"


def test_structure_and_envelope() -> None:
    """BODYSTRUCTURE follows the parts; ENVELOPE has groups, defaults for Sender and Reply-To, and NIL (7.4.2)."""
    (line,) = driver_with(NESTED).fetch("1", "(ENVELOPE BODYSTRUCTURE)")
    ann = b'(("Ann" NIL "ann" "example.org"))'
    group = b'((NIL NIL "List" NIL)(NIL NIL "b" "x.org")("C D" NIL "c" "y.org")(NIL NIL NIL NIL))'
    envelope = b'("Wed, 17 Jul 1996 02:23:25 -0700" "outer" ' + b" ".join([ann, ann, ann, group])
    assert line.startswith(b"1 FETCH (ENVELOPE " + envelope + b' NIL NIL NIL "<1@example.org>") BODYSTRUCTURE (')
    inner = b'(NIL "inner" ((NIL NIL "d" "z.org")) ((NIL NIL "d" "z.org")) ((NIL NIL "d" "z.org")) NIL NIL NIL NIL NIL)'
    assert b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 43 ' + inner + b' ("TEXT" "PLAIN"' in line
    assert b'("TEXT" "HTML" ("CHARSET" "utf-8") NIL NIL "BASE64" 20 0 NIL NIL NIL NIL)' in line
    assert b'("IMAGE" "PNG" NIL NIL NIL "7BIT" 3 NIL ("ATTACHMENT" ("FILENAME" "x.png")) NIL NIL) "ALTERNATIVE"' in line
    assert line.endswith(b'"MIXED" ("BOUNDARY" "b1") NIL NIL NIL))')


PIECES = [*NESTED.splitlines(keepends=True), b"--b1", b"--b2--\r\n", b"\r\n", b"\xff", b"(", b'"']


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES)))
def test_broken_messages_have_a_structure_too(lines: list[bytes]) -> None:
    """Whatever a message looks like, its structure is balanced and no command fails."""
    driver = driver_with(b"".join(lines) or b"x")
    for line in driver.fetch("1", "(BODYSTRUCTURE BODY ENVELOPE)"):
        plain = re.sub(rb'"(?:[^"\\]|\\.)*"', b'""', line) if b"{" not in line else b""
        assert plain.count(b"(") == plain.count(b")")
    driver.ok("FETCH 1 (BODY[1] BODY[1.MIME] BODY[2.HEADER] BODY[3.1.TEXT])")
    driver.ok("SEARCH TEXT x BODY y SUBJECT z SENTON 1-Jan-2020")


def test_deep_nesting_is_survived() -> None:
    """Thousands of nested parts are no way to break the server."""
    nested = b"Content-Type: message/rfc822\r\n\r\n" * 5000 + b"end"
    driver = driver_with(nested)
    assert driver.fetch("1", "BODYSTRUCTURE")
    assert section(driver, "") == nested


def test_reading_sets_seen_and_peeking_does_not() -> None:
    r"""BODY[], RFC822 and RFC822.TEXT set \Seen and say so; BODY.PEEK and RFC822.HEADER do not (section 6.4.5)."""
    driver = driver_with(*[MESSAGE] * 6)
    items = ["BODY.PEEK[]", "RFC822.HEADER", "ENVELOPE", "BODY[TEXT]", "RFC822", "RFC822.TEXT"]
    for number, item in enumerate(items, 1):
        (line,) = driver.fetch(str(number), item)
        reads = number > 3
        assert (b"FLAGS (\\Seen" in line) == reads, item
        assert driver.flags(number) == ({"\\Seen"} if reads else set())


def test_macros_and_item_order() -> None:
    """ALL, FAST and FULL; the behaviour may answer in reverse."""
    driver = driver_with(MESSAGE)
    assert b"ENVELOPE" not in driver.fetch("1", "FAST")[0]
    assert b"BODY (" in driver.fetch("1", "FULL")[0]
    driver = driver_with(MESSAGE, behaviour=Behaviour(fetch_item_order="reversed"))
    assert driver.fetch("1", "(UID RFC822.SIZE)") == [b"1 FETCH (RFC822.SIZE 44 UID 1)"]


def test_uid_forms() -> None:
    """UID is always in the answer; unknown UIDs are passed over; `n:*` holds the last message (section 6.4.8)."""
    driver = driver_with(MESSAGE, MESSAGE, behaviour=Behaviour(first_uid=100))
    assert driver.ok("UID FETCH 1:* FLAGS").named(b"FETCH")[1].startswith(b"2 FETCH (UID 101 FLAGS")
    assert driver.ok("UID STORE 100 +FLAGS (\\Seen)").named(b"FETCH")[0].startswith(b"1 FETCH (UID 100 ")
    assert len(driver.ok("UID FETCH 559:* UID").named(b"FETCH")) == 1
    assert len(driver.ok("UID FETCH 101:90 UID").named(b"FETCH")) == 2
    assert driver.ok("UID FETCH 1:99 UID").untagged == []
    assert driver.ok("UID STORE 7 +FLAGS (\\Seen)").untagged == []
    assert driver.ok("UID COPY 7 INBOX").untagged == []
    assert Site().driver("INBOX").ok("UID FETCH 1:* FLAGS").untagged == []


@pytest.mark.parametrize("command", ["FETCH 3 UID", "FETCH 1:3 UID", "STORE 3 FLAGS ()", "COPY 3 INBOX", "FETCH 0 UID"])
def test_numbers_above_the_last_are_bad(command: str) -> None:
    """Section 9: tagged BAD for a message number greater than the number of messages."""
    assert driver_with(MESSAGE, MESSAGE).send(command).status == "BAD"
    assert Site().driver("INBOX").send("FETCH 1:* UID").status == "BAD"


def test_static_attributes_do_not_change() -> None:
    """Octets, size, date, envelope and structure stay the same whatever happens around a message (section 6.4.5)."""
    site = Site()
    driver = site.driver("INBOX")
    for message in (MESSAGE, NESTED):
        driver.append(message=message, options=DATE)
    wanted = "(UID INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])"
    before = driver.fetch("2", wanted)[0]
    driver.ok("STORE 1:2 +FLAGS (\\Seen kw)")
    driver.ok("STORE 1 +FLAGS (\\Deleted)")
    driver.ok("EXPUNGE")
    driver.append()
    for each in (driver, site.driver("INBOX")):
        assert each.fetch("1", wanted)[0].split(b" ", 1)[1] == before.split(b" ", 1)[1]


def test_store_adds_removes_and_replaces() -> None:
    """The answer has the whole new set; other sessions and later ones see it; .SILENT says nothing (section 6.4.6)."""
    site = Site()
    driver = site.driver("INBOX")
    driver.append(options="(\\Flagged)")
    assert b"(\\Flagged \\Seen kw" in driver.ok("STORE 1 +FLAGS (\\Seen kw)").named(b"FETCH")[0]
    assert driver.ok("STORE 1 -FLAGS.SILENT (\\Flagged)").untagged == []
    assert site.driver("INBOX").flags(1) == {"\\Seen", "kw"}
    driver.ok("STORE 1 FLAGS \\Draft")
    driver.ok("STORE 1 +FLAGS ()")
    assert driver.flags(1) == {"\\Draft"}
    assert "kw" in driver.ok("SELECT INBOX").named(b"FLAGS")[0].decode()
    driver.ok("STORE 1 FLAGS ()")
    assert driver.flags(1) == set()


def test_pipelined_stores_run_in_order() -> None:
    """Section 5.5: the result is as if each command had waited for the one before."""
    driver = driver_with(MESSAGE)
    commands = [b"a STORE 1 +FLAGS (x)", b"b STORE 1 -FLAGS (x)", b"c UID FETCH 1 FLAGS"]
    lines = responses(driver.connection.receive(b"".join(command + b"\r\n" for command in commands)))
    assert [line.split()[0] for line in lines if not line.startswith(b"*")] == [b"a", b"b", b"c"]
    assert b" x" not in lines[-2]


@pytest.mark.parametrize("reverse", [False, True])
def test_expunge_notices(reverse: bool) -> None:  # noqa: FBT001
    """The example of section 6.4.3: 3, 4, 7 and 11 of 11, each numbered by what is left; also highest first."""
    driver = driver_with(*[MESSAGE] * 11, behaviour=Behaviour(expunge_highest_first=reverse))
    driver.ok("STORE 3,4,7,11 +FLAGS (\\Deleted)")
    numbers = [11, 7, 4, 3] if reverse else [3, 3, 5, 8]
    assert driver.ok("EXPUNGE").untagged == [b"%d EXPUNGE" % number for number in numbers]
    assert driver.uids() == [1, 2, 5, 6, 8, 9, 10]
    assert driver.ok("STATUS INBOX (UIDNEXT)").untagged == [b'STATUS "INBOX" (UIDNEXT 12)']


def test_uid_expunge_removes_only_what_is_named() -> None:
    """RFC 4315 section 2.1: only messages that are marked and named."""
    driver = driver_with(*[MESSAGE] * 4)
    driver.ok("STORE 1:3 +FLAGS (\\Deleted)")
    assert driver.ok("UID EXPUNGE 2,4").untagged == [b"2 EXPUNGE"]
    assert driver.uids() == [1, 3, 4]


def test_close_removes_without_notices() -> None:
    """Only what is marked goes, and no folder is selected after (section 6.4.2)."""
    driver = driver_with(MESSAGE, MESSAGE)
    driver.ok("STORE 1 +FLAGS (\\Deleted)")
    assert driver.ok("CLOSE").untagged == []
    assert driver.send("SEARCH ALL").status == "BAD"
    driver.ok("SELECT INBOX")
    assert driver.uids() == [2]


def test_copy_keeps_flags_and_dates() -> None:
    """COPYUID pairs old and new UIDs; a missing target is [TRYCREATE]; a full account takes nothing (6.4.7)."""
    site = Site()
    driver = site.driver("INBOX")
    driver.ok("CREATE b")
    for _ in range(3):
        driver.append(options=f"(\\Flagged kw) {DATE}")
    assert driver.send("COPY 1 nowhere").text.startswith("[TRYCREATE]")
    assert driver.ok("UID COPY 3,1 b").text.startswith("[COPYUID 2 1,3 1:2]")
    site.server.set_quota("user", len(MESSAGE) * 6)
    assert driver.send("COPY 1:2 b").text.startswith("[OVERQUOTA]")
    driver.ok("SELECT b")
    assert driver.uids() == [1, 2]
    assert driver.flags(2) == {"\\Flagged", "kw"}
    assert DATE.encode() in driver.fetch("2", "INTERNALDATE")[0]


def test_move() -> None:
    """The copies are there, the originals gone, told by COPYUID and EXPUNGE (RFC 6851)."""
    site = Site()
    driver = site.driver("INBOX")
    driver.ok("CREATE b")
    for _ in range(3):
        driver.append()
    answer = driver.ok("MOVE 1:2 b")
    assert answer.untagged == [b"OK [COPYUID 2 1:2 1:2] moved", b"1 EXPUNGE", b"1 EXPUNGE"]
    assert driver.uids() == [3]
    assert driver.ok("UID MOVE 3 INBOX").untagged[0] == b"OK [COPYUID 1 3 4] moved"
    assert driver.uids() == [4]
    assert driver.ok("SELECT b").exists() == 2


LATIN = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nCc: x@y\r\n\r\nplain \xc3\xa4\r\n"


@pytest.mark.parametrize(
    ("keys", "numbers"),
    [
        ("ALL", "1 2 3"),
        ("2:*", "2 3"),
        ("99", ""),
        ("UID 1,3", "1 3"),
        ("SEEN", "2"),
        ("UNSEEN", "1 3"),
        ("KEYWORD KW", "2"),
        ("UNKEYWORD kw", "1 3"),
        ("DELETED", ""),
        ("RECENT", "1 2 3"),
        ("NEW", "1 3"),
        ("OLD", ""),
        ("ON 17-Jul-1996", "2"),
        ("SINCE 18-Jul-1996", "1 3"),
        ("BEFORE 18-Jul-1996", "2"),
        ("SENTON 17-Jul-1996", "1"),
        ("SENTSINCE 1-Jan-1990", "1"),
        ("SENTBEFORE 1-Jan-1990", ""),
        ("SUBJECT OUT", "1"),
        ("FROM ann", "1"),
        ('TO "c d"', "1"),
        ("CC x@", "3"),
        ("BCC x", ""),
        ('HEADER Message-ID ""', "1"),
        ("HEADER cc y", "3"),
        ("BODY hello", "2"),
        ("TEXT preamble", "1"),
        ("LARGER 500", "1"),
        ("SMALLER 500", "2 3"),
        ("NOT SEEN SUBJECT outer", "1"),
        ("OR SEEN SUBJECT outer", "1 2"),
        ("(OR SEEN UNSEEN) 3", "3"),
        ("CHARSET UTF-8 SUBJECT {7+}\r\ngr\xfc\xdfe", "3"),
        ("CHARSET UTF-8 BODY {11+}\r\n>gr\xfc\xdfe</b", "1"),
        ("CHARSET utf-8 TEXT {2+}\r\n\xc4", "3"),
    ],
)
def test_search_keys(keys: str, numbers: str) -> None:
    """Each key of section 6.4.4, on decoded text without regard to case."""
    driver = driver_with(NESTED)
    driver.append(options=f"(\\Seen kw) {DATE}")
    driver.append(message=LATIN)
    (line,) = driver.ok(f"SEARCH {keys}").named(b"SEARCH")
    assert line.decode() == f"SEARCH {numbers}".strip()


def test_search_by_uid_and_extended() -> None:
    """UID SEARCH answers UIDs; RETURN gives ESEARCH with the tag (RFC 4731)."""
    driver = driver_with(*[MESSAGE] * 4, behaviour=Behaviour(first_uid=10))
    assert driver.ok("UID SEARCH 2:3").untagged == [b"SEARCH 11 12"]
    (line,) = driver.ok("UID SEARCH RETURN (MIN MAX COUNT ALL) NOT 2").untagged
    assert re.fullmatch(rb'ESEARCH \(TAG "t\d+"\) UID MIN 10 MAX 13 ALL 10,12:13 COUNT 3', line)
    assert driver.ok("SEARCH RETURN () DELETED").untagged[0].endswith(b'")')


def test_search_that_is_refused() -> None:
    """An unknown character set is [BADCHARSET], nonsense and endless nesting are BAD."""
    driver = driver_with(MESSAGE)
    assert driver.send("SEARCH CHARSET KLINGON ALL").text.startswith("[BADCHARSET (US-ASCII UTF-8)]")
    for keys in ("NONSENSE", "", "NOT " * 5000 + "ALL", "(" * 5000, "ON 31-Feb-2020", "OR ALL"):
        assert driver.send(f"SEARCH {keys}").status == "BAD", keys[:20]
