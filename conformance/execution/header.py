"""What a report says of what was tested: the implementations as claimed and as observed, and how they were run."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from conformance.configuration import Configuration
from conformance.imap.errors import ImapProblem
from conformance.imap.wire import WireConnection
from conformance.outcomes import Frozen
from conformance.problems import Problem
from conformance.report import Claim, ClientFacts, Header, Sentence, ServerFacts, Suite
from conformance.scenario.stage import Stage
from conformance.spec import Role, requirement_set_digest, sentences

DOCUMENT = "OMA-COM-CPM-2010-0583, change request to the CPM System Description, 5.5.2.20 Synchronization"


class Observed(Frozen):
    """What is known of the implementations once they are up."""

    server: ServerFacts
    client: ClientFacts | None
    ics: dict[str, Claim]


def observe(stage: Stage, server_name: str) -> Observed:
    """Look at the implementations as they introduce themselves. Connects to the server once."""
    greeting, capabilities = _introduction(stage)
    server = ServerFacts(
        adapter=server_name, identity=stage.server.identify(), greeting=greeting, capabilities=capabilities
    )
    return Observed(server=server, client=_client_facts(stage), ics=_ics(stage, capabilities))


def _introduction(stage: Stage) -> tuple[str, tuple[str, ...]]:
    try:
        account = stage.server.fresh_account()
        try:
            with WireConnection.open(account.endpoint, timeout=stage.bounds.answer) as connection:
                connection.authenticate(account.credentials)
                return connection.greeting.text, tuple(sorted(connection.capabilities()))
        finally:
            stage.server.release(account)
    except ImapProblem as problem:
        return f"(no introduction: {problem})", ()


def unanswered(stage: Stage) -> str | None:
    """Why the server answers no more, or None if a login and a command still work."""
    try:
        account = stage.server.fresh_account()
        try:
            with WireConnection.open(account.endpoint, timeout=stage.bounds.answer) as connection:
                connection.authenticate(account.credentials)
                connection.command(b"NOOP").require_ok("NOOP")
        finally:
            stage.server.release(account)
    except (ImapProblem, Problem) as problem:
        return str(problem)
    return None


def _client_facts(stage: Stage) -> ClientFacts | None:
    identity = stage.identity
    if stage.client is None or identity is None:
        return None
    return ClientFacts(
        adapter=stage.client.name,
        name=identity.name,
        version=identity.version,
        equality=identity.equality.value,
        remark=identity.remark,
    )


def _ics(stage: Stage, capabilities: tuple[str, ...]) -> dict[str, Claim]:
    said = dict(stage.identity.claims) if stage.identity else {}
    claims = {}
    for role, claimed_by_role in stage.claims.items():
        for name, claimed in sorted(claimed_by_role.items()):
            declared = name in stage.overrides or (role is Role.CLIENT and name in said)
            observed = name in capabilities
            source = "declared" if declared else "observed" if observed else "default"
            claims[name] = Claim(claimed=claimed or observed, source=source)
    return claims


def header_of(configuration: Configuration, observed: Observed | None, roles: frozenset[Role]) -> Header:
    """The report's header."""
    shown = configuration.redacted()
    bounds = ("synchronize_timeout", "answer_timeout", "runs_to_converge", "trigger_period", "trigger_tolerance")
    kept = (*bounds, "server_options", "client_options", "server")
    return Header(
        suite=Suite(name="cpm-conformance", version=suite_version()),
        requirement_set=requirement_set_digest(),
        document=DOCUMENT,
        sentences=tuple(Sentence(id=each.id, clause=each.clause, text=each.text) for each in sentences()),
        server=observed.server if observed else None,
        client=observed.client if observed else None,
        roles=_roles(roles),
        ics=observed.ics if observed else {},
        pixit={key: shown[key] for key in kept},
        profile=configuration.profile.value,
        seed=configuration.seed,
        selection=configuration.select,
    )


def _roles(roles: frozenset[Role]) -> tuple[Literal["server", "client"], ...]:
    names: dict[Role, Literal["server", "client"]] = {Role.SERVER: "server", Role.CLIENT: "client"}
    return tuple(name for role, name in names.items() if role in roles)


def suite_version() -> str:
    """The version of the installed distribution."""
    try:
        return version("cpm-sync-conformance")
    except PackageNotFoundError:
        return "unknown"
