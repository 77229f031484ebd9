"""Which object of the server is which local one, when no UID tells: by content, one for one.

Needed when an upload's acknowledgement was lost, after a change of UIDVALIDITY, and where both sides got the same
object before their first synchronization. Objects of equal content stay as many as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from conformance.imap.session import FetchedObject, ObjectMetadata
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import digest, identity
from conformance.reference.client.flags import folded


class Orphans:
    """Objects known without a UID, by the digest of their content; those that are in local storage go first."""

    def __init__(self, orphans: Iterable[BaseObject], present: Collection[str]) -> None:
        self._waiting: dict[str, list[BaseObject]] = defaultdict(list)
        for each in sorted(orphans, key=lambda one: one.handle not in present):
            self._waiting[each.digest].append(each)

    @property
    def sizes(self) -> set[int]:
        """The sizes, in octets, of those that still wait."""
        return {each.size for waiting in self._waiting.values() for each in waiting}

    def __iter__(self) -> Iterator[BaseObject]:
        return (each for waiting in self._waiting.values() for each in waiting)

    def adopt(self, found: FetchedObject) -> BaseObject | None:
        """The orphan that this object of the server is, now with its UID; None where there is none."""
        waiting = self._waiting.get(digest(found.octets))
        return replace(waiting.pop(0), uid=found.uid) if waiting else None


def in_order(uploads: list[BaseObject], fresh: list[ObjectMetadata]) -> list[BaseObject] | None:
    """Uploads with the UIDs they must have got, where nobody else stored anything meanwhile: UIDs ascend (2.3.1.1)."""
    if [each.size for each in uploads] != [each.size for each in fresh]:
        return None
    return [replace(upload, uid=each.uid) for upload, each in zip(uploads, fresh, strict=True)]


def by_content(uploads: list[BaseObject], contents: dict[str, bytes], fresh: list[FetchedObject]) -> list[BaseObject]:
    """Uploads with the UIDs of equal objects; by identity headers and decoded content where the octets were changed."""
    found: list[BaseObject] = []
    for key in (digest, identity):
        places: dict[str, list[int]] = defaultdict(list)
        for each in fresh:
            if each.uid not in {one.uid for one in found}:
                places[key(each.octets)].append(each.uid)
        for upload in uploads:
            uids = places[key(contents[upload.handle])]
            if uids and upload.handle not in {one.handle for one in found}:
                found.append(replace(upload, uid=uids.pop(0)))
    return found


def flags_surely_common(sent: frozenset[str], server: Iterable[str]) -> frozenset[str]:
    """Of the flags sent with an upload, those the server shows; the others may never have arrived there."""
    return sent & folded(server)
