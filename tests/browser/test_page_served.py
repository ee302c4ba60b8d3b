"""The page under esrag's own server: its policy, its routes, its logins and its ends of streams."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from page_driving import answered, ask, marked, words
from served import QUESTION, TEXT, ScriptedService, app_of
from serving_servers import holds, serving

from esrag.errors import UnavailableError
from esrag.server.callers import Door

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

# collects what the policy had to stop; nothing may
WATCH = """
window.stopped = [];
addEventListener("securitypolicyviolation", (event) => {
    window.stopped.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""
Open = Callable[..., "Page"]


@pytest.fixture
def opened(context: BrowserContext) -> Iterator[Open]:
    """Opens the page of a real server around a scripted service."""
    with ExitStack() as ending:

        def open_page(service: ScriptedService, **rules: Any) -> Page:
            served = ending.enter_context(serving(app_of(service, **rules)))
            page = context.new_page()
            ending.callback(page.close)
            page.add_init_script(WATCH)
            page.goto(served.url)
            return page

        yield open_page


def test_the_page_works_under_the_servers_policy(opened: Open) -> None:
    """Ask, open the citation in its document, rate: and the policy had nothing to stop."""
    service = ScriptedService()
    page = opened(service)
    turn = answered(page, QUESTION)
    assert words(turn) == [TEXT]
    with page.expect_response("**/v1/documents/notes?**") as fetched:
        turn.locator(".chip").click()
    assert fetched.value.status == 200
    assert marked(page) == TEXT
    page.keyboard.press("Escape")
    turn.get_by_role("button", name="This helped").click()
    page.get_by_text("Thank you.").wait_for()
    assert [said.rating for said in service.feedback] == ["up"]
    page.click("#filter")
    assert holds(lambda: len(service.queries) == 1)
    assert page.evaluate("window.stopped") == []


def test_the_policy_stops_what_the_page_would_never_do(opened: Open) -> None:
    """The counter-check: markup from strings, scripts in the page, and calls elsewhere."""
    page = opened(ScriptedService())
    refused = page.evaluate(
        """() => {
            try { document.body.innerHTML = "<p>x"; } catch (error) { return error.name; }
        }"""
    )
    assert refused == "TypeError"
    page.evaluate("fetch('http://attacker.example/').catch(() => {})")
    stopped = page.evaluate("window.stopped")
    assert any("require-trusted-types-for" in what for what in stopped)
    assert any("connect-src" in what and "attacker" in what for what in stopped)


def test_stopping_calls_the_answer_off(opened: Open) -> None:
    """Within a second, in the thread that works on it."""
    service = ScriptedService(hold=threading.Event())
    page = opened(service)
    turn = ask(page, QUESTION)
    turn.locator(".sentence").wait_for()
    page.click("#stop")
    assert service.called_off.wait(1.0)
    assert "incomplete" in turn.locator(".notice").inner_text()


def test_an_error_of_the_server_reaches_the_reader(opened: Open) -> None:
    """Before the first sentence and after it: what, and what to do."""
    failure = UnavailableError("Elasticsearch does not answer", hint="Start it.")
    service = ScriptedService(error=failure)
    page = opened(service)
    notice = answered(page, QUESTION).locator(".notice").inner_text()
    assert "Elasticsearch does not answer" in notice
    assert "Start it." in notice
    service.raise_after = 1
    turn = answered(page, QUESTION)
    assert words(turn) == [TEXT]
    assert "Incomplete. Elasticsearch does not answer" in turn.locator(".notice").inner_text()


def test_own_credentials_are_judged_by_the_cluster(opened: Open) -> None:
    """A wrong login is refused in words; with the right one the answer is the caller's own."""
    service = ScriptedService(users={"ApiKey cmlnaHQ6a2V5": "ada"})
    page = opened(service, door=Door("pass-through"))
    page.get_by_label("API key").fill("d3Jvbmc6a2V5")
    page.keyboard.press("Enter")
    page.get_by_text("This login is not accepted").wait_for()
    page.get_by_label("API key").fill("cmlnaHQ6a2V5")
    page.keyboard.press("Enter")
    assert words(answered(page, QUESTION)) == [TEXT]
    assert service.asked[0][0].authorization == "ApiKey cmlnaHQ6a2V5"
