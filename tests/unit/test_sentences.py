"""Sentences: exact offsets, readable text."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from esrag.sentences import Writing, generated_sentences, sentences, units, units_of
from esrag.testing import make_hit

PASSAGE = """# Release 4.2

Version 4.2.1 ships today, e.g. for the **EU** region. See [the guide](guide.md).
It wraps here.

- First item. More of it.
- Second item

| Plan | Price |
|------|------:|
| Pro  | €99   |
"""


def test_units_are_sentences_items_and_rows() -> None:
    """Each unit reads well outside its passage."""
    assert [unit.text for unit in units(PASSAGE)] == [
        "Release 4.2",
        "Version 4.2.1 ships today, e.g. for the EU region.",
        "See the guide.",
        "It wraps here.",
        "First item.",
        "More of it.",
        "Second item",
        "Plan; Price",
        "Plan: Pro; Price: €99",
    ]


def test_headings_and_column_names_are_no_quotes() -> None:
    """They are marked, so that nobody is shown a heading as an answer."""
    assert [unit.text for unit in units(PASSAGE) if unit.is_heading] == [
        "Release 4.2",
        "Plan; Price",
    ]


@given(st.text(alphabet="ab .!?\n#|-*1`é", max_size=200))
def test_offsets_stay_inside_and_in_order(text: str) -> None:
    """Whatever the text, units lie in it, in order, without overlap."""
    last = 0
    for unit in units(text):
        assert last <= unit.start < unit.end <= len(text)
        last = unit.end


def test_numbers_with_points_do_not_end_a_sentence() -> None:
    """Versions and decimals keep a sentence whole."""
    assert sentences("Use 4.2.1 or 3.5 GB. Then stop.") == ("Use 4.2.1 or 3.5 GB.", "Then stop.")


def test_a_table_that_was_cut_keeps_its_column_names() -> None:
    """A chunk in the middle of a table has the header as its last heading."""
    hit = make_hit("1", "| Weight | 1,180 g | 1,240 g |", heading_path=("Size", "G4 | G4-L"))
    (row,) = units_of(hit)
    assert row.text == "Weight; G4: 1,180 g; G4-L: 1,240 g"
    assert not row.is_heading


def test_a_row_without_header_is_a_row() -> None:
    """Only a row above a rule names columns."""
    (row,) = units("| a | b |")
    assert (row.text, row.is_heading) == ("a; b", False)


def test_lines_aligned_with_blanks_are_rows() -> None:
    """A table in plain text is quoted row by row; what belongs to one row stays there."""
    text = "Terms:\n   Gateways    36 months from delivery\n   Probes      6 months\n"
    assert [unit.text for unit in units(text)] == [
        "Terms:",
        "Gateways 36 months from delivery",
        "Probes 6 months",
    ]


def test_a_generated_sentence_is_handed_out_when_the_next_one_begins() -> None:
    """Not before, as a citation may follow it, and not later, as somebody waits for it."""
    writing = Writing()
    pieces = ["It is 5 approx", ". long [1]", ". ", "[2", "] It", " ends. ", "\n", "No", " more."]
    handed = {piece: writing.add(piece) for piece in pieces}
    assert {piece: [one.strip() for one in found] for piece, found in handed.items() if found} == {
        "] It": ["It is 5 approx. long [1]. [2]"],
        "No": ["It ends."],
    }
    assert writing.rest() == ("No more.",)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_sentences_do_not_depend_on_how_a_text_comes_in_pieces(size: int) -> None:
    """Whatever the pieces are, the same sentences come out as of the whole text."""
    text = (
        "Aster 4.2.1 came on March 3, 2026 [1]. Is it so? (2) E.g. the T1 weighs 5.5 g. [1][3]\n"
        '- "Stop!" he said. Fig. 3 shows it.\n\nThat is all... [4] And more'
    )
    writing = Writing()
    found: list[str] = []
    for start in range(0, len(text), size):
        found += writing.add(text[start : start + size])
    assert (*found, *writing.rest()) == generated_sentences(text)
