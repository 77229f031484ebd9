"""What every step of one synchronization works on."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.imap.errors import OperationRefused
from conformance.imap.names import Hierarchy
from conformance.imap.session import StorageSession
from conformance.model.folders import FolderPath, display
from conformance.model.objects import ObjectKind
from conformance.model.policy import Direction, Policy
from conformance.reference.client.base import Base, BaseObject
from conformance.reference.client.local import LocalStorage
from conformance.reference.client.report import Report


@dataclass(frozen=True)
class Context:
    """The two stores, the base, the policy, and the report being written."""

    session: StorageSession
    hierarchy: Hierarchy
    storage: LocalStorage
    base: Base
    policy: Policy
    report: Report

    @property
    def downloads(self) -> bool:
        """Whether local storage may be changed."""
        return self.policy.direction is not Direction.UPLOAD

    @property
    def uploads(self) -> bool:
        """Whether the server may be changed."""
        return self.policy.direction is not Direction.DOWNLOAD

    @property
    def moves_everything(self) -> bool:
        """Whether the policy lets every object move."""
        return self.policy.max_size is None and self.policy.kinds >= frozenset(ObjectKind)

    def settled(self, path: FolderPath) -> list[BaseObject]:
        """The known objects of a folder that the policy lets move."""
        return [row for row in self.base.objects(path).values() if self.admits(row.kind, row.size)]

    def refused(self, path: FolderPath, error: OperationRefused, name: str | None) -> None:
        """Note a refusal; a folder that another client just removed is none, the next run will see it gone."""
        if name is None or any(each.name == name and each.selectable for each in self.session.list_folders(name)):
            self.report.problem(f"folder {display(path)}: {error}")

    def admits(self, kind: ObjectKind, size: int) -> bool:
        """Whether the policy lets an object of that kind and size (octets) move."""
        return kind in self.policy.kinds and self.admits_size(size)

    def admits_size(self, size: int | None) -> bool:
        """Whether the policy lets an object of that size (octets) move; an unknown size is no reason against it."""
        return self.policy.max_size is None or size is None or size <= self.policy.max_size
