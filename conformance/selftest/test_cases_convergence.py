"""What keeps a correct client from equality with a server is a failure only where the server hides what it was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from conformance.configuration import Profile
from conformance.faults.catalogue import catalogue
from conformance.faults.hooks import Hook
from conformance.faults.implementations import in_memory
from conformance.faults.trial import run
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour
from conformance.reference.server.store import Content, Draft, Mailbox, Message
from conformance.scenario.stage import Stage
from conformance.spec import Role


class AddsAHeader(Mailbox):
    """Adds a header field to what is stored, as a delivery agent would."""

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        return super().append(
            [replace(each, content=Content(b"X-Seen: yes\r\n" + each.content.octets)) for each in drafts]
        )


def _outcomes(hook: Hook) -> dict[str, Outcome]:
    with in_memory(hook) as server:
        seen = run(Stage(server, None), Role.SERVER, ("reference-client-converges",), Profile.QUICK)
    return {name.partition("[")[2].rstrip("]"): case.outcome for name, case in seen.cases.items()}


@pytest.mark.parametrize(
    "hook", [Hook(mailbox=AddsAHeader), Hook(behaviour=Behaviour(name_case="lower"))], ids=["header", "lower-case"]
)
def test_what_a_server_may_alter_is_left_open(hook: Hook) -> None:
    """A server that alters objects or names that it is given is not failed for it."""
    assert set(_outcomes(hook).values()) == {Outcome.INCONCLUSIVE}


def test_uids_that_are_used_again_are_a_failure() -> None:
    """A server that gives the UID of a removed object to another one hides that one from whoever knew the first."""
    hook = catalogue().hooks["uids-of-the-removed-used-again"]
    assert isinstance(hook, Hook)
    outcomes = _outcomes(hook)
    assert outcomes["newest-replaced"] is Outcome.FAIL
    assert outcomes["session-history"] is Outcome.PASS


def test_a_story_is_not_told_without_what_it_needs() -> None:
    """Without UIDPLUS nothing is said of objects that others have marked, and without levels nothing of a tree."""
    outcomes = _outcomes(Hook(behaviour=Behaviour(delimiter=None).without("UIDPLUS")))
    untold = {name for name, outcome in outcomes.items() if outcome is Outcome.NOT_APPLICABLE}
    assert untold == {"session-history", "removal-beside-a-mark"}
