"""Tests of the implementation conformance statement: the form, what is read back, and what is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.configuration import Configuration, Roles
from conformance.describe.ics_form import ics_form
from conformance.execution.statement import as_given, claims_of, review_statement
from conformance.ics import contradictions, read_statement, statement_of
from conformance.problems import ConfigurationProblem
from conformance.resources import fixture
from conformance.spec import Role, ics_items

Answers = dict[str, Any]


def form() -> Answers:
    """The form as it is written, parsed."""
    return tomllib.loads(ics_form())


def filled(change: Callable[[Answers], object] = lambda _: None) -> Answers:
    """The form, filled in with every default, and one change."""
    said = form()
    change(said)
    return said


def test_the_form_asks_every_item_of_each_role() -> None:
    """Nothing is left out, each question stands above its item, and the defaults are the answers."""
    said, text = form(), ics_form()
    for item in ics_items():
        for role in Role:
            assert (item.name in said[role.value]) is (role in item.roles)
        assert f"# {item.question}\n" in text
        assert all(said[role.value][item.name] == item.default for role in item.roles)


def test_the_form_that_ships_is_the_one_that_is_written() -> None:
    """A stale copy would lack an item; `cpm-conformance describe --ics --output fixtures/ics/ics.toml` renews it."""
    assert fixture("ics", "ics.toml").read_text("utf-8") == ics_form()


def test_a_filled_in_form_is_read_back_as_claims(tmp_path: Path) -> None:
    """Yes and no are claims of their role; what CAPABILITY announces is none."""
    path = tmp_path / "ics.toml"
    text = ics_form().replace('"flags.keywords" = "yes"', '"flags.keywords" = "no"', 1)
    path.write_text(text.replace('implementation = ""', 'implementation = "Pocket"'), "utf-8")
    statement = read_statement(path)
    assert statement.claims["server:flags.keywords"] is False
    assert statement.claims["client:flags.keywords"] is True
    assert "server:IDLE" not in statement.claims
    assert statement.as_given()["about"] == {"implementation": "Pocket"}
    assert statement.as_given()["server"]["IDLE"] == "advertised"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda said: said["server"].update({"flags.keyword": "yes"}), "flags.keyword"),
        (lambda said: said["client"].update({"notification": "yes"}), '[client] "notification" is no item'),
        (lambda said: said["server"].update({"flags.keywords": True}), "it can be yes or no"),
        (lambda said: said["server"].update({"flags.keywords": "maybe"}), "'maybe'"),
        (lambda said: said["server"].update({"flags.keywords": "advertised"}), "it can be yes or no"),
        (lambda said: said["client"].pop("kind.media"), "[client] has no answer to kind.media"),
        (lambda said: said.update(server=["yes"]), "server is no table"),
        (lambda said: said.update(version=1.0), "version is no text"),
        (lambda said: said.update(format="other/1"), "format is 'other/1'"),
        (lambda said: said.pop("format"), "format is None"),
        (lambda said: said.update(servers={}), "is server meant?"),
        (lambda said: (said.pop("client"), said.pop("server")), "neither a table"),
    ],
)
def test_a_wrong_form_is_told(change: Callable[[Answers], object], words: str) -> None:
    """Unknown items, wrong types and missing answers are one clear problem with its mend and exit code 3."""
    with pytest.raises(ConfigurationProblem) as caught:
        statement_of(filled(change), "ics.toml")
    assert words in caught.value.text
    assert "ics.toml" in caught.value.text
    assert "describe --ics" in caught.value.mend
    assert caught.value.exit_code == 3


def test_everything_wrong_is_told_at_once() -> None:
    """Nobody has to run the suite once for each mistake."""
    with pytest.raises(ConfigurationProblem) as caught:
        statement_of(filled(lambda said: (said["client"].clear(), said["server"].update({"IDEL": "yes"}))), "f")
    assert "[client] has no answer to role.client, binding.imap" in caught.value.text
    assert "is IDLE meant?" in caught.value.text


@pytest.mark.parametrize("octets", [b"format = ", b"\xff", b"\x00"])
def test_what_is_no_toml_is_told(octets: bytes, tmp_path: Path) -> None:
    """A file that cannot be parsed is named."""
    path = tmp_path / "ics.toml"
    path.write_bytes(octets)
    with pytest.raises(ConfigurationProblem, match=r"ics\.toml is not TOML"):
        read_statement(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """The problem says how the form is written."""
    with pytest.raises(ConfigurationProblem) as caught:
        read_statement(tmp_path / "none.toml")
    assert "describe --ics" in caught.value.mend


@pytest.mark.parametrize(
    ("item", "answer", "capabilities", "found"),
    [
        ("UIDPLUS", "yes", ["IMAP4REV1"], "does not announce UIDPLUS"),
        ("UIDPLUS", "no", ["IMAP4REV1", "uidplus"], "announces UIDPLUS"),
        ("ANNOTATE", "yes", ["IMAP4REV1", "ANNOTATE"], "does not announce ANNOTATE-EXPERIMENT-1"),
        ("UIDPLUS", "yes", ["UIDPLUS"], ""),
        ("UIDPLUS", "advertised", ["UIDPLUS"], ""),
        ("ANNOTATE", "yes", ["ANNOTATE-EXPERIMENT-1"], ""),
        ("role.server", "no", [], '"role.server" is no, and the server is under test'),
    ],
)
def test_the_static_review(item: str, answer: str, capabilities: list[str], found: str) -> None:
    """What a server claims is compared with what it announces, both ways."""
    statement = statement_of(filled(lambda said: said["server"].update({item: answer})), "f")
    told = contradictions(statement, [Role.SERVER], capabilities)
    assert [found in each for each in told] == ([True] if found else [])


def settings(tmp_path: Path, text: str = "", **more: Any) -> Configuration:
    """A configuration that names a statement."""
    path = tmp_path / "ics.toml"
    path.write_text(text or ics_form(), "utf-8")
    return Configuration(ics=path, **more)


def test_claims_beside_a_statement(tmp_path: Path) -> None:
    """A single claim may repeat the statement, but neither contradict it nor name what is no item."""
    assert claims_of(settings(tmp_path, claims={"flags.keywords": True}))["client:flags.keywords"] is True
    with pytest.raises(ConfigurationProblem, match="claimed otherwise"):
        claims_of(settings(tmp_path, claims={"flags.keywords": False}))
    with pytest.raises(ConfigurationProblem, match=r"flags\.keyword is no item"):
        claims_of(Configuration(claims={"flags.keyword": False}))


def test_a_role_under_test_has_to_be_stated(tmp_path: Path) -> None:
    """A statement about a server says nothing about a client."""
    server_only = ics_form().partition("[client]")[0]
    review_statement(settings(tmp_path, server_only, role=Roles.SERVER), [Role.SERVER], [])
    with pytest.raises(ConfigurationProblem, match=r"no table \[client\]"):
        review_statement(settings(tmp_path, server_only), [Role.SERVER, Role.CLIENT], [])


def test_the_report_holds_the_statement_as_given(tmp_path: Path) -> None:
    """Who says it, and every answer."""
    given = as_given(settings(tmp_path, ics_form().replace('supplier = ""', 'supplier = "Somebody"')))
    assert given["about"] == {"supplier": "Somebody"}
    assert given["client"]["durable-base"] == "yes"
    assert as_given(Configuration()) == {}
