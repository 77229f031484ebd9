"""The real Allure program makes a report of our results, and a real browser shows it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from conformance.programs import find_program
from conformance.report import Report, write
from conformance.report.wording import REASONS
from conformance.selftest.browser import chromium, dom, served, text_of
from conformance.selftest.programs import or_skip
from conformance.selftest.report_examples import HOSTILE, TRANSCRIPT, every_outcome, hostile, transcript_text

MEND = "install it with `npm install --prefix .allure allure@3`, and name its program in CPM_ALLURE"
SECONDS = 120


def allure() -> Path:
    """The program that `CPM_ALLURE` names, or of PATH, or of a local npm installation."""
    named = os.environ.get("CPM_ALLURE")
    beside = Path(__file__).parents[2] / ".allure" / "node_modules" / ".bin"
    return find_program(
        Path(named).name if named else "allure", MEND, before=[Path(named).parent] if named else [beside]
    )


def generated(made: Report, place: Path) -> Path:
    """The directory of the report that Allure makes of ours."""
    program = or_skip(allure)
    (place / TRANSCRIPT).parent.mkdir(parents=True)
    (place / TRANSCRIPT).write_text(transcript_text(), "utf-8")
    results = write(made, place).allure
    command: list[str | Path] = [program, "generate", "--config", results / "allurerc.json"]
    command += ["--output", place / "allure-report", results]
    environment = {**os.environ, "ALLURE_NO_ANALYTICS": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, cwd=place, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "allure-report"


def test_allure_counts_what_we_report(tmp_path: Path) -> None:
    """The program takes every result, and gives each the status that we gave it."""
    place = generated(every_outcome(), tmp_path)
    (counted, *_) = [json.loads(path.read_text("utf-8")) for path in sorted(place.rglob("statistic.json"))]
    assert {name: counted[name] for name in ("failed", "broken", "passed", "skipped")} == {
        "failed": 1,
        "broken": 2,
        "passed": 2,
        "skipped": 2,
    }


def test_allure_groups_by_reason(tmp_path: Path) -> None:
    """Each reason that occurs is a category of its own, with the words for it."""
    place = generated(every_outcome(), tmp_path)
    nodes = [
        node
        for path in place.rglob("categories.json")
        for node in json.loads(path.read_text("utf-8"))["nodes"].values()
        if node["type"] == "category"
    ]
    assert {node["name"] for node in nodes} == {
        f"{words[0].upper()}{words[1:]}"
        for words in (REASONS[each.reason] for each in every_outcome().cases if each.reason)
    }


def test_a_browser_shows_the_report(tmp_path: Path) -> None:
    """The page opens with role, section, every case, the environment, and the numbers."""
    browser = or_skip(chromium)
    with served(generated(every_outcome(), tmp_path)) as address:
        text = text_of(dom(browser, f"{address}/index.html"))
    for words in ("Message storage", "5.5.2.20 Synchronization", "Case removed-on-server", "Case undecided"):
        assert words in text
    for words in ("Failed 1", "Broken 2", "Passed 2", "Skipped 2", "Dovecot 2.3.19.1", "not conformant"):
        assert words in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [("markup", "<img src=x onerror=document.title='owned'>"), ("template", "{{ 7*7 }}"), ("direction", "<U+202E>abc")],
)
def test_a_browser_runs_nothing_that_a_server_sent(name: str, shown: str, tmp_path: Path) -> None:
    """Markup, templates and changes of direction from outside are shown as text."""
    browser = or_skip(chromium)
    with served(generated(hostile(HOSTILE[name]), tmp_path)) as address:
        document = dom(browser, f"{address}/index.html")
    assert shown in text_of(document)
    assert "<title>owned" not in document
    assert "\u202e" not in document
