"""Retrieval: what can be asked at all."""

import pytest

from esrag.errors import UsageError
from esrag.retrieval import LONGEST_QUESTION, checked


@pytest.mark.parametrize("question", ["", "  \n ", "x" * (LONGEST_QUESTION + 1)])
def test_an_impossible_question_is_refused_before_anything_is_sent(question: str) -> None:
    """Empty and endless questions never reach the cluster."""
    with pytest.raises(UsageError):
        checked(question)


def test_space_around_a_question_does_not_matter() -> None:
    """The question is asked without the space around it."""
    assert checked("  When? \n") == "When?"
