"""The configuration of a run: what the command line, a TOML file and the environment can say, validated."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from conformance.problems import ConfigurationProblem, UsageProblem
from conformance.secrecy import spellings
from conformance.toml_files import read_toml

DEFAULT_SEED = 20100583
PREFIX = "CPM_"
_SHARD = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")


class Roles(StrEnum):
    """Which implementation is judged."""

    SERVER = "server"
    CLIENT = "client"
    ALL = "all"


class Profile(StrEnum):
    """How much random exploration a run does; the numbers stand in `conformance.scenario.effort`."""

    QUICK = "quick"
    CI = "ci"
    NIGHTLY = "nightly"
    REMOTE = "remote"
    REPLAY = "replay"


class User(BaseModel):
    """One of several accounts; password and token stand here, or in the environment variables that are named here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field(min_length=1)
    password: str = Field(default="", repr=False)
    password_variable: str = ""
    token_variable: str = ""

    def secret(self, variable: str) -> str:
        """What an environment variable holds, nothing if none is named. Raises `UsageProblem` if it is not set."""
        if variable and variable not in os.environ:
            raise UsageProblem(f"accounts: {self.user}: the environment variable {variable} is not set", "set it")
        return os.environ[variable] if variable else ""


def _spelled(value: object) -> object:
    """An option as the command line would spell it, where TOML has a type for it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, (int, float)) else value


Option = Annotated[str, BeforeValidator(_spelled)]


class Configuration(BaseModel):
    """Everything that decides what a run does. Times are in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    server: str = Field(
        default="reference", description="reference, dovecot, cyrus, container:NAME, or imap://user:password@host/root"
    )
    client: str = Field(default="reference", description="the name of an adapter, stdio:COMMAND, manual or none")
    role: Roles = Field(default=Roles.ALL, description="which role is judged")
    profile: Profile = Field(default=Profile.QUICK, description="how much random exploration")
    seed: int = Field(default=DEFAULT_SEED, ge=0, description="the seed of all random draws")
    select: tuple[str, ...] = Field(default=(), description="requirement ids, case ids or clauses; empty means all")
    shard: str | None = Field(default=None, description="i/n: the part i of n, from 1 on, of the test cases")
    output: Path = Field(default=Path("reports/latest"), description="the directory the report is written to")
    baseline: Path | None = Field(default=None, description="TOML file of known failures")
    sign: Path | None = Field(default=None, description="SSH key that the report is signed with")
    simplify: bool = Field(default=True, description="whether failing examples are made as simple as can be")
    workers: int = Field(default=0, ge=0, le=64, description="parallel processes; 0 means none beside this one")
    synchronize_timeout: float = Field(default=30.0, gt=0, le=3600)
    answer_timeout: float = Field(default=10.0, gt=0, le=600)
    runs_to_converge: int = Field(default=2, ge=1, le=5, description="synchronizations until both sides agree (A21)")
    trigger_period: float = Field(default=0.5, gt=0, le=3600, description="the period that a client is set to (A22)")
    trigger_tolerance: float = Field(default=5.0, gt=0, le=3600, description="until a trigger has its effect (A22)")
    server_options: dict[str, Option] = Field(default_factory=dict)
    client_options: dict[str, Option] = Field(default_factory=dict)
    accounts: tuple[User, ...] = Field(default=(), description="users of the server, one for each parallel process")
    ics: Path | None = Field(default=None, description="TOML file: the implementation conformance statement, filled in")
    claims: dict[str, bool] = Field(default_factory=dict, description="ICS items that differ from the adapter's claims")

    @field_validator("shard")
    @classmethod
    def _one_of_several(cls, given: str | None) -> str | None:
        if given is not None:
            found = _SHARD.fullmatch(given)
            if found is None or not 1 <= int(found[1]) <= int(found[2]):
                raise ValueError("a shard is i/n, with i from 1 to n, such as 1/3")
        return given

    @property
    def part(self) -> tuple[int, int] | None:
        """The number of the shard, from 1 on, and how many there are; None for a run that is not divided."""
        if self.shard is None:
            return None
        number, _, of = self.shard.partition("/")
        return int(number), int(of)

    def redacted(self) -> dict[str, Any]:
        """The configuration as it may be shown: no password, in the URL or in an option."""
        shown = self.model_dump(mode="json")
        shown["server"] = without_password(self.server)
        shown["accounts"] = [{"user": each.user} for each in self.accounts]
        for options in (shown["server_options"], shown["client_options"]):
            options.update({key: "***" for key in options if _is_secret(key)})
        return shown

    def secrets(self) -> tuple[str, ...]:
        """Every spelling of each secret that the configuration or the environment holds; none may stand in any output.

        They come longest first, so that one within another leaves nothing behind.
        """
        options = [*self.server_options.items(), *self.client_options.items()]
        named = [value for key, value in options if _is_secret(key)]
        named += [value for key, value in os.environ.items() if key.startswith(PREFIX) and _is_secret(key)]
        for each in self.accounts:
            variables = (each.password_variable, each.token_variable)
            named += [each.password, *(os.environ.get(variable, "") for variable in variables)]
        return spellings([*named, _password(self.server)])


def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in ("pass", "token", "secret"))


def _password(url: str) -> str:
    userinfo, at, _ = url.partition("://")[2].rpartition("@")
    return userinfo.partition(":")[2] if at else ""


def without_password(url: str) -> str:
    """A server specification with the password of its URL masked; it may hold any character but the last `@`."""
    scheme, separator, rest = url.partition("://")
    if not separator or "@" not in rest:
        return url
    userinfo, _, place = rest.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    return f"{scheme}://{user}{':***' if colon else ''}@{place}"


def read(path: Path | None, overrides: Mapping[str, Any]) -> Configuration:
    """The configuration of a TOML file, if one is given, with whatever the command line says on top of it.

    Raises `ConfigurationProblem` for a file that cannot be read, is not TOML or does not fit, `UsageProblem` for a
    value of the command line that does not fit.
    """
    said = read_toml(path, "give --config the path of a readable file") if path else {}
    for key, value in overrides.items():
        said[key] = (
            {**said.get(key, {}), **value}
            if isinstance(value, Mapping) and isinstance(said.get(key, {}), dict)
            else value
        )
    try:
        return Configuration.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        shown = isinstance(first["input"], (str, int, float)) and not _is_secret(key) and "extra" not in first["type"]
        text = f"{key}: {first['msg']}" + (f" (it is {without_password(repr(first['input']))})" if shown else "")
        known = ", ".join(Configuration.model_fields)
        if path and first["loc"] and first["loc"][0] not in overrides:
            raise ConfigurationProblem(f"{path}: {text}", f"the keys of a configuration file are {known}") from None
        raise UsageProblem(text, "see `cpm-conformance run --help` for what can be given") from None


def adapter_options(pairs: Iterable[str]) -> dict[str, dict[str, str]]:
    """`key=value` pairs of the command line by adapter: `server.key=value` for the server, else for the client."""
    options: dict[str, dict[str, str]] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise UsageProblem(f"-O {pair!r} is not of the form key=value", "write for instance -O Sync=Pull")
        target, dot, name = key.partition(".")
        scoped = bool(dot) and target in ("server", "client")
        options.setdefault(f"{target if scoped else 'client'}_options", {})[name if scoped else key] = value
    return options
