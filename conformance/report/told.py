"""What a test case has to say in plain text, bounded and with nothing in it that could act on a reader's program."""

from __future__ import annotations

from conformance.outcomes import CaseResult, Finding, Outcome, Reason
from conformance.report.text import one_line, shortened
from conformance.report.wording import REASONS, word

LONGEST_PART, MOST_FINDINGS = 4_000, 50
_NOBODY_ASKED = (Reason.NOT_SELECTED, Reason.ROLE_NOT_TESTED, Reason.EXCLUDED)


def is_undecided(case: CaseResult) -> bool:
    """Whether a case that was asked for has no result that counts: never green."""
    asked_for = case.outcome is Outcome.NOT_RUN and case.reason not in _NOBODY_ASKED
    return case.outcome is Outcome.INCONCLUSIVE or asked_for


def reason_code(case: CaseResult) -> str:
    """The code of why the case is not a plain pass."""
    return str(case.reason or "unknown")


def message(case: CaseResult) -> str:
    """Why the case is not a plain pass, in one line: the code, then words."""
    return f"{reason_code(case)}: {REASONS[case.reason] if case.reason else word(case.outcome)}"


def details(case: CaseResult) -> str:
    """Expected and observed, of each finding that is no pass, and the error of the suite if there was one."""
    judged = [finding for finding in case.findings if finding.outcome is not Outcome.PASS]
    blocks = [finding_text(finding) for finding in judged[:MOST_FINDINGS]]
    if len(judged) > MOST_FINDINGS:
        blocks.append(f"and {len(judged) - MOST_FINDINGS} more findings in report.json")
    if not blocks:
        blocks = [_block(" ".join(case.requirements), case.expected, case.observed)]
    if case.error:
        blocks.append(shortened(case.error, LONGEST_PART))
    return "\n\n".join(blocks)


def finding_text(finding: Finding) -> str:
    """One finding: its requirement, what was expected and observed, what decided it, and why it is known if it is."""
    lines = [_block(finding.requirement, finding.expected, finding.observed)]
    if finding.deciding:
        lines.append(f"wire: {shortened(finding.deciding.transcript)} entry {finding.deciding.entry}")
    if finding.known:
        lines.append(f"known: {one_line(' '.join(filter(None, (finding.known.why, finding.known.issue))))}")
    return "\n".join(lines)


def _block(requirement: str, expected: str, observed: str) -> str:
    parts = (f"expected: {shortened(expected, LONGEST_PART)}", f"observed: {shortened(observed, LONGEST_PART)}")
    return "\n".join((requirement, *parts))
