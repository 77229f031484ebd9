"""The commands that work with reports, on a real run of the reference implementations and on whatever is no report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from conformance.cli import main
from conformance.report import write
from conformance.selftest.report_examples import every_outcome

SECONDS = 120
SELECTED = ("--select", "SYN-406", "--select", "OP02-C1", "--select", "5.5.2.9", "--role", "client")


def _run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=SECONDS,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def _told(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    """The exit code and the message of a command in this process, which is started much sooner."""
    with pytest.raises(SystemExit) as ended, patch.object(sys, "argv", ["cpm-conformance", *map(str, arguments)]):
        main()
    return int(ended.value.code or 0), capsys.readouterr().err


def _content(report: Path) -> dict[str, Any]:
    """All of a report but what is volatile."""
    content = json.loads(report.read_text("utf-8"))
    del content["volatile"]
    return dict(content)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run undivided in `whole`, the same in two shards, `1` and `2`, and these merged in `merged`."""
    directory = tmp_path_factory.mktemp("runs")
    for output, more in (("whole", ()), ("1", ("--shard", "1/2")), ("2", ("--shard", "2/2"))):
        done = _run("run", *SELECTED, "--output", output, *more, cwd=directory)
        assert done.returncode == 2, done.stdout + done.stderr
    done = _run("merge", "1/report.json", "2/report.json", "--output", "merged", cwd=directory)
    assert done.returncode == 2, done.stdout + done.stderr
    return directory


def test_merged_shards_are_the_undivided_run(runs: Path) -> None:
    """To the last octet, but for what is volatile; each shard ran a part, and all that lies beside them came along."""
    assert _content(runs / "merged/report.json") == _content(runs / "whole/report.json")
    counts = [len(_content(runs / name / "report.json")["cases"]) for name in ("1", "2", "whole")]
    assert counts[0] + counts[1] == counts[2]
    assert min(counts) > 0
    for part in ("transcripts", "."):
        names = [{each.name for each in (runs / name / part).iterdir()} for name in ("merged", "whole")]
        assert names[0] == names[1]


def test_workers_find_the_same(runs: Path) -> None:
    """Two processes side by side make the report of one."""
    done = _run("run", *SELECTED, "-n", "2", "--output", "workers", cwd=runs)
    assert done.returncode == 2, done.stdout + done.stderr
    assert _content(runs / "workers/report.json") == _content(runs / "whole/report.json")


