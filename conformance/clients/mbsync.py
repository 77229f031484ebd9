"""mbsync as a storage client under test: the installed program over a Maildir, in its best configuration by default."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from conformance.clients.maildir import MaildirClient
from conformance.clients.program import CONFIG
from conformance.clients.protocol import ClientIdentity
from conformance.imap.names import encode_name
from conformance.model.equality import Equality
from conformance.problems import UsageProblem
from conformance.servers.protocol import Account

BEST = {"Create": "Both", "Remove": "Both", "Expunge": "Both", "Sync": "All"}
_SIDES = r"None|Far|Near|Both"
_SYNC_WORD = r"((Pull|Push)?(New|ReNew|Delete|Flags)|Pull|Push)"
_VALUES = {"Create": _SIDES, "Remove": _SIDES, "Expunge": _SIDES, "Sync": rf"None|All|{_SYNC_WORD}( {_SYNC_WORD})*"}
_USUAL = "*** IMAP Warning *** Password is being sent in the clear"


class MbsyncClient(MaildirClient):
    """The program with a configuration of its own for each account; the settings are words of that configuration."""

    name = "mbsync"
    OPTIONS: ClassVar[Mapping[str, str]] = {
        "Create": "where missing folders are made: None, Far, Near or Both (the default)",
        "Remove": "where removed folders are removed: None, Far, Near or Both (the default)",
        "Expunge": "where removed objects are expunged: None, Far, Near or Both (the default)",
        "Sync": "what is synchronized: All (the default), None, or words such as Pull, Push, New, Delete, Flags",
        **CONFIG,
    }
    PLACES = MaildirClient.PLACES | {"far", "settings"}
    _template = "mbsyncrc"
    _package = "isync"

    def __init__(self, settings: Mapping[str, str] | None = None, config: Path | None = None) -> None:
        super().__init__(config)
        self.settings = {**BEST, **(settings or {})}
        for word, value in self.settings.items():
            if not re.fullmatch(_VALUES.get(word, ""), value):
                raise UsageProblem(
                    f"mbsync: {word} cannot be {value!r}", f"{word}: {self.OPTIONS.get(word, 'no option')}"
                )

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Self:
        """The client as the command line describes it, for instance with `Sync=Pull`. Raises `UsageProblem`."""
        settings = {word: value for word, value in options.items() if word not in CONFIG}
        return cls(settings, Path(options["config"]) if "config" in options else None)

    def hello(self) -> ClientIdentity:
        """Name and version as the program tells them."""
        settings = ", ".join(f"{word} {value}" for word, value in self.settings.items())
        return ClientIdentity(
            name="mbsync",
            version=self._version(),
            claims={"flags.keywords": False, "durable-base": True},
            equality=Equality.MIME,
            remark=f"{settings}; an X-TUID header is added to objects; a Maildir holds no keywords",
        )

    def _places(self, account: Account) -> Mapping[str, object]:
        super()._places(account)
        (self._place / "state").mkdir()
        root = "".join(encode_name(level).decode("ascii") + "/" for level in account.root)
        return {
            "host": account.endpoint.host,
            "port": account.endpoint.port,
            "user": _quoted(account.credentials.user),
            "password": _quoted(account.credentials.password),
            "root": root,
            "far": _quoted(f":far:{root}"),
            "directory": self._place,
            "settings": self.settings,
        }

    def _before_run(self) -> None:
        """Date the directories back: mbsync waits out the second in which one was changed, and need not here."""
        self._local.look_quiet()

    def _telling(self, said: str) -> str:
        return "\n".join(line for line in said.splitlines() if line != _USUAL)

    def _command(self) -> Sequence[str]:
        return [str(self._program), "-q", "-c", str(self._configuration), "-a"]


def _quoted(value: str) -> str:
    """An argument of the configuration file."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
