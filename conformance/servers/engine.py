"""The container engine of this machine: whether it can be used, its images, and what dead runs left in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# Its reaper would be one more image from a registry, on a network of its own; here labels tell what dead runs left.
os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"

from docker.errors import APIError, DockerException, ImageNotFound
from testcontainers.core.docker_client import DockerClient, get_docker_host

from conformance.problems import AdapterProblem
from conformance.programs import abandoned_directories
from conformance.servers.location import is_loopback
from conformance.servers.traces import here

OF, HELD = "cpm-conformance.of", "cpm-conformance.held"
"""Labels of containers: machine and user of the run, and the directory that it holds a lock on as long as it lives."""
_DEFAULT = "unix:///var/run/docker.sock"
_START = "start Docker (systemctl start docker), or set DOCKER_HOST to where Docker or Podman listens"
_ENGINE_ERRORS = (DockerException, OSError, ValueError, LookupError)


def reach_engine() -> Any:
    """A client of the engine, of the `docker` library. Raises `AdapterProblem` that says what is missing."""
    try:
        where = get_docker_host() or _DEFAULT
        host = urlsplit(where).hostname
    except _ENGINE_ERRORS as error:
        raise AdapterProblem(f"DOCKER_HOST cannot be understood: {error}", f"mend it, such as {_DEFAULT}") from None
    if where.partition("://")[0] in ("tcp", "http", "https", "ssh") and not is_loopback(host or ""):
        mend = "use an engine of this machine, or start the server there yourself and give its URL to --server"
        raise AdapterProblem(f"the container engine {where} is on another machine", mend)
    try:
        client = DockerClient().client
        client.ping()
    except _ENGINE_ERRORS as error:
        raise AdapterProblem(*_missing(where, error)) from error
    return client


def _missing(where: str, error: BaseException) -> tuple[str, str]:
    """What keeps the engine at `where` from being used, and the mend."""
    socket = where.removeprefix("unix://")
    causes = list(_causes(error))
    if any(isinstance(each, FileNotFoundError) for each in causes):
        return f"no container engine runs: there is no socket {socket}", f"install Docker (or Podman), then {_START}"
    if any(isinstance(each, PermissionError) for each in causes):
        mend = "join the group that owns it (usermod --append --groups docker USER, then log in again), or use a "
        return f"no permission to use the container engine at {socket}", mend + "rootless engine with DOCKER_HOST"
    if any(isinstance(each, ConnectionRefusedError) for each in causes):
        return f"no container engine runs: nobody listens at {socket}", _START
    return f"the container engine at {where} cannot be used: {explanation(error)}", _START


def _causes(error: object) -> Iterator[BaseException]:
    """An error and everything within: the `docker` library puts errors into the arguments of others."""
    if isinstance(error, BaseException):
        yield error
        for inner in (*error.args, error.__cause__):
            yield from _causes(inner)


def explanation(error: BaseException) -> str:
    """What the engine says about a failure, on one line."""
    said = error.explanation if isinstance(error, APIError) and error.explanation else str(error)
    return " ".join(str(said).split())


@contextmanager
def engine_told(doing: str, mend: str) -> Iterator[None]:
    """Failures of the engine become `AdapterProblem`s that say what was being done."""
    try:
        yield
    except _ENGINE_ERRORS as error:
        raise AdapterProblem(f"{doing}: {explanation(error)}", mend) from error


def require_image(client: Any, image: str, how_to_build: str = "") -> None:
    """Make sure that an image is there: pulled if need be, or built by the user. Raises `AdapterProblem`."""
    with engine_told(f"the image {image} cannot be looked for", "look into the engine's log"), suppress(ImageNotFound):
        client.images.get(image)
        return
    if how_to_build:
        raise AdapterProblem(f"the image {image} is not built yet", f"build it: {how_to_build}")
    mend = "check its name and tag, and that the engine reaches and may use its registry; or bring it by `docker load`"
    with engine_told(f"the image {image} is not here, and cannot be pulled", mend):
        client.images.pull(image)


def labels(held: Path) -> dict[str, str]:
    """The labels of a container whose run holds a private directory; see `conformance.programs.private_directory`."""
    return {OF: here(), HELD: str(held)}


def clean_engine(*, dry: bool = False) -> list[str]:
    """Remove what dead runs left in the engine; without an engine there is nothing. Returns the names of containers.

    With `dry` it only tells them. Raises `AdapterProblem` where something cannot be removed.
    """
    try:
        client = reach_engine()
    except AdapterProblem:
        return []
    with closing(client):
        return remove_abandoned(client, dry=dry)


def remove_abandoned(client: Any, *, dry: bool = False) -> list[str]:
    """Remove this machine's and user's containers whose run is dead; returns their names. Raises `AdapterProblem`."""
    removed = []
    dead = set(abandoned_directories())
    with engine_told("containers of dead runs cannot be removed", f"docker rm --force those with the label {OF}"):
        for each in client.containers.list(all=True, filters={"label": f"{OF}={here()}"}, ignore_removed=True):
            held = Path(each.labels.get(HELD, ""))
            if held in dead or not held.exists():
                removed.append(each.name)
                if not dry:
                    _remove(each, held if held in dead else None)
    return removed


def _remove(container: Any, directory: Path | None) -> None:
    """Remove a container with the directory of its run, unless another run that starts just now is about to."""
    try:
        container.remove(force=True, v=True)
    except APIError as error:
        if error.status_code not in (404, 409):
            raise
    if directory:
        shutil.rmtree(directory, ignore_errors=True)
