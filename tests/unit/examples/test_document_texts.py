"""Passages of a document become its text again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esrag.examples.document_texts import document_text
from esrag.examples.passages import Passage


def passage(text: str, start: int, position: int, **more: str) -> Passage:
    """A passage that stands at ``start``."""
    return Passage(
        id=f"c{position}",
        document_id="d",
        position=position,
        text=text,
        start=start,
        end=start + len(text),
        **more,  # type: ignore[arg-type]
    )


@given(
    text=st.text(
        st.characters(codec="utf-8", exclude_characters=" \n\t"), min_size=1, max_size=200
    ),
    cuts=st.lists(st.integers(1, 30), min_size=1, max_size=20),
    overlap=st.integers(0, 10),
)
def test_overlapping_chunks_become_the_text(text: str, cuts: list[int], overlap: int) -> None:
    """Whatever the overlap, each character comes once."""
    found, start, number = [], 0, 0
    while start < len(text):
        length = cuts[number % len(cuts)]
        begin = max(0, start - overlap)
        found.append(passage(text[begin : start + length], begin, number))
        start, number = start + length, number + 1
    assert document_text(list(reversed(found))) == text.strip()


def test_blanks_between_chunks_come_back_as_lines() -> None:
    """Two or more blanks were a paragraph, one a line."""
    parts = [passage("one", 0, 0), passage("two", 5, 1), passage("three", 9, 2)]
    assert document_text(parts) == "one\n\ntwo\nthree"


def test_the_title_stands_above_a_text_that_lacks_it() -> None:
    """And only there."""
    assert document_text([passage("Text.", 0, 0, title="Title")]) == "Title\n\nText."
    assert document_text([passage("Title\nText.", 0, 0, title="Title")]) == "Title\nText."


def test_chunks_of_other_producers_stand_one_below_the_other() -> None:
    """Without offsets nothing is known of what overlaps."""
    parts = [passage("first", 0, 0), passage("second", 0, 1)]
    assert document_text(parts) == "first\n\nsecond"
    assert document_text([]) == ""
