"""Looks whether a question set holds: in itself, beside the index, beside training data.

    questions ──► ids, doubles, splits, forms in the evidence           ──► Finding
    + passages ──► documents and quotes that went, or are parted; unanswerable ones that may not be
    + training data ──► documents and questions that a model was trained on

The index is read once, passage by passage; of it is kept what the questions name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from esrag.evaluation.question_sets.overlap import AlikeQuestions, Trained
from esrag.evaluation.question_sets.records import SetQuestion
from esrag.evaluation.question_sets.unanswered import Unanswered
from esrag.examples import duplicates
from esrag.examples.passages import Passage
from esrag.questions import Evidence, holds, supports

REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one question; ``detail`` names a document, a quote or another question."""

    question: str
    what: str
    detail: str = ""


def findings_within(questions: Sequence[SetQuestion]) -> Iterator[Finding]:
    """What is wrong with the questions themselves; of rejected ones only the id is looked at."""
    ids: set[str] = set()
    for each in questions:
        if each.id in ids:
            yield Finding(each.id, "its id is used twice")
        ids.add(each.id)
    asked = tuple(each for each in questions if each.status != REJECTED)
    yield from _doubles(asked)
    yield from _across_splits(asked)
    for each in asked:
        yield from _of_its_answer(each)


def findings_beside_training(
    questions: Iterable[SetQuestion], trained: Trained
) -> Iterator[Finding]:
    """Questions that a model may have been trained on."""
    for each in questions:
        why = trained.why_not(each) if each.status != REJECTED else ""
        if why:
            yield Finding(each.id, why)


def findings_beside_index(
    questions: Sequence[SetQuestion],
    passages: Iterable[Passage],
    *,
    not_allowed: frozenset[str] | set[str] = frozenset(),
) -> Iterator[Finding]:
    """What the index says of the questions.

    Of questions without an answer only those that nobody has reviewed are searched for in it.
    ``passages`` are those that may be used; ``not_allowed`` are documents that are there and may
    not, which ``passages`` may fill while it is read.
    """
    asked = [each for each in questions if each.status != REJECTED]
    places: dict[str, list[Evidence]] = defaultdict(list)
    for question in asked:
        for evidence in question.evidence:
            for place in (evidence, *evidence.also):
                places[place.document_id].append(place)
    # what a reviewer has looked at needs no rule
    looking = Unanswered(each for each in asked if each.answerable is False and not each.status)
    texts: dict[str, list[str]] = {}
    found: set[Evidence] = set()
    for passage in passages:
        looking.look_at(passage)
        if passage.document_id in places:
            texts.setdefault(passage.document_id, []).append(passage.text)
            found.update(_held_by(passage, places[passage.document_id]))
    for question in asked:
        for evidence in question.evidence:
            for place in (evidence, *evidence.also):
                if place not in found:
                    yield _missing(question, place, texts.get(place.document_id), not_allowed)
        answered = looking.found.get(question.id)
        if answered:
            detail = f"{answered.document_id}: {answered.quote}"
            yield Finding(question.id, "it has no answer, but a passage may answer it", detail)


def _held_by(passage: Passage, places: Iterable[Evidence]) -> Iterator[Evidence]:
    """The places whose quote this passage holds; ``also`` of a place is a place of its own."""
    hit = passage.as_hit()
    for place in places:
        if supports(hit, Evidence(place.document_id, place.quote)):
            yield place


def _missing(
    question: SetQuestion,
    place: Evidence,
    texts: Sequence[str] | None,
    not_allowed: frozenset[str] | set[str],
) -> Finding:
    if texts is None:
        gone = place.document_id not in not_allowed
        what = "its document is gone from the index" if gone else "its document may not be used"
        return Finding(question.id, what, place.document_id)
    whole = " ".join(" ".join(texts).split())
    parted = " ".join(place.quote.split()).casefold() in whole.casefold()
    what = "its quote is not within one chunk" if parted else "its quote is gone from the document"
    return Finding(question.id, what, f"{place.document_id}: {place.quote}")


def _doubles(questions: Sequence[SetQuestion]) -> Iterator[Finding]:
    """Questions that are nearly the same as one before, or have two answers."""
    alike = AlikeQuestions()
    answers: dict[str, tuple[str, str]] = {}
    for each in questions:
        key = duplicates.question_key(each.question)
        said = duplicates.answers_key(each.answer_groups, each.answer)
        before, other = answers.setdefault(key, (said, each.id))
        like = alike.like(each.question)
        if before != said:
            yield Finding(each.id, "the same question has another answer elsewhere", other)
        elif like:
            yield Finding(each.id, "it is nearly the same as another question", like)
        alike.add(each.id, each.question)


def _across_splits(questions: Sequence[SetQuestion]) -> Iterator[Finding]:
    """Built questions whose document stands in another split as well.

    Only of built ones: who writes questions by hand may part them in another way.
    """
    splits: dict[str, dict[str, None]] = defaultdict(dict)
    for each in questions:
        if "source" in each.other:
            for name in each.documents:
                splits[name].setdefault(each.split)
    for each in questions:
        if "source" in each.other:
            for name in each.documents:
                if next(iter(splits[name])) != each.split:
                    yield Finding(each.id, "its document stands in several splits", name)
                    break


def _of_its_answer(question: SetQuestion) -> Iterator[Finding]:
    groups = question.answer_groups
    if question.answerable is False and (groups or question.evidence):
        yield Finding(question.id, "it has an answer or evidence, and is said to have none")
        return
    # "X or Y?" says it rightly; whoever has reviewed it knows
    if groups and not question.status and holds(question.question, groups):
        yield Finding(question.id, "the question says its own answer")
    if not question.evidence or not groups or not all(each.quote for each in question.evidence):
        return  # a whole document as evidence is looked at beside the index alone
    quotes = "\n".join(each.quote for each in question.evidence)
    if not holds(f"{quotes}\n{question.question}", groups):
        missing = next(
            forms for forms in groups if not holds(f"{quotes}\n{question.question}", [forms])
        )
        yield Finding(question.id, "no accepted form stands in the evidence", missing[0])
