"""The gate before the generator: quick, by letters, and never what decides about a refusal."""

import pytest

from esrag.quoting import gate
from esrag.testing import make_hit

HITS = (
    make_hit(
        "a",
        "Aster 4.2.1 was released on March 3, 2026. It takes 1,200 points. Everybody was happy.",
        title="Aster 4.2.1 release notes",
    ),
    make_hit("b", "The cafeteria opens at 8:00.", title="Office guide", rank=2),
)


@pytest.mark.parametrize(
    "question",
    [
        "When was Aster 4.2.1 released?",
        "Was Aster 4.2.1 released on 3 March 2026?",
        "Does Aster take 1200 points?",
        "opening of the cafeteria",
        "who was happy with Aster",
    ],
)
def test_words_that_stand_in_the_passages_open_it(question: str) -> None:
    """In whatever form they are written there."""
    assert gate(question, HITS)


@pytest.mark.parametrize(
    "question",
    [
        "When was Aster 4.2.2 released?",
        "When was Borealis released?",
        "How heavy is the battery of a bicycle?",
        "Who?",
    ],
)
def test_a_figure_a_name_or_most_words_missing_keep_it_shut(question: str) -> None:
    """Then the passages are judged before a generator is asked."""
    assert not gate(question, HITS)


def test_nothing_found_keeps_it_shut() -> None:
    """There is nothing to generate from."""
    assert not gate("When was Aster 4.2.1 released?", ())
