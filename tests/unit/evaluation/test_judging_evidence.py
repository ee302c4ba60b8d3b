"""What all systems are judged by: the passages about the evidence and one fixed search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from esrag.evaluation.evidence import evidence_for
from esrag.questions import Evidence, KnownQuestion
from esrag.testing import make_hit
from esrag.types import Found, Hit, Query

QUESTION = KnownQuestion("q", "How heavy is it?", "fact", "test", "14 kg", (("14 kg",),), ())


def chunk(document: str, position: int, text: str) -> Hit:
    """A chunk of a document."""
    hit = make_hit(f"{document}-{position}", text)
    return replace(hit, document_id=document, position=position, start=100 * position)


@dataclass
class Searches:
    """Finds what it was given, and notes what it was asked."""

    hits: tuple[Hit, ...] = ()
    beside: tuple[Hit, ...] = ()
    asked: list[Query] = field(default_factory=list)
    around: list[Mapping[str, object]] = field(default_factory=list)

    def retrieve(self, query: Query) -> Found:
        """The hits."""
        self.asked.append(query)
        return Found(self.hits)

    def run(self, kind: str, params: Mapping[str, object]) -> Found:
        """The chunks beside another one."""
        assert kind == "context"
        self.around.append(params)
        return Found(self.beside)


def test_the_passage_with_the_quote_comes_with_its_neighbours_in_order() -> None:
    """So a table's header or the sentence before is there to judge by."""
    with_it = chunk("tarn", 4, "The relay weighs 14 kg.")
    like_it = chunk("tarn", 9, "It weighs a lot.")
    beside = (chunk("tarn", 3, "About the relay."), with_it, chunk("tarn", 5, "It hangs."))
    by_words = Searches((like_it, with_it), beside)
    reference = Searches((chunk("other", 0, "Else."),))
    question = replace(QUESTION, evidence=(Evidence("tarn", "weighs 14 kg"),))
    found = evidence_for(question, by_words=by_words, reference=reference, index="i")
    assert [passage.start for passage in found.around] == [300, 400, 500, 900]
    assert [passage.document_id for passage in found.reference] == ["other"]
    (query,) = by_words.asked
    assert (query.text, query.filters.document_id) == ("weighs 14 kg", ("tarn",))
    assert by_words.around[0]["position"] == 4
    assert reference.asked[0].size == 10
    assert reference.asked[0].text == QUESTION.text


def test_other_places_that_say_the_same_are_evidence_too() -> None:
    """A system that found those is not judged without them."""
    by_words = Searches()
    also = (Evidence("copy", "weighs 14 kg"),)
    question = replace(QUESTION, evidence=(Evidence("tarn", "weighs 14 kg", also),))
    evidence_for(question, by_words=by_words, reference=Searches(), index="i")
    assert [query.filters.document_id for query in by_words.asked] == [("tarn",), ("copy",)]


def test_without_a_quote_the_document_is_searched_with_the_question() -> None:
    """As judgements of a data set come: by document alone."""
    by_words = Searches((chunk("tarn", 0, "It weighs 14 kg."),))
    question = replace(QUESTION, evidence=(Evidence("tarn", ""),))
    found = evidence_for(question, by_words=by_words, reference=Searches(), index="i")
    assert by_words.asked[0].text == QUESTION.text
    assert len(found.around) == 1


def test_an_unanswerable_question_is_judged_by_the_fixed_search() -> None:
    """It has no evidence; what is near it shows what an answer would have to be made up from."""
    by_words = Searches()
    reference = Searches((chunk("tarn", 0, "It hangs."),))
    found = evidence_for(QUESTION, by_words=by_words, reference=reference, index="i")
    assert by_words.asked == []
    assert len(found.reference) == 1


def test_its_fingerprint_knows_question_evidence_and_index() -> None:
    """Another index or another quote is looked up anew."""
    quoted = replace(QUESTION, evidence=(Evidence("tarn", "weighs 14 kg"),))
    keys = {
        evidence_for(question, by_words=Searches(), reference=Searches(), index=index).key
        for question in (QUESTION, quoted)
        for index in ("one", "two")
    }
    assert len(keys) == 4


def test_a_question_too_long_to_be_searched_for_is_judged_by_what_it_begins_with() -> None:
    """Systems fail at it; the evidence of all the others must not be lost for that."""
    reference = Searches()
    question = replace(QUESTION, text="why " * 50_000)
    evidence_for(question, by_words=Searches(), reference=reference, index="i")
    (query,) = reference.asked
    assert 7_000 < len(query.text) <= 8_000
