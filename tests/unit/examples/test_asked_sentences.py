"""Questions that are made by turning a sentence."""

from __future__ import annotations

import pytest

from esrag.examples.asked_sentences import questions_for
from esrag.examples.phrases import turned_sentences
from tests.making_desk import passage


@pytest.mark.parametrize(
    ("sentence", "questions"),
    [
        (
            "The key is kept in the vault of the bank.",
            ["What is kept in the vault of the bank?", "Where is the key kept?"],
        ),
        (
            "The ferry was cancelled because the pier had sunk.",
            ["What was cancelled because the pier had sunk?", "Why was the ferry cancelled?"],
        ),
        (
            "A pump may be returned within 30 days of delivery.",
            ["What may be returned within 30 days of delivery?", "When may a pump be returned?"],
        ),
        ("Freight is charged at cost, whatever it is.", ["What is charged at cost?"]),
        # a noun is not kept anywhere, so only its subject is asked for
        (
            "The report is a file with the raw readings.",
            ["What is a file with the raw readings?"],
        ),
        # what is not so is no answer to what is
        ("The old mill is not sold to the town.", []),
        # a subject with a verb of its own would be turned wrongly
        ("The mill that was sold is closed to the public.", []),
        ("It is kept in the vault of the bank.", []),
        ("Which is best is known to the council only.", []),
        ("The mill ground its corn for years.", []),  # no such verb
    ],
)  # fmt: skip
def test_a_sentence_is_turned_at_its_verb(sentence: str, questions: list[str]) -> None:
    """What fits no pattern gives no question rather than a wrong one."""
    assert list(questions_for(sentence)) == questions


def test_a_name_keeps_its_capital_where_a_plain_word_would_need_a_small_one() -> None:
    """A subject that may be either is asked for, and does not stand inside a question."""
    (named,) = [q for q in questions_for("The PX was moved to the hill.") if q.startswith("To")]
    assert named == "To what was the PX moved?"
    assert list(questions_for("Reports are written by the clerk.")) == [
        "What are written by the clerk?"
    ]


def test_a_sentence_that_stands_in_two_passages_is_not_asked_for() -> None:
    """Either passage would be right."""
    text = "The key is kept in the vault of the bank."
    once = passage("a", text, title="A title")
    again = passage("b", text, title="A title")
    (found,) = turned_sentences([once])
    assert (found.sentence, found.passage) == (text, once)
    assert list(turned_sentences([once, again])) == []
    assert list(turned_sentences([passage("a", text, title="Ein Titel", language="de")])) == []
