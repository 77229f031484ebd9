"""The other end of the `stdio:` protocol: an adapter of this suite answers requests, one line of JSON each.

So a client that the suite can drive can be driven by anything else, too. What goes wrong with one request is its
answer; only a line that is no request at all ends the service.
"""

from __future__ import annotations

import json
import sys
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from conformance.clients import stdio_messages as messages
from conformance.clients.lasting import Lasting
from conformance.clients.protocol import ClientTimeout, FolderMetadataClient, StorageClient, TriggeredClient
from conformance.clients.stdio_messages import OPERATIONS, UNKNOWN_OPERATION, VERSION, Message, Nothing
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.model.policy import Policy
from conformance.model.states import ObservedObject
from conformance.model.triggers import Triggers
from conformance.problems import AdapterProblem
from conformance.servers.protocol import Account

PROMPTLY = 0.9
"""The part of its time after which a synchronization is ended from here, so that nobody has to kill this process."""
STATE = "service.json"
_MEND = "ask as fixtures/clients/stdio/PROTOCOL.md says"


class Service:
    """A context manager around one client, which `hello` starts."""

    def __init__(self, client: StorageClient) -> None:
        self._client = client
        self._opened = ExitStack()
        self._state = _State(None)
        self._operations: Mapping[str, Callable[[Any], Message]] = {
            name: getattr(self, f"_{name}") for name in OPERATIONS
        }

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def answers(self, lines: Iterable[bytes], output: BinaryIO) -> None:
        """Answer every line. Raises `AdapterProblem` for one that is no request."""
        for line in lines:
            output.write(self.answer(line))
            output.flush()

    def answer(self, line: bytes) -> bytes:
        """The line that answers a request."""
        number, operation, arguments = _read(line)
        try:
            told = {"result": self._carry_out(operation, arguments).model_dump(mode="json", exclude_none=True)}
        except Exception as problem:  # whatever an adapter raises, it is the answer
            code = _code(operation, problem)
            if code == "failed":
                traceback.print_exc(file=sys.stderr)
            told = {"error": {"code": code, "message": f"{problem}" or type(problem).__name__}}
        return json.dumps({"id": number, **told}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    def _carry_out(self, operation: str, arguments: object) -> Message:
        if operation not in OPERATIONS:
            raise NotImplementedError(operation)
        try:
            asked = OPERATIONS[operation].arguments.model_validate_json(json.dumps(arguments))
        except ValidationError as error:
            # Its own text shows the arguments, which may hold a password.
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"the arguments of {operation}: {place}: {first['msg']}") from None
        return self._operations[operation](asked)

    # The operations, by their names

    def _hello(self, asked: messages.Hello) -> messages.Introduction:
        client, directory = self._client, Path(asked.directory)
        if isinstance(client, Lasting):
            client.keep_in(directory)
            self._state = _State(directory / STATE)
        self._opened.enter_context(client)
        if isinstance(client, Lasting) and self._state.reset:
            client.resume(_account(messages.Reset.model_validate_json(self._state.reset)))
            if self._state.policy:
                client.set_policy(_policy(messages.SetPolicy.model_validate_json(self._state.policy)))
        return self._introduction()

    def _introduction(self) -> messages.Introduction:
        """Who the client is; what the protocol does not carry is not claimed."""
        identity = self._client.hello()
        claims = dict(identity.claims)
        claims |= {} if isinstance(self._client, Lasting) else {"durable-base": False}
        claims |= {"ANNOTATE": False} if claims.get("ANNOTATE") else {}
        return messages.Introduction(
            protocol=VERSION,
            name=identity.name,
            version=identity.version,
            claims=claims,
            equality=identity.equality,
            storage=self._state.storage,
            remark=identity.remark,
        )

    def _reset(self, asked: messages.Reset) -> messages.FreshStorage:
        self._client.reset(_account(asked))
        storage = str(uuid.uuid4())
        self._state.write(storage=storage, reset=asked.model_dump_json(), policy=None)
        return messages.FreshStorage(storage=storage)

    def _snapshot(self, _: Nothing) -> messages.Contents:
        folders = self._client.snapshot().folders
        return messages.Contents(
            folders=tuple(
                messages.Folder(folder=path, objects=tuple(map(_object, objects))) for path, objects in folders.items()
            )
        )

    def _create_folder(self, asked: messages.InFolder) -> Nothing:
        self._client.create_folder(asked.folder)
        return Nothing()

    def _remove_folder(self, asked: messages.InFolder) -> Nothing:
        self._client.remove_folder(asked.folder)
        return Nothing()

    def _rename_folder(self, asked: messages.Rename) -> Nothing:
        self._client.rename_folder(asked.folder, asked.to)
        return Nothing()

    def _put(self, asked: messages.Put) -> Nothing:
        self._client.put(asked.folder, asked.octets, frozenset(asked.flags))
        return Nothing()

    def _remove(self, asked: messages.Remove) -> Nothing:
        self._client.remove(asked.folder, asked.object)
        return Nothing()

    def _set_metadata(self, asked: messages.SetMetadata) -> Nothing:
        self._client.set_metadata(asked.folder, asked.object, asked.set, asked.clear)
        return Nothing()

    def _set_policy(self, asked: messages.SetPolicy) -> Nothing:
        self._client.set_policy(_policy(asked))
        self._state.write(policy=asked.model_dump_json())
        return Nothing()

    def _synchronize(self, asked: messages.Synchronize) -> messages.Outcome:
        try:
            result = self._client.synchronize(asked.timeout * PROMPTLY)
        except ClientTimeout as problem:
            return messages.Outcome(success=False, detail=str(problem))
        return messages.Outcome(success=result.success, detail=result.detail)

    def _folder_metadata(self, asked: messages.InFolder) -> messages.FolderValues:
        values = self._with_metadata().folder_metadata(asked.folder)
        return messages.FolderValues(
            values=tuple(messages.FolderValue(entry=entry, value=value) for entry, value in values.items())
        )

    def _set_folder_metadata(self, asked: messages.SetFolderMetadata) -> Nothing:
        self._with_metadata().set_folder_metadata(asked.folder, asked.entry, asked.value)
        return Nothing()

    def _with_metadata(self) -> FolderMetadataClient:
        if not isinstance(self._client, FolderMetadataClient):
            raise NotImplementedError("the client keeps no metadata of folders")
        return self._client

    def _start(self, asked: messages.Start) -> Nothing:
        self._by_itself().start(Triggers(asked.period, asked.local_changes, asked.notifications))
        return Nothing()

    def _stop(self, _: Nothing) -> messages.Outcomes:
        results = self._by_itself().stop()
        told = (messages.Outcome(success=each.success, detail=each.detail) for each in results)
        return messages.Outcomes(synchronizations=tuple(told))

    def _by_itself(self) -> TriggeredClient:
        if not isinstance(self._client, TriggeredClient):
            raise NotImplementedError("the client does not run by itself")
        return self._client


