"""Clients that synchronize metadata with values wrongly, and a client that annotates objects, right or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from conformance.clients.protocol import Annotation, ClientIdentity, SyncResult
from conformance.clients.reference import ReferenceClient
from conformance.faults.hooks import ClientHook, Step
from conformance.faults.null import NullClient
from conformance.imap.session import StorageSession
from conformance.model.folders import FolderPath
from conformance.reference.client.annotation_step import AnnotationStep
from conformance.reference.client.synchronizer import Synchronizer
from conformance.servers.protocol import Account


def with_step(step: type[AnnotationStep]) -> ReferenceClient:
    """The reference client with this step for the annotations of folders."""
    return ReferenceClient(cast("type[Synchronizer]", type(step.__name__, (Synchronizer,), {"annotation_step": step})))


class Unescaped(AnnotationStep):
    """A value is sent between quotes as it is."""

    def set_on_server(self, entry: str, value: bytes | None) -> None:
        if value is None or b"\n" in value:
            super().set_on_server(entry, value)
            return
        line = b'SETMETADATA "' + self.name.encode() + b'" (' + entry.encode() + b' "' + value + b'")'
        self.context.session._attempt(line)
        self.context.base.annotate(self.path, entry, value)


class EmptyIsNone(AnnotationStep):
    """An empty value is taken for none, from either side."""

    def merge(self, entry: str) -> None:
        for side in (self.local, self.server):
            if side.get(entry) == b"":
                del side[entry]
        super().merge(entry)


class NoneIsEmpty(AnnotationStep):
    """What was removed on the server becomes an empty value."""

    def set_locally(self, entry: str, value: bytes | None) -> None:
        super().set_locally(entry, value or b"")


class SentEmpty(AnnotationStep):
    """What was removed in local storage is set to an empty value on the server."""

    def set_on_server(self, entry: str, value: bytes | None) -> None:
        super().set_on_server(entry, value or b"")


class OnlyAscii(AnnotationStep):
    """Values lose what is not ASCII on their way to local storage."""

    def set_locally(self, entry: str, value: bytes | None) -> None:
        super().set_locally(entry, value and value.decode("ascii", "ignore").encode())


class OneLine(AnnotationStep):
    """Only the first line of a value arrives."""

    def set_locally(self, entry: str, value: bytes | None) -> None:
        super().set_locally(entry, value and value.splitlines()[0])


class OnlyDown(AnnotationStep):
    """What changes in local storage stays there."""

    def set_on_server(self, entry: str, value: bytes | None) -> None:
        """Nothing is sent."""


class OnlyUp(AnnotationStep):
    """What changes on the server stays there."""

    def set_locally(self, entry: str, value: bytes | None) -> None:
        """Nothing is taken."""


class WithoutBase(AnnotationStep):
    """What was removed on one side comes back from the other."""

    def merge(self, entry: str) -> None:
        self.base.pop(entry, None)
        if entry in self.local and entry not in self.server:
            self.set_on_server(entry, self.local[entry])
        else:
            super().merge(entry)


class EveryFolder(AnnotationStep):
    """What was set on one folder of the server comes to all folders of local storage."""

    def set_locally(self, entry: str, value: bytes | None) -> None:
        for path in self.context.storage.folders():
            self.context.storage.annotate(path, entry, value)
        self.context.base.annotate(self.path, entry, value)


class Conflicting(AnnotationStep):
    """What both sides changed is dealt with apart; `value` is the outcome for local storage, then for the server."""

    def value(self, local: bytes, server: bytes) -> tuple[bytes | None, bytes | None]:
        raise NotImplementedError

    def merge(self, entry: str) -> None:
        local, base, server = (side.get(entry) for side in (self.local, self.base, self.server))
        if None in (local, server) or base in (None, local, server) or local == server:
            super().merge(entry)
            return
        here, there = self.value(local or b"", server or b"")
        if here != local:
            self.context.storage.annotate(self.path, entry, here)
        if there != server:
            self.context.session.set_folder_metadata(self.name, entry, there)
        if here == there:
            self.context.base.annotate(self.path, entry, here)


class NewestByTheClock(Conflicting):
    """Each side holds the newest value by its own clock, so each keeps it."""

    def value(self, local: bytes, server: bytes) -> tuple[bytes, bytes]:
        return local, server


class MergedOnOneSide(Conflicting):
    """The result of the merge is applied to local storage only."""

    def value(self, local: bytes, server: bytes) -> tuple[bytes, bytes]:
        return (local if server in local else local + server), server


class BothLost(Conflicting):
    """A value that both sides changed is removed from both."""

    def value(self, local: bytes, server: bytes) -> tuple[None, None]:
        del local, server
        return None, None


class Merged(Conflicting):
    """Both sides get both values."""

    def value(self, local: bytes, server: bytes) -> tuple[bytes, bytes]:
        return local + server, local + server


class LocalWins(Conflicting):
    """Both sides get the local value."""

    def value(self, local: bytes, server: bytes) -> tuple[bytes, bytes]:
        del server
        return local, local


class SaysSo(NullClient):
    """It claims metadata of folders that its adapter cannot reach, and does nothing."""

    def hello(self) -> ClientIdentity:
        return ClientIdentity("says so", "0", {"METADATA": True, "ANNOTATE": True})


class Idle(SaysSo):
    """It holds metadata of folders and annotations of objects in memory, and does nothing when told to synchronize."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[tuple[FolderPath, str], dict[object, bytes]] = {}

    def folder_metadata(self, path: FolderPath) -> Mapping[str, bytes]:
        """What is in memory."""
        return cast("Mapping[str, bytes]", self.values.get((path, ""), {}))

    def set_folder_metadata(self, path: FolderPath, entry: str, value: bytes | None) -> None:
        """Keep it in memory."""
        _keep(self.values.setdefault((path, ""), {}), entry, value)

    def annotations(self, path: FolderPath, handle: str) -> Mapping[Annotation, bytes]:
        """What is in memory."""
        return cast("Mapping[Annotation, bytes]", self.values.get((path, handle), {}))

    def annotate(self, path: FolderPath, handle: str, annotation: Annotation, value: bytes | None) -> None:
        """Keep it in memory."""
        _keep(self.values.setdefault((path, handle), {}), annotation, value)


