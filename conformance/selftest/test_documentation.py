"""The documentation, held to the suite: each command in it is run as it stands, and every name in it exists."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import click
import pytest
import yaml

from conformance.cli import cli
from conformance.clients.protocol import StorageClient
from conformance.clients.registry import CLIENTS
from conformance.execution.launcher import selectable
from conformance.faults.catalogue import catalogue
from conformance.outcomes import Reason
from conformance.plugin import OPTIONS as OF_PYTEST
from conformance.programs import find_program
from conformance.selftest.documents import PAGES, ROOT, Command, File, agrees, anchors, blocks, links, spans, steps
from conformance.selftest.programs import or_skip
from conformance.selftest.reader import FAST, NOT_RUN, Reader, expected_codes, reading, reason_not_to_run
from conformance.servers.container import OPTIONS as OF_CONTAINERS
from conformance.servers.location import OPTIONS as OF_URLS
from conformance.servers.registry import SERVERS

NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
FOREIGN = {
    "docker": {"-f", "-t", "--rm", "--network", "--user", "-v"},
    "kubectl": {"--from-literal", "-f", "--for", "--timeout"},
    "tox": {"-e"},
    "pytest": {"-k", "-x", "-n", "--alluredir", "--junitxml", "--pyargs", "-q"},
}
"""Options of programs of others that a page may name; they were looked up in their documentation."""
PROGRAMS = {"dovecot": "/usr/sbin", "mbsync": ""}
"""Programs that are judged in a page, with the directory that PATH often leaves out."""
every_page = pytest.mark.parametrize("name", NAMES)


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _commands(text: str) -> list[str]:
    """Each simple command of a page, of lists such as `a && b` too, without redirections and variables before it."""
    lines = [each.text for each in steps(text) if isinstance(each, Command)]
    return [re.sub(r"^(?:[A-Z_]+=\S+ )+", "", part) for line in lines for part in re.split(r" && | \| | > ", line)]


@every_page
def test_each_command_does_what_the_page_says(name: str, tmp_path: Path) -> None:
    """Run in the order of the page, every command ends and prints as shown."""
    found = list(steps(_text(name)))
    lines = [each.text for each in found if isinstance(each, Command) and not reason_not_to_run(each.text)]
    for program, place in PROGRAMS.items():
        if any(re.search(rf"--(server|client) {program}\b", line) for line in lines):
            or_skip(lambda program=program, place=place: find_program(program, "install it", after=[place]))  # type: ignore[misc]
    with reading(tmp_path) as reader:
        _read(found, reader)


def _read(found: list[Command | File], reader: Reader) -> None:
    for position, step in enumerate(found):
        if isinstance(step, File):
            reader.write(step)
        elif step.text != "echo $?" and not reason_not_to_run(step.text):
            done = reader.run(step)
            told = found[position + 1] if position + 1 < len(found) else None
            asked = isinstance(told, Command) and told.text == "echo $?"
            codes = {int(told.shown[0])} if isinstance(told, Command) and asked else expected_codes(step.text)
            printed = "\n".join(done.printed)
            assert done.code in codes, f"$ {step.text}\n{printed}\nexit code {done.code}"
            shown = [reader.here(line, step.text) for line in step.shown]
            assert not shown or agrees(shown, done.printed), f"$ {step.text}\n{printed}\nbut the page shows:\n" + (
                "\n".join(shown)
            )


@every_page
def test_every_command_and_option_exists(name: str) -> None:
    """Whatever a page runs or names in its text is a command, with options and values that it has."""
    text = _text(name)
    named = [each for each in spans(text) if each.startswith("cpm-conformance ")]
    for line in [*_commands(text), *named]:
        words = shlex.split(line)
        if words[0] == "cpm-conformance" or words[:2] == ["docker", "run"]:
            place = words.index("cpm-conformance")
            assert not _unknown(words[place + 1 :]), line
            words = words[:place]
        words = words[: words.index("--")] if "--" in words else words
        if words and words[0] in FOREIGN:
            known = FOREIGN[words[0]] | _of_pytest()
            assert {each.partition("=")[0] for each in words if each.startswith("-")} <= known, line


def _of_pytest() -> set[str]:
    return {"--cpm-select", "--cpm-option", *(name for name, _ in OF_PYTEST)}


def _unknown(words: list[str]) -> list[str]:
    """What is wrong in the words of a command line of the suite."""
    if not words or words[0].startswith("-"):
        return [each for each in words if each not in ("--help", "-h", "--version")]
    command = cli.commands.get(words[0])
    if command is None:
        return words[:1]
    options = {spelling: each for each in command.params for spelling in each.opts if isinstance(each, click.Option)}
    found = []
    for word, value in pairwise([*words[1:], ""]):
        if word.startswith("-") and word not in ("--help", "-h"):
            name, _, joined = word.partition("=")
            found += [word] if name not in options or not _fits(name, options[name], joined or value) else []
    return found


def _fits(name: str, option: click.Parameter, value: str) -> bool:
    if not value:
        return True
    if name == "--select":
        return value in selectable() or value in ("ID", "SYN-999")
    if name == "-O":
        return value.partition("=")[0] in _adapter_options() or value in ("key=value", "KEY=VALUE")
    return not isinstance(option.type, click.Choice) or value in option.type.choices


@cache
def _adapter_options() -> frozenset[str]:
    clients = {key for each in CLIENTS.names() for key in getattr(CLIENTS.adapter(each), "OPTIONS", {})}
    servers = {key for each in SERVERS.names() for key in getattr(SERVERS.adapter(each), "OPTIONS", {})}
    servers |= {*OF_URLS, *OF_CONTAINERS}
    return frozenset(clients | {f"server.{each}" for each in servers})


@every_page
def test_every_option_in_running_text_exists(name: str) -> None:
    """An option that a sentence names is one of the suite or of pytest, with a value that it takes."""
    for span in spans(_text(name)):
        words = span.split()
        for word, value in pairwise([*words, ""]):
            if word.startswith("-") and words[0].startswith("-") and word not in FOREIGN["pytest"] | _of_pytest():
                option, _, joined = word.partition("=")
                known = [each for command in cli.commands.values() for each in command.params if option in each.opts]
                assert option in ("--cpm-", "--help") or any(_fits(option, each, joined or value) for each in known), (
                    span
                )


@every_page
def test_every_link_leads_somewhere(name: str) -> None:
    """A link within the project has a file, and its anchor a heading there."""
    for link in links(_text(name)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


@every_page
def test_every_file_that_is_named_exists(name: str) -> None:
    """A path into the project, in text or commands, is there."""
    text = _text(name)
    words = [word for each in spans(text) for word in each.split()]
    words += [word for each in _commands(text) for word in shlex.split(each)]
    for word in words:
        found = re.search(r"(?:^|:|\s)((?:fixtures|conformance|docs|\.github)/[\w./-]+)", word)
        assert not found or (ROOT / found[1]).exists(), word


@every_page
def test_every_variable_exists(name: str) -> None:
    """An environment variable of the suite that a page names is read somewhere."""
    places = [*ROOT.glob("conformance/**/*.py"), *ROOT.glob("fixtures/ci/*"), ROOT / ".ci/run"]
    read = {each for path in places if path.is_file() for each in re.findall(r"\bCPM_[A-Z_]+", path.read_text("utf-8"))}
    assert set(re.findall(r"\bCPM_[A-Z_]+\b", _text(name))) <= read


@pytest.mark.parametrize("name", [each for each in NAMES if each.startswith("docs/")])
def test_lines_are_wrapped(name: str) -> None:
    """Running text has at most 120 characters a line; tables, commands and output have what they need."""
    for line in re.sub(r"^```.*?^```$", "", _text(name), flags=re.M | re.S).splitlines():
        assert len(line) <= 120 or line.startswith("|"), line


def test_every_message_that_is_explained_is_said() -> None:
    """The messages in the tables of the page on troubles stand in the code."""
    rows = re.findall(r"^\| `([^`]+)` \|", _text("docs/troubleshooting.md"), re.MULTILINE)
    messages = [each for each in rows if " " in each]
    said = "\n".join(_said())
    assert len(messages) > 4
    assert not [each for each in messages if each not in said]


def _said() -> list[str]:
    """Every piece of text in the code of the suite."""
    modules = [path for path in ROOT.glob("conformance/**/*.py") if "selftest" not in path.parts]
    nodes = [node for path in modules for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_every_reason_is_explained() -> None:
    """The page on troubles says of each reason what it means; a failure and a recommendation explain themselves."""
    told = set(spans(_text("docs/troubleshooting.md")))
    plain = {Reason.CONTRADICTION, Reason.RECOMMENDATION, Reason.NOT_CLAIMED, Reason.SUITE}
    assert {each.value for each in Reason if each not in plain} <= told


def test_every_method_of_an_adapter_is_told() -> None:
    """The page on adapters names the methods of a client, and the group that makes one known."""
    text = _text("docs/writing-an-adapter.md")
    told = {each.partition("(")[0] for each in spans(text)}
    methods = {name for name in vars(StorageClient) if not name.startswith("_")}
    assert methods <= told
    assert f'[project.entry-points."{CLIENTS.group}"]' in text
    assert SERVERS.group in told


def test_the_workflows_of_the_page_use_what_there_is() -> None:
    """Inputs of the action and jobs of the template that the page on continuous integration names exist."""
    files = [
        yaml.safe_load(each.text) for each in blocks(_text("docs/continuous-integration.md")) if each.language == "yaml"
    ]
    github, gitlab = files
    action = yaml.safe_load(_text(".github/actions/cpm-conformance/action.yml"))
    template = yaml.safe_load(_text("fixtures/ci/gitlab-ci.yml"))
    [step] = [each for each in github["jobs"]["conformance"]["steps"] if "cpm-conformance@" in each.get("uses", "")]
    assert set(step["with"]) <= set(action["inputs"])
    job = gitlab["conformance"]
    assert job["extends"] in template
    assert set(job["variables"]) <= set(template[".cpm-conformance-base"]["variables"])


def test_the_fault_and_the_cases_of_fast_commands_exist() -> None:
    """What makes commands fast is there, and cheap: a few test cases, and one fault."""
    assert FAST["cpm-conformance selftest"].split()[-1] in catalogue().faults
    assert not _unknown(["run", *FAST["cpm-conformance run"].split()])


def test_commands_that_are_not_run_have_the_options_that_they_name() -> None:
    """Of Python's own programs the help is asked; what is left out without need is found."""
    used = [each for name in NAMES for each in _commands(_text(name)) if reason_not_to_run(each)]
    for start in NOT_RUN:
        assert any(each.startswith(start) for each in used), f"{start} stands in no page"
    asked = {"python3 -m venv": ["venv"], ".venv/bin/pip install": ["pip", "install"]}
    for start, module in asked.items():
        options = {word for each in used if each.startswith(start) for word in shlex.split(each) if word[0] == "-"} - {
            "-m"
        }
        told = subprocess.run(
            [sys.executable, "-m", *module, "--help"], capture_output=True, text=True, check=True
        ).stdout
        assert all(re.search(rf"(^|[\s,]){each}\b", told, re.MULTILINE) for each in options), start


@pytest.mark.parametrize(
    ("shown", "printed", "is_so"),
    [
        (["a", "…"], ["a"], True),
        (["a", "…", "c"], ["a", "b", "b", "c"], True),
        (["a … c"], ["a b c"], True),
        (["a"], ["a", "b"], False),
        (["b", "a"], ["a", "b"], False),
        (["a … d"], ["a b c"], False),
        (["…", "d"], ["a", "b"], False),
    ],
)
def test_what_is_shown_is_compared(shown: list[str], printed: list[str], *, is_so: bool) -> None:
    """Only `…` stands for what differs, and the order counts."""
    assert agrees(shown, printed) is is_so


@pytest.mark.parametrize(
    "line",
    ["frobnicate", "run --sever x", "run --role both", "run --select SYN-998", "run -O server.nope=1", "diff --to x"],
)
def test_wrong_commands_are_found(line: str) -> None:
    """A misspelt command, option or value of a page would be told."""
    assert _unknown(line.split())
