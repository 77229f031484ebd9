"""The specification data loads, is found by id, and says what it is said to say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import conformance.spec as spec
from conformance.spec import Basis, Level, Quote, Role, loading
from conformance.spec.loading import DATA
from conformance.spec.records import natural_order


def test_every_record_is_complete() -> None:
    """No record leaves out what the generated test specification prints."""
    for record in spec.requirements():
        fields = (record.title, record.sentence, record.quotes, record.stimulus, record.pass_criterion, record.source)
        assert all(fields), record.id
        assert record.wrong or record.excluded, f"{record.id} names no wrong implementation"


def test_requirements_are_sorted_by_number() -> None:
    """OP02-S2 stands before OP02-S10, and operations before synchronization."""
    identifiers = [record.id for record in spec.requirements()]
    assert identifiers == sorted(identifiers, key=natural_order)
    assert identifiers.index("OP02-S2") < identifiers.index("OP02-S10") < identifiers.index("SYN-101")


def test_verbatim_sentence_is_the_quote() -> None:
    """A record without a sentence of its own shows the pinned words."""
    record = spec.requirement("SYN-406")
    words = "remove from local storage all the objects that have been removed from the Message Storage Server"
    assert record.sentence == words
    assert record.source == "CR OMA-COM-CPM-2010-0583, step 3c"
    assert (record.level, record.rests_on, record.roles) == (Level.MANDATORY, Basis.FAIL, (Role.CLIENT,))


@pytest.mark.parametrize(
    ("section", "place"),
    [("5.5.2.20-p1", "paragraph 1"), ("5.5.2.20-note", "NOTE to step 3f"), ("C316", "comment C316")],
)
def test_source_names_the_place(section: str, place: str) -> None:
    """Paragraphs, the NOTE and review comments are named in words."""
    assert Quote("words", "5.5.2.20", section).source == f"CR OMA-COM-CPM-2010-0583, {place}"


def test_unknown_id_names_the_nearest() -> None:
    """A mistyped id is answered with the ids it may have meant."""
    with pytest.raises(spec.UnknownRequirement, match=r"'SYN-46'; nearest: .*SYN-406"):
        spec.requirement("SYN-46")
    with pytest.raises(spec.UnknownRequirement, match="ids look like"):
        spec.requirement("~~~~")


@pytest.mark.parametrize(
    ("condition", "claimed", "holds"),
    [
        ("", "", "yes"),
        ("CONDSTORE", "CONDSTORE", "yes"),
        ("CONDSTORE", "", "no"),
        ("A or B and C", "B", "no"),
        ("A or B and C", "B C", "yes"),
        ("A or B and C", "A", "yes"),
        ("not UIDPLUS", "", "yes"),
        ("not UIDPLUS", "UIDPLUS", "no"),
    ],
)
def test_condition_is_evaluated_over_the_claims(condition: str, claimed: str, holds: str) -> None:
    """Conditions are names joined by and, or, not; and binds stronger."""
    record = replace(spec.requirement("OP02-S5"), condition=condition)
    assert record.applies(claimed.split()) is (holds == "yes")


def test_strength_follows_the_keyword() -> None:
    """SHOULD and NOTE never fail anybody; weak provenance never does either."""
    for record in spec.requirements():
        if record.keyword in ("SHOULD", "NOTE") or record.provenance.startswith("reconstructed"):
            assert record.rests_on is not Basis.FAIL, record.id
        if record.keyword == "SHOULD":
            assert record.level is Level.RECOMMENDED, record.id


def test_sentences_cover_every_clause_once() -> None:
    """Paragraphs 1 to 3 hold two sentences each; every step and the NOTE hold one."""
    clauses = [sentence.clause.removeprefix("5.5.2.20-") for sentence in spec.sentences()]
    assert " ".join(clauses) == "p1 p1 p2 p2 p3 p3 1 2 3 3a 3b 3c 3d 3e 3f note"


def test_digest_is_stable_and_sees_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest is the same in another process, whatever the hash seed, and differs when a word differs."""
    code = "import conformance.spec as s; print(s.requirement_set_digest())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert other.stdout.strip() == spec.requirement_set_digest()
    whole = spec.specification()
    changed = replace(whole, requirements=(replace(whole.requirements[0], remark="other"), *whole.requirements[1:]))
    monkeypatch.setattr(loading, "specification", lambda: changed)
    assert loading.requirement_set_digest.__wrapped__() != spec.requirement_set_digest()


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("requirements/5.5.2.20-scope.toml", 'level = "mandatory"', 'level = "shall"', "SYN-101: 'shall'"),
        ("requirements/5.5.2.20-scope.toml", 'title = "', 'tittle = "', "SYN-101: .*tittle"),
        ("ics.toml", "[[item]]", "[[item]", r"ics\.toml: no readable"),
    ],
)
def test_malformed_data_is_named(tmp_path: Path, file: str, old: str, new: str, complaint: str) -> None:
    """An error in the data names the file, the record and what is wrong."""
    copy = tmp_path / "spec"
    shutil.copytree(DATA, copy)
    path = copy / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(spec.SpecificationError, match=complaint):
        spec.load(copy)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """A directory without data is an error, not an empty specification."""
    with pytest.raises(spec.SpecificationError, match=r"sentences\.toml: cannot be read"):
        spec.load(tmp_path)
