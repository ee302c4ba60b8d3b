"""Who can use the page: axe finds nothing, everything is done by keyboard, and words are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from page_driving import answered, ask, marked
from page_stories import REFUSAL, citation, document, events, hit_with, record, sentence
from scripted_server import Refusal, ScriptedServer, Stream

if TYPE_CHECKING:
    from playwright.sync_api import Page

STORM = document(
    "runbooks/alarm-storm.txt", title="Runbook: alarm storm", url="https://a.example/s"
)
LIMITS = document("reference/limits-and-quotas.md", title="Limits and quotas", size=900)
IS = "An alarm storm is more than 200 alarms of one organisation within 10 minutes."
HITS = [hit_with(STORM, IS), hit_with(LIMITS, "Text messages included")]
SAID = [
    sentence(IS, citation(1, HITS[0], IS)),
    sentence("Limits differ by plan.", citation(2, HITS[1], "Text messages included")),
]
GENERATED = record("generated", SAID, notes=["The reranker was not asked."])
FACETS = [{"field": "source", "counts": [{"value": "runbooks/alarm-storm.txt", "count": 3}]}]


@pytest.fixture(autouse=True)
def scripted(server: ScriptedServer) -> None:
    """Answers with two sentences, and has the documents."""
    server.documents = {found["document_id"]: found for found in (STORM, LIMITS)}
    server.answer = lambda body: Stream(events(HITS, GENERATED))
    server.facets = FACETS


def empty(page: Page, server: ScriptedServer) -> None:
    """Nothing asked yet."""
    page.wait_for_selector("#welcome:visible")


def streaming(page: Page, server: ScriptedServer) -> None:
    """A sentence stands there, another is to come."""
    server.answer = lambda body: Stream(events(HITS, GENERATED), gate=threading.Event(), held=2)
    ask(page).locator(".sentence").wait_for()


def opened(page: Page, server: ScriptedServer) -> None:
    """An answer with everything unfolded, and a table beside it."""
    turn = answered(page)
    turn.locator(".story summary").click()
    turn.get_by_role("button", name="This did not help").click()
    turn.locator(".chip").nth(1).click()
    marked(page)


def refused(page: Page, server: ScriptedServer) -> None:
    """The documents are silent; a passage besides is open over the page."""
    server.answer = lambda body: Stream(events(HITS, record("refused", [sentence(REFUSAL)])))
    turn = answered(page)
    turn.locator("summary").first.click()


def in_part(page: Page, server: ScriptedServer) -> None:
    """A sentence without support, and a quoted answer after it."""
    doubtful = [SAID[0], sentence("It lasts four hours.", supported=False)]
    server.answer = lambda body: Stream(events(HITS, record("generated", doubtful)))
    answered(page)
    server.answer = lambda body: Stream(events(HITS, record("quoted", SAID[:1])))
    answered(page)


def failed(page: Page, server: ScriptedServer) -> None:
    """An error, and a countdown."""
    server.answer = lambda body: Refusal(503, "unavailable", "No cluster.", "Start it.")
    answered(page)
    server.answer = lambda body: Refusal(429, "busy", "All places are taken.", retry_after=60)
    answered(page)


def filtering(page: Page, server: ScriptedServer) -> None:
    """The filters, with facets to choose from."""
    answered(page)
    page.click("#filter")
    page.locator("#filters").get_by_role("checkbox").check()


def signing_in(page: Page, server: ScriptedServer) -> None:
    """A login that was refused."""
    server.login, server.about = "ApiKey right", {"login": "elasticsearch"}
    page.reload()
    page.get_by_label("API key").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_text("not accepted").wait_for()


STATES = [empty, streaming, opened, refused, in_part, failed, filtering, signing_in]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_axe_finds_nothing(
    page: Page, server: ScriptedServer, state: Callable[[Page, ScriptedServer], None]
) -> None:
    """In light and dark, beside and over each other, by the rules of WCAG 2.2 AA and more."""
    state(page, server)
    found = []
    for scheme, width in (("light", 1440), ("dark", 375)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 900})
        for violation in Axe().run(page).response["violations"]:
            places = [node["html"][:200] for node in violation["nodes"]]
            found.append((scheme, violation["id"], violation["impact"], places))
    assert found == []


def test_axe_would_find_something(page: Page) -> None:
    """The counter-check: a button without a name and faint words are reported."""
    page.evaluate(
        """() => {
            const words = document.createElement("p");
            words.textContent = "faint";
            words.style.color = "#ddd";
            words.style.background = "#fff";
            document.querySelector("main").append(words, document.createElement("button"));
        }"""
    )
    found = {violation["id"] for violation in Axe().run(page).response["violations"]}
    assert {"button-name", "color-contrast"} <= found


def test_everything_is_done_by_keyboard(page: Page) -> None:
    """Ask, go to a citation, open it, go on to the next, come back, ask again."""
    page.locator("#question").focus()
    page.keyboard.type("What is an alarm storm?")
    page.keyboard.press("Enter")
    page.wait_for_selector(".turn[aria-busy=false]")
    page.locator("#new").focus()
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "document.activeElement.ariaLabel || document.activeElement.textContent"
        )
        reached.append(" ".join(name.split()))
        if reached[-1].startswith("Source 1"):
            break
    assert reached[-1] == "Source 1: Runbook: alarm storm"
    page.keyboard.press("Enter")
    assert marked(page) == IS
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Next":
            break
    page.keyboard.press("Enter")
    assert marked(page) == "Text messages included"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.ariaLabel") == "Source 1: Runbook: alarm storm"


def test_what_happens_is_told(page: Page, server: ScriptedServer) -> None:
    """To screen readers: that it searches, each sentence, the end, and errors."""
    gate = threading.Event()
    server.answer = lambda body: Stream(events(HITS, GENERATED), gate=gate, held=0)
    turn = ask(page)
    status = page.get_by_role("status").filter(has_text="Searching")
    status.wait_for()
    gate.set()
    page.get_by_text("Answer complete, 2 sources.").wait_for()
    assert turn.locator(".sentences").get_attribute("aria-live") == "polite"
    assert turn.get_attribute("aria-busy") == "false"
    assert page.get_by_role("heading", level=2).first.inner_text() == "What is an alarm storm?"
    server.answer = lambda body: Refusal(503, "unavailable", "No cluster.")
    answered(page)
    assert "No cluster." in page.get_by_role("alert").inner_text()


def test_colours_follow_the_system_and_the_reader(page: Page) -> None:
    """The reader's choice goes before the system's, and lasts."""
    background = "getComputedStyle(document.documentElement).backgroundColor"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(background)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(background)
    assert light != dark
    page.click("#theme")
    assert page.evaluate(background) == light
    page.reload()
    assert page.evaluate(background) == light
    page.click("#theme")
    page.emulate_media(color_scheme="light")
    assert page.evaluate(background) == dark
    page.click("#theme")
    assert page.evaluate(background) == light
