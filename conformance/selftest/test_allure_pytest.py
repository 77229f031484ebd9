"""Plain pytest with `--alluredir`: what `allure-pytest` writes of a test case is what our own results say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from conformance.reference.server import ReferenceServer

SECONDS = 120


def _results(place: Path, *arguments: str, **environment: str) -> dict[str, dict[str, Any]]:
    """The Allure results of a run of pytest, by title."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--alluredir",
        str(place / "allure"),
        *arguments,
    ]
    settings = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    subprocess.run(command, capture_output=True, cwd=place, timeout=SECONDS, check=False, env=settings)
    found = [json.loads(path.read_text("utf-8")) for path in (place / "allure").glob("*-result.json")]
    return {each["fullName"]: each for each in found}


def test_a_case_is_told_as_in_our_own_results(tmp_path: Path) -> None:
    """Role, section, clause, steps and history of a case are the same; a test of somebody else stays as it was."""
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    pass\n")
    cases = ["--pyargs", "conformance.cases", "test_mine.py", "-k", "test_mine or removed_on_server_leave"]
    found = _results(tmp_path, *cases, "--cpm-output", str(tmp_path / "out"))
    other = next(each for name, each in found.items() if "test_mine" in name)
    ours = [each for each in found.values() if each is not other]
    assert ours
    for each in ours:
        written = json.loads(_same_case(tmp_path / "out" / "allure-results", each["historyId"]).read_text("utf-8"))
        shared = ("name", "status", "fullName", "testCaseId", "labels", "steps", "description")
        assert {name: each[name] for name in shared} == {name: written[name] for name in shared}
    assert other["name"] == "test_mine"


def _same_case(place: Path, history: str) -> Path:
    return next(path for path in place.glob("*-result.json") if history in path.read_text("utf-8"))


def test_a_secret_in_an_error_is_not_written(tmp_path: Path) -> None:
    """A server that repeats the password in an answer brings it into no file that pytest writes."""
    secret = "geheim-4711"
    with ReferenceServer() as server:
        server.add_account("ada", "right")
        url = f"imap://ada@127.0.0.1:{server.port}"
        arguments = ["--pyargs", "conformance.cases", "-k", "list_folders_plainly", "--cpm-server", url]
        arguments += ["--cpm-client", "none", "--junitxml", "junit.xml", "--cpm-output", "out"]
        _results(tmp_path, *arguments, CPM_SERVER_PASSWORD=secret)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "junit.xml" for path in written)
    assert not [path for path in written if secret in path.read_text("utf-8", "replace")]
