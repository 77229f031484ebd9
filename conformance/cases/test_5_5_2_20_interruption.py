"""5.5.2.20 with a run that is cut short: the next complete one makes both sides alike, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.cases.declaration import client_case
from conformance.model.folders import FolderPath
from conformance.model.objects import message
from conformance.scenario import places as at
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, holding, item, messages, usual_base
from conformance.scenario.disturbance import (
    Disturbance,
    cut_after,
    cut_before,
    cut_inside,
    fall_silent,
    interrupt,
    say_bye,
)
from conformance.scenario.judge import PreconditionNotReached
from conformance.scenario.scenario import ALL, Scenario
from conformance.scenario.witness import Witness

SILENCE = 4.0
"""Seconds after which a client that waits for a silent server is ended."""
RETRIES = 3

FETCHING: dict[str, Callable[[], Disturbance]] = {
    "after-list": lambda: cut_after(at.LIST_ANSWER),
    "before-the-bodies": lambda: cut_before(at.FETCH_COMMAND),
    "inside-the-first-body": lambda: cut_inside(at.BODY_RESPONSE),
    "inside-a-later-body": lambda: cut_inside(at.BODY_RESPONSE, skip=2),
    "between-two-bodies": lambda: cut_after(at.BODY_RESPONSE),
    "before-the-answer": lambda: cut_before(at.FETCH_ANSWER),
    "after-the-answer": lambda: cut_after(at.FETCH_ANSWER),
}


@pytest.mark.parametrize("place", FETCHING.values(), ids=list(FETCHING))
@client_case("interrupted-while-fetching", "SYN-706", "SYN-719")
def test_interrupted_while_fetching(scenario: Scenario, place: Callable[[], Disturbance]) -> None:
    """A client that was interrupted while it fetched shows no truncated object and fetches the rest the next time."""
    _interrupt_fetching(scenario, place(), None)


@client_case("server-falls-silent-while-fetching", "SYN-706")
def test_server_falls_silent_while_fetching(scenario: Scenario) -> None:
    """A client whose server fell silent while it fetched shows no truncated object and fetches the rest later."""
    _interrupt_fetching(scenario, fall_silent(at.BODY_RESPONSE, skip=1), SILENCE)


def _interrupt_fetching(scenario: Scenario, disturbance: Disturbance, timeout: float | None) -> None:
    scenario.establish(usual_base())
    news = [holding(f"message-{number}", message(f"message-{number}", "long " * 200)) for number in range(11, 16)]
    scenario.on_server.put(CONVERSATION, *news)
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    _interrupt_and_recover(scenario, disturbance, "SYN-706", timeout=timeout)


def _interrupt_and_recover(
    scenario: Scenario, disturbance: Disturbance, requirement: str, *, timeout: float | None = None
) -> None:
    witness = Witness(scenario)
    run = interrupt(scenario, disturbance, timeout)
    witness.observe(requirement)
    told_truly = not run.result.success or scenario.as_demanded()
    scenario.judge.check("SYN-719", told_truly, "no success is told after a step failed", run.result.detail, run.last)
    scenario.synchronize()
    scenario.judge_end_state(requirement, covers=ALL)


STORING: dict[str, Callable[[], Disturbance]] = {
    "before-the-store": lambda: cut_before(at.APPEND_COMMAND),
    "inside-the-first-literal": lambda: cut_inside(at.APPEND_COMMAND),
    "inside-a-later-literal": lambda: cut_inside(at.APPEND_COMMAND, skip=1),
}


@pytest.mark.parametrize("place", STORING.values(), ids=list(STORING))
@client_case("interrupted-while-storing", "SYN-707")
def test_interrupted_while_storing(scenario: Scenario, place: Callable[[], Disturbance]) -> None:
    """A client that was interrupted inside a store stores the object the next time, and once."""
    scenario.establish(usual_base())
    scenario.without("MULTIAPPEND")
    news = [holding(f"message-{number}", message(f"message-{number}", "long " * 200)) for number in range(11, 14)]
    scenario.on_client.put(CONVERSATION, *news)
    witness = Witness(scenario)
    interrupt(scenario, place())
    partial = witness.strangers(scenario.store.snapshot())
    if partial:
        raise PreconditionNotReached(f"the server kept {partial[0]} of an interrupted store (see OP03-S2)")
    witness.observe("SYN-707")
    scenario.synchronize()
    scenario.judge_end_state("SYN-707", covers=ALL)


@client_case("acknowledgement-of-a-store-is-lost", "SYN-708")
def test_acknowledgement_of_a_store_is_lost(scenario: Scenario) -> None:
    """A client that never heard that an object was stored does not store one more copy of it in each retry."""
    scenario.establish(usual_base())
    new = item("message-11")
    scenario.on_client.put(CONVERSATION, new)
    interrupt(scenario, cut_before(at.APPEND_ANSWER))
    counts = [_copies_on_server(scenario, "message-11")]
    for _ in range(RETRIES - 1):
        again = cut_before(at.APPEND_ANSWER)
        scenario.disturb(again, again.told)
        counts.append(_copies_on_server(scenario, "message-11"))
    scenario.synchronize()
    counts.append(_copies_on_server(scenario, "message-11"))
    _judge_copies(scenario, counts)


def _copies_on_server(scenario: Scenario, name: str) -> int:
    wanted = scenario.on_client.state.folders[CONVERSATION][name].content.octets
    identity = scenario.stage.equality.identity
    objects = scenario.store.snapshot().folders.get(CONVERSATION, ())
    return sum(identity(each.octets) == identity(wanted) for each in objects)


def _judge_copies(scenario: Scenario, counts: list[int]) -> None:
    told = ", ".join(map(str, counts))
    scenario.judge.remark(f"copies on the server after each synchronization: {told}")
    expected = "the object on the server, once"
    if counts[0] == 0:
        raise PreconditionNotReached("the server did not keep the object whose acknowledgement was lost")
    if counts[-1] == 0 or counts[-1] > RETRIES:
        scenario.judge.contradicted("SYN-708", expected, f"copies after each synchronization: {told}")
    elif counts[-1] > 1:
        scenario.judge.undecided("SYN-708", expected, f"{counts[-1]} copies")
    else:
        scenario.judge_end_state("SYN-708", covers=ALL)


REMOVING: dict[str, Callable[[], Disturbance]] = {
    "before-the-mark": lambda: cut_before(at.MARK_COMMAND),
    "mark-not-acknowledged": lambda: cut_before(at.MARK_ANSWER),
    "between-mark-and-expunge": lambda: cut_after(at.MARK_ANSWER),
}


@pytest.mark.parametrize("place", REMOVING.values(), ids=list(REMOVING))
@client_case("interrupted-in-a-removal", "SYN-709")
def test_interrupted_in_a_removal(scenario: Scenario, place: Callable[[], Disturbance]) -> None:
    """A client that was interrupted between mark and expunge completes the removal, and removes nothing else."""
    scenario.establish(folder(CONVERSATION, *messages(*(f"message-{each}" for each in range(4, 10)))))
    scenario.on_client.remove(CONVERSATION, "message-4")
    scenario.synchronize()
    scenario.on_client.remove(CONVERSATION, "message-6", "message-8")
    _interrupt_and_recover(scenario, place(), "SYN-709")


MOVING: dict[str, Callable[[], Disturbance]] = {
    "first-half-not-acknowledged": lambda: cut_before(at.MOVING_ANSWER),
    "between-the-halves": lambda: cut_after(at.MOVING_ANSWER),
    "mark-not-acknowledged": lambda: cut_before(at.MARK_ANSWER),
}


@pytest.mark.parametrize("place", MOVING.values(), ids=list(MOVING))
@client_case("interrupted-in-a-move", "SYN-709")
def test_interrupted_in_a_move(scenario: Scenario, place: Callable[[], Disturbance]) -> None:
    """A client that was interrupted between the halves of a move keeps the object somewhere at all times."""
    scenario.establish(usual_base())
    scenario.on_client.move("message-1", CONVERSATION, ARCHIVE)
    witness = Witness(scenario)
    interrupt(scenario, place())
    witness.observe("SYN-709")
    scenario.synchronize()
    alike, contents = scenario.agreement()
    copies = contents[scenario.stage.equality.identity(item("message-1").content.octets)]
    if alike and copies > 1:
        scenario.judge.undecided("SYN-709", "the moved object once", f"{copies} copies of it on both sides")
    else:
        scenario.judge_end_state("SYN-709", covers=ALL)


LISTING: dict[str, Callable[[], Disturbance]] = {
    "inside-a-line-of-the-list": lambda: cut_inside(at.LIST_RESPONSE, skip=2),
    "between-two-lines-of-the-list": lambda: cut_after(at.LIST_RESPONSE, skip=2),
    "list-without-its-answer": lambda: cut_before(at.LIST_ANSWER),
    "bye-inside-the-list": lambda: say_bye(at.LIST_RESPONSE, skip=2),
    "create-not-acknowledged": lambda: cut_before(at.CREATE_ANSWER),
    "after-a-create": lambda: cut_after(at.CREATE_ANSWER),
}
TREE: tuple[FolderPath, ...] = (("One",), ("Three",), ("Five",))
EMPTY: tuple[FolderPath, ...] = (("Two",), ("Four",))


@pytest.mark.parametrize("place", LISTING.values(), ids=list(LISTING))
@client_case("interrupted-while-folders-are-listed-or-created", "SYN-710")
def test_interrupted_while_folders_are_listed_or_created(scenario: Scenario, place: Callable[[], Disturbance]) -> None:
    """A client takes no cut list for the list, removes no folder for it, and completes the step the next time."""
    _establish_tree(scenario)
    scenario.on_server.put(("New on the server",), item("message-11"))
    scenario.on_client.put(("New in local storage",), item("message-12"))
    scenario.on_client.create_folder(("New and empty",))
    _interrupt_and_recover(scenario, place(), "SYN-710")


DELETING: dict[str, Callable[[], Disturbance]] = {
    "delete-not-acknowledged": lambda: cut_before(at.DELETE_ANSWER),
    "after-a-delete": lambda: cut_after(at.DELETE_ANSWER),
}


@pytest.mark.parametrize("place", DELETING.values(), ids=list(DELETING))
@client_case("interrupted-while-folders-are-removed", "SYN-710")
def test_interrupted_while_folders_are_removed(scenario: Scenario, place: Callable[[], Disturbance]) -> None:
    """A client that was interrupted while it removed folders removes the rest the next time, and nothing else."""
    _establish_tree(scenario)
    for path in EMPTY:
        scenario.on_client.remove_folder(path)
    _interrupt_and_recover(scenario, place(), "SYN-710")


def _establish_tree(scenario: Scenario) -> None:
    base = usual_base()
    for path in EMPTY:
        base = folder(path, within=base)
    for number, path in enumerate(TREE, 21):
        base = folder(path, item(f"message-{number}"), within=base)
    scenario.establish(base)


BYES: dict[str, at.Place] = {
    "list": at.LIST_ANSWER,
    "selection": at.SELECT_ANSWER,
    "body": at.BODY_RESPONSE,
    "answer-after-the-bodies": at.FETCH_ANSWER,
    "store": at.APPEND_COMMAND,
    "removal": at.MARK_COMMAND,
}


@pytest.mark.parametrize("place", BYES.values(), ids=list(BYES))
@client_case("bye-in-the-middle-of-a-run", "SYN-715")
def test_bye_in_the_middle_of_a_run(scenario: Scenario, place: at.Place) -> None:
    """A client that hears BYE ends or connects again, and the next complete run makes both sides alike."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, *messages("message-11", "message-12"))
    scenario.on_client.put(ARCHIVE, item("message-13"))
    scenario.on_client.remove(ARCHIVE, "message-3")
    _interrupt_and_recover(scenario, say_bye(place), "SYN-715")
