"""The fault catalogue agrees with itself, and a trial tells apart what is found, what is missed, and what never was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.faults import campaign, mutation
from conformance.faults.catalogue import CatalogueError, Fault, catalogue, load
from conformance.faults.controls import CONTROLS, Expected, check
from conformance.faults.hooks import ClientHook, Hook, answers_ok
from conformance.faults.matrix import broken, lost, markdown, unproven, untried, verdict, without_proof
from conformance.faults.results import Checked, Kill, Matrix, Status, Trial
from conformance.faults.trial import attempt
from conformance.reference.client.object_step import ObjectStep
from conformance.spec import Role, requirements

LEAST = 150
CREATE = Fault("create-does-nothing", Role.SERVER, ("OP08-S1",), "CREATE", "It does nothing.")
NOTHING = Hook()


class NoRemoval(ObjectStep):
    """What was removed on the server stays in local storage."""

    def remove_locally(self) -> None:
        return None


class WrongWithoutTheFault(Hook):
    """A hook whose server is wrong already without it."""

    @property
    def removed(self) -> Hook:
        """A server that does nothing at CREATE."""
        return Hook(commands={"CREATE": answers_ok})


def test_the_catalogue_is_whole() -> None:
    """Every fault has its hook, and there are as many of both roles as were promised."""
    faults = catalogue().faults.values()
    assert len(faults) >= LEAST
    assert {each.role for each in faults} == {Role.SERVER, Role.CLIENT}
    assert all(each.id in catalogue().hooks or each.is_a_program for each in faults)


def test_no_two_faults_say_the_same() -> None:
    """A sentence tells what one fault does, and when."""
    told = [(each.role, each.sentence, each.trigger, each.cases) for each in catalogue().faults.values()]
    assert len(set(told)) == len(told)


ENTRY = {
    "id": '"a-fault"',
    "requirements": '["OP08-S1"]',
    "trigger": '"CREATE"',
    "sentence": '"It does nothing."',
}
WRONG: list[tuple[Mapping[str, str], str]] = [
    ({"id": '"A fault"'}, "lower-case words"),
    ({"requirements": "[]"}, "names no requirement"),
    ({"requirements": '["OP08-S99"]'}, "a requirement that there is not"),
    ({"requirements": '["SYN-403"]'}, "does not bind a server"),
    ({"requirements": '["OP03-S6"]'}, "is only recorded"),
    ({"cases": '["no-such-case"]'}, "a test case that there is not"),
    ({"sentence": '"no full stop"'}, "full stop"),
    ({"profile": '"hasty"'}, "'hasty' is not a valid Profile"),
    ({"colour": '"red"'}, "unknown keys: colour"),
    ({"server": '"dovecot"'}, "either a hook or a real program"),
    ({"claims": '"notification"'}, "dictionary update sequence"),
    ({"claims": "{ colour = true }"}, "claims an item that there is not"),
    ({"claims": '{ "trigger.user" = true }'}, "claims an item that there is not for its role"),
]


def _written(directory: Path, *entries: Mapping[str, str]) -> Path:
    tables = ["[[fault]]\n" + "\n".join(f"{key} = {value}" for key, value in each.items()) for each in entries]
    (directory / "faults.toml").write_text('role = "server"\n\n' + "\n\n".join(tables))
    return directory


@pytest.mark.parametrize(("changed", "told"), WRONG, ids=[told for _, told in WRONG])
def test_what_is_wrong_with_a_fault_is_told(tmp_path: Path, changed: Mapping[str, str], told: str) -> None:
    """The error names the fault and what is wrong with it."""
    with pytest.raises(CatalogueError, match=told) as error:
        load(_written(tmp_path, {**ENTRY, **changed}), {"a-fault": NOTHING})
    assert str(error.value).startswith(("a-fault", "A fault", "faults.toml"))


def test_ids_and_hooks_belong_together(tmp_path: Path) -> None:
    """No id stands twice, and no hook is left over."""
    with pytest.raises(CatalogueError, match="two faults have the id 'a-fault'"):
        load(_written(tmp_path, ENTRY, ENTRY), {"a-fault": NOTHING})
    with pytest.raises(CatalogueError, match="hooks without a fault in the catalogue: other"):
        load(_written(tmp_path, ENTRY), {"a-fault": NOTHING, "other": NOTHING})
    assert load(_written(tmp_path, ENTRY), {"a-fault": NOTHING}).faults["a-fault"].selection == ("OP08-S1",)


def test_a_fault_is_killed_by_its_requirement() -> None:
    """A server that does nothing at CREATE is found by the requirement on CREATE first."""
    trial = attempt(CREATE, Hook(commands={"CREATE": answers_ok}))
    assert trial.status is Status.KILLED
    assert {(each.requirement, each.first) for each in trial.kills} == {("OP08-S1", True)}


def test_what_alters_nothing_is_not_applied() -> None:
    """Two runs of one implementation are alike to the octet, so a fault without effect is seen to have none."""
    trial = attempt(CREATE, NOTHING)
    assert (trial.status, trial.kills) == (Status.NOT_APPLIED, ())


def test_a_fault_that_another_requirement_finds_survives() -> None:
    """A kill counts only if the requirement fails that the fault violates; the others are told."""
    other = replace(CREATE, requirements=("OP02-S1",), cases=("create-however-spelled",))
    trial = attempt(other, Hook(commands={"CREATE": answers_ok}))
    assert (trial.status, trial.kills) == (Status.SURVIVED, ())
    assert "OP08-S1" in trial.collateral


def test_a_fault_of_a_client_is_killed() -> None:
    """A client that removes nothing locally is found by the requirement on it."""
    case = "objects-removed-on-server-leave-local-storage"
    fault = Fault("no-removal", Role.CLIENT, ("SYN-406",), "a removal", "It does nothing.", (case,))
    trial = attempt(fault, ClientHook(NoRemoval))
    assert (trial.status, [each.case for each in trial.kills]) == (Status.KILLED, [case])
    assert attempt(fault, ClientHook()).status is Status.NOT_APPLIED


def test_a_fault_may_break_what_is_claimed() -> None:
    """A server that tells nothing while a client idles is wrong only if it claims to send notifications."""
    name = "nothing-is-told-while-idling"
    fault, hook = catalogue().faults[name], catalogue().hooks[name]
    assert attempt(fault, hook).status is Status.KILLED
    assert attempt(replace(fault, claims={}), hook).status is Status.SURVIVED


def test_a_control_that_is_not_green_proves_nothing() -> None:
    """Where the test cases find something without the fault, nothing is said of the fault."""
    trial = attempt(CREATE, WrongWithoutTheFault(commands={"CREATE": answers_ok}))
    assert trial.status is Status.ERROR
    assert "without the fault these are not green" in trial.detail


def test_a_missing_program_is_told() -> None:
    """A real program that is not there leaves its faults untried, visibly."""
    fault = replace(CREATE, id="p", server="imap://nobody@127.0.0.1:1/", options={"program": "/nowhere"})
    trial = attempt(fault, None)
    assert trial.status is Status.NOT_RUN
    assert trial.detail


@pytest.mark.parametrize(("name", "share"), [("null-server", 3), ("null-client", 3), ("lying-server", None)])
def test_a_control_holds(name: str, share: int | None) -> None:
    """What does nothing establishes nothing, and what lies fails; mostly a part of the cases is enough here."""
    seen = check(name, replace(CONTROLS[name], share=share))
    assert seen.holds, seen.observed


def test_a_control_that_does_not_hold_is_told() -> None:
    """A server that is wrong is not taken for a right one."""
    seen = check("wrong", replace(CONTROLS["null-server"], expected=Expected.NOTHING_WRONG, share=3))
    assert not seen.holds
    assert ": fail: " in seen.observed or ": inconclusive: " in seen.observed


def _sample() -> list[str]:
    """Every twelfth of the faults that are about another requirement each, and cost little."""
    return [each.id for each in campaign.representative(list(catalogue().faults.values()))][::12]


@pytest.mark.parametrize("name", _sample())
def test_a_fault_of_the_catalogue_is_killed(name: str) -> None:
    """A sample; `cpm-conformance selftest` tries them all."""
    trial = campaign.tried(name)
    assert trial.status is Status.KILLED, trial.detail


def _trial(fault: str, status: Status, *kills: tuple[str, str]) -> Trial:
    found = tuple(Kill(requirement=requirement, case=case, first=True) for requirement, case in kills)
    return Trial(fault=fault, about="OP08-S1", status=status, kills=found)


def _matrix(*trials: Trial, whole: bool = True, controls: tuple[Checked, ...] = ()) -> Matrix:
    return Matrix(suite="1", requirement_set="sha256:0", seed=1, whole=whole, trials=trials, controls=controls)


def test_what_is_found_no_more_is_told() -> None:
    """A selftest that finds less than the published one says what; a fault that could not be tried is not held so."""
    before = _matrix(_trial("a", Status.KILLED, ("OP08-S1", "x"), ("OP08-S1", "y")), _trial("b", Status.KILLED))
    assert lost(before, before) == []
    assert lost(before, _matrix(_trial("a", Status.KILLED, ("OP08-S1", "x")), _trial("b", Status.KILLED))) == [
        "a: OP08-S1 in y"
    ]
    assert lost(before, _matrix(_trial("a", Status.NOT_RUN), whole=False)) == []
    assert lost(before, _matrix(_trial("a", Status.NOT_RUN))) == ["b: no fault has this id any more"]


def test_the_verdict_counts_all_of_them() -> None:
    """What was not tried or is equivalent is told apart from what was found and what was missed."""
    names = {Status.KILLED: 2, Status.SURVIVED: 1, Status.NOT_APPLIED: 1, Status.EQUIVALENT: 1, Status.NOT_RUN: 3}
    trials = [_trial(f"{status.value}-{number}", status) for status, count in names.items() for number in range(count)]
    told = _matrix(*trials, controls=(Checked(control="c", sentence="s", holds=False),))
    assert verdict(told) == (
        "2 of 4 seeded faults were found by a requirement that they violate, 1 change nothing that can be seen, "
        "3 could not be tried; 0 of 1 controls hold."
    )
    assert (len(unproven(told)), len(untried(told)), len(broken(told))) == (2, 3, 1)


def test_counts_tell_what_a_requirement_finds() -> None:
    """What a requirement missed although it is about it counts, what it found besides does, too."""
    counts = _matrix(
        _trial("a", Status.KILLED, ("OP08-S1", "x")),
        _trial("b", Status.KILLED, ("OP08-S2", "x")),
        _trial("c", Status.SURVIVED),
    ).counts()
    assert {name: (each.found, each.seeded) for name, each in counts.items()} == {"OP08-S1": (1, 2), "OP08-S2": (1, 1)}


def test_the_page_is_a_table_whatever_is_told() -> None:
    """No text of a fault breaks the Markdown."""
    faults = {"a": replace(CREATE, id="a", trigger="a | b\nc")}
    page = markdown(_matrix(_trial("a", Status.SURVIVED)), faults, requirements())
    assert "| a | It does nothing. | a \\| b c | survived |  |" in page.splitlines()
    assert without_proof(_matrix(), requirements())


def test_a_judgement_that_is_taken_out_is_noticed() -> None:
    """Where a place is silenced that alone finds a fault, the kill is lost."""
    with mutation.watching() as noted:
        attempt(CREATE, Hook(commands={"CREATE": answers_ok}))
    places = next(each for (_, requirement), each in noted.contradicted.items() if requirement == "OP08-S1")
    assert {file for file, _ in places} <= {
        "test_5_5_2_8_names.py",
        "test_5_5_2_8_refusals.py",
        "test_cited_operations.py",
    }
    learned = mutation.learn("one-marked-object-stays")
    alone = {next(iter(places)): kill for kill, places in learned.kills.items() if len(places) == 1}
    assert alone
    for place, kill in alone.items():
        assert mutation.is_noticed(place, [kill]) == (place, kill)
    assert mutation.is_noticed(("test_5_5_2_8_names.py", 1), list(alone.values())[:1])[1] is None
