"""The passages that all systems' replies to one question are judged against.

    evidence of the question ─┐
    reference retrieval ──────┼─► pool, each chunk once
    what any system was given ┘

The same for every system: whoever was given no passage is judged by what the others were given.
Pure; who finds the passages is another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from esrag.evaluation.records import Passage, Reply, SpanEvidence
from esrag.questions import Evidence, KnownQuestion, holds, supports
from esrag.sentences import units_of
from esrag.types import Hit

MOST_AROUND = 40  # of the evidence's documents: a long handbook must not drown the rest
LONGEST_EVIDENCE = 300  # characters shown of a passage in which the quote itself is not found
_MARKS = str.maketrans("*_`", "   ")
MOST_ANSWERING = 3  # sentences of a passage that are taken for evidence where none is quoted
NEIGHBOURS = 1  # passages beside the one that holds the quote


def build_pool(
    question: KnownQuestion,
    *,
    around: Sequence[Passage],
    reference: Sequence[Passage],
    replies: Sequence[Reply],
) -> tuple[Passage, ...]:
    """The pool, evidence first; ranks count from 1 in its order.

    ``around``: passages of the documents that hold the evidence, in their order; those with the
    quotes and their neighbours are taken.  ``reference``: what one fixed retrieval finds.  A quote
    that no passage holds becomes a passage itself: the question vouches for it.
    """
    given = [passage for reply in replies for passage in reply.passages]
    quoted = _with_neighbours(question, around)
    found: dict[str, Passage] = {}
    for passage in (*quoted, *reference, *given):
        known = found.get(passage.chunk_id)
        if known is None or len(passage.heading_path) > len(known.heading_path):
            found[passage.chunk_id] = passage
    hits = [hit_of(passage) for passage in found.values()]
    lost = [
        piece
        for piece in question.evidence
        if piece.quote and not any(supports(hit, piece) for hit in hits)
    ]
    made = [_of_quote(piece, number) for number, piece in enumerate(lost, start=1)]
    return tuple(
        replace(passage, rank=rank)
        for rank, passage in enumerate((*made, *found.values()), start=1)
    )


def hit_of(passage: Passage) -> Hit:
    """The passage as the verifier reads it."""
    start = max(passage.start, 0)
    return Hit(
        id=passage.chunk_id,
        document_id=passage.document_id,
        rank=passage.rank,
        score=passage.score,
        text=passage.text,
        title=passage.title,
        heading_path=passage.heading_path,
        source=passage.source,
        url=passage.url,
        position=0,
        start=start,
        end=start + len(passage.text),
    )


@dataclass(frozen=True, slots=True)
class Quoted:
    """A piece of a question's evidence as it was found: ``start`` counts the hit's characters."""

    piece: int
    hit: Hit
    start: int
    end: int

    @property
    def text(self) -> str:
        """The words themselves."""
        return self.hit.text[self.start : self.end]


def quoted_in(question: KnownQuestion, hits: Sequence[Hit]) -> tuple[Quoted, ...]:
    """Where the question's evidence stands in ``hits``, the question's own place before others."""
    found = []
    for number, piece in enumerate(question.evidence):
        for place in (piece, *piece.also):
            alone = Evidence(place.document_id, place.quote)
            for hit in hits:
                if not supports(hit, alone):
                    continue
                if place.quote.strip():
                    found.append(Quoted(number, hit, *_place_of(place.quote, hit.text)))
                else:
                    found += [Quoted(number, hit, *span) for span in _answering(question, hit)]
    return tuple(found)


def _answering(question: KnownQuestion, hit: Hit) -> list[tuple[int, int]]:
    """Where a passage says the reference answer, if only its document was named as evidence.

    The beginning of the passage where it does so nowhere and there is no reference.
    """
    forms = [form for group in question.answer_groups for form in group] or [question.answer]
    found = [
        (unit.start, unit.end)
        for unit in units_of(hit)
        if any(form and holds(unit.text, [[form]]) for form in forms)
    ]
    if not found and not any(forms):
        return [(0, min(len(hit.text), LONGEST_EVIDENCE))]
    return found[:MOST_ANSWERING]


def _place_of(quote: str, text: str) -> tuple[int, int]:
    """Where ``quote`` stands in ``text``, other space and marks of Markdown aside."""
    words = quote.translate(_MARKS).split()
    between = r"[\s\u00a0*_`]+"
    match = re.search(between.join(map(re.escape, words)), text, re.I)
    return match.span() if match else (0, min(len(text), LONGEST_EVIDENCE))


def evidence_of(hit: Hit, start: int, end: int, *, placed: bool = True) -> SpanEvidence:
    """``hit.text[start:end]`` as the evidence of a span; ``placed``: the hit's offsets are true."""
    return SpanEvidence(
        document_id=hit.document_id,
        quote=hit.text[start:end],
        chunk_id=hit.id,
        title=hit.title,
        url=hit.url,
        start=hit.start + start if placed else -1,
        end=hit.start + end if placed else -1,
    )


def _with_neighbours(question: KnownQuestion, around: Sequence[Passage]) -> list[Passage]:
    """The passages that hold a quote, and those beside them in the same document."""
    holding = [
        index
        for index, passage in enumerate(around)
        if any(supports(hit_of(passage), piece) for piece in question.evidence)
    ]
    near: dict[int, None] = dict.fromkeys(holding)
    for index in holding:
        for other in range(max(0, index - NEIGHBOURS), min(len(around), index + NEIGHBOURS + 1)):
            if around[other].document_id == around[index].document_id:
                near.setdefault(other)
    return [around[index] for index in near][:MOST_AROUND]


def _of_quote(piece: Evidence, number: int) -> Passage:
    return Passage(
        chunk_id=f"evidence-{number}",
        document_id=piece.document_id,
        rank=number,
        score=0.0,
        text=piece.quote,
    )
