"""The server's folders by path, each under the name that the server gives it.

A server may spell a name otherwise than it was created (other letter case, another Unicode form), and a local name may
hold the server's delimiter; so the base remembers the server's name of every folder.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from conformance.imap.names import Hierarchy
from conformance.imap.session import ListedFolder
from conformance.model.folders import FolderPath

INBOX: FolderPath = ("INBOX",)
_TO_FULL_WIDTH = 0xFEE0


def by_path(
    listing: list[ListedFolder], hierarchy: Hierarchy, known: Mapping[str, FolderPath]
) -> dict[FolderPath, str]:
    """The names of the folders that can be selected; `known` are names whose path is remembered.

    A name that cannot be selected is no folder of its own; INBOX always exists (RFC 3501 5.1).
    """
    names: dict[FolderPath, str] = {}
    for each in listing:
        path = known.get(each.name) or hierarchy.path(each.name)
        if each.selectable and path:
            names[path] = each.name
    if not hierarchy.root:
        names.setdefault(INBOX, "INBOX")
    return names


def name_for(path: FolderPath, hierarchy: Hierarchy) -> str:
    """The name to create a folder under; a delimiter inside a level takes its full-width form.

    Raises `ValueError` where the server can have no such folder.
    """
    delimiter = hierarchy.delimiter
    if delimiter and 0x20 < ord(delimiter) < 0x7F:
        path = tuple(level.replace(delimiter, chr(ord(delimiter) + _TO_FULL_WIDTH)) for level in path)
    return hierarchy.name(path)


def spelled_otherwise(name: str, listing: list[ListedFolder], before: set[str]) -> str | None:
    """The name that a server listed only after `name` was created, and that differs from it in nothing but spelling."""
    return next((each.name for each in listing if each.name not in before and _loose(each.name) == _loose(name)), None)


def _loose(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
