"""What a report says of what was tested: the implementations as claimed and as observed, and how they were run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from conformance.configuration import Configuration
from conformance.execution.statement import as_given
from conformance.execution.static_review import static_review
from conformance.ics import CAPABILITIES, items_of
from conformance.imap.errors import ImapProblem
from conformance.imap.wire import WireConnection
from conformance.outcomes import Frozen
from conformance.problems import Problem
from conformance.report import Ambiguity, Claim, ClientFacts, Header, Sentence, ServerFacts, Shards, Suite
from conformance.scenario.stage import Stage
from conformance.servers.remote import RemoteServer
from conformance.spec import IcsItem, Role, ambiguities, requirement_set_digest, sentences

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
        remark=_with_login(identity.remark, stage),
    )


def _with_login(remark: str, stage: Stage) -> str:
    """A client that does not log in to the server itself is not judged on how it does."""
    if not isinstance(stage.server, RemoteServer) or not stage.server.proxied_login:
        return remark
    told = "shows a password to the suite's proxy, which logs in to the server in another way"
    return f"{remark}; {told}" if remark else told


def _ics(stage: Stage, capabilities: tuple[str, ...]) -> dict[str, Claim]:
    said = dict(stage.identity.claims) if stage.identity else {}
    declared = {Role.SERVER: stage.declared(Role.SERVER), Role.CLIENT: {**said, **stage.declared(Role.CLIENT)}}
    announced = {name.upper() for name in capabilities}
    return {
        f"{role}:{item.name}": _claim(item, role, stage, announced, declared=item.name in declared[role])
        for role in Role
        if role is Role.SERVER or stage.client is not None
        for item in items_of(role)
    }


def _claim(item: IcsItem, role: Role, stage: Stage, announced: Collection[str], *, declared: bool) -> Claim:
    observed = None
    if role is Role.SERVER and item.default == "advertised" and announced:
        observed = CAPABILITIES.get(item.name, item.name).upper() in announced
    claimed = stage.claims[role][item.name]
    if not declared and observed is not None:
        return Claim(claimed=observed, source="observed", question=item.question, observed=observed)
    source = "declared" if declared else "default"
    return Claim(claimed=claimed, source=source, question=item.question, observed=observed)


def header_of(configuration: Configuration, observed: Observed | None, roles: frozenset[Role]) -> Header:
    """The report's header."""
    shown, ics = configuration.redacted(), observed.ics if observed else {}
    bounds = ("synchronize_timeout", "answer_timeout", "runs_to_converge", "trigger_period", "trigger_tolerance")
    kept = (*bounds, "server_options", "client_options", "server")
    return Header(
        suite=Suite(name="cpm-conformance", version=suite_version()),
        requirement_set=requirement_set_digest(),
        document=DOCUMENT,
        sentences=tuple(Sentence(**asdict(each)) for each in sentences()),
        ambiguities=tuple(Ambiguity(**asdict(each)) for each in ambiguities()),
        server=observed.server if observed else None,
        client=observed.client if observed else None,
        roles=_roles(roles),
        ics=ics,
        statement=as_given(configuration),
        static_review=tuple(each for role in Role if role in roles for each in static_review(ics, role)),
        pixit={key: shown[key] for key in kept},
        profile=configuration.profile.value,
        seed=configuration.seed,
        selection=configuration.select,
        shards=_shards(configuration),
    )


def _shards(configuration: Configuration) -> Shards | None:
    if configuration.part is None:
        return None
    number, of = configuration.part
    return Shards(of=of, present=(number,))


def _roles(roles: frozenset[Role]) -> tuple[Literal["server", "client"], ...]:
    names: dict[Role, Literal["server", "client"]] = {Role.SERVER: "server", Role.CLIENT: "client"}
    return tuple(name for role, name in names.items() if role in roles)


def suite_version() -> str:
    """The version of the installed distribution."""
    try:
        return version("cpm-sync-conformance")
    except PackageNotFoundError:
        return "unknown"
