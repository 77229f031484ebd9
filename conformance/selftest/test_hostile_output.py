"""What a hostile server sends, through a whole run: every form of the report stays whole, and no terminal is moved."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rdflib import Graph

from conformance.faults.hooks import Hook, faulty
from conformance.reference.server.engine import ServerConnection
from conformance.report import read
from conformance.selftest.report_examples import HOSTILE

SECONDS, LARGEST = 240, 3_000_000
LINES = {
    name: re.sub("[\r\n\0]", " ", text).encode("utf-8", "surrogateescape" if name != "surrogate" else "ignore")
    for name, text in HOSTILE.items()
}
LINES["surrogate"] = b"\xed\xa0\x80 \xff\xfe"
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _hostile(line: bytes) -> Hook:
    """Says the line in its greeting and in each answer, unless it is endless, and in a refusal of each selection.

    It also names a capability and a folder so.
    """
    short, word = line[:100_000], re.sub(rb"[\x00-\x20(){%*\"\\\]]", b"_", line)[:200]
    folder = b'"' + short.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'

    class Greeting(ServerConnection):
        def greeting(self) -> bytes:
            return b"* OK " + short + b"\r\n"

    def rewrite(octets: bytes) -> bytes:
        octets = re.sub(rb"(?m)^(\* CAPABILITY .*)\r$", lambda found: found[1] + b" X-" + word + b"\r", octets)
        octets = re.sub(
            rb'(?m)^(\* LIST \([^)]*\) "/" )"[^"]+"', lambda found: found[0] + b"\r\n" + found[1] + folder, octets
        )
        refusal = lambda found: found[1] + b" NO " + line  # noqa: E731  (one expression, named for its reader)
        octets = re.sub(rb"(?m)^(\w+) OK (.*SELECT completed)", refusal, octets)
        return re.sub(rb"(?m)^(\w+ (?:OK|BAD) )", lambda found: found[1] + short + b" ", octets)

    return Hook(connection=Greeting, rewrite=rewrite)


@contextmanager
def _address(line: bytes) -> Iterator[str]:
    with faulty(_hostile(line)) as server:
        credentials = server.server.add_account("ada", "geheim-4711")
        yield f"imap://ada:{credentials.password}@127.0.0.1:{server.server.port}"


def _run(place: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    settings = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "GITHUB_ACTIONS": "true"}
    command = [sys.executable, "-m", "conformance", *arguments]
    return subprocess.run(command, capture_output=True, cwd=place, timeout=SECONDS, check=False, env=settings)


def _quiet(octets: bytes) -> bool:
    """Whether a terminal shows just text, and no CI takes a line for a command."""
    text = octets.decode("utf-8")
    return not _UNSEEN.search(text) and not re.search(r"(?m)^\s*::", text) and max(map(len, text.splitlines())) < 2_000


class _Page(HTMLParser):
    """Notes what would act on a reader's browser."""

    acting: frozenset[str] = frozenset({"img", "iframe", "object", "base"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.found += [tag] if tag in self.acting else []
        self.found += [name for name, _ in attrs if name.startswith("on")]


def _html(text: str) -> None:
    page = _Page()
    page.feed(text)
    assert page.found == []
    assert page.scripts <= 1


FORMS: dict[str, Callable[[str], object]] = {
    "report.json": json.loads,
    "report.html": _html,
    "junit.xml": lambda text: ET.fromstring(text.encode()),
    "earl.jsonld": lambda text: Graph().parse(data=text, format="json-ld"),
    "badge.svg": lambda text: ET.fromstring(text.encode()),
    "badge.json": json.loads,
    "summary.md": lambda text: ("<script" not in text and "<img" not in text) or pytest.fail("markup in Markdown"),
}


@pytest.mark.parametrize("name", LINES)
def test_every_form_stays_whole(name: str, tmp_path: Path) -> None:
    """A run before a hostile server ends with its verdict, and each of its files is what its name says."""
    with _address(LINES[name]) as server:
        select = ["--select", "list-folders-plainly", "--select", "set-active-folder-plainly"]
        done = _run(tmp_path, "run", "--server", server, "--client", "none", *select, "--output", "out")
    assert b"Traceback" not in done.stderr
    assert done.returncode in (1, 2, 3), done.stderr
    assert _quiet(done.stdout)
    assert _quiet(done.stderr or b"-")
    if done.returncode == 3 and not (tmp_path / "out" / "report.json").exists():
        return
    for form, check in FORMS.items():
        text = (tmp_path / "out" / form).read_text("utf-8")
        assert len(text) < LARGEST
        check(text)
    assert read(tmp_path / "out" / "report.json").cases
    for path in (tmp_path / "out" / "allure-results").glob("*-result.json"):
        assert json.loads(path.read_text("utf-8"))["historyId"]


@pytest.mark.parametrize("name", ["terminal", "control", "endless"])
def test_the_doctor_is_not_moved(name: str, tmp_path: Path) -> None:
    """What the doctor tells of a hostile server is plain text of bearable length."""
    with _address(LINES[name]) as server:
        done = _run(tmp_path, "doctor", "--server", server, "--client", "none")
    assert b"Traceback" not in done.stderr
    assert _quiet(done.stdout or b"-")
    assert _quiet(done.stderr or b"-")
