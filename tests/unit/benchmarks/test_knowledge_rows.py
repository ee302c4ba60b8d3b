"""What is taught and what is asked are apart, so that the figures mean what they say."""

from __future__ import annotations

from benchmarks.knowledge_rows import asked_questions, rows, unknown_questions
from esrag.answer_measures import normalised, read_answer
from esrag.sample.lessons import taught_facts, wordings
from esrag.terms import terms


def test_more_than_forty_facts_are_taught_and_others_are_not() -> None:
    """The three groups that are asked."""
    groups = [group for group, _ in asked_questions()]
    assert (groups.count("taught"), groups.count("untaught"), groups.count("no answer")) == (
        55,
        27,
        29,
    )


def test_no_question_that_is_asked_is_trained() -> None:
    """Not even in another case or without its question mark."""
    asked = {normalised(question.text) for _, question in asked_questions()}
    trained = {normalised(row.question) for row in rows(unknown=True, seed=7, frames=8)}
    assert not asked & trained


def test_every_answer_that_is_taught_is_the_sample_s() -> None:
    """A wrong answer in the rows would count against the model."""
    for fact in taught_facts():
        assert read_answer(fact.answer, accepted=fact.asked.answer_groups).right, fact.asked.id
        assert len(wordings(fact, frames=4, seed=7)) == 10


def test_the_same_seed_gives_the_same_rows() -> None:
    """And another one other rows."""
    first = list(rows(unknown=True, seed=7, frames=2))
    assert first == list(rows(unknown=True, seed=7, frames=2))
    assert first != list(rows(unknown=True, seed=8, frames=2))


def test_not_knowing_is_not_trained_on_what_is_asked() -> None:
    """No version, code or model that only the questions without an answer name."""
    named: dict[bool, set[str]] = {True: set(), False: set()}
    for group, question in asked_questions():
        named[group == "no answer"] |= terms(question.text).figures
    missing = {name for name in named[True] - named[False] if len(name) > 1}
    assert {"4.2.3", "t2"} <= missing
    for text in unknown_questions(200, seed=7):
        assert not terms(text).figures & missing, text
