"""The page on which a person reviews a set: one HTML file, read without its script, saved by it.

    questions + the passages of their documents ─► review.html ─► a download ─► questions import

The policy in its head allows its own style and script by their hashes and nothing else.  Text of
documents and questions becomes markup in ``report.markup`` alone; the script puts text in as text.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from esrag.evaluation.question_sets.quote_places import place_of
from esrag.evaluation.question_sets.records import SetQuestion, as_record, as_text
from esrag.evaluation.report import self_contained
from esrag.evaluation.report.markup import Content, Markup, address, foreign, joined, tag
from esrag.evaluation.report.texts import one_line
from esrag.examples.passages import Passage
from esrag.questions import Evidence

_FOLDER = Path(__file__).parent
_MOST_CONTEXT = 6_000  # characters of a passage around its quote
_STATUS_WORDS = {"": "not reviewed", "reviewed": "reviewed", "rejected": "rejected"}
_KEYS = (
    ("j", "next"), ("k", "the one before"), ("a", "accept"), ("r", "reject"), ("u", "undo that"),
    ("e", "edit"), ("c", "comment"), ("Esc", "leave a field"), ("s", "save"),
)  # fmt: skip


@cache
def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8").strip()


def render_review(
    name: str,
    questions: Sequence[SetQuestion],
    passages: Iterable[Passage],
    *,
    looked: bool = True,
) -> str:
    """The whole page; the same set and passages give the same bytes.

    ``looked``: the index was asked, so that a quote that no passage holds is said to be missing.
    """
    by_document: dict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        by_document[passage.document_id].append(passage)
    called = one_line(name)[:120]
    articles = (
        _article(number, each, by_document, looked=looked)
        for number, each in enumerate(questions, start=1)
    )
    return self_contained.page(
        f"Review: {called} · esrag questions",
        _top(called, questions),
        tag("main", *articles, id="questions"),
        tag("p", class_="said", id="said", role="status", aria_live="polite"),
        # no script: its type is none that a browser runs
        tag("script", _data(called, questions), type="application/json", id="data"),
        style=_asset("review.css"),
        script=_asset("review.js"),
    )


def _data(name: str, questions: Sequence[SetQuestion]) -> Markup:
    """The questions for the script; nothing in it can end its element."""
    sha256 = hashlib.sha256(as_text(questions).encode("utf-8", "surrogatepass")).hexdigest()
    text = json.dumps({"name": name, "sha256": sha256, "questions": [*map(as_record, questions)]})
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _top(name: str, questions: Sequence[SetQuestion]) -> Markup:
    kinds = Counter(each.type for each in questions)
    told = ", ".join(f"{count:,} {one_line(kind)}" for kind, count in sorted(kinds.items()))
    keys = [joined(tag("dt", tag("kbd", key)), tag("dd", what)) for key, what in _KEYS]
    return tag(
        "header",
        tag("h1", "Review: ", foreign(name)),
        tag("p", f"{len(questions):,} questions: ", foreign(told)),
        # the script hides it; what keeps a script from running need not be that there are none
        tag(
            "p",
            "Without its script this page can be read. To review, use a table: "
            "esrag questions export NAME --tsv FILE",
            id="unscripted",
        ),
        tag("div", id="tools", hidden=True),
        tag("details", tag("summary", "Keys"), tag("dl", *keys, class_="keys"), class_="script"),
    )


def _article(
    number: int,
    question: SetQuestion,
    passages: Mapping[str, Sequence[Passage]],
    *,
    looked: bool,
) -> Markup:
    about = " · ".join(filter(None, (question.type, question.split)))
    return tag(
        "article",
        tag(
            "header",
            tag("span", f"{number}", class_="number"),
            tag("span", foreign(about), class_="about"),
            tag("span", _STATUS_WORDS[question.status], class_="status"),
            tag("code", one_line(question.id)),
        ),
        tag("h2", foreign(question.question), class_="question"),
        _answer(question),
        *_evidence(question, passages, looked=looked),
        tag("p", foreign(question.note), class_="note") if question.note else None,
        id=f"q{number}",
        data_number=number - 1,
        data_status=question.status or "open",
        tabindex="-1",
    )


def _answer(question: SetQuestion) -> Markup:
    if question.answerable is False:
        why = str(question.other.get("why", ""))
        return tag("p", "No document answers it. ", foreign(why) if why else None, class_="answer")
    if question.answerable is None and not question.answer:
        return tag("p", "Nobody has said whether the documents answer it.", class_="answer")
    groups: list[Content] = [
        tag("ul", *[tag("li", foreign(form)) for form in forms], class_="forms")
        for forms in question.answer_groups
    ]
    none = tag("p", "No accepted forms: it is judged by its evidence.", class_="hint")
    return tag(
        "div",
        tag("p", foreign(question.answer), class_="answer"),
        *groups,
        None if groups else none,
    )


def _evidence(
    question: SetQuestion, passages: Mapping[str, Sequence[Passage]], *, looked: bool
) -> Iterator[Markup]:
    for evidence in question.evidence:
        also = [place.document_id for place in evidence.also]
        yield tag(
            "figure",
            *_shown(evidence, passages.get(evidence.document_id, ()), looked=looked),
            tag("p", "Also in ", foreign(", ".join(also)), class_="hint") if also else None,
        )


def _shown(evidence: Evidence, passages: Sequence[Passage], *, looked: bool) -> Iterator[Markup]:
    for passage in passages:
        place = place_of(evidence.quote, passage.text)
        if place:
            yield tag(
                "figcaption",
                foreign(passage.context or evidence.document_id, class_="context"),
                foreign(evidence.document_id, class_="document"),
                address(passage.url),
            )
            yield tag("blockquote", *_around(passage.text, *place), dir="auto")
            return
    yield tag("figcaption", foreign(evidence.document_id, class_="document"))
    if looked and evidence.quote:
        yield tag("p", "No chunk that you may read holds these words.", class_="warning")
    if evidence.quote:
        yield tag("blockquote", tag("mark", evidence.quote), dir="auto")
    else:
        yield tag("p", "Any passage of the document is evidence.", class_="hint")


def _around(text: str, start: int, end: int) -> Iterator[Content]:
    """A passage with its quote marked; of a very long one what is next to the quote."""
    room = max(0, _MOST_CONTEXT - (end - start)) // 2
    first, last = max(0, start - room), min(len(text), end + room)
    yield f"{'… ' if first else ''}{text[first:start]}"
    yield tag("mark", text[start:end])
    yield f"{text[end:last]}{' …' if last < len(text) else ''}"
