"""The state of one connection and what it says to its client, apart from the commands themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import ClassVar

from conformance.reference.server.accounts import Account, Accounts
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.behaviour import Behaviour
from conformance.reference.server.errors import NotUnderstood, Refused
from conformance.reference.server.responses import flag_list, number_set
from conformance.reference.server.store import SYSTEM_FLAGS, Mailbox, Message
from conformance.reference.server.view import MailboxView


class State(Flag):
    """The states of RFC 3501 section 3."""

    NOT_AUTHENTICATED = auto()
    AUTHENTICATED = auto()
    SELECTED = auto()


ANY_STATE = State.NOT_AUTHENTICATED | State.AUTHENTICATED | State.SELECTED
LOGGED_IN = State.AUTHENTICATED | State.SELECTED


@dataclass(frozen=True, slots=True)
class Continuation:
    """A command that needs more lines from the client: what to prompt with, and who reads the next line.

    `resume` gets that line and returns what a handler returns; `live` lets updates through while waiting (IDLE).
    """

    prompt: bytes
    resume: Callable[[bytes], Outcome]
    live: bool = False


# The text of the tagged OK, None for the usual one, or more to read first.
Outcome = str | None | Continuation
Handler = Callable[["Session", Arguments], Outcome]


@dataclass(frozen=True, slots=True)
class CommandRule:
    """A command: who serves it, when it is allowed, the extension it belongs to, and whether removals must wait."""

    handler: Handler
    states: State
    extension: str | None = None
    holds_removals: bool = False


@dataclass(eq=False)
class Session:
    """One connection's state. Handlers write with `untagged`; the engine takes what is in `output`."""

    accounts: Accounts
    behaviour: Behaviour
    account: Account | None = None
    view: MailboxView | None = None
    condstore: bool = False
    qresync: bool = False
    tag: bytes = b""
    uid_command: bool = False
    logged_out: bool = False
    output: list[bytes] = field(default_factory=list)
    wake: Callable[[], None] = lambda: None

    view_class: ClassVar[type[MailboxView]] = MailboxView

    @property
    def state(self) -> State:
        if self.account is None:
            return State.NOT_AUTHENTICATED
        return State.AUTHENTICATED if self.view is None else State.SELECTED

    @property
    def user(self) -> Account:
        """The account logged in."""
        if self.account is None:
            raise NotUnderstood("log in first")
        return self.account

    @property
    def selected(self) -> MailboxView:
        """The folder selected."""
        if self.view is None:
            raise NotUnderstood("select a folder first")
        return self.view

    def offers(self, extension: str) -> bool:
        """Whether an extension is switched on."""
        return extension in self.behaviour.extensions

    def require(self, extension: str, what: str) -> None:
        """Raise NotUnderstood when the extension that `what` belongs to is off."""
        if not self.offers(extension):
            raise NotUnderstood(f"{what} is not offered")

    def untagged(self, line: bytes) -> None:
        """Send one untagged response."""
        self.output.append(b"* " + line + b"\r\n")

    def select(self, mailbox: Mailbox, *, examine: bool) -> MailboxView:
        """Make a folder the selected one."""
        self.deselect()
        self.view = self.view_class(mailbox, self.wake_up, examine=examine)
        return self.view

    def wake_up(self) -> None:
        """Something happened that the client may be told of."""
        self.wake()

    def deselect(self) -> None:
        """Leave the selected folder, if any; nothing is expunged."""
        if self.view is not None:
            self.view.close()
            self.view = None

    def writable(self) -> Mailbox:
        """The selected folder. Raises Refused when it was selected read-only or has become so."""
        view = self.selected
        if view.read_only or view.mailbox.read_only:
            raise Refused("the folder is read-only")
        return view.mailbox

    def enable_condstore(self) -> None:
        """Tell mod-sequences from now on; the first time, also the highest of the selected folder (RFC 7162 3.1)."""
        if self.condstore:
            return
        self.condstore = True
        if self.view is not None and self.behaviour.mod_sequences:
            self.untagged(b"OK [HIGHESTMODSEQ %d] mod-sequences enabled" % self.view.mailbox.highest_modseq)

    def use_mod_sequences(self) -> None:
        """A command asks for mod-sequences: enable them. Raises NotUnderstood without any (RFC 7162 3.1.2.2)."""
        self.require("CONDSTORE", "a mod-sequence")
        if not self.behaviour.mod_sequences:
            raise NotUnderstood("this folder has no mod-sequences")
        self.enable_condstore()

    def flags_of(self, message: Message) -> bytes:
        r"""The flag list of a message, `\Recent` included."""
        return flag_list(message.flags, recent=message.uid in self.selected.recent)

    def tell_keywords(self) -> None:
        """Announce the flags of the selected folder when there are new keywords among them."""
        view = self.selected
        if len(view.mailbox.keywords) != view.keywords:
            view.keywords = len(view.mailbox.keywords)
            self.untagged(self.flags_line())
            self.untagged(self.permanent_flags_line())

    def flags_line(self) -> bytes:
        """The FLAGS response of the selected folder."""
        return b"FLAGS " + flag_list(self._applicable_flags())

    def permanent_flags_line(self) -> bytes:
        """The PERMANENTFLAGS code of the selected folder."""
        permanent: set[str] = set()
        if not self.selected.read_only:
            settable = {*self.behaviour.permanent_flags, *self.behaviour.flag_extensions}
            permanent = {flag for flag in self._applicable_flags() if flag in settable or not flag.startswith("\\")}
            permanent |= {"\\*"} if self.behaviour.new_keywords else set()
        return b"OK [PERMANENTFLAGS " + flag_list(frozenset(permanent)) + b"] flags kept"

    def _applicable_flags(self) -> frozenset[str]:
        keywords = self.selected.mailbox.keywords.values()
        return frozenset((*SYSTEM_FLAGS.values(), *self.behaviour.flag_extensions, *keywords))

    def tell_flags(self, number: int, message: Message, *, silent: bool = False) -> None:
        """Send a FETCH response about a message's flags; with CONDSTORE also UID and MODSEQ (RFC 7162 3.2.4)."""
        items = []
        if self.uid_command or self.condstore or self.behaviour.uid_in_updates:
            items.append(b"UID %d" % message.uid)
        if not silent:
            items.append(b"FLAGS " + self.flags_of(message))
        if self.condstore and self.behaviour.mod_sequences:
            items.append(b"MODSEQ (%d)" % message.modseq)
        if self.behaviour.fetch_item_order == "reversed":
            items.reverse()
        self.untagged(b"%d FETCH (%b)" % (number, b" ".join(items)))

    def tell_updates(self, *, removals: bool) -> None:
        """Send what happened in the selected folder and was not told yet; removals only where they are allowed."""
        view = self.view
        if view is None:
            return
        if removals:
            self._tell_removed(view.take_removed())
        elif self.qresync and view.unannounced_removal is not None:
            self.untagged(b"OK [HIGHESTMODSEQ %d] removals are still to be told" % (view.unannounced_removal - 1))
        if view.take_arrived():
            self.untagged(b"%d EXISTS" % len(view.messages))
            self.untagged(b"%d RECENT" % len(view.recent))
        changed = view.take_changed()
        self.tell_keywords()
        for number, message in changed:
            self.tell_flags(number, message)

    def _tell_removed(self, removed: list[tuple[int, Message]]) -> None:
        if not removed:
            return
        if self.qresync and self.behaviour.mod_sequences:
            self.untagged(b"VANISHED " + number_set(message.uid for _, message in removed))
            return
        numbers = [number for number, _ in removed]
        if self.behaviour.expunge_highest_first:
            numbers.reverse()
        else:
            numbers = [number - before for before, number in enumerate(numbers)]
        for number in numbers:
            self.untagged(b"%d EXPUNGE" % number)
