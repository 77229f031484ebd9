"""No secret leaves a run: planted ones, which the server repeats in every spelling, stand in no file and no output."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from conformance.faults.hooks import Hook, faulty
from conformance.imap.transcript import Transcript
from conformance.reference.server.engine import ServerConnection
from conformance.secrecy import MASK, spellings, without

SECONDS = 240
USER, PASSWORD, TOKEN, PASSPHRASE = "ada", "pa ss%wörd/4711", "tok+en=0815", 'pass"phrase\\2357'
PLANTED = {"CPM_TEST_TOKEN": TOKEN, "CPM_TEST_KEY_PASSPHRASE": PASSPHRASE}


def written(secret: str) -> list[bytes]:
    """Every way in which a secret may stand in a file, worked out independently of the suite."""
    octets, plain = secret.encode(), f"\0{USER}\0{secret}".encode()
    return [
        octets,
        quote(secret, safe="").encode(),
        b64encode(octets),
        b64encode(plain),
        secret.encode("utf-16-le"),
        secret.encode("utf-16-be"),
    ]


ALL = [each for secret in (PASSWORD, TOKEN, PASSPHRASE) for each in written(secret)]
LINES = [each for each in ALL if b"\0" not in each]


def _repeats(octets: bytes) -> bytes:
    """Every secret in responses beside a selection, which is refused, one as a folder, and one in each answer."""
    said = b"".join(b"* OK [ALERT] " + each + b"\r\n" for each in LINES)
    octets = re.sub(rb"(?m)^(\* FLAGS )", lambda found: said + found[1], octets)
    octets = re.sub(
        rb"(?m)^(\w+) OK (.*SELECT completed)", lambda found: found[1] + b" NO " + LINES[2] + found[2], octets
    )
    octets = re.sub(rb"(?m)^(\* LIST \([^)]*\) \"/\" )(\"[^\"]*\")", rb'\1"' + TOKEN.encode() + rb'"\r\n\1\2', octets)
    return re.sub(rb"(?m)^(\w+ (?:OK|NO|BAD) )", lambda found: found[1] + PASSWORD.encode() + b" ", octets)


class _Greeting(ServerConnection):
    def greeting(self) -> bytes:
        return b"* OK " + b" ".join(LINES) + b"\r\n"


@contextmanager
def repeating(password: str = PASSWORD) -> Iterator[int]:
    """The port of a server that repeats what it should keep to itself, with one account."""
    with faulty(Hook(connection=_Greeting, rewrite=_repeats)) as server:
        server.server.add_account(USER, password)
        yield server.server.port


def run(place: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The suite with planted secrets in its environment."""
    settings: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **PLANTED, **environment}
    command = [sys.executable, "-m", "conformance", *arguments]
    return subprocess.run(command, capture_output=True, cwd=place, timeout=SECONDS, check=False, env=settings)


def leaks(place: Path, done: subprocess.CompletedProcess[bytes]) -> list[str]:
    """Where a secret stands: the output, or a file below the directory."""
    texts = {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    texts |= {"stdout": done.stdout, "stderr": done.stderr, "names": "\n".join(texts).encode()}
    return sorted(f"{name}: {each!r}" for name, text in texts.items() for each in ALL if each in text)


def _given(by: str, port: int, place: Path) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment that give the password in one of the ways that there are."""
    address = f"127.0.0.1:{port}"
    if by == "url":
        return ["--server", f"imap://{USER}:{quote(PASSWORD, safe='')}@{address}"], {}
    if by == "environment":
        return ["--server", f"imap://{USER}@{address}"], {"CPM_SERVER_PASSWORD": PASSWORD}
    place.mkdir()
    account = f'accounts = [{{ user = "{USER}", password = "{PASSWORD}" }}]'
    (place / "run.toml").write_text(f'server = "imap://{address}"\n{account}\n', "utf-8")
    return ["--config", str(place / "run.toml")], {}


@pytest.mark.parametrize("by", ["url", "environment", "file"])
def test_a_run_keeps_every_secret(by: str, tmp_path: Path) -> None:
    """Reports in every form, transcripts, counterexamples and what the terminal shows hold none of them."""
    place = tmp_path / "run"
    place.mkdir()
    with repeating() as port:
        server, environment = _given(by, port, tmp_path / "configuration")
        select = ["--select", "list-folders-plainly", "--select", "set-active-folder-plainly", "--select", "SYN-406"]
        options = ["-O", "server.foreign=accept", *select, "--output", "out"]
        done = run(place, "run", *server, *options, **environment)
    report = place / "out" / "report.json"
    assert report.exists(), done.stderr
    told = json.loads(report.read_text("utf-8"))
    assert MASK in told["header"]["server"]["greeting"]
    assert any(MASK in each["observed"] for each in told["cases"])
    assert b"Traceback" not in done.stderr
    assert leaks(place, done) == []


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_a_refused_login_keeps_every_secret(command: str, tmp_path: Path) -> None:
    """The server's refusal, which repeats the password, is told without it."""
    with repeating("another") as port:
        server = f"imap://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
        done = run(tmp_path, command, "--server", server, "--client", "none")
    assert done.returncode == 3
    assert leaks(tmp_path, done) == []


@pytest.mark.parametrize("secret", [PASSWORD, TOKEN, PASSPHRASE, "geheim"])
def test_no_spelling_of_a_secret_stays(secret: str) -> None:
    """Text and recorded wire lose a secret wherever it stands, in any of its spellings, and nothing else."""
    for each in written(secret):
        text = f"before {each.decode('latin-1')} after"
        assert each.decode("latin-1") not in without(text, spellings([secret]))
        transcript = Transcript(spellings([secret]))
        transcript.record("observer-1", "S", b"* OK before " + each + b" after\r\n")
        (entry,) = transcript.entries()
        assert each not in entry.octets
        assert entry.octets.startswith(b"* OK before ")
        assert entry.octets.endswith(b" after\r\n")


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "someone-else@example.org"])
def test_a_password_is_found_in_any_sasl_response(user: str) -> None:
    """Whoever logs in and however long the name, base64 shows no password (RFC 4616)."""
    encoded = b64encode(f"{user}\0{user}\0{PASSWORD}".encode()).decode()
    hidden = without(encoded, spellings([PASSWORD]))
    assert MASK in hidden
    assert len(hidden) <= len(encoded) - len(b64encode(PASSWORD.encode())) + 8


@pytest.mark.parametrize("word", ["", "a", "IMAP"[:3]])
def test_a_word_of_three_letters_garbles_nothing(word: str) -> None:
    """What is too short to be a secret is left out."""
    assert spellings([word]) == ()


def test_one_secret_within_another_leaves_nothing() -> None:
    """The longer one is masked first."""
    assert without("geheim-4711 geheim", spellings(["geheim", "geheim-4711"])) == f"{MASK} {MASK}"
