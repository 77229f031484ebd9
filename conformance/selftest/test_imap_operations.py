"""From wire to operations: scripted transcripts of every form, and a real client through the proxy."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from conformance.imap.operations import Operation, read_operations
from conformance.imap.proxy import RecordingProxy
from conformance.imap.recorder import Recorder
from conformance.imap.session import StorageSession
from conformance.imap.transcript import Transcript
from conformance.selftest.imap_servers import MBSYNC, PASSWORD, account, dovecot, needs_dovecot, needs_mbsync


def _operations(*lines: str, name: str = "client-1", transcript: Transcript | None = None) -> list[Operation]:
    """The operations of one connection; client lines begin with `C: `, server lines with `S: `."""
    kept = transcript or Transcript()
    recorder = Recorder(kept, name)
    for line in lines:
        octets = line[3:].replace("\n", "\r\n").encode() + b"\r\n"
        (recorder.sent if line.startswith("C") else recorder.received)(octets)
    recorder.closed()
    return read_operations(kept)


def _seen(operations: list[Operation]) -> list[tuple[str, str | None, tuple[int, ...], bool]]:
    return [(one.kind, one.folder, one.uids, one.changed) for one in operations]


SELECT = ("C: 1 SELECT x", "S: * 3 EXISTS", "S: 1 OK [READ-WRITE] in")
KNOWN = (
    *SELECT,
    "C: 2 UID FETCH 1:* (FLAGS)",
    r"S: * 1 FETCH (UID 5 FLAGS ())",
    r"S: * 2 FETCH (UID 7 FLAGS (\Seen))",
    r"S: * 3 FETCH (UID 9 FLAGS (\Deleted))",
    "S: 2 OK done",
)


def test_folder_commands() -> None:
    """Listing, creating, removing, renaming and asking for the status of folders, by decoded name."""
    operations = _operations(
        *('C: 1 LIST "" "*"', 'S: * LIST () "/" a', "S: 1 OK"),
        *('C: 2 CREATE "W&APY-rk"', "S: 2 OK"),
        *("C: 3 DELETE {3}\na b", "S: 3 NO [NONEXISTENT] none"),
        *("C: 4 RENAME a b", "S: 4 OK"),
        *("C: 5 STATUS a (UIDNEXT)", "S: * STATUS a (UIDNEXT 3)", "S: 5 OK"),
        *("C: 6 EXAMINE a", "S: 6 OK [READ-ONLY] in"),
        *("C: 7 SUBSCRIBE a", "S: 7 OK"),
    )
    assert _seen(operations) == [
        ("list_folders", None, (), False),
        ("create_folder", "Wörk", (), True),
        ("remove_folder", "a b", (), False),
        ("rename_folder", "a", (), True),
        ("folder_status", "a", (), False),
        ("set_active_folder", "a", (), False),
        ("other", "a", (), True),
    ]
    assert [one.clause for one in operations[:3]] == ["5.5.2.9", "5.5.2.8", "5.5.2.11"]
    assert (operations[2].status, operations[3].target, operations[5].read_only) == ("NO", "b", True)


def test_stored_objects() -> None:
    """An APPEND is one operation an object, with its flags, size, digest and, if told, its UID."""
    first, second = b"a: b\r\n\r\nc", b"x"
    operations = _operations(
        *(
            'C: 1 APPEND x (\\Seen $A) "01-Jan-2020 00:00:00 +0000" {9+}\na: b\n\nc {1+}\nx',
            "S: 1 OK [APPENDUID 1 4:5] ok",
        ),
        *("C: 2 APPEND x {1+}\nx", "S: 2 NO [OVERQUOTA] full"),
        *("C: 3 APPEND x UTF8 (~{1+}\nx)", "S: 3 OK"),
    )
    assert _seen(operations) == [
        ("store_object", "x", (4,), True),
        ("store_object", "x", (5,), True),
        ("store_object", "x", (), False),
        ("store_object", "x", (), True),
    ]
    assert [one.items for one in operations[:2]] == [("$A", "\\Seen"), ()]
    assert [one.octets for one in operations] == [9, 1, 1, 1]
    assert [one.sha256 for one in operations[:2]] == [hashlib.sha256(one).hexdigest() for one in (first, second)]


def test_fetched_objects_and_metadata() -> None:
    r"""Bodies are told from metadata, by what is asked; a fetch without PEEK that marks as seen is a change."""
    operations = _operations(
        *KNOWN,
        *("C: 3 FETCH 1 (BODY.PEEK[])", "S: * 1 FETCH (BODY[] {2}\nab)", "S: 3 OK"),
        *("C: 4 UID FETCH 5 BODY[]", 'S: * 1 FETCH (UID 5 FLAGS (\\Seen) BODY[] "abc")', "S: 4 OK"),
        *(
            "C: 5 UID FETCH 5 (BODY.PEEK[HEADER.FIELDS (To)] BODY[1.MIME])",
            'S: * 1 FETCH (UID 5 BODY[1.MIME] "")',
            "S: 5 OK",
        ),
        *("C: 6 UID FETCH 5,6 (FLAGS BODY.PEEK[TEXT]<0.10>)", 'S: * 1 FETCH (UID 5 BODY[TEXT]<0> "x")', "S: 6 OK"),
        *("C: 7 FETCH 3 RFC822.HEADER", 'S: * 3 FETCH (RFC822.HEADER "")', "S: 7 OK"),
    )
    assert [(one.kind, one.uids, one.octets, one.sets_seen, one.changed) for one in operations[1:]] == [
        ("fetch_metadata", (5, 7, 9), None, False, False),
        ("fetch_object", (5,), 2, False, False),
        ("fetch_object", (5,), 3, True, True),
        ("fetch_metadata", (5,), None, True, False),
        ("fetch_object", (5,), 1, False, False),
        ("fetch_metadata", (9,), None, False, False),
    ]


def test_flags() -> None:
    r"""Flag changes are metadata, `\Deleted` is a removal, and what changes nothing is no change."""
    operations = _operations(
        *KNOWN,
        *(r"C: 3 UID STORE 5 +FLAGS.SILENT (\Flagged)", "S: 3 OK"),
        *(r"C: 4 UID STORE 5 +FLAGS.SILENT (\flagged)", "S: 4 OK"),
        *(r"C: 5 STORE 2 +FLAGS \Deleted $A", r"S: * 2 FETCH (FLAGS (\Seen \Deleted $A))", "S: 5 OK"),
        *(r"C: 6 UID STORE 99 +FLAGS (\Seen)", "S: 6 OK"),
        *(r"C: 7 UID STORE 9 (UNCHANGEDSINCE 3) -FLAGS.SILENT (\Deleted)", "S: 7 OK"),
        *(r"C: 8 UID STORE 5 FLAGS.SILENT ()", "S: 8 NO no"),
    )
    assert [(one.kind, one.uids, one.items, one.changed) for one in operations[2:]] == [
        ("update_metadata", (5,), (r"+\Flagged",), True),
        ("update_metadata", (5,), (r"+\Flagged",), False),
        ("remove_object", (7,), (r"+\Deleted",), True),
        ("update_metadata", (7,), ("+$A",), True),
        ("update_metadata", (99,), (r"+\Seen",), False),
        ("update_metadata", (9,), (r"-\Deleted",), True),
        ("update_metadata", (5,), (), False),
    ]


def test_expunge_is_judged_by_what_it_removed() -> None:
    """EXPUNGE numbers are counted as they shift; an EXPUNGE that removes nothing is no change."""
    operations = _operations(
        *KNOWN,
        *("C: 3 EXPUNGE", "S: * 1 EXPUNGE", "S: * 2 EXPUNGE", "S: 3 OK"),
        *("C: 4 EXPUNGE", "S: 4 OK"),
        *("C: 5 UID EXPUNGE 7", "S: * VANISHED 7", "S: 5 OK"),
    )
    assert _seen(operations[2:]) == [
        ("remove_object", "x", (5, 9), True),
        ("remove_object", "x", (), False),
        ("remove_object", "x", (7,), True),
    ]


def test_close_removes_only_what_was_marked() -> None:
    """CLOSE of a folder with nothing marked, or of one that is read-only, is no removal."""
    close = ("C: 9 CLOSE", "S: 9 OK")
    assert _seen(_operations(*KNOWN, *close))[-1] == ("remove_object", "x", (9,), True)
    assert _seen(_operations(*SELECT, *close))[-1] == ("other", "x", (), False)
    examined = [line.replace("SELECT", "EXAMINE") for line in KNOWN]
    assert _seen(_operations(*examined, *close))[-1] == ("other", "x", (), False)
    after = _operations(*KNOWN, *close, "C: a SELECT y", "S: a OK", "C: b CLOSE", "S: b OK")
    assert _seen(after)[-1] == ("other", "y", (), False)


def test_copy_and_move() -> None:
    """A move is a copy and a removal; UIDs come from COPYUID when it is there."""
    operations = _operations(
        *KNOWN,
        *("C: 3 UID COPY 5:7 y", "S: 3 OK [COPYUID 1 5,7 1:2] ok"),
        *("C: 4 MOVE 1 y", "S: * OK [COPYUID 1 5 3] ok", "S: * 1 EXPUNGE", "S: 4 OK"),
        *("C: 5 UID MOVE 99 y", "S: 5 OK"),
    )
    assert _seen(operations[2:]) == [
        ("copy_object", "x", (5, 7), True),
        ("copy_object", "x", (5,), True),
        ("remove_object", "x", (5,), True),
        ("copy_object", "x", (99,), True),
        ("remove_object", "x", (99,), False),
    ]
    assert {one.target for one in operations[2:]} == {"y"}


def test_pipelined_commands_are_matched_by_tag() -> None:
    """Data of several commands in flight goes to the command that asked for it, and the folder changes in between."""
    operations = _operations(
        "C: 1 SELECT x",
        "C: 2 UID FETCH 5 BODY.PEEK[]",
        "C: 3 UID FETCH 7 BODY.PEEK[]",
        r"C: 4 UID STORE 5 +FLAGS.SILENT (\Seen)",
        "C: 5 SELECT y",
        "C: 6 UID FETCH 1:* FLAGS",
        *("S: * 2 EXISTS", "S: 1 OK [READ-WRITE] in"),
        *('S: * 1 FETCH (UID 5 BODY[] "a")', 'S: * 2 FETCH (UID 7 BODY[] "bcd")', "S: 2 OK", "S: 3 OK", "S: 4 OK"),
        *("S: * 1 EXISTS", "S: 5 OK [READ-WRITE] in", "S: * 1 FETCH (UID 1 FLAGS ())", "S: 6 OK"),
    )
    assert [(one.kind, one.folder, one.uids, one.octets) for one in operations] == [
        ("set_active_folder", "x", (), None),
        ("fetch_object", "x", (5,), 1),
        ("fetch_object", "x", (7,), 3),
        ("update_metadata", "x", (5,), None),
        ("set_active_folder", "y", (), None),
        ("fetch_metadata", "y", (1,), None),
    ]


def test_unanswered_commands_and_unreadable_lines() -> None:
    """A command without an answer has no status and changed nothing known; garbage says nothing."""
    operations = _operations(*KNOWN, "S: garbage", "C: (((", r"C: 3 UID STORE 5 +FLAGS (\Deleted)", "C: 4 FETCH")
    assert [(one.kind, one.uids, one.status, one.answered, one.changed) for one in operations[2:]] == [
        ("remove_object", (5,), "", 0, False),
        ("other", (), "", 0, False),
    ]


def test_idle_login_and_several_connections() -> None:
    """IDLE and its DONE, a login in several lines and other connections do not disturb the reading."""
    transcript = Transcript()
    observer = Recorder(transcript, "observer-1")
    observer.sent(b"A1 CREATE z\r\n")
    _operations("C: 1 AUTHENTICATE PLAIN", "S: + ", "C: AGpvZQBwYXNz", "S: 1 OK", *SELECT, transcript=transcript)
    mark = transcript.mark()
    recorder = Recorder(transcript, "client-1")
    recorder.sent(b"3 IDLE\r\n")
    recorder.received(b"+ idling\r\n* 1 FETCH (UID 4 FLAGS ())\r\n")
    recorder.sent(b"DONE\r\n4 FETCH 1 FLAGS\r\n")
    recorder.received(b"3 OK\r\n* 1 FETCH (FLAGS ())\r\n4 OK\r\n")
    operations = _operations("C: 1 CREATE q", "S: 1 OK", name="client-2", transcript=transcript)
    assert [(one.connection, one.command, one.kind) for one in operations][-3:] == [
        ("client-1", "IDLE", "other"),
        ("client-1", "FETCH", "fetch_metadata"),
        ("client-2", "CREATE", "create_folder"),
    ]
    later = read_operations(transcript, since=mark)
    assert [(one.folder, one.uids) for one in later] == [("x", ()), ("x", (4,)), ("q", ())]
    assert read_operations(transcript, since=mark, until=mark) == []


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=40)), max_size=30))
def test_hostile_transcripts_are_read(units: list[tuple[bool, bytes]]) -> None:
    """Whatever was recorded, reading it gives operations and no error."""
    transcript = Transcript()
    for from_client, octets in units:
        prefix = b"1 FETCH " if from_client else b"* 1 FETCH "
        transcript.record("client-1", "C" if from_client else "S", prefix + octets + b"\r\n")
        transcript.record("client-1", "C" if from_client else "S", octets)
    assert isinstance(read_operations(transcript), list)


CONFIGURATION = """
IMAPAccount server
Host 127.0.0.1
Port {port}
User {user}
Pass {password}
SSLType None
AuthMechs LOGIN

