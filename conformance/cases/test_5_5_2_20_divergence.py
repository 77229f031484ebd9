"""5.5.2.20 on random states: one base, changes on both sides, and the oracle."""

from __future__ import annotations

from conformance.cases.declaration import client_case
from conformance.scenario.histories import Histories
from conformance.scenario.history_run import PLAIN

WITHOUT_CONFLICT = (
    *(f"object {what}" for what in ("new on the server (001)", "new locally (010)", "kept (111)")),
    *(f"object {what}" for what in ("removed locally (101)", "removed on the server (110)")),
    *(f"folder {what}" for what in ("new on the server (001)", "new locally (010)", "kept (111)")),
    *(f"folder {what}" for what in ("removed locally (101)", "removed on the server (110)")),
    *(f"flag {what}" for what in ("set locally", "set on the server", "cleared locally", "cleared on the server")),
)
"""The rows of the oracle, and both ways of a flag, that have to occur where nothing is in conflict."""

CONFLICTS = (
    "conflict: folder removed locally, changed on the server",
    "conflict: folder removed on the server, changed locally",
    "conflict: object removed locally, flagged on the server",
    "conflict: object removed on the server, flagged locally",
    "conflict: same object added on both sides",
    "object removed on both sides (100)",
)


@client_case("random-divergence-without-conflict", *PLAIN, "SYN-701")
def test_random_divergence_without_conflict(histories: Histories) -> None:
    """A client brings any two stores together that diverged without a conflict, as base and both sides demand."""
    histories.explore(histories.shape(rounds=1), (*PLAIN, "SYN-701"), WITHOUT_CONFLICT)


@client_case("random-divergence-with-conflict", "SYN-703", "SYN-704")
def test_random_divergence_with_conflict(histories: Histories) -> None:
    """A client ends with both sides alike, and nothing else lost, where both sides changed the same things."""
    histories.explore(histories.shape(rounds=1, conflicts=True), ("SYN-703", "SYN-704"), CONFLICTS)
