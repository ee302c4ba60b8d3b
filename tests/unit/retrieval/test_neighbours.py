"""A hit read together with the chunks beside it: text, offsets, and where it stops."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from esrag.retrieval.neighbours import widen
from esrag.types import Hit

DOCUMENT = "Alpha begins here. Beta goes on.\n\nGamma ends it. Delta is of no use."


def chunk(position: int, text: str, *, heading: str = "A") -> Hit:
    """A chunk of the document."""
    start = DOCUMENT.index(text)
    return Hit(
        id=f"c{position}",
        document_id="d",
        rank=1,
        score=1.0,
        text=text,
        title="T",
        heading_path=(heading,),
        source="a.md",
        url="",
        position=position,
        start=start,
        end=start + len(text),
    )


ONE = chunk(0, "Alpha begins here.")
TWO = chunk(1, "Beta goes on.")
THREE = chunk(2, "Gamma ends it.")


def test_a_hit_begins_earlier_and_ends_later() -> None:
    """Its rank, id and score stay; its text is the document's, white space between chunks."""
    wide = widen(TWO, [THREE, ONE], own={TWO.id})
    assert (wide.id, wide.position, wide.rank) == ("c1", 1, 1)
    assert (wide.start, wide.end) == (ONE.start, THREE.end)
    assert wide.text == DOCUMENT[wide.start : wide.end]


def test_marks_move_with_the_text() -> None:
    """They still enclose the same words."""
    marked = replace(TWO, highlights=((0, 4),))
    ((start, end),) = widen(marked, [ONE, THREE], own={TWO.id}).highlights
    assert widen(marked, [ONE], own=set()).text[start:end] == "Beta"


def test_overlapping_chunks_do_not_repeat_words() -> None:
    """The part that both have stands once."""
    first, second = chunk(0, "Alpha begins here. Beta"), chunk(1, "Beta goes on.")
    assert widen(second, [first], own=set()).text == "Alpha begins here. Beta goes on."


def test_another_section_or_a_hit_of_its_own_is_not_taken_in() -> None:
    """It would be another subject, or be shown twice."""
    assert widen(TWO, [replace(ONE, heading_path=("B",))], own=set()) == TWO
    assert widen(TWO, [ONE], own={ONE.id}) == TWO


def test_a_missing_chunk_ends_the_widening() -> None:
    """What lies beyond it does not follow."""
    assert widen(ONE, [THREE], own=set()) == ONE


def test_pages_are_those_of_all_chunks() -> None:
    """From the first to the last."""
    wide = widen(
        replace(TWO, page=3, last_page=3), [replace(THREE, page=3, last_page=4)], own=set()
    )
    assert (wide.page, wide.last_page) == (3, 4)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=3, max_size=80), st.data())
def test_offsets_stay_true_for_any_cutting(text: str, data: st.DataObject) -> None:
    """Wherever chunks begin and end, the wide text has the length of what it stands for."""
    cuts = sorted(
        data.draw(st.lists(st.integers(0, len(text)), min_size=6, max_size=6, unique=False))
    )
    spans = [(cuts[0], cuts[3]), (cuts[1], cuts[4]), (cuts[2], cuts[5])]
    hits = [
        replace(ONE, id=f"c{n}", position=n, start=start, end=end, text=text[start:end])
        for n, (start, end) in enumerate(spans)
    ]
    wide = widen(hits[1], [hits[0], hits[2]], own={"c1"})
    assert wide.text == text[wide.start : wide.end]
