"""Signing in, and where to search: what the page sends with a question."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from page_driving import answered
from page_stories import citation, document, events, hit_of, record, sentence
from scripted_server import ScriptedServer, Stream

if TYPE_CHECKING:
    from playwright.sync_api import Page

STORM = document("runbooks/alarm-storm.txt")
HIT = hit_of(STORM)
ANSWER = record("generated", [sentence("Said.", citation(1, HIT, HIT["text"][:9]))])
FACETS = [
    {"field": "source", "counts": [{"value": "a.md", "count": 3}, {"value": "b.md", "count": 1}]},
    {"field": "language", "counts": [{"value": "en", "count": 4}]},
]


def scripted(server: ScriptedServer, page: Page, **about: object) -> None:
    """A server that answers, loaded anew."""
    server.documents["runbooks/alarm-storm.txt"] = STORM
    server.answer = lambda body: Stream(events([HIT], ANSWER))
    server.facets = FACETS
    server.about = about
    page.reload()


def test_a_token_is_asked_for_and_sent(page: Page, server: ScriptedServer) -> None:
    """A wrong one is refused in words; the right one lasts for the tab and goes with each call."""
    server.login = "Bearer right"
    scripted(server, page, login="token")
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("This login is not accepted").wait_for()
    page.get_by_label("Token").fill(" right ")
    page.get_by_role("button", name="Sign in").click()
    answered(page).locator(".chip").click()
    page.get_by_text("Carriers throttle").wait_for()
    page.get_by_role("button", name="This helped").click()
    page.get_by_text("Thank you.").wait_for()
    with_login = [asked.authorization for asked in server.asked if asked.path != "/v1/about"]
    assert with_login == ["Bearer right"] * 3
    page.reload()
    page.locator("#question").wait_for()


def test_an_own_login_is_an_api_key_or_a_name(page: Page, server: ScriptedServer) -> None:
    """Both as Elasticsearch wants them, whatever characters they have."""
    server.login = "ApiKey a2V5"
    scripted(server, page, login="elasticsearch")
    page.get_by_label("API key").fill("a2V5")
    page.get_by_role("button", name="Sign in").click()
    page.locator("#question").wait_for()
    page.get_by_role("button", name="Sign out").click()
    server.login = "Basic " + base64.b64encode("zoë:pä:ss ".encode()).decode()
    page.get_by_role("button", name="Use a name and a password").click()
    page.get_by_label("Name").fill("zoë")
    page.get_by_label("Password").fill("pä:ss ")
    page.get_by_role("button", name="Sign in").click()
    page.locator("#question").wait_for()


def test_signing_out_leaves_nothing(page: Page, server: ScriptedServer) -> None:
    """No login, no conversation, no document: not on the page and not in the tab."""
    server.login = "Bearer right"
    scripted(server, page, login="token")
    page.get_by_label("Token").fill("right")
    page.get_by_role("button", name="Sign in").click()
    answered(page).locator(".chip").click()
    page.wait_for_selector("#reader mark")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token").wait_for()
    assert page.locator(".turn").count() == 0
    assert page.locator("#reader").inner_text() == ""
    assert page.evaluate("JSON.stringify(sessionStorage)") == "{}"
    page.reload()
    page.get_by_label("Token").wait_for()


def test_a_login_that_ends_is_asked_for_again(page: Page, server: ScriptedServer) -> None:
    """The conversation waits behind it, and the question can be asked again."""
    server.login = "Bearer right"
    scripted(server, page, login="token")
    page.get_by_label("Token").fill("right")
    page.get_by_role("button", name="Sign in").click()
    answered(page, "First?")
    server.login = "Bearer other"
    page.fill("#question", "Second?")
    page.press("#question", "Enter")
    page.get_by_text("not accepted any more").wait_for()
    page.get_by_label("Token").fill("other")
    page.get_by_role("button", name="Sign in").click()
    page.locator(".turn").last.get_by_role("button", name="Ask again").click()
    page.wait_for_selector(".turn:nth-child(3) .sentence")
    assert page.locator(".question").all_inner_texts() == ["First?", "Second?", "Second?"]


def test_another_login_sees_nothing_of_the_one_before(page: Page, server: ScriptedServer) -> None:
    """Where answers come about with the reader's own rights, also over a reload."""
    server.login = "ApiKey first"
    scripted(server, page, login="elasticsearch", auth="pass-through")
    page.get_by_label("API key").fill("first")
    page.keyboard.press("Enter")
    answered(page, "First?")
    page.reload()
    page.locator(".question").first.wait_for()
    assert page.locator(".question").all_inner_texts() == ["First?"]
    server.login = "ApiKey second"
    page.fill("#question", "Second?")
    page.press("#question", "Enter")
    page.get_by_label("API key").fill("second")
    page.keyboard.press("Enter")
    page.locator("#welcome").wait_for()
    assert page.locator(".turn").count() == 0
    assert "First?" not in page.evaluate("JSON.stringify(sessionStorage)")
    answered(page, "Third?")
    assert server.bodies("/v1/ask")[-1]["history"] == []


