"""Tests of report.html: self-contained, accessible, complete, and safe with hostile text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from conformance.outcomes import CaseResult, Deciding, Observation, Outcome, Reason
from conformance.report import Report, Volatile, assemble
from conformance.report import html as html_module
from conformance.report.html import anchor, html
from conformance.report.transcripts import Transcripts, link_to
from conformance.selftest.report_examples import (
    TRANSCRIPT,
    MadeUpRequirement,
    case,
    every_outcome,
    finding,
    header,
    report,
    transcript_text,
)
from conformance.selftest.report_pages import whole_page

VOID = {"meta", "link", "input", "br"}


class Document(HTMLParser):
    """The elements of a page: tag, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("dd", "td", "th", "p", "h3", "li"):
            self.texts.append(" ")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        """The attributes of all elements with these tags."""
        return [attributes for tag, attributes in self.elements if tag in tags]

    def values(self, attribute: str) -> list[str]:
        """All values of an attribute."""
        return [values[attribute] or "" for _, values in self.elements if attribute in values]

    @property
    def text(self) -> str:
        """All text, with single spaces."""
        return " ".join("".join(self.texts).split())


@pytest.fixture
def page(tmp_path: Path) -> str:
    """The page of a report with every outcome, with its transcript beside it."""
    (tmp_path / "transcripts").mkdir()
    (tmp_path / TRANSCRIPT).write_text(transcript_text(), encoding="ascii")
    return html(every_outcome(), tmp_path)


def test_the_page_is_well_formed(page: str) -> None:
    """Every element is closed, and the language is said."""
    document = Document(page)
    assert document.open == []
    assert document.all("html") == [{"lang": "en"}]
    assert len(document.all("title", "h1", "main")) == 3


@pytest.fixture
def whole(tmp_path: Path) -> str:
    """The page of a report that has something to show in every part."""
    return whole_page(tmp_path)


