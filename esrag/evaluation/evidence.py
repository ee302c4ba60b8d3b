"""What all systems are judged by, fetched once for each question and never from a system alone.

    the question's evidence ─► the passages of those documents that hold its words ─┐
    the question ─► the best ten of one fixed retrieval, the same for all ──────────┴─► kept

The passages that systems were given join them when replies are scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from esrag.cluster.named_documents import held_among
from esrag.evaluation.askers import passages_of
from esrag.evaluation.fingerprints import evidence_key
from esrag.evaluation.storage import KeptEvidence
from esrag.examples.reading import require_readable
from esrag.questions import Evidence, KnownQuestion, supports
from esrag.retrieval.parameters import LONGEST_QUESTION
from esrag.types import Filters, Found, Hit, Query

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

REFERENCE = 10
_AROUND = 3
_LONGEST_QUOTE = 2000


class Searches(Protocol):
    """What is needed of a retriever."""

    def retrieve(self, query: Query) -> Found:
        """The best hits."""

    def run(self, kind: str, params: Mapping[str, object]) -> Found:
        """What a search template finds."""


def evidence_for(
    question: KnownQuestion, *, by_words: Searches, reference: Searches, index: str
) -> KeptEvidence:
    """What a question is judged by.

    ``by_words`` finds the passages of a document that hold a quote, ``reference`` searches as the
    fixed retrieval does; ``index`` says what is searched.
    """
    around: dict[str, Hit] = {}
    for place in _places(question.evidence):
        for hit in _hits_of(place, question.text, by_words):
            around.setdefault(hit.id, hit)
    in_order = sorted(around.values(), key=lambda hit: (hit.document_id, hit.position))
    found = reference.retrieve(Query(question.text[:LONGEST_QUESTION], REFERENCE))
    return KeptEvidence(
        evidence_key(question, index=index),
        question.id,
        around=passages_of(in_order),
        reference=passages_of(found.hits),
    )


def _hits_of(place: Evidence, asked: str, by_words: Searches) -> Iterator[Hit]:
    """The chunks of a document that are most like a quote, and those beside the one with it.

    Without a quote the whole document is evidence: those most like the question.
    """
    wanted = Filters(document_id=(place.document_id,))
    words = place.quote.strip() or asked
    hits = by_words.retrieve(Query(words[:_LONGEST_QUOTE], _AROUND, filters=wanted)).hits
    yield from hits
    core = next((hit for hit in hits if supports(hit, place)), None)
    if core is not None:
        beside = {"document_id": core.document_id, "position": core.position}
        yield from by_words.run("context", {**beside, "before": 1, "after": 1}).hits


def _places(evidence: Sequence[Evidence]) -> Iterator[Evidence]:
    """The evidence and the other places that say the same."""
    for each in evidence:
        yield each
        yield from _places(each.also)


def lacking(client: Elasticsearch, index: str, questions: Sequence[KnownQuestion]) -> str:
    """How many of the documents with evidence ``index`` does not hold, in words; empty if none.

    A system cannot find what is not there, and its figures would say that it is bad.  Where other
    places serve as well, one of them is enough.  Raises ConflictError when there is no such index.
    """
    require_readable(client, index)
    wanted = dict.fromkeys(tuple(_documents(each)) for q in questions for each in q.evidence)
    held = held_among(client, index, [name for names in wanted for name in names])
    absent = [names[0] for names in wanted if not held.intersection(names)]
    if not absent:
        return ""
    return (
        f"{len(absent):,} of {len(wanted):,} documents that the questions' evidence is in are not "
        f"in {index}, where no system can find them: {min(absent)[:80]} for one"
    )


def _documents(place: Evidence) -> Iterator[str]:
    yield from (each.document_id for each in _places([place]))
