"""The record of an answer: the published form, stable and without loss."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esrag.answering.record import AnswerRecord, as_record, cited, facet_record, schema
from esrag.testing import make_hit
from esrag.types import Answer, Citation, Facet, Message, Prompt, Sentence, Verdict

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = json.loads((ROOT / "docs" / "answer.schema.json").read_text(encoding="utf-8"))
FIRST = replace(make_hit("a", "Port 7443 is open.", title="Ports"), start=100, end=118, page=3)
SECOND = make_hit("b", "It was opened in May.", rank=2)
SUPPORT = Citation(1, FIRST, "Port 7443", 0, 9)
ANSWER = Answer(
    "Which port?",
    "generated",
    (
        Sentence("It was opened in May.", (Citation(2, SECOND, SECOND.text, 0, 21),)),
        Sentence("Port 7443 is open.", (SUPPORT,)),
        Sentence("Nobody knows.", (), supported=False),
    ),
    (FIRST, SECOND),
    generated_text="Port 7443 is open [1]. It was closed [9].",
    dropped=("It was closed.",),
    verdicts=(
        Verdict("Port 7443 is open.", "supported", (1,), support=SUPPORT, scores={"words": 1.0}),
        Verdict("It was closed.", "unsupported", (), (9,), why="no passage says so"),
    ),
    prompt=Prompt((Message("system", "rules"), Message("user", "question")), (FIRST,), 12),
    seconds={"retrieve": 0.123456},
    steps={"retrieve": "2 passages"},
)


def test_the_record_is_what_the_schema_promises() -> None:
    """With and without the passages and the prompt, complete and not."""
    check = jsonschema_rs.validator_for(PUBLISHED)
    for record in (
        as_record(ANSWER),
        as_record(ANSWER, hits=True, prompt=True),
        as_record(ANSWER, error=("down", "start it")),
        as_record(Answer("q", "refused", (), ())),
    ):
        check.validate(json.loads(json.dumps(record)))


@pytest.mark.parametrize("key", list(AnswerRecord.model_fields))
def test_every_field_is_always_there(key: str) -> None:
    """A program need not ask whether a field exists, and the order never changes."""
    bare = as_record(Answer("q", "refused", (), ()))
    assert key in bare
    assert list(bare) == list(as_record(ANSWER, hits=True, prompt=True))


def test_a_record_without_a_promised_field_is_no_record() -> None:
    """The schema is strict enough to find a form that lost something or has more."""
    check = jsonschema_rs.validator_for(PUBLISHED)
    record = as_record(ANSWER)
    assert not check.is_valid({name: v for name, v in record.items() if name != "sentences"})
    assert not check.is_valid(record | {"more": 1})
    assert not check.is_valid(record | {"kind": "made up"})


def test_citations_count_from_the_beginning_of_the_document() -> None:
    """The passage's own offset is added; in the source the pages are named."""
    record = as_record(ANSWER)
    (citation,) = record["sentences"][1]["citations"]
    assert (citation["start"], citation["end"], citation["quote"]) == (100, 109, "Port 7443")
    assert [source["number"] for source in record["sources"]] == [1, 2]
    assert (record["sources"][0]["page"], record["sources"][1]["page"]) == (3, None)
    assert cited(ANSWER.sentences) == ((1, FIRST), (2, SECOND))


def test_what_was_not_asked_for_stays_out() -> None:
    """Passages and prompt are long, and the prompt is not everybody's."""
    assert as_record(ANSWER)["hits"] is None
    assert as_record(ANSWER)["prompt"] is None
    whole = as_record(ANSWER, hits=True, prompt=True)
    assert [hit["chunk_id"] for hit in whole["hits"]] == ["a", "b"]
    assert whole["prompt"]["passages"] == ["a"]


def test_a_failure_makes_the_record_incomplete() -> None:
    """Whoever reads only ``complete`` is not misled."""
    record = as_record(ANSWER, error=("the generator is down", "start it"))
    assert record["complete"] is False
    assert record["error"] == {"message": "the generator is down", "hint": "start it"}
    assert as_record(replace(ANSWER, complete=False))["complete"] is False


def test_citations_of_passages_that_were_not_given_are_counted() -> None:
    """One of the two verdicts cited passage 9 of 1."""
    assert as_record(ANSWER)["invalid_citations"] == 1


def test_facets_are_lists_of_counts() -> None:
    """In the order that they came in."""
    made = facet_record(Facet("source", (("a.md", 3), ("b.md", 1)))).model_dump()
    assert made["counts"][0] == {"value": "a.md", "count": 3}


@settings(max_examples=50, deadline=None)
@given(text=st.text(), quote=st.text(), url=st.text(), score=st.floats(0, 1))
def test_any_text_survives_json(text: str, quote: str, url: str, score: float) -> None:
    """What documents and models hold comes out as it went in."""
    hit = replace(make_hit("x", quote), url=url, score=score)
    sentence = Sentence(text, (Citation(1, hit, quote, 0, len(quote)),))
    record = as_record(Answer(text, "quoted", (sentence,), (hit,)), hits=True)
    again = json.loads(json.dumps(record))
    assert again["sentences"][0]["text"] == text
    assert again["hits"][0]["text"] == quote
    jsonschema_rs.validator_for(schema()).validate(again)


def test_half_characters_are_replaced() -> None:
    """A generator may send them in JSON; UTF-8 has no way to write them."""
    answer = Answer("q", "generated", (Sentence("a\ud800b", ()),), (), dropped=("\udfff",))
    json.dumps(as_record(answer), ensure_ascii=False).encode("utf-8")
    assert as_record(answer)["sentences"][0]["text"] == "a?b"
