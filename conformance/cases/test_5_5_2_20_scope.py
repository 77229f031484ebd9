"""5.5.2.20 paragraphs 1 and 2: every kind of object travels both ways, whole, to the same place."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.imap.operations import Operation
from conformance.model.objects import ObjectKind, StoredObject, file_transfer, media_object, message
from conformance.scenario.conduct import lists_folders
from conformance.scenario.content import CONVERSATION, KINDS, holding, item, session_history, usual_base
from conformance.scenario.scenario import ALL, Scenario

DOWNLOAD = ("SYN-303", "SYN-403", "SYN-103")
UPLOAD = ("SYN-304", "SYN-408", "SYN-104")


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
@client_case("every-kind-is-downloaded", "SYN-101")
def test_every_kind_is_downloaded(scenario: Scenario, kind: ObjectKind) -> None:
    """A client downloads new objects of every kind that 5.5.2.20 names."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("object-11", kind=kind))
    scenario.synchronize()
    scenario.judge_end_state("SYN-101", covers=DOWNLOAD)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
@client_case("every-kind-is-uploaded", "SYN-102")
def test_every_kind_is_uploaded(scenario: Scenario, kind: ObjectKind) -> None:
    """A client uploads new objects of every kind that 5.5.2.20 names."""
    scenario.establish(usual_base())
    scenario.on_client.put(CONVERSATION, item("object-11", kind=kind))
    scenario.synchronize()
    scenario.judge_end_state("SYN-102", covers=UPLOAD)


CONTENTS: dict[str, StoredObject] = {
    "eight-bit": message("content-1", "Grüße aus 東京 😀"),
    "long-lines": message("content-2", "x" * 900 + " " + "y" * 900),
    "dots-alone": message("content-3", ".\n..\n.\nend"),
    "trailing-spaces": message("content-4", "two spaces  \n\ttab\t\n"),
    "empty-body": StoredObject(
        ObjectKind.MESSAGE, b"From: tel:+15550100\r\nMessage-ID: <content-5@example.test>\r\n\r\n"
    ),
    "base64-64-kib": file_transfer("content-6", bytes(range(256)) * 256),
    "folded-header": StoredObject(
        ObjectKind.MESSAGE,
        b"From: tel:+15550100\r\nMessage-ID: <content-7@example.test>\r\n"
        b"Subject: one\r\n two\r\n\tthree\r\n\r\nbody\r\n",
    ),
    "no-final-line-end": StoredObject(
        ObjectKind.MESSAGE, b"From: tel:+15550100\r\nMessage-ID: <content-8@example.test>\r\n\r\nno line end"
    ),
    "media": media_object("content-9", bytes(range(256)) * 4),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=list(CONTENTS))
@client_case("download-is-faithful", "SYN-103")
def test_download_is_faithful(scenario: Scenario, content: StoredObject) -> None:
    """A client downloads an object with every octet as it is on the server."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, holding("awkward", content))
    scenario.synchronize()
    scenario.judge_end_state("SYN-103", covers=DOWNLOAD)


@pytest.mark.parametrize("content", CONTENTS.values(), ids=list(CONTENTS))
@client_case("upload-is-faithful", "SYN-104", "OP03-C4")
def test_upload_is_faithful(scenario: Scenario, content: StoredObject) -> None:
    """A client uploads an object with every octet as it is in local storage."""
    scenario.establish(usual_base())
    scenario.on_client.put(CONVERSATION, holding("awkward", content))
    scenario.synchronize()
    scenario.judge_end_state("SYN-104", "OP03-C4", covers=UPLOAD)


@pytest.mark.parametrize("direction", ["download", "upload"])
@client_case("session-history-travels-as-a-unit", "SYN-109")
def test_session_history_travels_as_a_unit(scenario: Scenario, direction: str) -> None:
    """A client synchronizes a CPM Session History as the folder with all the objects it holds."""
    scenario.establish(usual_base())
    side = scenario.on_server if direction == "download" else scenario.on_client
    for path, items in session_history().items():
        side.put(path, *items)
    scenario.synchronize()
    scenario.judge_end_state("SYN-109", covers=(*DOWNLOAD, *UPLOAD, "SYN-705"))


@client_case("objects-keep-their-place", "SYN-110")
def test_objects_keep_their_place(scenario: Scenario) -> None:
    """A client puts every object into the folder of the same path on the other side."""
    scenario.establish(usual_base())
    for number, path in enumerate((("One",), ("One", "Two"), ("Three",)), 1):
        scenario.on_server.put(path, item(f"server-{number}"))
        scenario.on_client.put(path, item(f"local-{number}"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-110", covers=ALL)


@client_case("user-request-starts-a-synchronization", "SYN-202", "SYN-719", needs=("trigger.user",))
def test_user_request_starts_a_synchronization(scenario: Scenario) -> None:
    """A client that is asked to synchronize does so, ends in time, and tells the result truly."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11"))
    first = len(scenario.runs)
    run = scenario.synchronize()
    asked = [each for each in scenario.runs[first].operations if _is_of_storage(each)]
    expected, observed = "a synchronization runs", f"nothing was asked of the storage: {run.result.detail}"
    scenario.judge.check("SYN-202", asked, expected, observed, run.last)
    told_truly = not (run.result.success and scenario.findings.differences)
    scenario.judge.check("SYN-719", told_truly, "no success is told after a step failed", run.result.detail, run.last)


def _is_of_storage(operation: Operation) -> bool:
    return operation.kind != "other" and (operation.kind != "list_folders" or lists_folders(operation))
