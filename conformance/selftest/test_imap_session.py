"""The storage session: every operation on our server and a real one, with fewer extensions, and on hostile ones."""

from __future__ import annotations

import itertools
import re
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

import pytest

from conformance.faults.hooks import Hook, faulty
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.errors import (
    ConnectionLost,
    ImapProblem,
    LoginRefused,
    OperationRefused,
    ServerStalled,
    SyntaxProblem,
)
from conformance.imap.recorder import Recorder
from conformance.imap.session import StorageSession, StoredAs
from conformance.imap.transcript import Transcript
from conformance.reference.server.server import ReferenceServer
from conformance.selftest.imap_servers import PASSWORD, account, dovecot, needs_dovecot, scripted

EXTENSIONS = ("UIDPLUS", "CONDSTORE", "LIST-STATUS", "MULTIAPPEND", "LITERAL+", "MOVE", "UNSELECT", "ENABLE", "IDLE")
OBJECT = b"Message-ID: <1@x>\r\nSubject: one\r\n\r\nbody\r\n"
_users = itertools.count()
NewAccount = Callable[[], tuple[Endpoint, Credentials]]


@pytest.fixture(scope="module", params=["reference", pytest.param("dovecot", marks=needs_dovecot)])
def server(request: pytest.FixtureRequest) -> Iterator[NewAccount]:
    """A server, as the way to get a fresh account on it."""
    if request.param == "reference":
        with ReferenceServer() as reference:
            yield lambda: (reference.endpoint, reference.add_account())
    else:
        with dovecot() as endpoint:
            yield lambda: (endpoint, account(f"u{next(_users)}"))


@pytest.fixture(
    params=[(), EXTENSIONS, ("MULTIAPPEND", "MOVE")], ids=["all extensions", "none", "no MULTIAPPEND, MOVE"]
)
def session(server: NewAccount, request: pytest.FixtureRequest) -> Iterator[StorageSession]:
    """A session of a fresh account, with more and with fewer extensions."""
    recorder = Recorder(Transcript(secrets=[PASSWORD]), "observer-1")
    with StorageSession.open(*server(), recorder=recorder, avoid=request.param) as opened:
        yield opened


def _flags(session: StorageSession) -> dict[int, frozenset[str]]:
    return {one.uid: one.flags for one in session.list_objects()}


def test_folders(session: StorageSession) -> None:
    """Folders are created, listed below a root, renamed and removed, whatever characters they have."""
    for name in ("Wörk/a&b", 'Wörk/q"\\ %', "Wörkshop"):
        session.create_folder(name)
    assert session.delimiter == "/"
    assert {one.name for one in session.list_folders("Wörk")} == {"Wörk", "Wörk/a&b", 'Wörk/q"\\ %'}
    assert {one.name for one in session.list_folders()} >= {"INBOX", "Wörkshop"}
    assert {one.name: one.selectable for one in session.list_folders("Wörk")}["Wörk"] is False
    session.set_active_folder("Wörkshop")
    session.rename_folder("Wörkshop", "shop")
    session.set_active_folder("shop")
    session.remove_folder("shop")
    assert session.list_folders("shop") == []
    with pytest.raises(OperationRefused) as refused:
        session.remove_folder("shop")
    assert (refused.value.operation, refused.value.status) == ("remove folder", "NO")
    with pytest.raises(OperationRefused):
        session.create_folder("Wörk/a&b")


def test_status_in_a_listing(session: StorageSession) -> None:
    """A listing has the status of each selectable folder, with or without LIST-STATUS."""
    session.create_folder("s/a&b")
    session.store_object("s/a&b", OBJECT)
    listed = {folder.name: status for folder, status in session.list_with_status("s")}
    assert listed["s"] is None
    status = listed["s/a&b"]
    assert status is not None
    assert (status.messages, status.uid_next) == (1, 2)
    assert session.status("s/a&b") == status
    assert (status.highest_modseq is not None) == ("CONDSTORE" in session.capabilities)


