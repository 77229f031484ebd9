"""Nonsense that looks like IMAP: the reference server answers every command once and never fails."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference.server import COMMANDS
from conformance.selftest.reference_server_driver import MESSAGE, Driver, Site, responses

WORDS = """
( ) () "" "INBOX" INBOX a/b &AOk- * % 1 1:* 4294967295 FLAGS +FLAGS.SILENT (\\Seen_kw) \\Deleted BODY[] ENVELOPE
BODY.PEEK[1.2.HEADER.FIELDS_(To)]<0.9> (UID_MODSEQ) (CHANGEDSINCE_1_VANISHED) (UNCHANGEDSINCE_1) (CONDSTORE)
(QRESYNC_(1_1_1:9)) ALL NOT OR RETURN (STATUS_(MESSAGES)) (SUBSCRIBED) SUBJECT x SINCE 1-Feb-2026 CHARSET UTF-8
(MESSAGES) /private/comment (/private/comment_"x") NIL QRESYNC DONE \0 \xff " \\
"""
TOKENS = [word.replace("_", " ") for word in WORDS.split()]
TOKENS += ["{0+}\r\n", "{3+}\r\nabc"]
ARGUMENTS = st.lists(st.sampled_from(TOKENS), max_size=6)
LINE = st.builds(lambda name, arguments: " ".join([name, *arguments]), st.sampled_from(list(COMMANDS)), ARGUMENTS)
LINES = st.lists(LINE, max_size=12)


@settings(max_examples=150, deadline=None)
@given(LINES)
def test_every_line_gets_one_answer(lines: list[str]) -> None:
    """Each line has exactly one tagged answer, or a prompt; a second session then still finds a whole store."""
    site = Site()
    driver = site.driver("INBOX")
    driver.append(message=MESSAGE)
    driver.ok("ENABLE QRESYNC")
    for number, line in enumerate(lines):
        raw = driver.connection.receive(b"n%d " % number + line.encode("latin-1") + b"\r\n")
        if driver.connection.closed:
            break
        if raw.startswith(b"+ "):
            raw = driver.connection.receive(b"DONE\r\n")
        tagged = [each for each in responses(raw) if each.startswith((b"n", b"* BAD"))]
        assert len(tagged) == 1, (line, raw)
    check(site.driver())


def check(driver: Driver) -> None:
    """Every folder opens, its UIDs ascend below UIDNEXT, and its messages can be read."""
    for response in driver.ok('LIST "" "*"').named(b"LIST"):
        if b"\\Noselect" not in response:
            opened = driver.ok(b"SELECT " + response.split(b'"/" ', 1)[1])
            uids = driver.uids()
            assert len(uids) == opened.exists()
            assert all(uid < opened.code("UIDNEXT") for uid in uids)
            driver.ok("UID FETCH 1:* (FLAGS BODY.PEEK[] BODYSTRUCTURE)")
