"""Profiles of containers: those that ship are whole, and whatever is wrong with one is told with file, key and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.problems import ConfigurationProblem, Problem, UsageProblem
from conformance.servers.container import ContainerServer
from conformance.servers.profile import find_profile, known_profiles, read_profile
from conformance.servers.protocol import Ability, AbilityMissing
from conformance.servers.registry import open_server

WHOLE = """
product = "Example"
image = "example/imap:1.2.3"
[accounts]
kind = "any"
"""
DIGEST = "example/imap@sha256:" + 64 * "a"


def profile_file(directory: Path, text: str) -> Path:
    """A profile in a file of its own."""
    path = directory / "example.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["cyrus", "dovecot", "dovecot-2.3", "greenmail", "james", "stalwart"])
def test_every_profile_that_ships_is_whole_and_pinned(name: str) -> None:
    """It can be read, all its templates are there, its places can be filled, and its image can only be one."""
    assert name in known_profiles()
    profile = find_profile(name, {})
    assert profile.pinned
    assert list(profile.texts())


@pytest.mark.parametrize("name", ["greenmail", "james", "stalwart"])
def test_what_continuous_integration_does_not_run_is_said(name: str) -> None:
    """Nobody takes a profile that was only written for one that was tried."""
    assert "not run" in find_profile(name, {}).remarks


def test_servers_of_images_that_others_configure_are_not_on_the_network_of_the_machine() -> None:
    """Of an image that the suite does not build, only the port of IMAP is published."""
    for name in known_profiles():
        profile = find_profile(name, {})
        assert profile.network == ("host" if profile.build else "bridge")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("product = ", "is not TOML"),
        (WHOLE + "colour = 'red'", "accounts.colour: there is no such key"),
        (WHOLE.replace("product", "produkt"), "product: Field required"),
        ('product = "Example"\nimage = "a:1"', "accounts: Field required"),
        (WHOLE.replace('"any"', '"some"'), "accounts.kind: Input should be 'any', 'created' or 'listed'"),
        (WHOLE.replace('"any"', '"created"'), "create belongs to accounts of the kind created"),
        (WHOLE + 'create = ["useradd"]', "create belongs to accounts of the kind created"),
        (WHOLE.replace('"any"', '"listed"'), "users belong to accounts of the kind listed"),
        (WHOLE.replace('"any"', '"listed"\nusers = [{ user = "one" }]'), "accounts.users.0.password: Field required"),
        ('port = "143"\n' + WHOLE, "port: Input should be a valid integer"),
        ("port = 0\n" + WHOLE, "port: Input should be greater than or equal to 1"),
        ("port = 65536\n" + WHOLE, "port: Input should be less than or equal to 65535"),
        ("port = true\n" + WHOLE, "port: Input should be a valid integer"),
        ('stop_signal = "9"\n' + WHOLE, "stop_signal: String should match pattern"),
        ('security = "ssl"\n' + WHOLE, "security: Input should be 'plain', 'starttls' or 'tls'"),
        ('network = "none"\n' + WHOLE, "network: Input should be 'host' or 'bridge'"),
        ('command = "imapd -d"\n' + WHOLE, "command: it has to be an array"),
        ("command = [1]\n" + WHOLE, "command.0: Input should be a valid string"),
        ("environment = { PORT = 143 }\n" + WHOLE, "environment.PORT: Input should be a valid string"),
        ("files = 7\n" + WHOLE, "files: it has to be an array"),
        ('files = [{ path = "etc/x", template = "x" }]\n' + WHOLE, "files.0.path: String should match pattern"),
        ('files = [{ path = "/etc/x", template = "x", mode = "rw" }]\n' + WHOLE, "files.0.mode: String should match"),
        ('files = [{ path = "/etc/x", template = "gone" }]\n' + WHOLE, "files: [Errno 2] No such file or directory"),
        ("ready = { seconds = 0 }\n" + WHOLE, "ready.seconds: Input should be greater than 0"),
        ("ready = { seconds = nan }\n" + WHOLE, "ready.seconds: Input should be less than or equal to 600"),
        ("ready = { log = '(' }\n" + WHOLE, "ready.log: missing )"),
        ('command = ["{{ prot }}"]\n' + WHOLE, "command: nothing is called 'prot'"),
        ('command = ["{{ port"]\n' + WHOLE, "command: unexpected end of template"),
        ('command = ["{{ port.a.b }}"]\n' + WHOLE, "command: 'int object' has no attribute 'a'"),
        ('command = ["{{ port / address }}"]\n' + WHOLE, "command: unsupported operand"),
        ('environment = { A = "{{ user }}" }\n' + WHOLE, "environment.A: nothing is called 'user'"),
        (
            WHOLE.replace('"any"', '"listed"\nusers = [{ user = "one", password = "{{ pass }}" }]'),
            "accounts.users: nothing is called 'pass'",
        ),
        (WHOLE + 'user = "{{ name }}"', "accounts.user: nothing is called 'name'"),
        (WHOLE + '[abilities]\nquota = ["q", "{{ folder }}"]', "abilities.quota: nothing is called 'folder'"),
    ],
)
def test_a_profile_that_is_wrong_is_told_by_file_and_key(tmp_path: Path, text: str, told: str) -> None:
    """Each is an error before anything is started, with a mend."""
    path = profile_file(tmp_path, text)
    with pytest.raises(ConfigurationProblem) as caught:
        read_profile(path)
    assert str(path) in caught.value.text
    assert told in caught.value.text
    assert caught.value.mend
    assert caught.value.exit_code == 3


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    """An image was given instead of its profile."""
    path = tmp_path / "image.tar"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationProblem, match="is not TOML"):
        read_profile(path)


@pytest.mark.parametrize("name", ["", "~nobody-of-this-name/x.toml", "gone.toml", "a\0b"])
def test_a_file_that_cannot_be_read_is_told(name: str) -> None:
    """A directory, somebody who does not exist, nothing, and no name of a file at all."""
    with pytest.raises(ConfigurationProblem):
        find_profile("example/imap:1", {"profile": name})


def test_the_image_of_the_command_line_runs_by_the_profile_of_a_file(tmp_path: Path) -> None:
    """It wins over the file's own."""
    options = {"profile": str(profile_file(tmp_path, WHOLE))}
    assert find_profile("mine/imap:2.0", options).image == "mine/imap:2.0"
    assert find_profile(DIGEST, options).image == DIGEST
    assert find_profile("", options).image == "example/imap:1.2.3"


