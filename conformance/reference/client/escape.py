"""Folder paths as directories: any Unicode name becomes file names that are legal, distinct and turn back into it.

A level's directory is `=` and the name, with `%`, `/` and NUL escaped. The `=` keeps levels apart from the object
directory and makes `.`, `..` and `cur` ordinary names. A level too long for one file name is spelled by several nested
directories, all but the last opening with `+`.
"""

from __future__ import annotations

from pathlib import Path

from conformance.model.folders import FolderPath

_ESCAPES = {"%": "%25", "/": "%2F", "\0": "%00"}
_LONGEST = 60
"""Characters in one file name: at most four octets each in UTF-8, and a file name has 255 octets."""


def directory_of(top: Path, path: FolderPath) -> Path:
    """The directory of a folder. Raises `ValueError` for a level without a name, or with a lone surrogate in it."""
    return top.joinpath(*(part for level in path for part in _parts(level)))


def _parts(level: str) -> list[str]:
    if not level:
        raise ValueError("a folder's name is empty; every level needs at least one character")
    escaped = "".join(_ESCAPES.get(character, character) for character in level)
    try:
        escaped.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"the folder name {level!r} holds a lone surrogate; use whole characters") from error
    chunks = [escaped[start : start + _LONGEST] for start in range(0, len(escaped), _LONGEST)]
    return ["+" + chunk for chunk in chunks[:-1]] + ["=" + chunks[-1]]


def path_of(top: Path, directory: Path) -> FolderPath:
    """The folder path that `directory_of` turned into this directory."""
    path: list[str] = []
    pending = ""
    for part in directory.relative_to(top).parts:
        pending += part[1:]
        if part.startswith("="):
            path.append(_unescaped(pending))
            pending = ""
    return tuple(path)


def _unescaped(escaped: str) -> str:
    for character, escape in reversed(_ESCAPES.items()):
        escaped = escaped.replace(escape, character)
    return escaped


def is_level(name: str) -> bool:
    """Whether a file name was made by `directory_of`."""
    return name.startswith(("=", "+"))
