"""The base: what the last synchronization knew to be the same on both sides, in SQLite, one transaction a step.

Every object row pairs a local handle with a UID. A row is written before the object is revealed in local storage, and
an upload is announced before it is sent; so a run that was killed at any point can be taken up by the next one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind
from conformance.model.states import Flags
from conformance.reference.client.report import SynchronizationProblem

_Execute = Callable[..., sqlite3.Cursor]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (identity TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS folders (path TEXT PRIMARY KEY, name TEXT NOT NULL, uid_validity INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    folder TEXT, handle TEXT, uid INTEGER, digest TEXT NOT NULL, size INTEGER NOT NULL, kind TEXT NOT NULL,
    flags TEXT NOT NULL, PRIMARY KEY (folder, handle), UNIQUE (folder, uid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    folder TEXT, handle TEXT, digest TEXT NOT NULL, size INTEGER NOT NULL, kind TEXT NOT NULL, flags TEXT NOT NULL,
    PRIMARY KEY (folder, handle)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS annotations (
    folder TEXT, entry TEXT, value BLOB NOT NULL, PRIMARY KEY (folder, entry)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class BaseFolder:
    """A folder known to both sides; `name` is the server's own spelling."""

    path: FolderPath
    name: str
    uid_validity: int | None = None


@dataclass(frozen=True, slots=True)
class BaseObject:
    """An object known to both sides, or announced as an upload.

    `uid` is None for an upload whose outcome is not known, and after a change of UIDVALIDITY until the object is found
    again. `digest` and `size` (octets) are those of its wire form, `flags` (folded) those last common to both sides.
    """

    handle: str
    uid: int | None
    digest: str
    size: int
    kind: ObjectKind
    flags: Flags = frozenset()


class OtherAccount(SynchronizationProblem):
    """The base belongs to another account; with it every object would look removed."""


