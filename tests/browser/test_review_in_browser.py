"""The review page in Chromium, opened from disk: keys, edits, downloads, and no network."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import Tab
from making_desk import passage

from esrag.evaluation.question_sets.merging import merge_questions, merge_sheet
from esrag.evaluation.question_sets.records import SetQuestion, as_text, read_set
from esrag.evaluation.question_sets.review_page import render_review
from esrag.evaluation.question_sets.sheets import read_sheet
from esrag.questions import Evidence

if TYPE_CHECKING:
    from playwright.sync_api import Page

SET = (
    SetQuestion(
        "one", "How many eggs?", "table", "test", "5,000 eggs", (("5,000 eggs", "5000"),),
        (Evidence("a.md", "A crate holds 5,000 eggs.", (Evidence("b.md", "5,000 eggs"),)),),
        other={"source": {"maker": "template:table", "documents": ["a.md"]}},
    ),
    SetQuestion(
        "two", "When was Tern 4.2.7 released?", "unanswerable", "test", answerable=False,
        other={"why": '"4.2.7" stands in none of the documents.'},
    ),
    SetQuestion("three", "=1+1 </script><b>?", "own", answer="-200", answer_groups=(("-200",),)),
)  # fmt: skip
CRATES = passage("a#0", "Crates. A crate holds 5,000 eggs. So it is.", document_id="a.md")


@pytest.fixture
def review(tab: Tab, tmp_path: Path) -> Iterator[Page]:
    """The page of three questions from disk; a script that fails in it fails the test."""
    file = tmp_path / "review.html"
    file.write_text(render_review("terns", SET, [CRATES]), encoding="utf-8")
    tab.failures.clear()
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.page.goto(file.as_uri())
    tab.page.evaluate("localStorage.clear()")
    tab.page.reload()
    yield tab.page
    assert tab.failures == []
    assert all(url.startswith(("file:", "blob:")) for url in asked)
    tab.page.evaluate("onbeforeunload = null; localStorage.clear()")


def saved(page: Page, name: str, folder: Path) -> Path:
    """What the button of that name lets a reader download."""
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def statuses(page: Page) -> list[str | None]:
    """What is said of each question."""
    return [each.get_attribute("data-status") for each in page.locator("article").all()]


def test_keys_review_the_set_and_the_download_goes_back(review: Page, tmp_path: Path) -> None:
    """Accept, reject, comment; what is saved is taken in with nothing else changed."""
    review.keyboard.press("a")
    review.keyboard.press("r")
    review.keyboard.press("k")
    review.keyboard.press("c")
    review.locator("textarea[name=note]").fill("nobody asks so")
    review.get_by_role("button", name="Keep").click()
    assert statuses(review) == ["reviewed", "rejected", "open"]
    assert "✓ 1 ✗ 1 ○ 1" in " ".join(review.locator("output").inner_text().split())
    file = saved(review, "Save JSONL", tmp_path)
    assert file.name == "terns.review.jsonl"
    merged = merge_questions(file, SET, read_set(file))
    one, two, three = merged.questions
    assert as_text([three]) == as_text([SET[2]])
    assert (one.status, two.status, two.note) == ("reviewed", "rejected", "nobody asks so")
    assert one.evidence == SET[0].evidence
    assert dict(one.other) == dict(SET[0].other)


def test_an_edit_changes_the_question_and_its_forms(review: Page, tmp_path: Path) -> None:
    """Two groups of forms; the page shows them at once, and both files hold them."""
    review.keyboard.press("e")
    review.locator("textarea[name=question]").fill("How many eggs a crate?")
    review.locator("textarea[name=forms]").fill("5,000\n5000\n\ncrate | box")
    review.get_by_role("button", name="Keep").click()
    assert review.locator("article").first.locator("h2").inner_text() == "How many eggs a crate?"
    assert review.locator("article").first.locator(".forms").count() == 2
    wanted = (("5,000", "5000"), ("crate | box",))
    (one, *_) = read_set(saved(review, "Save JSONL", tmp_path))
    assert (one.question, one.answer_groups) == ("How many eggs a crate?", wanted)
    table = saved(review, "Save TSV", tmp_path)
    (one, *_) = merge_sheet(table, SET, read_sheet(table)).questions
    assert (one.question, one.answer_groups) == ("How many eggs a crate?", wanted)
    assert one.evidence == SET[0].evidence


def test_the_table_of_the_page_holds_no_formula(review: Page, tmp_path: Path) -> None:
    """A cell that a spreadsheet would run begins with an apostrophe."""
    text = saved(review, "Save TSV", tmp_path).read_text(encoding="utf-8")
    for row in csv.reader(io.StringIO(text), delimiter="\t"):
        assert not any(cell[:1] in "=+-@" for cell in row if cell)
    assert "'=1+1" in text


def test_what_was_said_outlives_a_reload(review: Page) -> None:
    """The browser keeps it, as far as it keeps anything for a file; undoing is kept as well."""
    review.on("dialog", lambda dialog: dialog.accept())
    review.keyboard.press("r")
    review.reload()
    assert statuses(review) == ["rejected", "open", "open"]
    review.keyboard.press("u")
    assert statuses(review) == ["open", "open", "open"]


def test_filters_and_search_hide_the_others(review: Page) -> None:
    """By type, by status and by words; keys move among what is shown."""
    review.get_by_role("combobox").select_option("type unanswerable")
    assert review.locator("article:visible").count() == 1
    review.get_by_role("combobox").select_option("")
    review.get_by_role("searchbox").fill("crate holds")
    assert review.locator("article:visible h2").inner_text() == "How many eggs?"


def test_it_is_readable_without_its_script(review: Page, tab: Tab, tmp_path: Path) -> None:
    """Questions, answers and marked evidence are there, and how to go on is told."""
    browser = tab.page.context.browser
    assert browser is not None
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(review.url)
        assert page.locator("mark").inner_text() == "A crate holds 5,000 eggs."
        assert page.get_by_text("esrag questions export NAME --tsv FILE").is_visible()
        assert page.get_by_role("button").count() == 0


def test_words_of_others_stay_words(review: Page) -> None:
    """Neither a question nor the data for the script ends the script."""
    assert review.locator("article").nth(2).locator("h2").inner_text() == "=1+1 </script><b>?"
    assert review.locator("b").count() == 0
    given = json.loads(review.locator("#data").text_content() or "")
    assert given["questions"][2]["question"] == "=1+1 </script><b>?"
