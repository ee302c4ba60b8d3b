"""Asking on the page: what is shown while an answer comes, and however it ends."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from page_driving import answered, ask, words
from page_stories import REFUSAL, citation, document, events, hit_with, record, sentence
from scripted_server import Refusal, ScriptedServer, Stream

from esrag.answering.course import OFF

if TYPE_CHECKING:
    from playwright.sync_api import Page

STORM = document("runbooks/alarm-storm.txt", title="Runbook: alarm storm")
IS = "An alarm storm is more than 200 alarms of one organisation within 10 minutes."
ENDS = "after 90 minutes it ends for good"
HITS = [hit_with(STORM, IS), hit_with(STORM, ENDS), hit_with(STORM, "Carriers throttle")]
SAID = [
    sentence(IS, citation(1, HITS[0], IS)),
    sentence("Bundling ends for good after 90 minutes.", citation(2, HITS[1], ENDS)),
]
GENERATED = record("generated", SAID)
STREAM = b"".join(
    f"event: {name}\ndata: {json.dumps(value)}\n\n".encode()
    for name, value in events(HITS, GENERATED)
)


def telling(*what: Any, **how: Any) -> Any:
    """Answers every question with this stream."""
    return lambda body: Stream(*what, **how)


def test_an_answer_comes_sentence_by_sentence_with_its_sources(
    page: Page, server: ScriptedServer
) -> None:
    """The first sentence and its source stand there while the rest is still being written."""
    gate = threading.Event()
    server.answer = telling(events(HITS, GENERATED), gate=gate, held=2)
    turn = ask(page)
    turn.locator(".sentence").first.wait_for()
    assert words(turn) == [IS]
    assert turn.locator(".source-item").count() == 1
    assert turn.locator(".progress").is_visible()
    assert page.locator("#stop").is_visible()
    gate.set()
    page.wait_for_selector(".turn[aria-busy=false]")
    assert words(turn) == [each["text"] for each in SAID]
    chips = turn.locator(".sentences").get_by_role("button")
    assert chips.all_inner_texts() == ["1", "2"]
    assert chips.last.get_attribute("aria-label") == "Source 2: Runbook: alarm storm"
    assert "each sentence checked" in turn.locator(".label").inner_text()
    assert turn.locator(".progress").is_hidden()
    assert page.locator("#ask").is_visible()


def test_a_refusal_is_shown_as_one(page: Page, server: ScriptedServer) -> None:
    """Not as an answer: with a title of its own, and the closest passages folded away."""
    server.answer = telling(events(HITS, record("refused", [sentence(REFUSAL)])))
    turn = answered(page)
    assert turn.locator(".label").inner_text() == "Not in the documents"
    assert words(turn) == [REFUSAL]
    assert turn.locator(".sources").is_hidden()
    assert "do not answer" in turn.locator("summary").first.inner_text()


def test_quotes_are_shown_as_the_documents_words(page: Page, server: ScriptedServer) -> None:
    """Each quote is a quotation, and the label says whose words they are."""
    server.answer = telling(events(HITS, record("quoted", SAID[:1], notes=["The model failed."])))
    turn = answered(page)
    assert turn.locator(".label strong").inner_text() == "From the documents"
    assert turn.locator("q.words").inner_text() == IS
    assert turn.locator(".notice").inner_text() == "The model failed."


def test_an_unsupported_sentence_says_so(page: Page, server: ScriptedServer) -> None:
    """In words beside it, and the label does not call the answer checked."""
    doubtful = sentence("It lasts four hours.", supported=False)
    server.answer = telling(events(HITS, record("generated", [SAID[0], doubtful])))
    turn = answered(page)
    assert turn.locator(".unsupported").inner_text().split() == (
        "It lasts four hours. not confirmed by a passage".split()
    )
    assert "not wholly supported" in turn.locator(".label").inner_text()


def test_an_unchecked_answer_is_not_called_checked(page: Page, server: ScriptedServer) -> None:
    """Where the server does not verify, and as long as nobody knows whether it does."""
    gate = threading.Event()
    unchecked = [{**each, "supported": False} for each in SAID]
    stream = events(HITS, record("generated", unchecked, steps={"verify": OFF}))
    server.answer = telling(stream, gate=gate, held=2)
    turn = ask(page)
    turn.locator(".sentence").first.wait_for()
    assert turn.locator(".label").inner_text() == "Answer"
    gate.set()
    page.wait_for_selector(".turn[aria-busy=false]")
    assert turn.locator(".label strong").inner_text() == "Answer, not checked"


def test_a_record_with_more_than_was_told_is_shown_whole(
    page: Page, server: ScriptedServer
) -> None:
    """Sentences that stand only in the record of the answer are shown too."""
    stream = [event for event in events(HITS, GENERATED) if event[0] != "sentence"]
    server.answer = telling(stream)
    assert words(answered(page)) == [each["text"] for each in SAID]


def test_an_error_says_what_and_what_to_do(page: Page, server: ScriptedServer) -> None:
    """Before the stream began: message, hint, the request's number, and a way to ask again."""
    server.answer = lambda body: Refusal(503, "unavailable", "No cluster.", "Start it.")
    turn = answered(page)
    notice = turn.locator(".notice[role=alert]").inner_text()
    assert "No answer. No cluster." in notice
    assert "Start it." in notice
    assert "req-1" in notice
    server.answer = telling(events(HITS, GENERATED))
    turn.get_by_role("button", name="Ask again").click()
    page.wait_for_selector(".turn:last-child .sentence")
    assert len(server.bodies("/v1/ask")) == 2