def test_headings_skip_no_level(page: str) -> None:
    """One h1 comes first, and no heading is more than one level below the one before it."""
    levels = [int(tag[1]) for tag, _ in Document(page).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_ids_are_unique_and_links_resolve(page: str) -> None:
    """No id stands twice, and every link inside the page has its target."""
    document = Document(page)
    ids = document.values("id")
    assert len(set(ids)) == len(ids)
    inside = {link[1:] for link in document.values("href") if link.startswith("#")}
    assert inside <= set(ids)
    assert {anchor("SYN-1", "requirement"), anchor("passed", "case"), anchor("not-claimed", "case")} <= inside
    assert set(document.values("aria-labelledby")) <= set(ids)


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    """No image, no style sheet, no script and no link from elsewhere; only the transcripts lie beside it."""
    document = Document(page)
    assert not document.all("img", "link", "iframe", "object", "embed", "audio", "video", "base")
    assert not document.values("src")
    outside = {link for link in document.values("href") if not link.startswith("#")}
    assert outside == {TRANSCRIPT}
    assert not re.search(r"url\(|@import|https?:", page)
    assert "default-src 'none'" in page


def test_tables_say_what_their_headings_head(page: str) -> None:
    """Every table heading has a scope."""
    document = Document(page)
    assert document.all("table")
    assert all(attributes.get("scope") in ("row", "col", "rowgroup") for attributes in document.all("th"))


def test_the_verdict_comes_first_and_then_what_is_not_established(page: str) -> None:
    """The reader meets the verdict of each role, then the gaps, then what was tested."""
    text = Document(page).text
    verdict = text.index("The client (Pocket 3.2) is not conformant: 1 of 7 applicable mandatory requirements failed")
    assert verdict < text.index("What is not established", verdict) < text.index("What was tested", verdict)
    assert text.index("The server (Dovecot 2.3.19.1) is conformant") < verdict


def test_a_failure_shows_all_that_it_rests_on(page: str) -> None:
    """Sentence, source, expected, observed, deciding line with context, steps, reproduction and replay."""
    text = Document(page).text
    article = text[text.index("Case removed-on-server") :]
    for words in (
        "remove from local storage all the objects that have been removed",
        "CR OMA-COM-CPM-2010-0583, step 3c",
        "Expected The object is gone from local storage.",
        "Observed The object is still in local storage.",
        "Deciding line: ▶ 9 client-1 S line of entry 9",
        "3 client-1 S line of entry 3",
        "15 client-1 S line of entry 15",
        "remove an object on the server",
        "3 of 3 times",
        "50 run of 50 planned",
        "cpm-conformance replay counterexamples/removed-on-server.json",
        "Whole transcript, 30 entries",
    ):
        assert words in article
    excerpt = article[article.index("Deciding line: entry 9") : article.index("Minimal steps")]
    assert "line of entry 2\\" not in excerpt
    assert "line of entry 16" not in excerpt


def test_every_outcome_is_told_by_sign_and_word(page: str) -> None:
    """Colour is never the only sign of an outcome."""
    for outcome in Outcome:
        badge = rf'class="badge {outcome}"><span class="sign" aria-hidden="true">.</span> {outcome.replace("_", " ")}<'
        assert re.search(badge, page)


def test_exclusions_and_remarks_are_listed(page: str) -> None:
    """What is not tested and what was only recorded have their places."""
    text = Document(page).text
    assert "Excluded (untestable): No observable point." in text
    assert "The client used CONDSTORE." in text


def test_the_behaviour_profile_is_a_table(page: str) -> None:
    """How an implementation uses its freedom stands in the page, the same observation once."""
    assert Document(page).text.count("NO [CANNOT]") == 1


def test_a_long_transcript_stands_there_in_part(tmp_path: Path) -> None:
    """No more than 400 entries around the deciding line are put into the page, which says so and links the rest."""
    (tmp_path / "transcripts").mkdir()
    (tmp_path / TRANSCRIPT).write_text(transcript_text(5_000), encoding="ascii")
    page = html(every_outcome(), tmp_path)
    assert "Deciding line: ▶ 9" in Document(page).text
    assert "Transcript, 400 of 5,000 entries" in page
    assert f'The rest stands in <a href="{TRANSCRIPT}">' in page
    assert "line of entry 400" in page
    assert "line of entry 401" not in page


def test_the_part_of_a_transcript_is_the_one_that_decided(tmp_path: Path) -> None:
    """A deciding line far down is in the middle of what is shown, marked there, too."""
    (tmp_path / TRANSCRIPT).parent.mkdir()
    (tmp_path / TRANSCRIPT).write_text(transcript_text(5_000), encoding="ascii")
    failed = finding("SYN-1", Outcome.FAIL, deciding=Deciding(transcript=TRANSCRIPT, entry=3_000))
    page = html(report([MadeUpRequirement("SYN-1")], [case("one", failed, transcript=TRANSCRIPT)]), tmp_path)
    assert f'class="line decided" id="{anchor("one", "wire")}-3000"' in page
    numbers = [int(each) for each in re.findall(rf'id="{anchor("one", "wire")}-(\d+)"', page)]
    assert numbers == list(range(2_800, 3_200))


def test_a_case_without_steps_tells_the_commands(tmp_path: Path) -> None:
    """What was sent on the connection that decided, up to the line that did, and nothing after it."""
    (tmp_path / TRANSCRIPT).parent.mkdir()
    (tmp_path / TRANSCRIPT).write_text(transcript_text(), encoding="ascii")
    failed = finding("SYN-1", Outcome.FAIL, deciding=Deciding(transcript=TRANSCRIPT, entry=9))
    page = html(report([MadeUpRequirement("SYN-1")], [case("one", failed, transcript=TRANSCRIPT)]), tmp_path)
    commands = re.search(r'<ol class="steps commands">.*?</ol>', page, re.DOTALL)
    assert commands
    assert re.findall(r"line of entry (\d+)", commands[0]) == ["2", "4", "6", "8"]


def test_a_requirement_that_failed_somewhere_did_not_pass() -> None:
    """A case with several findings on one requirement names it once among its causes, and not as passed."""
    findings = [finding("SYN-1", outcome) for outcome in (Outcome.FAIL, Outcome.FAIL, Outcome.PASS)]
    findings.append(finding("SYN-2", Outcome.PASS))
    made = report(
        [MadeUpRequirement("SYN-1", wrong=("A slip.",)), MadeUpRequirement("SYN-2")], [case("one", *findings)]
    )
    text = part(html(made), "findings")
    assert "A slip. SYN-1 What is known" in text
    assert "Passed in the same case SYN-2 Replay" in text


def test_what_many_findings_rest_on_stands_once(tmp_path: Path) -> None:
    """A line that decided several findings of a case is shown with the first of them."""
    (tmp_path / TRANSCRIPT).parent.mkdir()
    (tmp_path / TRANSCRIPT).write_text(transcript_text(), encoding="ascii")
    deciding = Deciding(transcript=TRANSCRIPT, entry=9)
    both = [finding(name, Outcome.FAIL, deciding=deciding) for name in ("SYN-1", "SYN-2")]
    page = html(report([MadeUpRequirement("SYN-1"), MadeUpRequirement("SYN-2")], [case("one", *both)]), tmp_path)
    assert page.count("line of entry 9") == 1
    assert page.count("That line is shown above.") == 1


def test_the_report_alone_still_tells_the_deciding_line() -> None:
    """Where the transcript is not beside it, the line that the report quotes is shown."""
    failed = finding("SYN-1", Outcome.FAIL, deciding=Deciding(transcript=TRANSCRIPT, entry=9))
    volatile = Volatile(lines={f"{TRANSCRIPT}:9": "S * 9 EXPUNGE"})
    made = assemble(header("client"), [case("one", failed)], [MadeUpRequirement("SYN-1")], volatile)
    assert "▶ 9 S * 9 EXPUNGE" in Document(html(made)).text


def test_a_missing_transcript_is_said() -> None:
    """A page made without the transcripts says so where the deciding line would stand."""
    assert "the transcript is missing, or has no such entry" in html(every_outcome())


def part(page: str, heading: str) -> str:
    """The text of the section with this heading."""
    found = re.search(rf'<section id="{heading}".*?</section>', page, re.DOTALL)
    assert found
    return Document(found[0]).text


def test_what_was_tested_is_told(whole: str) -> None:
    """Name, version, capabilities as claimed and as observed, configuration, seed, suite and requirement set."""
    text = part(whole, "tested")
    for words in (
        "Identity Dovecot 2.3.19.1",
        "Identity Pocket 3.2",
        "Capabilities claimed left to CAPABILITY",
        "Capabilities observed IMAP4rev1 UIDPLUS",
        "Configuration (PIXIT), without secrets",
        "server imap://user:***@127.0.0.1:143/",
        "Seed 7",
        "Suite cpm-sync-conformance 0.1.0",
        "Requirement set (SHA-256) 7d87d621c533238a",
    ):
        assert words in text


def test_the_clause_is_coloured_by_outcome(whole: str) -> None:
    """A phrase has the colour, the sign and the word of its worst outcome, and links what rests on it."""
    narrow = re.search(r'<a class="phrase fail" href="#(words-[^"]*)">(?:(?!</a>).)*that have been removed', whole)
    assert narrow
    row = re.search(rf'<tr id="{re.escape(narrow[1])}".*?</tr>', whole, re.DOTALL)
    assert row
    assert Document(row[0]).text == ("objects that have been removed ✗ fail ✗ SYN-1 fail ? SYN-3 inconclusive")
    assert "(fail)" in part(whole, "text")


def test_a_requirement_leads_back_to_its_words(whole: str) -> None:
    """A row of the table links the sentence that it quotes, and tells how it is derived and where it is open."""
    row = re.search(r'<tr id="requirement-SYN-3".*?</tr>', whole, re.DOTALL)
    assert row
    text = Document(row[0]).text
    assert "In the text: step 3c" in text
    assert "Derivation: Removed means gone." in text
    assert "where kind.message" in text
    assert 'href="#ambiguity-A7"' in row[0]


def test_likely_causes_are_those_of_what_failed(whole: str) -> None:
    """A failure names wrong implementations that would break the requirement, other outcomes what usually is behind."""
    text = part(whole, "findings")
    assert "Likely causes Only compares counts. SYN-1 Skips \\Seen. SYN-1 What is known" in text
    assert "The behaviour depends on timing" in text
    assert "A fault of this suite" in text


def test_every_finding_tells_how_to_replay(whole: str) -> None:
    """What a random case found has its file; any other is run alone, and a secret has to be given again."""
    text = part(whole, "findings")
    assert text.count(" Replay cpm-conformance ") == 4
    assert "--select undecided" in text
    assert "*** stands for a secret" in text


def test_the_claims_are_reviewed(whole: str) -> None:
    """The static review tells what is inconsistent, and each claim what depends on it."""
    text = part(whole, "claims")
    assert "CAPABILITY agrees. server ✗ inconsistent otherwise: IDLE" in text
    assert "Objects are synchronized. client ✓ consistent" in text
    assert "Who knows? client ○ cannot be told" in text
    assert "IDLE Is IDLE supported? no as declared announced ✓ OP02-S1 pass" in text
    assert "filled-in statement: implementation Pocket" in text


def test_open_points_that_were_touched_are_told(whole: str) -> None:
    """An open point that no executed requirement touches is left out."""
    text = part(whole, "ambiguities")
    assert "A7 Who wins? Nobody. inconclusive ✗ SYN-1 fail" in text
    assert "A99" not in text


def test_the_baseline_is_told(whole: str) -> None:
    """A known failure says so, and what is out of date stands beside the verdict."""
    assert "Known to the baseline: A known defect. (POCKET-7), until 2030-01-01" in part(whole, "findings")
    assert "SYN-9 passes now" in part(whole, "verdict")


def test_an_inconsistent_claim_stands_beside_the_verdict(whole: str) -> None:
    """No one reads a verdict without what the claims lack."""
    assert "inconsistent claim of the server: CAPABILITY agrees. (otherwise: IDLE)" in part(whole, "verdict")


def test_a_whole_page_is_sound(whole: str) -> None:
    """With every part filled, elements are closed, ids unique, links resolve, and headings skip no level."""
    test_the_page_is_well_formed(whole)
    test_ids_are_unique_and_links_resolve(whole)
    test_headings_skip_no_level(whole)
    test_tables_say_what_their_headings_head(whole)
    test_the_page_needs_nothing_but_itself(whole)


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}\x00\x1b[31m\u202egnp.exe\u2066\x85"


def hostile_report(text: str, name: str) -> Report:
    """A report with this text wherever an implementation can put it, and this name for case and transcript."""
    made: CaseResult = case(
        f"case-{name}",
        finding("SYN-1", Outcome.FAIL, Reason.CONTRADICTION, expected=text, observed=text,
                deciding=Deciding(transcript=name, entry=1)),
        title=text, steps=(text,), remarks=(text,), error=text, replay=text, transcript=name, observed=text,
        profile=(Observation(topic=text, observed=text, deciding=Deciding(transcript=name, entry=1)),),
    )  # fmt: skip
    server: dict[str, Any] = {"adapter": text, "identity": text, "greeting": text, "capabilities": (text,)}
    return report(
        [MadeUpRequirement("SYN-1", remark=text)], [made], pixit={text: text}, server=server, selection=(text,),
        client={"adapter": text, "name": text, "version": text, "remark": text},
    )  # fmt: skip


def test_hostile_text_stays_text() -> None:
    """Markup, quotes, template syntax, controls and direction changes from the wire are shown, not obeyed."""
    page = html(hostile_report(HOSTILE, HOSTILE))
    document = Document(page)
    assert document.open == []
    assert len(document.all("script")) == 1
    assert not document.all("img")
    assert not any(name.startswith("on") for _, attributes in document.elements for name in attributes)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)
    assert '<span class="unseen">U+202E</span>' in page
    assert "{{7*7}}" in document.text
    assert len(set(document.values("id"))) == len(document.values("id"))


