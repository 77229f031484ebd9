"""The messages of the `stdio:` protocol: what the suite asks an adapter and what that answers, one JSON object a line.

`fixtures/clients/stdio/PROTOCOL.md` tells authors of adapters the same in words, `protocol.schema.json` there as JSON
Schema; `python -m conformance.clients.stdio_messages` prints the latter.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import models_json_schema

from conformance.model.equality import Equality
from conformance.model.objects import ObjectKind
from conformance.model.policy import Direction

VERSION: Literal[1] = 1
UNKNOWN_OPERATION = "unknown-operation"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _decoded(value: object) -> object:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else value
    except binascii.Error as error:
        raise ValueError(f"no base64: {error}") from None


Octets = Annotated[
    bytes,
    BeforeValidator(_decoded),
    PlainSerializer(lambda octets: base64.b64encode(octets).decode("ascii"), return_type=str),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]
Path = Annotated[tuple[str, ...], Field(min_length=1, description="folder names, outermost first")]
Levels = Annotated[tuple[str, ...], Field(description="folder names, outermost first; may be empty")]
FlagNames = Annotated[tuple[str, ...], Field(description="flags and keywords as IMAP spells them")]


class Message(BaseModel):
    """The base of every message: no unknown keys, no conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Nothing(Message):
    """No arguments, or nothing to tell but that it is done: `{}`."""


class Hello(Message):
    """The suite's greeting to a process that it has just started."""

    protocol: Literal[1]
    directory: str
    """A directory of this run that stays when the process is killed, for local storage if it has no other place."""


class Introduction(Message):
    """Who the client is, what it claims, and which local storage it works on."""

    protocol: Literal[1]
    name: str
    version: str
    claims: dict[str, bool] = Field(default={}, description="ICS items; those not named take their default")
    equality: Annotated[Equality, Field(strict=False)] = Equality.OCTETS
    storage: str | None = None
    """The name that `reset` gave to local storage; absent or null before the first reset, or if it is lost."""
    remark: str = ""


class Reset(Message):
    """Empty local storage, no memory of any synchronization; from now on this account."""

    host: str
    port: int
    security: Literal["none", "tls", "starttls"]
    user: str
    password: str = Field(repr=False)
    root: Levels
    """The folder that holds everything to synchronize; empty for the whole account."""


class FreshStorage(Message):
    """The new, empty local storage."""

    storage: str
    """A name that no local storage of this adapter had before."""


class Object(Message):
    """One object of local storage; `object` names it in `remove` and `set_metadata`."""

    object: str
    octets: Octets = Field(repr=False)
    flags: FlagNames


class Folder(Message):
    """One folder of local storage with its own objects."""

    folder: Path
    objects: tuple[Object, ...]


class Contents(Message):
    """All of local storage, empty folders too."""

    folders: tuple[Folder, ...]


class InFolder(Message):
    """A folder."""

    folder: Path


class Rename(Message):
    """A folder and its new path; its inferiors move with it."""

    folder: Path
    to: Path


class Put(Message):
    """A new object and its flags, as the user of the client would have made it."""

    folder: Path
    octets: Octets = Field(repr=False)
    flags: FlagNames


class Remove(Message):
    """An object, by the name that `snapshot` gave it."""

    folder: Path
    object: str


class SetMetadata(Message):
    """Flags to set and flags to clear on an object; its others stay."""

    folder: Path
    object: str
    set: FlagNames
    clear: FlagNames


class SetPolicy(Message):
    """What may be moved from now on."""

    kinds: tuple[Annotated[ObjectKind, Field(strict=False)], ...]
    direction: Annotated[Direction, Field(strict=False)]
    max_size: int | None
    """Octets; null for no limit."""
    folders: tuple[Path, ...] | None
    """The folders in scope, inferiors included; null for all."""


class FolderValue(Message):
    """One value of a folder's metadata; `entry` is named as in RFC 5464, such as `/private/comment`."""

    entry: str
    value: Octets


class FolderValues(Message):
    """A folder's metadata in local storage."""

    values: tuple[FolderValue, ...]


class SetFolderMetadata(Message):
    """A value to set, or with null to remove."""

    folder: Path
    entry: str
    value: Octets | None


