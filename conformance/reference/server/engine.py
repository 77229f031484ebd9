"""A sans-I/O IMAP4rev1 server connection: octets in, octets out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from conformance.reference.server import (
    commands_append,
    commands_folders,
    commands_list,
    commands_messages,
    commands_metadata,
    commands_select,
    commands_session,
    fetch,
    search,
)
from conformance.reference.server.accounts import Accounts
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.behaviour import Behaviour
from conformance.reference.server.errors import NotUnderstood, Refused
from conformance.reference.server.parser import Command, CommandReader, Event, LiteralAnnounced, Overrun, tag_of
from conformance.reference.server.session import CommandRule, Continuation, Outcome, Session

COMMANDS: Mapping[str, CommandRule] = MappingProxyType(
    {
        **commands_session.COMMANDS,
        **commands_select.COMMANDS,
        **commands_folders.COMMANDS,
        **commands_list.COMMANDS,
        **commands_append.COMMANDS,
        **commands_messages.COMMANDS,
        **commands_metadata.COMMANDS,
        **fetch.COMMANDS,
        **search.COMMANDS,
    }
)
_HEAD = re.compile(rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]+) ((?:UID )?[A-Z]+)(?= |\Z)", re.IGNORECASE)
_UNTAGGED_FAULT = b"*"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A command that waits for its next line."""

    tag: bytes
    name: str
    rule: CommandRule
    continuation: Continuation


