"""Truncation and windows, on vocabularies of single letters."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esrag.local.mlnode.families import FAMILIES
from esrag.local.mlnode.pieces import Pieces
from esrag.local.mlnode.sequences import SpecialIds, one_text, two_texts
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings

CLS, SEP = 1001, 1002
SPECIAL = SpecialIds(CLS, SEP)


def letters(count: int, start: int = 0) -> Pieces:
    """Words of one piece each; the ids count up."""
    ids = list(range(start, start + count))
    return Pieces(ids, list(range(count)), ids, [i + 1 for i in ids])


def words(*sizes: int) -> Pieces:
    """Words of so many pieces."""
    numbers = [number for number, size in enumerate(sizes) for _ in range(size)]
    ids = list(range(len(numbers)))
    return Pieces(ids, numbers, ids, ids)


def cut(limit: int, truncate: Any = "first", span: int = -1, kind: str = "bert") -> Any:
    """Settings."""
    return TokenizationSettings(kind=kind, max_sequence_length=limit, truncate=truncate, span=span)


def pair(first: int, second: int, settings: TokenizationSettings) -> list[list[int]]:
    """The sequences of two texts of so many words; the second's ids begin at 100."""
    return [
        encoded.ids.tolist()
        for encoded in two_texts(letters(first), letters(second, 100), settings, SPECIAL)
    ]


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_each_family_has_its_separators(kind: str) -> None:
    """One or two between the texts, one after them."""
    between = [SEP] * (1 if kind in ("bert", "deberta_v2") else 2)
    assert pair(1, 1, cut(10, kind=kind)) == [[CLS, 0, *between, 100, SEP]]


def test_balanced_cuts_the_longer_text() -> None:
    """Both to half when both are longer than that; a short one stays whole."""
    assert pair(5, 5, cut(7, "balanced")) == [[CLS, 0, 1, SEP, 100, 101, SEP]]
    assert pair(5, 1, cut(7, "balanced")) == [[CLS, 0, 1, 2, SEP, 100, SEP]]
    assert pair(1, 5, cut(7, "balanced")) == [[CLS, 0, SEP, 100, 101, 102, SEP]]


def test_the_first_or_the_second_is_cut() -> None:
    """And says so."""
    assert pair(5, 2, cut(7, "first")) == [[CLS, 0, 1, SEP, 100, 101, SEP]]
    assert pair(2, 5, cut(7, "second")) == [[CLS, 0, 1, SEP, 100, 101, SEP]]
    [encoded] = two_texts(letters(5), letters(2), cut(7), SPECIAL)
    assert encoded.is_truncated


@pytest.mark.parametrize(
    ("first", "second", "settings", "reason"),
    [
        (
            1,
            9,
            cut(7, "first"),
            r"Attempting truncation \[first\] but input is too large for the second sequence. The "
            r"tokenized input length \[9\] exceeds the maximum sequence length \[4\], when taking "
            r"special tokens into account",
        ),
        (9, 1, cut(7, "second"), r"\[second\] but input is too large for the first sequence"),
        (
            5,
            5,
            cut(7, "none"),
            r"Input too large. The tokenized input length \[13\] exceeds the maximum sequence "
            r"length \[7\]",
        ),
        (
            4,
            9,
            cut(7, "none", 1),
            r"the first sequence \[7 tokens\] is longer than the max sequence length \[7 tokens\]",
        ),
        (
            2,
            9,
            cut(7, "none", 3),
            r"\[2 \+ 3 \+ 3 = 8 tokens\] is longer than the max sequence length \[7 tokens\]",
        ),
        (2, 9, cut(7, "none", 2), "Consider decreasing the span setting"),
    ],
)
def test_pairs_that_cannot_be_made_fit_are_refused(
    first: int, second: int, settings: TokenizationSettings, reason: str
) -> None:
    """In the server's words."""
    with pytest.raises(Refused, match=reason):
        pair(first, second, settings)


def test_a_pair_needs_special_tokens() -> None:
    """They are what tells the texts apart."""
    with pytest.raises(Refused, match="without special tokens"):
        pair(1, 1, TokenizationSettings(with_special_tokens=False))


def test_windows_share_as_many_pieces_as_the_span_says() -> None:
    """The last one ends with the text."""
    windows = one_text(letters(9), cut(6, "none", 2), SPECIAL)
    assert [w.ids.tolist()[1:-1] for w in windows] == [
        [0, 1, 2, 3],
        [2, 3, 4, 5],
        [4, 5, 6, 7],
        [6, 7, 8],
    ]
    assert [(w.first, w.count, w.offset) for w in windows] == [
        (0, 4, 1),
        (2, 4, 1),
        (4, 4, 1),
        (6, 3, 1),
    ]


def test_windows_of_a_pair_are_of_the_second_text() -> None:
    """The first stands in every one of them."""
    assert pair(1, 5, cut(7, "none", 1)) == [
        [CLS, 0, SEP, 100, 101, 102, SEP],
        [CLS, 0, SEP, 102, 103, 104, SEP],
    ]


def test_windows_begin_and_end_at_whole_words() -> None:
    """The word of pieces 3 and 4 is not torn apart."""
    windows = one_text(words(1, 1, 1, 2, 1, 1), cut(6, "none", 1), SPECIAL)
    assert [w.ids.tolist()[1:-1] for w in windows] == [[0, 1, 2], [2, 3, 4, 5], [5, 6]]


def test_a_window_that_begins_at_a_whole_word_may_end_where_the_last_did() -> None:
    """The server looks only at the start for progress, and so do we."""
    windows = one_text(words(1, 3, 1, 3), cut(8, "none", 2), SPECIAL)
    assert [(w.first, w.first + w.count) for w in windows] == [(0, 5), (1, 5), (2, 8)]


@given(
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=60),
    room=st.integers(6, 20),
    span=st.integers(0, 2),
)
def test_windows_cover_the_text(sizes: list[int], room: int, span: int) -> None:
    """Every piece stands in one, none is too long, and each begins after the one before."""
    pieces = words(*sizes)
    windows = one_text(pieces, cut(room + 2, "none", span), SPECIAL)
    assert {i for w in windows for i in range(w.first, w.first + w.count)} == set(pieces.ids)
    assert all(len(w.ids) <= room + 2 for w in windows)
    starts = [w.first for w in windows]
    ends = [w.first + w.count for w in windows]
    assert starts == sorted(set(starts))
    assert ends == sorted(ends)
    for before, after in pairwise(windows):
        assert before.first + before.count - after.first >= span
