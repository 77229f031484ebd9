"""Tests of the command that runs a test case again."""

from __future__ import annotations

import shlex
from typing import Any

from conformance.outcomes import Outcome
from conformance.report import ClientFacts, ServerFacts
from conformance.report.replaying import replay_command
from conformance.selftest.report_examples import MadeUpRequirement, case, finding, report


def command(case_id: str = "one", replay: str | None = None, **header: Any) -> list[str]:
    """The words of the command for a case that failed."""
    made = report(
        [MadeUpRequirement("SYN-1")], [case(case_id, finding("SYN-1", Outcome.FAIL), replay=replay)], **header
    )
    return shlex.split(replay_command(made, made.cases[0]))


def test_it_names_all_that_the_outcome_depends_on() -> None:
    """Implementations, role, profile, seed, options, and the case alone."""
    words = command(
        server=ServerFacts(adapter="remote", identity="X"),
        client=ClientFacts(adapter="mbsync", name="mbsync"),
        pixit={"server": "imap://u:***@h/", "server_options": {"tls": "no"}, "client_options": {"Sync": "Pull New"}},
    )
    assert words == [
        *("cpm-conformance", "run", "--server", "imap://u:***@h/", "--client", "mbsync", "--role", "client"),
        *("--profile", "ci", "--seed", "7", "-O", "server.tls=no", "-O", "Sync=Pull New", "--select", "one"),
    ]


def test_a_saved_counterexample_is_replayed() -> None:
    """What the case itself tells comes first."""
    assert command(replay="cpm-conformance replay x.json") == ["cpm-conformance", "replay", "x.json"]


def test_a_client_of_ones_own_has_to_be_named_again() -> None:
    """The report holds no command of others."""
    words = command(client=ClientFacts(adapter="stdio", name="Pocket"))
    assert words[words.index("--client") + 1] == "stdio:COMMAND"


def test_no_client_is_said() -> None:
    """A server that was tested alone is tested alone again."""
    words = command(client=None)
    assert words[words.index("--client") + 1] == "none"


def test_a_variant_is_selected_by_the_name_of_its_case() -> None:
    """What stands in brackets is no name that can be selected."""
    assert command("one[five]")[-1] == "one"


def test_hostile_values_stay_one_word() -> None:
    """Nothing that an implementation tells of itself ends the word that it stands in."""
    words = command(server=ServerFacts(adapter="x; rm -rf ~ $(id)", identity=""), pixit={})
    assert words[3] == "x; rm -rf ~ $(id)"
