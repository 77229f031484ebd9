r"""From the recorded wire to storage operations: what a client asked of the server, and what changed by it.

Commands and answers are matched by tag, so pipelining is understood. Whether an operation changed anything is judged by
the answers and by what the connection was told before: a CLOSE is a removal only where something was marked `\Deleted`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from conformance.imap.data import UidSet, expand_uids, fetch_items
from conformance.imap.errors import SyntaxProblem
from conformance.imap.names import decode_name
from conformance.imap.results import canonical_flags
from conformance.imap.syntax import (
    Atom,
    Command,
    Literal,
    Response,
    Token,
    Tokens,
    number_of,
    octets_of,
    parse_command,
    parse_response,
    text_of,
)
from conformance.imap.transcript import Entry, Transcript
from conformance.imap.view import FolderView

CLAUSES = {
    "list_folders": "5.5.2.9",
    "set_active_folder": "5.5.2.2",
    "store_object": "5.5.2.3",
    "fetch_object": "5.5.2.4",
    "fetch_metadata": "5.5.2.4",
    "remove_object": "5.5.2.6",
    "create_folder": "5.5.2.8",
    "remove_folder": "5.5.2.11",
    "update_metadata": "5.5.2.13",
}
_FOLDER_COMMANDS = {
    "LIST": "list_folders",
    "LSUB": "list_folders",
    "XLIST": "list_folders",
    "CREATE": "create_folder",
    "DELETE": "remove_folder",
    "RENAME": "rename_folder",
    "STATUS": "folder_status",
    "SELECT": "set_active_folder",
    "EXAMINE": "set_active_folder",
}
_OTHER_CHANGES = frozenset(
    {"SUBSCRIBE", "UNSUBSCRIBE", "SETMETADATA", "SETANNOTATION", "SETACL", "DELETEACL", "SETQUOTA", "REPLACE"}
)
_CHANGING = frozenset({"create_folder", "remove_folder", "rename_folder"})


@dataclass(frozen=True, slots=True)
class Operation:
    r"""One operation of one command; a MOVE, or an APPEND of several objects, is several operations.

    `kind` is a key of `CLAUSES`, or `rename_folder`, `copy_object`, `folder_status`, `other`. `entry` is the transcript
    number of the command, `answered` that of its tagged response (0 and status "" when there was none). `uids` are
    those the server confirmed, else those asked for; `items` the flags (with `+` or `-`), data items or arguments.
    `octets` and `sha256` describe a stored object; for `fetch_object`, `octets` is the sum of the bodies, and
    `sets_seen` tells that a body was fetched without PEEK.
    """

    kind: str
    connection: str
    command: str
    entry: int
    folder: str | None = None
    uids: tuple[int, ...] = ()
    items: tuple[str, ...] = ()
    status: str = ""
    answered: int = 0
    changed: bool = False
    octets: int | None = None
    sha256: str | None = None
    target: str | None = None
    read_only: bool = False
    sets_seen: bool = False

    @property
    def clause(self) -> str | None:
        """The clause that defines the operation, None when none does."""
        return CLAUSES.get(self.kind)


def read_operations(
    transcript: Transcript, *, since: int = 0, until: int | None = None, connection_prefix: str = "client-"
) -> list[Operation]:
    """The operations in the entries above `since` and up to `until`, by entry.

    Connections opened before `since` are followed from their beginning, so that their active folder is known.
    """
    begun = {
        each.connection: transcript.opening(each)
        for each in reversed(transcript.entries(connection_prefix, since, until))
    }
    connections = {name: _Connection(name) for name in begun}
    for entry in transcript.entries(connection_prefix, min(begun.values(), default=1) - 1, until):
        if entry.number >= begun.get(entry.connection, entry.number + 1):
            connections[entry.connection].take(entry)
    found = (operation for connection in connections.values() for operation in connection.finish())
    return sorted((one for one in found if one.entry > since), key=lambda one: one.entry)


@dataclass(slots=True)
class _Asked:
    """A command, and what the server has said to it so far."""

    entry: int
    command: Command
    told: list[Response] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    gone: list[int] = field(default_factory=list)
    answer: Response | None = None
    answered: int = 0

    @property
    def ok(self) -> bool:
        return self.answer is not None and self.answer.name == "OK"

    def argument(self, index: int) -> Token:
        if index >= len(self.command.arguments):
            raise SyntaxProblem(f"{self.command.name} without argument {index + 1}", self.command.tag.encode())
        return self.command.arguments[index]

    def text(self, index: int) -> str:
        return text_of(self.argument(index))

    def folder(self, index: int) -> str:
        return decode_name(octets_of(self.argument(index)))


class _Connection:
    """One connection, entry by entry."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._asked: list[_Asked] = []
        self._view = FolderView()
        self._operations: list[Operation] = []

    def take(self, entry: Entry) -> None:
        try:
            if entry.direction == "C":
                self._ask(entry)
            elif entry.direction == "S":
                self._tell(parse_response(entry.octets), entry.number)
        except SyntaxProblem:
            # A unit that was cut, masked or never was IMAP says nothing that could be relied on.
            return

    def finish(self) -> list[Operation]:
        for asked in self._asked:
            self._complete(asked)
        self._asked.clear()
        return self._operations

    def _ask(self, entry: Entry) -> None:
        command = parse_command(entry.octets)
        if not command.tag:
            return
        self._asked.append(_Asked(entry.number, command))
        self._enter_folder()

    def _enter_folder(self) -> None:
        """What follows a SELECT is about the new folder as soon as the server works on it."""
        if self._asked and self._asked[0].command.name in {"SELECT", "EXAMINE"} and not self._asked[0].told:
            self._view = FolderView()

    def _tell(self, response: Response, number: int) -> None:
        if response.kind == "tagged":
            asked = next((one for one in self._asked if one.command.tag == response.tag), None)
            if asked:
                self._asked.remove(asked)
                asked.answer, asked.answered = response, number
                self._complete(asked)
                self._enter_folder()
        elif response.kind == "untagged":
            about = _about(self._asked, response)
            gone = self._view.follow(response)
            if about:
                about.told.append(response)
                about.numbers.add(response.number or 0)
                about.gone += gone

    def _complete(self, asked: _Asked) -> None:
        try:
            found = list(_READERS.get(asked.command.name, _read_other)(asked, self._view))
        except SyntaxProblem:
            found = [_operation("other", asked)]
        self._operations += [replace(one, connection=self._name) for one in found]
        name = asked.command.name
        if name in {"SELECT", "EXAMINE"}:
            self._view.folder = asked.folder(0) if asked.ok and asked.command.arguments else None
            self._view.read_only = bool(found) and found[0].read_only
        elif name in {"CLOSE", "UNSELECT"} and asked.ok:
            self._view = FolderView()


