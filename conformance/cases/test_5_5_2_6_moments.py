"""5.5.2.6 remove object: no removal is told where the message numbers of a command could go wrong by it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.syntax import Response
from conformance.imap.wire import Exchange
from conformance.model.objects import file_transfer, message
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.notices import Bystander, Numbering, listen, removals, send
from conformance.scenario.storage import Storage, Tester

BY_NUMBER = {
    "fetch": b"FETCH 1:* (FLAGS)",
    "fetch-one": b"FETCH 1 (UID FLAGS)",
    "fetch-octets": b"FETCH 1:* (UID BODY.PEEK[])",
    "store": b"STORE 1 +FLAGS (\\Seen)",
    "store-silently": b"STORE 1:* +FLAGS.SILENT (\\Flagged)",
    "search": b"SEARCH ALL",
    "search-by-flag": b"SEARCH UNDELETED UNANSWERED",
}


def _judge_silence(
    judge: Judge, bystander: Bystander, requirement: str, heard: Sequence[Response], when: str, entry: int
) -> None:
    """No EXPUNGE was heard, though the objects were removed."""
    bystander.check_removed()
    told = removals(heard)
    judge.check(requirement, not told, f"no EXPUNGE {when}", f"EXPUNGE {told}", entry)


@server_case("no-removal-is-told-without-a-command", "OP06-S2")
def test_no_removal_is_told_without_a_command(storage: Storage, judge: Judge) -> None:
    """A server sends no EXPUNGE to a session that has no command in progress."""
    bystander = Bystander(storage)
    bystander.others_expunge()
    heard = listen(bystander.tester)
    entry = bystander.tester.wire.last_entry
    _judge_silence(judge, bystander, "OP06-S2", heard, "while no command is in progress", entry)


@pytest.mark.parametrize("command", BY_NUMBER.values(), ids=list(BY_NUMBER))
@server_case("no-removal-is-told-to-a-command-by-number", "OP06-S2")
def test_no_removal_is_told_to_a_command_by_number(storage: Storage, judge: Judge, command: bytes) -> None:
    """A server sends no EXPUNGE while it answers FETCH, STORE or SEARCH, however often they are asked."""
    bystander = Bystander(storage)
    bystander.tester.must(command)
    bystander.others_expunge()
    answers = [bystander.tester.ask(command) for _ in range(2)]
    heard = [each for answer in answers for each in answer.untagged]
    when = f"in answer to {command.decode()}"
    _judge_silence(judge, bystander, "OP06-S2", heard, when, _entry_of_removal(answers))


def _entry_of_removal(answers: list[Exchange]) -> int:
    return next((each.entry for each in answers if removals(each.untagged)), answers[-1].entry)


@server_case("no-removal-is-told-between-commands-by-number", "OP06-S2")
def test_no_removal_is_told_between_commands_by_number(storage: Storage, judge: Judge) -> None:
    """A server sends no EXPUNGE between commands by message number that were sent together."""
    bystander = Bystander(storage)
    bystander.others_expunge()
    answers = bystander.tester.wire.pipeline([*BY_NUMBER.values(), *BY_NUMBER.values()])
    heard = [each for answer in answers for each in answer.untagged]
    when = "between FETCH, STORE and SEARCH commands"
    _judge_silence(judge, bystander, "OP06-S2", heard, when, _entry_of_removal(answers))


@server_case("no-removal-is-told-while-fetch-runs", "OP06-S2", "OP06-S6")
def test_no_removal_is_told_while_fetch_runs(storage: Storage, judge: Judge) -> None:
    """A server that is sending the octets of many objects does not renumber them when another session expunges."""
    bystander = Bystander(storage)
    for number in range(3):
        bystander.tester.append(bystander.folder, file_transfer(f"large-{number}", bytes(2**19)).octets)
    bystander.tester.must(b"NOOP")
    bystander.left = [uid for uid in bystander.tester.uids() if uid not in bystander.gone]
    numbering = Numbering(bystander.tester.uids())
    tag = send(bystander.tester, b"FETCH 1:* (UID BODY.PEEK[])")
    first = bystander.tester.wire.read_response()
    bystander.others_expunge()
    answer = bystander.tester.wire.finish(tag, [first])
    numbering.follow(answer.untagged)
    _judge_silence(judge, bystander, "OP06-S2", answer.untagged, "while FETCH runs", answer.entry)
    observed = "; ".join(numbering.impossible) or "as before the removal"
    judge.check("OP06-S6", not numbering.impossible, "the numbers stay as they were", observed, answer.entry)


@pytest.mark.parametrize("moment", ["before-the-command", "before-the-literal"])
@pytest.mark.parametrize("command", ["append", "folder-name"])
@server_case("no-removal-is-told-before-a-command-is-complete", "OP06-S8")
def test_no_removal_is_told_before_a_command_is_complete(
    storage: Storage, judge: Judge, command: str, moment: str
) -> None:
    """A server sends no EXPUNGE from the moment a command announces a literal until the command is complete."""
    bystander = Bystander(storage)
    tester = bystander.tester
    target = storage.folder(tester, "Target")
    name, octets = storage.wire_name("Target"), message("in-a-literal").octets
    literal, rest = (octets, b"") if command == "append" else (name, b" (MESSAGES)")
    line = b"APPEND " + target if command == "append" else b"STATUS"
    if moment == "before-the-command":
        bystander.others_expunge()
    tag, heard = _announce(tester, line + b" {%d}" % len(literal))
    if moment == "before-the-literal":
        bystander.others_expunge()
    heard += listen(tester)
    half = len(literal) // 2
    tester.wire.be_patient()
    tester.wire.send(literal[:half])
    heard += listen(tester, 0.2)
    entry = tester.wire.last_entry
    tester.wire.be_patient()
    tester.wire.send(literal[half:] + rest + b"\r\n")
    answer = tester.wire.finish(tag)
    if not answer.ok or (command == "append" and len(storage.afresh(target)) != 1):
        raise PreconditionNotReached(f"the command with the literal was not done: {answer.told}")
    _judge_silence(judge, bystander, "OP06-S8", heard, "before the command is complete", entry)


def _announce(tester: Tester, line: bytes) -> tuple[str, list[Response]]:
    """Send a line that ends with a literal's announcement and wait for the continuation request."""
    heard = []
    tag = send(tester, line)
    response = tester.wire.read_response()
    while response.kind == "untagged":
        heard.append(response)
        response = tester.wire.read_response()
    if response.kind != "continuation":
        raise PreconditionNotReached(f"the literal was refused: {response.name} {response.text}")
    return tag, heard
