"""`describe` and `run --ics` as a stranger meets them: the form out, filled in, and read back by a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.cases.registry import declarations

SECONDS = 120
CASE = "objects-removed-on-server-leave-local-storage"


def _run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "conformance", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=SECONDS, check=False, env=settings)


def _form(place: Path, *changes: tuple[str, str]) -> str:
    """A form in this directory, with some answers changed; its name."""
    done = _run("describe", "--ics", cwd=place)
    assert done.returncode == 0, done.stderr
    text = done.stdout
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (place / "ics.toml").write_text(text, "utf-8")
    return "ics.toml"


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_the_specification_is_written(form: str, tmp_path: Path) -> None:
    """Every test case stands in the file, in either form."""
    done = _run("describe", "--format", form, "--output", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out").read_text("utf-8").replace("\\", "")
    assert all(each in text for each in declarations())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--select", "SYN-999"], 4, ["SYN-999", "list"]),
        (["--format", "pdf"], 4, ["--format"]),
        (["--ics", "--format", "html"], 4, ["--ics"]),
        (["--output", "none/there"], 3, ["none/there", "→"]),
    ],
)
def test_bad_input_is_told(arguments: list[str], code: int, words: list[str], tmp_path: Path) -> None:
    """One clear message and the right exit code."""
    done = _run("describe", *arguments, cwd=tmp_path)
    assert done.returncode == code
    assert all(word in done.stderr for word in words)
    assert "Traceback" not in done.stderr


def test_a_statement_decides_what_applies_and_stands_in_the_report(tmp_path: Path) -> None:
    """What is not claimed does not apply; the header holds the statement as it was given."""
    ics = _form(
        tmp_path,
        ('implementation = ""', 'implementation = "Pocket"'),
        ('"durable-base" = "yes"', '"durable-base" = "no"'),
    )
    done = _run("run", "--ics", ics, "--select", CASE, "--select", "client-is-killed", "--output", "out", cwd=tmp_path)
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    outcomes = {each["id"].partition("[")[0]: each["outcome"] for each in report["cases"]}
    assert outcomes == {CASE: "pass", "client-is-killed": "not_applicable"}, done.stdout
    assert report["header"]["statement"]["about"] == {"implementation": "Pocket"}
    assert report["header"]["statement"]["client"]["durable-base"] == "no"
    claim = report["header"]["ics"]["client:durable-base"]
    assert (claim["claimed"], claim["source"]) == (False, "declared")


def test_a_statement_is_a_key_of_the_configuration(tmp_path: Path) -> None:
    """The file of a run may name it."""
    (tmp_path / "run.toml").write_text(f'ics = "{_form(tmp_path)}"\nselect = ["{CASE}"]\noutput = "out"\n')
    _run("run", "--config", "run.toml", cwd=tmp_path)
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert report["header"]["statement"]["client"]["role.client"] == "yes"


@pytest.mark.parametrize(
    ("old", "new", "words", "workers"),
    [
        ('"UIDPLUS" = "advertised"', '"UIDPLUS" = "no"', "CAPABILITY announces UIDPLUS", "2"),
        ('"NOTIFY" = "advertised"', '"NOTIFY" = "yes"', "CAPABILITY does not announce NOTIFY", "0"),
        ('"role.server" = "yes"', '"role.server" = "no"', "the server is under test", "0"),
    ],
)
def test_a_contradicted_statement_stops_the_run(old: str, new: str, words: str, workers: str, tmp_path: Path) -> None:
    """No verdict rests on a statement that the server itself contradicts."""
    ics = _form(tmp_path, (old, new))
    done = _run("run", "--ics", ics, "--select", "list-folders-plainly", "-n", workers, "--output", "out", cwd=tmp_path)
    assert done.returncode == 3, done.stdout
    assert words in done.stderr
    assert "→ correct the statement" in done.stderr
    assert not (tmp_path / "out" / "report.json").exists()


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_wrong_statement_stops_the_run(workers: str, tmp_path: Path) -> None:
    """An unknown item is told with the nearest one, whether the run is divided or not."""
    ics = _form(tmp_path, ('"UIDPLUS" = ', '"UIDPLSU" = '))
    done = _run("run", "--ics", ics, "--select", CASE, "-n", workers, "--output", "out", cwd=tmp_path)
    assert done.returncode == 3
    assert '"UIDPLSU" is no item of the statement; is UIDPLUS meant?' in done.stderr
    assert "Traceback" not in done.stderr
