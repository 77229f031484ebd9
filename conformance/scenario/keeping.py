"""Keep the counterexamples of a run beside its report: each as a file to be run again and as a script."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from conformance.configuration import Configuration, without_password
from conformance.model.history import History
from conformance.outcomes import Outcome
from conformance.scenario.counterexample import SavedCounterexample
from conformance.scenario.exploration import Counterexample
from conformance.scenario.script import NoScript, client_script
from conformance.secrecy import without
from conformance.spec import Role

DIRECTORY = "counterexamples"


def keeper(
    configuration: Configuration,
    case: str,
    role: Role,
    suite: str,
    setting: Mapping[str, Any],
) -> Callable[[Counterexample[object]], str | None]:
    """What keeps the confirmed counterexamples of a case; it returns how one is run again."""
    numbers = itertools.count(1)

    def keep(found: Counterexample[object]) -> str | None:
        saved = _saved(found, configuration, case, role)
        if saved is None:
            return None
        name = f"{re.sub(r'[^A-Za-z0-9_-]+', '_', case).strip('_')}-{next(numbers)}"
        saved, directory = replace(saved, suite=suite, setting=setting), Path(configuration.output) / DIRECTORY
        saved.write(directory / f"{name}.json")
        with suppress(NoScript):
            script = client_script(saved, configuration.redacted()["client_options"], configuration.runs_to_converge)
            (directory / f"{name}.py").write_text(script, "utf-8")
        return f"cpm-conformance replay {DIRECTORY}/{name}.json"

    return keep


def _saved(
    found: Counterexample[object], configuration: Configuration, case: str, role: Role
) -> SavedCounterexample | None:
    if not isinstance(found.value, History | tuple) or not isinstance(found.drawn, History | tuple):
        return None
    failures = [each for each in found.judge.findings if each.outcome is Outcome.FAIL]
    hidden = configuration.secrets()
    return SavedCounterexample(
        case=case,
        role=role.value,
        requirements=tuple(dict.fromkeys(each.requirement for each in failures)),
        value=found.value,
        drawn=found.drawn,
        expected=without(failures[0].expected, hidden),
        observed=without(failures[0].observed, hidden),
        reproduced=(found.reproduced.times, found.reproduced.of),
        server=without_password(configuration.server),
        client=configuration.client,
        seed=configuration.seed,
        profile=configuration.profile.value,
    )
