"""Step 3f of 5.5.2.20 for the annotations of one folder (RFC 5464): its comments, and whatever else it got locally.

A value that one side changed since the base goes to the other side; where both changed it, the server's stays.
"""

from __future__ import annotations

from conformance.imap.errors import OperationRefused
from conformance.model.folders import FolderPath, display
from conformance.reference.client.context import Context

COMMENTS = ("/private/comment", "/shared/comment")


class AnnotationStep:
    """The annotations of one folder, by entry: what either side holds, and what both held last."""

    def __init__(self, context: Context, path: FolderPath, name: str) -> None:
        self.context, self.path, self.name = context, path, name
        self.local: dict[str, bytes] = {}
        self.base: dict[str, bytes] = {}
        self.server: dict[str, bytes] = {}

    def run(self) -> None:
        """Bring the annotations together, with a server that has any. Raises `NoSuchFolder`."""
        context = self.context
        if "METADATA" not in context.session.capabilities:
            return
        self.local, self.base = context.storage.annotations(self.path), context.base.annotations(self.path)
        entries = sorted({*COMMENTS, *self.local, *self.base})
        try:
            self.server = context.session.get_folder_annotations(self.name, entries)
        except OperationRefused as error:
            if self.local or self.base:
                context.refused(self.path, error, self.name)
            return
        for entry in entries:
            self.merge(entry)

    def merge(self, entry: str) -> None:
        """Bring one annotation to the same value on both sides, as far as the policy lets it move."""
        local, base, server = (side.get(entry) for side in (self.local, self.base, self.server))
        if local == server:
            if base != local:
                self.context.base.annotate(self.path, entry, local)
        elif server != base and self.context.downloads:
            self.set_locally(entry, server)
        elif local != base and self.context.uploads:
            self.set_on_server(entry, local)

    def set_locally(self, entry: str, value: bytes | None) -> None:
        """Give the local folder the server's value; the base follows only afterwards."""
        self.context.storage.annotate(self.path, entry, value)
        self.context.base.annotate(self.path, entry, value)
        self.context.report.counters.annotations_changed_locally += 1

    def set_on_server(self, entry: str, value: bytes | None) -> None:
        """Give the server's folder the local value; the base follows only afterwards. What is refused stays pending."""
        try:
            self.context.session.set_folder_metadata(self.name, entry, value)
        except OperationRefused as error:
            self.context.report.problem(f"folder {display(self.path)}: {entry} stays in local storage: {error}")
            return
        self.context.base.annotate(self.path, entry, value)
        self.context.report.counters.annotations_changed_on_server += 1
