"""What a witness of an interrupted synchronization looks for: objects that nobody stored, and objects that are gone."""

from __future__ import annotations

from conformance.model.folders import display
from conformance.model.states import Side, Snapshot, StoreState
from conformance.scenario.scenario import Scenario


class Witness:
    """Remembers what each side has to hold at all times from now on, and looks again later.

    That is what is new on a side, and what nobody removed on the other. Objects are told apart by content, in the
    equality that the client's adapter declares, wherever they lie.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._identity = scenario.stage.equality.identity
        local, server = scenario.on_client.state, scenario.on_server.state
        self._kept = {Side.LOCAL: self._to_keep(local, server), Side.SERVER: self._to_keep(server, local)}

    def _to_keep(self, state: StoreState, other: StoreState) -> dict[str, str]:
        base = self._scenario.base
        return {
            item.name: self._identity(item.content.octets)
            for path, item in state.items()
            if base.get(path, item.name) is None or other.get(path, item.name) is not None
        }

    def strangers(self, snapshot: Snapshot) -> list[str]:
        """Objects with content that no side was ever given, such as truncated ones."""
        scenario = self._scenario
        states = scenario.base, scenario.on_client.state, scenario.on_server.state
        known = {self._identity(item.content.octets) for state in states for _, item in state.items()}
        return [
            f"an object of {len(each.octets)} octets in {display(path)}"
            for path, each in snapshot.objects()
            if self._identity(each.octets) not in known
        ]

    def lost(self) -> list[str]:
        """What is no longer on a side that has to hold it."""
        there = dict(zip((Side.LOCAL, Side.SERVER), self._scenario.snapshots(), strict=True))
        found = []
        for side, kept in self._kept.items():
            held = {self._identity(each.octets) for _, each in there[side].objects()}
            found += [f"{name} ({side})" for name, identity in sorted(kept.items()) if identity not in held]
        return found

    def observe(self, requirement: str) -> None:
        """Contradict the requirement if local storage shows a stranger, or anything is lost, at this moment."""
        judge, strangers, lost = self._scenario.judge, self.strangers(self._scenario.snapshots()[0]), self.lost()
        if strangers:
            judge.contradicted(requirement, "only whole objects in local storage", "; ".join(strangers))
        if lost:
            judge.contradicted(requirement, "nothing is lost", f"lost: {', '.join(lost)}")
