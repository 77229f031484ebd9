"""5.5.2.20 step 3f for folders: their metadata of both sides is brought together, where client and server have any."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case, server_case
from conformance.scenario.annotations import folder_value, set_folder_value
from conformance.scenario.content import ARCHIVE, CONVERSATION, usual_base
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.scenario import Scenario
from conformance.scenario.storage import Storage, Tester
from conformance.scenario.valued import FolderComment

FIRST = b"the first comment"
VALUES = {
    "plain": b"family",
    "quotes": b'say "hi" \\ or ("not")',
    "non-ascii": "Žluťoučký kůň 会話".encode(),
    "several-lines": b"first\r\nsecond\r\n",
    "the-word-nil": b"NIL",
    "empty": b"",
}
COMMENT = "/private/comment"


def _comment(scenario: Scenario) -> FolderComment:
    """The comment of a folder, without a value yet."""
    comment = FolderComment(scenario, CONVERSATION)
    scenario.establish(usual_base())
    return comment


@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
@client_case("folder-metadata-set-on-server", "SYN-511", needs=("METADATA",))
def test_folder_metadata_set_on_server(scenario: Scenario, value: bytes) -> None:
    """A client gives a folder of local storage the metadata that was set on the server, whatever its value."""
    comment = _comment(scenario)
    comment.change_on_server(value)
    comment.judge_value("SYN-511", value)


@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
@client_case("folder-metadata-set-locally", "SYN-511", needs=("METADATA",))
def test_folder_metadata_set_locally(scenario: Scenario, value: bytes) -> None:
    """A client gives a folder of the server the metadata that was set in local storage, whatever its value."""
    comment = _comment(scenario)
    comment.require_kept(value)
    comment.change_locally(value)
    comment.judge_value("SYN-511", value)


@pytest.mark.parametrize("value", [VALUES["plain"], b"", None], ids=["changed", "emptied", "removed"])
@client_case("folder-metadata-changed-on-server", "SYN-511", needs=("METADATA",))
def test_folder_metadata_changed_on_server(scenario: Scenario, value: bytes | None) -> None:
    """A client follows a change, an emptying and a removal of a folder's metadata on the server."""
    comment = _comment(scenario)
    comment.establish(FIRST)
    comment.change_on_server(value)
    comment.judge_value("SYN-511", value)


@pytest.mark.parametrize("value", [VALUES["plain"], b"", None], ids=["changed", "emptied", "removed"])
@client_case("folder-metadata-changed-locally", "SYN-511", needs=("METADATA",))
def test_folder_metadata_changed_locally(scenario: Scenario, value: bytes | None) -> None:
    """A client carries a change, an emptying and a removal of a folder's metadata to the server."""
    comment = _comment(scenario)
    comment.require_kept(value)
    comment.establish(FIRST)
    comment.change_locally(value)
    comment.judge_value("SYN-511", value)


@pytest.mark.parametrize("value", [FIRST, None], ids=["other-value", "none"])
@client_case("folder-metadata-beside-other-changes", "SYN-511", needs=("METADATA",))
def test_folder_metadata_beside_other_changes(scenario: Scenario, value: bytes | None) -> None:
    """A client leaves a folder's metadata as it is on both sides while it changes that of another folder."""
    other, comment = FolderComment(scenario, ARCHIVE), _comment(scenario)
    if value is not None:
        other.establish(value)
    comment.change_on_server(VALUES["plain"])
    comment.judge_value("SYN-511", VALUES["plain"])
    expected = f"{other.what} is as before on both sides"
    scenario.judge.check("SYN-511", other.both == (value, value), expected, other.told(), scenario.runs[-1].last)


@pytest.mark.parametrize("last", ["server", "local-storage"])
@client_case("folder-metadata-changed-differently", "SYN-605", needs=("METADATA",))
def test_folder_metadata_changed_differently(scenario: Scenario, last: str) -> None:
    """A client ends with one value on both sides where a folder's metadata was changed differently on each."""
    comment = _comment(scenario)
    comment.establish(FIRST)
    local, server = b"set in local storage", b"set on the server"
    if last == "server":
        comment.change_locally(local)
        comment.change_on_server(server)
    else:
        comment.change_on_server(server)
        comment.change_locally(local)
    comment.judge_conflict("SYN-605", local, server)


@server_case("folder-metadata-is-seen-by-another-session", "SYN-511")
def test_folder_metadata_is_seen_by_another_session(storage: Storage, judge: Judge) -> None:
    """A server that announces METADATA shows each change of a folder's metadata to a session that was open before."""
    one, other = storage.connect(), storage.connect()
    if "METADATA" not in one.capabilities:
        raise NotApplicable("METADATA is not announced")
    folder = storage.folder(one)
    other.select(folder)
    for number, (name, value) in enumerate(VALUES.items()):
        if value:
            writer, reader = (other, one) if number % 2 else (one, other)
            storage.step(f"one session sets {COMMENT}: {name}; the other one reads it")
            _judge_seen(judge, writer, reader, folder, value)
    _judge_seen(judge, one, other, folder, None)


@server_case("quoted-folder-metadata-is-unescaped", "SYN-511")
def test_quoted_folder_metadata_is_unescaped(storage: Storage, judge: Judge) -> None:
    """A server that announces METADATA takes a value in a quoted string for what it is without its escapes."""
    tester = storage.connect()
    if "METADATA" not in tester.capabilities:
        raise NotApplicable("METADATA is not announced")
    folder, value = storage.folder(tester), VALUES["quotes"]
    escaped = value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    told = tester.ask(b"SETMETADATA " + folder + b" (" + COMMENT.encode() + b' "' + escaped + b'")')
    found, answer = folder_value(storage.connect(), folder, COMMENT)
    judge.check("SYN-511", told.ok and found == value, f"{value!r}", f"{told.status}; {found!r}", answer.entry)


@server_case("empty-folder-metadata-is-not-none", "SYN-511")
def test_empty_folder_metadata_is_not_none(storage: Storage, judge: Judge) -> None:
    """A server that announces METADATA gives back an empty value as it was set, and removes it with NIL."""
    tester = storage.connect()
    if "METADATA" not in tester.capabilities:
        raise NotApplicable("METADATA is not announced")
    folder = storage.folder(tester)
    told = set_folder_value(tester, folder, COMMENT, b"")
    if not told.ok:
        judge.remark(f"an empty value is refused: {told.status} {told.text}")
        judge.not_applicable("SYN-511", "an empty value is refused")
        return
    found, answer = folder_value(storage.connect(), folder, COMMENT)
    if found is None:
        judge.undecided(
            "SYN-511", "the empty value that was set", "none: it is taken for a removal", entry=answer.entry
        )
        return
    judge.check("SYN-511", found == b"", "the empty value that was set", f"{found!r}", answer.entry)
    _judge_seen(judge, tester, storage.connect(), folder, None)


def _judge_seen(judge: Judge, writer: Tester, reader: Tester, folder: bytes, value: bytes | None) -> None:
    told = set_folder_value(writer, folder, COMMENT, value)
    found, answer = folder_value(reader, folder, COMMENT)
    observed = f"{told.status} {told.text}; the other session reads {found!r}"
    judge.check("SYN-511", told.ok and found == value, f"{value!r}, seen by the other session", observed, answer.entry)
