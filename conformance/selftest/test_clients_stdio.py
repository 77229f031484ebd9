"""The `stdio:` adapter: what it does with good programs and with bad ones, and that its published schema is true."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from conformance.clients import stdio_child
from conformance.clients.protocol import ClientTimeout, KillableClient, SyncResult
from conformance.clients.registry import open_client
from conformance.clients.stdio import StdioClient
from conformance.clients.stdio_messages import OPERATIONS, Put, SetPolicy, read_answer, request, schema
from conformance.configuration import Roles
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.model.folders import FolderPath
from conformance.model.objects import message
from conformance.model.policy import Policy
from conformance.model.triggers import Triggers
from conformance.outcomes import Outcome, Reason
from conformance.problems import AdapterProblem, Problem, UsageProblem
from conformance.programs import find_program, run_program
from conformance.resources import fixture
from conformance.selftest import bad_adapter
from conformance.selftest.programs import eventually, group_of, or_skip
from conformance.selftest.running import judged
from conformance.servers.protocol import Account
from conformance.servers.reference import ReferenceStorageServer

ACCOUNT = Account(Endpoint("127.0.0.1", 1), Credentials("ada", "secret"))
FOLDER = ("Ordner ä",)
EXAMPLE = f"{sys.executable} {fixture('clients', 'stdio', 'example.py')}"
SECONDS = 2.0


def bad(kind: str, *, seconds: float = SECONDS, line_limit: int = stdio_child.LINE_LIMIT) -> StdioClient:
    """The adapter of the bad program."""
    return StdioClient(f"{sys.executable} {bad_adapter.__file__} {kind}", seconds, line_limit)


@pytest.fixture
def example() -> Iterator[StdioClient]:
    """The example adapter, with empty local storage."""
    with StdioClient(EXAMPLE) as client:
        client.reset(ACCOUNT)
        yield client


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The process groups that the adapter started; none lives on when the test ends."""
    found: list[int] = []
    start = stdio_child.Child.__init__

    def noted(self: stdio_child.Child, *arguments: object) -> None:
        start(self, *arguments)  # type: ignore[arg-type]
        found.append(self._process.pid)

    monkeypatch.setattr(stdio_child.Child, "__init__", noted)
    threads = threading.active_count()
    yield found
    assert eventually(lambda: not any(group_of(each) for each in found))
    assert eventually(lambda: threading.active_count() <= threads)


def test_the_published_schema_is_that_of_the_messages() -> None:
    """The file beside the protocol's page says what the models say."""
    published = json.loads(fixture("clients", "stdio", "protocol.schema.json").read_text("utf-8"))
    assert published == json.loads(json.dumps(schema()))
    jsonschema.Draft202012Validator.check_schema(published)


