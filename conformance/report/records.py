"""What a report needs of the requirement records: the shape alone, so that a report can be made of any set of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, Protocol

Level = Literal["mandatory", "recommended", "optional", "informative"]


class ExclusionRecord(Protocol):
    """Why a requirement is not tested at all."""

    @property
    def kind(self) -> str: ...

    @property
    def why(self) -> str: ...


class QuoteRecord(Protocol):
    """Words of a document that a requirement rests on."""

    @property
    def document(self) -> str: ...

    @property
    def section(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def text(self) -> str: ...


class RequirementRecord(Protocol):
    """One atomic demand of the standard.

    `roles` holds `client`, `server` or both. `rests_on` is the worst outcome that its words can carry: `fail`, `warn`,
    `inconclusive` or `record`. `wrong` names plausible wrong implementations. `planned` is true as long as it has no
    test case.
    """

    @property
    def id(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def clause(self) -> str: ...

    @property
    def roles(self) -> Collection[str]: ...

    @property
    def keyword(self) -> str: ...

    @property
    def level(self) -> str: ...

    @property
    def sentence(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def provenance(self) -> str: ...

    @property
    def rests_on(self) -> str: ...

    @property
    def remark(self) -> str | None: ...

    @property
    def quotes(self) -> Sequence[QuoteRecord]: ...

    @property
    def derivation(self) -> Sequence[str]: ...

    @property
    def condition(self) -> str: ...

    @property
    def ambiguities(self) -> Collection[str]: ...

    @property
    def wrong(self) -> Sequence[str]: ...

    @property
    def excluded(self) -> ExclusionRecord | None: ...

    @property
    def planned(self) -> bool: ...
