"""Scripts of counterexamples in tests: written from a history by hand, run as a stranger would, on clients with faults.

The faults are put into copies of the small client of the stdio example, each by one replacement in its text.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from conformance.model.folders import FolderPath
from conformance.model.history import Act, Edit, History, Interruption, Step, Synchronize
from conformance.resources import fixture
from conformance.scenario.content import folder, item
from conformance.scenario.counterexample import SavedCounterexample
from conformance.scenario.script import client_script

A: FolderPath = ("Gamma é", "x & y")
B: FolderPath = ("Beta",)
BASE = folder(A, item("old-1"), item("old-2", "\\Seen"), within=folder(A[:1]))
SECONDS = 60
ROOT = Path(__file__).parents[2]

FAULTS: dict[str, tuple[str, str]] = {
    "keeps what was removed on the server": ("for number, *_ in gone:", "for number, *_ in []:"),
    "loses flags": ('key(path), octets, " ".join(flags)),', 'key(path), octets, ""),'),
    "forgets what it sent without an answer": ("            if sent:\n", "            if not sent:\n"),
    "empties local storage when a run is cut": (
        "    except (OSError, imaplib.IMAP4.error, Refused) as error:\n",
        "    except (OSError, imaplib.IMAP4.error, Refused) as error:\n        storage.all('DELETE FROM object')\n",
    ),
    "makes a folder for a moment in every run": (
        "        run.run()\n",
        "        run.run()\n        name = quoted(server.name(('scratch',)))\n"
        "        server.imap.create(name)\n        server.imap.delete(name)\n",
    ),
    "never ends": ("        run.run()\n", "        import threading\n\n        threading.Event().wait()\n"),
}


def client(directory: Path, fault: str | None = None) -> str:
    """The command line of the example adapter, with a fault in its client."""
    source = fixture("clients", "stdio")
    directory.mkdir(exist_ok=True)
    shutil.copy(source / "example.py", directory)
    text = (source / "small_client.py").read_text("utf-8")
    if fault is not None:
        before, after = FAULTS[fault]
        assert text.count(before) == 1, fault
        text = text.replace(before, after)
    (directory / "small_client.py").write_text(text, "utf-8")
    return shlex.join([sys.executable, str(directory / "example.py")])


def adapter(name: str) -> str:
    """The command line that serves an adapter of the suite."""
    return shlex.join([sys.executable, "-m", "conformance", "adapter", name])


def history(*steps: Step) -> History:
    """A history that ends with a synchronization that nothing interrupts."""
    return History(BASE, (*steps, Synchronize()))


def interrupted(act: Act, place: str, *edits: Edit) -> Synchronize:
    """A synchronization to which that happens."""
    return Synchronize(Interruption(act, place, edits=edits))


def saved(what: History, client: str = "stdio:unknown", **changes: object) -> SavedCounterexample:
    """A counterexample as a run saves it."""
    found = SavedCounterexample(
        case="random-histories",
        role="client",
        requirements=("SYN-406",),
        value=what,
        drawn=what,
        expected="as it has to be",
        observed="as it is",
        reproduced=(3, 3),
        client=client,
        suite="0.1.0",
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def run_script(
    what: History, directory: Path, *arguments: str, interpreter: str = sys.executable, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The script of a history, run as a program, with the suite within reach of what it starts only."""
    file = directory / "counterexample.py"
    file.write_text(client_script(saved(what)), "utf-8")
    return subprocess.run(
        [interpreter, str(file), *arguments],
        capture_output=True,
        text=True,
        cwd=directory,
        timeout=SECONDS,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment},
    )
