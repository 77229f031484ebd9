"""Mod-sequences and quick resynchronization on the reference server (RFC 7162)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference.server import Behaviour
from conformance.selftest.reference_server_driver import Driver, Site


def driver_with(count: int, behaviour: Behaviour | None = None, *, enable: str = "") -> tuple[Site, Driver]:
    """A session with INBOX selected that holds some messages, after ENABLE if asked for."""
    site = Site(behaviour)
    driver = site.driver()
    if enable:
        assert driver.ok(f"ENABLE {enable}").untagged == [f"ENABLED {enable}".encode()]
    for _ in range(count):
        driver.append()
    driver.ok("SELECT INBOX")
    return site, driver


def modseqs(lines: list[bytes]) -> dict[int, int]:
    """Mod-sequences by message number."""
    found = [re.match(rb"(\d+) FETCH .*MODSEQ \((\d+)\)", line) for line in lines]
    return {int(match[1]): int(match[2]) for match in found if match}


def test_every_change_raises_the_mod_sequence() -> None:
    """STORE raises it for each message it changes and for no other, and HIGHESTMODSEQ follows (3.1)."""
    _, driver = driver_with(3)
    before = modseqs(driver.fetch("1:*", "MODSEQ"))
    driver.ok("STORE 2 +FLAGS (\\Seen)")
    after = modseqs(driver.fetch("1:*", "MODSEQ"))
    assert {number for number in before if after[number] > before[number]} == {2}
    driver.ok("STORE 2 +FLAGS (\\Seen)")
    assert modseqs(driver.fetch("1:*", "MODSEQ")) == after
    assert driver.ok("SELECT INBOX").code("HIGHESTMODSEQ") == after[2]
    line = b'STATUS "INBOX" (HIGHESTMODSEQ %d)' % after[2]
    assert driver.ok("STATUS INBOX (HIGHESTMODSEQ)").untagged == [line]


@pytest.mark.parametrize(
    "command",
    ["FETCH 1 MODSEQ", "FETCH 1 FLAGS (CHANGEDSINCE 1)", "STORE 1 (UNCHANGEDSINCE 1) FLAGS ()", "SEARCH MODSEQ 1",
     "STATUS INBOX (HIGHESTMODSEQ)", "ENABLE CONDSTORE"],
)  # fmt: skip
def test_enabling_commands(command: str) -> None:
    """The first one tells HIGHESTMODSEQ; from then on each FETCH about flags has UID and MODSEQ (3.1, 3.2.4)."""
    site, driver = driver_with(1)
    other = site.driver("INBOX")
    other.ok("STORE 1 +FLAGS (a)")
    assert b"MODSEQ" not in b" ".join(driver.ok("NOOP").untagged)
    assert any(b"HIGHESTMODSEQ" in line for line in driver.ok(command).untagged)
    assert not any(line.startswith(b"OK [HIGHESTMODSEQ") for line in driver.ok(command).untagged)
    other.ok("STORE 1 +FLAGS (b)")
    (line,) = driver.ok("NOOP").named(b"FETCH")
    assert b"UID 1" in line
    assert b"MODSEQ (" in line
    (line,) = driver.ok("STORE 1 +FLAGS.SILENT (c)").named(b"FETCH")
    assert re.fullmatch(rb"1 FETCH \(UID 1 MODSEQ \(\d+\)\)", line)


def test_changed_since_gives_exactly_the_changed() -> None:
    """Messages with a higher mod-sequence, and MODSEQ without asking (3.1.4.1)."""
    _, driver = driver_with(4)
    point = driver.ok("SELECT INBOX").code("HIGHESTMODSEQ")
    assert driver.ok(f"UID FETCH 1:* FLAGS (CHANGEDSINCE {point})").named(b"FETCH") == []
    driver.ok("STORE 2,4 +FLAGS (\\Seen)")
    lines = driver.ok(f"UID FETCH 1:* FLAGS (CHANGEDSINCE {point})").named(b"FETCH")
    assert list(modseqs(lines)) == [2, 4]
    assert driver.send("FETCH 1 FLAGS (CHANGEDSINCE 1 NONSENSE)").status == "BAD"


def test_unchanged_since() -> None:
    """Changed messages are named in [MODIFIED], told, and left alone; the others are stored (3.1.3)."""
    site, driver = driver_with(3)
    point = driver.ok("SELECT INBOX (CONDSTORE)").code("HIGHESTMODSEQ")
    site.driver("INBOX").ok("UID STORE 2 +FLAGS (\\Flagged)")
    answer = driver.ok(f"STORE 1:3 (UNCHANGEDSINCE {point}) +FLAGS.SILENT (\\Seen)")
    assert answer.text.startswith("[MODIFIED 2]")
    assert sorted(modseqs(answer.named(b"FETCH"))) == [1, 2, 3]
    assert [driver.flags(uid) for uid in (1, 2, 3)] == [{"\\Seen"}, {"\\Flagged"}, {"\\Seen"}]
    assert driver.ok("UID STORE 1 (UNCHANGEDSINCE 0) FLAGS ()").text.startswith("[MODIFIED 1]")
    assert driver.flags(1) == {"\\Seen"}
    assert driver.ok(f"UID STORE 3,3 (UNCHANGEDSINCE {2**63 - 1}) FLAGS (x)").text == "UID STORE completed"
    assert driver.send(f"STORE 1 (UNCHANGEDSINCE {2**63}) FLAGS ()").status == "BAD"


def test_search_by_mod_sequence() -> None:
    """The answer ends in the highest mod-sequence of what was found, if anything was (3.1.5)."""
    _, driver = driver_with(3)
    high = modseqs(driver.fetch("1:*", "MODSEQ"))
    assert driver.ok(f"SEARCH MODSEQ {high[2]}").untagged == [b"SEARCH 2 3 (MODSEQ %d)" % high[3]]
    assert driver.ok(f'SEARCH MODSEQ "/flags/\\\\draft" all {high[3]}').untagged[0].startswith(b"SEARCH 3 (MODSEQ")
    assert driver.ok(f"SEARCH MODSEQ {high[3] + 1}").untagged == [b"SEARCH"]
    assert driver.ok(f"SEARCH RETURN (COUNT) MODSEQ {high[2]}").untagged[0].endswith(b"COUNT 2 MODSEQ %d" % high[3])


def test_folders_without_mod_sequences() -> None:
    """NOMODSEQ, HIGHESTMODSEQ 0, and BAD for everything that needs them (3.1.2.2)."""
    _, driver = driver_with(1, Behaviour(mod_sequences=False), enable="QRESYNC")
    answer = driver.ok("SELECT INBOX (QRESYNC (1 1))")
    assert b"OK [NOMODSEQ] no mod-sequences" in answer.untagged
    assert not any(b"VANISHED" in line or b"FETCH" in line for line in answer.untagged)
    assert driver.ok("STATUS INBOX (HIGHESTMODSEQ)").untagged == [b'STATUS "INBOX" (HIGHESTMODSEQ 0)']
    for command in ("FETCH 1 MODSEQ", "SEARCH MODSEQ 1", "STORE 1 (UNCHANGEDSINCE 1) FLAGS ()",
                    "FETCH 1 UID (CHANGEDSINCE 1)"):  # fmt: skip
        assert driver.send(command).status == "BAD", command
    assert b"MODSEQ" not in driver.ok("STORE 1 FLAGS (\\Deleted)").named(b"FETCH")[0]
    assert driver.ok("EXPUNGE").untagged == [b"1 EXPUNGE"]


def test_vanished_takes_the_place_of_expunge() -> None:
    """After ENABLE QRESYNC removals come as VANISHED, EXPUNGE tells HIGHESTMODSEQ, CLOSE does not (3.2.7 to 3.2.10)."""
    site, driver = driver_with(6, enable="QRESYNC")
    driver.ok("STORE 2,4,5 +FLAGS (\\Deleted)")
    answer = driver.ok("EXPUNGE")
    assert answer.untagged == [b"VANISHED 2,4:5"]
    high = int(re.match(r"\[HIGHESTMODSEQ (\d+)\]", answer.text)[1])  # type: ignore[index]
    assert driver.ok("SELECT INBOX").code("HIGHESTMODSEQ") == high
    other = site.driver("INBOX")
    other.ok("STORE 1 +FLAGS (\\Deleted)")
    other.ok("EXPUNGE")
    answer = driver.ok("FETCH 2 UID")
    assert answer.untagged == [b"2 FETCH (UID 3)", b"OK [HIGHESTMODSEQ %d] removals are still to be told" % (high + 1)]
    assert driver.ok("NOOP").untagged == [b"VANISHED 1"]
    driver.ok("STORE 1 +FLAGS (\\Deleted)")
    assert driver.ok("CLOSE").text == "CLOSE completed"


def test_vanished_never_names_what_was_not_announced() -> None:
    """A message added and removed between two commands leaves no trace (3.2.10.2)."""
    site, driver = driver_with(1, enable="QRESYNC")
    other = site.driver("INBOX")
    other.append(options="(\\Deleted)")
    other.ok("EXPUNGE")
    assert driver.ok("FETCH 1 UID").untagged == [b"1 FETCH (UID 1)"]
    assert driver.ok("NOOP").untagged == []
    assert driver.uids() == [1]


def test_quick_resynchronization() -> None:
    """SELECT with QRESYNC gives removals first, then changes, limited to known UIDs and the matched sample (3.2.5)."""
    site, driver = driver_with(8, enable="QRESYNC")
    answer = driver.ok("SELECT INBOX")
    assert answer.untagged[0].startswith(b"OK [CLOSED]")
    validity, point = answer.code("UIDVALIDITY"), answer.code("HIGHESTMODSEQ")
    other = site.driver("INBOX")
    other.ok("STORE 3,5,7 +FLAGS (\\Deleted)")
    other.ok("EXPUNGE")
    other.ok("UID STORE 2,8 +FLAGS (\\Seen)")

    def told(parameter: str) -> list[bytes]:
        lines = driver.ok(f"SELECT INBOX (QRESYNC ({parameter}))").untagged
        return [re.sub(rb" MODSEQ.*", b"", line) for line in lines if b"VANISHED" in line or b" FETCH " in line]

    two, eight = b"2 FETCH (UID 2 FLAGS (\\Seen)", b"5 FETCH (UID 8 FLAGS (\\Seen)"
    assert told(f"{validity} {point}") == [b"VANISHED (EARLIER) 3,5,7", two, eight]
    assert told(f"{validity} {point} 1:5") == [b"VANISHED (EARLIER) 3,5", two]
    assert told(f"{validity} {point} 1:8 (3 4)") == [b"VANISHED (EARLIER) 5,7", two, eight]
    assert told(f"{validity} {point} (3:4 4,6)") == [b"VANISHED (EARLIER) 7", two, eight]
    assert told(f"{validity} {point} 1:8 (1,9 1,9)") == [b"VANISHED (EARLIER) 3,5,7", two, eight]
    assert told(f"{validity + 1} {point}") == []
    assert told(f"{validity} {2**63 - 1}") == []


def test_uid_fetch_vanished() -> None:
    """VANISHED comes with CHANGEDSINCE in UID FETCH only, and removals come first (3.2.6)."""
    site, driver = driver_with(5, enable="QRESYNC")
    driver.ok("STORE 2,4 +FLAGS (\\Deleted)")
    point = driver.ok("SELECT INBOX").code("HIGHESTMODSEQ")
    driver.ok("EXPUNGE")
    driver.ok("STORE 1 +FLAGS (\\Seen)")
    answer = driver.ok(f"UID FETCH 1:3 FLAGS (CHANGEDSINCE {point} VANISHED)")
    assert answer.untagged[0] == b"VANISHED (EARLIER) 2"
    assert [line.split()[2] for line in answer.named(b"FETCH")] == [b"(UID"]
    for command in ("UID FETCH 1 FLAGS (VANISHED)", f"FETCH 1 FLAGS (CHANGEDSINCE {point} VANISHED)"):
        assert driver.send(command).status == "BAD", command
    assert site.driver("INBOX").send("UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)").status == "BAD"


def test_qresync_needs_enable() -> None:
    """The SELECT parameter is BAD before ENABLE QRESYNC, and the selected folder stays (3.2.5)."""
    _, driver = driver_with(1)
    assert driver.send("SELECT INBOX (QRESYNC (1 1))").status == "BAD"
    assert driver.uids() == [1]
    driver.ok("ENABLE NONSENSE")
    driver.ok("ENABLE QRESYNC")
    for parameter in ("(1)", "(1 0)", "(1 1 *)", "(1 1 1:*)", "1 1", "(1 1 (1))"):
        assert driver.send(f"SELECT INBOX (QRESYNC {parameter})").status == "BAD", parameter


def test_a_server_that_remembers_no_removals() -> None:
    """The legal variant of section 5.1: everything that is not there has vanished."""
    _, driver = driver_with(6, Behaviour(vanished_reports_all=True, first_uid=10), enable="QRESYNC")
    driver.ok("STORE 2:3 +FLAGS (\\Deleted)")
    driver.ok("EXPUNGE")
    answer = driver.ok(f"SELECT INBOX (QRESYNC (1 {2**62}))")
    assert b"VANISHED (EARLIER) 1:9,11:12" in answer.untagged
    answer = driver.ok(f"UID FETCH 10:4294967295 FLAGS (CHANGEDSINCE {2**62} VANISHED)")
    assert answer.untagged == [b"VANISHED (EARLIER) 11:12"]


CHANGES = st.lists(st.tuples(st.sampled_from(["append", "flag", "delete"]), st.integers(1, 8)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(CHANGES, CHANGES, st.booleans())
def test_resynchronization_always_catches_up(
    before: list[tuple[str, int]],
    after: list[tuple[str, int]],
    everything: bool,  # noqa: FBT001
) -> None:
    """A client that knew the folder at any point gets its exact state from the QRESYNC answer."""
    site = Site(Behaviour(vanished_reports_all=everything))
    other = site.driver("INBOX")
    make(other, before)
    known = snapshot(other)
    state = other.ok("SELECT INBOX")
    make(other, after)
    driver = site.driver()
    driver.ok("ENABLE QRESYNC")
    lines = driver.ok(f"SELECT INBOX (QRESYNC ({state.code('UIDVALIDITY')} {state.code('HIGHESTMODSEQ')}))").untagged
    for line in lines:
        if match := re.fullmatch(rb"VANISHED \(EARLIER\) ([\d:,]+)", line):
            gone = [tuple(map(int, part.split(b":"))) for part in match[1].split(b",")]
            known = {uid: flags for uid, flags in known.items() if not any(r[0] <= uid <= r[-1] for r in gone)}
        elif match := re.match(rb"\d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\)", line):
            known[int(match[1])] = set(match[2].split()) - {b"\\Recent"}
    assert known == snapshot(other)


def make(driver: Driver, changes: list[tuple[str, int]]) -> None:
    """Append, toggle a flag, or remove by UID."""
    for change, uid in changes:
        if change == "append":
            driver.append()
        elif change == "flag":
            sign = "-" if uid in driver.uids() and "\\Seen" in driver.flags(uid) else "+"
            driver.ok(f"UID STORE {uid} {sign}FLAGS.SILENT (\\Seen)")
        else:
            driver.ok(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
            driver.ok(f"UID EXPUNGE {uid}")


def snapshot(driver: Driver) -> dict[int, set[bytes]]:
    """Flags by UID."""
    driver.ok("NOOP")
    return {uid: {flag.encode() for flag in driver.flags(uid)} for uid in driver.uids()}