def test_objects_come_back_octet_for_octet(session: StorageSession) -> None:
    """Stored objects are fetched as they were, with flags and date, and fetching marks nothing as seen."""
    date = datetime(2020, 2, 29, 13, 14, 15, tzinfo=timezone(timedelta(hours=-5)))
    octets = OBJECT + bytes(range(1, 10)) + bytes(range(14, 256)) + b"\r\n{5}\r\n)\r\nA1 OK\r\n"
    session.create_folder("x")
    stored = session.store_object("x", octets, flags=[r"\Draft", "$Key", r"\Recent"], date=date)
    assert stored is not None
    active = session.set_active_folder("x")
    assert (active.exists, active.uid_next, active.uid_validity) == (1, stored.uid + 1, stored.uid_validity)
    assert not active.read_only
    (fetched,) = session.fetch_objects([stored.uid, 4000])
    assert (fetched.octets, fetched.internal_date) == (octets, date)
    assert fetched.flags == {r"\Draft", "$Key"}
    assert _flags(session) == {stored.uid: frozenset({r"\Draft", "$Key"})}
    assert session.list_objects()[0].size == len(octets)


def test_many_objects(session: StorageSession) -> None:
    """Many objects are stored, listed in one command, and fetched with command lines of bounded length."""
    octets = [OBJECT + b"%d\r\n" % number for number in range(300)]
    session.create_folder("many")
    stored = session.store_objects(
        "many", [(one, [r"\Seen"] if number % 2 else []) for number, one in enumerate(octets)]
    )
    assert [one.uid for one in stored if one] == list(range(1, 301))
    session.set_active_folder("many")
    assert len(session.list_objects()) == 300
    odd = range(1, 300, 2)
    assert [one.octets for one in session.fetch_objects(odd)] == [octets[uid - 1] for uid in odd]
    assert session.search("SEEN") == list(range(2, 301, 2))
    assert [one.uid for one in session.fetch_metadata([5, 7, 999])] == [5, 7]


def test_removal_spares_what_others_marked(session: StorageSession) -> None:
    r"""Only the chosen objects are removed; another object's `\Deleted` stays, with and without UIDPLUS."""
    session.store_objects("INBOX", [(OBJECT, [])] * 4)
    session.set_active_folder("INBOX")
    session.update_metadata([1, 4], add=[r"\Deleted"])
    session.remove_objects([2, 4])
    session.remove_objects([])
    assert _flags(session) == {1: frozenset({r"\Deleted"}), 3: frozenset()}
    session.leave_folder()
    session.leave_folder()
    session.set_active_folder("INBOX")
    assert list(_flags(session)) == [1, 3]


def test_removing_the_active_folder_expunges_nothing_first(session: StorageSession) -> None:
    r"""Leaving a folder, as removal and renaming do, keeps objects marked `\Deleted`."""
    session.create_folder("gone")
    session.store_object("gone", OBJECT, flags=[r"\Deleted"])
    session.set_active_folder("gone")
    session.rename_folder("gone", "kept")
    status = session.status("kept")
    assert status.messages == 1


def test_flags(session: StorageSession) -> None:
    r"""Flags are added, removed and replaced; what is no flag is refused before it is sent."""
    session.store_object("INBOX", OBJECT, flags=[r"\Seen"])
    session.set_active_folder("INBOX")
    session.update_metadata([1], add=["$A", r"\flagged"], remove=[r"\Seen"])
    assert _flags(session) == {1: frozenset({"$A", r"\Flagged"})}
    session.update_metadata([1], replace=[r"\Draft"])
    assert _flags(session) == {1: frozenset({r"\Draft"})}
    session.update_metadata([1], replace=[])
    assert _flags(session) == {1: frozenset()}
    with pytest.raises(ValueError, match="no flag"):
        session.update_metadata([1], add=["a b)\r\nA1 LOGOUT"])


def test_conditional_changes(session: StorageSession) -> None:
    """UNCHANGEDSINCE spares what changed later and says so; CHANGEDSINCE gives the news."""
    session.store_objects("INBOX", [(OBJECT, [])] * 2)
    before = session.set_active_folder("INBOX").highest_modseq or 0
    if "CONDSTORE" not in session.capabilities:
        with pytest.raises(ValueError, match="CONDSTORE"):
            session.update_metadata([1], add=["$A"], unchanged_since=1)
        assert len(session.fetch_metadata(changed_since=10**9)) == 2
        return
    session.update_metadata([2], add=["$A"], unchanged_since=before)
    assert [one.uid for one in session.fetch_metadata(changed_since=before)] == [2]
    with pytest.raises(OperationRefused) as refused:
        session.update_metadata([2], add=["$B"], unchanged_since=before)
    assert refused.value.code == "MODIFIED"
    assert _flags(session)[2] == {"$A"}


