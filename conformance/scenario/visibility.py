"""What can be said of a client whose local storage nobody sees: only what the wire or the server shows by itself.

Requirements that are not named here stay undecided for such a client, whatever else was observed.
"""

from __future__ import annotations

from collections.abc import Callable

from conformance.model.folders import FolderPath
from conformance.model.oracle import Expectation, Row

ON_THE_WIRE = frozenset(
    """
    SYN-301 SYN-312 SYN-401 SYN-404 SYN-412 SYN-508 SYN-514 SYN-517 SYN-702 OP02-C1 OP02-C3 OP02-C6 OP03-C1 OP03-C2
    OP03-C3 OP03-C4 OP03-C5 OP03-C6 OP03-C7 OP04-C4 OP06-C3 OP08-C2 OP08-C3 OP09-C1 OP09-C2 OP13-C3
    """.split()  # noqa: SIM905  (a table of ids)
)
"""Requirements whose criterion speaks of what the client sends, and of nothing else."""

ON_THE_SERVER = frozenset(
    """
    SYN-102 SYN-104 SYN-304 SYN-405 SYN-408 SYN-410 SYN-411 SYN-503 OP06-C1 OP06-C2 OP08-C1 OP11-C1 OP11-C2
    """.split()  # noqa: SIM905
)
"""Requirements whose criterion speaks of what the server holds afterwards, and of nothing else."""

UNSEEN = "local storage cannot be seen through this adapter"


def changes_the_server(expectation: Expectation) -> bool:
    """Whether the client has something to bring to the server, so that the server shows whether it did."""
    own = (Row.NEW_LOCALLY, Row.REMOVED_LOCALLY)
    flags = any(demand.set_locally or demand.cleared_locally for demand in expectation.items)
    return flags or any(row in own for row in expectation.rows())


_MOVED = {
    "SYN-501": ("set_on_server",),
    "SYN-502": ("cleared_on_server",),
    "SYN-503": ("set_locally",),
    "SYN-504": ("cleared_locally",),
    "SYN-505": ("set_locally", "set_on_server"),
    "SYN-510": ("set_locally", "set_on_server"),
    "OP13-C1": ("set_locally", "set_on_server", "cleared_locally", "cleared_on_server"),
}
"""The changes of flags that each requirement is about."""


def moves_flags(requirement: str, expectation: Expectation, holds: Callable[[FolderPath, str], bool]) -> bool | None:
    """Whether a flag that both sides can hold has changed as the requirement says; None for any other requirement."""
    if requirement not in _MOVED:
        return None
    changes = ((each.path, getattr(each, how)) for each in expectation.items for how in _MOVED[requirement])
    return any(holds(path, flag) for path, flags in changes for flag in flags)
