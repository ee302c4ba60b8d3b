"""A report of a comparison in Chromium: without script and with it, hostile texts in it or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from hostile_texts import ADDRESSES, TEXTS
from playwright.sync_api import expect

from esrag.evaluation.report.page import render_page
from tests.comparison_story import sample_run
from tests.hostile_comparison import hostile_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

QUESTIONS = 20
SHOWN = "#questions > article:not([hidden])"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WATCH = """
window.ran = [];
for (const name of ["alert", "confirm", "prompt", "print", "open"]) {
    window[name] = (...given) => { window.ran.push(`${name} ${given}`); };
}
"""


class Opened:
    """A page from a file, and everything that it asked for or complained about."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.asked: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))
        page.goto(url)

    def check(self) -> None:
        """Nothing but the file was asked for, nothing ran, nobody complained."""
        assert [url for url in self.asked if url.split("#")[0] != self.url] == []
        assert self.said == []
        assert self.page.url.split("#")[0] == self.url


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the sample's report."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_page(sample_run(QUESTIONS)), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opening(chromium: Browser) -> Iterator[Callable[..., Opened]]:
    """Opens a file in a window of its own."""
    contexts = []

    def open_(url: str, *, width: int = 1440, script: bool = True, scheme: str = "light") -> Opened:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            java_script_enabled=script,
            color_scheme="dark" if scheme == "dark" else "light",
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.add_init_script(WATCH)
        return Opened(page, url)

    yield open_
    for context in contexts:
        context.close()


def test_the_page_is_usable_by_everybody(opening: Callable[..., Opened], tmp_path: Path) -> None:
    """Axe finds nothing, light and dark, wide and narrow, with verdicts and folds open."""
    path = tmp_path / "report.html"
    run = sample_run(1)
    small = replace(run, systems=run.systems[1:4], measures=run.measures[:5])
    path.write_text(render_page(small), encoding="utf-8")
    for width, scheme in ((1440, "light"), (375, "dark")):
        opened = opening(path.as_uri(), width=width, scheme=scheme)
        opened.page.locator("details").evaluate_all(
            "all => all.slice(0, 40).forEach(each => { each.open = true; })"
        )
        found = [
            (violation["id"], [node["html"][:200] for node in violation["nodes"]])
            for violation in Axe().run(opened.page).response["violations"]
        ]
        assert found == []
        assert opened.page.evaluate(WIDER) == 0
        opened.check()


def test_everything_is_there_without_script(report: str, opening: Callable[..., Opened]) -> None:
    """All questions, no dead controls, and each verdict opens by keyboard."""
    opened = opening(report, script=False)
    page = opened.page
    assert page.locator("#questions > article").count() == QUESTIONS
    assert not page.locator("#filters").is_visible()
    card = page.locator("#q1 .card", has=page.locator(".contradicted")).first
    span = card.locator(".contradicted").first
    assert "The evidence says" not in card.inner_text()
    span.locator("summary").focus()
    page.keyboard.press("Enter")
    assert span.get_attribute("open") is not None
    assert span.locator(".reason").is_visible()
    assert "The evidence says" in card.inner_text()
    opened.check()


def test_a_verdict_is_told_on_hovering_and_on_focus(
    report: str, opening: Callable[..., Opened]
) -> None:
    """Its reason and evidence, over the text and gone with Escape."""
    opened = opening(report)
    page = opened.page
    span = page.locator("#q1 .contradicted").first
    reason = span.locator(".reason")
    seen = "element => element.checkVisibility({ contentVisibilityAuto: true })"
    assert not reason.evaluate(seen)
    span.locator(".words").hover(position={"x": 4, "y": 6})
    assert reason.evaluate(seen)
    page.keyboard.press("Escape")
    assert not reason.evaluate(seen)
    page.mouse.move(5, 5)
    span.locator("summary").focus()
    assert reason.evaluate(seen)
    opened.check()


