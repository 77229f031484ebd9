"""Random sequences of storage steps by several sessions of one user, drawn on a model of the store.

The universe is small, so that steps meet. A sequence is made of motifs: a session looks, something is done once or
several times, often by another session, and somebody looks again. Each example draws which kinds of change and of look
it has, so that some keep to few. The draws depend on the model only, never on what a server answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from hypothesis import strategies as st

from conformance.imap.names import encode_name, same_spelling
from conformance.model.folders import FolderPath
from conformance.model.stored import DELETED, FlagChange
from conformance.strategies.seeds import seeds
from conformance.strategies.store_author import Author
from conformance.strategies.store_steps import (
    FLAGS,
    Append,
    By,
    Change,
    Close,
    Copy,
    Create,
    Delete,
    Expunge,
    Interrupt,
    Listing,
    Look,
    Move,
    Read,
    Reading,
    Reconnect,
    Rename,
    Resync,
    Resynchronizing,
    Search,
    Status,
    Step,
)

# Inferiors and names that begin alike; names that differ in case; encoded names that differ in the case of BASE64.
UNIVERSES: tuple[tuple[FolderPath, ...], ...] = (
    (("A",), ("A", "b"), ("AB",), ("C",)),
    (("A",), ("A", "b"), ("A", "b", "c"), ("A", "bc")),
    (("A",), ("a",), ("B",), ("B", "A")),
    (("é",), ("\u68e9",), ("with space",), ("C",)),
)
MOST_OBJECTS = 5
MARK = frozenset({DELETED})

Writer = Callable[[Author, FolderPath, int], FolderPath | None]
"""Writes one change or several steps that make one; returns the folder to go on with, if it is another one."""
Look_ = Callable[[Author, FolderPath, int], Step]


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds of change and of look that one example has."""

    changes: tuple[str, ...]
    looks: tuple[str, ...]


def sequences(sessions: int = 2, most: int = 14) -> st.SearchStrategy[tuple[Step, ...]]:
    """A sequence of steps that apply where a server does and offers everything.

    One number is drawn, and the sequence follows from it: drawn choice by choice, most sequences would be an earlier
    one with little in it changed. What is simpler than a sequence is told by `store_simpler`.
    """
    return seeds().map(lambda number: written(number, sessions, most))


def written(number: int, sessions: int, most: int) -> tuple[Step, ...]:
    """The sequence that follows from a number."""
    author = Author(Random(number).randrange, sessions, UNIVERSES[0])
    author.sessions = 1 if author.chance(10) else sessions
    author.universe = author.pick(UNIVERSES) if author.chance(30) else UNIVERSES[0]
    author.favourites = (author.pick(FLAGS), author.pick(FLAGS))
    kinds = Kinds(_some(author, tuple(CHANGES), 3), _some(author, tuple(LOOKS), 2))
    _begin(author)
    while len(author.steps) < most:
        _motif(author, kinds)
    return tuple(author.steps[:most])


def _some(author: Author, kinds: tuple[str, ...], least: int) -> tuple[str, ...]:
    """All kinds, or a few."""
    if author.chance(25):
        return kinds
    return tuple(author.pick(kinds) for _ in range(least + author.choose(4)))


def _begin(author: Author) -> None:
    """Some folders, one after the other, and objects in most of them."""
    for path in author.universe[: author.pick((1, 1, 2, 3, 4))]:
        author.write(Create(0, path))
        if author.chance(60):
            author.write(Append(0, path, tuple(author.item() for _ in range(author.pick((1, 2, 2, 3))))))


