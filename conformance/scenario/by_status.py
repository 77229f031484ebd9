"""A correct client that trusts STATUS: equipment to see whether a server's word that nothing has changed holds.

A folder whose UIDVALIDITY, UIDNEXT, MESSAGES and HIGHESTMODSEQ are as they were holds what it held (RFC 7162 3.1.7).
"""

from __future__ import annotations

from conformance.model.folders import FolderPath
from conformance.reference.client.flags import folded
from conformance.reference.client.synchronizer import Synchronizer

_NOWHERE: FolderPath = ("", "status")


class GoesByStatus(Synchronizer):
    """Passes over a folder that STATUS tells to be as in the last run, if local storage is so, too."""

    def synchronize_folder(self, path: FolderPath) -> None:
        base, name = self.context.base, self.folders.names[path]
        told = self.context.session.status(name)
        numbers = f"{told.uid_validity} {told.uid_next} {told.messages} {told.highest_modseq}".encode()
        same = bool(told.highest_modseq) and base.annotations(_NOWHERE).get(f"/status/{name}") == numbers
        if not (same and self._is_settled(path)):
            super().synchronize_folder(path)
            base.annotate(_NOWHERE, f"/status/{name}", numbers)

    def _is_settled(self, path: FolderPath) -> bool:
        rows = self.context.base.objects(path).values()
        local = self.context.storage.objects(path)
        return {each.handle: each.flags for each in rows if each.uid} == {
            handle: folded(each.flags) for handle, each in local.items()
        }
