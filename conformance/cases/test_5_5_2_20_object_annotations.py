"""5.5.2.20 step 3f for annotations of objects: those of both sides are brought together, where both have any."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case, server_case
from conformance.imap.wire import Exchange
from conformance.scenario.annotations import annotated_folder, comments
from conformance.scenario.content import CONVERSATION, item, usual_base
from conformance.scenario.judge import Judge
from conformance.scenario.scenario import Scenario
from conformance.scenario.storage import Storage, Tester, append_line
from conformance.scenario.valued import ObjectComment

PRIVATE, SHARED = "value.priv", "value.shared"
ATTRIBUTES = [PRIVATE, SHARED]
IDS = ["private", "shared"]
VALUE, FIRST = 'say "Žluťoučký kůň"'.encode(), b"the first comment"
OLD, NEW = item("message-1"), item("message-11")


def _comments(scenario: Scenario, attribute: str) -> tuple[ObjectComment, ObjectComment]:
    """The comment of that attribute on an object of the base, and the one of the other attribute."""
    other = ATTRIBUTES[1 - ATTRIBUTES.index(attribute)]
    found = tuple(ObjectComment(scenario, CONVERSATION, OLD, each) for each in (attribute, other))
    scenario.establish(usual_base())
    return found[0], found[1]


def _judge(scenario: Scenario, comment: ObjectComment, other: ObjectComment, value: bytes | None) -> None:
    comment.judge_value("SYN-512", value)
    expected = f"{other.what} is none on both sides"
    scenario.judge.check("SYN-512", other.both == (None, None), expected, other.told(), scenario.runs[-1].last)


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=IDS)
@client_case("annotation-changed-on-server", "SYN-512", needs=("ANNOTATE",))
def test_annotation_changed_on_server(scenario: Scenario, attribute: str) -> None:
    """A client sets, changes and removes an annotation in local storage as it was on the server, and no other one."""
    comment, other = _comments(scenario, attribute)
    for value in (FIRST, VALUE, None):
        comment.change_on_server(value)
        _judge(scenario, comment, other, value)


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=IDS)
@client_case("annotation-changed-locally", "SYN-512", needs=("ANNOTATE",))
def test_annotation_changed_locally(scenario: Scenario, attribute: str) -> None:
    """A client sets, changes and removes an annotation on the server as it was in local storage, and no other one."""
    comment, other = _comments(scenario, attribute)
    comment.require_kept(VALUE)
    for value in (FIRST, VALUE, None):
        comment.change_locally(value)
        _judge(scenario, comment, other, value)


@client_case("private-and-shared-annotations-stay-apart", "SYN-512", needs=("ANNOTATE",))
def test_private_and_shared_annotations_stay_apart(scenario: Scenario) -> None:
    """A client keeps the private and the shared annotation of one object apart, both ways."""
    private, shared = _comments(scenario, PRIVATE)
    private.require_kept(FIRST)
    shared.change_on_server(b"ours")
    private.change_locally(b"mine")
    private.judge_value("SYN-512", b"mine")
    shared.judge_value("SYN-512", b"ours")


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=IDS)
@client_case("annotation-arrives-with-a-fetched-object", "SYN-512", needs=("ANNOTATE",))
def test_annotation_arrives_with_a_fetched_object(scenario: Scenario, attribute: str) -> None:
    """A client gives an object that it fetches the annotation that it has on the server."""
    comment = ObjectComment(scenario, CONVERSATION, NEW, attribute)
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, NEW)
    comment.change_on_server(VALUE)
    comment.judge_value("SYN-512", VALUE)


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=IDS)
@client_case("annotation-arrives-with-a-stored-object", "SYN-512", needs=("ANNOTATE",))
def test_annotation_arrives_with_a_stored_object(scenario: Scenario, attribute: str) -> None:
    """A client gives an object that it stores the annotation that it has in local storage."""
    comment = ObjectComment(scenario, CONVERSATION, NEW, attribute)
    _comments(scenario, attribute)[0].require_kept(VALUE)
    scenario.on_client.put(CONVERSATION, NEW)
    comment.change_locally(VALUE)
    comment.judge_value("SYN-512", VALUE)


@pytest.mark.parametrize("last", ["server", "local-storage"])
@client_case("annotation-changed-differently", "SYN-605", needs=("ANNOTATE",))
def test_annotation_changed_differently(scenario: Scenario, last: str) -> None:
    """A client ends with one value on both sides where an annotation was changed differently on each."""
    comment, _ = _comments(scenario, PRIVATE)
    comment.establish(FIRST)
    local, server = b"set in local storage", b"set on the server"
    if last == "server":
        comment.change_locally(local)
        comment.change_on_server(server)
    else:
        comment.change_on_server(server)
        comment.change_locally(local)
    comment.judge_conflict("SYN-605", local, server)


@server_case("annotation-is-seen-by-another-session", "SYN-512")
def test_annotation_is_seen_by_another_session(storage: Storage, judge: Judge) -> None:
    """A server that announces annotations of messages shows each change to a session that had the folder active."""
    one, other = storage.connect(), storage.connect()
    folder, uids, attributes = annotated_folder(storage, one)
    other.select(folder)
    wanted: dict[str, bytes] = {}
    for writer, reader, attribute in [(one, other, each) for each in attributes] + [(other, one, attributes[0])]:
        wanted[attribute] = VALUE + attribute.encode() + b"%d" % len(wanted)
        line = f"UID STORE {uids[0]} ANNOTATION (/comment ({attribute} {{}}))"
        told = writer.ask(line.encode(), wanted[attribute])
        _judge_comments(judge, reader, told, {uids[0]: wanted, uids[1]: {}})
    told = one.ask(f"UID STORE {uids[0]} ANNOTATION (/comment ({attributes[0]} NIL))".encode())
    del wanted[attributes[0]]
    _judge_comments(judge, other, told, {uids[0]: wanted, uids[1]: {}})


@server_case("object-is-stored-with-its-annotations", "SYN-512")
def test_object_is_stored_with_its_annotations(storage: Storage, judge: Judge) -> None:
    """A server that announces annotations of messages keeps those that an object is stored with."""
    tester = storage.connect()
    folder, uids, attributes = annotated_folder(storage, tester)
    values = {attribute: f"with {attribute}".encode() for attribute in attributes}
    shown = " ".join(f'{attribute} "{value.decode()}"' for attribute, value in values.items())
    line = append_line(folder).replace(b" {}", f" ANNOTATION (/comment ({shown})) {{}}".encode())
    told = tester.ask(line, NEW.content.octets)
    later = storage.connect()
    later.select(folder)
    stored = set(later.uids()) - set(uids)
    expected: dict[int, dict[str, bytes]] = {**{uid: {} for uid in uids}, **dict.fromkeys(stored, values)}
    judge.check("SYN-512", len(stored) == 1, "the object is stored", f"{told.status} {told.text}", told.entry)
    _judge_comments(judge, later, told, expected)


def _judge_comments(judge: Judge, reader: Tester, told: Exchange, wanted: dict[int, dict[str, bytes]]) -> None:
    found, answer = comments(reader)
    observed = f"{told.status} {told.text}; the other session reads {found}"
    judge.check("SYN-512", told.ok and found == wanted, f"{wanted}", observed, answer.entry)