IMAPStore far
Account server

MaildirStore near
Path {home}/mail/
Inbox {home}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
Sync All
SyncState {home}/state/
"""


def _synchronize(proxy: RecordingProxy, home: Path) -> list[Operation]:
    """One run of mbsync through the proxy."""
    for folder in home.glob("mail/*/[cn][ue][rw]"):
        # mbsync waits until a folder's last change lies a second back.
        os.utime(folder, (1_000_000_000, 1_000_000_000))
    mark = proxy.transcript.mark()
    text = CONFIGURATION.format(port=proxy.endpoint.port, user="joe", password=PASSWORD, home=home)
    (home / "configuration").write_text(text)
    subprocess.run(
        [str(MBSYNC), "-q", "-c", str(home / "configuration"), "-a"], check=True, capture_output=True, timeout=30
    )
    assert proxy.wait_idle(10)
    return read_operations(proxy.transcript, since=mark)


@needs_dovecot
@needs_mbsync
def test_a_real_client(tmp_path: Path) -> None:
    """What mbsync does is read as operations: download, upload, removal, flags, and then nothing more."""
    for name in ("mail", "state"):
        (tmp_path / name).mkdir()
    transcript = Transcript(secrets=[PASSWORD])
    with dovecot() as server, RecordingProxy(server, transcript) as proxy:
        with StorageSession.open(server, account("joe")) as session:
            session.create_folder("A")
            session.store_objects(
                "A", [(b"Message-ID: <%d@x>\r\nSubject: x\r\n\r\nb\r\n" % one, ()) for one in range(3)]
            )
        first = _synchronize(proxy, tmp_path)
        downloaded = [one.uids for one in first if one.kind == "fetch_object"]
        assert sorted(downloaded) == [(1,), (2,), (3,)]
        assert not any(one.changed or one.sets_seen for one in first)
        _change_locally(tmp_path / "mail/A")
        second = _synchronize(proxy, tmp_path)
        changed = {(one.kind, one.folder, one.command) for one in second if one.changed}
        assert changed == {
            ("remove_object", "A", "UID STORE"),
            ("remove_object", "A", "CLOSE"),
            ("update_metadata", "A", "UID STORE"),
            ("store_object", "A", "APPEND"),
        }
        assert [one.uids for one in second if one.kind == "store_object"] == [(4,)]
        third = _synchronize(proxy, tmp_path)
        assert third
        assert not any(one.changed or one.kind == "fetch_object" for one in third)
    assert not any(PASSWORD.encode() in one.octets for one in transcript.entries())


def _change_locally(folder: Path) -> None:
    """Remove one object, flag another, add a third."""
    removed, flagged, *_ = sorted((folder / "new").iterdir())
    removed.rename(folder / "cur" / removed.name.replace(":2,", ":2,T"))
    flagged.rename(folder / "cur" / flagged.name.replace(":2,", ":2,F"))
    (folder / "new" / "1.2.3").write_text("Message-ID: <new@x>\nSubject: q\n\nhello\n")
