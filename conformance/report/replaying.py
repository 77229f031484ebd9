"""How a test case is run again: the command line that a report lets one write."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.outcomes import CaseResult
from conformance.report.model import Report

MASKED = "***"


def replay_command(report: Report, case: CaseResult) -> str:
    """The command that the case tells itself, or else a run of this case alone, on the same implementations."""
    return case.replay or " ".join(map(shlex.quote, _words(report, case)))


def _words(report: Report, case: CaseResult) -> Iterator[str]:
    header = report.header
    yield from ("cpm-conformance", "run")
    if header.server:
        yield from ("--server", str(header.pixit.get("server") or header.server.adapter))
    yield from ("--client", _client(header.client.adapter) if header.client else "none")
    if len(header.roles) == 1:
        yield from ("--role", header.roles[0])
    if header.profile:
        yield from ("--profile", header.profile)
    if header.seed is not None:
        yield from ("--seed", str(header.seed))
    yield from _options("server.", header.pixit.get("server_options"))
    yield from _options("", header.pixit.get("client_options"))
    yield from ("--select", case.id.partition("[")[0])


def _client(adapter: str) -> str:
    return "stdio:COMMAND" if adapter == "stdio" else adapter


def _options(scope: str, options: Any) -> Iterator[str]:
    if isinstance(options, Mapping):
        for name, value in sorted(options.items()):
            yield from ("-O", f"{scope}{name}={value}")