class Start(Message):
    """The triggers upon which the client synchronizes by itself from now on, until `stop`; all others are off."""

    period: float
    """Seconds between two synchronizations; 0 for no timer."""
    local_changes: bool
    notifications: bool


class Synchronize(Message):
    """One synchronization on the user's request; after `timeout` seconds the process is killed."""

    timeout: float


class Outcome(Message):
    """What the client itself reports of a synchronization."""

    success: bool
    detail: str = ""


class Outcomes(Message):
    """What the client reports of the synchronizations that it began itself since `start`, in their order."""

    synchronizations: tuple[Outcome, ...]


class Error(Message):
    """Why an operation was not carried out."""

    code: Literal["unknown-operation", "failed"]
    message: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its name, what it takes and gives, and whether an adapter may do without it."""

    name: str
    arguments: type[Message] = Nothing
    result: type[Message] = Nothing
    optional: bool = False


OPERATIONS: Mapping[str, Operation] = {
    each.name: each
    for each in (
        Operation("hello", Hello, Introduction),
        Operation("reset", Reset, FreshStorage),
        Operation("snapshot", Nothing, Contents),
        Operation("create_folder", InFolder),
        Operation("remove_folder", InFolder),
        Operation("rename_folder", Rename, optional=True),
        Operation("put", Put),
        Operation("remove", Remove),
        Operation("set_metadata", SetMetadata),
        Operation("set_policy", SetPolicy, optional=True),
        Operation("synchronize", Synchronize, Outcome),
        Operation("folder_metadata", InFolder, FolderValues, optional=True),
        Operation("set_folder_metadata", SetFolderMetadata, optional=True),
        Operation("start", Start, optional=True),
        Operation("stop", Nothing, Outcomes, optional=True),
    )
}

Result = TypeVar("Result", bound=Message)
_LEFT_OUT = cast("Any", None)


class Answer(Message, Generic[Result]):
    """A line from the adapter: a result or an error. What is not there is left out, never null."""

    id: int
    result: Result = Field(default=_LEFT_OUT)
    error: Error = Field(default=_LEFT_OUT)

    @model_validator(mode="after")
    def _one_of_both(self) -> Answer[Result]:
        if len({"result", "error"} & self.model_fields_set) != 1:
            raise ValueError("an answer holds either a result or an error")
        return self


def request(number: int, operation: str, arguments: Message) -> bytes:
    """The line that asks for an operation."""
    line = {"id": number, "operation": operation, "arguments": arguments.model_dump(mode="json")}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def read_answer(line: bytes, result: type[Result]) -> Answer[Result]:
    """The answer in a line. Raises `ValueError` that says in one line what is wrong with it."""
    try:
        return Answer[result].model_validate_json(line)  # type: ignore[valid-type]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}" if place else str(first["msg"])) from None


def schema() -> dict[str, Any]:
    """The JSON Schema of every line in both directions; `$defs/request-X` and `$defs/answer-X` for the operation X."""
    models = {each for operation in OPERATIONS.values() for each in (operation.arguments, operation.result)} | {Error}
    ordered = sorted(models, key=lambda model: model.__name__)
    mapping, shared = models_json_schema([(model, "validation") for model in ordered])
    definitions = dict(shared["$defs"])
    for name, operation in OPERATIONS.items():
        arguments, result = (mapping[each, "validation"] for each in (operation.arguments, operation.result))
        definitions[f"request-{name}"] = _line(operation={"const": name}, arguments=arguments)
        definitions[f"answer-{name}"] = {"oneOf": [_line(result=result), {"$ref": "#/$defs/refusal"}]}
    definitions["refusal"] = _line(error=mapping[Error, "validation"])
    lines = [f"{kind}-{name}" for name in OPERATIONS for kind in ("request", "answer")]
    return {
        "$schema": _DIALECT,
        "title": f"Lines of the stdio protocol of cpm-conformance, version {VERSION}",
        "anyOf": [{"$ref": f"#/$defs/{each}"} for each in lines],
        "$defs": definitions,
    }


def _line(**members: object) -> dict[str, Any]:
    properties = {"id": {"type": "integer"}, **members}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2, ensure_ascii=False))  # noqa: T201  (its output is the file)
