"""Whether an answer is right, cites, refuses."""

from __future__ import annotations

import pytest

from esrag import prompting
from esrag.answer_measures import (
    citations,
    exact_match,
    f1,
    normalised,
    read_answer,
    refuses,
)

DATE = [["9 April 2026", "April 9, 2026"]]


@pytest.mark.parametrize(
    ("text", "right", "exact"),
    [
        ("9 April 2026", True, True),
        ("2026-04-09.", True, True),
        ("April 9th, 2026", True, True),
        ("Siltbase 4.2.1 came out on 9 April 2026.", True, False),
        ("19 April 2026", False, False),
        ("", False, False),
        (prompting.UNKNOWN, False, False),
    ],
)
def test_a_closed_book_answer_is_right_or_exact(text: str, right: bool, exact: bool) -> None:
    """A date in any form is right; only the bare date is exact."""
    reading = read_answer(text, accepted=DATE)
    assert (reading.right, reading.exact) == (right, exact)


def test_the_number_of_a_passage_is_no_answer() -> None:
    """[2] does not answer "how many?" with 2."""
    reading = read_answer("It has several [2].", accepted=[["2"]], relevant=[2], given=3)
    assert not reading.right
    assert reading.cites_right


@pytest.mark.parametrize(
    ("text", "cites_right"),
    [
        ("It is 45 seconds. [2]", True),
        ("It is 45 seconds [2, 3].", True),
        ("It is 45 seconds [1].", False),
        ("It is 45 seconds [1][2].", False),
        ("It is 45 seconds [2] [7].", False),
        ("It is 45 seconds.", False),
    ],
)
def test_a_citation_is_right_when_all_of_it_is(text: str, cites_right: bool) -> None:
    """A wrong or missing number beside the right one spoils the citation."""
    reading = read_answer(text, accepted=[["45 seconds"]], relevant=[2, 3], given=4)
    assert reading.right
    assert reading.cites_right is cites_right
    assert reading.right_and_cited is cites_right


def test_citations_are_told_apart_from_numbers_that_no_passage_has() -> None:
    """Each number once, in the order of the text."""
    assert citations("A [2]. B [1, 9]. C [2].", given=3) == ((2, 1), (9,))


@pytest.mark.parametrize(
    ("text", "closed_book", "is_refusal"),
    [
        (prompting.MODEL_REFUSAL, False, True),
        (prompting.MODEL_REFUSAL + " [1]", False, True),
        (prompting.REFUSAL, False, True),
        ("The passages do not mention the price.", False, True),
        ("The price is not stated in the passages.", False, True),
        ("The price is not stated. It is 5 euros [1].", False, False),
        ("Queries do not time out [1].", False, False),
        ("The price is 5 euros [1].", False, False),
        (prompting.UNKNOWN, True, True),
        ("I don't have information about that.", True, True),
        ("It is 5 euros.", True, False),
        ("", True, True),
    ],
)
def test_a_refusal_says_nothing_else(text: str, closed_book: bool, is_refusal: bool) -> None:
    """Whoever declines and then states something has not refused."""
    assert refuses(text, closed_book=closed_book) is is_refusal


def test_an_answer_is_invented_when_it_is_neither_right_nor_a_refusal() -> None:
    """Nothing is accepted for what nobody was taught."""
    assert read_answer("12 May 2026").invented
    assert not read_answer(prompting.UNKNOWN).invented
    assert not read_answer("9 April 2026", accepted=DATE).invented


def test_several_groups_are_exact_when_no_other_word_is_left() -> None:
    """All groups, in any order, and nothing else."""
    groups = [["4.2.1"], ["45 seconds", "45 s"]]
    assert exact_match("4.2.1, 45 seconds", groups)
    assert not exact_match("4.2.1: it is 45 seconds", groups)
    assert not exact_match("4.2.1", groups)


def test_f1_shares_the_words() -> None:
    """Two of three words said, two of two wanted: precision 2/3, recall 1."""
    assert f1("about 45 seconds", [["45 seconds"]]) == pytest.approx(0.8)
    assert f1("no idea", [["45 seconds"]]) == 0.0


def test_versions_and_decimals_keep_their_dots() -> None:
    """Punctuation ends words, but stays inside numbers."""
    assert normalised("The Siltbase 4.2.1, EUR 5.20.") == "siltbase 4.2.1 eur 5.20"
    assert normalised("5,000 points") == "5000 points"
    assert normalised("−200 °C") == normalised("-200 °C")
