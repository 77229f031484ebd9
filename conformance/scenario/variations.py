"""Legal ways to be a server, boundary values among them, before which a client is put with random histories."""

from __future__ import annotations

from dataclasses import replace

from conformance.reference.server import Behaviour
from conformance.reference.server.behaviour import ALL_EXTENSIONS, SELECT_ITEMS

_USUAL = Behaviour()

VARIATIONS: dict[str, Behaviour] = {
    "no-extension": replace(_USUAL, extensions=frozenset()),
    "no-uidplus": _USUAL.without("UIDPLUS"),
    "uids-above-31-bits": Behaviour(first_uid=2**31 - 1, first_uid_validity=2**31 - 1, first_modseq=2**31 - 1),
    "uids-near-32-bits": Behaviour(first_uid=2**32 - 500, first_uid_validity=2**32 - 500, first_modseq=2**62),
    "mod-sequences-above-53-bits": Behaviour(first_modseq=2**53 + 1, first_uid=2**24 + 1),
    "everything-in-another-order": Behaviour(
        fetch_item_order="reversed",
        select_order=tuple(reversed(SELECT_ITEMS)),
        updates_before_answer=True,
        expunge_highest_first=True,
        uid_in_updates=True,
    ),
    "names-as-literals": Behaviour(name_style="literal", delimiter="."),
    "names-as-atoms": Behaviour(name_style="atom", delimiter="^", capability_in_greeting=False),
    "recreated-folders-keep-uidvalidity": Behaviour(recreate_keeps_uid_validity=True),
    "no-mod-sequences": Behaviour(mod_sequences=False, extensions=ALL_EXTENSIONS - {"QRESYNC"}),
}
"""The behaviours by name; each is one that RFC 3501 and its extensions allow."""
