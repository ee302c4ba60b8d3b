"""Questions that the index answers, each with its evidence: what a set is chosen from.

    facts, headings, a teacher ─► Posed: question, sentences, passage ─► SetQuestion with a quote

A candidate is left out when its quote does not hold the accepted answer, when it names its own
answer, or when its quote is not within one chunk as retrieval gives it.  Why is counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from esrag.evaluation.question_sets.answer_forms import forms_for
from esrag.evaluation.question_sets.asked_facts import asked_facts
from esrag.evaluation.question_sets.asked_prose import asked_prose
from esrag.evaluation.question_sets.records import SetQuestion
from esrag.examples.desk import Desk
from esrag.examples.facts import FactKind, is_english, topic_of
from esrag.examples.headings import figures_of, sections_of
from esrag.examples.judging import judged_by
from esrag.examples.pair_checks import faithful, stands_alone
from esrag.examples.posed import Posed, posed_by_teacher
from esrag.questions import Evidence, holds, supports
from esrag.sentences import units_of
from esrag.types import Hit
from esrag.verification import Entails

Candidates = Callable[[Desk], Iterator[SetQuestion]]
PROSE = "sentence"
_ID_LENGTH = 12
_LONGEST_QUESTION = 240  # characters


def of_facts(kind: FactKind) -> Candidates:
    """Candidates of one kind of facts."""

    def make(desk: Desk) -> Iterator[SetQuestion]:
        for each in asked_facts(desk, kind):
            yield from candidate(desk, each.posed, kind, f"template:{kind}", about=each.attribute)

    return make


def of_headings(desk: Desk) -> Iterator[SetQuestion]:
    """Headings that are questions, as in lists of frequent ones; the text below is the answer.

    Other headings name a subject, and nobody asks what stands under a heading.
    """
    for document in desk.passages.documents():
        if not is_english(document[0]):
            continue
        for passage, heading, text in sections_of(document):
            if not heading.endswith("?"):
                continue
            alone = stands_alone(heading, passage.as_hit())
            asked = heading if alone else f"{topic_of(passage)}: {heading}"
            figures = figures_of(text)
            # several figures are a story, of which an answer may leave some out
            accepted = figures if len(figures) == 1 else ()
            posed = Posed(asked, text, passage, accepted)
            yield from candidate(desk, posed, "heading", "template:heading")


def of_prose(desk: Desk) -> Iterator[SetQuestion]:
    """Sentences of prose that rules can turn into a question."""
    for posed in asked_prose(desk):
        yield from candidate(desk, posed, PROSE, "raft:phrase")


def of_teacher(desk: Desk) -> Iterator[SetQuestion]:
    """What the teacher asks, as far as it passes the checks of data sets."""
    for posed in posed_by_teacher(desk):
        yield from candidate(desk, posed, "teacher", "teacher:qa")


# the sorts of questions, in the order in which a set takes turns with them
TYPES: Mapping[str, Candidates] = {
    "statement": of_facts("statement"),
    "table": of_facts("table"),
    "field": of_facts("field"),
    "heading": of_headings,
    PROSE: of_prose,
    "teacher": of_teacher,
}


def candidate(
    desk: Desk, posed: Posed, type_name: str, maker: str, *, about: str = ""
) -> Iterator[SetQuestion]:
    """The question of a set, with its quote; none when something speaks against it.

    ``about`` names what sort of thing is asked for, so that a set does not ask for one alone.
    """
    question, hit = " ".join(posed.question.split()), posed.passage.as_hit()
    if len(question) > _LONGEST_QUESTION:
        desk.tally.drop("question too long")
        return
    groups = tuple(forms_for(question, forms) for forms in posed.accepted)
    if any(holds(question, [forms]) for forms in groups):
        desk.tally.drop("the question says its own answer")
        return
    judge = judged_by(desk.judge, documents=(hit.document_id,)) if desk.judge else None
    quote = quote_for(question, posed.answer, groups, hit, judge=judge)
    if not quote:
        desk.tally.drop("no words of its passage that hold the answer")
        return
    answer = groups[0][0] if len(groups) == 1 and type_name != "heading" else posed.answer
    yield SetQuestion(
        id=question_id(question, answer),
        question=question,
        type=type_name,
        answer=" ".join(answer.split()),
        answer_groups=groups,
        evidence=(Evidence(hit.document_id, quote),),
        other={"source": source_of(desk, posed, maker, about)},
    )


def quote_for(
    question: str,
    answer: str,
    groups: Sequence[Sequence[str]],
    hit: Hit,
    *,
    judge: Entails | None = None,
) -> str:
    """The shortest whole words of a passage that carry ``answer``, "" when none do."""
    found = faithful(question, answer, hit, judge=judge)
    quote = "" if found.why else hit.text[found.start : found.end]
    if not quote or (groups and not holds(quote, groups)):
        inside = [
            hit.text[unit.start : unit.end]
            for unit in units_of(hit)
            if not unit.is_heading and groups and holds(unit.text, groups)
        ]
        # in two places of the passage it may stand for something else
        quote = inside[0] if len(inside) == 1 and not found.why else ""
    quote = " ".join(quote.split()).strip("| ")
    # the words as they are written: a link's address may stand between those of the answer
    sound = bool(quote) and (not groups or holds(quote, groups))
    return quote if sound and supports(hit, Evidence(hit.document_id, quote)) else ""


def source_of(desk: Desk, posed: Posed, maker: str, about: str = "") -> dict[str, Any]:
    """Where a built question comes from; of what is empty nothing is said."""
    passage = posed.passage
    told: dict[str, Any] = {
        "maker": maker,
        "documents": [passage.document_id],
        "hashes": [passage.document_hash],
        "set": desk.set,
        "acl": list(passage.acl),
        "teacher": posed.teacher,
        "about": about,
    }
    return {name: value for name, value in told.items() if value}


def question_id(question: str, answer: str) -> str:
    """The same question with the same answer has the same id in every build."""
    words = f"{question}\0{answer}".encode("utf-8", "surrogatepass")
    return f"q-{hashlib.sha256(words).hexdigest()[:_ID_LENGTH]}"
