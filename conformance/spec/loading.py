"""Reads the specification data that ships with the package, once, and finds records by id."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from conformance.spec.records import (
    Ambiguity,
    Basis,
    Exclusion,
    IcsItem,
    Level,
    Quote,
    Requirement,
    ReviewComment,
    ReviewRule,
    Role,
    Sentence,
    natural_order,
)

DATA = Path(__file__).parent


class SpecificationError(ValueError):
    """The specification data cannot be read; says which file and what is wrong."""


class UnknownRequirement(LookupError):
    """No requirement has the id; says which are nearest."""


@dataclass(frozen=True, slots=True)
class Specification:
    """Everything that is pinned: records, sentences, comments, ambiguities, ICS items, review rules, the two texts."""

    requirements: tuple[Requirement, ...]
    sentences: tuple[Sentence, ...]
    comments: tuple[ReviewComment, ...]
    ambiguities: tuple[Ambiguity, ...]
    ics: tuple[IcsItem, ...]
    review_rules: tuple[ReviewRule, ...]
    expected_ids: tuple[str, ...]
    change_request: str = field(repr=False)
    rfc3501: str = field(repr=False)


def load(directory: Path = DATA) -> Specification:
    """Read a specification directory. Raises `SpecificationError` for a file that is missing or malformed."""
    records = [
        _requirement(path, table)
        for path in sorted((directory / "requirements").glob("*.toml"))
        for table in _tables(path, "requirement")
    ]
    sentences = directory / "sentences.toml"
    return Specification(
        requirements=tuple(sorted(records, key=lambda record: natural_order(record.id))),
        sentences=tuple(Sentence(**table) for table in _tables(sentences, "sentence")),
        comments=tuple(
            ReviewComment(**{**table, "answered_by": tuple(table["answered_by"])})
            for table in _tables(sentences, "comment")
        ),
        ambiguities=tuple(Ambiguity(**table) for table in _tables(directory / "ambiguities.toml", "ambiguity")),
        ics=tuple(
            IcsItem(**{**table, "roles": tuple(map(Role, table["roles"]))})
            for table in _tables(directory / "ics.toml", "item")
        ),
        review_rules=tuple(
            ReviewRule(**{**table, "roles": tuple(map(Role, table["roles"]))})
            for table in _tables(directory / "static_review.toml", "rule")
        ),
        expected_ids=tuple(_text(directory / "expected-ids.txt").split()),
        change_request=_text(directory / "pinned" / "change-request-5.5.2.20.txt"),
        rfc3501=_text(directory / "pinned" / "rfc3501.txt"),
    )


@cache
def specification() -> Specification:
    """The specification that ships with the package."""
    return load()


def requirements() -> tuple[Requirement, ...]:
    """All requirements, sorted by id."""
    return specification().requirements


def requirement(identifier: str) -> Requirement:
    """The requirement with this id. Raises `UnknownRequirement`, which names the nearest ids."""
    found = _by_id().get(identifier)
    if found is None:
        import difflib  # only an error needs it

        near = difflib.get_close_matches(identifier.upper(), _by_id(), n=3, cutoff=0.5)
        hint = f"nearest: {', '.join(near)}" if near else "ids look like SYN-406 or OP02-S1"
        raise UnknownRequirement(f"no requirement {identifier!r}; {hint}")
    return found


def sentences() -> tuple[Sentence, ...]:
    """The pinned sentences of 5.5.2.20, in the order of the text."""
    return specification().sentences


def comments() -> tuple[ReviewComment, ...]:
    """The review comments 5.5.2.20 answers."""
    return specification().comments


def ambiguities() -> tuple[Ambiguity, ...]:
    """What the text leaves open, and the reading taken."""
    return specification().ambiguities


def ics_items() -> tuple[IcsItem, ...]:
    """The closed list of items an implementation conformance statement may name."""
    return specification().ics


def review_rules() -> tuple[ReviewRule, ...]:
    """The rules of the static review of an implementation conformance statement."""
    return specification().review_rules


@cache
def requirement_set_digest() -> str:
    """SHA-256 (hex) over sentences, comments, requirements, ambiguities and ICS items in canonical form."""
    spec = specification()
    parts = (spec.sentences, spec.comments, spec.requirements, spec.ambiguities, spec.ics)
    content = [[_settled(asdict(record)) for record in part] for part in parts]
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@cache
def _by_id() -> dict[str, Requirement]:
    return {record.id: record for record in requirements()}


def _settled(record: dict[str, Any]) -> dict[str, Any]:
    """Without `planned`, which says how far the suite is, not what is demanded."""
    return {key: value for key, value in record.items() if key != "planned"}


def _requirement(path: Path, table: dict[str, Any]) -> Requirement:
    try:
        quotes = tuple(Quote(**quote) for quote in table.pop("quotes"))
        excluded = table.pop("excluded", None)
        table.update({key: tuple(table.get(key, ())) for key in ("ambiguities", "derivation", "wrong")})
        return Requirement(
            roles=tuple(Role(role) for role in table.pop("roles")),
            level=Level(table.pop("level")),
            rests_on=Basis(table.pop("rests_on")),
            sentence=table.pop("sentence", "") or " […] ".join(quote.text for quote in quotes),
            quotes=quotes,
            excluded=Exclusion(**excluded) if excluded else None,
            **table,
        )
    except (TypeError, KeyError, ValueError) as error:
        raise SpecificationError(f"{path.name}: requirement {table.get('id', '(no id)')}: {error}") from error


def _tables(path: Path, key: str) -> list[dict[str, Any]]:
    try:
        tables = tomllib.loads(_text(path))[key]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise SpecificationError(f"{path.name}: no readable [[{key}]] tables: {error}") from error
    return [{name: _folded(value) for name, value in table.items()} for table in tables]


def _folded(value: Any) -> Any:
    """White space in texts of several lines carries no meaning."""
    return " ".join(value.split()) if isinstance(value, str) else value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecificationError(f"{path}: cannot be read: {error.strerror}; reinstall the package") from error
