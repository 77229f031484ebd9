"""5.5.2.20 paragraph 2: what happens before a synchronization, and where one cannot start."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.imap.framing import Direction
from conformance.imap.interception import Action, Cut, HangUp, Replace
from conformance.scenario.content import ARCHIVE, CONVERSATION, item, usual_base
from conformance.scenario.disturbance import WireReader
from conformance.scenario.judge import PreconditionNotReached
from conformance.scenario.places import LOGIN_ANSWER
from conformance.scenario.scenario import Scenario


@client_case("local-edits-wait-for-a-synchronization", "SYN-209")
def test_local_edits_wait_for_a_synchronization(scenario: Scenario) -> None:
    """A client carries local edits to the server by a synchronization, and forgets none that waited for it."""
    scenario.establish(usual_base())
    before = scenario.store.snapshot()
    scenario.on_client.put(CONVERSATION, item("message-11"))
    scenario.on_client.remove(ARCHIVE, "message-3")
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    waited = scenario.store.snapshot() == before
    scenario.judge.remark(f"before the synchronization the server's content is {'as it was' if waited else 'changed'}")
    scenario.synchronize()
    scenario.judge_end_state("SYN-209")


class FailedStart(WireReader):
    """Every connection fails at its start: the greeting is a BYE, the login is refused, or nothing answers."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind
        self.happened = False

    def __call__(self, connection: str, direction: Direction, unit: bytes) -> Action | None:
        self.read(connection, direction, unit)
        action = self._action(connection, direction, unit)
        self.happened |= action is not None
        return action

    def _action(self, connection: str, direction: Direction, unit: bytes) -> Action | None:
        # The answer is changed, not the command held back: a login with literals is under way before it is whole.
        if self._kind == "refused-login" and self.stands_at(LOGIN_ANSWER, connection, direction, unit):
            return Replace(unit.partition(b" ")[0] + b" NO [AUTHENTICATIONFAILED] wrong credentials\r\n")
        if self._kind == "bye-greeting" and direction == "S":
            return HangUp(b"* BYE too many connections\r\n")
        if self._kind == "no-greeting" and direction == "S":
            return Cut(0)
        return None


@pytest.mark.parametrize("kind", ["refused-login", "bye-greeting", "no-greeting"])
@client_case("synchronization-cannot-start", "SYN-210")
def test_synchronization_cannot_start(scenario: Scenario, kind: str) -> None:
    """A client whose synchronization cannot start says so, changes nothing, and is right the next time."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11"))
    scenario.on_client.put(ARCHIVE, item("message-12"))
    before = scenario.snapshots()
    start = FailedStart(kind)
    run = scenario.disturb(start, f"let it fail at its start: {kind}")
    if not start.happened:
        raise PreconditionNotReached("the client made no connection, or logged in by other means")
    unchanged = scenario.same(scenario.snapshots(), before)
    observed = f"success told: {run.result.success}, both sides as before: {unchanged}"
    scenario.judge.check("SYN-210", not run.result.success and unchanged, "failure, and no change", observed, run.last)
    scenario.synchronize()
    scenario.judge_end_state("SYN-210")
