"""A real program that is told to leave one thing out fails there, and at nothing else that it can do.

The program is mbsync, which fails some requirements in its best configuration, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.clients.mbsync import MbsyncClient
from conformance.configuration import Roles
from conformance.outcomes import Outcome
from conformance.selftest.programs import or_skip, running
from conformance.selftest.running import judged
from conformance.servers.dovecot import DovecotServer
from conformance.servers.protocol import StorageServer

BEST = {"SYN-305", "SYN-306", "OP11-C1"}
"""mbsync removes no folder that holds objects."""

NO_DOWNLOAD = {"SYN-403", "OP04-C1"}
NO_UPLOAD = {"SYN-408"}
NO_REMOVAL_HERE = {"SYN-406", "SYN-603"}
NO_REMOVAL_THERE = {"SYN-410", "OP06-C1", "SYN-602"}
NO_FOLDER_HERE = {"SYN-303"}
NO_FOLDER_THERE = {"SYN-304", "OP08-C1"}
NO_FLAGS_HERE = {"SYN-501", "SYN-502", "OP13-C1"}
NO_FLAGS_THERE = {"SYN-503", "SYN-504", "OP13-C1"}

CONFIGURATIONS: dict[str, tuple[dict[str, str], set[str]]] = {
    "best": ({}, set()),
    "no download": ({"Sync": "Push PullDelete PullFlags"}, NO_DOWNLOAD),
    "no upload": ({"Sync": "Pull PushDelete PushFlags"}, NO_UPLOAD),
    "no removal in local storage": ({"Sync": "Push PullNew PullFlags"}, NO_REMOVAL_HERE),
    "no removal on the server": ({"Sync": "Pull PushNew PushFlags"}, NO_REMOVAL_THERE),
    # What stays on the server with a mark for removal decides nothing (A12).
    "no expunge": ({"Expunge": "None"}, NO_REMOVAL_HERE),
    "no new folder in local storage": ({"Create": "Far"}, NO_FOLDER_HERE),
    "no new folder on the server": ({"Create": "Near"}, NO_FOLDER_THERE),
    "no flags to local storage": ({"Sync": "Push PullNew PullDelete"}, NO_FLAGS_HERE),
    "no flags to the server": ({"Sync": "Pull PushNew PushDelete"}, NO_FLAGS_THERE),
    "nothing to the server": ({"Sync": "Pull"}, NO_UPLOAD | NO_REMOVAL_THERE | NO_FLAGS_THERE),
    "nothing to local storage": ({"Sync": "Push"}, NO_DOWNLOAD | NO_REMOVAL_HERE | NO_FLAGS_HERE),
}
PLAIN = (
    "new-server-folder-is-created-locally",
    "new-local-folder-is-created-on-server",
    "folder-removed-on-server-leaves-local-storage",
    "folder-removed-locally-leaves-server",
    "new-server-objects-are-fetched",
    "new-local-objects-are-stored",
    "objects-removed-on-server-leave-local-storage",
    "objects-removed-locally-leave-server",
    "flag-set-on-server",
    "flag-cleared-on-server",
    "flag-set-locally",
    "flag-cleared-locally",
)
BUILT_ON_THEM = (
    "removed-locally-flagged-on-server",
    "removed-on-server-flagged-locally",
    "same-folder-created-on-both-sides",
    "first-synchronization-removes-nothing",
    "local-name-that-holds-the-delimiter",
    "object-moved-to-different-folders",
    "client-initiates",
    "two-clients",
    "literal-waits-for-the-continuation-request",
)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[StorageServer]:
    """One Dovecot for all configurations."""
    or_skip(MbsyncClient().hello)
    with running(DovecotServer()) as server:
        assert isinstance(server, DovecotServer)
        yield server


@pytest.mark.parametrize(("settings", "clause"), CONFIGURATIONS.values(), ids=list(CONFIGURATIONS))
def test_what_is_left_out_fails_and_nothing_else(
    dovecot: StorageServer, settings: dict[str, str], clause: set[str]
) -> None:
    """The requirements of the clause fail; what builds on them was not exercised."""
    with MbsyncClient(settings) as client:
        report = judged(dovecot, client, PLAIN + BUILT_ON_THEM, role=Roles.CLIENT)
    assert {each.id for each in report.requirements if each.outcome is Outcome.FAIL} == BEST | clause
    assert not [each.id for each in report.cases if each.outcome is Outcome.ERROR]
