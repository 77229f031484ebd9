"""The container engine: each way in which it can be missing or refuse is told with its mend, and nothing is left."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from docker.errors import DockerException
from testcontainers.core.config import testcontainers_config

from conformance.imap.session import StorageSession
from conformance.problems import AdapterProblem
from conformance.reference.server.server import ReferenceServer
from conformance.selftest.fake_engine import CONTAINER, FakeEngine, fake_engine
from conformance.selftest.tls_servers import Authority, imaps, starttls
from conformance.servers import container, engine
from conformance.servers.container import ContainerServer
from conformance.servers.engine import HELD, OF, clean_engine, reach_engine, require_image
from conformance.servers.profile import Profile
from conformance.servers.registry import open_server
from conformance.servers.traces import here

PROFILE = Profile.model_validate({"product": "Example", "image": "example/imap:1", "accounts": {"kind": "any"}})
REFUSES = {"POST /containers/c0ffee/start": (500, {"message": "no space left on device"})}


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for sockets, where the engine is looked for; no other setting of this machine counts."""
    path = tmp_path_factory.mktemp("e")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}/engine")
    for name in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_AUTH_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return path


def problem_of(server: Any) -> AdapterProblem:
    """What keeps a server from starting."""
    with pytest.raises(AdapterProblem) as caught, server:
        pass
    assert caught.value.exit_code == 3
    return caught.value


def test_no_socket_is_told_with_its_path(place: Path) -> None:
    """Docker is not installed, or DOCKER_HOST is wrong."""
    problem = problem_of(open_server("container:dovecot", {}))
    assert problem.text == f"no container engine runs: there is no socket {place}/engine"
    assert "DOCKER_HOST" in problem.mend


def test_a_socket_that_nobody_listens_on_is_told(place: Path) -> None:
    """The engine has ended and left its socket."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{place}/engine")
    problem = problem_of(open_server("container:dovecot", {}))
    assert f"nobody listens at {place}/engine" in problem.text
    assert "start Docker" in problem.mend


def test_a_missing_permission_is_told_with_the_group(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library hides it two errors deep."""

    def refused() -> None:
        inner = ConnectionError("Connection aborted.", PermissionError(13, "Permission denied"))
        raise DockerException("Error while fetching server API version") from inner

    monkeypatch.setattr(engine, "DockerClient", refused)
    with pytest.raises(AdapterProblem, match="no permission to use the container engine") as caught:
        reach_engine()
    assert f"{place}/engine" in caught.value.text
    assert "docker" in caught.value.mend


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("tcp://192.0.2.1:2375", "is on another machine"),
        ("ssh://lab.example", "is on another machine"),
        ("tcp://127.0.0.1:1", "nobody listens"),
        ("nonsense", "cannot be used"),
        ("tcp://[", "DOCKER_HOST cannot be understood"),
    ],
)
def test_a_setting_of_no_use_is_told(place: Path, monkeypatch: pytest.MonkeyPatch, host: str, told: str) -> None:
    """No attempt is made to connect to another machine, where 127.0.0.1 would not be ours."""
    assert place.is_dir()
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(AdapterProblem, match=told) as caught:
        reach_engine()
    assert caught.value.mend


def test_an_engine_that_answers_nonsense_is_told(place: Path) -> None:
    """Something else listens on the socket."""
    with fake_engine(place, {"GET /version": (500, {"message": "out of order"})}):
        assert "out of order" in problem_of(ContainerServer("example", PROFILE)).text


def test_an_image_that_cannot_be_pulled_is_told_in_the_words_of_the_engine(place: Path) -> None:
    """No such image, no access, or no network."""
    answers = {
        "GET /images/[^ ]+/json": (404, {"message": "No such image"}),
        "POST /images/create": (404, {"message": "pull access denied for example/imap"}),
    }
    with fake_engine(place, answers) as fake:
        problem = problem_of(ContainerServer("example", PROFILE))
        assert fake.asked("POST /images/create")
        assert not fake.asked("POST /containers/create")
    assert "example/imap:1 is not here, and cannot be pulled" in problem.text
    assert "pull access denied" in problem.text


def test_an_image_of_the_suite_is_never_pulled(place: Path) -> None:
    """Nobody else's image of that name is taken for it; the mend is the command that builds it."""
    with fake_engine(place, {"GET /images/[^ ]+/json": (404, {"message": "No such image"})}) as fake:
        problem = problem_of(open_server("container:dovecot", {}))
        assert not fake.asked("POST /images/create")
    assert problem.text == "the image cpm-conformance/dovecot:2.4 is not built yet"
    assert problem.mend.endswith("fixtures/servers/containers/build dovecot")


def test_the_image_is_the_one_that_was_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prefix that testcontainers was set to, for other tests of this machine, makes no other image of it."""
    monkeypatch.setattr(testcontainers_config, "hub_image_name_prefix", "mirror/")
    with fake_engine(place, REFUSES) as fake:
        _, asked = started(fake, PROFILE)
    assert asked["Image"] == "example/imap:1"


def test_an_image_that_is_there_is_not_pulled(place: Path) -> None:
    """A registry is not asked without need."""
    with fake_engine(place) as fake:
        require_image(reach_engine(), "example/imap:1")
        assert not fake.asked("POST /images/create")


def started(fake: FakeEngine, profile: Profile) -> tuple[AdapterProblem, Any]:
    """What starting on an engine that refuses tells, and how the container was asked for."""
    problem = problem_of(ContainerServer("example", profile))
    assert len(fake.asked("DELETE /containers/c0ffee")) == 1
    return problem, fake.asked("POST /containers/create")[0]


def test_a_container_that_does_not_start_is_told_and_removed(place: Path) -> None:
    """It bears the labels by which a killed run's would be known, and its directory is gone."""
    with fake_engine(place, REFUSES) as fake:
        problem, asked = started(fake, PROFILE)
    assert "no space left on device" in problem.text
    assert asked["Labels"][OF] == here()
    assert "/cpm-conformance-container-" in asked["Labels"][HELD]
    assert not Path(asked["Labels"][HELD]).exists()