@pytest.mark.parametrize("name", ["1", "whole", "merged"])
def test_what_was_run_holds(name: str, runs: Path) -> None:
    """Shards, whole runs and merged ones can be verified; it is told what was judged again."""
    done = _run("verify", f"{name}/report.json", cwd=runs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    assert "Judged again from the recorded wire" in done.stdout
    assert "Resting on what only the run saw" in done.stdout


def test_every_basis_can_be_listed(runs: Path) -> None:
    """With `--list`, each test case is named with what was judged again and what was not."""
    told = _run("verify", "whole/report.json", "--list", cwd=runs).stdout
    assert "    folder-is-active-before-work-in-it: OP02-C1" in told
    assert "    objects-removed-on-server-leave-local-storage: SYN-406 SYN-407" in told


def test_what_does_not_hold_is_told(runs: Path, tmp_path: Path) -> None:
    """Exit code 1: the transcripts were left behind."""
    (tmp_path / "report.json").write_bytes((runs / "whole/report.json").read_bytes())
    done = _run("verify", "report.json", cwd=tmp_path)
    assert done.returncode == 1
    assert "FAIL each transcript is as it was recorded" in done.stdout


def test_the_same_says_the_same(runs: Path) -> None:
    """Two runs with one seed differ in nothing that counts."""
    done = _run("diff", "whole/report.json", "merged/report.json", cwd=runs)
    assert (done.returncode, done.stdout) == (0, "The reports say the same.\n")


@pytest.mark.parametrize(("form", "words"), [("text", "Vanished"), ("markdown", "## Vanished"), ("json", '"vanished"')])
def test_what_vanished_is_worse(form: str, words: str, runs: Path) -> None:
    """Exit code 1 for executed cases that are not there any more, in every form."""
    done = _run("diff", "whole/report.json", "1/report.json", "--format", form, cwd=runs)
    assert done.returncode == 1
    assert words in done.stdout


def test_a_missing_shard_is_named(runs: Path) -> None:
    """And the run is not conformant."""
    done = _run("merge", "2/report.json", "--output", "lacking", cwd=runs)
    assert done.returncode == 2
    assert "this is only shard 2 of 2" in done.stdout


def test_the_output_may_not_hold_a_shard(runs: Path) -> None:
    """Merging clears its output directory first."""
    done = _run("merge", "1/report.json", "2/report.json", "--output", "1", cwd=runs)
    assert done.returncode == 4
    assert (runs / "1/report.json").exists()


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3", "", "1/99999999"])
def test_a_shard_that_is_none_is_a_usage_error(shard: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said what a shard looks like."""
    code, told = _told(capsys, "run", "--shard", shard, "--select", "SYN-406")
    assert code == 4
    assert "a shard is i/n" in told


def test_shards_of_a_nightly_run_need_one_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """Or each would draw its own, and none could be merged."""
    code, told = _told(capsys, "run", "--profile", "nightly", "--shard", "1/2")
    assert code == 4
    assert "--seed" in told


NO_REPORT = {
    "missing": None,
    "empty": b"",
    "truncated": b'{"format": "cpm-conformance-report/1", "cases": [',
    "another kind": b'{"openapi": "3.1.0"}',
    "newer": b'{"format": "cpm-conformance-report/2"}',
    "without footer": b'{"format": "cpm-conformance-report/1"}',
    "NaN": b'{"format": "cpm-conformance-report/1", "footer": NaN}',
    "twice": b'{"format": "x", "format": "cpm-conformance-report/1"}',
    "nonsense": b"\x00\xff" * 1_000,
}


@pytest.mark.parametrize("command", ["verify", "diff", "merge", "baseline"])
@pytest.mark.parametrize("name", NO_REPORT)
def test_what_is_no_report_is_told(command: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, one clear message with its mend, and no traceback."""
    file = tmp_path / "x.json"
    if (octets := NO_REPORT[name]) is not None:
        file.write_bytes(octets)
    code, told = _told(capsys, command, file, *([file] if command == "diff" else []))
    assert code == 3
    assert str(file) in told
    assert "→" in told


def test_a_directory_is_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said what to name instead."""
    code, told = _told(capsys, "verify", tmp_path)
    assert code == 3
    assert "Name a report.json file" in told


def test_known_failures_by_command(tmp_path: Path) -> None:
    """A first baseline is printed from a report, and read back only once its reasons are written."""
    report = write(every_outcome(), tmp_path / "made").json
    done = _run("baseline", report, cwd=tmp_path)
    assert done.returncode == 0
    assert 'requirement = "SYN-1"' in done.stdout
    (tmp_path / "known.toml").write_text(done.stdout, "utf-8")
    refused = _run("run", "--select", "SYN-406", "--baseline", "known.toml", cwd=tmp_path)
    assert refused.returncode == 3
    assert "say why" in refused.stderr
    assert not (tmp_path / "reports").exists()


def test_a_stale_baseline_fails_a_run(tmp_path: Path) -> None:
    """The entry that has to be removed is named; the exit code is 1 though nothing failed."""
    entry = {
        "requirement": "SYN-406",
        "case": "objects-removed-on-server-leave-local-storage",
        "expected": "gone",
        "observed": "there",
        "why": "known",
    }
    text = "[[known]]\n" + "".join(f'{key} = "{value}"\n' for key, value in entry.items())
    (tmp_path / "known.toml").write_text(text)
    done = _run("run", "--select", "SYN-406", "--baseline", "known.toml", "--output", "out", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Against the baseline: 0 known failures, no new, 1 stale entry." in done.stdout
    assert "SYN-406 in objects-removed-on-server-leave-local-storage" in done.stdout


def test_a_signed_run_is_verified(tmp_path: Path) -> None:
    """`run --sign` and `verify --signed-by`; another key, or one that is none, is refused."""
    for name in ("own", "other"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(command, check=True, timeout=30, stdin=subprocess.DEVNULL)
    done = _run("run", "--select", "SYN-406", "--sign", "own", "--output", "out", cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "report.json.sig" in done.stdout
    codes = {
        key: _run("verify", "out/report.json", "--signed-by", key, cwd=tmp_path).returncode
        for key in ("own.pub", "other.pub", "none.pub")
    }
    assert codes == {"own.pub": 0, "other.pub": 1, "none.pub": 3}
    assert "the signature: not checked" in _run("verify", "out/report.json", cwd=tmp_path).stdout


def test_a_key_that_cannot_sign_stops_a_run_before_it_begins(tmp_path: Path) -> None:
    """Nobody waits for a run whose report cannot be signed."""
    done = _run("run", "--sign", "none", "--output", "out", cwd=tmp_path)
    assert done.returncode == 3
    assert "none is no file" in done.stderr
    assert not (tmp_path / "out").exists()
