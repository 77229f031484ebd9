"""5.5.2.4 fetch object: a server that fetches rightly is failed by nothing, and one that leaves out a SHOULD is warned.

Servers that fetch wrongly are faults of the catalogue.
"""

from __future__ import annotations

import pytest

from conformance.configuration import Roles
from conformance.faults.hooks import faulty
from conformance.faults.server import fetch
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.selftest.running import judged, run_cases
from conformance.servers.reference import ReferenceStorageServer

CLAUSE = "5.5.2.4"


def test_a_server_that_does_not_tell_what_it_read_is_warned() -> None:
    r"""The \Seen that BODY[] sets should be told in its answer."""
    untold = fetch.response(rb"((?:BODY\[|RFC822).*) FLAGS \([^)]*\)(?: UID \d+)?\)\r\n\Z", rb"\1)\r\n")
    with faulty(untold) as server:
        assert run_cases(server, select=["reading-sets-seen-and-tells"])["OP04-S8"] == "warn"


BEHAVIOURS = {
    "the least": Behaviour(
        extensions=frozenset(), first_uid=2**32 - 400, fetch_item_order="reversed", updates_before_answer=True
    ),
    "the most": Behaviour(
        first_modseq=2**62, vanished_reports_all=True, expunge_in_uid_commands=False, uid_in_updates=True
    ),
    "no mod-sequences": Behaviour(mod_sequences=False),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=list(BEHAVIOURS))
def test_a_server_that_fetches_rightly_is_failed_by_nothing(behaviour: Behaviour) -> None:
    """The reference server passes what it offers, in each of these legal variations."""
    with ReferenceStorageServer(ReferenceServer(behaviour)) as server:
        selected = [CLAUSE] if behaviour.mod_sequences else ["OP04-S4", "OP04-S15"]
        report = judged(server, select=selected, role=Roles.SERVER)
    wrong = [each.id for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    assert not wrong
    assert report.cases
