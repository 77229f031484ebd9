"""The static review: whether what is claimed fulfils what is mandatory, and agrees with itself and with CAPABILITY."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.report import Claim, Reviewed
from conformance.spec import Role, review_rules
from conformance.spec.records import fulfilled

_CAPABILITY = "CAPABILITY announces what is claimed, and nothing that is denied."


def static_review(ics: Mapping[str, Claim], role: Role) -> Iterator[Reviewed]:
    """Every rule for a role, applied to its claims by `role:item`; nothing where none are known."""
    claims = {name.partition(":")[2]: claim for name, claim in ics.items() if name.startswith(f"{role}:")}
    if not claims:
        return
    claimed = {item for item, claim in claims.items() if claim.claimed}
    for rule in review_rules():
        if role in rule.roles and fulfilled(rule.when, claimed):
            holds = fulfilled(rule.demands, claimed)
            told = "" if holds else f"not claimed: {rule.demands}"
            yield Reviewed(role=role.value, rule=rule.text, source=rule.source, holds=holds, told=told)
    if role is Role.SERVER:
        yield _with_capability(claims)


def _with_capability(claims: Mapping[str, Claim]) -> Reviewed:
    observed = {item: claim for item, claim in claims.items() if claim.observed is not None}
    wrong = [item for item, claim in observed.items() if claim.claimed is not claim.observed]
    return Reviewed(
        role="server",
        rule=_CAPABILITY,
        source="RFC 3501 6.1.1",
        holds=not wrong if observed else None,
        told=f"otherwise: {', '.join(wrong)}" if wrong else "",
    )
