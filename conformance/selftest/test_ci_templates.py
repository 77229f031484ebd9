"""What implementers put into their CI: action, templates and container file are whole, and their scripts work."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.cli import cli
from conformance.configuration import read
from conformance.programs import find_program
from conformance.report.baseline import read_baseline
from conformance.resources import fixture
from conformance.selftest.documents import ROOT
from conformance.selftest.pipelines import Action, job, load, shell, variables
from conformance.selftest.programs import or_skip
from conformance.selftest.reader import commands
from conformance.selftest.standalone_scripts import client

ACTION = ROOT / ".github/actions/cpm-conformance/action.yml"
WORKFLOWS = [ROOT / ".github/workflows/example.yml", fixture("ci", "example", "github-workflow.yml")]
TEMPLATE = fixture("ci", "gitlab-ci.yml")
EXAMPLE = fixture("ci", "example")
PYTHON = {"actions/setup-python": {"python-path": sys.executable}, "actions/upload-artifact": {}}
INSTALL = "Install the suite"
QUICK = "SYN-406"
FAULT = "keeps what was removed on the server"


@pytest.fixture
def programs(tmp_path: Path) -> str:
    """A PATH on which the suite is installed."""
    commands(tmp_path / "programs")
    return f"{tmp_path / 'programs'}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def action(tmp_path: Path) -> Action:
    """The action, with the suite installed where its second step would put it."""
    return _action(tmp_path, "job")


def _action(work: Path, name: str) -> Action:
    made = Action(ACTION, work, work / name, PYTHON)
    commands(made.temporary / "cpm-conformance" / "bin", python="python")
    made.content["runs"]["steps"] = [each for each in made.content["runs"]["steps"] if each.get("name") != INSTALL]
    return made


def _scripts(path: Path) -> list[str]:
    content = load(path)
    found = content["runs"]["steps"] if "runs" in content else []
    found = found or [step for each in content.get("jobs", {}).values() for step in each["steps"]]
    return [each["run"] for each in found if "run" in each]


@pytest.mark.parametrize("path", [ACTION, *WORKFLOWS], ids=lambda path: path.name)
def test_inputs_reach_scripts_through_the_environment_only(path: Path) -> None:
    """An expression within a script would run whatever an input says."""
    for script in _scripts(path):
        assert "${{" not in script
        assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0, script


def test_every_input_is_used_and_every_option_exists() -> None:
    """The inputs that are handed on are options of the suite, and there is no other."""
    text = ACTION.read_text("utf-8")
    content = load(ACTION)
    assert {each for each in content["inputs"] if f"inputs.{each}" not in text} == set()
    assert set(re.findall(r"inputs\.([\w-]+)", text)) <= set(content["inputs"])
    for command, names in re.findall(r'arguments=\((run|merge).*?known="([^"]*)"', text, re.DOTALL):
        options = {spelling for each in cli.commands[command].params for spelling in each.opts}
        assert {f"--{each}" for each in names.split()} <= options
    assert all(each["shell"] == "bash" for each in content["runs"]["steps"] if "run" in each)


@pytest.mark.parametrize(("fail_on", "code"), [("not-conformant", 0), ("not-established", 2), ("anything", 4)])
def test_the_action_judges_and_tells(action: Action, programs: str, fail_on: str, code: int) -> None:
    """It has the exit code that was asked for, a summary, outputs, annotations, and an artifact with the report."""
    given = {"role": "client", "select": f"{QUICK}\nSYN-407", "fail-on": fail_on, "output": "reports/here"}
    assert action.run(given, programs) == code, action.printed
    assert action.summary.read_text("utf-8").startswith("# CPM conformance")
    outputs = {name: action.told(each["value"]) for name, each in action.content["outputs"].items()}
    assert outputs == {"exit-code": "2", "verdict": "not-established", "report": "reports/here/report.json"}
    assert "::warning title=client%3A not established::" in action.printed
    assert [each["path"] for each in action.uploaded] == ["reports/here"]
    assert json.loads((action.directory / outputs["report"]).read_text("utf-8"))["header"]["roles"] == ["client"]


def test_a_contradiction_fails_until_it_is_known(tmp_path: Path, programs: str) -> None:
    """A client that keeps what was removed is annotated as an error, and as a notice once the baseline has it."""
    given = {"role": "client", "select": QUICK, "client": f"stdio:{client(tmp_path / 'client', FAULT)}"}
    first = _action(tmp_path, "first")
    assert first.run(given, programs) == 1, first.printed
    assert "::error title=SYN-406 (5.5.2.20-3c)::expected: " in first.printed
    written = shell("cpm-conformance baseline reports/latest/report.json", tmp_path, {"PATH": programs}).printed
    (tmp_path / "known.toml").write_text(written.replace('why = ""', 'why = "ticket 17"'), "utf-8")
    second = _action(tmp_path, "second")
    assert second.run({**given, "baseline": "known.toml"}, programs) == 0, second.printed
    assert "::notice title=SYN-406 (5.5.2.20-3c)::" in second.printed
    assert "::error" not in second.printed


def test_what_a_run_prints_is_no_command_to_the_runner(action: Action, programs: str) -> None:
    """Between the two marks, whose name nobody can guess, the runner obeys nothing."""
    assert action.run({"select": QUICK}, programs) == 0
    [token] = re.findall(r"^::stop-commands::([0-9a-f]{32})$", action.printed, re.MULTILINE)
    start, end = action.printed.index("::stop-commands::"), action.printed.index(f"\n::{token}::\n")
    assert start < action.printed.index("Reports") < end


@pytest.mark.parametrize("kept", [(), ("merge",)], ids=["run", "merge"])
def test_an_input_cannot_run_anything(action: Action, programs: str, kept: tuple[str, ...]) -> None:
    """Whatever an input holds is one word of the command line, or none."""
    hostile = "$(touch pwned) `touch pwned`; touch pwned #"
    without = {"output", "artifact", "python-version"} | ({"merge"} - set(kept))
    given = {name: hostile for name in action.content["inputs"] if name not in without}
    assert action.run(given, programs) == 4
    assert action.run({"select": QUICK, "role": "server", "output": hostile}, programs) == 0
    assert not list(action.directory.rglob("pwned"))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"server": "dovcot"}, 4),
        ({"config": "nowhere.toml"}, 3),
        ({"merge": "nowhere/*.json"}, 3),
        ({"workers": "x"}, 4),
    ],
)
def test_what_could_not_run_fails(action: Action, programs: str, given: dict[str, str], code: int) -> None:
    """Without a report the action fails, and an older one in the same place is not taken for its own."""
    old = action.directory / "reports/latest/report.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    assert action.run(given, programs) == code, action.printed
    assert not action.uploaded
    assert not action.summary.exists()


def test_shards_are_merged_by_the_action(tmp_path: Path, programs: str) -> None:
    """A shard fails only if it could not run; the merged report has the verdict."""
    for part in ("1", "2"):
        made = _action(tmp_path, f"part-{part}")
        given = {"select": "5.5.2.20-3c", "shard": f"{part}/2", "output": f"reports/shard-{part}"}
        assert made.run({**given, "fail-on": "not-established"}, programs) == 0, made.printed
    merged = _action(tmp_path, "merged")
    given = {"merge": "reports/*/report.json", "output": "reports/merged", "fail-on": "not-established"}
    assert merged.run(given, programs) == 2, merged.printed
    report = json.loads((tmp_path / "reports/merged/report.json").read_text("utf-8"))
    assert len(report["cases"]) == 7
    assert report["header"]["shards"] is None


@pytest.mark.parametrize(
    ("given", "installed"),
    [
        ({}, [f"{ACTION.parent}/../../.."]),
        ({"version": "0.1.0", "install": "pocket\n./adapter"}, ["cpm-sync-conformance==0.1.0", "pocket", "./adapter"]),
    ],
)
def test_the_action_installs_the_suite(tmp_path: Path, given: dict[str, str], installed: list[str]) -> None:
    """From its own repository, or a version of the index, with packages of adapters; `python` here only records."""
    recorder = tmp_path / "python"
    recorder.write_text(
        '#!/bin/sh\n[ "$2" = venv ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python"\n'
        f'printf "%s\\n" "$@" > "{tmp_path}/called"\n'
    )
    recorder.chmod(0o755)
    made = Action(
        ACTION, tmp_path, tmp_path / "job", {**PYTHON, "actions/setup-python": {"python-path": str(recorder)}}
    )
    made.content["runs"]["steps"] = made.content["runs"]["steps"][:2]
    assert made.run(given, os.environ["PATH"]) == 0, made.printed
    assert (tmp_path / "called").read_text().splitlines() == ["-m", "pip", "install", "--quiet", *installed]
    assert (ACTION.parent / "../../../pyproject.toml").is_file()


def _annotations(*findings: dict[str, Any]) -> list[str]:
    spec = importlib.util.spec_from_file_location("annotate", ACTION.parent / "annotate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    report = {
        "requirements": [{"id": each["requirement"], "clause": "5.5.2.6"} for each in findings],
        "cases": [{"id": "a case", "findings": list(findings)}],
        "verdict": {"server": "not-conformant", "client": None},
    }
    found: list[str] = module.annotations(report)
    return found


def _finding(requirement: str, observed: str, **more: object) -> dict[str, Any]:
    return {"requirement": requirement, "outcome": "fail", "expected": "e", "observed": observed, "known": None, **more}


def test_failures_are_annotated_without_giving_orders() -> None:
    """What a server said stays in the text of one annotation, even if it looks like a command."""
    [line] = _annotations(_finding("OP06-S1", "100%\n::error::pwned\r\n##[error]"))
    assert line.startswith(
        "::error title=OP06-S1 (5.5.2.6)::expected: e%0Aobserved: 100%25%0A::error::pwned%0D%0A##[error]"
    )
    assert "\n" not in line
    assert "\r" not in line


def test_known_failures_are_notices_and_no_flood() -> None:
    """A failure that the baseline knows is told mildly; more than ten of a kind would not be shown."""
    many = [_finding(f"OP06-S{number}", "gone") for number in range(20)]
    lines = _annotations(*many, _finding("OP02-S7", "moved", known={"why": "ticket 17"}))
    assert [each.partition(" ")[0] for each in lines] == ["::error"] * 10 + ["::notice"]
    assert lines[-1].endswith("known: ticket 17")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_use_the_inputs_that_there_are(path: Path) -> None:
    """Every input that an example gives exists, and the rights of its token are no more than reading."""
    content, inputs = load(path), load(ACTION)["inputs"]
    used = [
        step for each in content["jobs"].values() for step in each["steps"] if "cpm-conformance" in step.get("uses", "")
    ]
    assert used
    assert all(set(each["with"]) <= set(inputs) for each in used)
    assert content["permissions"] == {"contents": "read"}
    assert {"push", "pull_request"} <= set(content["on"])


KEYWORDS = {
    *("allow_failure", "artifacts", "before_script", "extends", "image", "needs", "parallel", "rules", "script"),
    *("services", "variables"),
}


@pytest.mark.parametrize("name", [each for each in load(TEMPLATE) if each != ".cpm-conformance-base"])
def test_jobs_of_gitlab_are_whole(name: str) -> None:
    """A job has only keywords that GitLab knows, keeps its report whatever the verdict, and never fails unseen."""
    found = job(load(TEMPLATE), name)
    assert name.startswith(".")
    assert set(found) <= KEYWORDS
    assert found["artifacts"]["when"] == "always"
    assert all(isinstance(each, str) for each in found["variables"].values())
    assert set(found["allow_failure"]["exit_codes"]) <= ({1, 2} if "shard" in name else {2})
    for line in [*found["before_script"], *found["script"]]:
        assert subprocess.run(["sh", "-n"], input=line, text=True, check=False).returncode == 0, line
    assert "reports" in found["artifacts"] or "shard" in name


@pytest.mark.parametrize("interpreter", [("sh", "-ec"), ("bash", "-eo", "pipefail", "-c")], ids=["sh", "bash"])
def test_the_job_of_gitlab_judges(tmp_path: Path, programs: str, interpreter: tuple[str, ...]) -> None:
    """It has the exit code of the run, and its JUnit report where GitLab looks for it; words keep their spaces."""
    shutil.copytree(fixture("clients", "stdio"), tmp_path / "my adapter")
    found = job(load(TEMPLATE), ".cpm-conformance")
    given = variables(found, CPM_ROLE="client", CPM_ARGUMENTS=f"--select {QUICK}")
    given["CPM_CLIENT"] = "stdio:python3 'my adapter/example.py'"
    done = shell("\n".join(found["script"]), tmp_path, {**given, "PATH": programs}, interpreter)
    assert done.code == 2, done.printed + done.errors
    assert "stdio example" in done.printed
    reported = found["artifacts"]["reports"]["junit"].replace("$CPM_OUTPUT", given["CPM_OUTPUT"])
    assert (tmp_path / reported).is_file()


def test_the_shards_of_gitlab_are_merged(tmp_path: Path, programs: str) -> None:
    """Each shard writes to a place of its own, which it keeps; the job after them finds all."""
    content = load(TEMPLATE)
    shard, merge = job(content, ".cpm-conformance-shard"), job(content, ".cpm-conformance-merge")
    for part in ("1", "2"):
        given = variables(shard, CI_NODE_INDEX=part, CI_NODE_TOTAL="2", CPM_ARGUMENTS="--select 5.5.2.20-3c")
        done = shell("\n".join(shard["script"]), tmp_path, {**given, "PATH": programs})
        assert done.code == 2, done.printed + done.errors
        assert (tmp_path / f"reports/shard-{part}/report.json").is_file()
    assert shard["artifacts"]["paths"] == ["$CPM_OUTPUT"]
    done = shell("\n".join(merge["script"]), tmp_path, {**variables(merge), "PATH": programs})
    assert done.code == 2, done.printed + done.errors
    assert "✓ 7 pass" in done.printed
    assert (tmp_path / "reports/merged/junit.xml").is_file()


def test_nightly_shards_have_one_seed(tmp_path: Path, programs: str) -> None:
    """The schedule's rule gives all shards of a pipeline the same seed, without which the suite refuses."""
    shard = job(load(TEMPLATE), ".cpm-conformance-shard")
    [nightly] = [each["variables"] for each in shard["rules"] if "schedule" in each["if"]]
    predefined = {"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "2", "CI_PIPELINE_ID": "1234567890"}
    given = variables(shard, **nightly, **predefined, CPM_ARGUMENTS=f"--select {QUICK}")
    done = shell("\n".join(shard["script"]), tmp_path, {**given, "PATH": programs})
    assert done.code == 2, done.printed + done.errors
    assert "profile nightly, seed 1234567890" in done.printed


def test_the_example_of_gitlab_extends_the_template() -> None:
    """Jobs, variables and references of the example stand in the template, and its merging job waits for the shards."""
    content, template = load(EXAMPLE / "gitlab-ci.yml"), load(TEMPLATE)
    [included] = content.pop("include")
    assert ROOT / included["file"] == ROOT / "fixtures/ci/gitlab-ci.yml"
    for name, each in content.items():
        assert each["extends"] in template, name
        assert set(each) <= KEYWORDS
        assert set(each.get("variables", {})) <= set(template[".cpm-conformance-base"]["variables"])
        assert set(each.get("needs", [])) <= set(content)
    assert content["server"]["before_script"][-1] == [".cpm-conformance-base", "before_script"]


def test_the_example_can_be_read() -> None:
    """Its files are what the suite takes for a configuration and a baseline."""
    assert read(EXAMPLE / "client.toml", {}).client == "stdio:python3 adapter.py"
    assert read(EXAMPLE / "server.toml", {}).client == "none"
    assert len(read_baseline(EXAMPLE / "known-failures.toml")) == 3


def _tox(name: str) -> str:
    section = (EXAMPLE / "tox.ini").read_text("utf-8").partition(f"[testenv:{name}]\n")[2]
    line: str
    [line] = re.findall(r"^commands = (.*)$", section.partition("\n[")[0], re.MULTILINE)
    return line


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        ("client", f"--select {QUICK}", 2),
        ("pytest", f"--cpm-select {QUICK}", 0),
        ("server", "--select OP02-S7 --select OP02-S14", 0),
    ],
)
def test_the_example_runs(tmp_path: Path, programs: str, name: str, more: str, code: int) -> None:
    """What its tox environments do, with the example client in the place of a product; the known failures are known."""
    if name == "server":
        or_skip(lambda: find_program("dovecot", "install it", after=["/usr/sbin"]))
    work = tmp_path / "work"
    shutil.copytree(EXAMPLE, work)
    shutil.copy(fixture("clients", "stdio", "example.py"), work / "adapter.py")
    shutil.copy(fixture("clients", "stdio", "small_client.py"), work)
    done = shell(_tox(name).replace("{posargs}", more), work, {"PATH": programs})
    assert done.code == code, done.printed + done.errors
    assert list(work.glob("reports/*/report.json"))


