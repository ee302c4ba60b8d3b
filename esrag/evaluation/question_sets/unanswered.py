"""Does any passage answer a question that is said to have no answer?  As far as rules can tell.

    question ─► words, figures, names, kind of value ═ sentences of each passage ─► why

A sentence may answer when it and the heading above it hold every figure and name of the question,
nearly all of its other words, and a value of the kind that is asked for.  For a near miss, whose
invented name stands nowhere, a sentence that speaks in general, or of what the invented thing
would belong to (4.2 for 4.2.7), may answer as well.

Rules see words, not meaning: what is said in other words is not found, and what is found may still
be no answer.  The words are English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from esrag.evaluation.question_sets.records import SetQuestion
from esrag.examples.passages import Passage
from esrag.quoting.kinds import asked_for
from esrag.sentences import units_of
from esrag.terms import names, terms

_LEAST_OF_WORDS = 0.8  # of the question's words that a sentence and its headings must have
_FEWEST_WORDS = 2  # fewer words decide nothing
# words that only lead to what is asked
_FRAME = re.compile(
    r"\baccording to\b|\bwhat (?:does|stands)\b|\bgives? as\b|\bsays? under\b", re.IGNORECASE
)
_VERSION = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+)")


@dataclass(frozen=True, slots=True)
class MayAnswer:
    """Words of a document that may answer a question that is said to have no answer."""

    document_id: str
    quote: str


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A name or version that stands nowhere, and the one that the question had in its place."""

    entity: str
    instead_of: str


def near_miss_of(question: SetQuestion) -> NearMiss | None:
    """What a built question without an answer is near to, None for one that people wrote."""
    record = question.other.get("near_miss")
    if not isinstance(record, Mapping):
        return None
    return NearMiss(str(record.get("entity", "")), str(record.get("instead_of", "")))


class Unanswered:
    """Looks at passages one by one for answers to questions that should have none."""

    def __init__(self, questions: Iterable[SetQuestion]) -> None:
        self._asked = [_Asked(each) for each in questions]
        self.found: dict[str, MayAnswer] = {}

    def look_at(self, passage: Passage) -> None:
        """Note what of a passage may answer which of the questions; the first is kept."""
        here = terms(f"{passage.context} {passage.text}").words
        for asked in self._asked:
            if asked.id not in self.found and asked.may_stand_in(here):
                quote = asked.answered_by(passage)
                if quote:
                    self.found[asked.id] = MayAnswer(passage.document_id, quote)


class _Asked:
    """One question, read once."""

    def __init__(self, question: SetQuestion) -> None:
        self.id = question.id
        self._question = question.question
        near = near_miss_of(question)
        self._near = near
        bare = _FRAME.sub(" ", question.question)
        self._kind = asked_for(bare)
        without = terms(near.entity) if near else terms("")
        own = terms(bare)
        self._wanted = (self._kind.words.words or own.words) - without.words
        self._needed = (own.figures | names(question.question)) - without.words - without.figures

    def may_stand_in(self, words: frozenset[str]) -> bool:
        return self._fits(words)

    def answered_by(self, passage: Passage) -> str:
        context = passage.context
        for unit in units_of(passage.as_hit()):
            here = terms(f"{context} {unit.text}").words
            if unit.is_heading or not self._fits(here) or not self._kind.found_in(unit.text):
                continue
            if self._near and not _speaks_for(self._near, f"{context} {unit.text}"):
                continue
            return " ".join(unit.text.split())
        return ""

    def _fits(self, words: frozenset[str]) -> bool:
        if len(self._wanted) < _FEWEST_WORDS or not self._needed <= words:
            return False
        return len(self._wanted & words) >= _LEAST_OF_WORDS * len(self._wanted)


def _speaks_for(near: NearMiss, text: str) -> bool:
    """Whether a text can be about the invented thing: it names it by now, or nothing else."""
    if re.search(rf"(?<![\w.]){re.escape(near.entity)}(?!\w|\.\d)", text, re.IGNORECASE):
        return True
    version = _VERSION.search(near.entity)
    if version:
        others = _VERSION.findall(text)
        belongs = any(version[1].startswith(f"{each}.") for each in others)
        return belongs or not others
    return near.instead_of.casefold() not in text.casefold()


def answered_anywhere(
    questions: Sequence[SetQuestion], passages: Iterable[Passage]
) -> Mapping[str, MayAnswer]:
    """What may answer which question, by the question's id."""
    looking = Unanswered(questions)
    if questions:
        for passage in passages:
            looking.look_at(passage)
    return looking.found