def _about(pending: Sequence[_Asked], response: Response) -> _Asked | None:
    """The command an untagged response belongs to: the oldest, or of several FETCH the first that lacks this data."""
    fetching = [asked for asked in pending if asked.command.name == "FETCH"] if response.name == "FETCH" else []
    if len(fetching) > 1:
        items = fetch_items(response)
        for asked in fetching:
            if _wants(asked, response.number or 0, items):
                return asked
    if fetching:
        return fetching[0]
    return pending[0] if pending else None


def _wants(asked: _Asked, number: int, items: dict[str, Token]) -> bool:
    if number in asked.numbers:
        return False
    wanted = number_of(items["UID"]) if asked.command.uid and "UID" in items else number
    bodies = any(_is_body(item) for item in items)
    return wanted in UidSet.parse(asked.text(0)) and bodies == any(map(_is_body, _fetch_items_asked(asked)))


def _operation(kind: str, asked: _Asked, **details: object) -> Operation:
    name = f"UID {asked.command.name}" if asked.command.uid else asked.command.name
    status = asked.answer.name if asked.answer else ""
    base = Operation(kind, "", name, asked.entry, status=status, answered=asked.answered)
    return replace(base, **details)  # type: ignore[arg-type]


def _read_other(asked: _Asked, view: FolderView) -> Iterator[Operation]:
    changed = asked.ok and asked.command.name in _OTHER_CHANGES
    yield _operation("other", asked, folder=view.folder, changed=changed)


def _read_folder_command(asked: _Asked, view: FolderView) -> Iterator[Operation]:
    del view
    name = asked.command.name
    kind = _FOLDER_COMMANDS[name]
    if kind == "list_folders":
        yield _operation(kind, asked, items=tuple(_texts(asked.command.arguments)))
        return
    code = asked.answer.code if asked.answer else None
    yield _operation(
        kind,
        asked,
        folder=asked.folder(0),
        items=tuple(_texts(asked.command.arguments[1:])),
        target=asked.folder(1) if name == "RENAME" else None,
        read_only=name == "EXAMINE" or (code is not None and code.name == "READ-ONLY"),
        changed=asked.ok and kind in _CHANGING,
    )


