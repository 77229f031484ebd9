"""SELECT, EXAMINE, STATUS and the updates a session is told of (RFC 3501 sections 5.2, 6.3.1, 6.3.2, 6.3.10, 7.4.1)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference.server import Behaviour
from conformance.selftest.reference_server_driver import MESSAGE, Driver, Site


def test_select_sends_everything_required() -> None:
    """FLAGS, EXISTS, RECENT and the codes UNSEEN, PERMANENTFLAGS, UIDNEXT, UIDVALIDITY come before [READ-WRITE]."""
    site = Site()
    driver = site.driver()
    driver.append(options="(\\Seen kw)")
    driver.append()
    answer = driver.ok("SELECT INBOX")
    assert answer.exists() == 2
    assert answer.named(b"RECENT") == [b"2 RECENT"]
    assert answer.named(b"FLAGS") == [b"FLAGS (\\Answered \\Deleted \\Draft \\Flagged \\Seen kw)"]
    assert any(line.startswith(b"OK [PERMANENTFLAGS (\\* ") for line in answer.untagged)
    assert (answer.code("UNSEEN"), answer.code("UIDNEXT")) == (2, 3)
    assert answer.code("UIDVALIDITY") == 1
    assert answer.text.startswith("[READ-WRITE]")


def test_no_unseen_code_when_nothing_is_unseen() -> None:
    """There is no number for it."""
    driver = Site().driver()
    driver.append(options="(\\Seen)")
    assert not any(b"UNSEEN" in line for line in driver.ok("SELECT INBOX").untagged)


def test_failed_select_deselects_and_bad_does_not() -> None:
    """After NO no folder is selected; after BAD the old one still is (sections 6.3.1 and 6)."""
    driver = Site().driver("INBOX")
    driver.append()
    assert driver.send("SELECT").status == "BAD"
    assert driver.send("SELECT INBOX (NONSENSE)").status == "BAD"
    assert len(driver.fetch("1:*", "UID")) == 1
    assert driver.send("SELECT nowhere").status == "NO"
    assert driver.send("FETCH 1:* UID").status == "BAD"


def test_select_of_another_folder_expunges_nothing() -> None:
    """Nor do EXAMINE, UNSELECT and LOGOUT (section 6.4.2)."""
    site = Site()
    for command in ("SELECT other", "EXAMINE other", "UNSELECT", "LOGOUT"):
        driver = site.driver("INBOX")
        driver.send("CREATE other")
        driver.append(options="(\\Deleted)")
        before = driver.ok("SELECT INBOX").exists()
        driver.ok(command)
        assert site.driver().ok("SELECT INBOX").exists() == before


def test_examine_changes_nothing() -> None:
    r"""[READ-ONLY]; no store, no expunge, no implicit \Seen, and \Recent is left for others (section 6.3.2)."""
    site = Site()
    site.driver().append(options="(\\Deleted)")
    driver = site.driver()
    answer = driver.ok("EXAMINE INBOX")
    assert answer.text.startswith("[READ-ONLY]")
    assert b"OK [PERMANENTFLAGS ()] flags kept" in answer.untagged
    assert driver.send("UID STORE 1 +FLAGS (\\Flagged)").status == "NO"
    assert driver.send("EXPUNGE").status == "NO"
    driver.ok("FETCH 1 BODY[]")
    assert driver.ok("CLOSE").untagged == []
    assert site.driver().ok("SELECT INBOX").named(b"RECENT") == [b"1 RECENT"]
    assert site.driver("INBOX").flags(1) == {"\\Deleted"}


def test_status_looks_without_touching() -> None:
    r"""STATUS agrees with SELECT, keeps the selected folder and \Recent (section 6.3.10)."""
    site = Site()
    driver = site.driver("INBOX")
    driver.append()
    driver.ok("CREATE b")
    driver.append("b")
    driver.append("b", options="(\\Seen)")
    wanted = [b'STATUS "b" (MESSAGES 2 RECENT 2 UIDNEXT 3 UIDVALIDITY 2 UNSEEN 1)']
    for _ in range(2):
        assert driver.ok("STATUS b (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)").untagged == wanted
    assert driver.uids() == [1]
    assert driver.ok("SELECT b").named(b"RECENT") == [b"2 RECENT"]
    assert driver.send("STATUS nowhere (MESSAGES)").status == "NO"
    assert driver.send("STATUS b (NONSENSE)").status == "BAD"


def test_recent_belongs_to_one_session() -> None:
    r"""The first session told of a message has it as \Recent; later ones do not."""
    site = Site()
    site.driver().append()
    first, second = site.driver("INBOX"), site.driver("INBOX")
    assert b"\\Recent" in first.fetch("1", "FLAGS")[0]
    assert b"\\Recent" not in second.fetch("1", "FLAGS")[0]
    assert first.send("STORE 1 FLAGS ()").ok
    assert b"\\Recent" in first.fetch("1", "FLAGS")[0]
    assert first.send("STORE 1 +FLAGS (\\Recent)").status == "BAD"


def test_read_only_folder() -> None:
    """A folder made read-only is selected [READ-ONLY] and refuses every change; CLOSE removes nothing and is OK."""
    site = Site()
    site.driver().append(options="(\\Deleted)")
    open_before = site.driver("INBOX")
    site.server.set_read_only("user", "INBOX", read_only=True)
    driver = site.driver()
    assert driver.ok("SELECT INBOX").text.startswith("[READ-ONLY]")
    for each in (driver, open_before):
        for command in ("STORE 1 FLAGS (\\Seen)", "EXPUNGE", "MOVE 1 INBOX", "COPY 1 INBOX"):
            assert each.send(command).status == "NO", command
        assert each.append().status == "NO"
        each.ok("CLOSE")
    site.server.set_read_only("user", "INBOX", read_only=False)
    answer = site.driver().ok("SELECT INBOX")
    assert (answer.exists(), answer.text[:12]) == (1, "[READ-WRITE]")


COMMANDS = ["NOOP", "CHECK", "STATUS INBOX (MESSAGES)", "FETCH 1 UID", "UID FETCH 1 UID", 'LIST "" ""']


@pytest.mark.parametrize("command", COMMANDS)
def test_size_changes_are_told_during_any_command(command: str) -> None:
    """Section 5.2: a server must send size updates observed while it processes a command."""
    site = Site()
    driver = site.driver("INBOX")
    driver.append()
    site.driver().append()
    answer = driver.ok(command)
    assert answer.exists() == 2


def test_append_to_the_selected_folder_is_told_at_once() -> None:
    """Section 6.3.11: an untagged EXISTS with the answer."""
    driver = Site().driver("INBOX")
    assert driver.append().exists() == 1


def test_flag_changes_of_others_are_told() -> None:
    """By NOOP, and by a .SILENT store of another flag (section 6.4.6); new keywords are announced first."""
    site = Site()
    one, other = site.driver("INBOX"), site.driver("INBOX")
    one.append()
    other.ok("NOOP")
    other.ok("STORE 1 +FLAGS (\\Flagged kw)")
    answer = one.ok("STORE 1 +FLAGS.SILENT (\\Seen)")
    (line,) = answer.named(b"FETCH")
    assert all(flag in line for flag in (b"\\Flagged", b"\\Seen", b"kw"))
    assert b"kw" in answer.named(b"FLAGS")[0]
    assert answer.untagged.index(answer.named(b"FLAGS")[0]) < answer.untagged.index(line)
    assert other.ok("NOOP").named(b"FETCH")
    assert one.ok("NOOP").untagged == []


@pytest.mark.parametrize("command", ["FETCH 1 UID", "STORE 1 +FLAGS (\\Seen)", "SEARCH ALL", "UID SEARCH ALL"])
def test_removals_wait_during_fetch_store_and_search(command: str) -> None:
    """Section 7.4.1: no EXPUNGE while FETCH, STORE or SEARCH is answered; NOOP brings it."""
    site = Site()
    one, other = site.driver("INBOX"), site.driver("INBOX")
    one.append()
    one.append()
    other.ok("NOOP")
    other.ok("UID STORE 2 +FLAGS (\\Deleted)")
    other.ok("EXPUNGE")
    assert one.ok(command).named(b"EXPUNGE") == []
    assert one.ok("NOOP").named(b"EXPUNGE") == [b"2 EXPUNGE"]


def test_removals_may_come_with_uid_commands() -> None:
    """Section 7.4.1 permits it; the behaviour can hold them back."""
    for allowed in (True, False):
        site = Site(Behaviour(expunge_in_uid_commands=allowed))
        one, other = site.driver("INBOX"), site.driver("INBOX")
        one.append(options="(\\Deleted)")
        other.ok("EXPUNGE")
        assert bool(one.ok("UID FETCH 1 UID").named(b"EXPUNGE")) == allowed


def test_no_removals_while_a_literal_is_negotiated() -> None:
    """A command is not in progress before it is complete (section 7.4.1)."""
    site = Site()
    one, other = site.driver("INBOX"), site.driver("INBOX")
    one.append(options="(\\Deleted)")
    raw = one.connection.receive(b"x APPEND INBOX {%d}\r\n" % len(MESSAGE))
    other.ok("EXPUNGE")
    assert raw == b"+ ready for a literal\r\n"
    assert one.connection.receive(MESSAGE[:10]) == b""
    assert one.connection.pending() == b""
    raw = one.connection.receive(MESSAGE[10:] + b"\r\n")
    assert b"* 1 EXPUNGE\r\n* 1 EXISTS\r\n" in raw


def test_a_removed_message_stays_readable_until_told() -> None:
    """By number its octets are still there, changes are refused with [EXPUNGEISSUED]; by UID it does not exist."""
    site = Site()
    one, other = site.driver("INBOX"), site.driver("INBOX")
    one.append(options="(\\Deleted)")
    other.ok("EXPUNGE")
    assert MESSAGE in one.fetch("1", "BODY.PEEK[]")[0]
    assert one.send("STORE 1 +FLAGS (\\Seen)").text.startswith("[EXPUNGEISSUED]")
    assert one.send("STORE 1 +FLAGS.SILENT (\\Seen)").ok
    assert one.ok("UID STORE 1 +FLAGS (\\Seen)").named(b"FETCH") == []


@pytest.mark.parametrize("admin", ["delete", "renew", "drop"])
def test_a_folder_that_goes_away_ends_the_session(admin: str) -> None:
    """Sessions that have it selected get BYE, without being asked and before anything else."""
    site = Site()
    driver = site.driver()
    driver.ok("CREATE a")
    driver.ok("SELECT a")
    if admin == "delete":
        site.driver().ok("DELETE a")
    elif admin == "renew":
        site.server.renew_uid_validity("user", "a")
    else:
        site.server.drop_account("user")
    assert driver.connection.pending().startswith(b"* BYE ")
    assert driver.connection.closed
    assert driver.connection.receive(b"x NOOP\r\n") == b""


def test_deleting_the_own_folder_leaves_it() -> None:
    """The session that deletes its selected folder goes on without one."""
    driver = Site().driver()
    driver.ok("CREATE a")
    driver.ok("SELECT a")
    driver.ok("DELETE a")
    assert driver.send("FETCH 1 UID").status == "BAD"
    driver.ok("NOOP")


def test_idle_pushes_everything_and_ends_with_done() -> None:
    """During IDLE arrivals, flags and removals are told as they happen (RFC 2177)."""
    site = Site()
    one, other = site.driver("INBOX"), site.driver("INBOX")
    assert one.connection.receive(b"x IDLE\r\n") == b"+ idling\r\n"
    other.append()
    assert one.connection.pending() == b"* 1 EXISTS\r\n* 0 RECENT\r\n"
    other.ok("STORE 1 +FLAGS (\\Deleted)")
    assert b"* 1 FETCH (FLAGS (\\Deleted" in one.connection.pending()
    other.ok("EXPUNGE")
    assert one.connection.pending() == b"* 1 EXPUNGE\r\n"
    assert one.connection.pending() == b""
    assert one.connection.receive(b"done\r\n") == b"x OK IDLE completed\r\n"
    other.append()
    assert one.connection.pending() == b""


def test_idle_with_something_else_than_done() -> None:
    """Any other line ends IDLE with BAD, and the connection goes on."""
    driver = Site().driver("INBOX")
    driver.connection.receive(b"x IDLE\r\n")
    assert driver.connection.receive(b"y NOOP\r\n").startswith(b"x BAD ")
    driver.ok("NOOP")


ACTION = st.sampled_from(["append", "delete", "expunge", "noop", "fetch", "uid"])
ACTIONS = st.lists(st.tuples(st.integers(0, 1), ACTION))


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_replayed_notices_always_agree_with_the_server(actions: list[tuple[int, str]]) -> None:
    """Whatever two sessions do, message numbers kept from EXISTS and EXPUNGE alone name the right UIDs."""
    site = Site()
    drivers = [site.driver("INBOX"), site.driver("INBOX")]
    counts = [0, 0]
    for who, action in actions:
        driver, command = drivers[who], {"noop": "NOOP", "fetch": "SEARCH ALL", "uid": "UID FETCH 1:* UID"}.get(action)
        if action == "append":
            answer = driver.append()
        elif action == "delete":
            answer = driver.send("STORE 1 +FLAGS (\\Deleted)")
        else:
            answer = driver.ok(command or "EXPUNGE")
        counts[who] = replay(counts[who], answer.untagged)
    for driver, count in zip(drivers, counts, strict=True):
        final = replay(count, driver.ok("NOOP").untagged)
        check_numbers(driver, final)


def replay(count: int, lines: list[bytes]) -> int:
    """The number of messages a client knows of after these responses."""
    for line in lines:
        if match := re.fullmatch(rb"(\d+) EXISTS", line):
            assert int(match[1]) >= count, "EXISTS never takes messages away (section 5.2)"
            count = int(match[1])
        elif match := re.fullmatch(rb"(\d+) EXPUNGE", line):
            assert 1 <= int(match[1]) <= count
            count -= 1
    return count


def check_numbers(driver: Driver, count: int) -> None:
    """The server's numbers run from 1 to the client's count, ascending by UID."""
    if not count:
        assert driver.uids() == []
        return
    lines = driver.fetch("1:*", "UID")
    pairs = [tuple(map(int, re.findall(rb"\d+", line))) for line in lines]
    assert [number for number, _ in pairs] == list(range(1, count + 1))
    assert [uid for _, uid in pairs] == sorted({uid for _, uid in pairs})
