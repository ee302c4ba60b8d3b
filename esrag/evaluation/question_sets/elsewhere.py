"""Finds where else the words of a quote stand: other places that serve as evidence as well.

Only whole sentences and rows of tables that are the same but for spaces and case count, and only
where they or the headings above them hold every figure and name of the question: the same row of
a table says something else about another product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from esrag.evaluation.question_sets.records import SetQuestion
from esrag.examples.passages import Passage
from esrag.questions import Evidence
from esrag.sentences import units_of
from esrag.terms import names, terms

_MOST = 20  # other places of one quote: words that stand in more are boilerplate


def with_other_places(
    questions: Sequence[SetQuestion], passages: Iterable[Passage]
) -> tuple[SetQuestion, ...]:
    """The questions, each quote with the other documents that say the same."""
    places: dict[str, dict[str, frozenset[str]]] = {
        _folded(each.quote): {} for question in questions for each in question.evidence
    }
    for passage in passages:
        for unit in units_of(passage.as_hit()):
            found = places.get(_folded(passage.text[unit.start : unit.end]))
            if found is not None and len(found) <= _MOST:
                said = terms(f"{passage.context} {unit.text}").words
                found[passage.document_id] = found.get(passage.document_id, frozenset()) | said
    return tuple(
        replace(
            question, evidence=tuple(_with(each, question, places) for each in question.evidence)
        )
        for question in questions
    )


def _with(
    evidence: Evidence, question: SetQuestion, places: Mapping[str, Mapping[str, frozenset[str]]]
) -> Evidence:
    needed = terms(question.question).figures | names(question.question)
    also = tuple(
        Evidence(name, evidence.quote)
        for name, said in places[_folded(evidence.quote)].items()
        if name != evidence.document_id and needed and needed <= said
    )
    return replace(evidence, also=also[:_MOST])


def _folded(text: str) -> str:
    return " ".join(text.split()).strip("| ").casefold()


def documents_apart(questions: Iterable[SetQuestion]) -> dict[str, str]:
    """A name for each document's group: documents that share a quote are of one group.

    A split that keeps groups together has no words of its questions in two parts.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for question in questions:
        first, *others = question.documents
        for other in others:
            one, two = sorted((root(first), root(other)))
            parent[two] = one
        root(first)
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(parent):
        groups[root(name)].append(name)
    return {name: min(members) for members in groups.values() for name in members}
