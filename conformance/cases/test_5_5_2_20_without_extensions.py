"""5.5.2.20 on a server that offers less: notifications are a MAY, and no extension of IMAP is demanded."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.reference.server import Behaviour
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, item, usual_base
from conformance.scenario.judge import NotApplicable
from conformance.scenario.laboratory import Laboratory
from conformance.scenario.scenario import ALL, Scenario


@client_case("works-without-notifications", "SYN-205")
def test_works_without_notifications(scenario: Scenario) -> None:
    """A client that gets no notification of any kind still finds every change of the server when it synchronizes."""
    scenario.without("IDLE", "NOTIFY")
    if not scenario.begin(usual_base(), "SYN-205"):
        return
    scenario.on_server.put(CONVERSATION, item("message-11"))
    scenario.on_server.remove(ARCHIVE, "message-3")
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    scenario.on_server.put(("New on the server",), item("message-12"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-205", covers=ALL)


@pytest.mark.parametrize("offered", [True, False], ids=["with-condstore", "without-condstore"])
@client_case("metadata-with-and-without-condstore", "SYN-515")
def test_metadata_with_and_without_condstore(scenario: Scenario, *, offered: bool) -> None:
    """A client brings metadata together on servers with CONDSTORE as on servers without."""
    if offered and "CONDSTORE" not in scenario.store.observer.capabilities:
        raise NotApplicable("the server does not offer CONDSTORE")
    if not offered:
        scenario.without("CONDSTORE", "QRESYNC", "ENABLE")
    scenario.establish(
        folder(CONVERSATION, item("message-8", "\\Seen"), item("message-9", "\\Seen"), within=usual_base())
    )
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    scenario.on_server.set_flags(CONVERSATION, "message-8", remove=["\\Seen"])
    scenario.on_client.set_flags(CONVERSATION, "message-2", add=["\\Answered"])
    scenario.on_client.set_flags(CONVERSATION, "message-9", remove=["\\Seen"])
    scenario.synchronize()
    scenario.on_server.set_flags(ARCHIVE, "message-3", add=["\\Seen"])
    scenario.synchronize()
    scenario.judge_end_state("SYN-515", covers=ALL)


@client_case("own-upload-is-recognized-without-uidplus", "SYN-409", "SYN-705")
def test_own_upload_is_recognized_without_uidplus(laboratory: Laboratory) -> None:
    """A client that is not told the UID of what it stored still holds one copy of it on each side afterwards."""
    scenario = laboratory.open(Behaviour().without("UIDPLUS"))
    scenario.establish(usual_base())
    scenario.on_client.put(CONVERSATION, item("message-11"), item("message-12"))
    scenario.synchronize()
    scenario.on_server.put(CONVERSATION, item("message-13"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-409", "SYN-705", covers=("SYN-705",))
