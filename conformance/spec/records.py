"""The records of the specification: what is demanded, of whom, and by which words."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

CHANGE_REQUEST = "5.5.2.20"
"""Name of the pinned change request as a quoted document."""

RFC3501 = "RFC 3501"
"""Name of the pinned IMAP specification as a quoted document."""


class Role(StrEnum):
    """The role of an implementation a requirement binds."""

    CLIENT = "client"
    SERVER = "server"


class Level(StrEnum):
    """How strong the demand is: SHALL and MUST, SHOULD, MAY, or information only."""

    MANDATORY = "mandatory"
    RECOMMENDED = "recommended"
    OPTIONAL = "optional"
    INFORMATIVE = "informative"


class Basis(StrEnum):
    """The gravest outcome that may rest on a breach of the requirement."""

    FAIL = "fail"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a document. `section` is a clause id (`5.5.2.20-3c`), a review comment (`C316`) or an RFC section.

    `pinned` is false for documents whose text is not shipped: their words are not checked by machine.
    """

    text: str
    document: str
    section: str
    pinned: bool = True

    @property
    def source(self) -> str:
        """Where the words stand, for people: `CR OMA-COM-CPM-2010-0583, step 3c` or `RFC 3501 6.3.11`."""
        if self.document != CHANGE_REQUEST:
            return f"{self.document} {self.section}"
        place = self.section.removeprefix(f"{CHANGE_REQUEST}-")
        if place == "note":
            named = "NOTE to step 3f"
        elif place.startswith("p"):
            named = f"paragraph {place[1:]}"
        else:
            named = f"comment {place}" if place.startswith("C") else f"step {place}"
        return f"CR OMA-COM-CPM-2010-0583, {named}"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why no test case judges a requirement. `of` names the other requirement for `duplicate-of`."""

    kind: str
    why: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One atomic, testable demand.

    `sentence` is the quoted words the verdict rests on, or, where the demand is derived, a plain sentence of it;
    `derivation` then gives the steps from the quotes. `condition` is an expression of ICS item names joined by
    `and`, `or` and `not` ("" holds always; `and` binds stronger than `or`).
    """

    id: str
    title: str
    clause: str
    roles: tuple[Role, ...]
    keyword: str
    level: Level
    rests_on: Basis
    provenance: str
    sentence: str
    quotes: tuple[Quote, ...]
    stimulus: str
    pass_criterion: str
    condition: str = ""
    ambiguities: tuple[str, ...] = ()
    derivation: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    remark: str = ""
    planned: bool = False
    excluded: Exclusion | None = None

    @property
    def source(self) -> str:
        """Where the quoted words stand, each place once."""
        return "; ".join(dict.fromkeys(quote.source for quote in self.quotes))

    @property
    def condition_items(self) -> frozenset[str]:
        """The ICS item names of the condition."""
        return frozenset(self.condition.split()) - {"and", "or", "not"}

    def applies(self, claimed: Collection[str]) -> bool:
        """Whether the condition holds for an implementation that claims these ICS items."""
        return fulfilled(self.condition, claimed)


def fulfilled(expression: str, claimed: Collection[str]) -> bool:
    """Whether an expression of ICS items holds for an implementation that claims these; "" always does."""
    return not expression or any(
        all(_holds(term, claimed) for term in branch.split(" and ")) for branch in expression.split(" or ")
    )


def _holds(term: str, claimed: Collection[str]) -> bool:
    name = term.removeprefix("not ")
    return (name in claimed) is (name == term)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of 5.5.2.20, word for word, with the keyword that governs it."""

    id: str
    clause: str
    keyword: str
    text: str


@dataclass(frozen=True, slots=True)
class ReviewComment:
    """A review comment the change request closes, and the requirements that answer it."""

    id: str
    text: str
    proposed_change: str
    answered_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A point the text leaves open, the reading taken, and the gravest outcome that reading allows."""

    id: str
    text: str
    reading: str
    policy: str


@dataclass(frozen=True, slots=True)
class IcsItem:
    """A question of the implementation conformance statement. `default` is `yes`, `no` or `advertised`."""

    name: str
    question: str
    default: str
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class ReviewRule:
    """What the claims of these roles have to fulfil: where `when` holds, `demands` has to; both are expressions."""

    roles: tuple[Role, ...]
    demands: str
    text: str
    source: str
    when: str = ""


def natural_order(identifier: str) -> tuple[tuple[str, int], ...]:
    """Sort key that puts `OP02-S2` before `OP02-S10`."""
    return tuple((word, int(number or 0)) for word, number in re.findall(r"(\D*)(\d*)", identifier))
