"""The profile of a container: TOML data that says how an image is run as a server under test, and how accounts come."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from jinja2 import TemplateError
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints, ValidationError, model_validator

from conformance.adapters import nearest
from conformance.problems import ConfigurationProblem, Problem, UsageProblem
from conformance.resources import fill, fixture, places
from conformance.toml_files import read_toml

_PLACE = ("servers", "containers")
_NETWORKS = ("host", "bridge")
_WORDS = {"extra_forbidden": "there is no such key", "tuple_type": "it has to be an array"}
_SHAPE = "fixtures/servers/containers/README.md tells what a profile says; the profiles beside it are examples"
_PINNED = re.compile(r"[^\s@]+(?:@sha256:[0-9a-f]{64}|:(?!latest\b)[\w][\w.-]*)")
_PIN = (
    "name an exact tag or a digest, such as example/server:1.2.3 or example/server@sha256:…, so that runs can compare"
)
Text = Annotated[str, StringConstraints(min_length=1)]
Command = tuple[Text, ...]
"""A program and its arguments, run in the container; no shell looks at them."""
STARTING = frozenset({"address", "port", "password"})
"""The places of everything that stands in the container before it listens, beside the profile's own values."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class File(_Table):
    """A file that is put into the container before it starts; `template` is a path relative to the profile."""

    path: Annotated[str, StringConstraints(pattern=r"^/.")]
    template: Text
    mode: Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")] = "0644"


class Ready(_Table):
    """When the server can be used: it greets, and `log`, a regular expression, is found in what it wrote."""

    seconds: float = Field(default=60.0, gt=0, le=600)
    log: str = ""


class User(_Table):
    """A user that the image brings."""

    user: Text
    password: str = Field(repr=False)


class Accounts(_Table):
    """How accounts come into being: every name logs in, a command creates one, or the image brings some.

    Of a user that the image brings, each account is a new folder of its own. `root` is the folder, levels separated by
    `/`, that names begin with.
    """

    kind: Literal["any", "created", "listed"]
    user: Text = "user{{ number }}"
    password: str = "{{ password }}"
    create: Command = ()
    remove: Command = ()
    users: tuple[User, ...] = ()
    root: str = ""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.kind == "created") != bool(self.create):
            raise ValueError("create belongs to accounts of the kind created, and has to be there")
        if (self.kind == "listed") != bool(self.users):
            raise ValueError("users belong to accounts of the kind listed, and have to be there")
        return self


class Abilities(_Table):
    """What else can be asked of the server, each by a command in the container."""

    restart: bool = True
    read_only: Command = ()
    quota: Command = ()
    new_uid_validity: Command = ()


