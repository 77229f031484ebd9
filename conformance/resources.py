"""The files of `fixtures/`: beside the package in a source tree, inside it as `_fixtures` in an installed wheel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, StrictUndefined, meta

from conformance.problems import ConfigurationProblem

_PACKAGE = Path(__file__).parent
_ENVIRONMENT = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, trim_blocks=True)


def fixture(*parts: str) -> Path:
    """The path of a file or directory of `fixtures/`, for instance `fixture("clients", "mbsyncrc")`.

    Raises `ConfigurationProblem` when there is no such file.
    """
    shipped, in_source_tree = _PACKAGE / "_fixtures", _PACKAGE.parent / "fixtures"
    path = (shipped if shipped.is_dir() else in_source_tree).joinpath(*parts)
    if not path.exists():
        raise ConfigurationProblem(
            f"the file {'/'.join(parts)} of the suite's fixtures is missing (looked for {path})",
            "install cpm-sync-conformance again, or run it from a complete source tree",
        )
    return path


def render(*parts: str, **values: object) -> str:
    """The text of a fixture with its Jinja places filled in. Raises `jinja2.UndefinedError` for a value not given."""
    return fill(fixture(*parts).read_text("utf-8"), values)


def fill(template: str, values: Mapping[str, object]) -> str:
    """A template with its Jinja places filled in. Raises `jinja2.TemplateError` for one that cannot be filled."""
    return _ENVIRONMENT.from_string(template).render(values)


def places(template: str) -> set[str]:
    """The names of the places in a template. Raises `jinja2.TemplateError` for one that cannot be read."""
    return meta.find_undeclared_variables(_ENVIRONMENT.parse(template))
