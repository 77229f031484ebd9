"""A signature over a report with an SSH key, made and checked by OpenSSH (`ssh-keygen -Y`); it stands beside it.

What is signed is the canonical form of the whole report, which is what report.json holds, with the digests of all
transcripts in it. Anybody can check it without this suite: `ssh-keygen -Y check-novalidate` reads both files.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from conformance.problems import ConfigurationProblem, Problem
from conformance.report.canonical import canonical

NAMESPACE = "cpm-conformance-report"
SECONDS = 60
_SIGNER = "signer"


def signature_file(report: Path) -> Path:
    """Where the signature of a report stands: `report.json.sig`."""
    return report.with_name(f"{report.name}.sig")


def check_key(key: Path) -> None:
    """Make a trial signature. Raises `ConfigurationProblem` where a run could not be signed in the end."""
    _signature_of("trial", key)


def sign(report: Path, key: Path) -> Path:
    """Sign the report in a file that holds its canonical form; returns the file of the signature.

    Raises `ConfigurationProblem` for a key that cannot sign, `Problem` without OpenSSH.
    """
    file = signature_file(report)
    file.write_bytes(_signature_of(report.read_text("utf-8"), key))
    return file


def refusal(report: Path, content: dict[str, Any], key: Path) -> str | None:
    """Why the signature beside a report is not that of this public key over this content; None if it is.

    Raises `ConfigurationProblem` for a key that cannot be read, `Problem` without OpenSSH.
    """
    file = signature_file(report)
    public = _public(key)
    if not file.is_file():
        return f"it is not signed: there is no {file.name} beside it"
    with TemporaryDirectory() as directory:
        allowed = Path(directory, "allowed")
        allowed.write_text(f'{_SIGNER} namespaces="{NAMESPACE}" {public}\n', "utf-8")
        options = ["-f", str(allowed), "-I", _SIGNER, "-n", NAMESPACE, "-s", str(file.absolute())]
        done = _ssh_keygen("verify", *options, text=canonical(content))
    return None if done.returncode == 0 else _last_line(done) or "ssh-keygen refuses it"


def _signature_of(text: str, key: Path) -> bytes:
    if not key.is_file():
        raise ConfigurationProblem(f"{key} is no file", "give --sign an SSH key, as `ssh-keygen -t ed25519` makes it")
    with TemporaryDirectory() as directory:
        signed = Path(directory, "report.json")
        signed.write_text(text, "utf-8", newline="\n")
        done = _ssh_keygen("sign", "-f", str(key.absolute()), "-n", NAMESPACE, str(signed))
        file = signature_file(signed)
        if done.returncode or not file.is_file():
            raise ConfigurationProblem(
                f"{key} cannot sign: {_last_line(done)}",
                "give --sign a private SSH key without passphrase, or the public one of a key that ssh-agent holds",
            )
        return file.read_bytes()


def _public(key: Path) -> str:
    """The public key in a file, or the one beside a private key."""
    mend = "give --signed-by the file of a public SSH key, such as id_ed25519.pub"
    beside = key.with_name(f"{key.name}.pub")
    try:
        text = (beside if beside.is_file() else key).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationProblem(f"{key} cannot be read: {problem}", mend) from None
    words = text.split()
    if "\n" in text or len(words) < 2 or not words[0].startswith(("ssh-", "ecdsa-", "sk-")):
        raise ConfigurationProblem(f"{key} holds no public SSH key", mend)
    return " ".join(words[:2])


def _ssh_keygen(action: str, *options: str, text: str | None = None) -> subprocess.CompletedProcess[bytes]:
    source: dict[str, Any] = {"stdin": subprocess.DEVNULL} if text is None else {"input": text.encode()}
    try:
        return subprocess.run(
            ["ssh-keygen", "-Y", action, *options], capture_output=True, timeout=SECONDS, check=False, **source
        )
    except FileNotFoundError:
        raise Problem("ssh-keygen is not there, which signs reports and checks them", "install OpenSSH") from None
    except subprocess.TimeoutExpired:
        raise Problem(f"ssh-keygen did not end within {SECONDS} s", "use a key without passphrase") from None


def _last_line(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr + b"\n" + done.stdout).decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
