"""5.5.2.20 paragraph 1: synchronization follows user preferences and service provider policies."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.model.objects import ObjectKind, message
from conformance.model.policy import EVERYTHING, Direction, Policy
from conformance.model.states import Item
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, holding, item, messages, usual_base
from conformance.scenario.judge import NotApplicable
from conformance.scenario.scenario import ALL, Scenario
from conformance.scenario.witness import Witness
from conformance.spec import Role

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


@pytest.mark.parametrize("direction", [Direction.DOWNLOAD, Direction.UPLOAD])
@client_case("one-direction-moves-nothing-back", "SYN-106", needs=("policy.direction",))
def test_one_direction_moves_nothing_back(scenario: Scenario, direction: Direction) -> None:
    """A client that is told to synchronize in one direction moves and removes nothing in the other."""
    scenario.establish(folder(("Third",), *messages("message-7", "message-8"), within=usual_base()))
    scenario.follow(Policy(direction=direction))
    scenario.on_server.put(CONVERSATION, item("message-11"))
    scenario.on_server.remove(ARCHIVE, "transfer-4")
    scenario.on_server.set_flags(("Third",), "message-7", add=["\\Flagged"])
    scenario.on_client.put(CONVERSATION, item("message-12"))
    scenario.on_client.remove(ARCHIVE, "message-3")
    scenario.on_client.set_flags(("Third",), "message-8", add=["\\Flagged"])
    scenario.synchronize()
    scenario.judge_end_state("SYN-106", covers=ALL)


def _of_size(name: str, octets: int) -> Item:
    """An object of exactly so many octets."""
    shortest = len(message(name, "").octets)
    return holding(name, message(name, "x" * (octets - shortest)))


@client_case("size-is-limited", "SYN-107", needs=("policy.size",))
def test_size_is_limited(scenario: Scenario) -> None:
    """A client moves objects up to the limit and none above it, and keeps what is larger where it is."""
    large = [_of_size(f"synchronized-{number}", LIMIT + 500) for number in (1, 2)]
    scenario.establish(folder(CONVERSATION, *large, within=usual_base()))
    scenario.follow(Policy(max_size=LIMIT))
    scenario.on_server.put(CONVERSATION, _of_size("server-below", LIMIT), _of_size("server-above", LIMIT + 1))
    scenario.on_client.put(CONVERSATION, _of_size("local-below", LIMIT), _of_size("local-above", LIMIT + 1))
    scenario.synchronize()
    scenario.judge_end_state("SYN-107", covers=ALL)


@client_case("folders-are-limited", "SYN-107", needs=("policy.folder",))
def test_folders_are_limited(scenario: Scenario) -> None:
    """A client leaves folders outside the chosen ones as they are on both sides."""
    scenario.establish(usual_base())
    scenario.follow(Policy(folders=frozenset({CONVERSATION})))
    scenario.on_server.put(CONVERSATION, item("message-11"))
    scenario.on_client.put((*CONVERSATION, "Inner"), item("message-12"))
    scenario.on_server.put(ARCHIVE, item("message-13"))
    scenario.on_client.put(ARCHIVE, item("message-14"))
    scenario.on_client.remove(ARCHIVE, "message-3")
    scenario.on_server.put(("New on the server",), item("message-15"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-107", covers=ALL)


WIDER: dict[str, tuple[str, Policy]] = {
    "kind": ("policy.kind", WITHOUT_FILES),
    "size": ("policy.size", Policy(max_size=700)),
    "folder": ("policy.folder", Policy(folders=frozenset({ARCHIVE}))),
}


@pytest.mark.parametrize("narrow", WIDER.values(), ids=list(WIDER))
@client_case("widened-policy-moves-what-was-excluded", "SYN-108")
def test_widened_policy_moves_what_was_excluded(scenario: Scenario, narrow: tuple[str, Policy]) -> None:
    """A client moves what was excluded once the policy admits it, and has lost none of it."""
    claim, policy = narrow
    if scenario.stage.unclaimed(Role.CLIENT, (claim,)):
        raise NotApplicable(f"the client does not claim {claim!r}")
    scenario.establish(usual_base())
    scenario.follow(policy)
    _news_of_both_kinds(scenario)
    scenario.synchronize()
    if scenario.findings.differences:
        scenario.judge_end_state("SYN-108", covers=ALL)
        return
    scenario.follow(EVERYTHING)
    witness = Witness(scenario)
    scenario.synchronize()
    lost = witness.lost()
    if lost:
        scenario.judge.contradicted("SYN-108", "nothing is lost", f"lost: {', '.join(lost)}")
    elif scenario.findings.differences:
        first = scenario.findings.differences[0]
        scenario.judge.undecided("SYN-108", first.expected, f"{first.subject}, {first.side}: {first.observed}")
    else:
        scenario.judge_end_state("SYN-108", covers=ALL)


@client_case("one-run-for-one-conversation", "SYN-720", needs=("policy.folder",))
def test_one_run_for_one_conversation(scenario: Scenario) -> None:
    """A client whose run is limited to one conversation leaves the others for the next full run."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11"))
    scenario.on_server.put(ARCHIVE, item("message-12"))
    scenario.on_client.put(ARCHIVE, item("message-13"))
    scenario.on_client.remove(ARCHIVE, "message-3")
    scenario.follow(Policy(folders=frozenset({CONVERSATION})))
    scenario.synchronize()
    limited = not scenario.findings.differences
    scenario.follow(EVERYTHING)
    scenario.synchronize()
    scenario.judge.remark(f"the limited run {'touched its conversation only' if limited else 'did not keep its limit'}")
    scenario.judge_end_state("SYN-720")