class ServerConnection:
    """One connection of a client to the accounts of a server.

    Call `receive` with what the client sent and send it what is returned; call `pending` when `on_wake` says so and
    send that, too. `closed` tells that nothing more is to come and the transport can be closed. `commands` is the
    table of commands, by name, that may be replaced.
    """

    session_class: ClassVar[type[Session]] = Session

    def __init__(
        self,
        accounts: Accounts,
        behaviour: Behaviour | None = None,
        *,
        commands: Mapping[str, CommandRule] = COMMANDS,
        on_wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.behaviour = behaviour if behaviour is not None else accounts.behaviour
        self.session = self.session_class(accounts, self.behaviour, wake=on_wake)
        self.closed = False
        self._commands = commands
        self._waiting: _Waiting | None = None
        self._reader = CommandReader(
            max_line=self.behaviour.max_line,
            max_literal=self.behaviour.max_literal,
            non_synchronizing=self.session.offers("LITERAL+"),
        )

    def greeting(self) -> bytes:
        """The first line of the server."""
        code = f"[CAPABILITY {commands_session.capabilities(self.session)}] "
        return f"* OK {code if self.behaviour.capability_in_greeting else ''}reference server ready\r\n".encode()

    def receive(self, data: bytes) -> bytes:
        """Take octets of the client and return the octets to send now."""
        with self.session.accounts.lock:
            self._reader.feed(data)
            while not self.closed:
                event = self._reader.next_event(raw=self._waiting is not None)
                if event is None:
                    break
                self._handle(event)
            return self._take_output()

    def pending(self) -> bytes:
        """The octets to send without being asked: updates during IDLE, or the farewell when the folder is gone."""
        with self.session.accounts.lock:
            self._check_folder()
            waiting = self._waiting
            if waiting is not None and waiting.continuation.live and not self.closed and self.behaviour.idle_push:
                self.session.tell_updates(removals=True)
            return self._take_output()

    def close(self) -> None:
        """The transport is gone: forget the folder. A command not yet complete is not done, in no part."""
        with self.session.accounts.lock:
            self.session.deselect()
            self.closed = True

    def farewell(self, text: str) -> bytes:
        """Close from the server's side: the BYE to send last."""
        with self.session.accounts.lock:
            self._bye(text)
            return self._take_output()

    def _take_output(self) -> bytes:
        output = b"".join(self.session.output)
        self.session.output.clear()
        return output

    def _bye(self, text: str) -> None:
        self.session.untagged(b"BYE " + text.encode())
        self.session.deselect()
        self.closed = True

    def _check_folder(self) -> None:
        if not self.closed and self.session.view is not None and self.session.view.gone:
            self._bye("the selected folder is gone")

    def _handle(self, event: Event) -> None:
        self._check_folder()
        if self.closed:
            return
        if isinstance(event, LiteralAnnounced):
            self._announced(event)
        elif isinstance(event, Overrun):
            self._overrun(event)
        elif self._waiting is not None:
            self._resume(self._waiting, event.line)
        else:
            self._command(event)

    def _announced(self, event: LiteralAnnounced) -> None:
        refusal = self._early_refusal(event) if self.behaviour.refuse_before_literal else None
        if refusal is None:
            self._reader.accept()
            self.session.output.append(b"+ ready for a literal\r\n")
        else:
            self._reader.refuse()
            self._answer(tag_of(event.command.line) or _UNTAGGED_FAULT, _refused(refusal))

    def _early_refusal(self, event: LiteralAnnounced) -> Refused | None:
        """Why an APPEND cannot be done, if that is known before its message comes."""
        match = _HEAD.match(event.command.line)
        if match is None or match[2].upper() != b"APPEND" or self.session.account is None:
            return None
        try:
            commands_append.check(self.session, Arguments(event.command, match.end()), event.size)
        except Refused as refusal:
            return refusal
        except NotUnderstood:
            return None  # what comes later may still mend it, or be refused then
        return None

    def _overrun(self, event: Overrun) -> None:
        self._waiting = None
        status = "NO [TOOBIG]" if event.too_big and event.tag else "BAD"
        self._answer(event.tag or _UNTAGGED_FAULT, f"{status} {event.text}")

    def _answer(self, tag: bytes, text: str) -> None:
        self.session.output.append(tag + b" " + text.encode() + b"\r\n")

    def _command(self, command: Command) -> None:
        match = _HEAD.match(command.line)
        if match is None:
            self._answer(tag_of(command.line) or _UNTAGGED_FAULT, "BAD a tag and a command expected")
            return
        tag, name = match[1], match[2].decode().upper()
        rule = self._commands.get(name)
        if rule is None or (rule.extension is not None and not self.session.offers(rule.extension)):
            self._answer(tag, "BAD unknown command")
        elif self.session.state not in rule.states:
            self._answer(tag, f"BAD {name} is not allowed in this state")
        else:
            self._run(tag, name, rule, Arguments(command, match.end()))

    def _run(self, tag: bytes, name: str, rule: CommandRule, arguments: Arguments) -> None:
        session = self.session
        session.tag = tag
        if self.behaviour.updates_before_answer:
            session.uid_command = False
            session.tell_updates(removals=False)
        session.uid_command = name.startswith("UID ")
        self._finish(tag, name, rule, lambda: rule.handler(session, arguments))

    def _resume(self, waiting: _Waiting, line: bytes) -> None:
        self._waiting = None
        self._finish(waiting.tag, waiting.name, waiting.rule, lambda: waiting.continuation.resume(line))

    def _finish(self, tag: bytes, name: str, rule: CommandRule, step: Callable[[], Outcome]) -> None:
        """Do a step of a command and complete it, or wait for its next line."""
        try:
            outcome = step()
        except Refused as refusal:
            answer = _refused(refusal)
        except NotUnderstood as fault:
            answer = f"BAD {fault}"
        else:
            if isinstance(outcome, Continuation):
                self._wait(_Waiting(tag, name, rule, outcome))
                return
            answer = f"OK {outcome or f'{name} completed'}"
        self._complete(tag, name, rule, answer)

    def _wait(self, waiting: _Waiting) -> None:
        self._waiting = waiting
        self.session.output.append(b"+ " + waiting.continuation.prompt + b"\r\n")
        if waiting.continuation.live:
            self.session.tell_updates(removals=True)

    def _complete(self, tag: bytes, name: str, rule: CommandRule, answer: str) -> None:
        session = self.session
        session.tell_updates(removals=not rule.holds_removals and self._may_tell_removals(name))
        session.uid_command = False
        self._answer(tag, answer)
        if session.logged_out:
            session.deselect()
            self.closed = True

    def _may_tell_removals(self, name: str) -> bool:
        return self.behaviour.expunge_in_uid_commands or not name.startswith("UID ") or name == "UID EXPUNGE"


def _refused(refusal: Refused) -> str:
    return f"NO [{refusal.code}] {refusal.text}" if refusal.code else f"NO {refusal.text}"