class Base:
    """The base in one file. `synchronous` is SQLite's: OFF outlives a killed process, FULL also a power loss."""

    def __init__(self, file: Path | str, *, synchronous: str = "OFF") -> None:
        self._connection = sqlite3.connect(file, isolation_level=None, timeout=10)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA synchronous = {synchronous}")
        self._connection.executescript(_SCHEMA)

    @classmethod
    def in_memory(cls) -> Base:
        """A base that ends with this object."""
        return cls(":memory:")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def clear(self) -> None:
        """Forget everything."""
        with self._transaction() as execute:
            for table in ("account", "folders", "objects", "uploads", "annotations"):
                execute(f"DELETE FROM {table}")

    @contextmanager
    def _transaction(self) -> Iterator[_Execute]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection.execute
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def bind(self, identity: str) -> None:
        """Belong to an account from now on. Raises `OtherAccount` when it belongs to another one."""
        row = self._connection.execute("SELECT identity FROM account").fetchone()
        if row is None:
            self._connection.execute("INSERT INTO account VALUES (?)", (identity,))
        elif row[0] != identity:
            raise OtherAccount(f"the base is of {row[0]}, not of {identity}; use another directory")

    def folders(self) -> dict[FolderPath, BaseFolder]:
        """All folders by path."""
        rows = self._connection.execute("SELECT path, name, uid_validity FROM folders")
        found = (BaseFolder(_path(path), name, uid_validity) for path, name, uid_validity in rows)
        return {each.path: each for each in found}

    def add_folder(self, path: FolderPath, name: str) -> None:
        """Know a folder on both sides; what is known of its objects stays."""
        sql = "INSERT INTO folders VALUES (?, ?, NULL) ON CONFLICT (path) DO UPDATE SET name = excluded.name"
        self._connection.execute(sql, (_key(path), name))

    def drop_folder(self, path: FolderPath) -> None:
        """Forget a folder with its objects and annotations."""
        with self._transaction() as execute:
            for table in ("objects", "uploads", "annotations"):
                execute(f"DELETE FROM {table} WHERE folder = ?", (_key(path),))
            execute("DELETE FROM folders WHERE path = ?", (_key(path),))

    def annotations(self, path: FolderPath) -> dict[str, bytes]:
        """The values of a folder's annotations that both sides agreed on, by entry."""
        sql = "SELECT entry, value FROM annotations WHERE folder = ?"
        return dict(self._connection.execute(sql, (_key(path),)))

    def annotate(self, path: FolderPath, entry: str, value: bytes | None) -> None:
        """Know a value of an annotation on both sides; None where neither has any."""
        if value is None:
            sql = "DELETE FROM annotations WHERE folder = ? AND entry = ?"
            self._connection.execute(sql, (_key(path), entry))
        else:
            sql = "INSERT OR REPLACE INTO annotations VALUES (?, ?, ?)"
            self._connection.execute(sql, (_key(path), entry, value))

    def renumber(self, path: FolderPath, uid_validity: int | None) -> None:
        """Take a new UIDVALIDITY: no UID of the folder means anything any more."""
        with self._transaction() as execute:
            execute("UPDATE objects SET uid = NULL WHERE folder = ?", (_key(path),))
            execute("UPDATE folders SET uid_validity = ? WHERE path = ?", (uid_validity, _key(path)))

    def objects(self, path: FolderPath) -> dict[str, BaseObject]:
        """The objects of a folder by handle."""
        sql = "SELECT handle, uid, digest, size, kind, flags FROM objects WHERE folder = ?"
        found = (_base_object(row) for row in self._connection.execute(sql, (_key(path),)))
        return {each.handle: each for each in found}

    def folder_of(self, handle: str) -> FolderPath | None:
        """The folder of a known object."""
        row = self._connection.execute("SELECT folder FROM objects WHERE handle = ?", (handle,)).fetchone()
        return None if row is None else _path(row[0])

    def write(self, path: FolderPath, objects: Iterable[BaseObject]) -> None:
        """Know these objects, new or changed, in one transaction; their announced uploads are done."""
        with self._transaction() as execute:
            for each in objects:
                execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)", (_key(path), *_row(each)))
                execute("DELETE FROM uploads WHERE folder = ? AND handle = ?", (_key(path), each.handle))

    def forget(self, path: FolderPath, handles: Iterable[str]) -> None:
        """Forget objects in one transaction."""
        self._delete("objects", path, handles)

    def uploads(self, path: FolderPath) -> list[BaseObject]:
        """The uploads into a folder whose outcome is not known; their flags are those sent."""
        sql = "SELECT handle, NULL, digest, size, kind, flags FROM uploads WHERE folder = ?"
        return [_base_object(row) for row in self._connection.execute(sql, (_key(path),))]

    def announce(self, path: FolderPath, uploads: Iterable[BaseObject]) -> None:
        """Write down in one transaction what is about to be stored on the server."""
        with self._transaction() as execute:
            for each in uploads:
                handle, _, *rest = _row(each)
                execute("INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?, ?, ?)", (_key(path), handle, *rest))

    def withdraw(self, path: FolderPath, handles: Iterable[str]) -> None:
        """Forget announced uploads: they did not take place."""
        self._delete("uploads", path, handles)

    def _delete(self, table: str, path: FolderPath, handles: Iterable[str]) -> None:
        with self._transaction() as execute:
            for handle in handles:
                execute(f"DELETE FROM {table} WHERE folder = ? AND handle = ?", (_key(path), handle))


def _row(each: BaseObject) -> tuple[object, ...]:
    flags = " ".join(sorted(each.flags))
    return each.handle, each.uid, each.digest, each.size, each.kind.value, flags


def _base_object(row: tuple[Any, ...]) -> BaseObject:
    handle, uid, digest, size, kind, flags = row
    return BaseObject(handle, uid, digest, size, ObjectKind(kind), frozenset(flags.split()))


@lru_cache(maxsize=1024)
def _key(path: FolderPath) -> str:
    return json.dumps(path)


@lru_cache(maxsize=1024)
def _path(key: str) -> FolderPath:
    return tuple(json.loads(key))
