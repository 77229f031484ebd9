"""5.5.2.13 update metadata: the metadata of folders and the annotations of objects, where a server announces them."""

from __future__ import annotations

from conformance.cases.declaration import server_case
from conformance.imap.wire import Exchange
from conformance.scenario.annotations import annotated_folder, comments, folder_value, set_folder_value
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Storage, Tester

VALUES = (
    b"family",
    b'say "hi" \\ or ("not")',
    b"first\r\nsecond",
    "Žluťoučký kůň".encode(),
    b"NIL",
    b"0123456789" * 100,
)

PRIVATE, SHARED = "/private/comment", "/shared/comment"


@server_case("folder-metadata-is-kept", "OP13-S4")
def test_folder_metadata_is_kept(storage: Storage, judge: Judge) -> None:
    """A server that announces METADATA returns what was set of a folder, in later sessions too, until it is removed."""
    tester = storage.connect()
    if "METADATA" not in tester.capabilities:
        raise NotApplicable("METADATA is not announced")
    folder, other = storage.folder(tester, "Folder"), storage.folder(tester, "Other")
    for value in VALUES:
        answer = set_folder_value(tester, folder, PRIVATE, value)
        here = folder_value(tester, folder, PRIVATE)[0]
        judge.check("OP13-S4", answer.ok and here == value, f"{value!r}", f"{answer.status}; {here!r}", answer.entry)
        kept, told = folder_value(storage.connect(), folder, PRIVATE)
        judge.check("OP13-S4", kept == value, f"{value!r} in a later session", f"{told.status}; {kept!r}", told.entry)
    tester.ask(b"LOGOUT")
    later = storage.connect()
    kept, told = folder_value(later, folder, PRIVATE)
    judge.check("OP13-S4", kept == VALUES[-1], f"{VALUES[-1]!r} after logout", f"{told.status}; {kept!r}", told.entry)
    foreign, told = folder_value(later, other, PRIVATE)
    judge.check("OP13-S4", foreign is None, "nothing of another folder", f"{foreign!r}", told.entry)
    removed = set_folder_value(later, folder, PRIVATE, None)
    gone, told = folder_value(storage.connect(), folder, PRIVATE)
    judge.check("OP13-S4", removed.ok and gone is None, "removed", f"{removed.status}; {gone!r}", told.entry)


@server_case("private-and-shared-folder-metadata-are-apart", "OP13-S4")
def test_private_and_shared_folder_metadata_are_apart(storage: Storage, judge: Judge) -> None:
    """A server that announces METADATA keeps the private and the shared value of one entry apart."""
    tester = storage.connect()
    if "METADATA" not in tester.capabilities:
        raise NotApplicable("METADATA is not announced")
    folder = storage.folder(tester, "Folder")
    answer = set_folder_value(tester, folder, PRIVATE, b"mine")
    judge.check("OP13-S4", answer.ok, "OK", answer.told, answer.entry)
    shared = set_folder_value(tester, folder, SHARED, b"ours")
    if not shared.ok:
        judge.remark(f"a shared comment is refused: {shared.told}")
    wanted = [b"mine", b"ours" if shared.ok else None]
    found = [folder_value(storage.connect(), folder, entry)[0] for entry in (PRIVATE, SHARED)]
    judge.check("OP13-S4", found == wanted, f"{wanted}", f"{found}", answer.entry)
    removed = set_folder_value(tester, folder, PRIVATE, None)
    found = [folder_value(storage.connect(), folder, entry)[0] for entry in (PRIVATE, SHARED)]
    observed = f"{removed.status}; {found}"
    judge.check("OP13-S4", removed.ok and found == [None, wanted[1]], "only the private one gone", observed)


@server_case("annotations-are-kept", "OP13-S5")
def test_annotations_are_kept(storage: Storage, judge: Judge) -> None:
    """A server that announces annotations of messages returns them, private and shared apart, in later sessions too."""
    tester = storage.connect()
    folder, uids, attributes = annotated_folder(storage, tester)
    wanted: dict[str, bytes | None] = {}
    for number, value in enumerate([*VALUES, *VALUES]):
        attribute = attributes[number % len(attributes)]
        line = f"UID STORE {uids[0]} ANNOTATION (/comment ({attribute} {{}}))"
        wanted[attribute] = value + b"%d" % number
        answer = tester.ask(line.encode(), value + b"%d" % number)
        _judge_annotations(judge, tester, answer, {uids[0]: wanted, uids[1]: {}}, "here")
    tester.ask(b"LOGOUT")
    later = storage.connect()
    later.select(folder)
    _judge_annotations(judge, later, None, {uids[0]: wanted, uids[1]: {}}, "in a later session")
    for attribute in attributes:
        removed = later.ask(f"UID STORE {uids[0]} ANNOTATION (/comment ({attribute} NIL))".encode())
        del wanted[attribute]
        _judge_annotations(judge, later, removed, {uids[0]: wanted, uids[1]: {}}, "after removal")


def _judge_annotations(
    judge: Judge,
    tester: Tester,
    stored: Exchange | None,
    wanted: dict[int, dict[str, bytes | None]],
    when: str,
) -> None:
    found, told = comments(tester)
    status = "" if stored is None else f"STORE {stored.told}; "
    holds = (stored is None or stored.ok) and found == wanted
    observed = f"{status}FETCH {told.status}; {found}"
    judge.check("OP13-S5", holds, f"{wanted} {when}", observed, told.entry)
