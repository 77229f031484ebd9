"""The writer of scripts: what it joins is one plain file, and what no script could show is told with the reason."""

from __future__ import annotations

import ast
import json
import sys
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest

from conformance.model.history import Act, AddObject, ChangeFlag, Follow, History, RemoveFolder, RemoveObject
from conformance.model.history import Synchronize as Sync
from conformance.model.objects import ObjectKind, StoredObject
from conformance.model.policy import Direction, Policy
from conformance.model.states import Item, Side
from conformance.scenario import places as at
from conformance.scenario.content import item
from conformance.scenario.counterexample import SavedCounterexample
from conformance.scenario.script import PACKAGE, PARTS, NoScript, client_script
from conformance.scenario.script_checks import with_checks
from conformance.selftest.standalone_scripts import A, B, history, interrupted, saved

PLAIN = history(RemoveObject(Side.SERVER, A, "old-1"))


def data_of(script: str) -> dict[str, Any]:
    """The counterexample inside a script."""
    for node in ast.parse(script).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DATA":
            found: dict[str, Any] = json.loads(ast.literal_eval(node.value))
            return found
    raise AssertionError("no data")


def test_it_imports_the_standard_library_alone() -> None:
    """And nothing that Python 3.9 does not have in its grammar."""
    tree = ast.parse(client_script(saved(PLAIN)), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {each.partition(".")[0] for each in imported} <= sys.stdlib_module_names


def test_no_part_hides_a_name_of_another() -> None:
    """All that the parts define stands in one module."""
    names: Counter[str] = Counter()
    for node in ast.parse(client_script(saved(PLAIN))).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names[node.name] += 1
        elif isinstance(node, ast.Assign):
            names.update(ast.unparse(target) for target in node.targets)
    assert not [name for name, count in names.items() if count > 1]


def test_every_part_is_joined() -> None:
    """In an order in which each stands after those that it needs when it is read."""
    parts = {path.name.removesuffix(".py") for path in files(PACKAGE).iterdir() if path.name.endswith(".py")}
    assert parts - {"__init__", "data"} == set(PARTS)
    for number, name in enumerate(PARTS):
        tree = ast.parse(files(PACKAGE).joinpath(f"{name}.py").read_text("utf-8"))
        needed = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        own = {each.removeprefix(f"{PACKAGE}.") for each in needed if each.startswith(PACKAGE)}
        assert own <= {"data", *PARTS[:number]}


def test_the_parts_alone_hold_no_counterexample(capsys: pytest.CaptureFixture[str]) -> None:
    """The module in the package says so."""
    from conformance.standalone.counterexample_client import main

    assert main([]) == 2
    assert "holds no counterexample" in capsys.readouterr().err


def test_any_octets_and_names_can_be_written() -> None:
    """Quotes, backslashes, NUL, 8 bit and what is no Unicode text."""
    nasty = StoredObject(ObjectKind.MESSAGE, b'Subject: """ \\ \'\'\' \r\n\r\n\\"\\"\\"\\n\r\n')
    binary = StoredObject(ObjectKind.MEDIA, bytes(range(256)))
    path = ('"""\\', "lone \ud800")
    what = history(
        *(AddObject(Side.LOCAL, path, Item(str(number), each)) for number, each in enumerate((nasty, binary)))
    )
    script = client_script(saved(what, expected='"""'))
    told = data_of(script.encode("utf-8").decode("utf-8"))
    contents = [each for each in told["contents"].values() if set(each["names"]) & {"0", "1"}]
    assert contents[0]["text"].encode("ascii") == nasty.octets
    assert "base64" in contents[1]
    assert tuple(told["steps"][1]["folder"]) == path
    assert told["expected"] == '"""'


@pytest.mark.parametrize(
    ("client", "server", "defaults"),
    [
        ("stdio:./adapter --fast", "reference", ("./adapter --fast", None)),
        ("reference", "imap://ada:***@host/root", ("cpm-conformance adapter reference", "imap://ada@host/root")),
        ("mbsync", "dovecot", ("cpm-conformance adapter mbsync -O 'Sync=Pull Push'", None)),
    ],
)
def test_it_knows_what_the_counterexample_knows(client: str, server: str, defaults: tuple[str, str | None]) -> None:
    """The defaults of --client and --server, without a password."""
    options = {"Sync": "Pull Push"} if client == "mbsync" else {}
    told = data_of(client_script(saved(PLAIN, client, server=server), options))
    assert (told["client"], told["server"]) == defaults


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (saved(PLAIN, role="server"), "not the client"),
        (saved(PLAIN, "none"), "no client"),
        (saved(PLAIN, "manual"), "a person"),
        (saved(history(interrupted(Act.KILL, at.APPEND_COMMAND.told)), "mbsync"), "does not outlive"),
        (saved(PLAIN, setting={"hidden": ["MOVE"]}), "hidden"),
        (saved(history(RemoveObject(Side.LOCAL, B, "old-1"))), "local removed old-1 from Beta"),
        (saved(history(interrupted(Act.BYE, "nowhere"))), "nowhere"),
    ],
)
def test_what_no_script_could_show_is_told(found: SavedCounterexample, why: str) -> None:
    """With the reason."""
    with pytest.raises(NoScript, match=why):
        client_script(found)


