"""Reading commands and responses: the examples of the RFCs, and anything hostile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.imap.data import (
    compact_uids,
    esearch_data,
    expand_uids,
    fetch_items,
    list_data,
    search_data,
    status_data,
    vanished_data,
)
from conformance.imap.errors import SyntaxProblem
from conformance.imap.framing import Framer
from conformance.imap.results import ActiveFolder, fetched
from conformance.imap.syntax import (
    Atom,
    Literal,
    Quoted,
    Response,
    flags_of,
    number_of,
    parse_command,
    parse_response,
    tokenize,
)

COMMANDS = r"""
abcd CAPABILITY
a002 NOOP
A023 LOGOUT
a001 STARTTLS
a001 AUTHENTICATE GSSAPI
a001 LOGIN SMITH SESAME
A142 SELECT INBOX
A932 EXAMINE blurdybloop
A003 CREATE owatagusiam/
A685 DELETE INBOX
A683 RENAME blurdybloop sarasoop
A002 SUBSCRIBE #news.comp.mail.mime
A101 LIST "" ""
A103 LIST /usr/staff/jones ""
A202 LIST ~/Mail/ %
A002 LSUB "#news." "comp.mail.*"
A042 STATUS blurdybloop (UIDNEXT MESSAGES)
FXXZ CHECK
A341 CLOSE
A202 EXPUNGE
A282 SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"
A283 SEARCH TEXT "string not in mailbox"
A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])
A003 STORE 2:4 +FLAGS (\Deleted)
A003 COPY 2:4 MEETING
A999 UID FETCH 4827313:4828442 FLAGS
a004 fetch 12 body[header]
a005 store 12 +flags \deleted
a FETCH 1 BODY.PEEK[1.2.HEADER.FIELDS.NOT ("To" "a ]b")]<0.100>
a SELECT INBOX (CONDSTORE)
a SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541 (1:3 4:6)))
s100 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345 VANISHED)
d105 STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\Deleted)
a SEARCH MODSEQ "/flags/\\draft" all 620162338
a ENABLE CONDSTORE QRESYNC
a GETMETADATA "INBOX" /shared/comment
a GETMETADATA (MAXSIZE 1024) "" (/shared/comment /private/comment)
a SETMETADATA INBOX (/private/comment NIL)
A01 LIST "" % RETURN (STATUS (MESSAGES UNSEEN))
A02 LIST (SUBSCRIBED RECURSIVEMATCH) "" ("INBOX" "Drafts" "Sent/%") RETURN (CHILDREN)
A282 SEARCH RETURN (MIN COUNT) FLAGGED
A001 NAMESPACE
A002 SETACL INBOX/Drafts byron lrswikda
a UID EXPUNGE 3000:3002
a UID MOVE 42:69 foo
a ID ("name" "sodr" "version" "19.34")
a ID NIL
a CREATE MyDrafts (USE (\Drafts))
a NOTIFY SET (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (From)]) MessageExpunge))
a COMPRESS DEFLATE
a IDLE
DONE
""".strip().splitlines()

RESPONSES = r"""
* CAPABILITY IMAP4rev1 STARTTLS AUTH=GSSAPI LOGINDISABLED
* OK IMAP4rev1 Service Ready
* PREAUTH IMAP4rev1 server logged in as Smith
* BYE Autologout; idle for too long
* BAD Command line too long
* 172 EXISTS
* OK [UNSEEN 12] Message 12 is first unseen
* OK [UIDVALIDITY 3857529045] UIDs valid
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)
* OK [PERMANENTFLAGS (\Deleted \Seen \*)] Limited
A142 OK [READ-WRITE] SELECT completed
A932 NO [TRYCREATE] no such mailbox (really
* LIST (\Noselect) "/" ""
* LIST () "." #news.
* LIST (\NonExistent) NIL Foo ("CHILDINFO" ("SUBSCRIBED"))
* LSUB () "." #news.comp.mail.misc
* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)
* SEARCH 2 84 882
* SEARCH
* SEARCH 2 5 6 (MODSEQ 917162500)
* ESEARCH (TAG "A282") MIN 2 COUNT 3
* ESEARCH (TAG "h") UID ALL 2,10:15 MODSEQ 917162500
* 22 EXPUNGE
* 12 FETCH (INTERNALDATE "17-Jul-1996 02:44:25 -0700" BODY ("TEXT" "PLAIN" ("CHARSET" "X") NIL NIL "7BIT" 3028 92))
* 12 FETCH (ENVELOPE ("Wed" "WG mtg" (("T Gray" NIL "gray" "x.edu")) NIL NIL NIL NIL NIL NIL "<B27397@x.edu>"))
* 1 FETCH (BODYSTRUCTURE (("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1)("TEXT" "HTML" NIL NIL NIL "7BIT" 1 1) "MIXED"))
* 1 FETCH (UID 4 MODSEQ (65402) FLAGS (\Seen))
* 23 FETCH (FLAGS () UID 4827313 BODY[HEADER.FIELDS ("To" CC)]<0> "x")
* VANISHED (EARLIER) 41,43:116,118,120:211,214:540
* VANISHED 405,407,410,425
* METADATA "INBOX" (/shared/comment "Shared" /private/comment NIL)
* METADATA "INBOX" /shared/comment /private/comment
* NAMESPACE (("" "/")) (("~" "/")) NIL
* ACL INBOX Fred rwipsldexta
* ENABLED CONDSTORE QRESYNC
* OK [HIGHESTMODSEQ 715194045007] ok
* OK [NOMODSEQ] sorry
* OK [CLOSED] previous
* OK [COPYUID 432432 42:69 1202:1229] moved
d105 OK [MODIFIED 7,9] Conditional STORE failed
A003 OK [APPENDUID 38505 3955:3957] APPEND completed
a NO [BADCHARSET (US-ASCII UTF-8)] no
a NO [METADATA MAXSIZE 1024] too large
a NO [REFERRAL imap://user;AUTH=*@host/a%20b] elsewhere
a OK [ALERT
a NO
+ idling
+
+ [X] go on
* XSOMETHING "odd" {3}
* 12 FETCH (FLAGS (\Seen \Answered $Forwarded NonJunk))
""".strip().splitlines()


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_the_rfcs(line: str) -> None:
    """Each command is read, with its tag, its name in upper case and every argument."""
    command = parse_command(line.encode() + b"\r\n")
    words = line.upper().split(" ")
    if words[0] == "DONE":
        assert (command.tag, command.name) == ("", "DONE")
        return
    assert command.tag == line.split(" ")[0]
    assert command.uid == (words[1] == "UID")
    assert command.name == words[2 if command.uid else 1]
    assert bool(command.arguments) == (len(words) > 2 + command.uid)


@pytest.mark.parametrize("line", [line for line in RESPONSES if "{3}" not in line])
def test_responses_of_the_rfcs(line: str) -> None:
    """Each response is read, with its kind, number and name."""
    response = parse_response(line.encode() + b"\r\n")
    words = line.split(" ")
    kinds = {"*": "untagged", "+": "continuation"}
    assert response.kind == kinds.get(words[0], "tagged")
    if response.kind == "untagged":
        assert response.number == (int(words[1]) if words[1].isdigit() else None)
        assert response.name == words[2 if words[1].isdigit() else 1]


def test_kinds_of_strings_are_told_apart() -> None:
    """The atom NIL is nothing; a quoted or literal NIL is three letters."""
    tokens = tokenize(b'NIL nil "NIL" {3}\r\nNIL a "q\\"\\\\" ()\r\n')
    assert tokens == (None, None, b"NIL", b"NIL", b"a", b'q"\\', ())
    kinds: list[type[object]] = [type(token) for token in tokens]
    assert kinds[2:6] == [Quoted, Literal, Atom, Quoted]


def test_several_literals_with_hostile_content() -> None:
    """A literal may hold anything, also what looks like the end of the command."""
    unit = b"A1 APPEND {5}\r\na\r\n b (\\Seen) {4+}\r\n)\r\n( ~{3}\r\n\0{3\r\n"
    command = parse_command(unit)
    assert command.arguments == (b"a\r\n b", (b"\\Seen",), b")\r\n(", b"\0{3")
    assert Framer("C").feed(unit) == [unit]


def test_multiappend_and_literal_in_a_section() -> None:
    """MULTIAPPEND repeats flags and literal; a section may name a header field by a literal."""
    command = parse_command(b'A003 APPEND saved (\\Seen) {2}\r\nab (\\Draft) "01-Jan-2020 00:00:00 +0000" {1}\r\nc\r\n')
    assert [bytes(token) for token in command.arguments if isinstance(token, Literal)] == [b"ab", b"c"]
    fetch = parse_response(b"* 1 FETCH (BODY[HEADER.FIELDS ({4}\r\nFROM)] {3}\r\nx\r\n UID 7)\r\n")
    assert fetch_items(fetch) == {"BODY[HEADER.FIELDS ({4}\r\nFROM)]": b"x\r\n", "UID": b"7"}


def test_text_after_the_code_is_opaque() -> None:
    """Brackets, parentheses and quotes in the text mean nothing; a quoted `]` inside a code does."""
    response = parse_response(b'a NO [INPROGRESS ("x]y" 1 NIL)] (half [done "\r\n')
    assert response.code is not None
    assert (response.code.name, response.code.arguments) == ("INPROGRESS", ((b"x]y", b"1", None),))
    assert response.text == '(half [done "'
    odd = parse_response(b"* OK [ODD (unbalanced] text ] more\r\n")
    assert odd.code is not None
    assert (odd.code.name, odd.text) == ("ODD", "text ] more")
    assert parse_response(b"* OK [never closed\r\n").code is None


def test_bare_line_feeds_are_read() -> None:
    """A line that ends in LF alone is read like any other; that it is wrong, others judge."""
    assert parse_command(b"A1 NOOP\n").name == "NOOP"
    assert parse_response(b"* 3 EXISTS\n").number == 3


@pytest.mark.parametrize(
    "unit",
    [
        b"",
        b"\r\n",
        b"NOOP\r\n",
        b"A1\r\n",
        b'A1 "x"\r\n',
        b"A1 FETCH (\r\n",
        b"A1 FETCH )\r\n",
        b'A1 LOGIN "abc\r\n',
        b"A1 LOGIN {5}\r\nabc",
        b'A1 LOGIN "a""b"\r\n',
        b"A1 X {5\r\n",
        b"A1 F BODY[\r\n",
        b"* NOOP\r\n",
        b"A1 X " + b"(" * 5000 + b")" * 5000,
        b"A1 X \0\r\n",
        b"A(1 X\r\n",
    ],
)
def test_bad_commands_are_named(unit: bytes) -> None:
    """What no grammar allows ends as one kind of error."""
    with pytest.raises(SyntaxProblem):
        parse_command(unit)


@pytest.mark.parametrize(
    "unit", [b"", b"*\r\n", b"* \r\n", b"* 12\r\n", b"A1 FETCH x\r\n", b"garbage\r\n", b"* (x)\r\n", b"\x80\x81 OK\r\n"]
)
def test_bad_responses_are_named(unit: bytes) -> None:
    """What no grammar allows ends as one kind of error."""
    with pytest.raises(SyntaxProblem):
        parse_response(unit)


FRAGMENTS = st.lists(
    st.one_of(
        st.binary(max_size=6),
        st.sampled_from([b" ", b"(", b")", b'"', b"\\", b"{3}\r\n", b"{99}\r\n", b"BODY[", b"]", b"[", b"NIL", b"*"]),
        st.sampled_from([b"1", b"FETCH", b"OK", b"UID", b"FLAGS", b"\r\n", b"VANISHED", b"1:3", b"LIST", b"SEARCH"]),
    ),
    max_size=14,
).map(b"".join)


@given(FRAGMENTS)
def test_hostile_units_raise_nothing_else(unit: bytes) -> None:
    """Reading any octets, and their data, gives a result or a `SyntaxProblem`."""
    readers: tuple[Callable[[bytes], object], ...] = (
        parse_command,
        lambda octets: _read_everything(parse_response(octets)),
    )
    for prefix in (b"", b"* ", b"* 1 FETCH (", b"A1 OK [", b"* VANISHED ", b"* STATUS ", b"* ESEARCH ", b"* LIST "):
        for read in readers:
            with suppress(SyntaxProblem):
                read(prefix + unit)


def _read_everything(response: Response) -> None:
    for read in (fetch_items, list_data, status_data, search_data, esearch_data, vanished_data):
        with suppress(SyntaxProblem):
            read(response)


def test_fetch_data() -> None:
    """Item names are read without regard to case; flags and numbers by their helpers."""
    unit = b"* 2 fetch (uid 7 Flags (\\Seen $A) body[]<0> {2}\r\nab modseq (9) RFC822 NIL)\r\n"
    items = fetch_items(parse_response(unit))
    assert set(items) == {"UID", "FLAGS", "BODY[]<0>", "MODSEQ", "RFC822"}
    assert number_of(items["MODSEQ"]) == 9
    assert flags_of(items["FLAGS"]) == {"\\Seen", "$A"}
    assert items["RFC822"] is None


def test_list_status_search_and_vanished_data() -> None:
    """The other data responses, each by its helper."""
    listed = list_data(parse_response(b"* LIST (\\HasNoChildren) NIL {3}\r\nNIL\r\n"))
    assert listed.attributes == {"\\hasnochildren"}
    assert (listed.delimiter, listed.wire_name) == (None, b"NIL")
    assert list_data(parse_response(b'* LIST () "/" NIL\r\n')).wire_name == b"NIL"
    status = parse_response(b'* STATUS "a b" (messages 2 UIDNEXT 7)\r\n')
    assert status_data(status) == (b"a b", {"MESSAGES": 2, "UIDNEXT": 7})
    assert search_data(parse_response(b"* SEARCH 2 5 (MODSEQ 9)\r\n")) == [2, 5]
    assert search_data(parse_response(b'* ESEARCH (TAG "A1") UID ALL 2,4:6\r\n')) == [2, 4, 5, 6]
    earlier, uids = vanished_data(parse_response(b"* VANISHED (EARLIER) 1:4294967295\r\n"))
    assert earlier
    assert 77 in uids
    with pytest.raises(SyntaxProblem, match="more than"):
        uids.expand()


@given(st.sets(st.integers(1, 2**32 - 1), max_size=50))
def test_uid_sets_come_back(uids: set[int]) -> None:
    """A compact set names exactly the numbers it was made of."""
    text = compact_uids(uids)
    assert expand_uids(text) == sorted(uids) if uids else text == ""


def test_uid_set_forms() -> None:
    """Ranges in either order and `*` are read; nonsense is refused."""
    assert compact_uids([3, 1, 2, 9]) == "1:3,9"
    assert expand_uids("3:1,*", largest=5) == [1, 2, 3, 5]
    for text in ("", "1,", "a", "1:2:3", "-1", "1 2"):
        with pytest.raises(SyntaxProblem):
            expand_uids(text)


def test_answers_to_fetch_are_merged_by_uid() -> None:
    """News without a UID is joined to its object, and what was expunged meanwhile is left out."""
    units = [
        *(b"* 1 FETCH (UID 4 FLAGS ())", b"* 2 FETCH (UID 6 FLAGS ())", b"* 2 FETCH (FLAGS (\\Seen))", b"* 1 EXPUNGE"),
        *(b"* 1 FETCH (FLAGS (\\Draft))", b"* 3 FETCH (UID 9 FLAGS ())", b"* VANISHED 9"),
    ]
    assert fetched(map(parse_response, units)) == {6: {"UID": b"6", "FLAGS": (b"\\Draft",)}}


def test_select_answer() -> None:
    """What SELECT tells is read; what it leaves out is None."""
    units = [b"* 3 EXISTS", b"* FLAGS (\\seen \\Recent k)", b"* OK [UIDNEXT 9] x", b"* OK [PERMANENTFLAGS ()] x"]
    final = parse_response(b"A1 OK [READ-ONLY] done").code
    folder = ActiveFolder.read("x", map(parse_response, units), final)
    assert (folder.exists, folder.recent, folder.uid_next, folder.uid_validity) == (3, None, 9, None)
    assert folder.flags == {"\\Seen", "k"}
    assert folder.permanent_flags == frozenset()
    assert folder.read_only
