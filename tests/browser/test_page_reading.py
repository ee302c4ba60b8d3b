"""Reading on the page: a citation opens its passage in the document, with the words marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from page_driving import answered, ask, marked
from page_stories import citation, cut, document, events, hit_of, hit_with, record, sentence
from scripted_server import ScriptedServer, Stream

if TYPE_CHECKING:
    from playwright.sync_api import Page

STORM = document(
    "runbooks/alarm-storm.txt", title="Runbook: alarm storm", url="https://a.example/s"
)
IS = "An alarm storm is more than 200 alarms of one organisation within 10 minutes."
ENDS = "after 90 minutes it ends for good"


def story(server: ScriptedServer, found: dict, *quotes: str) -> None:
    """Answers with a sentence for each of these words of a document."""
    hits = [hit_with(found, quote) for quote in quotes]
    said = [
        sentence(f"Sentence {number}.", citation(number, hit, quote))
        for number, (hit, quote) in enumerate(zip(hits, quotes, strict=True), start=1)
    ]
    server.documents[found["document_id"]] = found
    server.answer = lambda body: Stream(events(hits, record("generated", said)))


def test_a_citation_opens_its_passage(page: Page, server: ScriptedServer) -> None:
    """In the document, in view, with the cited words marked; the next is a step away."""
    story(server, STORM, IS, ENDS)
    turn = answered(page)
    turn.locator(".chip").nth(1).click()
    assert marked(page) == ENDS
    page.get_by_text("Carriers throttle us").wait_for()
    assert page.locator("#reader mark.first").is_visible()
    assert page.evaluate(
        """() => {
            const inner = document.querySelector("#reader mark").getBoundingClientRect();
            const outer = document.querySelector(".reader-text").getBoundingClientRect();
            return inner.top >= outer.top && inner.bottom <= outer.bottom;
        }"""
    )
    assert page.locator("#reader-title").inner_text() == "Runbook: alarm storm"
    assert page.evaluate("document.activeElement.id") == "reader-title"
    assert turn.locator(".chip[aria-current=true]").inner_text() == "2"
    page.get_by_role("button", name="Previous").click()
    assert marked(page) == IS
    page.keyboard.press("Escape")
    assert page.locator("#reader").is_hidden()
    assert page.evaluate("document.activeElement.textContent") == "2"


def test_a_document_grows_in_both_directions(page: Page, server: ScriptedServer) -> None:
    """What lies further away is fetched when it is asked for, until there is no more."""
    text = "\n\n".join(f"Paragraph {number} says something." for number in range(30))
    story(server, cut("long.txt", text, size=20), "Paragraph 15 says")
    answered(page).locator(".chip").click()
    page.get_by_text("Paragraph 18 says").wait_for()
    assert page.get_by_text("Paragraph 11 says").count() == 0
    for words in ("Show what stands before", "Show what follows"):
        for _ in range(3):
            page.get_by_role("button", name=words).click()
        page.get_by_role("button", name=words).wait_for(state="detached")
    assert page.locator("#reader .passage").count() == 30
    assert marked(page) == "Paragraph 15 says"


def test_offsets_count_characters_not_units(page: Page, server: ScriptedServer) -> None:
    """Emoji before and inside the cited words do not shift the mark."""
    text = "\N{GRINNING FACE} Before. The \N{SNOWFLAKE}\N{GRINNING FACE} melts. After."
    quote = "The \N{SNOWFLAKE}\N{GRINNING FACE} melts."
    story(server, cut("emoji.txt", "\N{GRINNING FACE}" * 30 + "\n\n" + text, size=10), quote)
    answered(page).locator(".chip").click()
    assert marked(page) == quote


def test_text_is_shown_as_what_it_is(page: Page, server: ScriptedServer) -> None:
    """Headings, lists, tables and code look like it, and a mark may go across them."""
    text = (
        "# Limits\n\nSome **bold** and `code`\nin two lines.\n\n- one\n- two\n  goes on\n\n"
        "| Kind | Most |\n|---|---|\n| texts | 40 |\n\n```\nkeep   this\n```\n\n    indent --x\n"
    )
    found = cut("all.md", text, size=1000)
    story(server, found, text[text.index("- two") : text.index("40") + 2])
    answered(page).locator(".chip").click()
    page.wait_for_selector("#reader mark")
    shown = page.locator("#reader .passage")
    assert shown.locator(".text-heading").inner_text() == "Limits"
    assert shown.locator("p").nth(1).inner_text() == "Some bold and code in two lines."
    assert shown.locator("li").all_inner_texts() == ["one", "two goes on"]
    assert shown.locator("th").all_inner_texts() == ["Kind", "Most"]
    assert shown.locator("pre").all_inner_texts() == ["keep   this", "    indent --x"]
    assert marked(page) == "two goes on Kind Most texts 40"


def test_lines_break_where_they_were_meant_to(page: Page, server: ScriptedServer) -> None:
    """Lines that were full go on as one paragraph; short ones stay apart, and lists go on."""
    text = (
        "The team on call\nDate: 14 September 2026\nThis line is as long as the page was wide,"
        " so that\nit goes on here.\n\n1. First\n\n   It is indented, yet it is prose.\n\n"
        "   run --this\n"
    )
    story(server, cut("lines.txt", text, size=1000), "Date: 14 September 2026")
    answered(page).locator(".chip").click()
    assert marked(page) == "Date: 14 September 2026"
    shown = page.locator("#reader .passage")
    assert shown.locator("p").first.inner_text() == (
        "The team on call\nDate: 14 September 2026\n"
        "This line is as long as the page was wide, so that it goes on here."
    )
    assert shown.locator("p.continued").inner_text() == "It is indented, yet it is prose."
    assert shown.locator("pre").all_inner_texts() == ["   run --this"]


def test_without_the_document_its_passage_is_shown(page: Page, server: ScriptedServer) -> None:
    """A document that may not be read any more: the passage is known, and the page says so."""
    story(server, STORM, IS)
    server.documents.clear()
    answered(page).locator(".chip").click()
    assert marked(page) == IS
    page.get_by_text("Only the passage itself can be shown.").wait_for()


def test_an_id_cannot_lead_elsewhere(page: Page, server: ScriptedServer) -> None:
    """Dots and slashes of a document id stay one part of the address."""
    story(server, cut("../../v1/about?x#y", "Some words.", size=1), "Some words")
    turn = answered(page)
    with page.expect_response("**/v1/documents/**"):
        turn.locator(".chip").click()
    assert marked(page) == "Some words"
    assert page.locator(".reader-note").inner_text() == ""
    assert server.asked[-1].path == "/v1/documents/..%2F..%2Fv1%2Fabout%3Fx%23y"


def test_passages_besides_show_why_they_were_found(page: Page, server: ScriptedServer) -> None:
    """What was read and is not cited can be opened as well, with its highlights."""
    hit = hit_of(STORM, 0)
    start = hit["text"].index("power cut")
    hit = {**hit, "highlights": [[start, start + len("power cut")]]}
    answer = record("refused", [sentence("No.")])
    server.documents[STORM["document_id"]] = STORM
    server.answer = lambda body: Stream(events([hit], answer))
    turn = answered(page)
    turn.locator("summary").first.click()
    turn.locator(".found-list button").click()
    assert marked(page) == "power cut"


def test_a_narrow_window_is_covered_by_the_document(page: Page, server: ScriptedServer) -> None:
    """As a dialog over the page, which keeps the focus until it is closed."""
    page.set_viewport_size({"width": 375, "height": 812})
    story(server, STORM, ENDS)
    turn = answered(page)
    turn.locator(".source").click()
    assert marked(page) == ENDS
    assert page.evaluate("document.querySelector('#reader').matches(':modal')")
    box = page.locator("#reader-title").bounding_box()
    assert box
    assert 0 < box["y"] < 200
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator("#reader:modal").wait_for(state="detached")
    page.get_by_role("button", name="Close the document").click()
    assert page.evaluate("document.activeElement.className") == "source"


def test_the_page_fits_every_width(page: Page, server: ScriptedServer) -> None:
    """Nothing needs to be scrolled sideways, whatever words come."""
    long = "Unbroken" * 60
    hit = {**hit_of(STORM), "title": long, "source": long, "url": f"https://a.example/{long}"}
    server.documents[STORM["document_id"]] = STORM
    said = [sentence(long, citation(1, hit, IS))]
    server.answer = lambda body: Stream(events([hit], record("generated", said)))
    ask(page, long)
    page.wait_for_selector(".turn[aria-busy=false]")
    page.locator(".chip").click()
    for width in (1440, 1024, 768, 375, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
        reader = page.evaluate("document.querySelector('#reader').getBoundingClientRect().right")
        assert reader <= width, width