def _pods() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(fixture("ci", "kubernetes-job.yaml").read_text("utf-8")))


def test_the_pods_are_the_shards() -> None:
    """There are as many pods as shards, none of them privileged, and none is run again to another verdict."""
    shards, merge = _pods()
    spec = shards["spec"]
    assert spec["completionMode"] == "Indexed"
    for each in (shards, merge):
        [container] = each["spec"]["template"]["spec"]["containers"]
        [count] = [one["value"] for one in container["env"] if one["name"] == "SHARDS"]
        assert int(count) == spec["completions"] == spec["parallelism"]
        assert each["apiVersion"] == "batch/v1"
        assert each["spec"]["backoffLimit"] == 0
        assert each["spec"]["template"]["spec"]["restartPolicy"] == "Never"
        assert each["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]


def test_the_scripts_of_the_pods_work(tmp_path: Path, programs: str) -> None:
    """Two pods run their parts, and the job after them merges; only a selection of the test cases is run here."""
    real = tmp_path / "programs/cpm-conformance"
    real.rename(tmp_path / "programs/whole")
    real.write_text('#!/bin/sh\n[ "$1" != run ] || set -- "$@" --select 5.5.2.20-3c\nexec whole "$@"\n')
    real.chmod(0o755)
    scripts = [each["spec"]["template"]["spec"]["containers"][0] for each in _pods()]
    shards, merge = ([*each["command"], each["args"][0]] for each in scripts)
    given = {"PATH": programs, "SHARDS": "2", "CPM_SERVER": "reference"}
    for index in ("0", "1"):
        done = shell(shards[-1], tmp_path, {**given, "JOB_COMPLETION_INDEX": index}, shards[:-1])
        assert done.code == 0, done.printed + done.errors
    done = shell(merge[-1], tmp_path, given, merge[:-1])
    assert done.code == 2, done.printed + done.errors
    assert "✓ 7 pass" in done.printed
    done = shell(shards[-1], tmp_path, {**given, "JOB_COMPLETION_INDEX": "0", "CPM_SERVER": "dovcot"}, shards[:-1])
    assert done.code == 4


def test_the_image_holds_what_the_package_is_built_from() -> None:
    """The container file copies every file that the build needs, names no registry, and does not run as root."""
    text = fixture("ci", "Containerfile").read_text("utf-8")
    copied = {word for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    assert needed | set(wheel["packages"]) | set(wheel["force-include"]) <= copied
    assert all((ROOT / each).exists() for each in copied)
    assert all("/" not in each for each in re.findall(r"^FROM (\S+)", text, re.MULTILINE))
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] != "root"
    assert 'ENTRYPOINT ["cpm-conformance"]' in text