def test_every_line_of_a_conversation_fits_the_schema(example: StdioClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the suite sends and the example adapter answers is what the schema says of each operation."""
    definitions = schema()
    exchange, seen = stdio_child.Child.exchange, set()

    def checked(self: stdio_child.Child, line: bytes, timeout: float) -> bytes:
        operation = json.loads(line)["operation"]
        answer = exchange(self, line, timeout)
        for kind, text in (("request", line), ("answer", answer)):
            jsonschema.validate(json.loads(text), {**definitions, "anyOf": [{"$ref": f"#/$defs/{kind}-{operation}"}]})
        seen.add(operation)
        return answer

    monkeypatch.setattr(stdio_child.Child, "exchange", checked)
    example._kill()
    example.reset(ACCOUNT)
    _use_everything(example)
    assert seen == set(OPERATIONS) - {"stop"}, "what never started is not stopped"


def _use_everything(client: StdioClient) -> None:
    client.create_folder(FOLDER)
    client.put(FOLDER, message("one").octets, frozenset({"\\Seen"}))
    (found,) = client.snapshot().folders[FOLDER]
    client.set_metadata(FOLDER, found.handle, {"\\Flagged"}, {"\\Seen"})
    client.rename_folder(FOLDER, ("Other", "Place"))
    (found,) = client.snapshot().folders["Other", "Place"]
    assert (found.octets, set(found.flags)) == (message("one").octets, {"\\Flagged"})
    client.remove(("Other", "Place"), found.handle)
    client.remove_folder(("Other",))
    assert not client.snapshot().folders
    with pytest.raises(NotImplementedError):
        client.set_policy(Policy())
    with pytest.raises(NotImplementedError):
        client.folder_metadata(FOLDER)
    with pytest.raises(NotImplementedError):
        client.set_folder_metadata(FOLDER, "/private/comment", None)
    with pytest.raises(NotImplementedError):
        client.start(Triggers(period=1.0))
    assert client.stop() == []
    assert not client.synchronize(SECONDS).success


BY_ITSELF = """
import json, sys
values = {}
for line in sys.stdin:
    asked = json.loads(line)
    given, result = asked["arguments"], {}
    match asked["operation"]:
        case "hello":
            result = {"protocol": 1, "name": "by itself", "version": "1"}
        case "reset":
            result = {"storage": "only"}
        case "set_folder_metadata":
            values[given["entry"]] = given["value"]
        case "folder_metadata":
            kept = [{"entry": entry, "value": value} for entry, value in values.items() if value is not None]
            result = {"values": kept}
        case "start":
            assert given == {"period": 0.5, "local_changes": True, "notifications": False}
        case "stop":
            result = {"synchronizations": [{"success": True}, {"success": False, "detail": "no network"}]}
    print(json.dumps({"id": asked["id"], "result": result}), flush=True)
"""


def test_folder_metadata_and_triggers(tmp_path: Path) -> None:
    """An adapter with these operations is asked with values in base64, and tells what its client did by itself."""
    program = tmp_path / "adapter.py"
    program.write_text(BY_ITSELF, "utf-8")
    with StdioClient(shlex.join([sys.executable, str(program)]), SECONDS) as client:
        client.reset(ACCOUNT)
        client.set_folder_metadata(FOLDER, "/private/comment", b"\xff ")
        client.set_folder_metadata(FOLDER, "/shared/comment", b"")
        assert client.folder_metadata(FOLDER) == {"/private/comment": b"\xff ", "/shared/comment": b""}
        client.set_folder_metadata(FOLDER, "/private/comment", None)
        assert client.folder_metadata(FOLDER) == {"/shared/comment": b""}
        client.start(Triggers(period=0.5, local_changes=True))
        assert client.stop() == [SyncResult(success=True), SyncResult(success=False, detail="no network")]
        assert client.stop() == []


def test_a_refused_operation_is_told(example: StdioClient) -> None:
    """An adapter that cannot do what it was asked for goes on, and its words are in the problem."""
    with pytest.raises(AdapterProblem, match="could not put: failed: no folder None"):
        example.put(("None",), b"")
    assert example.snapshot().folders == {}
    assert example.refuses("make-coffee")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("dies", ["exit code 37", "the disk is on fire"]),
        ("is-killed", ["signal 11"]),
        ("hangs", ["hangs in reset", "no answer within 2 s"]),
        ("floods-output", ["invalid answer to reset", "what nobody asked for"]),
        ("floods-errors", ["no answer within 2 s", "help! help!"]),
        ("writes-garbage", ["invalid answer to reset", "Starting up"]),
        ("writes-binary", ["invalid answer"]),
        ("writes-half-a-line", ["exit code 0 in the middle of a line"]),
        ("writes-a-long-line", ["a line of more than 1000000 octets"]),
        ("wrong-id", ["request 2, with the id 999"]),
        ("unknown-key", ["result.storrage", "not permitted"]),
        ("unknown-error", ["error.code", "unknown-operation"]),
        ("both", ["either a result or an error"]),
        ("neither", ["either a result or an error"]),
        ("refuses", ["the database is locked"]),
        ("knows-too-little", ["could not reset: unknown-operation"]),
        ("closes-output", ["closed its standard output"]),
        ("leaves-a-grandchild", ["exit code 0"]),
    ],
)
def test_a_bad_adapter_is_told_and_ended(children: list[int], kind: str, words: list[str]) -> None:
    """Whatever breaks the protocol is a problem of the adapter with its last words, bounded in time and memory."""
    began = time.monotonic()
    client = bad(kind, line_limit=1_000_000)
    with client, pytest.raises(AdapterProblem) as told:
        client.reset(ACCOUNT)
    for word in words:
        assert word in str(told.value)
    assert len(str(told.value)) < 10_000
    assert time.monotonic() - began < 15
    assert children


@pytest.mark.parametrize(
    ("kind", "words"),
    [("bad-hello", "'flags.keyword', which is no ICS item"), ("other-version", "protocol"), ("deaf", "hangs in hello")],
)
def test_a_bad_introduction_is_told(children: list[int], kind: str, words: str) -> None:
    """An adapter that does not introduce itself as it should is not started at all."""
    with pytest.raises(AdapterProblem, match=words), bad(kind):
        pass
    assert children


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("never-ends", "did not end within 5 s"),
        ("ends-badly", "exit code 3 after the end"),
        ("leaves-a-process", "left processes running"),
    ],
)
def test_a_bad_ending_is_told(children: list[int], kind: str, words: str) -> None:
    """An adapter that does not end with its input, or leaves something running, is told, and nothing stays."""
    with pytest.raises(AdapterProblem, match=words), bad(kind) as client:
        client.reset(ACCOUNT)
    assert children


def test_a_bad_ending_hides_no_other_problem(children: list[int]) -> None:
    """The first thing that went wrong is the one that is told."""
    with pytest.raises(LookupError), bad("ends-badly"):
        raise LookupError
    assert children


def test_a_synchronization_without_end_is_the_clients_fault(children: list[int]) -> None:
    """The client is ended with all it started; the adapter is started again, but in-memory storage is lost."""
    with bad("sleeps-while-synchronizing") as client:
        client.reset(ACCOUNT)
        with pytest.raises(ClientTimeout):
            client.synchronize(0.5)
        with pytest.raises(AdapterProblem, match="started again, and its hello names the storage None"):
            client.snapshot()
        client.reset(ACCOUNT)
        assert client.snapshot().folders == {}
    assert len(children) == 2


def test_storage_outlives_a_kill(example: StdioClient, children: list[int]) -> None:
    """A process that was killed comes back with the local storage it had, and says so."""
    example.create_folder(FOLDER)
    assert isinstance(example, KillableClient)
    example.synchronize_and_kill(threading.Event(), SECONDS)
    assert list(example.snapshot().folders) == [FOLDER]
    assert len(children) == 1
    example._kill()


def test_a_kill_tells_whether_the_client_still_ran(children: list[int]) -> None:
    """At the moment that is given, or when the client ended before it."""
    with bad("sleeps-while-synchronizing") as client:
        client.reset(ACCOUNT)
        moment = threading.Event()
        moment.set()
        with pytest.raises(AdapterProblem, match="started again"):
            client.synchronize_and_kill(moment, SECONDS)
    with StdioClient(EXAMPLE) as client:
        client.reset(ACCOUNT)
        assert not client.synchronize_and_kill(threading.Event(), 10 * SECONDS)
    assert children


def test_new_storage_needs_a_new_name() -> None:
    """Otherwise nobody could tell whether it was kept or emptied."""
    with bad("never-forgets") as client:
        client.reset(ACCOUNT)
        with pytest.raises(AdapterProblem, match="like the last one"):
            client.reset(ACCOUNT)


@pytest.mark.parametrize(
    ("spec", "options", "words"),
    [
        ("stdio", {}, "needs a command line"),
        ("stdio:", {}, "needs a command line"),
        ("stdio:'", {}, "not well quoted"),
        ("stdio:true", {"seconds": "many"}, "seconds cannot be"),
        ("stdio:true", {"second": "1"}, "no option 'second'"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(spec: str, options: dict[str, str], words: str) -> None:
    """Whatever is wrong with the name or the options is told before anything starts."""
    with pytest.raises(UsageProblem, match=words):
        open_client(spec, options)


def test_a_program_that_is_not_there_is_told() -> None:
    """With its name and the mend."""
    client = open_client("stdio:/no/such/program --fast", {})
    assert client is not None
    with pytest.raises(Problem, match="'/no/such/program' cannot be started"), client:
        pass


def test_the_password_of_the_server_is_withheld(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The program gets the environment without the suite's own secret."""
    monkeypatch.setenv("CPM_SERVER_PASSWORD", "secret")
    seen = tmp_path / "environment"
    with pytest.raises(AdapterProblem), StdioClient(f"/bin/sh -c 'env > {seen}'", SECONDS):
        pass
    assert "PATH=" in seen.read_text()
    assert "secret" not in seen.read_text()


def test_every_part_of_a_policy_is_told() -> None:
    """What a policy can say, the protocol can."""
    assert set(SetPolicy.model_fields) == {each.name for each in dataclasses.fields(Policy)}


def test_octets_are_base64() -> None:
    """Any octet goes there and back; what is no base64 is told."""
    every = bytes(range(256))
    line = request(1, "put", Put(folder=FOLDER, octets=every, flags=()))
    assert line.count(b"\n") == 1
    contents = OPERATIONS["snapshot"].result
    assert Put.model_validate_json(json.dumps(json.loads(line)["arguments"])).octets == every
    with pytest.raises(ValueError, match="octets"):
        read_answer(
            b'{"id":1,"result":{"folders":[{"folder":["a"],"objects":[{"object":"1","octets":"*","flags":[]}]}]}}',
            contents,
        )


def test_a_bad_adapter_never_fails_the_client(children: list[int]) -> None:
    """Before the judge, too, what the adapter does wrong is an error of ours."""
    with ReferenceStorageServer() as server, bad("writes-garbage") as client:
        report = judged(server, client, ["SYN-406", "SYN-408"], role=Roles.CLIENT)
    assert {(case.outcome, case.reason) for case in report.cases} == {(Outcome.ERROR, Reason.SUITE)}
    assert children


PLAIN = ("SYN-304", "SYN-305", "SYN-406", "SYN-408", "SYN-410", "SYN-501", "SYN-503")


def test_the_example_passes_plain_cases() -> None:
    """The example adapter is that of a real client, which outlives its process."""
    with ReferenceStorageServer() as server, StdioClient(EXAMPLE) as client:
        report = judged(server, client, [*PLAIN, "SYN-711"], role=Roles.CLIENT)
    assert {case.outcome for case in report.cases} == {Outcome.PASS}


def test_the_example_in_perl_passes_plain_cases() -> None:
    """The same in another language, with storage in memory."""
    perl = or_skip(lambda: find_program("perl", "install it: apt-get install perl"))
    or_skip(lambda: run_program(perl, "-MJSON::PP", "-e1", mend="install it: apt-get install perl"))
    with (
        ReferenceStorageServer() as server,
        StdioClient(f"{perl} {fixture('clients', 'stdio', 'example.pl')}") as client,
    ):
        report = judged(server, client, [*PLAIN, "SYN-711"], role=Roles.CLIENT)
    outcomes = {case.outcome for case in report.cases if "SYN-711" not in case.requirements}
    assert outcomes == {Outcome.PASS}
    assert {case.outcome for case in report.cases} == {Outcome.PASS, Outcome.NOT_APPLICABLE}


def test_the_dialogue_of_the_page_fits_the_schema() -> None:
    """Every line that the protocol's page shows is one that the schema allows, and every operation is explained."""
    page = fixture("clients", "stdio", "PROTOCOL.md").read_text("utf-8")
    asked = ""
    lines = re.findall(r"^    (→|←) (.*)$", page, re.MULTILINE)
    assert len(lines) > 15
    for side, line in lines:
        asked = json.loads(line)["operation"] if side == "→" else asked
        kind = f"{'request' if side == '→' else 'answer'}-{asked}"
        jsonschema.validate(json.loads(line), {**schema(), "anyOf": [{"$ref": f"#/$defs/{kind}"}]})
    assert all(f"**{operation}**" in page for operation in OPERATIONS)


class WithoutRename(StdioClient):
    """The example as if it could not rename folders."""

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Ask for what it does not know."""
        raise NotImplementedError("the client's adapter has no operation rename_folder")


def test_a_missing_optional_operation_is_not_applicable() -> None:
    """What an adapter may do without counts neither for nor against its client."""
    with ReferenceStorageServer() as server, WithoutRename(EXAMPLE) as client:
        report = judged(server, client, ["folder-renamed-locally"], role=Roles.CLIENT)
    assert {(case.outcome, case.reason) for case in report.cases} == {(Outcome.NOT_APPLICABLE, Reason.NO_ABILITY)}


def test_this_process_is_not_in_the_group() -> None:
    """What is killed is the adapter's own process group."""
    with StdioClient(EXAMPLE) as client:
        assert client._child is not None
        assert os.getpgid(client._child._process.pid) != os.getpgid(0)
