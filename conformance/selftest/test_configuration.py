"""The configuration: file, command line and environment, and errors that name the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.configuration import Configuration, Profile, adapter_options, read, without_password
from conformance.problems import ConfigurationProblem, UsageProblem


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    """An option that is given replaces the file's value; the rest of the file stays."""
    path = _file(tmp_path, 'server = "dovecot"\nprofile = "ci"\n[client_options]\nSync = "Pull"\n')
    configuration = read(path, {"server": "reference", "client_options": {"Create": "Near"}})
    assert (configuration.server, configuration.profile) == ("reference", Profile.CI)
    assert configuration.client_options == {"Sync": "Pull", "Create": "Near"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("server = dovecot", "is not TOML"),
        ('sever = "dovecot"', "sever"),
        ("seed = -1", "seed"),
        ('client_options = "x"', "client_options"),
        ("\x00", "is not TOML"),
    ],
)
def test_a_wrong_file_is_named_with_its_fault(tmp_path: Path, text: str, told: str) -> None:
    """A file that is not TOML or does not fit is one clear error with exit code 3."""
    path = _file(tmp_path, text)
    with pytest.raises(ConfigurationProblem, match=told) as problem:
        read(path, {})
    assert str(path) in str(problem.value)
    assert problem.value.mend
    assert problem.value.exit_code == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that cannot be read is one clear error."""
    with pytest.raises(ConfigurationProblem, match=r"none\.toml"):
        read(tmp_path / "none.toml", {})


def test_a_wrong_option_is_usage() -> None:
    """A value on the command line that does not fit has exit code 4."""
    with pytest.raises(UsageProblem, match="seed") as problem:
        read(None, {"seed": "many"})
    assert problem.value.exit_code == 4


def test_adapter_options_are_told_apart() -> None:
    """`server.` and `client.` choose the adapter; without either the client is meant."""
    options = adapter_options(["Sync=Pull", "server.programs=/opt", "client.config=a=b"])
    assert options == {"client_options": {"Sync": "Pull", "config": "a=b"}, "server_options": {"programs": "/opt"}}


@pytest.mark.parametrize("pair", ["Sync", "=Pull", ""])
def test_an_adapter_option_needs_key_and_value(pair: str) -> None:
    """Anything but key=value is a usage error."""
    with pytest.raises(UsageProblem, match="key=value"):
        adapter_options([pair])


@pytest.mark.parametrize(
    "url", ["imap://user:pa:s@s%2F@host:143/root", "imaps://user:pa:s@s%2F@[::1]", "imap://user:pa:s@s%2F@host"]
)
def test_no_password_is_shown(url: str) -> None:
    """The password of a URL appears in nothing that is shown, and is known as a secret as written and decoded."""
    configuration = Configuration(server=url, client_options={"password": "hidden", "Sync": "Pull"})
    shown = str(configuration.redacted())
    assert "pa:s" not in shown
    assert "hidden" not in shown
    assert "Pull" in shown
    assert {"pa:s@s%2F", "pa:s@s/", "hidden"} <= set(configuration.secrets())
    assert without_password("dovecot") == "dovecot"
