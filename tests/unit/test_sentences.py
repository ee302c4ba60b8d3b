"""Sentences: exact offsets, readable text."""

import hypothesis.strategies as st
from hypothesis import given

from esrag.sentences import sentences, units, units_of
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