def test_filters_are_chosen_from_what_was_found(page: Page, server: ScriptedServer) -> None:
    """Facets to tick, other values to type, dates, metadata; they are sent and can be removed."""
    scripted(server, page)
    answered(page)
    page.click("#filter")
    sheet = page.locator("#filters")
    sheet.get_by_role("checkbox", name="b.md").check()  # counted for the question asked last
    assert server.bodies("/v1/search") == [
        {"question": "What is an alarm storm?", "size": 1, "facets": True}
    ]
    sheet.get_by_label("Language: another value").fill("sv")
    sheet.get_by_label("Language: another value").press("Enter")
    sheet.get_by_label("Author: another value").fill("Zoë")
    sheet.get_by_label("Published from").fill("2026-01-31")
    sheet.get_by_label("Metadata: name").fill("team")
    sheet.get_by_label("Metadata: value").fill("on call")
    sheet.get_by_role("button", name="Use these").click()
    turn = answered(page)
    assert server.bodies("/v1/ask")[1]["filters"] == {
        "source": ["b.md"],
        "language": ["sv"],
        "author": ["Zoë"],
        "published_from": "2026-01-31",
        "metadata": {"team": "on call"},
    }
    assert "with 5 filters" in turn.locator(".context").inner_text()
    assert page.locator("#filter-label").inner_text() == "Filters (5)"
    for name in ("team: on call", "Language: sv", "Published from: 2026-01-31", "Author: Zoë"):
        page.get_by_role("button", name=f"Remove the filter {name}").click()
    page.click("#filter")
    assert sheet.get_by_role("checkbox", name="b.md").is_checked()
    sheet.get_by_role("button", name="Close the filters").click()
    answered(page)
    assert server.bodies("/v1/ask")[2]["filters"] == {"source": ["b.md"]}


def test_a_refusal_under_filters_can_be_asked_without(page: Page, server: ScriptedServer) -> None:
    """The way out is offered where it may help."""
    scripted(server, page)
    server.answer = lambda body: Stream(events([HIT], record("refused", [sentence("No.")])))
    page.click("#filter")
    page.get_by_label("Language: another value").fill("sv")
    page.get_by_role("button", name="Use these").click()
    turn = answered(page)
    turn.get_by_role("button", name="Ask without filters").click()
    page.wait_for_selector(".turn:nth-child(2)[aria-busy=false]")
    assert [body["filters"] for body in server.bodies("/v1/ask")] == [{"language": ["sv"]}, {}]


def test_a_server_that_is_not_there_says_so(page: Page, server: ScriptedServer) -> None:
    """The page was loaded before; the first call fails."""
    page.route("**/v1/about", lambda route: route.abort())
    page.reload()
    assert "cannot be reached" in page.get_by_role("alert").inner_text()