# The checks


def allowed(step: dict[str, Any]) -> dict[str, list[list[int]]]:
    """The allowed numbers of copies, by object."""
    return {each["object"]: each["allowed"] for each in step["expect"]["objects"]}


def test_each_settling_has_its_demands() -> None:
    """Copies on both sides, flags where they are determined, and both sides as they are before."""
    flagged = ChangeFlag(Side.LOCAL, A, "old-2", "\\Seen", on=False)
    steps = with_checks(history(RemoveObject(Side.SERVER, A, "old-1"), flagged))["steps"]
    assert [each["do"] for each in steps] == ["base", "remove object", "change flag", "synchronize"]
    assert allowed(steps[3]) == {"old-1": [[0, 0]], "old-2": [[1, 1]]}
    assert {each["object"]: each["flags"] for each in steps[3]["expect"]["objects"]}["old-2"] == {
        "local": [],
        "server": [],
    }
    assert {each["object"]: each["allowed"] for each in steps[3]["prepared"]["objects"]}["old-1"] == [[1, 0]]


def test_what_an_interruption_leaves_open_is_allowed() -> None:
    """A further copy of what was stored without an answer; what has to be there still right after it."""
    steps = with_checks(history(AddObject(Side.LOCAL, B, item("new-1")), interrupted(Act.CUT_AFTER, "a store")))[
        "steps"
    ]
    assert [name for name, _ in steps[2]["witness"]["kept"]["local"]] == ["old-1", "old-2", "new-1"]
    assert [name for name, _ in steps[2]["witness"]["kept"]["server"]] == ["old-1", "old-2"]
    assert sorted(allowed(steps[3])["new-1"]) == [[1, 1], [2, 2]]
    assert steps[3]["prepared"] is None


def test_what_is_there_in_any_case_is_demanded_later() -> None:
    """However many copies an interruption has left, one at least is not to be lost in the rounds after it."""
    cut = interrupted(Act.CUT_AFTER, at.APPEND_COMMAND.told)
    steps = with_checks(history(AddObject(Side.LOCAL, B, item("new-1")), cut, Sync(), cut))["steps"]
    assert "new-1" in [name for name, _ in steps[4]["witness"]["kept"]["server"]]
    assert sorted(allowed(steps[5])["new-1"]) == [[1, 1], [2, 2]]


def test_nothing_is_demanded_right_after_a_refused_change_of_flags() -> None:
    """No failure may rest on it."""
    steps = with_checks(history(interrupted(Act.NO, at.STORE_COMMAND.told)))["steps"]
    assert steps[1]["witness"] is None


def test_what_is_open_after_a_conflict_stays_open() -> None:
    """In the rounds after it either outcome is allowed, and may be prepared."""
    conflict = (RemoveFolder(Side.SERVER, A), AddObject(Side.LOCAL, A, item("new-1")))
    later = (AddObject(Side.LOCAL, B, item("new-2")), Sync())
    steps = with_checks(History(history().base, (*conflict, Sync(), *later)))["steps"]
    disputed = {tuple(each["folder"]): each["allowed"] for each in steps[-1]["expect"]["folders"]}
    assert disputed[A] == [[1, 1], [0, 0]]
    assert disputed[B] == [[1, 1]]
    assert sorted(allowed(steps[-1])["new-1"]) == [[0, 0], [1, 1]]
    assert allowed(steps[-1])["new-2"] == [[1, 1]]
    assert [1, 1] in {each["object"]: each["allowed"] for each in steps[-1]["prepared"]["objects"]}["new-1"]


def test_a_policy_is_followed() -> None:
    """The script tells the client, and the demands are those of the policy."""
    upload = Follow(Policy(direction=Direction.UPLOAD))
    steps = with_checks(history(upload, RemoveObject(Side.SERVER, A, "old-1")))["steps"]
    assert steps[1]["policy"]["direction"] == "upload"
    assert allowed(steps[3])["old-1"] == [[1, 0]]