def test_copy_and_move(session: StorageSession) -> None:
    """Copies leave the original, moves do not, with and without MOVE."""
    session.create_folder("to")
    session.store_objects("INBOX", [(OBJECT, ["$A"])] * 3)
    session.set_active_folder("INBOX")
    session.copy_objects([1, 2], "to")
    session.move_objects([3], "to")
    assert list(_flags(session)) == [1, 2]
    session.set_active_folder("to", read_only=True)
    assert list(_flags(session).values()) == [{"$A"}] * 3
    with pytest.raises(OperationRefused):
        session.copy_objects([1], "missing")


def test_folder_metadata(session: StorageSession) -> None:
    """Annotations are set, read and removed."""
    session.create_folder("m")
    for value in ("short", 'two\r\nlines "é"'.encode(), ""):
        session.set_folder_metadata("m", "/private/comment", value)
        expected = value.encode() if isinstance(value, str) else value
        assert (session.get_folder_metadata("m", "/private/comment") or b"") == expected
    session.set_folder_metadata("m", "/private/comment", None)
    assert session.get_folder_metadata("m", "/private/comment") is None


def test_silence_and_enable(session: StorageSession) -> None:
    """Silence gives no notice; ENABLE says what it enabled now."""
    session.set_active_folder("INBOX")
    assert session.wait_for_notice(0.05) == []
    session.noop()
    assert session.enable("QRESYNC") == {"QRESYNC"}


def test_a_notice_ends_the_wait(server: NewAccount) -> None:
    """IDLE returns with the notice of an object another session stored."""
    endpoint, user = server()
    with StorageSession.open(endpoint, user) as one, StorageSession.open(endpoint, user) as other:
        one.set_active_folder("INBOX")
        other.store_object("INBOX", OBJECT)
        assert b"* 1 EXISTS\r\n" in one.wait_for_notice(8)


def test_nothing_recorded_gives_the_password_away(server: NewAccount) -> None:
    """A recorded session begins with the greeting, ends closed, and has no password in it."""
    transcript = Transcript()
    endpoint, user = server()
    with StorageSession.open(endpoint, user, recorder=Recorder(transcript, "o")) as session:
        session.list_folders()
    entries = transcript.entries()
    assert entries[1].octets.startswith(b"* OK")
    assert entries[-1].octets == b"closed"
    assert not any(user.password.encode() in one.octets for one in entries)
    with pytest.raises(ConnectionLost):
        session.noop()


def test_wrong_password(server: NewAccount) -> None:
    """A refused login is told from every other failure."""
    endpoint, user = server()
    with pytest.raises(LoginRefused):
        StorageSession.open(endpoint, Credentials(user.user, "wrong"))


Answer = Callable[[str, str], bytes]


