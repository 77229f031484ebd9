"""Accounts that hold what is not the suite's, and everything in them that could be found changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from conformance.imap.endpoint import Credentials
from conformance.reference.server.server import ReferenceServer
from conformance.reference.server.store import Content, Draft

SECONDS = 120
Contents = dict[str, object]


def filled(server: ReferenceServer, folders: int = 20, objects: int = 100) -> Credentials:
    """A new account that holds so many folders, each with so many objects, flags, an annotation, and a subscription."""
    who = server.add_account("owner", "pa55word!")
    account = server.account("owner")
    for number in range(folders):
        name = f"Private {number % 3}/of the owner {number}"
        box = account.create(name)
        account.append(
            box,
            [
                Draft(
                    Content(b"Subject: %d\r\n\r\n\x00\xff raw octets %d\r\n" % (each, number)),
                    frozenset({"\\Flagged"} if each % 2 else {"own"}),
                    datetime(2020, 1, 1, tzinfo=UTC),
                )
                for each in range(objects)
            ],
        )
        box.annotate({"/private/comment": b"mine"})
        account.subscribe(name)
    account.create("cpm-archive")
    account.create("cpm-0123456789abcd-1")
    return who


def contents(server: ReferenceServer, user: str = "owner") -> Contents:
    """Everything in an account, with what only the server knows of it."""
    with server.accounts.lock:
        account = server.account(user)
        told: Contents = {
            name: (
                box.uid_validity,
                box.uid_next,
                box.highest_modseq,
                box.first_recent,
                dict(box.annotations),
                [(each.uid, each.content.octets, each.flags, each.internal_date, each.modseq) for each in box.messages],
            )
            if box
            else None
            for name, box in account.names().items()
        }
        return told | {"(subscriptions)": dict(account.subscriptions), "(annotations)": dict(account.annotations)}


def url(server: ReferenceServer, who: Credentials, root: str = "") -> str:
    """The URL of an account on a reference server."""
    return f"imap://{who.user}:{who.password}@{server.host}:{server.port}/{root}"


def command(*arguments: str) -> Sequence[str]:
    """The command line of the suite with these arguments."""
    return [sys.executable, "-m", "conformance", *arguments]


def environment(**changes: str) -> dict[str, str]:
    """Its environment, without secrets of the one who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CPM_")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **changes}


def run(*arguments: str, cwd: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the suite's command line to its end."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=SECONDS,
        check=False,
        env=environment(**changes),
    )
