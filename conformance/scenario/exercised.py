"""What random examples have to exercise, of an implementation that does not do everything."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from conformance.scenario.exploration import Required

_ABOUT = {
    r"locally|both sides|while storing|in a removal": "direction.upload",
    r"on the server|both sides|while fetching|server changed|device replaced": "direction.download",
    r"folder (new|renamed) locally": "folder.create",
    r"folder (removed|renamed) locally": "folder.remove",
}
"""The ICS item of a client that something exercised is about, by what its name holds."""


def possible(required: Required, unclaimed: Collection[str]) -> dict[str, list[str]] | list[str]:
    """What is required, without what a client that does not claim these ICS items cannot be brought to do."""
    if isinstance(required, Mapping):
        return {requirement: _possible(names, unclaimed) for requirement, names in required.items()}
    return _possible(required, unclaimed)


def _possible(names: Iterable[str], unclaimed: Collection[str]) -> list[str]:
    barred = [pattern for pattern, item in _ABOUT.items() if item in unclaimed]
    return [name for name in names if not any(re.search(pattern, name) for pattern in barred)]
