"""One synchronization: the steps of 5.5.2.20 in their order, each a method that a variant of the client can replace."""

from __future__ import annotations

from conformance.imap.errors import OperationRefused
from conformance.model.folders import FolderPath, display, outermost_first
from conformance.reference.client.annotation_step import AnnotationStep
from conformance.reference.client.context import Context
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.storage import NoSuchFolder, NoSuchObject


class Synchronizer:
    """One run over an open session. `folder_step` makes what carries out steps 1-2, the others what does step 3."""

    folder_step: type[FolderStep] = FolderStep
    object_step: type[ObjectStep] = ObjectStep
    annotation_step: type[AnnotationStep] = AnnotationStep

    def __init__(self, context: Context) -> None:
        self.context = context
        self.folders = self.folder_step(context)

    def run(self) -> None:
        """Synchronize. Refusals are noted in the report; whatever ends the connection ends the run and is raised."""
        self.recover()
        self.folders.list_folders()
        self.folders.change_folders()
        for path in self.resulting_folders():
            self.synchronize_folder(path)
        for path in self.folders.remove_postponed():
            self.synchronize_folder(path)

    def recover(self) -> None:
        """Finish what an interrupted run began: reveal the objects that the base knows, discard the others."""
        for staged in self.context.storage.staged():
            path = self.context.base.folder_of(staged.handle)
            if path is not None and self.context.storage.has(path):
                self.context.storage.reveal(path, staged)
            else:
                self.context.storage.remove_object(staged)

    def resulting_folders(self) -> list[FolderPath]:
        """The folders that both sides hold after step 2 and the policy admits."""
        both = self.context.base.folders().keys() & self.folders.names.keys() & self.context.storage.folders()
        return outermost_first(path for path in both if self.context.policy.admits_folder(path))

    def synchronize_folder(self, path: FolderPath) -> None:
        """Step 3 for one folder. One that another client just removed is left to the next run."""
        name = self.folders.names[path]
        try:
            self.object_step(self.context, path, name).run()
            self.annotation_step(self.context, path, name).run()
        except OperationRefused as error:
            self.context.refused(path, error, name)
        except (NoSuchFolder, NoSuchObject) as error:
            self.context.report.problem(f"folder {display(path)} changed meanwhile, synchronize again: {error}")
