"""What only follows from something that an implementation never does is held against that alone.

A client that uploads nothing does not show whether it can upload to a folder with a special name: the requirement on
uploads is contradicted, the one on names was not exercised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from conformance.outcomes import CaseResult, Finding, Outcome, Reason
from conformance.report.aggregation import case_outcome

_MAY_FOLLOW = re.compile(r" \(may follow from ([^()]+)\)$")


def without_consequences(cases: Sequence[CaseResult]) -> list[CaseResult]:
    """The cases, with each contradiction brought down to `inconclusive` that may follow from what is never done."""
    never = never_done(cases)
    return [_relieved(case, never) for case in cases]


def never_done(cases: Sequence[CaseResult]) -> Set[str]:
    """The requirements that were contradicted by themselves, and that no test case saw met."""
    findings = [finding for case in cases for finding in case.findings]
    contradicted = {each.requirement for each in findings if each.outcome is Outcome.FAIL and not each.follows}
    return contradicted - {each.requirement for each in findings if each.outcome is Outcome.PASS}


def _relieved(case: CaseResult, never: Set[str]) -> CaseResult:
    """One step that is missing can keep a whole synchronization from its effect, so the whole case is relieved."""
    causes = {cause for each in case.findings if each.outcome is Outcome.FAIL for cause in each.follows} & never
    if not causes:
        return case
    told = ", ".join(sorted(causes))
    findings = tuple(_relieved_finding(each, told) for each in case.findings)
    outcome, reason = case_outcome(case, findings)
    remark = f"What was seen here may follow from {told}, which is contradicted wherever it was exercised."
    changed = {"findings": findings, "outcome": outcome, "reason": reason, "remarks": (*case.remarks, remark)}
    return case.model_copy(update=changed)


def relieved_by(finding: Finding) -> Set[str]:
    """The requirements that a finding that was brought down is said to follow from; none of any other finding."""
    found = _MAY_FOLLOW.search(finding.observed)
    brought_down = (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.NOT_EXERCISED) and finding.follows
    return set(found[1].split(", ")) if found and brought_down else set()


def _relieved_finding(finding: Finding, causes: str) -> Finding:
    if finding.outcome is not Outcome.FAIL or not finding.follows:
        return finding
    observed = f"{finding.observed} (may follow from {causes})"
    changed = {"outcome": Outcome.INCONCLUSIVE, "reason": Reason.NOT_EXERCISED, "observed": observed}
    return finding.model_copy(update=changed)
