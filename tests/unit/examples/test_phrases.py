"""Phrases of prose that a question can be asked by."""

from __future__ import annotations

import pytest

from esrag.examples.phrases import phrases_of
from tests.making_desk import passage


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("The time stamp authority is asked once for every report.", "time stamp authority"),
        ("Write to the address of the canary organisation, every night.", "canary organisation"),
        ("It was found that the old mill was sold to the town.", ""),  # leans on what comes before
        ("The old mill", ""),  # no sentence
        ("| The old mill | was sold |\n", ""),
        ("The council was told that 40 was a number of great weight.", "council"),
        ("Nearly everything that happened was because of what somebody did.", ""),
    ],
)
def test_a_phrase_is_bounded_by_small_words(text: str, phrase: str) -> None:
    """Without a part-of-speech tagger: what stands between an article and a verb of being."""
    found = [each.phrase for each in phrases_of([passage("p", text, title="A title")])]
    if phrase == "council":  # one word is too little to ask by
        assert found == []
    else:
        assert found == ([phrase] if phrase else [])


def test_a_phrase_stands_in_one_sentence_of_its_document() -> None:
    """Else two sentences would answer."""
    twice = "The harbour office was moved to the hill. The harbour office is open now and then."
    assert list(phrases_of([passage("p", twice, title="A title")])) == []


def test_an_untitled_document_is_not_named() -> None:
    """Nor is one whose title is but a number."""
    text = "The harbour office was moved to the top of the hill."
    for title in ("", "16816043"):
        (found,) = phrases_of([passage("p", text, title=title)])
        assert all("{" not in each and title + "x" not in each for each in found.questions)
        assert not any("16816043" in each for each in found.questions)


def test_a_document_in_another_language_gives_none() -> None:
    """The small words are English."""
    text = "Das Hafenamt was in der alten Burg."
    assert list(phrases_of([passage("p", text, title="A title", language="de")])) == []