def _server(answer: Answer, capabilities: str = "IMAP4rev1") -> Callable[[socket.socket], None]:
    """A server that logs in anybody, then answers with `answer(tag, command)`; empty octets close the connection."""
    canned = {
        "CAPABILITY": f"* CAPABILITY {capabilities}\r\n",
        "LOGIN": "",
        "LIST": '* LIST (\\Noselect) "/" ""\r\n',
        "LOGOUT": "* BYE\r\n",
    }

    def script(connection: socket.socket) -> None:
        connection.sendall(b"* OK hello\r\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                tag, name, *_ = line.decode().split()
                octets = f"{canned[name]}{tag} OK\r\n".encode() if name in canned else answer(tag, line.decode())
                if not octets:
                    return
                connection.sendall(octets)

    return script


HOSTILE: list[tuple[Answer, type[ImapProblem]]] = [
    (lambda _tag, _line: b"", ConnectionLost),
    (lambda _tag, _line: b"* BYE going\r\n", ConnectionLost),
    (lambda _tag, _line: b"* 1 EXISTS\r\n", ServerStalled),
    (lambda _tag, _line: b"\x00\xff garbage\r\n", SyntaxProblem),
    (lambda tag, _line: f"{tag} MAYBE\r\n".encode(), SyntaxProblem),
    (lambda _tag, _line: b"Z9 OK\r\n", SyntaxProblem),
    (lambda tag, _line: f"{tag} NO [NONEXISTENT] none\r\n".encode(), OperationRefused),
    (lambda tag, _line: f"{tag} BAD what\r\n".encode(), OperationRefused),
]


@pytest.mark.parametrize(("answer", "error"), HOSTILE)
def test_hostile_servers_end_as_one_known_error(answer: Answer, error: type[ImapProblem]) -> None:
    """Whatever a server does, an operation ends in bounded time with the error that names it."""
    with scripted(_server(answer)) as endpoint:
        session = StorageSession.open(endpoint, Credentials("joe", "x"), timeout=0.3)
        with pytest.raises(error):
            session.set_active_folder("x")
        if error is not OperationRefused:
            with pytest.raises(ConnectionLost):
                session.list_objects()
        session.close()


def test_an_unreadable_number_does_not_end_the_session() -> None:
    """A UIDVALIDITY that is no number is named; the answer was complete, so the session goes on."""
    with (
        scripted(_server(lambda tag, _: b"* OK [UIDVALIDITY x] bad\r\n" + f"{tag} OK\r\n".encode())) as endpoint,
        StorageSession.open(endpoint, Credentials("joe", "x")) as session,
    ):
        with pytest.raises(SyntaxProblem, match="number"):
            session.set_active_folder("x")
        session.noop()


@pytest.mark.parametrize("octets", [b"* 1 FETCH (UID x)\r\n", b"* 1 FETCH UID 3\r\n", b"* 1 FETCH (UID)\r\n"])
def test_wrong_data_is_named(octets: bytes) -> None:
    """FETCH data that cannot be read raises `SyntaxProblem`, and never anything of Python's own."""
    with (
        scripted(_server(lambda tag, _: octets + f"{tag} OK\r\n".encode())) as endpoint,
        StorageSession.open(endpoint, Credentials("joe", "x")) as session,
        pytest.raises(SyntaxProblem),
    ):
        session.list_objects()


def test_bare_server_needs_no_extension() -> None:
    """A server with nothing but IMAP4rev1 is used with nothing but RFC 3501 commands."""
    said: list[str] = []

    def answer(tag: str, line: str) -> bytes:
        said.append(line.split(" ", 1)[1].strip())
        return f"{tag} OK\r\n".encode()

    with scripted(_server(answer)) as endpoint, StorageSession.open(endpoint, Credentials("joe", "x")) as session:
        session.set_active_folder("a")
        session.remove_objects([3, 4, 5])
        session.move_objects([9], "b")
        session.leave_folder()
    assert said[:4] == ['SELECT "a"', r"UID STORE 3:5 +FLAGS.SILENT (\Deleted)", "UID SEARCH DELETED", "EXPUNGE"]
    assert said[-2:] == ['EXAMINE "a"', "CLOSE"]


def test_names_of_responses_are_read_in_any_case() -> None:
    """`* 1 exists` is as good as `* 1 EXISTS` (RFC 3501 9, note 1)."""
    names = re.compile(rb"(?m)^(\* (?:\d+ )?|A\d+ )([A-Z]+)")
    server = faulty(Hook(rewrite=lambda octets: names.sub(lambda found: found[1] + found[2].lower(), octets)))
    with server:
        account = server.fresh_account()
        with StorageSession.open(account.endpoint, account.credentials) as session:
            session.store_objects("INBOX", [(OBJECT, ["\\Seen"])])
            assert session.set_active_folder("INBOX").exists == 1
            assert [each.octets for each in session.fetch_objects([1])] == [OBJECT]


def test_long_uid_lists_are_split() -> None:
    """No command line is longer than 8000 octets, and every UID is asked for once."""
    said: list[str] = []

    def answer(tag: str, line: str) -> bytes:
        said.append(line)
        return f"{tag} OK\r\n".encode()

    uids = range(1_000_000_000, 1_000_010_000, 2)
    with scripted(_server(answer)) as endpoint, StorageSession.open(endpoint, Credentials("joe", "x")) as session:
        session.update_metadata(uids, add=["$A"])
        assert list(session.fetch_objects(uids)) == []
    assert max(map(len, said)) <= 8000
    stored = [uid for line in said if "STORE" in line for uid in line.split()[3].split(",")]
    assert stored == [str(uid) for uid in uids]


def test_appenduid_of_another_number_of_objects_is_noticed() -> None:
    """A server that claims two UIDs for one object is not believed."""

    def answer(_tag: str, line: str) -> bytes:
        return b"+ go\r\n" if line.endswith("}\r\n") else b"A5 OK [APPENDUID 1 2:3] x\r\n"

    with (
        scripted(_server(answer)) as endpoint,
        StorageSession.open(endpoint, Credentials("joe", "x")) as session,
        pytest.raises(SyntaxProblem, match="1 object"),
    ):
        session.store_object("a", b"one two three")


def test_results_are_plain_values() -> None:
    """Results compare by value."""
    assert StoredAs(1, 2) == StoredAs(1, 2)