def _motif(author: Author, kinds: Kinds) -> None:
    """A look, one change or more, and another look, which is often the same one."""
    path = _some_folder(author)
    if not author.model.folders[path] and author.chance(80):
        _append(author, path, author.session())
    watcher = author.session()
    looked = _look(author, path, watcher, author.pick(kinds.looks)) if author.chance(60) else None
    for _ in range(author.pick((1, 1, 1, 2, 2, 3))):
        actor = author.pick(author.others(watcher)) if author.chance(65) else watcher
        path = CHANGES[author.pick(kinds.changes)](author, path, actor) or path
        path = path if path in author.model.folders else _some_folder(author)
    if looked is not None and author.chance(60):
        _look_again(author, path, looked)
    elif author.chance(70):
        who = watcher if author.chance(60) else author.session()
        _look(author, path, who, author.pick(kinds.looks))


def _some_folder(author: Author) -> FolderPath:
    """A folder that is there."""
    path = author.folder()
    if path is None:
        path = author.universe[0]
        author.write(Create(author.session(), path))
    return path


def _look(author: Author, path: FolderPath, session: int, kind: str) -> Step | None:
    needs_objects = kind not in ("listing", "news", "select", "examine", "status", "resync", "search")
    if path not in author.model.folders or (needs_objects and not author.model.folders[path]):
        return None
    step = LOOKS[kind](author, path, session)
    author.write(step)
    return step


def _look_again(author: Author, path: FolderPath, step: Step) -> None:
    """The same look by the same session, at what the folder is and holds by now."""
    if path not in author.model.folders or isinstance(step, Listing):
        author.write(Listing(step.session))
        return
    if isinstance(step, Read | Change):
        if author.model.folders[path]:
            author.write(replace(step, path=path, names=author.names(path)))
    elif isinstance(step, Look | Search | Status | Resync):
        author.write(replace(step, path=path))


def _by(author: Author) -> By:
    return "number" if author.chance(40) else "uid"


def _append(author: Author, path: FolderPath, session: int, *, count: int = 1, equal: bool = False) -> None:
    """Objects are stored, unless the folder is full: then something of it is removed."""
    if len(author.model.folders[path]) >= MOST_OBJECTS:
        _removal(author, path, session)
    author.write(Append(session, path, tuple(author.item(equal=equal) for _ in range(count))))


def _append_several(author: Author, path: FolderPath, session: int) -> None:
    _append(author, path, session, count=2 + author.choose(2))


def _append_equal(author: Author, path: FolderPath, session: int) -> None:
    _append(author, path, session, equal=True)


def _append_elsewhere(author: Author, path: FolderPath, session: int) -> None:
    """Into another folder than the one that is looked at."""
    others = [each for each in sorted(author.model.folders) if each != path]
    _append(author, author.pick(others) if others else path, session)


