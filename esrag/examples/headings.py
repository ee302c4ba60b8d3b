"""Makes questions of headings: those that are questions already, and those that name a subject.

The answer is what stands below the heading, in its own words; a heading whose text is long or goes
on in another passage gives none, since half an answer would be taught as a whole one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from esrag.examples.desk import Desk, row_seed
from esrag.examples.facts import is_english, topic_of
from esrag.examples.passages import Passage
from esrag.prompting import closed_book
from esrag.questions import holds
from esrag.sentences import Unit, units_of
from esrag.terms import terms
from esrag.types import Example, ExampleKind

_MOST_WORDS = 60
_FEWEST_WORDS = 4
_QUESTION_WORDS = re.compile(
    r"^(?:what|which|who|whose|when|where|why|how|can|could|do|does|did|is|are|was|were|may|must"
    r"|should|will|would|have|has)\b",
    re.IGNORECASE,
)
_ABOUT = (
    'What does {topic} say under "{heading}"?',
    'In {topic}, what stands under "{heading}"?',
    "{topic}: what is there to know about {heading}?",
    'Tell me what {topic} says under "{heading}".',
)
_ASKED = (
    "{heading}",
    "{heading} ({topic})",
    "{topic}: {heading}",
    "A question about {topic}: {heading}",
)


class Headings:
    """Headings as questions."""

    name = "template:heading"
    kind: ExampleKind = "knowledge"
    needs_teacher = needs_search = False

    def examples(self, desk: Desk) -> Iterator[Example]:
        """A heading's text as the answer to it, in the wordings that the limits allow."""
        for document in desk.passages.documents():
            for passage, heading, text in sections_of(document):
                yield from self._of(desk, passage, heading, text)

    def _of(self, desk: Desk, passage: Passage, heading: str, text: str) -> Iterator[Example]:
        if not is_english(passage):
            desk.tally.drop("not in English")
            return
        topic, split = topic_of(passage), desk.split_of(passage.document_id)
        words = (self.name, passage.document_id, heading)
        patterns = list(_ASKED if heading.endswith("?") else _ABOUT)
        desk.random(*words).shuffle(patterns)
        trained = min(desk.limits.wordings, len(patterns) - 1)
        for number, pattern in enumerate(patterns[: trained + (split == "train")]):
            question = pattern.format(topic=topic, heading=heading)
            yield desk.example(
                "knowledge",
                closed_book(question),
                question=question,
                answer=text,
                passages=(passage,),
                maker=self.name,
                seed=row_seed(desk.seed, *words),
                accepted=figures_of(text),
                split="recall" if number == trained else split,
            )


def sections_of(document: Sequence[Passage]) -> Iterator[tuple[Passage, str, str]]:
    """Passage, heading and text of each section that lies whole in one passage."""
    for number, passage in enumerate(document):
        below = document[number + 1] if number + 1 < len(document) else None
        found = list(_sections(passage))
        for place, (heading, text) in enumerate(found):
            goes_on = (
                place == len(found) - 1
                and below is not None
                and heading in (below.heading_path[-1:] or ("",))
                and not below.text.lstrip("# ").startswith(heading)
            )
            if not goes_on:
                yield passage, heading, text


def figures_of(text: str) -> tuple[tuple[str, ...], ...]:
    """The figures of an answer, each of which a right answer must hold; none when it has none."""
    written = (figure for figure in sorted(terms(text).figures) if figure[0].isdigit())
    return tuple((figure,) for figure in written if holds(text, [[figure]]))[:3]


def _sections(passage: Passage) -> Iterator[tuple[str, str]]:
    heading, body = "", list[Unit]()
    units = units_of(passage.as_hit())
    if passage.heading_path and not any(unit.is_heading for unit in units[:1]):
        heading = passage.heading_path[-1]
        if " | " in heading or (passage.position and heading == passage.title):
            heading = ""
    for unit in (*units, Unit(0, 0, "", is_heading=True)):
        if not unit.is_heading or unit.cells:
            body.append(unit)
            continue
        if _is_good(heading, body, passage):
            yield heading, " ".join(each.text for each in body)
        heading, body = unit.text, []


def _is_good(heading: str, body: Sequence[Unit], passage: Passage) -> bool:
    words = sum(len(unit.text.split()) for unit in body)
    asks = heading.endswith("?") and bool(_QUESTION_WORDS.match(heading))
    return (
        bool(heading)
        and (asks or not heading.endswith("?"))
        and heading != passage.title
        and _FEWEST_WORDS <= words <= _MOST_WORDS
        and not any(unit.cells for unit in body)
        and all(unit.text[-1:] in ".!?" for unit in body)
    )
