"""5.5.2.20 over several synchronizations: what a client remembers of one has to be right in the next."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case, server_case
from conformance.scenario.histories import Histories
from conformance.scenario.history_run import PLAIN
from conformance.scenario.interrupting import INTERRUPTIONS
from conformance.scenario.variations import VARIATIONS

REQUIREMENTS = (*PLAIN, "SYN-701")
EXERCISED = (
    "object removed locally (101)",
    "object removed on the server (110)",
    "folder removed on the server (110)",
    "folder renamed on the server",
    "folder renamed locally",
    "object moved on the server",
    "object moved locally",
    "device replaced",
)


@client_case("random-histories", *REQUIREMENTS)
def test_random_histories(histories: Histories) -> None:
    """A client that synchronizes again and again, while both sides change, always comes to the right result."""
    shape = histories.shape(more_rounds=2, specials=histories.specials())
    histories.explore(shape, REQUIREMENTS, EXERCISED)


@pytest.mark.parametrize("histories_before", VARIATIONS, indirect=True)
@client_case("random-histories-before-unusual-servers", *REQUIREMENTS)
def test_random_histories_before_unusual_servers(histories_before: Histories) -> None:
    """A client comes to the right result whatever numbers a server gives, and however it words its answers."""
    histories_before.explore(histories_before.shape(), REQUIREMENTS, ("object kept (111)",))


@server_case("random-histories-of-a-client", "SYN-801")
def test_random_histories_of_a_client(client_histories: Histories) -> None:
    """A server lets a client bring both sides together, whatever changed, and whatever interrupted it before."""
    shape = client_histories.shape(conflicts=True, acts=INTERRUPTIONS, specials=client_histories.specials())
    client_histories.explore(shape, ("SYN-801",), EXERCISED[:4])
