"""`cpm-conformance adapter`: what the suite can drive, anything that speaks the stdio protocol can drive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conformance.clients.stdio import StdioClient
from conformance.clients.stdio_messages import schema
from conformance.configuration import Roles
from conformance.execution.honesty import require_honesty
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.model.objects import message
from conformance.model.policy import Direction, Policy
from conformance.model.triggers import Triggers
from conformance.outcomes import Outcome
from conformance.problems import AdapterProblem
from conformance.programs import find_program
from conformance.scenario.stage import Stage
from conformance.selftest.programs import or_skip
from conformance.selftest.running import judged
from conformance.selftest.standalone_scripts import ROOT, SECONDS, adapter
from conformance.servers.protocol import Account
from conformance.servers.reference import ReferenceStorageServer

ACCOUNT = Account(Endpoint("127.0.0.1", 1), Credentials("ada", "Wort-des-Geheimnisses"))
FOLDER = ("Ordner ä",)
PLAIN = ("SYN-304", "SYN-305", "SYN-406", "SYN-408", "SYN-410", "SYN-501", "SYN-503")


def run(*arguments: str, lines: str = "") -> subprocess.CompletedProcess[str]:
    """The command, given these lines."""
    return subprocess.run(
        [sys.executable, "-m", "conformance", "adapter", *arguments],
        input=lines,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def dialogue(name: str, *requests: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers to some requests; each fits the published schema."""
    asked = [{"id": number, "operation": each[0], "arguments": each[1]} for number, each in enumerate(requests, 1)]
    done = run(name, lines="".join(f"{json.dumps(each)}\n" for each in asked))
    assert done.returncode == 0, done.stderr
    assert ACCOUNT.credentials.password not in done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for request, answer in zip(asked, answers, strict=True):
        kind = "refusal" if "error" in answer else f"answer-{request['operation']}"
        jsonschema.validate(answer, {**schema(), "anyOf": [{"$ref": f"#/$defs/{kind}"}]})
    return answers


def test_the_reference_client_is_served_and_honest() -> None:
    """It refuses what it does not know, shows what was put, reaches its account, and passes plain cases, killed too."""
    with ReferenceStorageServer() as server, StdioClient(adapter("reference")) as client:
        require_honesty(Stage(server, client))
        report = judged(server, client, [*PLAIN, "SYN-711"], role=Roles.CLIENT)
    assert {case.outcome for case in report.cases} == {Outcome.PASS}


def test_every_operation_is_served() -> None:
    """Also those that an adapter may do without."""
    with StdioClient(adapter("reference")) as client:
        client.reset(ACCOUNT)
        client.create_folder(FOLDER)
        client.put(FOLDER, message("one").octets, frozenset({"\\Seen"}))
        client.rename_folder(FOLDER, ("Other",))
        (found,) = client.snapshot().folders["Other",]
        client.set_metadata(("Other",), found.handle, {"\\Flagged"}, {"\\Seen"})
        client.set_folder_metadata(("Other",), "/private/comment", b"\xff")
        assert client.folder_metadata(("Other",)) == {"/private/comment": b"\xff"}
        client.set_policy(Policy(direction=Direction.UPLOAD, folders=frozenset({FOLDER})))
        client.start(Triggers(local_changes=True))
        client.stop()
        assert not client.synchronize(5).success
        (found,) = client.snapshot().folders["Other",]
        assert (found.octets, set(found.flags)) == (message("one").octets, {"\\Flagged"})
        client.remove(("Other",), found.handle)
        client.remove_folder(("Other",))
        assert not client.snapshot().folders


def test_storage_account_and_policy_outlive_a_kill() -> None:
    """A process that was killed comes back with all of them."""
    with ReferenceStorageServer() as server, StdioClient(adapter("reference")) as client:
        account = server.fresh_account()
        client.reset(account)
        client.set_policy(Policy(direction=Direction.DOWNLOAD))
        client.create_folder(FOLDER)
        moment = threading.Event()
        moment.set()
        client.synchronize_and_kill(moment, 5)
        assert FOLDER in client.snapshot().folders
        assert client.synchronize(20).success
        names = server.server.account(account.credentials.user).names()
        assert not [name for name in names if name.upper() != "INBOX"], "the policy allows no upload"


def test_what_is_wrong_with_a_request_is_its_answer(tmp_path: Path) -> None:
    """Unknown operations, wrong arguments, no account, no such object; the service goes on."""
    hello = ("hello", {"protocol": 1, "directory": str(tmp_path)})
    password = ACCOUNT.credentials.password
    answers = dialogue(
        "reference",
        ("make-coffee", {}),
        ("snapshot", {}),
        hello,
        ("reset", {"host": "h", "port": "1", "security": "none", "user": "u", "password": password, "root": []}),
        ("synchronize", {"timeout": 1.0}),
        ("remove", {"folder": ["A"], "object": "1"}),
        ("snapshot", {}),
    )
    codes = [each["error"]["code"] if "error" in each else None for each in answers]
    assert codes == ["unknown-operation", "failed", None, "failed", "failed", "failed", None]
    assert "port" in answers[3]["error"]["message"]
    assert password not in json.dumps(answers)


def test_an_optional_operation_that_a_client_lacks_is_unknown(tmp_path: Path) -> None:
    """As the protocol says; and storage that does not outlive the process is not claimed."""
    or_skip(lambda: find_program("mbsync", "install it: apt-get install isync"))
    policy: dict[str, Any] = {"kinds": [], "direction": "both", "max_size": None, "folders": None}
    answers = dialogue(
        "mbsync",
        ("hello", {"protocol": 1, "directory": str(tmp_path)}),
        ("set_policy", policy),
        ("start", {"period": 0.0, "local_changes": True, "notifications": False}),
        ("folder_metadata", {"folder": ["A"]}),
    )
    assert answers[0]["result"]["claims"]["durable-base"] is False
    assert [each["error"]["code"] for each in answers[1:]] == ["unknown-operation"] * 3


def test_installed_programs_are_served() -> None:
    """With their options."""
    or_skip(lambda: find_program("mbsync", "install it: apt-get install isync"))
    with ReferenceStorageServer() as server, StdioClient(f"{adapter('mbsync')} -O Create=Both") as client:
        require_honesty(Stage(server, client))
        report = judged(server, client, ["SYN-406", "SYN-408"], role=Roles.CLIENT)
    assert {case.outcome for case in report.cases} == {Outcome.PASS}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "NAME"),
        (["mbsink"], "did you mean mbsync"),
        (["manual"], "cannot be served"),
        (["none"], "cannot be served"),
        (["stdio:true"], "speaks the protocol itself"),
        (["reference", "-O", "speed=9"], "no option 'speed'"),
        (["mbsync", "-O", "Sync"], "key=value"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], words: str) -> None:
    """With the mend, on standard error only."""
    done = run(*arguments)
    assert done.returncode == 4
    assert words in done.stderr
    assert not done.stdout


def test_a_line_that_is_no_request_ends_it() -> None:
    """Nobody could tell which answer belongs to what after that."""
    done = run("reference", lines="make coffee\n")
    assert done.returncode == 3
    assert "no request: b'make coffee" in done.stderr
    assert not done.stdout


def test_a_lasting_client_needs_a_place(tmp_path: Path) -> None:
    """A client without a place to keep its storage is not started."""
    from conformance.clients.lasting import LastingReferenceClient

    with pytest.raises(AdapterProblem, match="keep_in"), LastingReferenceClient():
        pass
    client = LastingReferenceClient()
    client.keep_in(tmp_path)
    with client:
        client.reset(ACCOUNT)