def test_on_a_bridge_one_port_is_published_and_only_to_this_machine(place: Path) -> None:
    """At no address that others reach."""
    profile = PROFILE.model_copy(update={"port": 3143, "environment": {"self": "{{ address }}:{{ port }}"}})
    with fake_engine(place, REFUSES) as fake:
        _, asked = started(fake, profile)
    bindings = asked["HostConfig"]["PortBindings"]
    assert list(bindings) == ["3143/tcp"]
    assert [each["HostIp"] for each in bindings["3143/tcp"]] == ["127.0.0.1"]
    assert asked["HostConfig"]["NetworkMode"] == "bridge"
    assert "self=0.0.0.0:3143" in asked["Env"]


def test_on_the_network_of_the_machine_the_server_is_told_to_listen_on_loopback(place: Path) -> None:
    """At a port that is free, and nothing is published."""
    profile = PROFILE.model_copy(update={"network": "host", "command": ("imapd", "{{ address }}", "{{ port }}")})
    with fake_engine(place, REFUSES) as fake:
        _, asked = started(fake, profile)
    program, address, port = asked["Cmd"]
    assert (program, address) == ("imapd", "127.0.0.1")
    assert 15000 <= int(port) < 32000
    assert asked["HostConfig"]["NetworkMode"] == "host"
    assert not asked["HostConfig"].get("PortBindings")


def test_a_container_that_ends_is_told_with_its_exit_code(place: Path) -> None:
    """It is not waited for until the time is over."""
    ended = {**CONTAINER, "State": {"Status": "exited", "ExitCode": 78}}
    with fake_engine(place, {"GET /containers/c0ffee/json": (200, ended)}) as fake:
        problem = problem_of(ContainerServer("example", PROFILE))
        assert fake.asked("DELETE /containers/c0ffee")
    assert "it ended with exit code 78" in problem.text


def test_a_server_that_is_never_ready_is_told_after_the_time_of_its_profile(place: Path) -> None:
    """With what it did not do."""
    ready = PROFILE.ready.model_copy(update={"seconds": 0.2})
    with fake_engine(place):
        problem = problem_of(ContainerServer("example", PROFILE.model_copy(update={"ready": ready})))
    assert "for 0.2 s. It said: nothing" in problem.text


@pytest.mark.parametrize(("security", "before"), [("plain", None), ("starttls", starttls), ("tls", imaps)])
def test_a_server_that_wants_tls_is_spoken_to_in_tls(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str, before: Any
) -> None:
    """The certificate is the container's own, so nobody can know it."""
    with ReferenceServer() as imap, fake_engine(place), ExitStack() as opened:
        tls = Authority(tmp_path).server("example.org")
        port = opened.enter_context(before(imap.endpoint, tls)) if before else imap.port
        monkeypatch.setattr(container, "free_port", lambda: port)
        profile = PROFILE.model_copy(update={"security": security})
        known = imap.add_account()
        with ContainerServer("example", profile) as server:
            endpoint = server.fresh_account().endpoint
            with StorageSession.open(endpoint, known) as session:
                assert [each.name for each in session.list_folders()] == ["INBOX"]


def test_what_dead_runs_left_is_removed_and_nothing_else(place: Path, tmp_path: Path) -> None:
    """A run that lives holds its directory; with `dry` nothing is removed."""
    listed: list[dict[str, Any]] = [{"Id": name, "Names": [f"/{name}"], "Labels": {}} for name in ("dead", "alive")]
    held = {"dead": tmp_path / "gone", "alive": tmp_path}
    one = {
        f"GET /containers/{name}/json": (200, {"Id": name, "Name": f"/{name}", "Config": {"Labels": {HELD: str(path)}}})
        for name, path in held.items()
    }
    answers = {"GET /containers/json": (200, listed), "DELETE /containers/dead": (204, ""), **one}
    with fake_engine(place, answers) as fake:
        assert clean_engine(dry=True) == ["dead"]
        assert not fake.asked("DELETE")
        assert clean_engine() == ["dead"]
        assert [each for each, _ in fake.requests if each.startswith("DELETE")] == ["DELETE /containers/dead"]


@pytest.mark.parametrize("status", [404, 409])
def test_two_runs_that_start_at_once_do_not_stumble_over_each_other(place: Path, tmp_path: Path, status: int) -> None:
    """What one is about to remove may be gone for the other, or on its way."""
    listed: list[dict[str, Any]] = [{"Id": name, "Names": [f"/{name}"], "Labels": {}} for name in ("gone", "going")]
    going = {"Id": "going", "Name": "/going", "Config": {"Labels": {HELD: str(tmp_path / "gone")}}}
    answers = {
        "GET /containers/json": (200, listed),
        "GET /containers/going/json": (200, going),
        "DELETE /containers/going": (status, {"message": "removal is in progress"}),
    }
    with fake_engine(place, answers):
        assert clean_engine() == ["going"]


def test_without_an_engine_there_is_nothing_to_clean(place: Path) -> None:
    """A machine without Docker is no error for those who never use it."""
    assert not (place / "engine").exists()
    assert clean_engine() == []
