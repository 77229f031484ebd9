"""OfflineIMAP as a storage client under test: the installed program over a Maildir."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from conformance.clients.maildir import Maildir, MaildirClient
from conformance.clients.protocol import ClientIdentity
from conformance.model.equality import Equality
from conformance.servers.protocol import Account

_KEYWORD = re.compile(r"^customflag_([a-z])\s*[=:]\s*(\S+)\s*$", re.MULTILINE)
_UTF8 = re.compile(r"^utf8foldernames\s*[=:]\s*(yes|true|on|1)\s*$", re.MULTILINE | re.IGNORECASE)


class OfflineimapClient(MaildirClient):
    """The program with a configuration of its own for each account; keywords are those that the configuration names."""

    name = "offlineimap"
    _template = "offlineimaprc"
    _package = "offlineimap3"

    def hello(self) -> ClientIdentity:
        """Name and version as the program tells them, and the keywords that its configuration has letters for."""
        keywords = ", ".join(self._keywords) or "none"
        return ClientIdentity(
            name="OfflineIMAP",
            version=self._version(),
            claims={"flags.keywords": bool(self._keywords), "durable-base": True},
            equality=Equality.MIME,
            remark=f"configured by {self._configured.name}; header fields are written anew; keywords: {keywords}",
        )

    @property
    def _keywords(self) -> Mapping[str, str]:
        return {keyword: letter for letter, keyword in _KEYWORD.findall(self._text)}

    def _made(self, top: Path) -> Maildir:
        return Maildir(top, self._keywords, utf8=bool(_UTF8.search(self._text)))

    def _places(self, account: Account) -> Mapping[str, object]:
        super()._places(account)
        return {
            "host": account.endpoint.host,
            "port": account.endpoint.port,
            "user": _expression(account.credentials.user),
            "password": _expression(account.credentials.password),
            "root": _expression("".join(f"{level}/" for level in account.root)) if account.root else "",
            "directory": self._place,
        }

    def _command(self) -> Sequence[str]:
        return [str(self._program), "-o", "-u", "quiet", "-c", str(self._configuration)]


def _expression(value: str) -> str:
    """A value as the configuration file takes it: a Python literal, in which a percent sign is written twice."""
    return ascii(value).replace("%", "%%")
