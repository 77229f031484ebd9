"""Tests of report.json: canonical, whole or refused, free of secrets, and true to its shipped schema."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conformance.outcomes import Outcome
from conformance.problems import ConfigurationProblem
from conformance.report import Volatile, assemble, read, write
from conformance.report.canonical import as_json, canonical, digest
from conformance.report.files import NAMES
from conformance.report.schema import SCHEMA_FILE, schema
from conformance.report.writer import write_json, write_whole
from conformance.selftest.report_examples import MadeUpRequirement, case, every_case, every_outcome, finding, header
from conformance.spec import requirements

KEYS = {"format", "header", "requirements", "cases", "verdict", "volatile", "footer"}


def content() -> dict[str, Any]:
    """The JSON values of a report with every outcome."""
    return as_json(every_outcome())


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Writing and reading give the same report, and nothing else is left in the directory."""
    files = write(every_outcome(), tmp_path / "new")
    assert read(files.json) == every_outcome()
    assert set(files.json.parent.iterdir()) == set(files)
    assert [Path(file.name) for file in files] == list(NAMES)


def test_the_form_is_canonical(tmp_path: Path) -> None:
    """Sorted keys, two spaces, UTF-8 and a newline at the end; the order of the cases does not matter."""
    write_json(every_outcome(), tmp_path / "report.json")
    octets = (tmp_path / "report.json").read_bytes()
    assert octets.decode() == canonical(json.loads(octets))
    assert octets.startswith(b'{\n  "baseline": null,\n  "cases": [\n')
    assert set(json.loads(octets)) == KEYS | {"baseline"}


def test_the_digest_ignores_what_is_volatile() -> None:
    """Times may differ between equal runs; outcomes may not."""
    made, requirement = case("one", finding("SYN-1", Outcome.PASS), duration=1.0), MadeUpRequirement("SYN-1")
    first = assemble(header("client"), [made], [requirement], Volatile(started="now"))
    later = assemble(header("client"), [made.model_copy(update={"duration": 2.0})], [requirement], Volatile())
    other = assemble(header("client", seed=8), [made], [requirement], Volatile())
    assert first.footer.digest == later.footer.digest != other.footer.digest


def change(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    """A change of one value of a report."""

    def apply(values: Any) -> None:
        for step in path[:-1]:
            values = values[step]
        values[path[-1]] = to

    return apply


def redo_digest(apply: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """The same change by someone who also mends the digest."""

    def both(values: dict[str, Any]) -> None:
        apply(values)
        values["footer"]["digest"] = digest(values)

    return both


@pytest.mark.parametrize(
    ("apply", "words"),
    [
        (lambda values: values.pop("footer"), "has no footer"),
        (change("format", to="cpm-conformance-report/9"), "has the format 'cpm-conformance-report/9', newer than"),
        (change("format", to="cpm-conformance-report/none"), "has the format 'cpm-conformance-report/none', not"),
        (change("format", to=["cpm"]), "is no report of this suite"),
        (change("format", to="another/1"), "is no report of this suite"),
        (redo_digest(change("header", "seed", to="7")), "at header.seed"),
        (redo_digest(change("header", "shards", to={"of": 10**9, "present": [1]})), "at header.shards.of"),
        (redo_digest(change("header", "shards", to={"of": 2, "present": []})), "at header.shards.present"),
        (redo_digest(change("header", "shards", to={"of": 2, "present": [3]})), "numbered from 1 to 2"),
        (redo_digest(change("header", "shards", to={"of": 2, "present": [2, 1]})), "numbered from 1 to 2"),
        (redo_digest(change("volatile", "seconds", to=True)), "at volatile.seconds"),
        (redo_digest(change("cases", 0, "findings", to={"a": 1})), "at cases.0.findings"),
        (change("requirements", 0, "outcome", to="fail"), "was altered"),
        (change("footer", "digest", to="sha256:0"), "was altered"),
        (redo_digest(change("cases", 0, "outcome", to="excellent")), "at cases.0.outcome"),
        (redo_digest(change("header", "surprise", to=1)), "at header.surprise"),
        (change("footer", "cases", to=1), "counts other cases"),
        (redo_digest(change("verdict", "overall", to="conformant")), "does not follow"),
        (redo_digest(change("requirements", 0, "cases", to=["nowhere"])), "which is not in the report"),
    ],
)
def test_altered_reports_are_refused(apply: Callable[[dict[str, Any]], None], words: str, tmp_path: Path) -> None:
    """Every alteration ends as one clear problem that says how to mend it."""
    values = content()
    apply(values)
    file = tmp_path / "report.json"
    file.write_text(canonical(values), encoding="utf-8")
    with pytest.raises(ConfigurationProblem, match=words) as caught:
        read(file)
    assert caught.value.mend


NO_REPORT = {
    "empty": b"",
    "list": b"[]",
    "null": b"null",
    "not UTF-8": b"\xff\xfe",
    "NaN": b'{"format": NaN}',
    "greater than any number": b'{"format": 1e999}',
    "a long number": b'{"format": %s}' % (b"9" * 100_000),
    "nested without end": b"[" * 100_000,
    "a key twice": b'{"format": "cpm-conformance-report/1", "format": "cpm-conformance-report/1"}',
    "half a character": b'{"format": "cpm-conformance-report/1", "footer": {}, "header": "\\ud800"}',
    "another kind": b'{"openapi": "3.1.0"}',
    "nonsense without end": b"x" * 10_000_000,
}


@pytest.mark.parametrize("octets", NO_REPORT.values(), ids=list(NO_REPORT))
def test_what_is_no_report_is_refused(octets: bytes, tmp_path: Path) -> None:
    """Anything that is not a JSON object in UTF-8 is refused without a traceback."""
    file = tmp_path / "report.json"
    file.write_bytes(octets)
    with pytest.raises(ConfigurationProblem):
        read(file)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    """A report cut anywhere is never taken for a whole one."""
    whole = canonical(content())
    file = tmp_path / "report.json"
    for length in range(0, len(whole.rstrip()), 997):
        file.write_text(whole[:length], encoding="utf-8")
        with pytest.raises(ConfigurationProblem, match="truncated"):
            read(file)


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    """The problem names the file."""
    with pytest.raises(ConfigurationProblem, match=r"nothing\.json cannot be read"):
        read(tmp_path / "nothing.json")


def test_a_directory_is_a_problem(tmp_path: Path) -> None:
    """The problem names the directory and asks for a file."""
    with pytest.raises(ConfigurationProblem, match="cannot be read: Is a directory"):
        read(tmp_path)


def test_a_file_without_end_is_a_problem(tmp_path: Path) -> None:
    """A pipe is never waited for, nor is a device read."""
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ConfigurationProblem, match="no regular file"):
            read(file)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """A file is replaced whole or not at all, and no remains lie about."""
    file = tmp_path / "report.json"
    write_whole(file, "whole")
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "half \ud800")
    assert file.read_text(encoding="utf-8") == "whole"
    assert list(tmp_path.iterdir()) == [file]


