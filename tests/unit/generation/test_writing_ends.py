"""Sentences at the end of a stream: one that ran out of tokens is not taken for a whole one."""

import pytest

from esrag.answering.writing import Writing
from esrag.generation.pieces import Piece


def written(text: str, finish: str) -> tuple[list[str], Writing]:
    """The sentences of this text, and what read them."""
    writing = Writing()
    pieces = [*(Piece(text[n : n + 4]) for n in range(0, len(text), 4)), Piece("", finish)]
    return list(writing.sentences(iter(pieces))), writing


def test_a_sentence_without_its_end_is_left_out_when_tokens_ran_out() -> None:
    """ "It runs on Linux, but not on ARM" must not become "It runs on Linux"."""
    found, writing = written("It came in May [1]. It runs on Linux", "length")
    assert found == ["It came in May [1]."]
    assert writing.ran_out
    assert writing.text.endswith("Linux")


def test_a_generator_that_stopped_by_itself_may_leave_out_the_full_stop() -> None:
    """Many small models do."""
    found, writing = written("It runs on Linux", "stop")
    assert found == ["It runs on Linux"]
    assert not writing.ran_out


@pytest.mark.parametrize(
    "text",
    ["It came in May [1].", "It came in May. [1]", 'He said "no."', "本当です。", "(Really!)"],
)
def test_a_sentence_with_its_end_is_kept_when_tokens_ran_out(text: str) -> None:
    """Just enough is enough."""
    assert written(text, "length")[0] == [text]
