"""What a reference server offers and how it words its answers: every legal variation, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

ALL_EXTENSIONS = frozenset(
    {
        "CHILDREN",
        "CONDSTORE",
        "ENABLE",
        "ESEARCH",
        "ID",
        "IDLE",
        "LIST-EXTENDED",
        "LIST-STATUS",
        "LITERAL+",
        "METADATA",
        "MOVE",
        "MULTIAPPEND",
        "NAMESPACE",
        "QRESYNC",
        "SASL-IR",
        "UIDPLUS",
        "UNSELECT",
    }
)
# RFC 7162 section 3.2.3: QRESYNC needs CONDSTORE and ENABLE. RFC 5819 section 2: LIST-STATUS is a LIST return option.
REQUIRED_EXTENSIONS = {"QRESYNC": ("CONDSTORE", "ENABLE"), "LIST-STATUS": ("LIST-EXTENDED",)}

MAX_UID = 2**32 - 2  # UIDNEXT must stay a 32-bit number (RFC 3501 section 9, nz-number)
MAX_UID_VALIDITY = 2**32 - 1
MAX_MOD_SEQUENCE = 2**63 - 1

SELECT_ITEMS = ("FLAGS", "EXISTS", "RECENT", "UNSEEN", "PERMANENTFLAGS", "UIDNEXT", "UIDVALIDITY", "HIGHESTMODSEQ")
SETTABLE_SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")

NameStyle = Literal["atom", "quoted", "literal"]
NameCase = Literal["sensitive", "insensitive", "lower", "upper"]
ItemOrder = Literal["asked", "reversed"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One legal way to be an IMAP4rev1 server.

    Sizes are octets. `name_case` "insensitive" keeps a name's spelling and compares without case; "lower" and "upper"
    coerce new names (RFC 3501 section 5.1 permits all four). `recreate_keeps_uid_validity` is the variant of section
    6.3.3 where a recreated folder keeps its UIDVALIDITY and continues its UIDs. Raises ValueError on illegal values.
    """

    extensions: frozenset[str] = ALL_EXTENSIONS
    delimiter: str | None = "/"
    personal_prefix: str = ""
    first_uid_validity: int = 1
    first_uid: int = 1
    first_modseq: int = 1
    max_line: int = 64 * 1024
    max_literal: int = 64 * 1024 * 1024
    max_annotation: int = 64 * 1024

    name_style: NameStyle = "quoted"
    name_case: NameCase = "sensitive"
    fetch_item_order: ItemOrder = "asked"
    select_order: tuple[str, ...] = SELECT_ITEMS
    updates_before_answer: bool = False
    expunge_highest_first: bool = False
    expunge_in_uid_commands: bool = True
    uid_in_updates: bool = False
    noselect_matches_star: bool = True
    capability_in_greeting: bool = True
    capability_after_login: bool = True
    login_disabled: bool = False
    refuse_before_literal: bool = False
    idle_push: bool = True
    vanished_reports_all: bool = False

    permanent_flags: tuple[str, ...] = SETTABLE_SYSTEM_FLAGS
    new_keywords: bool = True
    flag_extensions: tuple[str, ...] = ()
    mod_sequences: bool = True
    recreate_keeps_uid_validity: bool = False

    def __post_init__(self) -> None:
        self._check_extensions()
        self._check_numbers()
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter not in "/.|^!"):
            raise ValueError(f"delimiter {self.delimiter!r} is not one of / . | ^ ! or None")
        if sorted(self.select_order) != sorted(SELECT_ITEMS):
            raise ValueError(f"select_order must be a permutation of {SELECT_ITEMS}")

    def _check_extensions(self) -> None:
        unknown = self.extensions - ALL_EXTENSIONS
        if unknown:
            raise ValueError(f"unknown extensions {sorted(unknown)}; known are {sorted(ALL_EXTENSIONS)}")
        for name, needed in REQUIRED_EXTENSIONS.items():
            missing = [other for other in needed if other not in self.extensions]
            if name in self.extensions and missing:
                raise ValueError(f"{name} needs {missing}; Behaviour.without() drops an extension and its dependents")

    def _check_numbers(self) -> None:
        limits = {
            "first_uid_validity": MAX_UID_VALIDITY,
            "first_uid": MAX_UID,
            "first_modseq": MAX_MOD_SEQUENCE,
        }
        for name, limit in limits.items():
            if not 1 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} is {getattr(self, name)}, it must be from 1 to {limit}")

    def without(self, *names: str) -> Behaviour:
        """The same behaviour with these extensions, and those that need them, switched off."""
        gone = set(names)
        for name, needed in REQUIRED_EXTENSIONS.items():
            if gone.intersection(needed):
                gone.add(name)
        return replace(self, extensions=self.extensions - gone)
