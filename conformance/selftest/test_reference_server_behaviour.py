"""What a Behaviour switches: extensions on and off, legal ways to word answers, and numbers at their limits."""

from __future__ import annotations

import base64
import re

import pytest

from conformance.reference.server import ALL_EXTENSIONS, Behaviour, ReferenceServer, ServerConnection
from conformance.reference.server.behaviour import MAX_MOD_SEQUENCE, MAX_UID, MAX_UID_VALIDITY, SELECT_ITEMS
from conformance.selftest.reference_server_driver import MESSAGE, Driver, Site

# What each extension adds, as a command that is BAD without it.
ADDED = {
    "CONDSTORE": ["SELECT INBOX (CONDSTORE)", "FETCH 1 MODSEQ", "FETCH 1 UID (CHANGEDSINCE 1)", "SEARCH MODSEQ 1",
                  "STORE 1 (UNCHANGEDSINCE 9) FLAGS ()", "STATUS INBOX (HIGHESTMODSEQ)"],
    "ENABLE": ["ENABLE CONDSTORE"],
    "ESEARCH": ["SEARCH RETURN (ALL) ALL"],
    "ID": ["ID NIL"],
    "LIST-EXTENDED": ['LIST (SUBSCRIBED) "" *', 'LIST "" (a b)', 'LIST "" * RETURN (SUBSCRIBED)'],
    "LIST-STATUS": ['LIST "" * RETURN (STATUS (MESSAGES))'],
    "LITERAL+": ["CREATE {1+}\r\na"],
    "METADATA": ["GETMETADATA INBOX /private/comment", 'SETMETADATA INBOX (/private/comment "x")'],
    "MOVE": ["MOVE 1 INBOX", "UID MOVE 1 INBOX"],
    "NAMESPACE": ["NAMESPACE"],
    "UIDPLUS": ["UID EXPUNGE 1"],
    "UNSELECT": ["UNSELECT"],
}  # fmt: skip


def append_synchronizing(driver: Driver, count: int = 1) -> bytes:
    """APPEND with literals that wait for leave; the last answer."""
    answer = driver.connection.receive(b"x APPEND INBOX {%d}\r\n" % len(MESSAGE))
    for _ in range(count - 1):
        assert answer.startswith(b"+ ")
        answer = driver.connection.receive(MESSAGE + b" {%d}\r\n" % len(MESSAGE))
    assert answer.startswith(b"+ ")
    return driver.connection.receive(MESSAGE + b"\r\n")


@pytest.mark.parametrize(("extension", "command"), [(name, each) for name, all_ in ADDED.items() for each in all_])
def test_an_extension_switched_off_is_not_accepted(extension: str, command: str) -> None:
    """With it the command is OK; without it the command is BAD and the capability is gone."""
    for behaviour, status in ((Behaviour(), "OK"), (Behaviour().without(extension), "BAD")):
        driver = Site(behaviour).driver("INBOX")
        append_synchronizing(driver)
        assert driver.send(command).status == status
        driver.ok("NOOP")
    assert extension.encode() not in driver.ok("CAPABILITY").untagged[0].split()


def test_codes_go_with_their_extension() -> None:
    """Without UIDPLUS there is no APPENDUID and COPYUID; without CONDSTORE no HIGHESTMODSEQ and CLOSED."""
    driver = Site(Behaviour().without("UIDPLUS", "CONDSTORE")).driver("INBOX")
    assert b"APPENDUID" not in append_synchronizing(driver)
    assert "COPYUID" not in driver.ok("COPY 1 INBOX").text
    assert not any(b"MODSEQ" in line or b"CLOSED" in line for line in driver.ok("SELECT INBOX").untagged)


def test_multiappend_off_takes_one_message() -> None:
    """A second message is BAD and nothing is stored."""
    for behaviour, status in ((Behaviour(), b"x OK"), (Behaviour().without("MULTIAPPEND"), b"x BAD")):
        driver = Site(behaviour).driver("INBOX")
        assert append_synchronizing(driver, 2).splitlines()[-1].startswith(status)
    assert driver.ok("SELECT INBOX").exists() == 0


def test_idle_off() -> None:
    """Without IDLE the command is BAD at once."""
    driver = Site(Behaviour().without("IDLE")).driver("INBOX")
    assert driver.send("IDLE").status == "BAD"
    driver.ok("NOOP")


