"""Legal variants of clients and servers: what an implementer may do otherwise is found wrong by no test case."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import pytest

from conformance.configuration import Profile
from conformance.faults.hooks import faulty
from conformance.faults.implementations import BOUNDS, in_memory
from conformance.faults.legal_clients import LEGAL_CLIENTS, MISJUDGED_CLIENTS, LegalClient
from conformance.faults.legal_servers import LEGAL_SERVERS, MISJUDGED_SERVERS, LegalServer
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
}
"""The test cases, besides the usual ones, that are most likely to take a variant for a fault."""
MISJUDGED_AT_RANDOM = {"refuses-when-renumbered", "few-permanent-flags", "folders-below-a-prefix"}
"""Those that only the random cases misjudge, which take too long here."""
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
    """A plain look at each of the operations."""
    assert _found_of_server(LEGAL_SERVERS[name], *OF_SERVERS) == []


@pytest.mark.parametrize("name", [name for name in MISJUDGED_CLIENTS if name not in MISJUDGED_AT_RANDOM])
@pytest.mark.xfail(strict=True, reason="the test cases do not allow for this client yet")
def test_a_misjudged_client_will_be_found_wrong_by_nothing(name: str) -> None:
    """Whoever mends the judgement moves the client to the others."""
    assert _found_of_client(MISJUDGED_CLIENTS[name], *TELLING.get(name, USUAL)) == []


@pytest.mark.parametrize("name", [name for name in MISJUDGED_SERVERS if name not in MISJUDGED_AT_RANDOM])
@pytest.mark.xfail(strict=True, reason="the test cases do not allow for this server yet")
def test_a_misjudged_server_will_be_found_wrong_by_nothing(name: str) -> None:
    """Whoever mends the judgement moves the server to the others."""
    assert _found_of_server(MISJUDGED_SERVERS[name], "reading-sets-seen-and-tells") == []


def test_a_variant_is_one_thing_or_the_other() -> None:
    """No variant is both judged rightly and misjudged; whatever is named here is one."""
    assert not LEGAL_CLIENTS.keys() & MISJUDGED_CLIENTS.keys()
    assert not LEGAL_SERVERS.keys() & MISJUDGED_SERVERS.keys()
    assert TELLING.keys() <= LEGAL_CLIENTS.keys() | MISJUDGED_CLIENTS.keys()
    assert MISJUDGED_CLIENTS.keys() | MISJUDGED_SERVERS.keys() >= MISJUDGED_AT_RANDOM