class Profile(_Table):
    """How one image is run. Texts may hold the places `{{ address }}`, `{{ port }}`, `{{ password }}` and `values`."""

    product: Text
    image: str = ""
    build: str = Field(default="", description="what fixtures/servers/containers/build makes the image of")
    network: Literal["host", "bridge"] = "bridge"
    port: int = Field(default=143, ge=1, le=65535, description="in the container, on a network of its own")
    security: Literal["plain", "starttls", "tls"] = "plain"
    entrypoint: Command = ()
    command: Command = ()
    stop_signal: Annotated[str, StringConstraints(pattern=r"^SIG[A-Z0-9]+$")] = "SIGTERM"
    environment: dict[str, str] = Field(default_factory=dict)
    values: dict[str, str | int | bool] = Field(default_factory=dict)
    files: tuple[File, ...] = ()
    ready: Ready = Ready()
    setup: tuple[Command, ...] = ()
    version: Command = ()
    accounts: Accounts
    abilities: Abilities = Abilities()
    remarks: str = ""
    _templates: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def pinned(self) -> bool:
        """Whether the image can only be one."""
        return _PINNED.fullmatch(self.image) is not None

    def template(self, file: File) -> str:
        """The template of one of the files."""
        return self._templates[file.template]

    def load_templates(self, directory: Path) -> None:
        """Read the templates of all files. Raises `OSError`."""
        for file in self.files:
            self._templates[file.template] = (directory / file.template).read_text("utf-8")

    def texts(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        """Every text with places: where it stands, the text, and what its places can be called."""
        own = frozenset(self.values)
        starting = (("entrypoint", self.entrypoint), ("command", self.command), ("version", self.version))
        environment = ((f"environment.{key}", (value,)) for key, value in self.environment.items())
        setup = (("setup", each) for each in self.setup)
        files = ((file.template, (self._templates[file.template],)) for file in self.files)
        for where, texts in (*starting, *environment, *setup, *files):
            yield from ((where, text, own | STARTING) for text in texts)
        for where, texts, added in self._texts_of_accounts():
            yield from ((where, text, own | STARTING | added) for text in texts)

    def _texts_of_accounts(self) -> Iterator[tuple[str, Command, frozenset[str]]]:
        accounts, abilities = self.accounts, self.abilities
        yield "accounts.user", (accounts.user,), frozenset({"number"})
        yield "accounts.password", (accounts.password,), frozenset()
        yield "accounts.users", tuple(each.password for each in accounts.users), frozenset()
        yield "accounts.create", accounts.create, frozenset({"user"})
        yield "accounts.remove", accounts.remove, frozenset({"user"})
        yield "abilities.read_only", abilities.read_only, frozenset({"user", "folder"})
        yield "abilities.quota", abilities.quota, frozenset({"user", "octets"})
        yield "abilities.new_uid_validity", abilities.new_uid_validity, frozenset({"user", "folder"})


def known_profiles() -> list[str]:
    """The names of the profiles that the suite ships."""
    return sorted(path.stem for path in fixture(*_PLACE).glob("*.toml"))


def find_profile(name: str, options: Mapping[str, str]) -> Profile:
    """The profile that `container:NAME` means, or the file of the option `profile`, and then NAME is the image.

    The options `image` and `network` win over what a profile says. Raises `UsageProblem` for a name that is not known
    or an image that is not pinned, `ConfigurationProblem` for a file that cannot be used.
    """
    path, image = _file_and_image(name, options)
    # Another image than the profile's is not what the suite builds.
    changes = {"image": image, "build": ""} if image else {}
    if "network" in options:
        changes["network"] = options["network"]
        if options["network"] not in _NETWORKS:
            text = f"server option network: {options['network']!r} is none of its values"
            raise UsageProblem(text, nearest(options["network"], _NETWORKS))
    profile = read_profile(path, changes)
    if not profile.image:
        raise ConfigurationProblem(f"{path}: image: it names none", "say image = … there, or --server container:IMAGE")
    if not profile.pinned:
        raise UsageProblem(f"the image {profile.image!r} is not pinned", _PIN)
    return profile


def _file_and_image(name: str, options: Mapping[str, str]) -> tuple[Path, str]:
    """Where the profile stands, and the image that the command line names instead of the profile's, or nothing."""
    if "profile" in options:
        path = Path(options["profile"])
        with suppress(RuntimeError):  # nobody is called so
            path = path.expanduser()
        return path, options.get("image", name)
    if name not in known_profiles():
        mend = f"{nearest(name, known_profiles())}; for an image of yours give its profile: -O server.profile=FILE"
        raise UsageProblem(f"there is no profile of a container {name!r}", mend)
    return fixture(*_PLACE, f"{name}.toml"), options.get("image", "")


def read_profile(path: Path, changes: Mapping[str, str] | None = None) -> Profile:
    """The profile of a file, with `changes` made to it; every place in its texts can be filled.

    Raises `ConfigurationProblem` that names file and key.
    """
    said = {**read_toml(path, "give -O server.profile a readable file"), **(changes or {})}
    try:
        # Strict, so that no type is taken for another; then an array of TOML has to be a tuple already.
        profile = Profile.model_validate(_tuples(said))
    except ValidationError as error:
        raise ConfigurationProblem(f"{path}: {_first(error)}", _SHAPE) from None
    try:
        profile.load_templates(path.parent)
    except (OSError, ValueError) as error:
        raise ConfigurationProblem(
            f"{path}: files: {error}", "paths of templates are relative to the profile"
        ) from None
    _check(path, profile)
    return profile


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(each) for key, each in value.items()}
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    what = _WORDS.get(first["type"], first["msg"])
    return f"{where}: {what}" if where else what


def _check(path: Path, profile: Profile) -> None:
    for where, text, allowed in profile.texts():
        try:
            unknown = sorted(places(text) - allowed)
            if not unknown:
                fill(
                    text,
                    dict.fromkeys(allowed, "1") | profile.values | {"port": profile.port, "number": 1, "octets": 1},
                )
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise _unfillable(path, where, str(error), allowed) from None
        if unknown:
            raise _unfillable(path, where, f"nothing is called {unknown[0]!r}", allowed)
    try:
        re.compile(profile.ready.log)
    except re.error as error:
        raise ConfigurationProblem(f"{path}: ready.log: {error}", "write a regular expression, as Python has") from None


def _unfillable(path: Path, where: str, what: str, allowed: frozenset[str]) -> Problem:
    return ConfigurationProblem(f"{path}: {where}: {what}", f"the places there are {', '.join(sorted(allowed))}")
