"""The files that the suite ships: found in the source tree, told when missing, rendered with every value."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from conformance import resources
from conformance.problems import ConfigurationProblem
from conformance.resources import fixture, render


def test_a_fixture_is_found() -> None:
    """Files and directories of `fixtures/` have a path that exists."""
    assert fixture("clients", "mbsyncrc").is_file()
    assert fixture("servers").is_dir()


def test_an_installed_package_has_its_own_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `_fixtures` inside the package that one is used, whatever lies beside it."""
    package = tmp_path / "conformance"
    for place in (package / "_fixtures", tmp_path / "fixtures"):
        place.mkdir(parents=True)
        (place / "file").write_text(place.name)
    monkeypatch.setattr(resources, "_PACKAGE", package)
    assert fixture("file").read_text() == "_fixtures"


def test_a_missing_fixture_is_told_with_its_name_and_the_mend() -> None:
    """The problem names the file and says what to do."""
    with pytest.raises(ConfigurationProblem, match=r"clients/no-such-file .*missing") as told:
        fixture("clients", "no-such-file")
    assert "install" in told.value.mend


def test_a_value_that_is_not_given_is_an_error() -> None:
    """No configuration file is written with holes in it."""
    with pytest.raises(jinja2.UndefinedError, match=r"'\w+' is undefined"):
        render("servers", "cyrus.conf", directory="/x")