def _interrupt(author: Author, path: FolderPath, session: int) -> None:
    items = tuple(author.item() for _ in range(author.pick((1, 1, 2))))
    size = len(items[-1].content.octets)
    author.write(Interrupt(session, path, items, author.pick((size // 2, 0, 1, size - 1, size))))


def _change(author: Author, path: FolderPath, session: int) -> None:
    """Flags are added, removed or replaced; removed are mostly such as are there."""
    if not author.model.folders[path]:
        _append(author, path, session)
    names, how = author.names(path), author.pick(_HOW)
    held = sorted({flag for name in names for flag in author.model.folders[path][name].flags})
    flags = frozenset({author.pick(held)}) if how == "-FLAGS" and held else author.flags()
    by, removed = _by(author), author.removed.get(path, [])
    if by == "uid" and removed and author.chance(20):
        names = (*names, author.pick(removed))
    author.write(Change(session, path, names, how, flags, by, silent=author.chance(25)))


_HOW: tuple[FlagChange, ...] = ("+FLAGS", "+FLAGS", "-FLAGS", "FLAGS")


def _conditional(author: Author, path: FolderPath, session: int) -> None:
    if author.model.folders[path]:
        how, by = author.pick(_HOW), _by(author)
        author.write(Change(session, path, author.names(path), how, author.flags(), by, unchanged=True))


def _mark(author: Author, path: FolderPath, session: int) -> None:
    if not author.model.folders[path]:
        _append(author, path, session)
    author.write(Change(session, path, author.names(path), "+FLAGS", MARK, _by(author), silent=author.chance(20)))


def _unmark(author: Author, path: FolderPath, session: int) -> None:
    """A mark is taken away, and another one may be set."""
    if not author.model.marked(path):
        _mark(author, path, session)
    author.write(Change(session, path, (author.pick(author.model.marked(path)),), "-FLAGS", MARK, _by(author)))


def _marked(author: Author, path: FolderPath, session: int) -> int:
    """See to it that something is marked, mostly by the session itself; tells which other one goes on."""
    if not author.model.marked(path) or author.chance(25):
        _mark(author, path, session if author.chance(65) else author.session())
    return session


def _removal(author: Author, path: FolderPath, session: int) -> None:
    _marked(author, path, session)
    author.write(Expunge(session, path))


def _removal_of_named(author: Author, path: FolderPath, session: int) -> None:
    """Some of what is marked, beside others; or what is not."""
    names = list(author.model.folders[path])
    if len(author.model.marked(path)) < 2 and len(names) > 1 and author.chance(70):
        author.write(Change(session, path, tuple(names), "+FLAGS", MARK))
    marked = author.model.marked(path)
    if names:
        named = (author.pick(marked),) if marked and author.chance(65) else author.names(path)
        author.write(Expunge(session, path, named))


def _removal_by_close(author: Author, path: FolderPath, session: int) -> None:
    if author.chance(40):
        _change(author, path, session)
    _marked(author, path, session)
    author.write(Close(session, path))


def _close_examined(author: Author, path: FolderPath, session: int) -> None:
    _marked(author, path, author.session())
    author.write(Close(session, path, examine=True))


def _leave(author: Author, path: FolderPath, session: int) -> None:
    if author.chance(50):
        _marked(author, path, session)
    author.write(Close(session, path, "unselect", examine=author.chance(25)))


def _select_another(author: Author, path: FolderPath, session: int) -> None:
    """The session goes to another folder, or to the same anew."""
    if author.chance(50):
        _marked(author, path, session)
    author.write(Look(session, author.pick(sorted(author.model.folders)), author.pick(("select", "examine"))))


def _copy(author: Author, path: FolderPath, session: int) -> FolderPath | None:
    """Objects are copied to some folder, with which it may go on."""
    to = author.pick(sorted(author.model.folders))
    if not author.model.folders[path] or len(author.model.folders[to]) > MOST_OBJECTS:
        return None
    author.write(Copy(session, path, author.names(path), to, _by(author)))
    return to if author.chance(50) else None


def _move(author: Author, path: FolderPath, session: int) -> FolderPath | None:
    others = sorted(each for each in author.model.folders if each != path)
    if not others:
        author.write(Create(session, author.pick(author.free())))
        others = [author.steps[-1].path] if isinstance(author.steps[-1], Create) else []
    to = author.pick(others)
    if author.model.folders[path]:
        author.write(Move(session, path, author.names(path), to, _by(author)))
    return to if author.chance(30) else None


def _create(author: Author, path: FolderPath, session: int) -> FolderPath | None:
    free = author.free()
    if not free:
        return None
    new = author.pick(free)
    author.write(Create(session, new))
    return new if author.chance(50) else path


def _beginning(author: Author, path: FolderPath) -> FolderPath:
    """A folder, often one with whose name that of another begins."""
    folders = sorted(author.model.folders)
    names = ["/".join(each) for each in folders]
    alike = [each for each, name in zip(folders, names, strict=True) if sum(one.startswith(name) for one in names) > 1]
    return author.pick(alike) if alike and author.chance(60) else path


def _delete(author: Author, path: FolderPath, session: int) -> None:
    author.write(Delete(session, _beginning(author, path)))


def _recreate(author: Author, path: FolderPath, session: int) -> FolderPath:
    """A folder is removed and created again, and something is stored in it."""
    author.write(Delete(session, path))
    if author.model.has_superiors(path):
        author.write(Create(author.session(), path))
        if author.chance(80):
            _append(author, path, author.session())
    return path


def _rename(author: Author, path: FolderPath, session: int) -> FolderPath | None:
    """A folder gets another name; its own may be given to a new one."""
    path = _beginning(author, path)
    possible = [
        each
        for each in (*author.universe, ("D",))
        if author.model.may_rename(path, each) and not any(_is_alike(each, other) for other in author.model.folders)
    ]
    if not possible:
        return None
    to = author.pick(possible)
    author.write(Rename(session, path, to))
    if author.chance(30) and author.model.has_superiors(path):
        author.write(Create(author.session(), path))
    return to


def _is_alike(one: FolderPath, other: FolderPath) -> bool:
    return same_spelling(encode_name("/".join(one)), encode_name("/".join(other)))


def _reconnect(author: Author, path: FolderPath, session: int) -> None:
    """The connection ends, often after a change by it."""
    if author.chance(40):
        _change(author, path, session)
    author.write(Reconnect(session, author.pick(("logout", "abrupt"))))


def _refused(author: Author, path: FolderPath, session: int) -> None:
    """What has to be refused: creating what is there, and removing or filling what is not, or not any more."""
    if author.chance(40):
        author.write(Create(session, path))
        return
    missing = [each for each in author.universe if each not in author.model.folders]
    if not missing and author.chance(80):
        author.write(Delete(session, path))
        missing = [path]
    if missing:
        where = author.pick(missing)
        author.write(Delete(session, where) if author.chance(35) else Append(session, where, (author.item(),)))


CHANGES: dict[str, Writer] = {
    "append": lambda author, path, session: _append(author, path, session),
    "append-several": _append_several,
    "append-equal": _append_equal,
    "append-elsewhere": _append_elsewhere,
    "interrupt": _interrupt,
    "change": _change,
    "change-more": _change,
    "conditional-change": _conditional,
    "mark": _mark,
    "unmark": _unmark,
    "expunge": _removal,
    "uid-expunge": _removal_of_named,
    "close": _removal_by_close,
    "close-examined": _close_examined,
    "leave": _leave,
    "select-another": _select_another,
    "copy": _copy,
    "move": _move,
    "create": _create,
    "delete": _delete,
    "recreate": _recreate,
    "rename": _rename,
    "reconnect": _reconnect,
    "refused": _refused,
}


def _change_by_number(author: Author, path: FolderPath, session: int) -> Step:
    """Numbers have to be those that the session was told."""
    return Change(session, path, author.names(path)[-1:], "+FLAGS", author.flags(), "number")


def _read(author: Author, path: FolderPath, session: int) -> Step:
    what: Reading = author.pick(("whole", "peek", "part", "header", "size"))
    return Read(session, path, author.names(path), what, _by(author))


def _search(author: Author, path: FolderPath, session: int) -> Step:
    flag = author.pick(("", *author.favourites, *author.favourites, DELETED))
    return Search(session, path, flag, not flag or author.chance(70), _by(author))


def _status(author: Author, path: FolderPath, session: int) -> Step:
    idle = [each for each in range(author.sessions) if author.active.get(each) != path]
    return Status(session if session in idle or not idle else author.pick(idle), path)


def _resync(author: Author, path: FolderPath, session: int) -> Step:
    how: Resynchronizing = author.pick(("changes", "select", "vanished"))
    return Resync(session, path, how)


LOOKS: dict[str, Look_] = {
    "news": lambda _author, path, session: Look(session, path),
    "select": lambda _author, path, session: Look(session, path, "select"),
    "examine": lambda _author, path, session: Look(session, path, "examine"),
    "change-by-number": _change_by_number,
    "read": _read,
    "search": _search,
    "status": _status,
    "listing": lambda _author, _path, session: Listing(session),
    "resync": _resync,
    "resync-more": _resync,
}
