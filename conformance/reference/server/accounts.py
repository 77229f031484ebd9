"""Accounts: the folder tree of one user, its subscriptions and limits, and the users of one server."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from conformance.imap.endpoint import Credentials
from conformance.reference.server.behaviour import MAX_UID_VALIDITY, Behaviour
from conformance.reference.server.errors import Refused
from conformance.reference.server.names import Naming
from conformance.reference.server.store import Draft, Mailbox, Message, update_annotations

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class Account:
    r"""The folders of one user.

    A superior name without a folder of its own is `\Noselect` and lives while it has inferiors. UIDVALIDITY comes from
    a counter of the account, so a name never gets a smaller one than it had.
    """

    mailbox_class: ClassVar[type[Mailbox]] = Mailbox

    def __init__(self, credentials: Credentials, behaviour: Behaviour, clock: Clock = _now) -> None:
        self.credentials = credentials
        self.behaviour = behaviour
        self.naming = Naming(behaviour)
        self.clock = clock
        self.quota: int | None = None
        self.mailboxes: dict[str, Mailbox] = {}
        self.subscriptions: dict[str, str] = {}
        self.annotations: dict[str, bytes] = {}
        self._former: dict[str, Mailbox] = {}
        self._last_validity: dict[str, int] = {}
        self._next_validity = behaviour.first_uid_validity
        self._put(self._new_mailbox("INBOX"))

    def mailbox(self, name: str) -> Mailbox:
        """The selectable folder of this name. Raises Refused when there is none."""
        found = self.mailboxes.get(self.naming.key(name))
        if found is None:
            raise Refused("there is no such folder", "NONEXISTENT")
        return found

    def names(self) -> dict[str, Mailbox | None]:
        """Every name, superiors before inferiors; None marks a level that is not a folder."""
        found: dict[str, Mailbox | None] = {}
        for mailbox in self.mailboxes.values():
            found[mailbox.name] = mailbox
            for superior in self.naming.superiors(mailbox.name):
                if self.naming.key(superior) not in self.mailboxes:
                    found.setdefault(superior, None)
        return dict(sorted(found.items(), key=lambda item: (item[0] != "INBOX", item[0])))

    def create(self, name: str) -> Mailbox:
        """A new, empty folder. Raises Refused when the name exists or cannot be."""
        name = self.naming.new(name)
        if self.naming.key(name) in self.mailboxes:
            raise Refused("the folder exists", "ALREADYEXISTS")
        return self._put(self._new_mailbox(self._spelled_as_superiors(name)))

    def delete(self, name: str) -> None:
        """Remove a folder and its messages; inferiors stay. Raises Refused for INBOX and names that are no folder."""
        key = self.naming.key(name)
        if key == self.naming.key("INBOX"):
            raise Refused("INBOX cannot be deleted", "CANNOT")
        if key not in self.mailboxes and self._inferiors(key):
            raise Refused("the name is only a level of hierarchy and has inferiors", "HASCHILDREN")
        mailbox = self.mailbox(name)
        if mailbox.read_only:
            raise Refused("the folder is read-only", "NOPERM")
        del self.mailboxes[key]
        self._bury(key, mailbox)

    def rename(self, name: str, new_name: str) -> None:
        """Rename a folder and its inferiors; INBOX gives its messages to a new folder (RFC 3501 section 6.3.5)."""
        new_name = self.naming.new(new_name)
        key, new_key = self.naming.key(name), self.naming.key(new_name)
        if new_key in self.mailboxes or self._inferiors(new_key):
            raise Refused("the new name exists", "ALREADYEXISTS")
        if key == self.naming.key("INBOX"):
            self._rename_inbox(new_name)
            return
        moved = [key] * (key in self.mailboxes) + self._inferiors(key)
        if not moved:
            raise Refused("there is no such folder", "NONEXISTENT")
        if new_key.startswith(self.naming.below(key)):
            raise Refused("a folder cannot become its own inferior", "CANNOT")
        mailboxes = [self.mailboxes.pop(old) for old in moved]
        for mailbox in mailboxes:
            self._settle(mailbox, new_name + mailbox.name[len(name) :])

    def _rename_inbox(self, new_name: str) -> None:
        inbox = self.mailbox("INBOX")
        target = self._put(self._new_mailbox(new_name))
        target.annotations.update(inbox.annotations)
        if inbox.messages:
            target.append([message.draft() for message in inbox.messages])
            inbox.expunge(inbox.messages)

    def subscribe(self, name: str) -> None:
        """Subscribe a name; it need not exist (RFC 3501 section 6.3.6)."""
        name = self.naming.new(name)
        self.subscriptions[self.naming.key(name)] = name

    def unsubscribe(self, name: str) -> None:
        """Take a name off the subscriptions. Raises Refused when it is not subscribed."""
        if self.subscriptions.pop(self.naming.key(name), None) is None:
            raise Refused("the name is not subscribed")

    def append(self, mailbox: Mailbox, drafts: Sequence[Draft]) -> list[Message]:
        """Store all drafts or none. Raises Refused when the folder is read-only or the account full."""
        self.check_room(mailbox, sum(len(draft.content.octets) for draft in drafts))
        return mailbox.append(drafts)

    def move(self, source: Mailbox, messages: Sequence[Message], target: Mailbox) -> list[Message]:
        """Move messages at once: their copies in the target, in order; nobody sees a state between."""
        self.check_writable(source)
        self.check_writable(target)
        copies = target.append([message.draft() for message in messages])
        source.expunge(messages)
        return copies

    def check_writable(self, mailbox: Mailbox) -> None:
        """Raise Refused when the folder is read-only."""
        if mailbox.read_only:
            raise Refused("the folder is read-only", "NOPERM")

    def check_room(self, mailbox: Mailbox, octets: int) -> None:
        """Raise Refused when this many octets more cannot be stored in the folder."""
        self.check_writable(mailbox)
        if self.quota is not None and sum(each.octets for each in self.mailboxes.values()) + octets > self.quota:
            raise Refused("the account is full", "OVERQUOTA")

    def annotate(self, changes: dict[str, bytes | None]) -> None:
        """Set or remove annotations of the server itself (RFC 5464, the empty folder name)."""
        update_annotations(self.annotations, changes)

    def renew_uid_validity(self, name: str) -> Mailbox:
        """Give the folder a greater UIDVALIDITY and its messages new UIDs, as if its index were lost."""
        former = self.mailbox(name)
        renewed = self.mailbox_class(former.name, self._take_validity(), self.behaviour)
        if former.messages:
            renewed.append([message.draft() for message in former.messages])
        renewed.annotations = former.annotations
        renewed.read_only = former.read_only
        former.close()
        return self._put(renewed)

    def close(self) -> None:
        """End every session that has a folder of this account selected."""
        for mailbox in self.mailboxes.values():
            mailbox.close()

    def _inferiors(self, key: str) -> list[str]:
        below = self.naming.below(key)
        return [each for each in self.mailboxes if each.startswith(below)]

    def _spelled_as_superiors(self, name: str) -> str:
        """With names compared without case, an inferior takes the spelling its superiors already have."""
        for superior in reversed(self.naming.superiors(name)):
            known = self.mailboxes.get(self.naming.key(superior))
            if known is not None:
                return known.name + name[len(superior) :]
        return name

    def _new_mailbox(self, name: str) -> Mailbox:
        key = self.naming.key(name)
        former = self._former.pop(key, None)
        if former is not None and former.uid_validity == self._last_validity[key]:
            former.name = name
            return former
        return self.mailbox_class(name, self._take_validity(), self.behaviour)

    def _take_validity(self) -> int:
        if self._next_validity > MAX_UID_VALIDITY:
            raise Refused("the account has no UIDVALIDITY left", "LIMIT")
        self._next_validity += 1
        return self._next_validity - 1

    def _put(self, mailbox: Mailbox) -> Mailbox:
        key = self.naming.key(mailbox.name)
        self.mailboxes[key] = mailbox
        self._last_validity[key] = mailbox.uid_validity
        return mailbox

    def _settle(self, mailbox: Mailbox, name: str) -> None:
        """Put a renamed folder under its new name, with a new UIDVALIDITY if that name once had a greater one."""
        mailbox.name = name
        if self._last_validity.get(self.naming.key(name), 0) > mailbox.uid_validity:
            mailbox.close()
            mailbox.uid_validity = self._take_validity()
        self._put(mailbox)

    def _bury(self, key: str, mailbox: Mailbox) -> None:
        mailbox.close()
        if self.behaviour.recreate_keeps_uid_validity:
            mailbox.expunge(mailbox.messages)
            mailbox.annotations.clear()
            self._former[key] = mailbox


class Accounts:
    """The users of one server. Hold `lock` while touching any of them: sessions do so for each command."""

    account_class: ClassVar[type[Account]] = Account

    def __init__(self, behaviour: Behaviour, clock: Clock = _now) -> None:
        self.behaviour = behaviour
        self.clock = clock
        self.lock = threading.RLock()
        self._accounts: dict[str, Account] = {}
        self._numbers = itertools.count(1)

    def add(self, user: str | None = None, password: str | None = None) -> Credentials:
        """A new account with an empty INBOX, by default under a fresh name. Raises ValueError for a known user."""
        with self.lock:
            user = user if user is not None else self._fresh_name()
            if user in self._accounts:
                raise ValueError(f"the user {user!r} exists; choose another name or drop the account first")
            credentials = Credentials(user, password if password is not None else "secret")
            self._accounts[user] = self.account_class(credentials, self.behaviour, self.clock)
            return credentials

    def _fresh_name(self) -> str:
        return next(name for name in (f"user{number}" for number in self._numbers) if name not in self._accounts)

    def drop(self, user: str) -> None:
        """Remove an account and end the sessions in its folders. Raises KeyError for an unknown user."""
        with self.lock:
            self._accounts.pop(user).close()

    def account(self, user: str) -> Account:
        """The account of a user. Raises KeyError when there is none."""
        return self._accounts[user]

    def log_in(self, user: str, password: str) -> Account:
        """The account, if user and password fit. Raises Refused otherwise."""
        account = self._accounts.get(user)
        if account is None or account.credentials.password != password:
            raise Refused("user name or password is wrong", "AUTHENTICATIONFAILED")
        return account

    def set_read_only(self, user: str, folder: str, read_only: bool) -> None:  # noqa: FBT001
        """Allow or forbid every change of a folder's messages."""
        with self.lock:
            self.account(user).mailbox(folder).read_only = read_only

    def set_quota(self, user: str, octets: int | None) -> None:
        """Bound the octets the account may hold; None lifts the bound."""
        with self.lock:
            self.account(user).quota = octets

    def renew_uid_validity(self, user: str, folder: str) -> None:
        """Give a folder a greater UIDVALIDITY and new UIDs; sessions that have it selected end with BYE."""
        with self.lock:
            self.account(user).renew_uid_validity(folder)