def test_a_mirror_of_an_image_is_pulled_and_not_built() -> None:
    """The option image; whoever names another image does not want the one of the suite."""
    assert find_profile("dovecot", {}).build == "dovecot"
    mirrored = find_profile("dovecot", {"image": "mirror/dovecot:2.4"})
    assert (mirrored.image, mirrored.build) == ("mirror/dovecot:2.4", "")


def test_a_profile_without_any_image_is_told(tmp_path: Path) -> None:
    """Neither the file nor the command line names one."""
    path = profile_file(tmp_path, WHOLE.replace('image = "example/imap:1.2.3"', ""))
    with pytest.raises(ConfigurationProblem, match="image: it names none"):
        find_profile("", {"profile": str(path)})


@pytest.mark.parametrize("image", ["imap", "example/imap", "example/imap:latest", "example:5000/imap", "a b:1", "a@b"])
def test_an_image_that_is_not_pinned_is_refused(tmp_path: Path, image: str) -> None:
    """Today's image is not tomorrow's, so a report could not be compared."""
    options = {"profile": str(profile_file(tmp_path, WHOLE))}
    with pytest.raises(UsageProblem, match="not pinned"):
        find_profile(image, options)


@pytest.mark.parametrize(
    ("spec", "options", "told"),
    [
        ("container:dovcot", {}, "did you mean dovecot?"),
        ("container:example/imap:1", {}, "-O server.profile=FILE"),
        ("container:", {}, "it can be cyrus, dovecot"),
        ("container:dovecot", {"profil": "x"}, "did you mean profile?"),
        ("container:dovecot", {"network": "brigde"}, "did you mean bridge?"),
        ("containers:dovecot", {}, "container:NAME"),
    ],
)
def test_a_wrong_name_or_option_is_told_with_the_right_ones(spec: str, options: dict[str, str], told: str) -> None:
    """Exit code 4, and no engine is asked."""
    with pytest.raises(Problem) as caught:
        open_server(spec, options)
    assert told in str(caught.value)
    assert caught.value.exit_code == 4


def test_an_ability_without_a_command_is_not_offered(tmp_path: Path) -> None:
    """A test case that needs it is not applicable, and asking all the same is an error of the suite."""
    profile = read_profile(profile_file(tmp_path, WHOLE + "[abilities]\nrestart = false\nquota = ['q']"))
    server = ContainerServer("example", profile)
    assert server.abilities == {Ability.QUOTA}
    with pytest.raises(AbilityMissing):
        server.restart()


def test_a_password_of_a_profile_does_not_show_when_it_is_printed(tmp_path: Path) -> None:
    """Users that an image brings may be somebody's."""
    listed = WHOLE.replace('"any"', '"listed"\nusers = [{ user = "one", password = "s3cret" }]')
    assert "s3cret" not in repr(read_profile(profile_file(tmp_path, listed)))
