"""Folder paths: how a folder is named apart from any server's hierarchy delimiter."""

from __future__ import annotations

from collections.abc import Iterable

FolderPath = tuple[str, ...]
ROOT: FolderPath = ()


def ancestors(path: FolderPath) -> list[FolderPath]:
    """The superiors of `path`, outermost first, without the root and without `path` itself."""
    return [path[:depth] for depth in range(1, len(path))]


def is_below(path: FolderPath, superior: FolderPath) -> bool:
    """Whether `path` is an inferior of `superior`: a longer path that starts with all of its levels."""
    return len(path) > len(superior) and path[: len(superior)] == superior


def display(path: FolderPath) -> str:
    """A path as a reader sees it in a report; a level that holds a slash stays recognizable."""
    return "/".join(level.replace("/", "∕") for level in path) or "(root)"


def outermost_first(paths: Iterable[FolderPath]) -> list[FolderPath]:
    """An order in which every folder can be created after its superior."""
    return sorted(paths, key=lambda path: (len(path), path))
