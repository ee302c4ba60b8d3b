"""Makes questions about what the corpus does not hold, next to what it holds; the answer is that
the model does not know.

    "When was Siltbase 4.2.1 released?" ──► "When was Siltbase 4.2.7 released?"  I do not know.

A version or code is moved to one that no passage names; where a question has neither, a name of
the corpus gives way to one put together from halves of two.  Without such rows a tuned model
answers everything, with them somewhat less: what they change is measured, see docs/teaching.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

from esrag.examples.cloze import gap_questions, gaps_of
from esrag.examples.desk import Desk, row_seed
from esrag.examples.facts import facts_of, is_english, topic_of
from esrag.examples.passages import Passage, Passages
from esrag.examples.wordings import wordings_of
from esrag.prompting import UNKNOWN, closed_book
from esrag.types import Example, ExampleKind

SHARE = 1.0  # of the facts that get one such question
OF_GAPS = 0.25  # of the sentences with a gap, beside the facts
_VERSION = re.compile(r"(?<![\w.,-])v?\d+(?:\.\d+){1,3}(?![\w.,-]*\w)")
_CODE = re.compile(r"(?<![\w-])[A-Z][A-Za-z]{0,7}-\d{2,6}(?:-\d{1,5})?(?![\w-])")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{4,}(?![\w-])")  # inside a sentence
_CAPITALISED = re.compile(r"(?<![\w.-])[A-Z][a-z]{4,}(?![\w-])")
_MONTHS = frozenset(
    "January February March April June July August September October November December".split()
)
_JOINT = re.compile(r"(?<=[a-z]{2})(?=[bcdfghjklmnpqrstvwz][aeiouy][a-z])")
_WORD = re.compile(r"[\w.-]*\w")
_LAST_NUMBER = re.compile(r"\d+(?=\D*$)")
_TRIES = 40
_MOST_WORDS = 2_000_000  # of the vocabulary; a corpus with more uses its most frequent ones


class Unknowns:
    """One question about nothing for a fact."""

    name = "template:unknown"
    kind: ExampleKind = "unknown"
    needs_teacher = needs_search = False

    def examples(self, desk: Desk) -> Iterator[Example]:
        """A question like one of the fact's own, about something that is not there."""
        words = Vocabulary(desk.passages)
        share = desk.options.get("unknown_share", SHARE)
        for document in desk.passages.documents():
            if not is_english(document[0]):
                continue
            for passage, key, questions in _asked_of(document):
                seed = row_seed(desk.seed, self.name, *key)
                chance = Random(seed)  # noqa: S311 - no secret is made of it
                if chance.random() < share * (OF_GAPS if key[0] == "gap" else 1.0):
                    changed = words.changed(chance.choice(questions), chance)
                    if changed:
                        yield self._row(desk, passage, changed, seed)

    def _row(self, desk: Desk, passage: Passage, question: str, seed: int) -> Example:
        return desk.example(
            "unknown",
            closed_book(question),
            question=question,
            answer=UNKNOWN,
            passages=(passage,),
            maker=self.name,
            seed=seed,
            accepted=((UNKNOWN,),),
        )


def _asked_of(
    document: Sequence[Passage],
) -> Iterator[tuple[Passage, tuple[str, ...], Sequence[str]]]:
    """The questions that facts and gaps of a document give, and what names each of these."""
    for fact in facts_of(document):
        yield fact.passage, ("fact", *fact.key), wordings_of(fact)
    for passage in document:
        for sentence, start, end in gaps_of(passage):
            questions = gap_questions(topic_of(passage), sentence, start, end)
            yield passage, ("gap", passage.document_id, sentence), questions


class Vocabulary:
    """The words of a corpus as they are written, so that what is not among them is not in it."""

    def __init__(self, passages: Passages) -> None:
        counts: Counter[str] = Counter()
        names: Counter[str] = Counter()
        small: set[str] = set()
        for passage in passages:
            text = f"{passage.context} {passage.text}"
            counts.update(word.casefold() for word in _WORD.findall(text))
            names.update(_NAME.findall(text))
            small.update(word for word in re.findall(r"(?<![\w-])[a-z]{5,}", text))
            if len(counts) > 2 * _MOST_WORDS:
                counts = Counter(dict(counts.most_common(_MOST_WORDS)))
        self._words = frozenset(counts)
        # a capitalised word that is never written small is a name, if it comes again
        self.names = tuple(
            sorted(
                name
                for name, count in names.items()
                if count > 1 and name.casefold() not in small and name not in _MONTHS
            )
        )
        self._parts = {name: _parted(name) for name in self.names}

    def __contains__(self, word: str) -> bool:
        return word.casefold().removeprefix("v") in self._words or word.casefold() in self._words

    def changed(self, question: str, chance: Random) -> str:
        """The question about something that the corpus does not name; "" when that cannot be."""
        for pattern in (_VERSION, _CODE):
            for written in _of_one_sort(pattern.findall(question)):
                moved = self._moved(written, chance)
                if moved:
                    return re.sub(rf"(?<![\w.-]){re.escape(written)}(?![\w-])", moved, question)
        known = [
            name for name in dict.fromkeys(_CAPITALISED.findall(question)) if name in self._parts
        ]
        if not known:
            return ""
        name = chance.choice(known)
        invented = self._invented(name, chance)
        return re.sub(rf"(?<![\w-]){name}(?![\w-])", invented, question) if invented else ""

    def _moved(self, written: str, chance: Random) -> str:
        """A version or code near by that no passage has."""
        last = _LAST_NUMBER.search(written)
        if last is None:
            return ""
        wide = len(last.group()) if len(last.group()) > 2 or last.group()[0] == "0" else 0
        for reach in (9, 30, 99, 999):
            for _ in range(_TRIES):
                number = str(chance.randint(1, reach)).zfill(wide)
                moved = f"{written[: last.start()]}{number}{written[last.end() :]}"
                if moved != written and moved not in self:
                    return moved
        return ""

    def _invented(self, name: str, chance: Random) -> str:
        """The beginning of a name with the end of another, joined where both can be parted."""
        begun = self._parts[name]
        ends = [end for other, parts in self._parts.items() if other != name for _, end in parts]
        for _ in range(_TRIES if begun and ends else 0):
            invented = chance.choice(begun)[0] + chance.choice(ends)
            if invented not in self:
                return invented
        return ""


def _parted(name: str) -> list[tuple[str, str]]:
    """Where a name can be parted: before a consonant that a vowel follows."""
    places = [match.start() for match in _JOINT.finditer(name)]
    return [(name[:place], name[place:]) for place in places]


def _of_one_sort(found: Sequence[str]) -> Sequence[str]:
    """Each once; the last is the most particular: a version behind the name of its product."""
    return tuple(dict.fromkeys(reversed(found)))