class _State:
    """What the next process has to know of the last one, as requests that it was given; it holds a password."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._kept: dict[str, str | None] = {}
        if file is not None and file.exists():
            self._kept = json.loads(file.read_text("utf-8"))
        self.storage, self.reset, self.policy = (self._kept.get(each) for each in ("storage", "reset", "policy"))

    def write(self, **kept: str | None) -> None:
        """Keep these too; a process that is killed meanwhile leaves the old ones."""
        self._kept |= kept
        if self._file is None:
            return
        new = self._file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(self._kept), "utf-8")
        new.replace(self._file)


def _read(line: bytes) -> tuple[int, str, object]:
    try:
        asked = json.loads(line)
        return int(asked["id"]), str(asked["operation"]), asked["arguments"]
    except (ValueError, KeyError, TypeError) as error:
        raise AdapterProblem(f"this line is no request: {line[:80]!r}: {error!r}", _MEND) from None


def _code(operation: str, problem: Exception) -> str:
    known = operation in OPERATIONS
    missing = isinstance(problem, NotImplementedError) and (not known or OPERATIONS[operation].optional)
    return UNKNOWN_OPERATION if missing else "failed"


def _account(asked: messages.Reset) -> Account:
    endpoint = Endpoint(asked.host, asked.port, asked.security)
    return Account(endpoint, Credentials(asked.user, asked.password), asked.root, created=False)


def _policy(asked: messages.SetPolicy) -> Policy:
    folders = None if asked.folders is None else frozenset(asked.folders)
    return Policy(frozenset(asked.kinds), asked.direction, asked.max_size, folders)


def _object(each: ObservedObject) -> messages.Object:
    return messages.Object(object=each.handle, octets=each.octets, flags=tuple(sorted(each.flags)))
