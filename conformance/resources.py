"""The files of `fixtures/`: beside the package in a source tree, inside it as `_fixtures` in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, StrictUndefined

from conformance.problems import ConfigurationProblem

_PACKAGE = Path(__file__).parent


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
    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, trim_blocks=True)
    return environment.from_string(fixture(*parts).read_text("utf-8")).render(values)