def test_endless_text_is_cut_with_its_size() -> None:
    """Ten megabytes in every field make a page of bearable size that says what was left out."""
    page = html(hostile_report("x" * 10_000_000, "endless"))
    assert len(page) < 1_000_000
    assert "10,000,000 characters in all, the first 4,000 are shown" in page


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "..\\x", "", "x\0y"])
def test_transcripts_are_read_below_the_report_only(name: str, tmp_path: Path) -> None:
    """A report cannot make the page show or link another file."""
    (tmp_path / "secret").write_text("1 0.0 c S secret\n", encoding="ascii")
    below = tmp_path / "report"
    below.mkdir()
    assert Transcripts(below).excerpt(name, 1) is None
    assert link_to(name) is None


def test_a_link_out_of_the_report_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link to a file elsewhere is not read."""
    (tmp_path / "secret").write_text("1 0.0 c S secret\n", encoding="ascii")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "t.txt").symlink_to(tmp_path / "secret")
    assert Transcripts(tmp_path / "report").entries("t.txt") is None


def test_a_script_address_is_no_link() -> None:
    """What looks like a scheme is a file name."""
    assert link_to("javascript:alert(1)") == "javascript%3Aalert%281%29"


def test_a_damaged_transcript_is_still_shown(tmp_path: Path) -> None:
    """Lines of another form stand as they are, and a cut last line does no harm."""
    (tmp_path / "t.txt").write_bytes(b"# IMAP transcript, format 1\n  1 0.1 c C a\nnoise \xff\n  2 cut\n  3 0.2 c S")
    excerpt = Transcripts(tmp_path).excerpt("t.txt", 2)
    assert excerpt is not None
    assert [(line.number, line.decided) for line in excerpt] == [(1, False), (None, False), (2, True), (3, False)]
    assert excerpt[1].text == "noise \N{REPLACEMENT CHARACTER}"


def test_anchors_of_different_ids_differ() -> None:
    """Ids that differ only in characters an id cannot hold do not meet."""
    texts = ["a b", "a.b", "a.20.b", "a_b", "a%20b", "A b", "a\u202eb"]
    assert len({anchor(text, "case") for text in texts}) == len(texts)
    assert all(re.fullmatch("[A-Za-z0-9_.-]+", anchor(text, "case")) for text in texts)


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2)."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1, 2])
def test_text_has_enough_contrast(scheme: int) -> None:
    """Light, dark and printed, text has at least 4.5:1 on every background it stands on."""
    css = (Path(html_module.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    assert len(blocks) == 3
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[scheme]))
    outcomes = [name.removesuffix("-ink") for name in colours if name.endswith("-ink")]
    assert set(outcomes) == {str(outcome) for outcome in Outcome}
    pairs = [(text, ground) for text in ("ink", "muted", "link") for ground in ("paper", "card", "soft")]
    pairs += [(f"{outcome}-ink", ground) for outcome in outcomes for ground in (f"{outcome}-back", "paper", "card")]
    pairs += [("ink", f"{outcome}-back") for outcome in outcomes]
    weak = [pair for pair in pairs if contrast(colours[pair[0]], colours[pair[1]]) < 4.5]
    assert weak == []