def test_whoever_reads_meanwhile_sees_the_old_file(tmp_path: Path) -> None:
    """A new file takes the place of the old one; nobody ever sees a part of it."""
    file = tmp_path / "report.json"
    write_whole(file, "old")
    with file.open(encoding="utf-8") as reader:
        write_whole(file, "new")
        assert reader.read() == "old"
    assert file.read_text(encoding="utf-8") == "new"


def test_text_that_utf8_cannot_hold_is_spelled_out(tmp_path: Path) -> None:
    """A file name of a client that is not UTF-8 does not cost the run its report."""
    odd = case("one", finding("SYN-1", Outcome.FAIL, observed="folder \udcff"), steps=("\ud800",))
    made = assemble(header("client"), [odd], [MadeUpRequirement("SYN-1")], Volatile(facts={"path": "\udcfe"}))
    again = read(write(made, tmp_path).json)
    assert again.cases[0].findings[0].observed == "folder \\udcff"


def test_secrets_are_masked_wherever_the_run_put_them() -> None:
    """A password that slipped into an identity, a setting, an observation or a fact never reaches the report."""
    secret = "s3cr3t&pass"
    cases = [
        case("one", finding("SYN-1", Outcome.FAIL, observed=f"sent LOGIN me {secret}"), error=secret, steps=(secret,))
    ]
    made = assemble(
        header("client", pixit={"password": secret, "deep": [{"url": f"imap://me:{secret}@host"}]}),
        cases,
        [MadeUpRequirement("SYN-1")],
        Volatile(facts={"url": secret}),
        secrets=["", secret],
    )
    text = canonical(as_json(made))
    assert secret not in text
    assert made.cases[0].findings[0].observed == "sent LOGIN me ***"
    assert made.requirements[0].outcome is Outcome.FAIL


def test_a_secret_that_is_a_common_word_changes_no_name() -> None:
    """Ids, outcomes and the words of the standard stay, whatever the password is."""
    made = assemble(
        header("client"), [case("one", finding("SYN-1", Outcome.PASS))], [MadeUpRequirement("SYN-1")], Volatile(),
        secrets=["pass", "one", "SYN", "storage"],
    )  # fmt: skip
    assert made.cases[0].findings[0].requirement == "SYN-1"
    assert made.cases[0].outcome is Outcome.PASS
    assert "storage" in made.header.sentences[0].text


def test_the_shipped_schema_is_the_generated_one() -> None:
    """`conformance.report.schema.write_schema` brings the file up to date."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == canonical(schema())


def test_reports_fit_the_schema() -> None:
    """The schema is valid, accepts a report with every outcome, and refuses one that lacks a part."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    validator.check_schema(validator.schema)
    validator.validate(content())
    for key in KEYS:
        broken = content()
        del broken[key]
        assert not validator.is_valid(broken)


def test_the_real_requirements_make_a_report() -> None:
    """The shipped requirement set fits; without any case, nothing is established."""
    made = assemble(header("server", "client"), [], requirements(), Volatile())
    assert len(made.requirements) == len(requirements())
    assert {one.outcome for one in made.requirements} == {Outcome.NOT_RUN}
    assert any(one.source.startswith("derived from") for one in made.requirements)


def test_every_case_names_known_outcomes() -> None:
    """The made-up cases hold every outcome, so that the tests of the forms see each."""
    assert {each.outcome for each in every_case()} == set(Outcome)