def test_a_failed_generator_leaves_quotes_and_the_error(page: Page, server: ScriptedServer) -> None:
    """The fallback that comes with the error is shown, marked as what it is."""
    failure = {"error": {"code": "generator_failed", "message": "It broke off.", "hint": "Later."}}
    fallback = record("quoted", SAID[:1], complete=False)
    stream = [("sources", {"hits": HITS}), ("error", {**failure, "answer": fallback})]
    server.answer = telling(stream)
    turn = answered(page)
    assert words(turn) == [IS]
    assert "Quoted instead. It broke off." in turn.locator(".notice").inner_text()


def test_who_must_wait_is_told_how_long(page: Page, server: ScriptedServer) -> None:
    """429: the button counts down to when asking again makes sense."""
    server.answer = lambda body: Refusal(429, "busy", "All places are taken.", retry_after=1)
    turn = answered(page)
    again = turn.get_by_role("button", name="Ask again")
    assert again.is_disabled()
    page.wait_for_selector(".turn .notice button:enabled")
    assert again.inner_text() == "Ask again"


def test_a_server_that_is_gone_is_an_error(page: Page, server: ScriptedServer) -> None:
    """Without any answer there is a sentence for it as well."""
    page.route("**/v1/ask", lambda route: route.abort())
    assert "cannot be reached" in answered(page).locator(".notice").inner_text()


def test_stop_keeps_what_was_shown_and_ends_the_request(page: Page, server: ScriptedServer) -> None:
    """The connection is closed at once, and the turn says that it is incomplete."""
    server.answer = telling(events(HITS, GENERATED), gate=threading.Event(), held=2)
    turn = ask(page)
    turn.locator(".sentence").first.wait_for()
    page.click("#stop")
    page.wait_for_selector(".turn[aria-busy=false]")
    assert words(turn) == [IS]
    assert "incomplete" in turn.locator(".notice").inner_text()
    assert server.left.wait(1.0)