def test_questions_are_filtered_searched_and_ordered(
    report: str, opening: Callable[..., Opened]
) -> None:
    """By type, system, outcome, verdict and words; the order by disagreement goes down."""
    run = sample_run(QUESTIONS)
    opened = opening(report)
    page = opened.page
    shown = page.locator(SHOWN)
    status = page.locator("#shown")
    assert status.inner_text() == f"{QUESTIONS} of {QUESTIONS} questions"
    page.get_by_role("combobox", name="Type").select_option("unanswerable")
    wanted = sum(question.kind == "unanswerable" for question in run.questions)
    expect(shown).to_have_count(wanted)
    page.get_by_role("button", name="Clear").click()
    failed = sum(each.reply.status == "failed" for each in run.scored["fine-tuned"])
    assert failed
    page.get_by_role("combobox", name="System").select_option("fine-tuned")
    page.get_by_role("combobox", name="Came out").select_option("failed")
    expect(shown).to_have_count(failed)
    assert status.inner_text().startswith(f"{failed} of ")
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("searchbox").fill("  SILTBASE 4.2.1 come OUT ")
    expect(shown).to_have_count(2)
    assert "When did Siltbase 4.2.1 come out?" in shown.first.inner_text()
    page.get_by_role("searchbox").fill("no such words anywhere")
    page.get_by_text("No question is left by these filters.").wait_for()
    page.evaluate("location.hash = '#q7'")
    expect(shown).to_have_count(QUESTIONS)
    page.get_by_role("combobox", name="Order").select_option("most disagreement first")
    expect(shown.first).not_to_have_id("q1")
    apart = shown.evaluate_all("all => all.map(each => Number(each.dataset.apart))")
    assert apart == sorted(apart, reverse=True)
    page.get_by_role("button", name="Next").click()
    assert page.evaluate("document.activeElement.className") == "number"
    opened.check()


def test_hostile_texts_run_nothing_and_call_nobody(
    opening: Callable[..., Opened], tmp_path: Path
) -> None:
    """In every place of the page, with its policy and without it, and with everything open."""
    whole = render_page(hostile_run([*TEXTS, "W" * 5000], ADDRESSES))
    start = whole.index("<meta http-equiv")
    bare = whole[:start] + whole[whole.index(">", start) + 1 :]
    assert "Content-Security-Policy" not in bare.split("<style")[0]
    for name, text in (("with", whole), ("without", bare)):
        path = tmp_path / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        opened = opening(path.as_uri())
        page = opened.page
        assert page.locator("#questions > article").count() == len(TEXTS) + 1
        assert page.locator(".card").count() == 4 * (len(TEXTS) + 1)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        assert page.evaluate(WIDER) == 0
        page.get_by_role("searchbox").fill("window.ran.push")
        page.wait_for_timeout(300)
        assert page.evaluate("window.ran") == []
        assert page.title().endswith("esrag compare")
        opened.check()


def test_hostile_texts_would_act_where_they_are_taken_for_markup(
    opening: Callable[..., Opened], tmp_path: Path
) -> None:
    """The counter-check: put into a page as markup, they run and call."""
    path = tmp_path / "careless.html"
    texts = [text for text in TEXTS if "http-equiv" not in text and "<base" not in text]
    path.write_text("<!doctype html><div>" + "</div><div>".join(texts[:40]), encoding="utf-8")
    opened = opening(path.as_uri())
    opened.page.wait_for_timeout(300)
    assert len(opened.page.evaluate("window.ran")) >= 10
    assert any("attacker.example" in url for url in opened.asked)


def test_printing_opens_every_verdict(report: str, opening: Callable[..., Opened]) -> None:
    """On paper there is no hovering: reasons stand below the words, controls are gone."""
    opened = opening(report)
    opened.page.emulate_media(media="print")
    reason = opened.page.locator("#q1 .contradicted .reason").first
    assert reason.evaluate("element => element.getBoundingClientRect().height") > 10
    assert reason.evaluate("element => element.checkVisibility({ contentVisibilityAuto: true })")
    assert not opened.page.locator("#filters").is_visible()
    assert not opened.page.locator("header.bar").is_visible()
    bar = opened.page.locator(".plot rect.bar").first
    assert bar.evaluate("element => element.getBoundingClientRect().width") > 1
    opened.check()
