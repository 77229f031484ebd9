"""Tests of the test specification: every case with every field, from its own source, in both forms."""

from __future__ import annotations

import ast
import inspect
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from conformance.cases import registry
from conformance.describe.document import html, markdown, page_of
from conformance.describe.procedure import phrases, procedure_of
from conformance.describe.scr import scr_id, scr_table
from conformance.describe.specified import EtsCase, specified_cases
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.scenario import Scenario
from conformance.scenario.storage import Storage, Tester
from conformance.spec import Level, Role, ics_items, requirement, requirements

CASES = specified_cases(())
FIELDS = tuple(EtsCase.__slots__)
SCR_ID = re.compile(r"CPMMS-[A-Z0-9]+-[CS]-\d+-[MO]")
PLACEHOLDER = re.compile(r"\b(todo|tbd|fixme|xxx|n/a|none|unknown|placeholder)\b", re.IGNORECASE)
# Words for values, and what only looks at something that was already there.
NO_ACTS = {"told", "code", "keeps", "some_flag", "session", "name", "nested", "quoted", "wire_name", "path", "pattern"}
NO_ACTS |= {"named", "may_use_inbox", "step"}


def test_every_registered_case_appears_once() -> None:
    """Nothing is left out, and nothing is described that does not exist."""
    assert sorted(each.id for each in CASES) == sorted(registry.declarations())


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_of_every_case_is_filled(name: str) -> None:
    """No field is empty, and none holds a placeholder."""
    for each in CASES:
        value = getattr(each, name)
        texts = [value] if isinstance(value, str) else list(value)
        assert texts, f"{each.id} has no {name}"
        assert all(text.strip() and not PLACEHOLDER.fullmatch(text.strip(" .")) for text in texts), (each.id, texts)


def test_the_fields_say_what_the_records_say() -> None:
    """Each requirement of a case stands in its references, SCR references, preconditions and pass criteria."""
    for each in CASES:
        declaration = registry.declarations()[each.id]
        for judged in map(requirement, declaration.requirements):
            assert any(judged.id in text and judged.source in text for text in each.references)
            assert scr_id(judged, declaration.role) in each.scr_references
            assert any(judged.stimulus in text for text in each.preconditions)
            assert f"{judged.id}: {judged.pass_criterion}" in each.pass_criteria
        for needed in declaration.needs:
            assert any(f"answers yes to {needed} (" in text for text in each.preconditions)


def test_a_description_is_the_sentence_of_its_source() -> None:
    """What a case is about is told by its own docstring."""
    for each in CASES:
        assert each.description == " ".join((registry.functions()[each.id].__doc__ or "").split())


@pytest.mark.parametrize("kind", [Scenario, Storage, Tester])
def test_no_act_is_without_words(kind: type) -> None:
    """Whatever a test case does with a fixture is either told as a step or judged, so that no procedure has gaps."""
    called = {
        node.func.attr
        for path in sorted(Path(registry.__file__).parent.glob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    looks = {"agreement", "as_demanded", "plainly_broken", "refused_untouched", "same", "server_keeps", "repeats_seen"}
    looks |= {"changed_folders", "require", "require_renewal", "judge_marks", "weigh_open_outcomes", "judge_strays"}
    told = {each.rpartition(".")[2] for each in phrases()["acts"]} | set(phrases()["criteria"]) | NO_ACTS | looks
    public = {name for name in vars(kind) if not name.startswith("_")}
    assert sorted((called & public) - told) == []


OBJECT = bytes(100)


def acting(scenario: Scenario, storage: Storage, judge: Judge) -> None:
    """A made-up case."""
    tester = storage.connect()
    folder = storage.folder(tester, "Made up", "Inner", objects=[OBJECT])
    if not storage.nested:
        raise NotApplicable("there are no nested folders")
    for flag in ("\\Seen", "\\Draft"):
        tester.store([1], f"+FLAGS ({flag})")
    answer = tester.ask(b"SELECT " + folder)
    scenario.on_client.remove(("Archive", "Old"), "message-1")
    helping(judge, "an answer", ok=answer.ok)


def helping(judge: Judge, what: str, *, ok: bool) -> None:
    """What a case leaves to a helper beside it."""
    judge.check("OP02-S1", ok, f"{what}: OK", "")


def test_a_procedure_follows_its_source() -> None:
    """Calls become steps in their order, loops indent, excuses and expectations are found, also in helpers."""
    made = procedure_of(acting)
    assert made.steps == [
        "Open a connection and log in.",
        "Create the folder Made up/Inner with objects object.",
        "For each <flag> of \\Seen, \\Draft:",
        "  Send UID STORE 1 +FLAGS (<flag>), over connection 1.",
        'Send SELECT "Made up/Inner", over connection 1.',
        "In local storage, remove message-1 from the folder Archive/Old.",
    ]
    assert made.excuses == ["there are no nested folders"]
    assert made.criteria == [("OP02-S1", "an answer: OK")]


def test_equipment_is_told_of_every_fixture() -> None:
    """A fixture without words would be a gap in the preconditions."""
    fixtures = {name for each in registry.functions().values() for name in inspect.signature(each).parameters}
    assert set(phrases()["equipment"]) <= fixtures
    assert all(any(text.startswith("Equipment: ") for text in each.preconditions) for each in CASES)


@pytest.mark.parametrize("role", list(Role))
def test_the_scr_table_holds_every_requirement_and_item_of_a_role(role: Role) -> None:
    """Each row has item, function, reference and status, and depends on items that stand in the same table."""
    rows = {each.item: each for each in scr_table(role)}
    for each in (each for each in requirements() if role in each.roles):
        wanted = each.level is not Level.INFORMATIVE and each.excluded is None
        assert (scr_id(each, role) in rows) is wanted
    for row in rows.values():
        assert row.function
        assert row.reference
        assert row.status in ("M", "O")
        assert row.reference == "ICS" or SCR_ID.fullmatch(row.item)
        words = set(row.requirement.split()) - {"AND", "OR", "NOT"}
        assert words <= {item.name for item in ics_items()}
    assert len(rows) == len(scr_table(role))


def test_markdown_has_a_heading_for_each_case_and_no_raw_markup() -> None:
    """Angle brackets, bars and stars of the sources are shown, never read as markup."""
    text = markdown(page_of((), "1.0"))
    headings = [line[4:].replace("\\", "") for line in text.splitlines() if line.startswith("### ")]
    assert headings == [each.id for each in CASES]
    assert not re.search(r"(?<!\\)<(?!br>)", text)
    assert text.isprintable() or not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in tables} <= {3, 6}


class _Structure(HTMLParser):
    """Counts what a page holds, and fails for elements that are not closed in order."""

    void = frozenset({"meta", "input", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.ids += [said["id"] or ""] if "id" in said else []
        self.links += [said["href"] or ""] if "href" in said else []
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_well_formed_and_self_contained() -> None:
    """Every element is closed, ids are unique, links lead to a place on the page, and nothing is loaded."""
    text = html(page_of((), "1.0"))
    page = _Structure()
    page.feed(text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert {each.id for each in CASES} <= set(page.ids)
    assert "<script" not in text
    assert "http://" not in text
    assert text.count('type="checkbox"') == 2 * sum(len(each.roles) for each in ics_items())


def test_a_selection_is_a_part_without_the_tables() -> None:
    """The cases of one clause alone, in the same words."""
    text = markdown(page_of(("5.5.2.20-3c",), "1.0"))
    assert "objects-removed-on-server-leave-local-storage" in text
    assert "Static conformance requirements" not in text
    assert len(text) < len(markdown(page_of((), "1.0"))) / 10
