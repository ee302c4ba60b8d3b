"""Makes gap questions: a sentence of a document with a name or figure left out.

Needs no pattern of a language, so that every corpus gives some.  The gap is where a sentence says
something of its own: a date, a number with its unit, a version, a code, else a name; never what
the title already says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from esrag.examples.desk import Desk, row_seed
from esrag.examples.facts import forms_of, topic_of
from esrag.examples.passages import Passage
from esrag.examples.statements import DATE, NUMBER
from esrag.prompting import closed_book
from esrag.sentences import units_of
from esrag.terms import terms
from esrag.types import Example, ExampleKind

GAP = "____"
_SHORTEST, _LONGEST = 6, 40  # words of a sentence
_GAPS = (
    re.compile(rf"(?<![\w.-]){DATE}(?![\w-])"),
    re.compile(r"(?<![\w.-])[A-Z]{2,8}-\d[\w-]*(?![\w-])"),  # codes
    re.compile(r"(?<![\w.,-])v?\d+(?:\.\d+){2,}(?![\w.-]*\w)"),  # versions
    re.compile(rf"(?<![\w.,#-]){NUMBER}(?: ?(?:%|°C|[kMGT]i?B)(?!\w))?(?![\w%°-])"),
    re.compile(r"(?<=[\w,;] )[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,}){0,2}(?![\w-])"),  # names
)
# begins and ends like one, holds no code or markup, and does not point to the one before it
_SENTENCE = re.compile(
    r"^(?!(?:It|This|That|These|Those|They|He|She|Its|Their|His|Her|Such|See|Note|Also|Then)\b)"
    r"[A-Z0-9\"“][^<>{}\[\]=|\\]*[.!?][\"”)]?$"
)
_WORDINGS = (
    "Fill in the gap, according to {topic}: {sentence}",
    "{topic} says: {sentence} What stands in the gap?",
    "Complete this sentence of {topic}: {sentence}",
    "What is missing in this sentence from {topic}? {sentence}",
)


class Cloze:
    """One gap a sentence."""

    name = "template:cloze"
    kind: ExampleKind = "knowledge"
    needs_teacher = needs_search = False

    def examples(self, desk: Desk) -> Iterator[Example]:
        """A gap question for each sentence that has something to leave out."""
        for passage in desk.passages:
            for sentence, start, end in gaps_of(passage):
                yield from self._of(desk, passage, sentence, start, end)

    def _of(
        self, desk: Desk, passage: Passage, sentence: str, start: int, end: int
    ) -> Iterator[Example]:
        value = sentence[start:end]
        words = (self.name, passage.document_id, sentence)
        wordings = gap_questions(topic_of(passage), sentence, start, end)
        desk.random(*words).shuffle(wordings)
        split = desk.split_of(passage.document_id)
        for number, question in enumerate(wordings[: 2 if split == "train" else 1]):
            yield desk.example(
                "knowledge",
                closed_book(question),
                question=question,
                answer=f"{value}.",
                passages=(passage,),
                maker=self.name,
                seed=row_seed(desk.seed, *words),
                accepted=(forms_of(value),),
                split="recall" if number else split,
            )


def gaps_of(passage: Passage) -> Iterator[tuple[str, int, int]]:
    """The sentences of a passage that have something to leave out, and where; each once."""
    seen: set[str] = set()
    for unit in units_of(passage.as_hit()):
        if unit.is_heading or unit.cells or unit.text in seen:
            continue
        seen.add(unit.text)
        gap = gap_in(unit.text, topic=topic_of(passage))
        if gap is not None:
            yield unit.text, *gap


def gap_questions(topic: str, sentence: str, start: int, end: int) -> list[str]:
    """The sentence with its gap, asked for in several wordings."""
    gapped = f"{sentence[:start]}{GAP}{sentence[end:]}"
    return [wording.format(topic=topic, sentence=gapped) for wording in _WORDINGS]


def gap_in(sentence: str, *, topic: str = "") -> tuple[int, int] | None:
    """Where the gap is: the last stretch of the first sort that the sentence has once."""
    if not _SHORTEST <= len(sentence.split()) <= _LONGEST or not _SENTENCE.match(sentence):
        return None
    of_topic = terms(topic).words
    for pattern in _GAPS:
        found = [
            match.span()
            for match in pattern.finditer(sentence)
            if sentence.count(match.group()) == 1 and not terms(match.group()).words <= of_topic
        ]
        if found:
            return found[-1]
    return None