def test_children_off() -> None:
    """Without CHILDREN plain LIST shows no such attributes."""
    driver = Site(Behaviour().without("CHILDREN")).driver()
    assert driver.ok('LIST "" "*"').untagged == [b'LIST () "/" "INBOX"']


def test_a_server_with_no_extension_at_all() -> None:
    """Plain IMAP4rev1: one capability, and still a working server."""
    driver = Site(Behaviour(extensions=frozenset())).driver("INBOX")
    assert driver.ok("CAPABILITY").untagged == [b"CAPABILITY IMAP4rev1"]
    append_synchronizing(driver)
    assert driver.uids() == [1]


def plain(user: str, password: str) -> bytes:
    """The response of SASL PLAIN (RFC 4616)."""
    return base64.b64encode(f"\0{user}\0{password}".encode())


def test_authenticate_plain() -> None:
    """With a continuation, with an initial response if SASL-IR is on, cancelled, wrong, and not BASE64."""
    for behaviour in (Behaviour(), Behaviour().without("SASL-IR")):
        site = Site(behaviour)
        connection = site.server.connect()
        assert connection.receive(b"a AUTHENTICATE PLAIN\r\n") == b"+ \r\n"
        assert connection.receive(b"*\r\n").startswith(b"a BAD ")
        for wrong, status in ((plain("user", "no"), b"NO"), (b"%%%", b"BAD"), (b"AAAA", b"NO")):
            connection.receive(b"b AUTHENTICATE PLAIN\r\n")
            assert connection.receive(wrong + b"\r\n").startswith(b"b " + status)
        answer = connection.receive(b"c AUTHENTICATE PLAIN " + plain("user", "secret") + b"\r\n")
        assert answer.startswith(b"c OK" if "SASL-IR" in behaviour.extensions else b"c BAD")
        if "SASL-IR" not in behaviour.extensions:
            connection.receive(b"d AUTHENTICATE PLAIN\r\n")
            assert connection.receive(plain("user", "secret") + b"\r\n").startswith(b"d OK")


def test_login() -> None:
    """Wrong credentials are NO, a second login BAD; LOGINDISABLED is announced and kept."""
    driver = Driver(Site().server.connect())
    assert driver.send("LOGIN user wrong").text.startswith("[AUTHENTICATIONFAILED]")
    assert driver.send("LOGIN nobody secret").status == "NO"
    assert driver.send("SELECT INBOX").status == "BAD"
    driver.ok("LOGIN user {6+}\r\nsecret")
    assert driver.send("LOGIN user secret").status == "BAD"
    connection = Site(Behaviour(login_disabled=True)).server.connect()
    assert b"LOGINDISABLED" in connection.greeting()
    assert connection.receive(b"a LOGIN user secret\r\n").startswith(b"a NO ")


def test_capabilities_where_the_behaviour_says() -> None:
    """In the greeting and after login, or only when asked for; every extension has its own name."""
    connection = ReferenceServer(Behaviour(capability_in_greeting=False)).connect()
    assert connection.greeting() == b"* OK reference server ready\r\n"
    driver = Driver(Site(Behaviour(capability_after_login=False)).server.connect())
    assert driver.ok("LOGIN user secret").text == "logged in"
    assert set(driver.ok("CAPABILITY").untagged[0].decode().split()[2:]) == ALL_EXTENSIONS


def test_select_order() -> None:
    """The responses to SELECT come in the order asked for."""
    for order in (SELECT_ITEMS, tuple(reversed(SELECT_ITEMS))):
        site = Site(Behaviour(select_order=order))
        site.driver().append()
        words = [re.findall(rb"[A-Z]{5,}", line)[0].decode() for line in site.driver().ok("SELECT INBOX").untagged]
        assert tuple(words) == order


def test_updates_may_come_before_the_answer() -> None:
    """What others did can be told before the answer proper, except removals where numbers are used."""
    site = Site(Behaviour(updates_before_answer=True))
    one, other = site.driver("INBOX"), site.driver("INBOX")
    one.append(options="(\\Deleted)")
    other.ok("NOOP")
    other.append()
    other.ok("STORE 1 +FLAGS (\\Seen)")
    lines = one.ok("FETCH 1:2 UID").untagged
    assert lines[0] == b"2 EXISTS"
    assert lines[-2:] == [b"1 FETCH (UID 1)", b"2 FETCH (UID 2)"]


