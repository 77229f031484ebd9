"""Metadata with values: a client or server that brings it together wrongly is failed there, a right one by nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from conformance.clients.protocol import StorageClient
from conformance.clients.reference import ReferenceClient
from conformance.configuration import Roles
from conformance.faults.client import annotations as wrong
from conformance.faults.hooks import faulty
from conformance.faults.null import NullClient
from conformance.faults.server import metadata
from conformance.outcomes import Outcome
from conformance.problems import AdapterProblem
from conformance.reference.client.annotation_step import AnnotationStep
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.selftest.running import judged
from conformance.servers.cyrus import CyrusServer
from conformance.servers.dovecot import DovecotServer
from conformance.servers.protocol import StorageServer
from conformance.servers.reference import ReferenceStorageServer

FOLDERS, OBJECTS, CONFLICT = "SYN-511", "SYN-512", "SYN-605"
ALL = (FOLDERS, OBJECTS, CONFLICT)


def client_outcomes(server: StorageServer, client: StorageClient) -> dict[str, Outcome]:
    """What the three requirements are found to be for a client."""
    report = judged(server, client, ALL, role=Roles.CLIENT)
    return {each.id: each.seen_by("client").outcome for each in report.requirements if each.id in ALL}


@pytest.fixture(scope="module")
def server() -> Iterator[StorageServer]:
    """A server with metadata of folders."""
    with ReferenceStorageServer() as started:
        yield started


@pytest.fixture
def annotating_server() -> Iterator[StorageServer]:
    """A server with annotations of objects besides."""
    with faulty(metadata.with_annotations()) as started:
        yield started


def failed_cases(server: StorageServer, client: StorageClient) -> set[str]:
    """The cases of the three requirements that fail a client."""
    report = judged(server, client, ALL, role=Roles.CLIENT)
    return {each.id for each in report.cases if each.outcome is Outcome.FAIL}


@pytest.mark.parametrize(
    ("step", "outcome"),
    [(wrong.Merged, Outcome.INCONCLUSIVE), (wrong.LocalWins, Outcome.PASS)],
)
def test_conflicts_of_folder_metadata(server: StorageServer, step: type[AnnotationStep], outcome: Outcome) -> None:
    """A merged value decides nothing, either winner is right; nothing else is failed."""
    with wrong.with_step(step) as client:
        found = client_outcomes(server, client)
    assert found == {FOLDERS: Outcome.PASS, OBJECTS: Outcome.NOT_APPLICABLE, CONFLICT: outcome}


ATTRIBUTES = ("private", "shared")
STORED_WITH = {f"annotation-arrives-with-a-stored-object[{attribute}]" for attribute in ATTRIBUTES}
FETCHED_WITH = {f"annotation-arrives-with-a-fetched-object[{attribute}]" for attribute in ATTRIBUTES}
CHANGED = {f"annotation-changed-{where}[{which}]" for where in ("on-server", "locally") for which in ATTRIBUTES}
APART = "private-and-shared-annotations-stay-apart"
DIFFERENTLY = {f"annotation-changed-differently[{last}]" for last in ("server", "local-storage")}

WRONG_IN_OBJECTS: list[tuple[type[wrong.Annotating], set[str]]] = [
    (wrong.MixedUp, {*STORED_WITH, *FETCHED_WITH, *CHANGED, APART}),
    (wrong.LostWhenStored, STORED_WITH),
    (wrong.NeitherFollows, DIFFERENTLY),
]


@pytest.mark.parametrize(("client", "cases"), WRONG_IN_OBJECTS)
def test_wrong_annotations_of_objects_are_failed(
    annotating_server: StorageServer, client: type[wrong.Annotating], cases: set[str]
) -> None:
    """Each fault fails the cases that are about it, and no others."""
    with client() as started:
        assert failed_cases(annotating_server, started) == cases


def test_right_annotations_of_objects_pass(annotating_server: StorageServer) -> None:
    """A client that annotates objects and synchronizes that rightly passes."""
    with wrong.Annotating() as client:
        assert client_outcomes(annotating_server, client) == dict.fromkeys(ALL, Outcome.PASS)


REAL: dict[str, Callable[[], StorageServer]] = {
    "reference": ReferenceStorageServer,
    "dovecot": DovecotServer,
    "cyrus": CyrusServer,
}


@pytest.mark.parametrize("name", REAL)
def test_the_reference_client_passes(name: str) -> None:
    """The reference client brings metadata of folders together with every server that has any."""
    with ExitStack() as opened:
        try:
            started = opened.enter_context(REAL[name]())
        except AdapterProblem as problem:
            pytest.skip(str(problem))
        client = opened.enter_context(ReferenceClient())
        found = client_outcomes(started, client)
    assert found == {FOLDERS: Outcome.PASS, OBJECTS: Outcome.NOT_APPLICABLE, CONFLICT: Outcome.PASS}


def test_nothing_applies_without_claims_or_announcement(server: StorageServer) -> None:
    """Who does not claim such metadata, or meets a server without it, is not judged."""
    none = dict.fromkeys(ALL, Outcome.NOT_APPLICABLE)
    with NullClient() as client:
        assert client_outcomes(server, client) == none
    bare = ReferenceStorageServer(ReferenceServer(Behaviour().without("METADATA")))
    with bare, ReferenceClient() as reference:
        assert client_outcomes(bare, reference) == none


def test_who_claims_and_does_nothing_passes_nothing(annotating_server: StorageServer) -> None:
    """A client that leaves everything as it is establishes none of the three."""
    with wrong.Idle() as client:
        assert Outcome.PASS not in client_outcomes(annotating_server, client).values()


def test_an_adapter_without_what_the_client_claims_is_at_fault(annotating_server: StorageServer) -> None:
    """The client is not blamed for what its adapter cannot show."""
    with wrong.SaysSo() as client:
        assert client_outcomes(annotating_server, client) == dict.fromkeys(ALL, Outcome.ERROR)


def test_a_right_server_passes(annotating_server: StorageServer) -> None:
    """A server with metadata of folders and annotations of objects passes."""
    report = judged(annotating_server, None, ALL, role=Roles.SERVER)
    found = {each.id: each.seen_by("server").outcome for each in report.requirements if each.id in (FOLDERS, OBJECTS)}
    assert found == {FOLDERS: Outcome.PASS, OBJECTS: Outcome.PASS}
