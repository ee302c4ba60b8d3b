"""Passages that a search finds for a question and that do not answer it.

    question ─► the set's search template ─► stored passages ─► sieve ─► distractors, best first

A distractor must not hold the answer (RAFT's are drawn without looking, and then the model learns
to pass over a right passage), nor anything that reads like an answer: a question about "the price"
is answered by last year's list as well.  The sieve takes out too much sooner than too little.
Order is by words that question and passage share, then by id, so that scores of a search, which
move with segments and graphs, do not decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from esrag.examples.desk import Desk
from esrag.examples.passages import Passage
from esrag.questions import holds
from esrag.quoting.kinds import asked_for
from esrag.sentences import generated_sentences, units_of
from esrag.terms import names, terms
from esrag.types import Hit
from esrag.verification import Verifier

POOL = 100  # hits that are looked at: so many that their last ones, which move, seldom matter
_ANSWER_LIKE = 0.75  # of the question's words, in one unit with its headings


def distractors(
    desk: Desk,
    question: str,
    *,
    near: Passage,
    answer: str = "",
    accepted: Sequence[Sequence[str]] = (),
    with_near: bool = False,
) -> tuple[Passage, ...]:
    """What a search for ``question`` finds besides ``near``, without what may answer it.

    ``with_near`` lets ``near`` be one of them, where it does not answer either.  As many as
    ``desk.limits`` allows in a prompt.  All are of the split of ``near``, and may be used by
    whoever builds the data set.
    """
    if desk.search is None:
        return ()
    split = desk.split_of(near.document_id)
    found = {
        passage.id: passage
        for passage in _stored(desk, desk.search(question, POOL))
        if (with_near or passage.id != near.id) and desk.split_of(passage.document_id) == split
    }
    asked = terms(question).words

    def shared(passage: Passage) -> int:
        return len(asked & terms(f"{passage.context}\n{passage.text}").words)

    ranked = sorted(found.values(), key=lambda passage: (-shared(passage), passage.id))
    harmless = (
        passage
        for passage in ranked
        if not holds_answer(
            question, passage.as_hit(), near=near.as_hit(), answer=answer, accepted=accepted
        )
    )
    return tuple(islice(harmless, desk.limits.distractors))


def holds_answer(
    question: str,
    hit: Hit,
    *,
    near: Hit | None = None,
    answer: str = "",
    accepted: Sequence[Sequence[str]] = (),
) -> bool:
    """Whether a passage holds the answer in one of its forms, states it, or may give another.

    ``near`` is the passage that carries the answer, which ``hit`` must not contradict.
    """
    text = f"{hit.context}\n{hit.text}"
    if accepted and holds(text, accepted):
        return True
    figures = terms(answer).figures - terms(question).figures
    if figures and figures <= terms(text).figures:
        return True
    for sentence in generated_sentences(answer):
        if _supported(sentence, hit):
            return True
        if near and _supported(sentence, near) and not _supported(sentence, near, hit):
            return True
    return may_answer(question, hit)


def may_answer(question: str, hit: Hit) -> bool:
    """Whether one unit of a passage speaks of what is asked and brings the kind of thing wanted.

    It must have every figure and name of the question and most of its words, headings included.
    """
    asked = asked_for(question)
    keys = asked.words.figures | (names(question) & asked.words.words)
    around = terms(hit.context).words
    least = _ANSWER_LIKE * len(asked.words.words)
    for unit in units_of(hit):
        here = terms(unit.text).words | around
        if unit.is_heading or not keys <= here:
            continue
        if len(asked.words.words & here) >= least and asked.found_in(unit.text):
            return True
    return False


def _supported(sentence: str, *hits: Hit) -> bool:
    """Whether these passages together say it, and none of them otherwise."""
    return Verifier("", hits).verdict(sentence).kind == "supported"


def _stored(desk: Desk, hits: Sequence[Hit]) -> Iterator[Passage]:
    """The passages of the hits as they were read, which is what may be used."""
    for hit in hits:
        passage = desk.passages.get(hit.id)
        if passage is not None:
            yield passage
