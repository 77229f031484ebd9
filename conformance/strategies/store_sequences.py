"""Random sequences of storage steps by several sessions of one user, drawn on a model of the store.

The universe is small, so that steps meet. Each example draws which kinds of step it has and how often, so that some
keep to few kinds; and what makes the faults of the last step visible comes more often than anything else. The draws
depend on the model only, never on what a server answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import strategies as st

from conformance.imap.names import encode_name, same_spelling
from conformance.model.folders import FolderPath
from conformance.model.stored import DELETED, FlagChange
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

Weights = dict[str, int]
Writer = Callable[[Author, FolderPath, int], Step]

# Inferiors and names that begin alike; names that differ in case; encoded names that differ in the case of BASE64.
UNIVERSES: tuple[tuple[FolderPath, ...], ...] = (
    (("A",), ("A", "b"), ("AB",), ("C",)),
    (("A",), ("A", "b"), ("A", "b", "c"), ("A", "bc")),
    (("A",), ("a",), ("B",), ("B", "A")),
    (("é",), ("\u68e9",), ("with space",), ("C",)),
)
MOST_OBJECTS = 5
LEAST_STEPS = 4

# How often each kind of step comes where all do.
EVERYTHING: Weights = {
    **dict.fromkeys(("append", "change"), 6),
    **dict.fromkeys(("mark", "expunge", "news"), 4),
    **dict.fromkeys(("create", "copy", "resync"), 3),
    **dict.fromkeys(("append-several", "append-equal", "interrupt", "conditional-change", "uid-expunge"), 2),
    **dict.fromkeys(("close", "close-examined", "rename", "delete", "read", "select"), 2),
    **dict.fromkeys(("leave", "move", "search", "status", "listing", "examine", "logout", "abrupt", "refused"), 1),
}
# What a fault in one part of a server needs, without what is of no use to it.
THEMES: tuple[tuple[str, ...], ...] = (
    ("append", "append-several", "mark", "change", "expunge", "news", "read"),
    ("append", "mark", "expunge", "logout", "abrupt", "status", "select", "interrupt", "close"),
    ("append", "create", "delete", "mark", "expunge", "select"),
    ("append", "create", "create", "delete", "rename", "listing", "select", "refused"),
    ("append", "create", "create", "delete", "rename", "copy", "change"),
    ("append", "change", "change", "close", "leave", "logout", "abrupt", "news"),
    ("append", "change", "change", "copy", "rename", "search", "status", "read", "create"),
    ("append", "append-several", "mark", "expunge", "uid-expunge", "close", "close-examined", "leave"),
    ("append", "change", "mark", "expunge", "resync", "resync", "conditional-change", "close"),
    ("append", "change", "resync", "resync", "conditional-change", "copy", "news"),
    ("append", "append-equal", "append-several", "copy", "move", "mark", "expunge", "change", "create"),
    ("append", "append-several", "interrupt", "copy", "status", "news", "select"),
)


# What is worth doing after a step: of which kind, in its folder or in the one it led to, and by which session.
FOLLOWINGS: dict[type, tuple[tuple[str, str, str], ...]] = {
    Create: (("append", "path", "any"), ("append-several", "path", "any"), ("select", "path", "other")),
    Delete: (("create", "path", "any"), ("listing", "path", "any"), ("refused", "path", "any")),
    Rename: (("create", "path", "any"), ("select", "to", "any"), ("append", "to", "any"), ("listing", "path", "other")),
    Append: (
        ("news", "path", "other"),
        ("mark", "path", "any"),
        ("change", "path", "any"),
        ("resync", "path", "other"),
        ("copy", "path", "any"),
        ("status", "path", "other"),
    ),
    Interrupt: (("select", "path", "any"), ("append", "path", "same"), ("status", "path", "other")),
    Copy: (
        ("change", "path", "any"),
        ("change", "to", "any"),
        ("news", "to", "other"),
        ("mark", "path", "any"),
        ("status", "to", "other"),
        ("resync", "to", "other"),
    ),
    Move: (("news", "path", "other"), ("select", "to", "any"), ("append", "path", "any")),
    Change: (
        ("expunge", "path", "any"),
        ("uid-expunge", "path", "any"),
        ("close", "path", "any"),
        ("close-examined", "path", "other"),
        ("news", "path", "other"),
        ("change", "path", "other"),
        ("conditional-change", "path", "other"),
        ("resync", "path", "other"),
        ("copy", "path", "any"),
        ("search", "path", "other"),
        ("status", "path", "other"),
        ("logout", "path", "same"),
        ("leave", "path", "same"),
        ("rename", "path", "any"),
    ),
    Expunge: (
        ("append", "path", "any"),
        ("news", "path", "other"),
        ("change-by-number", "path", "other"),
        ("change-by-number", "path", "same"),
        ("resync", "path", "other"),
        ("select", "path", "any"),
        ("logout", "path", "same"),
        ("status", "path", "other"),
    ),
    Close: (("append", "path", "any"), ("news", "path", "other"), ("change-by-number", "path", "other")),
    Reconnect: (("append", "path", "any"), ("select", "path", "same"), ("change", "path", "any")),
    Look: (
        ("change", "path", "other"),
        ("append", "path", "other"),
        ("mark", "path", "other"),
        ("expunge", "path", "other"),
    ),
    Resync: (
        ("change", "path", "other"),
        ("append", "path", "other"),
        ("expunge", "path", "other"),
        ("conditional-change", "path", "same"),
    ),
    Read: (("news", "path", "other"), ("search", "path", "any"), ("read", "path", "same")),
    Status: (
        ("mark", "path", "other"),
        ("expunge", "path", "other"),
        ("change", "path", "other"),
        ("status", "path", "same"),
    ),
    Search: (("change", "path", "any"), ("news", "path", "any")),
    Listing: (
        ("create", "path", "other"),
        ("delete", "path", "same"),
        ("rename", "path", "same"),
        ("listing", "path", "same"),
    ),
}


@st.composite
def sequences(draw: st.DrawFn, sessions: int = 2, most: int = 14) -> tuple[Step, ...]:
    """A sequence of steps that apply where a server does and offers everything."""

    def choose(below: int) -> int:
        return draw(st.integers(0, below - 1))

    author = Author(choose, 1 + choose(sessions) if choose(5) == 0 else sessions, UNIVERSES[0])
    if author.chance(30):
        author.universe = author.pick(UNIVERSES)
    weights = _weights(author)
    _begin(author)
    end = most if author.chance(70) else LEAST_STEPS + choose(max(1, most - LEAST_STEPS))
    while len(author.steps) < end:
        author.write(_next(author, weights))
    return tuple(author.steps)


def _begin(author: Author) -> None:
    """Some folders, one after the other, and objects in most of them."""
    for path in author.universe[: author.pick((1, 1, 2, 3, 4))]:
        author.write(Create(0, path))
        if author.chance(60):
            author.write(Append(0, path, tuple(author.item() for _ in range(author.pick((1, 2, 2, 3))))))


def _weights(author: Author) -> Weights:
    """Everything, what one part of a server needs, or a few kinds at random."""
    if author.chance(15):
        return EVERYTHING
    if author.chance(55):
        return dict(Counter(author.pick(THEMES)))
    kinds = sorted(EVERYTHING)
    return dict(Counter(["append", *(author.pick(kinds) for _ in range(4 + author.choose(4)))]))


def _next(author: Author, weights: Weights) -> Step:
    followings = _followings(author, weights) if author.chance(55) else []
    if followings:
        kind, path, session = author.pick(followings)
    else:
        kind = author.pick([kind for kind, weight in weights.items() for _ in range(weight)])
        path, session = author.folder(), author.session()
    if not author.model.folders or (path is None and kind not in ON_NAMES):
        return Create(session, author.universe[0] if author.chance(70) else author.pick(author.free()))
    if kind in ON_NAMES:
        return ON_NAMES[kind](author, path or author.universe[0], session)
    path = path if path in author.model.folders else author.folder() or author.universe[0]
    if not author.model.folders[path]:
        filled = author.filled()
        if not filled or author.chance(50):
            return _append(author, path, session)
        path = author.pick(filled)
    return ON_OBJECTS[kind](author, path, session)


def _followings(author: Author, weights: Weights) -> list[tuple[str, FolderPath | None, int]]:
    if not author.steps:
        return []
    last = author.steps[-1]
    found: list[tuple[str, FolderPath | None, int]] = []
    for kind, there, by in FOLLOWINGS.get(type(last), ()):
        path: FolderPath | None = getattr(last, there, None)
        who = {"same": [last.session], "other": author.others(last.session), "any": [author.session()]}[by]
        needed = "change" if kind == "change-by-number" else kind
        if weights.get(needed) and (kind in ON_NAMES or path in author.model.folders):
            found.append((kind, path, author.pick(who)))
    return found


def _create(author: Author, path: FolderPath, session: int) -> Step:
    """A folder that was there before, or another one."""
    if path not in author.model.folders and author.model.has_superiors(path):
        return Create(session, path)
    free = author.free()
    return Create(session, author.pick(free)) if free else _append(author, path, session)


def _refused(author: Author, path: FolderPath, session: int) -> Step:
    """What has to be refused."""
    missing = [each for each in author.universe if each not in author.model.folders]
    if missing and author.chance(60):
        where = path if path in missing else author.pick(missing)
        return Delete(session, where) if author.chance(40) else Append(session, where, (author.item(),))
    return Create(session, path if path in author.model.folders else author.pick(sorted(author.model.folders)))


def _delete(author: Author, path: FolderPath, session: int) -> Step:
    return Delete(session, _beginning(author, path))


def _beginning(author: Author, path: FolderPath) -> FolderPath:
    """A folder, often one with whose name that of another begins."""
    folders = sorted(author.model.folders)
    names = ["/".join(each) for each in folders]
    alike = [each for each, name in zip(folders, names, strict=True) if sum(one.startswith(name) for one in names) > 1]
    if alike and author.chance(50):
        return author.pick(alike)
    return path if path in folders else author.pick(folders)


def _rename(author: Author, path: FolderPath, session: int) -> Step:
    path = _beginning(author, path)
    others = [each for each in author.model.folders if each != path]
    possible = [
        each
        for each in (*author.universe, ("D",))
        if author.model.may_rename(path, each) and not any(_is_alike(each, other) for other in (*others, path))
    ]
    return Rename(session, path, author.pick(possible)) if possible else _delete(author, path, session)


def _is_alike(one: FolderPath, other: FolderPath) -> bool:
    return same_spelling(encode_name("/".join(one)), encode_name("/".join(other)))


def _append(author: Author, path: FolderPath, session: int) -> Step:
    if path not in author.model.folders:
        path = author.pick(sorted(author.model.folders))
    if len(author.model.folders[path]) >= MOST_OBJECTS:
        return _mark(author, path, session)
    return Append(session, path, (author.item(),))


def _append_several(author: Author, path: FolderPath, session: int) -> Step:
    return Append(session, path, tuple(author.item() for _ in range(2 + author.choose(2))))


def _append_equal(author: Author, path: FolderPath, session: int) -> Step:
    return Append(session, path, (author.item(equal=True),))


def _interrupt(author: Author, path: FolderPath, session: int) -> Step:
    items = tuple(author.item() for _ in range(author.pick((1, 1, 2))))
    size = len(items[-1].content.octets)
    return Interrupt(session, path, items, author.pick((size // 2, 0, 1, size - 1, size)))


def _by(author: Author) -> By:
    return "number" if author.chance(40) else "uid"


def _change(author: Author, path: FolderPath, session: int) -> Step:
    names, how = author.names(path), author.pick(_HOW)
    held = sorted({flag for name in names for flag in author.model.folders[path][name].flags})
    flags = frozenset({author.pick(held)}) if how == "-FLAGS" and held else author.flags()
    by = _by(author)
    removed = author.removed.get(path, [])
    if by == "uid" and removed and author.chance(20):
        names = (*names, author.pick(removed))
    return Change(session, path, names, how, flags, by, silent=author.chance(25))


_HOW: tuple[FlagChange, ...] = ("+FLAGS", "+FLAGS", "-FLAGS", "FLAGS")


def _change_by_number(author: Author, path: FolderPath, session: int) -> Step:
    return Change(session, path, author.names(path)[-1:], "+FLAGS", author.flags(), "number")


def _conditional_change(author: Author, path: FolderPath, session: int) -> Step:
    return Change(session, path, author.names(path), author.pick(_HOW), author.flags(), _by(author), unchanged=True)


def _mark(author: Author, path: FolderPath, session: int) -> Step:
    how: FlagChange = "-FLAGS" if author.model.marked(path) and author.chance(15) else "+FLAGS"
    return Change(session, path, author.names(path), how, frozenset({DELETED}), _by(author), silent=author.chance(20))


def _expunge(author: Author, path: FolderPath, session: int) -> Step:
    if not author.model.marked(path) and author.chance(70):
        return _mark(author, path, session)
    return Expunge(session, path)


def _uid_expunge(author: Author, path: FolderPath, session: int) -> Step:
    marked = author.model.marked(path)
    if len(marked) < 2 and author.chance(60):
        return Change(session, path, tuple(author.model.folders[path]), "+FLAGS", frozenset({DELETED}))
    return Expunge(session, path, (author.pick(marked),) if marked and author.chance(70) else author.names(path))


def _close(author: Author, path: FolderPath, session: int) -> Step:
    if not author.model.marked(path) and author.chance(60):
        return _mark(author, path, session)
    return Close(session, path)


def _leave(author: Author, path: FolderPath, session: int) -> Step:
    return Close(session, path, "unselect", examine=author.chance(30))


def _copy(author: Author, path: FolderPath, session: int) -> Step:
    to = author.pick(sorted(author.model.folders))
    if len(author.model.folders[to]) > MOST_OBJECTS:
        return _mark(author, path, session)
    return Copy(session, path, author.names(path), to, _by(author))


def _move(author: Author, path: FolderPath, session: int) -> Step:
    others = sorted(each for each in author.model.folders if each != path)
    if not others:
        return _copy(author, path, session)
    return Move(session, path, author.names(path), author.pick(others), _by(author))


def _read(author: Author, path: FolderPath, session: int) -> Step:
    last = author.steps[-1]
    if isinstance(last, Read) and last.path == path and author.chance(50):
        return Read(last.session, path, author.names(path), last.what, last.by)
    what: Reading = author.pick(("whole", "peek", "part", "part", "header", "size"))
    return Read(session, path, author.names(path), what, _by(author))


def _search(author: Author, path: FolderPath, session: int) -> Step:
    flag = author.pick(("", *FLAGS))
    return Search(session, path, flag, not flag or author.chance(60), _by(author))


def _status(author: Author, path: FolderPath, session: int) -> Step:
    idle = [each for each in range(author.sessions) if author.active.get(each) != path]
    return Status(session if session in idle or not idle else author.pick(idle), path)


def _resync(author: Author, path: FolderPath, session: int) -> Step:
    how: Resynchronizing = author.pick(("changes", "select", "vanished"))
    return Resync(session, path, how)


# Kinds that need no objects; they may be about a folder that is not there any more.
ON_NAMES: dict[str, Writer] = {
    "create": _create,
    "refused": _refused,
    "delete": _delete,
    "rename": _rename,
    "append": _append,
    "listing": lambda _author, _path, session: Listing(session),
    "logout": lambda _author, _path, session: Reconnect(session),
    "abrupt": lambda _author, _path, session: Reconnect(session, "abrupt"),
}
ON_OBJECTS: dict[str, Writer] = {
    "append-several": _append_several,
    "append-equal": _append_equal,
    "interrupt": _interrupt,
    "change": _change,
    "change-by-number": _change_by_number,
    "conditional-change": _conditional_change,
    "mark": _mark,
    "expunge": _expunge,
    "uid-expunge": _uid_expunge,
    "close": _close,
    "close-examined": lambda _author, path, session: Close(session, path, examine=True),
    "leave": _leave,
    "copy": _copy,
    "move": _move,
    "read": _read,
    "search": _search,
    "status": _status,
    "news": lambda _author, path, session: Look(session, path),
    "select": lambda _author, path, session: Look(session, path, "select"),
    "examine": lambda _author, path, session: Look(session, path, "examine"),
    "resync": _resync,
}
