"""5.5.2.20 with objects of every size and encoding, and with some that are no CPM object at all."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.model.objects import ObjectKind, StoredObject, file_transfer
from conformance.model.states import Item, ObservedObject
from conformance.scenario.content import ARCHIVE, CONVERSATION, holding, item, messages, usual_base
from conformance.scenario.judge import PreconditionNotReached
from conformance.scenario.scenario import ALL, Scenario

MEBIBYTE = 2**20


def _object(identity: str, fields: bytes, body: bytes) -> StoredObject:
    head = b"From: tel:+15550100\r\nMessage-ID: <%s@example.test>\r\n" % identity.encode()
    return StoredObject(ObjectKind.MESSAGE, head + fields + b"\r\n" + body)


EIGHT_BIT = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n"
LATIN = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n"
SIZES: dict[str, StoredObject] = {
    "no-body": _object("size-1", b"", b""),
    "one-octet": _object("size-2", b"", b"x"),
    "five-mebibytes": file_transfer("size-3", bytes(range(256)) * (5 * MEBIBYTE * 3 // 4 // 256)),
    "8-bit-utf-8": _object("size-4", EIGHT_BIT, "Grüße aus 東京 😀\r\n".encode()),
    "8-bit-latin-1": _object("size-5", LATIN, bytes(range(0xA1, 0x100)) + b"\r\n"),
    "every-octet-but-nul": _object("size-6", LATIN, bytes(each for each in range(1, 256) if each not in b"\r\n")),
}


def _require_fidelity(scenario: Scenario, content: StoredObject) -> None:
    """Raise `PreconditionNotReached` where the server itself does not give back what is stored in it."""
    trial = ("Trial",)
    scenario.store.create_folder(trial)
    scenario.store.put(trial, Item("trial", content))
    kept = [each.octets for each in scenario.store.snapshot().folders[trial]]
    scenario.store.remove_folder(trial)
    identity = scenario.stage.equality.identity
    if list(map(identity, kept)) != [identity(content.octets)]:
        raise PreconditionNotReached("the server itself does not give back the octets that are stored in it")


@pytest.mark.parametrize("direction", ["download", "upload"])
@pytest.mark.parametrize("content", SIZES.values(), ids=list(SIZES))
@client_case("every-size-and-encoding", "SYN-414")
def test_every_size_and_encoding(scenario: Scenario, content: StoredObject, direction: str) -> None:
    """A client synchronizes objects of every size and transfer encoding, in both directions."""
    _require_fidelity(scenario, content)
    scenario.establish(usual_base())
    side = scenario.on_server if direction == "download" else scenario.on_client
    side.put(CONVERSATION, holding("awkward", content))
    scenario.synchronize()
    scenario.judge_end_state("SYN-414", covers=ALL)


ALIENS: dict[str, bytes] = {
    "plain-mail": b"From: a@example.test\r\nTo: b@example.test\r\nSubject: lunch\r\n\r\nAt noon?\r\n",
    "no-content-type": b"From: a@example.test\r\nMIME-Version: 1.0\r\n\r\nno type\r\n",
    "unterminated-multipart": (
        b"From: a@example.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=never\r\n\r\n"
        b"--never\r\nContent-Type: text/plain\r\n\r\nthe end is missing\r\n"
    ),
    "senseless-fields": (
        b"Date: the day before\r\nContent-Type: ;;;=\r\nContent-Transfer-Encoding: rot13\r\n"
        b"IMDN-Message-ID:\r\nConversation-ID: \xff\xfe\r\n\r\n\x01\x02\x03\r\n"
    ),
    "no-message-id-and-no-body": b"Subject: only a field\r\n\r\n",
}


@pytest.mark.parametrize("octets", ALIENS.values(), ids=list(ALIENS))
@client_case("alien-object-on-the-server", "SYN-415")
def test_alien_object_on_the_server(scenario: Scenario, octets: bytes) -> None:
    """A client that meets an object it does not understand destroys nothing, and synchronizes its neighbours."""
    alien = StoredObject(ObjectKind.MESSAGE, octets)
    _require_fidelity(scenario, alien)
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11"), holding("alien", alien), item("message-12"))
    scenario.synchronize()
    local, server = scenario.snapshots()
    identity = scenario.stage.equality.identity
    kept = [each for each in server.folders[CONVERSATION] if identity(each.octets) == identity(octets)]
    if not scenario.judge.check("SYN-415", kept, "the server's copy is kept", "it is gone from the server"):
        return
    arrived = {identity(each.octets) for each in local.folders.get(CONVERSATION, ())}
    neighbours = sum(identity(each.content.octets) in arrived for each in messages("message-11", "message-12"))
    if neighbours < 2:
        observed = f"of the two neighbours {neighbours} in local storage"
        scenario.judge.contradicted("SYN-415", "the neighbours are synchronized", observed, scenario.runs[-1].last)
    told = "also in local storage" if identity(octets) in arrived else "not in local storage"
    scenario.judge.remark(f"the alien object is {told}")
    bodies = scenario.run_once().of_kind("fetch_object")
    scenario.judge.remark(f"{len(bodies)} fetches of bodies in the run after")


@client_case("marked-but-not-expunged", "SYN-418")
def test_marked_but_not_expunged(scenario: Scenario) -> None:
    r"""A client treats an object that carries \Deleted on the server but is still there in one stable way."""
    scenario.establish(usual_base())
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Deleted"])
    scenario.on_server.put(ARCHIVE, item("message-11"))
    seen = []
    for number in range(3):
        run = scenario.disturb(lambda *_: None, f"look what becomes of the marked object, time {number + 1}")
        seen.append(tuple(_copies(scenario, side.folders[CONVERSATION]) for side in scenario.snapshots()))
        if number and [each for each in run.of_kind("fetch_object", "store_object") if each.status == "OK"]:
            scenario.judge.contradicted("SYN-418", "one stable treatment", f"transferred in run {number + 1}", run.last)
    arrived = any(b"message-11" in each.octets for each in scenario.snapshots()[0].folders[ARCHIVE])
    if not arrived:
        raise PreconditionNotReached("the client did not synchronize: message-11 is not in local storage")
    told = ", ".join(f"{here} in local storage and {there} on the server" for here, there in seen)
    scenario.judge.remark(f"copies of the marked object after each run: {told}")
    stable = seen[1] == seen[2] and seen[2] in {(1, 1), (0, 1), (0, 0)}
    scenario.judge.check("SYN-418", stable, "kept or gone, and so in each run", told)


def _copies(scenario: Scenario, objects: tuple[ObservedObject, ...]) -> int:
    identity = scenario.stage.equality.identity
    wanted = identity(item("message-1").content.octets)
    return sum(identity(each.octets) == wanted for each in objects)
