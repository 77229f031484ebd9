"""Reports: from the results of test cases to report.json, and from that to everything that people and machines read."""

from __future__ import annotations

from conformance.report.aggregation import exit_code
from conformance.report.assembly import assemble
from conformance.report.console import verdict_lines
from conformance.report.files import Files, write
from conformance.report.model import (
    Ambiguity,
    Claim,
    ClientFacts,
    Header,
    Report,
    RequirementResult,
    Reviewed,
    Sentence,
    ServerFacts,
    Shards,
    Suite,
    Verdicts,
    Volatile,
)
from conformance.report.reader import read_report as read

__all__ = [
    "Ambiguity",
    "Claim",
    "ClientFacts",
    "Files",
    "Header",
    "Report",
    "RequirementResult",
    "Reviewed",
    "Sentence",
    "ServerFacts",
    "Shards",
    "Suite",
    "Verdicts",
    "Volatile",
    "assemble",
    "exit_code",
    "read",
    "verdict_lines",
    "write",
]