def _texts(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        if isinstance(token, tuple):
            yield from _texts(token)
        else:
            yield text_of(token)


def _read_append(asked: _Asked, view: FolderView) -> Iterator[Operation]:
    del view
    code = asked.answer.code if asked.answer else None
    uids: list[int] = []
    if code and code.name == "APPENDUID" and len(code.arguments) == 2:
        uids = expand_uids(text_of(code.arguments[1]))
    for index, (flags, octets) in enumerate(_appended(asked.command.arguments[1:])):
        yield _operation(
            "store_object",
            asked,
            folder=asked.folder(0),
            uids=tuple(uids[index : index + 1]),
            items=tuple(sorted(flags)),
            octets=len(octets),
            sha256=hashlib.sha256(octets).hexdigest(),
            changed=asked.ok,
        )


def _appended(arguments: Tokens) -> Iterator[tuple[frozenset[str], bytes]]:
    """The objects of an APPEND, several with MULTIAPPEND (RFC 3502): flags, a date, a literal or `UTF8 (literal)`."""
    flags: frozenset[str] = frozenset()
    for index, token in enumerate(arguments):
        before = arguments[index - 1] if index else None
        if isinstance(token, Literal):
            yield flags, bytes(token)
            flags = frozenset()
        elif isinstance(token, tuple) and isinstance(before, Atom) and before.upper() in {b"UTF8", b"CATENATE"}:
            yield flags, b"".join(octets_of(part) for part in token if isinstance(part, Literal))
            flags = frozenset()
        elif isinstance(token, tuple):
            flags = canonical_flags(token)


def _fetch_items_asked(asked: _Asked) -> tuple[str, ...]:
    token = asked.argument(1)
    items = token if isinstance(token, tuple) else (token,)
    return tuple(text_of(item).upper() for item in items if not isinstance(item, tuple))


def _is_body(item: str) -> bool:
    """Whether a data item, asked for or answered, carries content and not only header fields."""
    if item in {"RFC822", "RFC822.TEXT"}:
        return True
    name, bracket, section = item.partition("[")
    if not bracket or name.removesuffix(".PEEK") not in {"BODY", "BINARY"}:
        return False
    return not any(part in section.partition(" ")[0] for part in ("HEADER", "MIME"))


def _sets_seen(item: str) -> bool:
    return item in {"RFC822", "RFC822.TEXT"} or item.startswith(("BODY[", "BINARY["))


def _read_fetch(asked: _Asked, view: FolderView) -> Iterator[Operation]:
    items = _fetch_items_asked(asked)
    sets_seen = any(map(_sets_seen, items)) and not view.read_only
    answers = [(response.number or 0, fetch_items(response)) for response in asked.told if response.name == "FETCH"]
    bodies = [octets_of(token) for _, data in answers for item, token in data.items() if _is_body(item) and token]
    fetches_bodies = any(map(_is_body, items))
    answered = [
        number_of(data["UID"]) if "UID" in data else view.uid(number)
        for number, data in answers
        if not fetches_bodies or any(map(_is_body, data))
    ]
    told = tuple(dict.fromkeys(uid for uid in answered if uid))
    uids = told if asked.ok else view.resolve(asked.text(0), uid=asked.command.uid)
    yield _operation(
        "fetch_object" if fetches_bodies else "fetch_metadata",
        asked,
        folder=view.folder,
        uids=uids,
        items=items,
        octets=sum(map(len, bodies)) if fetches_bodies else None,
        sets_seen=sets_seen,
        read_only=view.read_only,
        changed=asked.ok and sets_seen and any(_now_seen(data) for _, data in answers),
    )


def _now_seen(data: dict[str, Token]) -> bool:
    r"""A server that sets `\Seen` by a FETCH says so in the same answer (RFC 3501 6.4.5)."""
    return "FLAGS" in data and r"\Seen" in canonical_flags(data["FLAGS"])


def _read_store(asked: _Asked, view: FolderView) -> Iterator[Operation]:
    arguments = [token for token in asked.command.arguments[1:] if not _is_modifier(token)]
    action = text_of(arguments[0]).upper() if arguments else ""
    flags = canonical_flags(_flat(arguments[1:]))
    uids = view.resolve(asked.text(0), uid=asked.command.uid)
    marked = r"\Deleted" in flags and not action.startswith("-")
    changed = asked.ok and _store_changes(asked, view, uids, action, flags)
    _apply_store(asked, view, uids, action, flags)
    sign = action[:1] if action[:1] in "+-" else ""
    rest = flags - {r"\Deleted"} if marked else flags
    common = {"folder": view.folder, "uids": uids, "changed": changed}
    if marked:
        yield _operation("remove_object", asked, items=(sign + r"\Deleted",), **common)
    if rest or not marked:
        yield _operation("update_metadata", asked, items=tuple(sign + flag for flag in sorted(rest)), **common)


def _is_modifier(token: Token) -> bool:
    first = token[0] if isinstance(token, tuple) and token else None
    return isinstance(first, Atom) and first.upper() == b"UNCHANGEDSINCE"


def _flat(tokens: Iterable[Token]) -> Tokens:
    return tuple(one for token in tokens for one in (token if isinstance(token, tuple) else (token,)))


def _after_store(known: frozenset[str], action: str, flags: frozenset[str]) -> frozenset[str]:
    return known | flags if action.startswith("+") else known - flags if action.startswith("-") else flags


def _store_changes(asked: _Asked, view: FolderView, uids: Sequence[int], action: str, flags: frozenset[str]) -> bool:
    """Not when every object is known to have these flags already, nor when a STORE that would echo echoes nothing."""
    if not action.endswith(".SILENT") and not any(response.name == "FETCH" for response in asked.told):
        return False
    if not action.endswith(".SILENT"):
        return True
    return any(uid not in view.flags or _after_store(view.flags[uid], action, flags) != view.flags[uid] for uid in uids)


def _apply_store(asked: _Asked, view: FolderView, uids: Sequence[int], action: str, flags: frozenset[str]) -> None:
    for uid in uids if asked.ok and action.endswith(".SILENT") else ():
        view.flags[uid] = _after_store(view.flags.get(uid, frozenset()), action, flags)


def _read_expunge(asked: _Asked, view: FolderView) -> Iterator[Operation]:
    gone = tuple(uid for uid in asked.gone if uid)
    asked_for = view.resolve(asked.text(0), uid=True) if asked.command.uid else view.deleted
    uids = gone if asked.ok else asked_for
    changed = bool(asked.gone)
    yield _operation("remove_object", asked, folder=view.folder, uids=uids, items=("EXPUNGE",), changed=changed)


def _read_close(asked: _Asked, view: FolderView) -> Iterator[Operation]:
    """CLOSE tells nothing of what it expunges (RFC 3501 6.4.2); the marks this connection knows of must do."""
    expunged = () if view.read_only else view.deleted
    if expunged:
        yield _operation(
            "remove_object", asked, folder=view.folder, uids=expunged, items=("EXPUNGE",), changed=asked.ok
        )
    else:
        yield _operation("other", asked, folder=view.folder)


def _read_copy(asked: _Asked, view: FolderView) -> Iterator[Operation]:
    codes = [response.code for response in [*asked.told, asked.answer] if response and response.code]
    copied = next((code for code in codes if code.name == "COPYUID" and len(code.arguments) == 3), None)
    asked_for = view.resolve(asked.text(0), uid=asked.command.uid)
    uids = tuple(expand_uids(text_of(copied.arguments[1]))) if copied else asked_for
    common = {"folder": view.folder, "target": asked.folder(1)}
    yield _operation("copy_object", asked, uids=uids, changed=asked.ok and bool(uids), **common)
    if asked.command.name == "MOVE":
        gone = tuple(uid for uid in asked.gone if uid)
        yield _operation("remove_object", asked, uids=gone or uids, items=("MOVE",), changed=bool(asked.gone), **common)


_READERS = {
    **dict.fromkeys(_FOLDER_COMMANDS, _read_folder_command),
    "APPEND": _read_append,
    "FETCH": _read_fetch,
    "STORE": _read_store,
    "EXPUNGE": _read_expunge,
    "CLOSE": _read_close,
    "COPY": _read_copy,
    "MOVE": _read_copy,
}
