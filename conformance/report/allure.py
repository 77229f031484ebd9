"""Results for Allure Report, made from report.json alone: the same files on every machine, for any number of workers.

Epic, feature and story are role, section and clause; each operation is a step, and so is each judgement.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import md5
from pathlib import Path
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from conformance.outcomes import CaseResult, Deciding, Finding, Outcome, Reason
from conformance.report.allure_files import categories, properties
from conformance.report.model import Report
from conformance.report.text import in_markdown, one_line, shortened
from conformance.report.told import details, finding_text, is_undecided, message
from conformance.report.transcripts import Transcripts, WireLine, link_to
from conformance.report.wording import LEVELS, VERDICTS, subject, verdict_of, word
from conformance.spec.records import natural_order
from conformance.spec.sections import heading, section_of

DIRECTORY, TITLE = "allure-results", "CPM message storage"
STATUSES = {
    Outcome.PASS: "passed",
    Outcome.WARN: "passed",
    Outcome.FAIL: "failed",
    Outcome.INCONCLUSIVE: "broken",
    Outcome.ERROR: "broken",
    Outcome.NOT_APPLICABLE: "skipped",
    Outcome.NOT_RUN: "skipped",
}
_SEVERITIES = dict(zip(LEVELS, ("critical", "normal", "minor", "trivial"), strict=True))
_MOST_STEPS = 1_000
_PARAMETER = re.compile(r"\[.*\]$", re.DOTALL)
_REPLAYED = re.compile(r"counterexamples/[\w.-]+\.json")

Attachment = dict[str, str]


class Demand(NamedTuple):
    """What Allure is told of a requirement."""

    id: str
    clause: str
    level: str
    keyword: str
    text: str
    source: str


def demands_of(report: Report) -> dict[str, Demand]:
    """The requirements of a report by id."""
    return {
        one.id: Demand(one.id, one.clause, one.level, one.keyword, one.text, one.source) for one in report.requirements
    }


def write_allure(report: Report, place: Path) -> Path:
    """Write a fresh `allure-results` below `place`, where report.json and the transcripts stand; returns it."""
    final = place / DIRECTORY
    partial = place / f".{DIRECTORY}.{os.getpid()}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _Writer(report, place, partial).write()
        shutil.rmtree(final, ignore_errors=True)
        partial.replace(final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return final


class _Writer:
    """Writes the results of one report into a directory. Names of files are the same for the same report."""

    def __init__(self, report: Report, source: Path, target: Path) -> None:
        self.report, self.source, self.target = report, source, target
        self.demands = demands_of(report)
        self.transcripts = Transcripts(source)
        self.start = _milliseconds(report.volatile.started)
        self.run = f"{report.footer.digest} {report.volatile.started}"
        self._copied: dict[str, str] = {}

    def write(self) -> None:
        """All files."""
        for case in self.report.cases:
            made = content(case, self.demands) | self._times(case) | {"attachments": self._attachments(case)}
            identity = {"uuid": self._uuid(case.id)}
            self._put(f"{identity['uuid']}-result.json", json.dumps(identity | made, ensure_ascii=False))
        # Allure 2 takes the first by itself; Allure 3 takes the second with --config.
        self._put("categories.json", json.dumps(categories(), indent=2))
        self._put("allurerc.json", json.dumps({"name": TITLE, "categories": categories()}, indent=2))
        self._put("environment.properties", properties(_environment(self.report)))

    def _uuid(self, name: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"{self.run} {name}"))

    def _put(self, name: str, text: str) -> str:
        (self.target / name).write_text(text, "utf-8", newline="\n")
        return name

    def _times(self, case: CaseResult) -> dict[str, int]:
        if self.start is None:
            return {}
        lasted = round(1000 * self.report.volatile.durations.get(case.id, 0.0))
        return {"start": self.start, "stop": self.start + lasted}

    def _attachments(self, case: CaseResult) -> list[Attachment]:
        texts = {f"clause text of {each}": self._clause(each) for each in case.requirements if each in self.demands}
        texts |= {f"wire, {name}": self._text(case, name, text) for name, text in self._excerpts(case)}
        if case.remarks:
            texts["remarks"] = self._text(case, "remarks", "\n".join(shortened(each) for each in case.remarks))
        if case.replay:
            texts["replay"] = self._text(case, "replay", shortened(case.replay, 2_000))
        found = [_attachment(name, source, "text/plain") for name, source in texts.items()]
        if case.examples:
            told = json.dumps(case.examples.model_dump(), indent=2, sort_keys=True)
            found.append(_attachment("examples", self._data(case, "examples", told), "application/json"))
        return [*found, *self._files(case)]

    def _clause(self, requirement: str) -> str:
        if requirement not in self._copied:
            demand = self.demands[requirement]
            told = f"{demand.clause}, {demand.keyword}\n\n{demand.text}\n\n{demand.source}\n"
            self._copied[requirement] = self._put(f"{self._uuid(requirement)}-attachment.txt", told)
        return self._copied[requirement]

    def _text(self, case: CaseResult, kind: str, text: str) -> str:
        return self._put(f"{self._uuid(f'{case.id} {kind}')}-attachment.txt", f"{text}\n")

    def _data(self, case: CaseResult, kind: str, text: str) -> str:
        return self._put(f"{self._uuid(f'{case.id} {kind}')}-attachment.json", text)

    def _excerpts(self, case: CaseResult) -> Iterator[tuple[str, str]]:
        """The lines around each entry that decided against the case."""
        deciding = [case.deciding, *(each.deciding for each in case.findings if each.outcome is not Outcome.PASS)]
        for each in dict.fromkeys(each for each in deciding if isinstance(each, Deciding)):
            lines = self.transcripts.excerpt(each.transcript, each.entry) or ()
            if lines:
                yield f"entry {each.entry}", "\n".join(map(_line, lines))

    def _files(self, case: CaseResult) -> Iterator[Attachment]:
        replayed = _REPLAYED.search(case.replay or "")
        for name, path, media, suffix in (
            ("transcript", case.transcript, "text/plain", "txt"),
            ("counterexample", replayed[0] if replayed else None, "application/json", "json"),
        ):
            target = f"{self._uuid(f'{case.id} {name}')}-attachment.{suffix}"
            if path and link_to(path) and _duplicate(self.source / path, self.target / target):
                yield _attachment(name, target, media)


def content(case: CaseResult, demands: Mapping[str, Demand]) -> dict[str, Any]:
    """What Allure is told of a case besides times, attachments and its uuid."""
    labels = _labels(case, demands)
    return {
        "name": one_line(case.title or case.id),
        "fullName": f"conformance.cases#{one_line(case.id)}",
        "historyId": _hash(case.id),
        "testCaseId": _hash(_PARAMETER.sub("", case.id)),
        "titlePath": [each["value"] for each in labels if each["name"] in ("epic", "feature")],
        "description": _description(case, demands),
        "labels": labels,
        "steps": [*_operations(case), *(_judgement(each) for each in case.findings)],
        **_about(case),
    }


def _about(case: CaseResult) -> dict[str, Any]:
    status = "broken" if is_undecided(case) else STATUSES[case.outcome]
    if case.outcome is Outcome.PASS:
        return {"status": status}
    failures = [each for each in case.findings if each.outcome is Outcome.FAIL]
    known = bool(failures) and all(each.known for each in failures)
    told = {"message": message(case), "trace": details(case), "flaky": case.reason is Reason.FLAKY, "known": known}
    return {"status": status, "statusDetails": told}


def _labels(case: CaseResult, demands: Mapping[str, Demand]) -> list[dict[str, str]]:
    judged = [demands[each] for each in case.requirements if each in demands]
    role = f"Message storage {case.role or 'server and client'}"
    # The tree of features and stories is a product of the two, so all stories are of one feature.
    section = section_of(judged[0].clause) if judged else "no requirement"
    stories = sorted({each.clause for each in judged if section_of(each.clause) == section}, key=natural_order)
    level = min((each.level for each in judged), key=LEVELS.index, default="informative")
    pairs = [("epic", role), ("feature", heading(section)), *(("story", each) for each in stories)]
    pairs += [("severity", _SEVERITIES[level]), ("parentSuite", role), ("suite", heading(section))]
    pairs += [("tag", each) for each in case.requirements]
    pairs += [("framework", "cpm-conformance"), ("package", "conformance.cases")]
    return [{"name": name, "value": one_line(value)} for name, value in pairs]


def _description(case: CaseResult, demands: Mapping[str, Demand]) -> str:
    """The sentences that are judged; Allure reads it as Markdown, and all of it is the suite's own."""
    judged = [demands[each] for each in case.requirements if each in demands]
    return "\n".join(
        f"- `{each.id}` ({each.clause}, {each.keyword}): {in_markdown(each.text, 2_000)}" for each in judged
    )


