"""The pytest plugin: options, the stage, the `judge` and `scenario` fixtures, and one `CaseResult` for each test case.

Nothing heavy is imported until a run of the suite's own test cases asks for it, because pytest loads this module in
every project of an environment where the suite is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.execution.session import ConformanceSession

SESSION = "cpm-conformance-session"

OPTIONS: tuple[tuple[str, str], ...] = (
    ("--cpm-config", "TOML file with the configuration of the run"),
    ("--cpm-server", "storage server under test: reference, dovecot, cyrus or imap://user:password@host:port/root"),
    ("--cpm-client", "storage client under test: the name of an adapter, stdio:COMMAND, manual or none"),
    ("--cpm-role", "the role that is judged: server, client or all"),
    ("--cpm-profile", "how much random exploration: quick, ci, nightly or remote"),
    ("--cpm-seed", "seed of all random draws"),
    ("--cpm-output", "directory the report is written to"),
    ("--cpm-settings", "further settings as a JSON object, with the keys of the configuration file"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; they mean what the options of `cpm-conformance run` mean."""
    group = parser.getgroup("cpm-conformance", "OMA CPM synchronization conformance")
    for name, text in OPTIONS:
        group.addoption(name, default=None, help=text)
    group.addoption("--cpm-select", action="append", default=[], help="requirement id, case id or clause; repeatable")
    group.addoption("--cpm-option", action="append", default=[], help="adapter option key=value; repeatable")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker that carries a test case's declaration, and take part if the suite's cases are to be run."""
    config.addinivalue_line("markers", "case(declaration): a test case of the conformance suite")
    if _is_wanted(config) and not session_of(config):
        from conformance.execution.session import ConformanceSession

        config.pluginmanager.register(ConformanceSession.from_pytest(config), SESSION)


def _is_wanted(config: pytest.Config) -> bool:
    options = [name for name, _ in OPTIONS if config.getoption(name) is not None]
    return bool(options) or any("conformance.cases" in each or "conformance/cases" in each for each in config.args)


def session_of(config: pytest.Config) -> ConformanceSession | None:
    """The session of this run, which a launcher may have registered under any name."""
    found = [each for each in config.pluginmanager.get_plugins() if hasattr(each, "judged_roles")]
    return found[0] if found else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the cases of the judged roles and of the selection."""
    session = session_of(config)
    if session is not None:
        session.select(config, items)