def _keep(values: dict[object, bytes], key: object, value: bytes | None) -> None:
    if value is None:
        values.pop(key, None)
    else:
        values[key] = value


_COMMENTS: list[Annotation] = [("/comment", "value.priv"), ("/comment", "value.shared")]


class Annotating(ReferenceClient):
    """The reference client, which then synchronizes the comments of the objects that both sides hold."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, dict[object, bytes]] = {}
        self.agreed: dict[str, dict[object, bytes]] = {}
        self.known: set[str] = set()

    def hello(self) -> ClientIdentity:
        said = super().hello()
        return ClientIdentity(said.name, said.version, {**said.claims, "ANNOTATE": True})

    def reset(self, account: Account) -> None:
        super().reset(account)
        for each in (self.values, self.agreed, self.known):
            each.clear()

    def annotations(self, path: FolderPath, handle: str) -> Mapping[Annotation, bytes]:
        """The comments of an object."""
        del path
        return cast("Mapping[Annotation, bytes]", self.values.get(handle, {}))

    def annotate(self, path: FolderPath, handle: str, annotation: Annotation, value: bytes | None) -> None:
        """Set or remove one comment of an object."""
        del path
        _keep(self.values.setdefault(handle, {}), annotation, value)

    def synchronize(self, timeout: float) -> SyncResult:
        result = super().synchronize(timeout)
        account = self._known_account()
        with StorageSession.open(account.endpoint, account.credentials) as session:
            for path, folder in self.client.base.folders().items():
                session.set_active_folder(folder.name)
                for row in self.client.base.objects(path).values():
                    for annotation in _COMMENTS:
                        self.merge(session, row.uid or 0, row.handle, annotation)
                    self.known.add(row.handle)
        return result

    def merge(self, session: StorageSession, uid: int, handle: str, annotation: Annotation) -> None:
        """Bring one comment together; the server's wins."""
        server = session.get_annotation(uid, *annotation)
        base, local = self.agreed.get(handle, {}).get(annotation), self.values.get(handle, {}).get(annotation)
        if server != base:
            self.annotate((), handle, annotation, server)
        elif local != base:
            session.set_annotation(uid, *annotation, local)
        _keep(self.agreed.setdefault(handle, {}), annotation, session.get_annotation(uid, *annotation))


class MixedUp(Annotating):
    """Everything that is shared on the server becomes private in local storage, and the reverse."""

    def merge(self, session: StorageSession, uid: int, handle: str, annotation: Annotation) -> None:
        entry, attribute = annotation
        other = (entry, "value.shared" if attribute == "value.priv" else "value.priv")
        server = session.get_annotation(uid, *other)
        if server != self.agreed.get(handle, {}).get(annotation):
            self.annotate((), handle, annotation, server)
        elif (local := self.values.get(handle, {}).get(annotation)) != server:
            session.set_annotation(uid, *other, local)
        _keep(self.agreed.setdefault(handle, {}), annotation, session.get_annotation(uid, *other))


class LostWhenStored(Annotating):
    """An object loses the comments that it had when it is stored without them."""

    def merge(self, session: StorageSession, uid: int, handle: str, annotation: Annotation) -> None:
        if handle not in self.known:
            self.annotate((), handle, annotation, session.get_annotation(uid, *annotation))
        super().merge(session, uid, handle, annotation)


class NeitherFollows(Annotating):
    """Where both sides changed a comment, each keeps its own."""

    def merge(self, session: StorageSession, uid: int, handle: str, annotation: Annotation) -> None:
        server = session.get_annotation(uid, *annotation)
        base, local = self.agreed.get(handle, {}).get(annotation), self.values.get(handle, {}).get(annotation)
        if base in (None, server, local) or server == local:
            super().merge(session, uid, handle, annotation)


HOOKS: dict[str, ClientHook | Step] = {
    "quoted-value-not-escaped": Unescaped,
    "empty-value-is-none": EmptyIsNone,
    "removed-value-comes-empty": NoneIsEmpty,
    "removed-value-sent-empty": SentEmpty,
    "values-lose-non-ascii": OnlyAscii,
    "values-keep-first-line": OneLine,
    "folder-metadata-comes-down-only": OnlyDown,
    "folder-metadata-goes-up-only": OnlyUp,
    "removed-value-comes-back": WithoutBase,
    "value-goes-to-every-folder": EveryFolder,
    "newest-value-by-clock": NewestByTheClock,
    "value-merged-locally-only": MergedOnOneSide,
    "conflicting-value-removed": BothLost,
}
