"""ROUGE-L and the novelty filter."""

from __future__ import annotations

import random

import pytest

from esrag.examples.novelty import Novelty, common_length, rouge_l
from esrag.terms import written_words


@pytest.mark.parametrize(
    ("text", "other", "score"),
    [
        # as the package rouge-score 0.1.2 computes them (rougeL, no stemmer, fmeasure)
        ("the cat sat on the mat", "the cat is on the mat", 0.8333333333333334),
        ("write a poem about the sea", "write a short story about a ship", 0.46153846153846156),
        ("name three prime numbers", "list the capitals of europe", 0.0),
        ("explain how rain is formed", "explain how rain is formed", 1.0),
        ("a b c d e f g", "g f e d c b a", 0.14285714285714285),
    ],
)
def test_rouge_l_is_that_of_the_reference(text: str, other: str, score: float) -> None:
    """The same figures as Google's implementation."""
    assert rouge_l(written_words(text), written_words(other)) == pytest.approx(score)


def test_common_length_is_that_of_the_textbook() -> None:
    """Equal to the quadratic table on rows drawn at random."""
    chance = random.Random(5)
    for _ in range(200):
        one = [chance.choice("abcd") for _ in range(chance.randrange(90))]
        two = [chance.choice("abcd") for _ in range(chance.randrange(90))]
        assert common_length(one, two) == _by_table(one, two)


def test_what_is_too_like_another_is_not_admitted() -> None:
    """A reworded task of the same words is refused and names what it is like."""
    kept = Novelty()
    assert kept.admit("Write a poem about the sea in winter.") is None
    near = kept.admit("Write a poem about the sea in summer.")
    assert near is not None
    assert near.text == "Write a poem about the sea in winter."
    assert near.score >= 0.7
    assert kept.admit("List what an operator must check before a restart.") is None
    assert len(kept) == 2


def test_texts_in_any_script_count() -> None:
    """Words without a Latin letter are words: equal is refused, different is admitted."""
    kept = Novelty()
    assert kept.admit("напишите письмо поставщику") is None
    assert kept.admit("напишите письмо поставщику") is not None
    assert kept.admit("перечислите все города") is None


def test_a_version_is_one_word() -> None:
    """So it counts once, and not as the many figures that it is made of."""
    assert written_words("What changed in 4.2.0?") == ("what", "changed", "in", "4.2.0")


def _by_table(one: list[str], two: list[str]) -> int:
    table = [[0] * (len(two) + 1) for _ in range(len(one) + 1)]
    for i, word in enumerate(one):
        for j, other in enumerate(two):
            table[i + 1][j + 1] = (
                table[i][j] + 1 if word == other else max(table[i][j + 1], table[i + 1][j])
            )
    return table[-1][-1]