def test_a_cut_stream_is_shown_as_incomplete(page: Page, server: ScriptedServer) -> None:
    """Wherever it is cut; one byte more, and the answer is whole."""
    whole = len(STREAM)
    for cut in (0, whole // 3, whole - 200, whole - 1):
        server.answer = telling(events(HITS, GENERATED), cut=cut)
        turn = answered(page, f"cut at {cut}")
        assert "Incomplete." in turn.locator(".notice").inner_text(), cut
        assert turn.locator("[aria-pressed]").count() == 0, cut
    server.answer = telling(events(HITS, GENERATED), cut=whole)
    assert answered(page).locator(".notice").count() == 0


CUTTING = """async (stream) => {
    const { CutError, eventsOf } = await import("./events.js");
    const bytes = new TextEncoder().encode(stream);
    const read = async (pieces) => {
        const names = [];
        const body = new ReadableStream({
            start(controller) { pieces.forEach((p) => controller.enqueue(p)); controller.close(); },
        });
        try {
            for await (const event of eventsOf({ body })) names.push(event.name);
        } catch (error) {
            if (!(error instanceof CutError)) throw error;
            names.push("cut");
        }
        return names;
    };
    const outcomes = [];
    for (let at = 0; at <= bytes.length; at += 1) {
        const cut = await read([bytes.slice(0, at)]);
        const split = await read([bytes.slice(0, at), bytes.slice(at)]);
        outcomes.push([cut.at(-1), split.join()]);
    }
    return outcomes;
}"""


def test_no_cut_passes_for_the_end(page: Page) -> None:
    """At each byte: what ends there was cut, and what goes on there in a second piece was not."""
    stream = ': beat\r\nevent: sentence\r\ndata: {"text": "Größe \U0001f600"}\r\n\r\n'
    stream += 'event: sources\ndata: {"hits":\ndata: []}\n\nevent: answer\ndata: {"id": "é"}\n\n'
    outcomes = page.evaluate(CUTTING, stream)
    assert len(outcomes) == len(stream.encode()) + 1
    assert {last for last, _ in outcomes[:-1]} == {"cut"}
    assert outcomes[-1][0] == "answer"
    assert {split for _, split in outcomes} == {"sentence,sources,answer"}


def test_a_follow_up_takes_the_conversation_along(page: Page, server: ScriptedServer) -> None:
    """Answered turns are the history; the question that was searched for is shown."""
    server.answer = telling(events(HITS, GENERATED))
    answered(page, "What is an alarm storm?")
    server.answer = lambda body: Refusal(500, "internal", "A fault.")
    answered(page, "What now?")
    rewritten = record("generated", SAID[1:], standalone="When does the bundling end?")
    server.answer = telling(events(HITS, rewritten))
    turn = answered(page, "And when does it end?")
    assert server.bodies("/v1/ask")[2]["history"] == [
        {"question": "What is an alarm storm?", "answer": GENERATED["answer"]}
    ]
    assert "When does the bundling end?" in turn.locator(".context").inner_text()
    page.click("#new")
    answered(page, "Something else?")
    assert server.bodies("/v1/ask")[3]["history"] == []


def test_a_reload_keeps_the_conversation(page: Page, server: ScriptedServer) -> None:
    """The turns stand as before; another tab knows nothing of them."""
    server.answer = telling(events(HITS, GENERATED))
    answered(page)
    page.reload()
    turn = page.locator(".turn")
    turn.locator(".source-item").nth(1).wait_for()
    assert words(turn) == [each["text"] for each in SAID]
    other = page.context.new_page()
    other.goto(server.url)
    other.wait_for_selector("#welcome:visible")
    assert other.locator(".turn").count() == 0


def test_enter_asks(page: Page, server: ScriptedServer) -> None:
    """With Shift it begins a new line; spaces alone ask nothing."""
    server.answer = telling(events(HITS, GENERATED))
    page.fill("#question", "  ")
    page.press("#question", "Enter")
    page.fill("#question", "What?")
    page.press("#question", "Shift+Enter")
    page.keyboard.type("Really?")
    page.press("#question", "Enter")
    page.wait_for_selector(".turn[aria-busy=false]")
    assert [body["question"] for body in server.bodies("/v1/ask")] == ["What?\nReally?"]


def test_a_question_that_is_too_long_is_not_sent(page: Page, server: ScriptedServer) -> None:
    """Characters are counted as the server counts them: an emoji is one."""
    server.about = {"limits": {"question_characters": 20, "history_turns": 20}}
    server.answer = telling(events(HITS, GENERATED))
    page.reload()
    page.fill("#question", "\N{SNOWFLAKE}\N{GRINNING FACE}" * 11)
    assert page.locator("#composer-hint").inner_text() == "2 characters too many"
    page.press("#question", "Enter")
    assert page.locator(".turn").count() == 0
    answered(page, "\N{GRINNING FACE}" * 20)
    assert len(server.bodies("/v1/ask")) == 1


def test_feedback_is_sent_with_words(page: Page, server: ScriptedServer) -> None:
    """A rating at once, the words when they are sent."""
    server.answer = telling(events(HITS, GENERATED))
    turn = answered(page)
    turn.get_by_role("button", name="This did not help").click()
    turn.get_by_role("textbox").fill("The limit is missing.")
    turn.get_by_role("button", name="Send").click()
    turn.get_by_text("kept with your words").wait_for()
    rated = {"answer_id": GENERATED["id"], "rating": "down"}
    assert server.bodies("/v1/feedback") == [
        rated,
        {**rated, "comment": "The limit is missing."},
    ]


def test_feedback_that_cannot_be_kept_is_told(page: Page, server: ScriptedServer) -> None:
    """And the button does not look pressed."""
    server.answer = telling(events(HITS, GENERATED))
    server.feedback = Refusal(503, "unavailable", "No cluster.")
    turn = answered(page)
    turn.get_by_role("button", name="This helped").click()
    turn.get_by_text("Not kept: No cluster.").wait_for()
    assert turn.locator("[aria-pressed=true]").count() == 0


def test_without_feedback_there_are_no_buttons_for_it(page: Page, server: ScriptedServer) -> None:
    """The server says whether it keeps feedback."""
    server.about = {"feedback": False}
    server.answer = telling(events(HITS, GENERATED))
    page.reload()
    assert answered(page).locator("[aria-pressed]").count() == 0


def test_copy_takes_the_sources_along(page: Page, server: ScriptedServer) -> None:
    """As text with numbers, and the list that they refer to."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    server.answer = telling(events(HITS, GENERATED))
    turn = answered(page)
    turn.get_by_role("button", name="Copy").click()
    turn.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"{IS} [1] Bundling ends for good after 90 minutes. [2]" in copied
    assert "[1] Runbook: alarm storm, runbooks/alarm-storm.txt" in copied
