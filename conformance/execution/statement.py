"""What a run is told to be claimed: the filled-in ICS, and single claims beside it, checked before any verdict."""

from __future__ import annotations

from collections.abc import Collection

from conformance.configuration import Configuration
from conformance.ics import Statement, read_statement, review
from conformance.problems import ConfigurationProblem
from conformance.spec import Role, ics_items


def statement_of(settings: Configuration) -> Statement | None:
    """The statement that the configuration names. Raises `ConfigurationProblem` for all that is wrong with it."""
    return read_statement(settings.ics) if settings.ics else None


def claims_of(settings: Configuration) -> dict[str, bool]:
    """All claims, by item or by `role:item`. Raises `ConfigurationProblem` for unknown items and contradictions."""
    unknown = sorted(settings.claims.keys() - {each.name for each in ics_items()})
    if unknown:
        raise ConfigurationProblem(
            f"claims: {', '.join(unknown)} is no item of the ICS", "`cpm-conformance describe --ics` names all items"
        )
    statement = statement_of(settings)
    stated = statement.claims if statement else {}
    for name, claimed in settings.claims.items():
        if any(stated.get(f"{role}:{name}", claimed) is not claimed for role in Role):
            mend = "leave it out of claims, or correct the statement"
            raise ConfigurationProblem(f"claims: {name} is claimed otherwise in {settings.ics}", mend)
    return settings.claims | stated


def review_statement(settings: Configuration, roles: Collection[Role], capabilities: Collection[str]) -> None:
    """Compare the statement with the roles under test and with CAPABILITY. Raises `ConfigurationProblem`."""
    statement = statement_of(settings)
    if statement is None:
        return
    where = str(settings.ics)
    missing = [role.value for role in Role if role in roles and role not in statement.answers]
    if missing:
        mend = "fill in the table, or choose the role that is stated with --role"
        raise ConfigurationProblem(f"{where}: it has no table [{missing[0]}], and the {missing[0]} is under test", mend)
    review(statement, roles, capabilities, where)


def as_given(settings: Configuration) -> dict[str, dict[str, str]]:
    """The statement for the report, empty where there is none."""
    statement = statement_of(settings)
    return statement.as_given() if statement else {}
