"""Legal variants of clients and servers: what an implementer may do otherwise is found wrong by no test case."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import pytest

from conformance.configuration import Profile
from conformance.faults.hooks import faulty
from conformance.faults.implementations import BOUNDS, in_memory
from conformance.faults.legal_clients import LEGAL_CLIENTS, LegalClient
from conformance.faults.legal_servers import LEGAL_SERVERS, LegalServer
from conformance.faults.trial import Run, run
from conformance.outcomes import Outcome
from conformance.scenario.stage import Stage
from conformance.spec import Role

USUAL = ("everything-at-once",)
OF_ITSELF = ("several-triggers-at-once",)
"""What a client that runs by itself is held to."""
TELLING: dict[str, tuple[str, ...]] = {
    "fetches-examined-without-peek": ("fetching-has-no-side-effect",),
    "sends-more-commands": ("active-folder-is-not-polled-by-status",),
    "closes-every-folder": ("marked-but-not-expunged",),
    "says-no-farewell": ("interrupted-while-storing",),
    "skips-unchanged-folders": ("unchanged-folder-may-be-skipped",),
    "sets-flags-after-storing": ("initial-flags-with-a-stored-object",),
    "replaces-unchanged-flags": ("several-flags-and-keywords",),
    "renames-on-the-server": ("folder-renamed-locally",),
    "keeps-what-changed": ("removed-locally-flagged-on-server",),
    "removed-folders-go": ("folder-removed-locally-filled-on-server",),
    "keeps-equal-objects-twice": ("same-object-on-both-sides-without-base",),
    "starts-anew-when-renumbered": ("new-uid-validity-with-the-same-content",),
    "holds-no-keywords": ("flag-set-on-server",),
    "adds-a-header": ("acknowledgement-of-a-store-is-lost",),
    "tries-again-at-once": ("bye-in-the-middle-of-a-run",),
    "server-flags-win": ("unknown-system-flags",),
    "client-flags-win": ("unknown-system-flags",),
    "only-messages": ("works-without-notifications",),
    "no-media-objects": ("every-kind-is-uploaded",),
    "creates-no-folders": ("new-local-folder-is-created-on-server",),
    "removes-no-folders": ("folder-removed-locally-leaves-server",),
    "only-downloads": ("folder-metadata-set-locally",),
    "only-uploads": ("two-clients",),
    "marks-and-claims-nothing": ("objects-removed-locally-leave-server",),
    "marks-without-expunging": ("objects-removed-locally-leave-server",),
    "holds-seen-only": ("flag-set-on-server",),
    "refuses-when-renumbered": ("new-uid-validity-with-the-same-content",),
}
"""The test cases, besides the usual ones, that are most likely to take a variant for a fault."""
TELLING_OF_SERVERS: dict[str, tuple[str, ...]] = {
    "deleted-is-the-only-flag": ("reading-sets-seen-and-tells", "fetch-what-changed-since"),
    "few-permanent-flags": ("reference-client-converges",),
    "folders-below-a-prefix": ("reference-client-converges",),
    "more-folders": ("reference-client-converges",),
}
"""The same for servers."""
OF_SERVERS = (
    "create-folder-plainly",
    "list-whole-hierarchy-once-each",
    "set-active-folder-plainly",
    "store-and-fetch-plainly",
    "fetch-items-and-macros",
    "update-metadata-plainly",
    "remove-object-plainly",
)
SERVERS = [name for name in LEGAL_SERVERS if not name.startswith(("varied-", "without-"))]
"""The others are among the controls, and so are all other test cases."""
QUIET = (Outcome.PASS, Outcome.NOT_APPLICABLE)


def _found(seen: Run, unsettled: tuple[str, ...]) -> list[str]:
    """What was found, but for what may be left open or warned of."""
    open_ones = (Outcome.INCONCLUSIVE, Outcome.WARN)
    return [
        f"{case.id}: {each.requirement} {each.outcome.value}: {each.observed}"
        for case in seen.cases.values()
        for each in case.findings
        if each.outcome not in QUIET and not (each.requirement in unsettled and each.outcome in open_ones)
    ]


def _found_of_client(legal: LegalClient, *cases: str) -> list[str]:
    server = faulty if legal.on_loopback else in_memory
    with ExitStack() as up:
        parts = up.enter_context(server(legal.hook.server)), up.enter_context(legal.open())
        stage = Stage(*parts, overrides=legal.claims, bounds=replace(BOUNDS, runs=legal.runs))
        seen = run(stage, Role.CLIENT, cases, Profile.QUICK)
    assert seen.cases
    return _found(seen, legal.unsettled)


def _found_of_server(legal: LegalServer, *cases: str) -> list[str]:
    with legal.open() as server:
        return _found(run(Stage(server, None, bounds=BOUNDS), Role.SERVER, cases, Profile.QUICK), legal.unsettled)


@pytest.mark.parametrize("name", LEGAL_CLIENTS)
def test_a_legal_client_is_found_wrong_by_nothing(name: str) -> None:
    """Neither the usual test cases nor those that are about what it does otherwise."""
    legal = LEGAL_CLIENTS[name]
    usual = OF_ITSELF if legal.on_loopback else USUAL
    assert _found_of_client(legal, *usual, *TELLING.get(name, ())) == []


@pytest.mark.parametrize("name", SERVERS)
def test_a_legal_server_is_found_wrong_by_nothing(name: str) -> None:
    """A plain look at each of the operations, and at what the server does otherwise."""
    assert _found_of_server(LEGAL_SERVERS[name], *OF_SERVERS, *TELLING_OF_SERVERS.get(name, ())) == []


def test_what_is_named_here_is_a_variant() -> None:
    """A variant that was renamed would no longer be held to its telling test cases."""
    assert TELLING.keys() <= LEGAL_CLIENTS.keys()
    assert TELLING_OF_SERVERS.keys() <= LEGAL_SERVERS.keys()
