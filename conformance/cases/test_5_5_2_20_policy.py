"""5.5.2.20 paragraph 1: synchronization follows user preferences and service provider policies."""

from __future__ import annotations

from conformance.cases.declaration import client_case
from conformance.model.objects import ObjectKind, message
from conformance.model.policy import EVERYTHING, Direction, Policy
from conformance.scenario.content import ARCHIVE, CONVERSATION, holding, item, usual_base
from conformance.scenario.scenario import ALL, Scenario

LIMIT = 2000
WITHOUT_FILES = Policy(kinds=frozenset(ObjectKind) - {ObjectKind.FILE_TRANSFER})


@client_case("excluded-kind-stays-where-it-is", "SYN-105", needs=("policy.kind",))
def test_excluded_kind_stays_where_it_is(scenario: Scenario) -> None:
    """A client moves no object of an excluded kind and takes none for removed, and moves all others."""
    scenario.establish(usual_base())
    scenario.follow(WITHOUT_FILES)
    _news_of_both_kinds(scenario)
    scenario.synchronize()
    scenario.judge_end_state("SYN-105", covers=ALL)


def _news_of_both_kinds(scenario: Scenario) -> None:
    scenario.on_server.put(CONVERSATION, item("message-11"), item("transfer-12", kind=ObjectKind.FILE_TRANSFER))
    scenario.on_client.put(CONVERSATION, item("message-13"), item("transfer-14", kind=ObjectKind.FILE_TRANSFER))


@client_case("one-direction-moves-nothing-back", "SYN-106", needs=("policy.direction",))
def test_one_direction_moves_nothing_back(scenario: Scenario) -> None:
    """A client that is told to download only brings the server's news and changes nothing on the server."""
    scenario.establish(usual_base())
    scenario.follow(Policy(direction=Direction.DOWNLOAD))
    scenario.on_server.put(CONVERSATION, item("message-11"))
    scenario.on_server.remove(ARCHIVE, "transfer-4")
    scenario.on_client.put(CONVERSATION, item("message-12"))
    scenario.on_client.remove(ARCHIVE, "message-3")
    scenario.synchronize()
    scenario.judge_end_state("SYN-106", covers=ALL)


@client_case("size-and-folders-are-limited", "SYN-107", needs=("policy.size", "policy.folder"))
def test_size_and_folders_are_limited(scenario: Scenario) -> None:
    """A client moves nothing that is larger than the limit or outside the chosen folders, and removes none of it."""
    scenario.establish(usual_base())
    small = message("message-11")
    scenario.follow(Policy(max_size=len(small.octets), folders=frozenset({CONVERSATION})))
    scenario.on_server.put(
        CONVERSATION, holding("message-11", small), holding("large-12", message("large-12", "x" * LIMIT))
    )
    scenario.on_client.put(CONVERSATION, item("message-13"), holding("large-14", message("large-14", "y" * LIMIT)))
    scenario.on_server.put(ARCHIVE, item("message-15"))
    scenario.on_client.put(ARCHIVE, item("message-16"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-107", covers=ALL)


@client_case("widened-policy-moves-what-was-excluded", "SYN-108", needs=("policy.kind",))
def test_widened_policy_moves_what_was_excluded(scenario: Scenario) -> None:
    """A client moves what was excluded once the policy admits it, and has lost none of it."""
    scenario.establish(usual_base())
    scenario.follow(WITHOUT_FILES)
    _news_of_both_kinds(scenario)
    scenario.synchronize()
    scenario.follow(EVERYTHING)
    scenario.synchronize()
    scenario.judge_end_state("SYN-108", covers=ALL)
