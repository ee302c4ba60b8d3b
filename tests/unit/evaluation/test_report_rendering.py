"""A report tells everything, hides nothing, and whatever is hostile in it is text."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from lxml import html
from markdown_it import MarkdownIt

from esrag.errors import UnavailableError
from esrag.evaluation.records import EvaluationRun, Measure, Reply, Scored, Span, System
from esrag.evaluation.report import write
from esrag.evaluation.report.data import render_json
from esrag.evaluation.report.markdown import render_markdown
from esrag.evaluation.report.page import render_page
from esrag.evaluation.report.texts import plain
from tests.browser.hostile_texts import ADDRESSES, TEXTS
from tests.comparison_story import sample_run
from tests.hostile_comparison import hostile_run

# what the page itself is made of; nothing else may stand in it
ELEMENTS = set(
    "a article bdi body button caption circle code dd defs details div dl dt figcaption figure "
    "form h1 h2 h3 h4 head header html input label li line main meta nav ol option p path pattern "
    "q rect script section select span strong style summary svg table tbody td text th thead title "
    "tr ul".split()
)
ATTRIBUTES = set(
    "aria-hidden aria-label aria-labelledby autocomplete charset class content cx cy d "
    "data-apart data-kind data-marks data-outcomes dir fill height hidden href http-equiv id lang "
    "name patternunits r rel role rx scope spellcheck tabindex target title type value viewbox "
    "width x x1 x2 xmlns y y1 y2".split()
)


@pytest.fixture(scope="module")
def sample() -> EvaluationRun:
    """The run made by hand."""
    return sample_run(20)


@pytest.fixture(scope="module")
def sample_page(sample: EvaluationRun) -> html.HtmlElement:
    """Its page, parsed."""
    return html.document_fromstring(render_page(sample))


@pytest.fixture(scope="module")
def hostile_page() -> str:
    """The page of the hostile run."""
    return render_page(hostile_run(TEXTS, ADDRESSES))


def words_of(element: html.HtmlElement) -> str:
    """All words within, with single spaces."""
    return " ".join("".join(element.itertext()).split())


def test_there_are_enough_texts_and_places() -> None:
    """At least 150 texts, each in the nine places that the page has for what others wrote."""
    assert len(set(TEXTS)) >= 150
    page = hostile_run(TEXTS)
    answer = page.scored[TEXTS[0]][5]
    failed = page.scored[f"{TEXTS[1]} failed"][5]
    assert answer.reply.passages[0].title == answer.spans[0].evidence[0].quote == TEXTS[5]
    assert failed.reply.error == page.questions[5].text == page.notes[5] == TEXTS[5]


def test_hostile_texts_make_no_element_and_no_attribute(hostile_page: str) -> None:
    """The page is made of what it is always made of, whatever is said in it."""
    page = html.document_fromstring(hostile_page)
    assert {element.tag for element in page.iter("*")} <= ELEMENTS
    found = {name for element in page.iter("*") for name in element.attrib}
    assert found <= ATTRIBUTES
    assert len(page.findall(".//script")) == len(page.findall(".//style")) == 1
    articles = page.find_class("question")
    assert len(articles) == len(TEXTS)
    assert all(len(article.find_class("card")) == 4 for article in articles)
    ids = [element.get("id") for element in page.iter("*") if element.get("id")]
    assert len(ids) == len(set(ids))


def test_hostile_texts_are_told_as_they_are(hostile_page: str) -> None:
    """Nothing of a text is lost but what steers a line."""
    page = html.document_fromstring(hostile_page)
    for number, article in enumerate(page.find_class("question")):
        wanted = " ".join(plain(TEXTS[number]).split())
        assert wanted in words_of(article.find_class("words")[0])
        assert wanted in words_of(article.find("header"))
        assert wanted in words_of(article.find_class("failure")[0])
        assert wanted in words_of(article.find_class("reason")[0])


def test_only_web_addresses_become_links(hostile_page: str) -> None:
    """All others stay text, and a link shows where it leads."""
    page = html.document_fromstring(hostile_page)
    for link in page.iter("a"):
        target = link.get("href") or ""
        if target.startswith("#"):
            assert re.fullmatch(r"#[a-z]+[0-9]*(-p[0-9]+)?", target)
            continue
        assert re.fullmatch(r"https?://[^\s\"<>\\]+", target)
        assert "@" not in target.split("/")[2]
        assert link.text == target
        assert link.get("rel") == "noopener noreferrer nofollow"


def test_the_policy_allows_only_the_page_itself(sample: EvaluationRun) -> None:
    """By hash; no source of anything else is named."""
    page = render_page(sample)
    (policy,) = html.document_fromstring(page).xpath("//meta[@http-equiv]/@content")
    assert page.count("Content-Security-Policy") == 1
    assert page.index("Content-Security-Policy") < page.index("<style")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert " style=" not in page
    assert not re.search(r"\son[a-z]+=", page)


def test_the_same_run_gives_the_same_bytes(sample: EvaluationRun) -> None:
    """In all three forms."""
    again = sample_run(20)
    assert render_page(sample) == render_page(again)
    assert render_markdown(sample) == render_markdown(again)
    assert render_json(sample) == render_json(again)


def test_every_coloured_span_is_a_stored_verdict(
    sample: EvaluationRun, sample_page: html.HtmlElement
) -> None:
    """As many of each kind as the run has, with their words and their reasons."""
    articles = sample_page.find_class("question")
    for number, question in enumerate(sample.questions):
        cards = articles[number].find_class("card")
        for system, card in zip(sample.systems, cards, strict=True):
            scored = next(
                each for each in sample.scored[system.name] if each.reply.question_id == question.id
            )
            shown = [
                (span.get("class"), words_of(span.find_class("words")[0]))
                for span in card.find_class("span")
            ]
            stored = [
                (f"span {span.kind}", " ".join(scored.reply.text[span.start : span.end].split()))
                for span in scored.spans
            ]
            assert shown == stored
            for span, element in zip(scored.spans, card.find_class("span"), strict=True):
                assert span.why in words_of(element.find_class("reason")[0])
                assert all(each.quote in words_of(element) for each in span.evidence)


def test_every_reply_is_on_the_page_failed_ones_too(
    sample: EvaluationRun, sample_page: html.HtmlElement
) -> None:
    """A card for each system and question; a failed one says why and that it counts as wrong."""
    failed = [
        each
        for replies in sample.scored.values()
        for each in replies
        if each.reply.status == "failed"
    ]
    assert failed
    assert len(sample_page.find_class("card")) == len(sample.systems) * len(sample.questions)
    told = [words_of(element) for element in sample_page.find_class("failure")]
    assert len(told) == len(failed)
    assert all("Model is overloaded" in each and "counts as wrong" in each for each in told)


def test_a_cut_answer_says_where_the_whole_is(sample: EvaluationRun) -> None:
    """An answer of a megabyte neither breaks the page nor fills it."""
    question, system = sample.questions[0], sample.systems[0].name
    long, why = "All work and no play. " * 50_000, "x" * 100_000
    spans = tuple(
        Span(start, start + 21, "unsupported", "verifier", why) for start in range(0, len(long), 22)
    )
    replies = (Scored(Reply(question.id, system, "answered", long, long), spans, {"right": 0.0}),)
    run = dataclasses.replace(sample, questions=(question,), scored={system: replies})
    page = render_page(run)
    assert len(page) < 400_000
    assert "Cut here: " in page
    assert f"replies/{system}.jsonl" in page


def test_a_run_without_anything_is_told(sample: EvaluationRun) -> None:
    """A run stopped before the first reply, and one without measures, questions or systems."""
    stopped = dataclasses.replace(sample, status="stopped", scored={}, comparisons=None)
    page = html.document_fromstring(render_page(stopped))
    told = words_of(page.get_element_by_id("finding"))
    assert "was not asked 20 of 20 questions yet" in told
    assert "The run was not finished" in told
    bare = EvaluationRun("nothing", "asking", (), (), {})
    assert "No measure was taken" in render_page(bare)
    assert json.loads(render_json(bare))["questions"] == []
    assert render_markdown(bare)


def test_the_data_hold_what_the_page_tells(sample: EvaluationRun) -> None:
    """As JSON that can stand anywhere: ASCII, without a bare bracket, no NaN."""
    text = render_json(hostile_run(TEXTS))
    assert text.isascii()
    assert "<" not in text
    assert json.loads(text)["questions"][5]["question"] == TEXTS[5]
    data = json.loads(render_json(sample))
    assert [each["name"] for each in data["systems"]] == [each.name for each in sample.systems]
    spans = [
        span for each in data["questions"] for reply in each["replies"] for span in reply["spans"]
    ]
    stored = [span for each in sample.scored.values() for one in each for span in one.spans]
    assert len(spans) == len(stored)
    broken = dataclasses.replace(
        sample, costs=(dataclasses.replace(sample.costs[0], gpu_hours=float("nan")),)
    )
    assert json.loads(render_json(broken))["costs"][0]["gpu_hours"] is None


def test_hostile_texts_are_inert_in_markdown() -> None:
    """Rendered with tables and raw HTML, they make no element, image, link or code."""
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    text = render_markdown(hostile_run(TEXTS, ADDRESSES))
    made = html.document_fromstring(renderer.render(text))
    tags = set("a body br h1 h2 h3 html li p strong table tbody td th thead tr ul".split())
    assert len(list(made.iter("h1"))) == 1
    assert len(list(made.iter("h3"))) == len(TEXTS)
    assert {element.tag for element in made.iter("*")} <= tags
    assert {name for element in made.iter("*") for name in element.attrib} <= {"href"}
    for link in made.iter("a"):
        assert re.match(r"https?://", link.get("href") or "")
        assert link.text == "source"
    for line in text.splitlines():
        for address in re.findall(
            r"(?i)(?:https?|ftp)://|www\.", line.replace("[source](<http", "")
        ):
            pytest.fail(f"{address} would become a link on GitHub: {line[:200]}")
    said = words_of(made)
    assert "<script>window.ran.push(1000)</script>" in said


def test_the_files_are_written_whole(sample: EvaluationRun, tmp_path: Path) -> None:
    """All three; where the disk takes nothing, the older report stays as it was."""
    write(sample, tmp_path / "new" / "run")
    names = sorted(path.name for path in (tmp_path / "new" / "run").iterdir())
    assert names == ["report.html", "report.json", "report.md"]
    assert (tmp_path / "new" / "run" / "report.html").read_text() == render_page(sample)
    (tmp_path / "file").write_text("old")
    with pytest.raises(UnavailableError, match=r"report\.html cannot be written"):
        write(sample, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "old"


def test_a_run_that_only_finds_passages_speaks_of_what_was_found(sample: EvaluationRun) -> None:
    """No right or wrong, no colours, no verdicts; each card has the measure of what it found."""
    found = dataclasses.replace(
        sample,
        systems=(System("words", "retrieval"), System("vectors", "retrieval")),
        scored={
            name: tuple(
                Scored(Reply(each.id, name, "answered", "1. a"), (), {"ndcg": 0.25})
                for each in sample.questions
            )
            for name in ("words", "vectors")
        },
        measures=(Measure("ndcg", "nDCG@10", primary=True),),
        comparisons=None,
    )
    page = html.document_fromstring(render_page(found))
    assert {words_of(each) for each in page.find_class("badge")} == {"baseline", "nDCG@10 0.250"}
    assert page.find_class("key") == page.find_class("legend") == []
    assert "Blue" not in words_of(page.get_element_by_id("limits"))
    assert "✓ supported" not in render_markdown(found)