def _operations(case: CaseResult) -> Iterator[dict[str, str]]:
    for each in case.steps[:_MOST_STEPS]:
        yield {"name": one_line(each), "status": "passed"}
    if len(case.steps) > _MOST_STEPS:
        yield {"name": f"and {len(case.steps) - _MOST_STEPS} more, in report.json", "status": "passed"}


def _judgement(finding: Finding) -> dict[str, Any]:
    made: dict[str, Any] = {"name": f"{finding.requirement}: {word(finding.outcome)}"}
    made["status"] = STATUSES[finding.outcome]
    if finding.outcome is not Outcome.PASS:
        told = f"{finding.reason or 'unknown'}: {one_line(finding.observed)}"
        made["statusDetails"] = {"message": told, "trace": finding_text(finding)}
    return made


def _environment(report: Report) -> Iterable[tuple[str, str]]:
    header = report.header
    yield "Suite", f"{header.suite.name} {header.suite.version}"
    yield "Document", header.document
    yield "Requirement set", header.requirement_set
    for role in header.roles:
        yield role.capitalize(), subject(report, role).removeprefix("The ")
        yield f"Verdict of the {role}", VERDICTS[verdict_of(report, role)]
    if header.server:
        yield "Capabilities", " ".join(header.server.capabilities)
    yield "Profile", header.profile
    yield "Seed", str(header.seed)


def _line(line: WireLine) -> str:
    return shortened(f"{'→' if line.decided else ' '} {line.number or ''} {line.direction} {line.text}")


def _attachment(name: str, source: str, media: str) -> Attachment:
    return {"name": name, "source": source, "type": media}


def _duplicate(source: Path, target: Path) -> bool:
    """Link a file, or copy it where links cannot be made; false where there is none."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        return False
    except OSError:
        shutil.copyfile(source, target)
    return True


def _hash(text: str) -> str:
    return md5(text.encode("utf-8", "backslashreplace"), usedforsecurity=False).hexdigest()


def _milliseconds(moment: str) -> int | None:
    try:
        return round(1000 * datetime.fromisoformat(moment).timestamp())
    except ValueError:
        return None
