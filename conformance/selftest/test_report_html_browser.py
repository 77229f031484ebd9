"""Tests of report.html in a real browser: it opens offline, obeys nobody, leads on, and shuts nobody out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from conformance.report.html import anchor, html
from conformance.selftest.browser import Watched, chromium, launched
from conformance.selftest.programs import or_skip
from conformance.selftest.report_examples import HOSTILE, TRANSCRIPT, every_outcome, hostile, transcript_text
from conformance.selftest.report_pages import whole_page

Scheme = Literal["light", "dark"]
ENTRY = f"#{anchor('removed-on-server', 'wire')}-9"
FAILED, PASSED = f"#{anchor('SYN-1', 'requirement')}", f"#{anchor('SYN-5', 'requirement')}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for all tests of this file."""
    with launched(or_skip(chromium)) as started:
        yield started


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a report that has something to show in every part."""
    place = tmp_path_factory.mktemp("report")
    (place / "report.html").write_text(whole_page(place), "utf-8")
    return place / "report.html"


def size(width: int) -> dict[str, Any]:
    """A window of this width."""
    return {"viewport": {"width": width, "height": 800}}


def shown(page: Page) -> int:
    """How many requirements and cases are shown."""
    return sum(one.is_visible() for one in page.locator("[data-outcome]").all())


def test_it_opens_offline_without_a_complaint(browser: Browser, file: Path) -> None:
    """The browser asks for nothing but the page, and has nothing to say of it."""
    with Watched(browser, file) as seen:
        assert seen.asked == [seen.address]
        assert seen.said == []
        assert "not conformant" in seen.page.title()
        assert seen.page.locator("#search").is_visible()


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_does_nothing(kind: str, browser: Browser, tmp_path: Path) -> None:
    """What a server sends runs no script, opens no dialog, loads nothing and leaves the page usable."""
    (tmp_path / "report.html").write_text(html(hostile(HOSTILE[kind])), "utf-8")
    with Watched(browser, tmp_path / "report.html", **size(320)) as seen:
        assert (seen.said, seen.asked) == ([], [seen.address])
        assert seen.page.title().startswith("CPM conformance")
        assert seen.page.locator("script, img").count() == 1
        assert seen.page.locator("#facts").is_visible()
        assert overflow(seen.page) == 0


def test_a_line_of_ten_megabytes_is_cut(browser: Browser, tmp_path: Path) -> None:
    """The page stays small and tells how long the line was, in the excerpt and in the folded transcript."""
    (tmp_path / TRANSCRIPT).parent.mkdir()
    lines = transcript_text().replace("line of entry 9\\", f"line of entry 9{'x' * 10_000_000}\\")
    (tmp_path / TRANSCRIPT).write_text(lines, "ascii")
    (tmp_path / "report.html").write_text(html(every_outcome(), tmp_path), "utf-8")
    assert (tmp_path / "report.html").stat().st_size < 200_000
    with Watched(browser, tmp_path / "report.html", ENTRY) as seen:
        line = seen.page.locator(ENTRY.replace(".", "\\."))
        assert line.is_visible()
        assert "10,000,019 characters in all, the first 200 are shown" in line.inner_text()


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_nothing_has_to_be_scrolled_sideways(width: int, browser: Browser, file: Path) -> None:
    """The page fits into narrow and wide windows, with everything unfolded."""
    with Watched(browser, file, **size(width)) as seen:
        unfold(seen.page)
        assert overflow(seen.page) == 0


def unfold(page: Page) -> None:
    """Open everything that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_is_accessible(width: int, scheme: Scheme, browser: Browser, file: Path) -> None:
    """Axe finds no violation, contrast included, narrow and wide, light and dark, with everything unfolded."""
    with Watched(browser, file, color_scheme=scheme, **size(width)) as seen:
        unfold(seen.page)
        found = Axe().run(seen.page)
        assert found.violations_count == 0, found.generate_report()


def test_axe_would_find_something(browser: Browser, file: Path) -> None:
    """The check itself knows grey on white when it sees it."""
    with Watched(browser, file) as seen:
        seen.page.evaluate("document.querySelector('.sentence').style.color = '#bbb'")
        assert [each["id"] for each in Axe().run(seen.page).response["violations"]] == ["color-contrast"]


def test_dark_is_dark(browser: Browser, file: Path) -> None:
    """The page follows the colours that the reader prefers."""
    grounds = []
    for scheme in ("light", "dark"):
        with Watched(browser, file, color_scheme=scheme) as seen:
            ground = seen.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)")
            grounds.append(sum(ground))
    assert grounds[0] > 700 > 100 > grounds[1]