def test_uid_in_updates() -> None:
    """Updates about flags may carry the UID unasked."""
    site = Site(Behaviour(uid_in_updates=True))
    one, other = site.driver("INBOX"), site.driver("INBOX")
    one.append()
    other.ok("NOOP")
    other.ok("STORE 1 +FLAGS (\\Seen)")
    assert one.ok("NOOP").named(b"FETCH")[0].startswith(b"1 FETCH (UID 1 FLAGS")


def test_idle_without_push() -> None:
    """A server may keep silent during IDLE and tell everything after it."""
    site = Site(Behaviour(idle_push=False))
    driver = site.driver("INBOX")
    driver.connection.receive(b"x IDLE\r\n")
    site.driver().append()
    assert driver.connection.pending() == b""
    assert driver.connection.receive(b"DONE\r\n").startswith(b"* 1 EXISTS")


def test_refusal_before_the_literal() -> None:
    """An APPEND that cannot be done may be refused instead of prompted for."""
    site = Site(Behaviour(refuse_before_literal=True))
    driver = site.driver()
    assert driver.connection.receive(b"x APPEND nowhere {5}\r\n").startswith(b"x NO [TRYCREATE]")
    assert driver.connection.receive(b"x APPEND {5}\r\n").startswith(b"+ ")
    assert driver.connection.receive(b"INBOX {5}\r\n").startswith(b"+ ")
    assert b"x OK" in driver.connection.receive(b"hello\r\n")
    site.server.set_quota("user", 6)
    assert driver.connection.receive(b"x APPEND INBOX {5}\r\n").startswith(b"x NO [OVERQUOTA]")
    driver.ok("NOOP")


def test_permanent_flags_of_a_strict_server() -> None:
    r"""Without `\*` and some flags the list says so, and what it leaves out does not persist (RFC 3501 7.1)."""
    driver = Site(Behaviour(permanent_flags=("\\Seen", "\\Deleted"), new_keywords=False)).driver()
    driver.append(options="(\\Seen \\Flagged kw)")
    assert b"OK [PERMANENTFLAGS (\\Deleted \\Seen)] flags kept" in driver.ok("SELECT INBOX").untagged
    driver.ok("STORE 1 +FLAGS (\\Draft kw)")
    assert driver.flags(1) == {"\\Seen"}


def test_flag_extensions() -> None:
    r"""A flag such as \read-report-sent is BAD, unless the behaviour knows it."""
    assert Site().driver("INBOX").append(options="(\\read-report-sent)").status == "BAD"
    driver = Site(Behaviour(flag_extensions=("\\read-report-sent",))).driver("INBOX")
    assert driver.append(options="(\\read-report-sent)").ok
    assert driver.flags(1) == {"\\read-report-sent"}


def test_largest_numbers_work_everywhere() -> None:
    """UIDs near 2**32 and mod-sequences near 2**63 pass through SELECT, FETCH, SEARCH, STORE and COPYUID."""
    behaviour = Behaviour(
        first_uid=MAX_UID - 2, first_uid_validity=MAX_UID_VALIDITY, first_modseq=MAX_MOD_SEQUENCE - 20
    )
    driver = Site(behaviour).driver("INBOX")
    assert driver.append().text.startswith(f"[APPENDUID {MAX_UID_VALIDITY} {MAX_UID - 2}]")
    assert driver.ok("COPY 1 INBOX").text.startswith(f"[COPYUID {MAX_UID_VALIDITY} {MAX_UID - 2} {MAX_UID - 1}]")
    assert driver.uids() == [MAX_UID - 2, MAX_UID - 1]
    assert driver.flags(MAX_UID - 1) == set()
    answer = driver.ok("SELECT INBOX")
    assert (answer.code("UIDNEXT"), answer.code("HIGHESTMODSEQ")) == (MAX_UID, MAX_MOD_SEQUENCE - 18)
    assert driver.ok(f"UID STORE {MAX_UID - 1} (UNCHANGEDSINCE {MAX_MOD_SEQUENCE}) FLAGS (x)").named(b"FETCH")
    driver.append()
    assert driver.append().text.startswith("[LIMIT]")
    assert driver.send("CREATE a").text.startswith("[LIMIT]")


def test_commands_can_be_replaced() -> None:
    """The command table is an argument: a connection can serve fewer commands or other ones."""
    site = Site()
    connection = ServerConnection(site.server.accounts, commands={})
    assert connection.receive(b"a NOOP\r\n") == b"a BAD unknown command\r\n"
