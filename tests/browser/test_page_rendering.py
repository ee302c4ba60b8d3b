"""Hostile texts everywhere on the page: no script runs, nothing calls elsewhere, all are text.

The page stands without its policy here, so that it is the page that is tested and not the policy.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hostile_texts import ADDRESSES, AWAY, TEXTS
from page_driving import answered, ask
from page_stories import cut, events, hit_of, record, sentence
from playwright.sync_api import expect
from scripted_server import Refusal, ScriptedServer, Stream

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# what the page itself is made of; nothing else may stand in it
ELEMENTS = set(
    "a article bdi br button code dd details dialog div dl dt fieldset footer form h1 h2 h3 header "
    "input label legend li main mark noscript ol p path pre circle q section span strong summary "
    "svg table tbody td textarea th thead tr ul".split()
)
WATCH = """
window.ran = [];
for (const name of ["alert", "confirm", "prompt", "print", "open"]) {
    window[name] = (...given) => { window.ran.push(`${name} ${given}`); };
}
"""
INVENTORY = """() => {
    const acting = /^(style|src|srcset|srcdoc|action|formaction|ping|background|poster)$/;
    const found = { elements: [], attributes: [], links: [] };
    for (const element of document.body.querySelectorAll("*")) {
        found.elements.push(element.localName);
        for (const { name, value } of element.attributes) {
            const acts = name.startsWith("on") || acting.test(name);
            if (acts) found.attributes.push(`${name}=${value}`);
        }
        if (element.localName === "a" && element.className !== "skip") {
            const { textContent, rel, target } = element;
            found.links.push([element.getAttribute("href"), textContent, rel, target]);
        }
    }
    return found;
}"""


class _Recorder(socketserver.ThreadingTCPServer):
    """A proxy that remembers what it is asked for and gives nothing."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        self.calls: list[str] = []
        calls = self.calls

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                calls.append(self.rfile.readline().decode("latin-1").strip())
                self.wfile.write(
                    b"HTTP/1.1 502 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )

        super().__init__(("127.0.0.1", 0), Handler)


@dataclass
class Watched:
    """A page in a browser whose way out is recorded."""

    page: Page
    server: ScriptedServer
    proxy: _Recorder
    asked: list[str] = field(default_factory=list)

    def acted(self) -> list[str]:
        """Scripts of texts that ran, and requests that left the page's own origin."""
        self.page.wait_for_timeout(150)
        ran = [f"ran {what}" for what in self.page.evaluate("window.ran")]
        away = [url for url in self.asked if not url.startswith(self.server.url)]
        return ran + away + [call for call in self.proxy.calls if AWAY in call]

    def check(self) -> None:
        """Nothing acted, and nothing stands in the page that could."""
        found = self.page.evaluate(INVENTORY)
        assert set(found["elements"]) <= ELEMENTS
        assert found["attributes"] == []
        for href, shown, rel, target in found["links"]:
            assert href.startswith(("http://", "https://"))
            assert shown == href
            assert rel == "noopener noreferrer nofollow"
            assert target == "_blank"
        assert self.acted() == []
        assert self.page.url == self.server.url


@pytest.fixture(scope="module")
def proxy() -> Iterator[_Recorder]:
    """The only way out of the browser, except to loopback."""
    with _Recorder() as recorder:
        thread = threading.Thread(target=recorder.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield recorder
        recorder.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def locked_in(launch: Callable[..., Browser], proxy: _Recorder) -> Browser:
    """A browser that has the recorder as its proxy."""
    return launch(f"--proxy-server=http://127.0.0.1:{proxy.server_address[1]}")


@pytest.fixture
def watched(locked_in: Browser, server: ScriptedServer, proxy: _Recorder) -> Iterator[Watched]:
    """The page without its policy, watched."""
    server.policy = ""
    proxy.calls.clear()
    context = locked_in.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.add_init_script(WATCH)
    made = Watched(page, server, proxy)
    page.on("request", lambda request: made.asked.append(request.url))
    page.on("dialog", lambda dialog: (made.asked.append("dialog"), dialog.dismiss()))
    page.goto(server.url)
    yield made
    context.close()


STEPPING = """() => {
    const reader = document.querySelector("#reader");
    const next = () => reader.querySelector(".reader-steps button:last-child");
    const elements = new Set();
    for (let steps = 1; ; steps += 1) {
        for (const element of reader.querySelectorAll("*")) elements.add(element.localName);
        if (next().disabled) return { steps, elements: [...elements] };
        next().click();
    }
}"""


def hostile_hits() -> list[dict[str, Any]]:
    """A hit for each text, which has it in every field."""
    hits = []
    for number, text in enumerate(TEXTS):
        names = ("title", "source", "url", "origin", "author", "language", "published", "modified")
        hits.append(
            {
                **hit_of(cut(f"id {number}", text, size=1)),
                **dict.fromkeys(names, text),
                "text": text,
                "heading_path": [text, f"{text} again"],
                "chunk_id": text,
                "document_id": text,
                "highlights": [[0, 3], [5, 9]],
                "metadata": {text: text},
            }
        )
    return hits


def hostile_sentences(*, supported: bool = True) -> list[dict[str, Any]]:
    """A sentence for each text, that cites the hit of the text."""
    made = []
    for number, text in enumerate(TEXTS, start=1):
        cited = {"number": number, "chunk_id": text, "document_id": text, "quote": text}
        made.append(sentence(text, {**cited, "start": 0, "end": 9}, supported=supported))
    return made


def hostile_record(kind: str, **fields: Any) -> dict[str, Any]:
    """The record of an answer that has the texts in every other field."""
    told = {"notes": TEXTS, "steps": {text: text for text in TEXTS}, "dropped": TEXTS}
    more = {"seconds": dict.fromkeys(TEXTS, 1.0), "model": TEXTS[0], "degraded": TEXTS[1]}
    return record(kind, hostile_sentences(), **{**told, **more, **fields})


def test_the_texts_act_where_they_are_taken_for_markup(watched: Watched) -> None:
    """The counter-check: put into a page as markup, they run scripts and call away."""
    watched.server.pages["/careless"] = "<!doctype html><title>x</title><body><div id=x></div>"
    watched.page.goto(f"{watched.server.url}careless")
    watched.page.evaluate(
        """(texts) => texts.forEach((text) => {
            const place = document.createElement("div");
            document.body.append(place);
            place.innerHTML = text;
        })""",
        [text for text in TEXTS if "http-equiv=refresh" not in text],
    )
    acted = watched.acted()
    assert sum(what.startswith("ran ") for what in acted) >= 15
    assert sum(AWAY in what for what in acted) >= 20
    assert any(AWAY in call for call in watched.proxy.calls)


def test_there_are_enough_texts() -> None:
    """At least 150, each another."""
    assert len(set(TEXTS)) == len(TEXTS) >= 150


@pytest.mark.parametrize("kind", ["generated", "quoted"])
def test_answers_and_sources_are_text(watched: Watched, kind: str) -> None:
    """In sentences, titles, headings, file names, links, snippets, notes, and what came about."""
    watched.server.answer = lambda body: Stream(events(hostile_hits(), hostile_record(kind)))
    turn = answered(watched.page)
    turn.locator(".story summary").click()
    assert turn.locator(".sentence").count() == len(TEXTS)
    assert turn.locator(".source-item").count() == len(TEXTS)
    assert turn.locator(".story dt").count() >= len(TEXTS)
    shown = turn.locator(".source-title").all_text_contents()
    assert "<script>window.ran.push(1000)</script>" in shown
    watched.check()


def test_marked_sentences_and_passages_besides_are_text(watched: Watched) -> None:
    """Sentences without support, and passages that were found and not cited."""
    bare = [{**each, "citations": []} for each in hostile_sentences(supported=False)]
    answer = record("generated", bare)
    watched.server.answer = lambda body: Stream(events(hostile_hits(), answer))
    turn = answered(watched.page)
    turn.locator("summary").first.click()
    assert turn.locator(".unsupported").count() == len(TEXTS)
    assert turn.locator(".found-list li").count() == len(TEXTS)
    watched.check()


def test_the_document_is_text(watched: Watched) -> None:
    """Whose passages hold the texts, and whose every field is one of them."""
    passages = [
        {**hit_of(cut("x", text, size=1)), "chunk_id": f"c{number}", "position": 0}
        for number, text in enumerate(TEXTS)
    ]
    names = ("title", "source", "url", "author", "published", "origin", "language", "modified")
    document = {**cut(TEXTS[0], "x"), **dict.fromkeys(names, TEXTS[0]), "passages": passages}
    watched.server.documents[TEXTS[0]] = document
    hits, answer = hostile_hits(), hostile_record("generated")
    for hit in hits:
        hit["position"] = 0
    watched.server.answer = lambda body: Stream(events(hits, answer))
    answered(watched.page).locator(".chip").first.click()
    watched.page.locator("#reader .passage").nth(len(TEXTS) - 1).wait_for()
    watched.check()


def test_the_heads_of_documents_are_text(watched: Watched) -> None:
    """Title, headings, address and facts of every cited document, and why one cannot be had."""
    watched.server.answer = lambda body: Stream(events(hostile_hits(), hostile_record("generated")))
    answered(watched.page).locator(".chip").first.click()
    seen = watched.page.evaluate(STEPPING)
    assert seen["steps"] == len(TEXTS)
    assert set(seen["elements"]) <= ELEMENTS
    watched.page.get_by_text("Only the passage itself can be shown.").wait_for()
    watched.check()


def test_errors_are_text(watched: Watched) -> None:
    """Whatever a server says in a message, a hint, a request's number or the end of a stream."""
    words = {"kind": "", "sentences": [], "hits": [], "filters": {}, "notes": [], "standalone": ""}
    failed = [
        {**words, "question": text, "state": "failed", "error": _error(text)} for text in TEXTS
    ]
    watched.page.evaluate(
        "(turns) => sessionStorage.setItem('esrag.turns', turns)",
        json.dumps({"of": "everybody", "turns": failed}),
    )
    watched.page.reload()
    expect(watched.page.locator(".turn .notice")).to_have_count(len(TEXTS))
    watched.check()
    text = "".join(TEXTS[:20])
    watched.server.answer = lambda body: Refusal(503, "unavailable", text, text)
    answered(watched.page)
    ended = [("error", {"error": {"code": text, "message": text, "hint": text}, "answer": None})]
    watched.server.answer = lambda body: Stream(ended)
    assert "window.ran.push(1000)" in answered(watched.page).locator(".notice").inner_text()
    watched.check()


def _error(text: str) -> dict[str, Any]:
    return {"message": text, "hint": text, "requestId": text, "code": text, "retryAfter": 0}


def test_questions_filters_and_names_are_text(watched: Watched) -> None:
    """What a reader writes or pastes, what facets offer, and what the server calls itself."""
    watched.server.about = {"set": "".join(TEXTS)}
    watched.page.reload()
    watched.server.facets = [
        {"field": name, "counts": [{"value": text, "count": 1} for text in TEXTS]}
        for name in ("source", "author", "language")
    ]
    answer = record("refused", hostile_sentences()[:1], standalone="".join(TEXTS))
    watched.server.answer = lambda body: Stream(events([], answer))
    watched.page.click("#filter")
    watched.page.get_by_label("Metadata: name").fill(TEXTS[0])
    watched.page.get_by_label("Metadata: value").fill(TEXTS[1])
    watched.page.get_by_role("button", name="Use these").click()
    ask(watched.page, "\n".join(TEXTS)[:7000])
    watched.page.wait_for_selector(".turn[aria-busy=false]")
    watched.page.click("#filter")
    boxes = watched.page.locator("#filters input[type=checkbox]")
    boxes.nth(3 * len(TEXTS) - 1).wait_for()
    assert boxes.count() == 3 * len(TEXTS)
    watched.page.evaluate(
        "document.querySelectorAll('#filters input').forEach((e) => { e.checked = true; })"
    )
    watched.page.get_by_role("button", name="Use these").click()
    assert watched.page.locator("#chosen li").count() == 3 * len(TEXTS) + 1
    watched.check()


def test_only_web_addresses_are_links(watched: Watched) -> None:
    """Of hits whose addresses are anything else, nothing can be followed."""
    hits = [{**hit, "url": url} for hit, url in zip(hostile_hits(), ADDRESSES, strict=False)]
    good = ["https://docs.example/a?b=c#d", "http://docs.example:8080/%C3%BC"]
    hits += [{**hits[0], "chunk_id": url, "url": url} for url in good]
    cited = [
        {"number": number, "chunk_id": hit["chunk_id"], "document_id": "", "start": 0, "end": 0}
        for number, hit in enumerate(hits, start=1)
    ]
    answer = record("generated", [sentence("Said.", *cited)])
    watched.server.answer = lambda body: Stream(events(hits, answer))
    turn = answered(watched.page)
    links = [link for link, *_ in watched.page.evaluate(INVENTORY)["links"]]
    assert set(links) - set(good) == {"https://a.example/%22onmouseover=window.ran.push(2006)"}
    assert set(good) <= set(links)
    assert turn.locator("bdi.address").count() == len(ADDRESSES) - 1
    watched.check()