def test_search_and_filter_leave_what_fits(browser: Browser, file: Path) -> None:
    """Outcome, role and words each narrow what is shown, and the page says to how much."""
    with Watched(browser, file) as seen:
        everything = shown(seen.page)
        seen.page.select_option("select[name=outcome]", "fail")
        assert shown(seen.page) == 2
        assert f"2 of {everything} requirements and cases shown" in seen.page.locator("#filter-status").inner_text()
        seen.page.fill("input[name=text]", "no such words")
        assert shown(seen.page) == 0
        seen.page.click("button[type=reset]")
        seen.page.wait_for_function("document.getElementById('filter-status').textContent === ''")
        assert shown(seen.page) == everything
        seen.page.fill("input[name=text]", "5.5.2.2 op02")
        assert 0 < shown(seen.page) < everything
        seen.page.fill("input[name=text]", "")
        seen.page.select_option("select[name=role]", "server")
        assert 0 < shown(seen.page) < everything


def test_a_filter_stands_in_the_address(browser: Browser, file: Path) -> None:
    """Whoever opens the address sees the same, and the place in the page stays in it."""
    with Watched(browser, file, FAILED) as seen:
        seen.page.select_option("select[name=outcome]", "fail")
        address = seen.page.url
        assert address.endswith(f"?outcome=fail{FAILED}")
        before = shown(seen.page)
        seen.page.goto("about:blank")
        seen.page.goto(address)
        assert shown(seen.page) == before < 5


def test_a_link_reaches_what_the_filter_hides(browser: Browser, file: Path) -> None:
    """The target of a link is shown for as long as it is the target, and the filter stays."""
    with Watched(browser, file, "?outcome=fail") as seen:
        target = seen.page.locator(PASSED)
        assert not target.is_visible()
        seen.page.locator(f"a[href='{PASSED}']:visible").first.click()
        target.wait_for(state="visible")
        assert seen.page.locator("select[name=outcome]").input_value() == "fail"


def test_every_link_has_its_target(browser: Browser, file: Path) -> None:
    """No link inside the page leads nowhere."""
    with Watched(browser, file) as seen:
        lost = "[...document.querySelectorAll('a[href^=\"#\"]')].filter((each) => !document.querySelector("
        lost += "'#' + CSS.escape(decodeURIComponent(each.hash.slice(1))))).map((each) => each.hash)"
        assert seen.page.evaluate(lost) == []


def test_a_phrase_leads_to_its_evidence(browser: Browser, file: Path) -> None:
    """Phrase, requirement, case and wire entry, each one link from the other, and back to the phrase."""
    with Watched(browser, file) as seen:
        seen.page.locator("a.phrase.fail", has_text="objects that have been removed").first.click()
        seen.page.locator("tr.words:target a.chip", has_text="SYN-1").first.click()
        seen.page.locator(f"{FAILED} td a", has_text="removed-on-server").click()
        seen.page.locator(".case:target .wire .number a", has_text="9").first.click()
        assert seen.page.locator(".line.decided:target").is_visible()
        seen.page.locator(".case", has_text="removed-on-server").locator("figcaption a", has_text="step 3c").click()
        assert seen.page.locator("tr.words:target").is_visible()
        assert seen.said == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_link_unfolds_the_transcript(scripts: bool, browser: Browser, file: Path) -> None:  # noqa: FBT001
    """The address of a wire entry opens the transcript that holds it, with scripts and without."""
    with Watched(browser, file, ENTRY, java_script_enabled=scripts) as seen:
        seen.page.locator(".line.decided:target").wait_for(state="visible")


def test_it_is_read_without_scripts(browser: Browser, file: Path) -> None:
    """Everything is there but the search; what is folded opens by itself."""
    with Watched(browser, file) as with_scripts, Watched(browser, file, java_script_enabled=False) as seen:
        assert not seen.page.locator("#search").is_visible()
        assert seen.page.locator("main").inner_text() == with_scripts.page.locator("main").inner_text()
        seen.page.locator("details.transcript summary").first.click()
        assert seen.page.locator("details.transcript .wire").first.is_visible()


def test_it_is_printed(browser: Browser, file: Path) -> None:
    """Print shows what is folded, hides what only serves the screen, ignores a filter, and makes a PDF."""
    with Watched(browser, file, "?outcome=fail") as seen:
        seen.page.emulate_media(media="print")
        assert not seen.page.locator("#search, nav").first.is_visible()
        assert seen.page.locator(PASSED).is_visible()
        assert seen.page.locator(".derived").first.is_visible()
        assert seen.page.pdf(format="A4").startswith(b"%PDF-")


def test_the_keyboard_is_enough(browser: Browser, file: Path) -> None:
    """The first key press offers to skip to the verdict, the focus is seen, and Enter unfolds a transcript."""
    with Watched(browser, file) as seen:
        seen.page.keyboard.press("Tab")
        skip = seen.page.locator("a.skip")
        assert (
            skip.evaluate("(each) => document.activeElement === each && getComputedStyle(each).outlineWidth") == "3px"
        )
        box = skip.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.activeElement.id") == "verdict"
        seen.page.locator("details.transcript summary").first.focus()
        seen.page.keyboard.press("Enter")
        assert seen.page.locator("details.transcript .wire").first.is_visible()
