"""A client that is right, in which what is stored on the server, and how, can be replaced."""

from __future__ import annotations

from conformance.imap.errors import OperationRefused
from conformance.imap.session import StoredAs
from conformance.model.states import Flags
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import wire_form
from conformance.reference.client.flags import travelling
from conformance.reference.client.object_step import ObjectStep


class Storing(ObjectStep):
    """Stores what `sent` makes of a local object, by `store`."""

    def sent(self, octets: bytes) -> bytes:
        """The octets to store."""
        return wire_form(octets)

    def store(self, octets: bytes, flags: Flags) -> StoredAs | None:
        """Store an object on the server; where it went. Raises `OperationRefused`."""
        return self.context.session.store_object(self.name, octets, flags=sorted(flags))

    def store_one(self, row: BaseObject) -> bool:
        each = self.local[row.handle]
        try:
            stored = self.store(self.sent(each.read()), self._permitted(travelling(each.flags)))
        except OperationRefused as error:
            self.context.base.withdraw(self.path, [row.handle])
            self._problem(f"object {row.handle} stays in local storage: {error}")
            return False
        self.stored.add(row.handle)
        if stored and stored.uid_validity == self.active.uid_validity:
            self._know(BaseObject(row.handle, stored.uid, row.digest, row.size, row.kind, row.flags))
        return True
