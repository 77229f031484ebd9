"""Clients that do less, and say so in their implementation conformance statement."""

from __future__ import annotations

from dataclasses import replace

from conformance.faults.legal.choosing import RemovalOfFoldersWins
from conformance.imap.session import FetchedObject
from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind
from conformance.model.policy import Direction
from conformance.model.states import Flags
from conformance.reference.client.annotation_step import AnnotationStep
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import digest, kind_of
from conformance.reference.client.context import Context
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer


class _HoldsFlags(ObjectStep):
    """Holds some flags only; the others are neither shown in local storage nor touched on the server."""

    def holds(self, flag: str) -> bool:
        """Whether local storage can hold a flag."""
        raise NotImplementedError

    def activate(self) -> None:
        super().activate()
        for uid, each in self.server.items():
            self.server[uid] = replace(each, flags=self._held(each.flags))
        for handle, local in list(self.local.items()):
            if self._held(local.flags) != local.flags:
                self.local[handle] = self.context.storage.set_flags(local, self._held(local.flags))

    def _held(self, flags: Flags) -> Flags:
        return frozenset(flag for flag in flags if self.holds(flag.lower()))

    def _permitted(self, flags: Flags) -> Flags:
        return self._held(super()._permitted(flags))

    def download(self, each: FetchedObject) -> None:
        super().download(replace(each, flags=self._held(each.flags)))

    def _see_stored_flags(self) -> None:
        super()._see_stored_flags()
        for uid, each in self.server.items():
            self.server[uid] = replace(each, flags=self._held(each.flags))


class NoKeywords(_HoldsFlags):
    """Holds no keywords."""

    def holds(self, flag: str) -> bool:
        return flag.startswith("\\")


class OnlySeen(_HoldsFlags):
    r"""Of the system flags holds `\Seen` only."""

    def holds(self, flag: str) -> bool:
        return flag == "\\seen" or not flag.startswith("\\")


class NoReadReport(_HoldsFlags):
    r"""Does not know the flag `\read-report-sent`."""

    def holds(self, flag: str) -> bool:
        return flag != "\\read-report-sent"


class Downloads(Synchronizer):
    """Only downloads."""

    direction = Direction.DOWNLOAD

    def __init__(self, context: Context) -> None:
        super().__init__(replace(context, policy=replace(context.policy, direction=self.direction)))


class Uploads(Downloads):
    """Only uploads."""

    direction = Direction.UPLOAD


class OnlyMessages(Synchronizer):
    """Synchronizes CPM Messages and nothing else."""

    def __init__(self, context: Context) -> None:
        kinds = context.policy.kinds & {ObjectKind.MESSAGE}
        super().__init__(replace(context, policy=replace(context.policy, kinds=kinds)))


class NoMedia(Synchronizer):
    """Synchronizes everything but standalone Media Objects."""

    def __init__(self, context: Context) -> None:
        kinds = context.policy.kinds - {ObjectKind.MEDIA}
        super().__init__(replace(context, policy=replace(context.policy, kinds=kinds)))


class CreatesNoFolders(RemovalOfFoldersWins):
    """Its user cannot create folders, so it never creates one on the server, and one that was removed there goes."""

    def create_on_server(self, paths: list[FolderPath]) -> None:
        del paths


class RemovesNoFolders(FolderStep):
    """Its user cannot remove folders, so it removes none on the server, and gets those back that went."""

    def remove_on_server(self, paths: list[FolderPath]) -> None:
        for path in paths:
            self.context.base.drop_folder(path)
        self.create_locally(paths)


class NoAnnotations(AnnotationStep):
    """Knows nothing of annotations."""

    def run(self) -> None:
        """Nothing."""


class LineFeeds(ObjectStep):
    """Keeps objects with bare line feeds in local storage, as files are kept."""

    def download(self, each: FetchedObject) -> None:
        octets = each.octets.replace(b"\r\n", b"\n")
        storage = self.context.storage
        staged = storage.stage(octets, frozenset(flag for flag in each.flags if flag.lower() != "\\deleted"))
        usual = BaseObject(staged.handle, each.uid, *self._described(each.octets), flags=frozenset())
        self._know(replace(usual, flags=frozenset(flag.lower() for flag in staged.flags)))
        self.local[staged.handle] = storage.reveal(self.path, staged)
        self.server[each.uid] = replace(self.server[each.uid], flags=each.flags)
        self.context.report.counters.downloaded += 1

    def _described(self, octets: bytes) -> tuple[str, int, ObjectKind]:
        return digest(octets), len(octets), kind_of(octets)
