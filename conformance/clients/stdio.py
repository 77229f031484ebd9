"""Any client in any language, `--client stdio:COMMAND`: its adapter is a program that answers lines of JSON.

The suite starts COMMAND without a shell, asks one operation a line and reads one answer a line; the messages stand in
`stdio_messages`, the rules in `fixtures/clients/stdio/PROTOCOL.md`. Whatever breaks them is an `AdapterProblem`: the
process is killed, and started anew when it is needed again.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import ClassVar, Self, TypeVar

from conformance.clients.protocol import ClientIdentity, ClientTimeout, SyncResult
from conformance.clients.stdio_child import LINE_LIMIT, Child, Silence
from conformance.clients.stdio_messages import (
    OPERATIONS,
    UNKNOWN_OPERATION,
    VERSION,
    Answer,
    Contents,
    FolderValues,
    FreshStorage,
    Hello,
    InFolder,
    Introduction,
    Message,
    Nothing,
    Object,
    Outcome,
    Outcomes,
    Put,
    Remove,
    Rename,
    Reset,
    SetFolderMetadata,
    SetMetadata,
    SetPolicy,
    Start,
    Synchronize,
    read_answer,
    request,
)
from conformance.model.folders import FolderPath
from conformance.model.policy import Policy
from conformance.model.states import Flags, ObservedObject, Snapshot
from conformance.model.triggers import Triggers
from conformance.problems import AdapterProblem, UsageProblem
from conformance.programs import private_directory
from conformance.servers.protocol import Account
from conformance.spec import Role, ics_items

_SECONDS = 60.0
_WITHHELD = "CPM_SERVER_PASSWORD"
_USAGE = "write for instance --client 'stdio:python3 adapter.py'"
_EXCERPT = 200
_MEND = "see fixtures/clients/stdio/PROTOCOL.md"
Result = TypeVar("Result", bound=Message)


class Refused(AdapterProblem):
    """The adapter answered with an error."""

    def __init__(self, problem: AdapterProblem, code: str) -> None:
        super().__init__(problem.text, problem.mend)
        self.code = code


class StdioClient:
    """The client behind a program that speaks the protocol; `seconds` bounds every operation but `synchronize`."""

    name = "stdio"
    OPTIONS: ClassVar[Mapping[str, str]] = {
        "command": "the command line of the adapter, as in --client 'stdio:COMMAND'",
        "seconds": f"how long any operation but synchronize may take, {_SECONDS:g} by default",
    }

    def __init__(self, command: str, seconds: float = _SECONDS, line_limit: int = LINE_LIMIT) -> None:
        self.command, self.seconds, self._line_limit = _split(command), seconds, line_limit
        self._directory: Path | None = None
        self._child: Child | None = None
        self._by_itself: Child | None = None
        self._introduction: Introduction | None = None
        self._works_on: str | None = None
        self._storage: str | None = None
        self._number = 0

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Self:
        """The client as the command line describes it. Raises `UsageProblem`."""
        try:
            seconds = float(options.get("seconds", _SECONDS))
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= 24 * 3600:
            raise UsageProblem(f"seconds cannot be {options['seconds']!r}", "give a number, such as -O seconds=120")
        return cls(options.get("command", ""), seconds)

    def __enter__(self) -> Self:
        self._directory = private_directory("stdio")
        try:
            self._started()
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        ending = self._child.farewell() if self._child else None
        self._clear()
        if ending is not None and problem is None:
            raise ending

    def _clear(self) -> None:
        self._kill()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._directory = self._introduction = self._works_on = self._storage = None

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    def _started(self) -> Child:
        """The running process; where there is none, it is started and introduces itself."""
        if self._child is None:
            if self._directory is None:
                raise AdapterProblem("the stdio adapter is not started", "use it as a context manager")
            environment = {name: value for name, value in os.environ.items() if name != _WITHHELD}
            self._child = Child(self.command, environment, self._line_limit)
            try:
                self._introduce(self._directory)
            except AdapterProblem:
                self._kill()
                raise
        return self._child

    def _introduce(self, directory: Path) -> None:
        self._introduction = self._ask("hello", Hello(protocol=VERSION, directory=str(directory)), Introduction)
        self._works_on = self._introduction.storage
        _check_claims(self._introduction)

    def _ask(self, name: str, arguments: Message, result: type[Result]) -> Result:
        """The result of a bounded operation. Raises `AdapterProblem`; `NotImplementedError` for an optional one."""
        try:
            return self._exchange(name, arguments, result, self.seconds)
        except Silence as silence:
            raise AdapterProblem(
                f"the client's adapter hangs in {name}: {silence}", "-O seconds=N waits longer"
            ) from None

    def _exchange(self, name: str, arguments: Message, result: type[Result], seconds: float) -> Result:
        child = self._started()
        self._number += 1
        try:
            line = child.exchange(request(self._number, name, arguments), seconds)
            answer = self._read(child, name, line, result)
        except (AdapterProblem, Silence):
            self._kill()
            raise
        if "error" not in answer.model_fields_set:
            return answer.result
        if answer.error.code == UNKNOWN_OPERATION and name in OPERATIONS and OPERATIONS[name].optional:
            raise NotImplementedError(f"the client's adapter has no operation {name}")
        raise Refused(
            child.problem(f"could not {name}: {answer.error.code}: {answer.error.message}"), answer.error.code
        )

    def _read(self, child: Child, name: str, line: bytes, result: type[Result]) -> Answer[Result]:
        try:
            answer = read_answer(line, result)
        except ValueError as error:
            shown = line[:_EXCERPT].decode("utf-8", "backslashreplace").rstrip()
            raise child.problem(f"gave an invalid answer to {name}: {error}: {shown}") from None
        if answer.id != self._number:
            raise child.problem(f"answered {name}, request {self._number}, with the id {answer.id}")
        return answer

    def _act(self, name: str, arguments: Message, result: type[Result]) -> Result:
        """The result of an operation on the local storage that was last reset."""
        self._require_storage()
        return self._ask(name, arguments, result)

    def _require_storage(self) -> None:
        """Raise `AdapterProblem` where a process that was started again has not kept local storage."""
        self._started()
        if self._storage is None:
            raise AdapterProblem("the stdio adapter has no account", "call reset(account) first")
        if self._works_on != self._storage:
            raise AdapterProblem(
                f"the client's adapter was started again, and its hello names the storage {self._works_on!r} in place "
                f"of {self._storage!r}",
                "let it keep local storage when it is killed, or not claim durable-base",
            )

    def refuses(self, operation: str) -> bool:
        """Whether the adapter refuses an operation that nobody knows."""
        try:
            self._ask(operation, Nothing(), Nothing)
        except Refused as refusal:
            return refusal.code == UNKNOWN_OPERATION
        return False

    def hello(self) -> ClientIdentity:
        """Who the client is, as the adapter said when it was started."""
        self._started()
        assert self._introduction is not None
        said = self._introduction
        return ClientIdentity(said.name, said.version, dict(said.claims), said.equality, said.remark)

    def reset(self, account: Account) -> None:
        """Empty local storage, no base, and this account. A process that gave up before is started anew."""
        at, who = account.endpoint, account.credentials
        wanted = Reset(
            host=at.host, port=at.port, security=at.security, user=who.user, password=who.password, root=account.root
        )
        before, self._storage = self._storage, None
        fresh = self._ask("reset", wanted, FreshStorage).storage
        if fresh == before:
            raise AdapterProblem(f"the client's adapter named new local storage {fresh!r} like the last one", _MEND)
        self._storage = self._works_on = fresh

    def snapshot(self) -> Snapshot:
        """Local storage as the adapter shows it."""
        contents = self._act("snapshot", Nothing(), Contents)
        return Snapshot({each.folder: tuple(_observed(one) for one in each.objects) for each in contents.folders})

    def create_folder(self, path: FolderPath) -> None:
        """Make a folder, and its superiors where they are missing."""
        self._act("create_folder", InFolder(folder=path), Nothing)

    def remove_folder(self, path: FolderPath) -> None:
        """Remove a folder with its objects and inferiors."""
        self._act("remove_folder", InFolder(folder=path), Nothing)

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Rename a folder. Raises `NotImplementedError`."""
        self._act("rename_folder", Rename(folder=old, to=new), Nothing)

    def put(self, path: FolderPath, octets: bytes, flags: Flags = frozenset()) -> None:
        """Add an object."""
        self._act("put", Put(folder=path, octets=octets, flags=tuple(sorted(flags))), Nothing)

    def remove(self, path: FolderPath, handle: str) -> None:
        """Remove an object."""
        self._act("remove", Remove(folder=path, object=handle), Nothing)

    def set_metadata(self, path: FolderPath, handle: str, add: Iterable[str], remove: Iterable[str]) -> None:
        """Set and clear flags of an object."""
        changes = SetMetadata(folder=path, object=handle, set=tuple(sorted(add)), clear=tuple(sorted(remove)))
        self._act("set_metadata", changes, Nothing)

    def set_policy(self, policy: Policy) -> None:
        """Follow a policy. Raises `NotImplementedError`."""
        said = SetPolicy(
            kinds=tuple(sorted(policy.kinds)),
            direction=policy.direction,
            max_size=policy.max_size,
            folders=None if policy.folders is None else tuple(sorted(policy.folders)),
        )
        self._act("set_policy", said, Nothing)

    def folder_metadata(self, path: FolderPath) -> dict[str, bytes]:
        """The values of a folder's metadata. Raises `NotImplementedError`."""
        found = self._act("folder_metadata", InFolder(folder=path), FolderValues)
        return {each.entry: each.value for each in found.values}

    def set_folder_metadata(self, path: FolderPath, entry: str, value: bytes | None) -> None:
        """Set one value of a folder's metadata, or remove it. Raises `NotImplementedError`."""
        self._act("set_folder_metadata", SetFolderMetadata(folder=path, entry=entry, value=value), Nothing)

    def start(self, triggers: Triggers) -> None:
        """Let the client synchronize by itself. Raises `NotImplementedError`."""
        said = Start(period=triggers.period, local_changes=triggers.local_changes, notifications=triggers.notifications)
        self._act("start", said, Nothing)
        self._by_itself = self._child

    def stop(self) -> list[SyncResult]:
        """End that; nothing happens where it was not begun, or has ended with its process."""
        begun, self._by_itself = self._by_itself, None
        if begun is None or begun is not self._child:
            return []
        told = self._act("stop", Nothing(), Outcomes)
        return [SyncResult(each.success, each.detail) for each in told.synchronizations]

    def synchronize(self, timeout: float) -> SyncResult:
        """Run one synchronization. After `timeout` the process is killed; the next operation starts it again."""
        self._require_storage()
        try:
            outcome = self._exchange("synchronize", Synchronize(timeout=timeout), Outcome, timeout)
        except Silence as silence:
            raise ClientTimeout(f"the client did not end its synchronization: {silence}") from None
        return SyncResult(outcome.success, outcome.detail)

    def synchronize_and_kill(self, moment: Event, timeout: float) -> bool:
        """Start a synchronization and kill the process group; started again, it has to be on the same storage."""
        self._require_storage()
        child = self._started()
        self._number += 1
        child.send(request(self._number, "synchronize", Synchronize(timeout=timeout)), timeout)
        running = child.is_silent_until(moment, timeout)
        self._kill()
        self._require_storage()
        return running


def _split(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageProblem(f"the command line of the adapter is not well quoted: {error}: {command}", _USAGE) from None
    if not words:
        raise UsageProblem("the stdio adapter needs a command line", _USAGE)
    return words


def _check_claims(said: Introduction) -> None:
    known = {item.name for item in ics_items() if Role.CLIENT in item.roles}
    unknown = sorted(said.claims.keys() - known)
    if unknown:
        mend = f"an ICS item of clients is one of {', '.join(sorted(known))}"
        raise AdapterProblem(f"the client's adapter claims {unknown[0]!r}, which is no ICS item", mend)


def _observed(each: Object) -> ObservedObject:
    return ObservedObject(each.octets, frozenset(each.flags), each.object)
