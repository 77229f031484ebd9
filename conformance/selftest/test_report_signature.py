"""Tests of signatures with an SSH key: made and checked by OpenSSH, and refused where anything differs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from conformance.problems import ConfigurationProblem, Problem
from conformance.report import write
from conformance.report.canonical import canonical
from conformance.report.signature import check_key, refusal, sign, signature_file
from conformance.selftest.report_examples import every_outcome


def _key(directory: Path, name: str, passphrase: str = "") -> Path:
    key = directory / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "somebody", "-f", str(key)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=30)
    return key


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the keys `own` and `other`, and `locked` with a passphrase."""
    directory = tmp_path_factory.mktemp("keys")
    for name, passphrase in (("own", ""), ("other", ""), ("locked", "passphrase")):
        _key(directory, name, passphrase)
    return directory


@pytest.fixture
def report(keys: Path, tmp_path: Path) -> Path:
    """A signed report."""
    file = write(every_outcome(), tmp_path).json
    assert sign(file, keys / "own") == signature_file(file) == tmp_path / "report.json.sig"
    return file


def _refusal(report: Path, key: Path) -> str | None:
    return refusal(report, json.loads(report.read_text("utf-8")), key)


@pytest.mark.parametrize("name", ["own.pub", "own"])
def test_a_signed_report_is_accepted(name: str, report: Path, keys: Path) -> None:
    """The key may be named by its public file or by the private one beside it."""
    assert _refusal(report, keys / name) is None


def test_anybody_can_check_it_without_this_suite(report: Path) -> None:
    """OpenSSH alone reads both files."""
    command = ["ssh-keygen", "-Y", "check-novalidate", "-n", "cpm-conformance-report", "-s", f"{report}.sig"]
    with report.open("rb") as octets:
        done = subprocess.run(command, stdin=octets, capture_output=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr


def test_another_indentation_is_the_same_report(report: Path, keys: Path) -> None:
    """What is signed is the content in its canonical form."""
    report.write_text(json.dumps(json.loads(report.read_text("utf-8"))), "utf-8")
    assert _refusal(report, keys / "own.pub") is None


def test_the_signature_of_somebody_else_is_refused(report: Path, keys: Path) -> None:
    """It is a signature, but of another key."""
    assert _refusal(report, keys / "other.pub")


@pytest.mark.parametrize("key", ["volatile", "verdict", "footer"])
def test_no_part_may_be_altered(key: str, report: Path, keys: Path) -> None:
    """Volatile things are signed, too: the digests of the transcripts stand there."""
    content = json.loads(report.read_text("utf-8"))
    content[key] = {}
    report.write_text(canonical(content), "utf-8")
    assert _refusal(report, keys / "own.pub")


def test_a_report_without_signature_is_refused(report: Path, keys: Path) -> None:
    """It is said that there is none."""
    signature_file(report).unlink()
    assert _refusal(report, keys / "own.pub") == "it is not signed: there is no report.json.sig beside it"


def test_a_signature_that_is_none_is_refused(report: Path, keys: Path) -> None:
    """Whatever lies in its place."""
    signature_file(report).write_text("nonsense")
    assert _refusal(report, keys / "own.pub")


def test_a_signature_for_another_purpose_is_refused(report: Path, keys: Path) -> None:
    """The namespace keeps a signature under something else from being taken for one under a report."""
    signature_file(report).unlink()
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(keys / "own"), "-n", "file", str(report)]
    subprocess.run(command, check=True, timeout=30, capture_output=True)
    assert _refusal(report, keys / "own.pub")


@pytest.mark.parametrize("name", ["none", ".", "text"])
def test_a_key_to_check_with_that_is_none_is_a_problem(name: str, report: Path, tmp_path: Path) -> None:
    """A missing file, a directory, and a file that holds no key."""
    (tmp_path / "text").write_text("no key\nat all\n")
    with pytest.raises(ConfigurationProblem, match="--signed-by"):
        _refusal(report, tmp_path / name)


@pytest.mark.parametrize("name", ["none", ".", "locked", "text"])
def test_a_key_that_cannot_sign_is_a_problem(
    name: str, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing file, a directory, a key with a passphrase that nobody can be asked for, and no key at all."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("SSH_ASKPASS", "/bin/false")
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    (tmp_path / "text").write_text("no key\n")
    shutil.copy(keys / "locked", tmp_path / "locked")
    (tmp_path / "text").chmod(0o600)
    with pytest.raises(ConfigurationProblem, match="--sign"):
        check_key(tmp_path / name)


def test_without_openssh_it_is_said(report: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what to install."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(Problem, match="install OpenSSH"):
        check_key(keys / "own")
    with pytest.raises(Problem, match="install OpenSSH"):
        _refusal(report, keys / "own.pub")
