"""Text out of tokens one at a time, and where it ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esrag.local.tgi.generation.detokenizer import Detokenizer
from esrag.local.tgi.generation.stopping import StopCriteria
from esrag.local.tgi.text import TextTokens


def pieces(tokens: TextTokens, prompt: str, answer: str) -> list[str]:
    """The pieces in which an answer comes out."""
    ids = tokens.encode(prompt, add_special_tokens=False)
    detokenizer = Detokenizer(tokens.decode, ids)
    return [detokenizer.push(number) for number in tokens.encode(answer, add_special_tokens=False)]


def test_a_character_of_several_tokens_comes_with_its_last_one(tokens: TextTokens) -> None:
    """An emoji of four bytes: three empty pieces, then the whole."""
    assert pieces(tokens, "say: ", "a😀b") == ["a", "", "", "", "😀", "b"]


@given(prompt=st.text(max_size=20), answer=st.text(max_size=40))
def test_pieces_join_to_the_whole_text(tokens: TextTokens, prompt: str, answer: str) -> None:
    """Whatever the characters; only a replacement character at the very end is held back."""
    joined = "".join(pieces(tokens, prompt, answer))
    assert joined == answer.rstrip("\ufffd")


def test_bytes_that_are_no_character_are_replaced_once_text_goes_on(tokens: TextTokens) -> None:
    """A lone continuation byte does not block what follows it."""
    lone = tokens.encode("😀", add_special_tokens=False)[1]
    letter = tokens.encode("x", add_special_tokens=False)[0]
    detokenizer = Detokenizer(tokens.decode, [letter])
    assert [detokenizer.push(lone), detokenizer.push(letter)] == ["", "\ufffdx"]


def test_a_special_token_does_not_carry_unfinished_text(tokens: TextTokens) -> None:
    """Its piece is its own name, whatever was held back before it."""
    end = tokens.id_of("<|end|>")
    assert end is not None
    first, *_ = tokens.encode("😀", add_special_tokens=False)
    letter = tokens.encode("x", add_special_tokens=False)[0]
    detokenizer = Detokenizer(tokens.decode, [letter])
    detokenizer.push(first)
    assert detokenizer.skip(end) == "<|end|>"
    assert detokenizer.push(letter) == "x"


def test_an_answer_ends_at_its_limit() -> None:
    """The third of three tokens is the last, even when it is also the end token."""
    stop = StopCriteria(max_new_tokens=3, end_tokens={9}, stop=["c"])
    assert [stop.push(1, "a"), stop.push(2, "b"), stop.push(9, "c")] == [None, None, "length"]


def test_an_answer_ends_with_the_end_token() -> None:
    """Before its limit."""
    stop = StopCriteria(max_new_tokens=9, end_tokens={2}, stop=[])
    assert [stop.push(1, "a"), stop.push(2, "")] == [None, "eos_token"]


def test_a_stop_sequence_may_be_spread_over_tokens() -> None:
    """``\\n\\nQ:`` comes in three pieces."""
    stop = StopCriteria(max_new_tokens=99, end_tokens=(), stop=["zzz", "\n\nQ:"])
    assert [stop.push(1, piece) for piece in ("a\n", "\nQ", ":", "x")][:3] == [
        None,
        None,
        "stop_sequence",
    ]


def test_a_stop_sequence_inside_a_token_does_not_end_the_answer() -> None:
    """As in TGI, the text must end with it."""
    stop = StopCriteria(max_new_tokens=99, end_tokens=(), stop=["."])
    assert [stop.push(1, "a.b"), stop.push(1, "c.")] == [None, "stop_sequence"]
