"""What a person who tunes chunking is shown."""

from __future__ import annotations

import json
from array import array

import pytest

from esrag.chunking import ChunkRules, cut
from esrag.cli.chunk_listing import ChunkListing
from esrag.types import Chunk, Document


class Letters:
    """Every character is a token."""

    def count(self, text: str) -> int:
        """The length."""
        return len(text)

    def starts(self, text: str) -> array[int]:
        """Every place."""
        return array("I", range(len(text)))


RULES = ChunkRules(max_tokens=32, overlap_tokens=8, strategy="fixed")


def listing() -> ChunkListing:
    """A fresh one."""
    return ChunkListing(RULES, Letters())


def chunks() -> list[Chunk]:
    """Three chunks of a document with two pages and a line that would steer a terminal."""
    text = "one two three four five six seven eight nine ten\x1b[31m eleven twelve"
    document = Document(id="a\nb", text=text, title="T", source="s", pages=(0, 30))
    return cut(document, Letters(), RULES, set_name="s")


def test_a_chunk_is_shown_with_place_pages_tokens_and_context(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line says all that cutting decided; the text follows."""
    listing().show(chunks())
    out = capsys.readouterr().out
    assert out.startswith("a b  3 chunks, fixed, up to 32 tokens, 8 shared\n")
    assert "[1 of 3] page 1, characters 0-27; 29 tokens, 1 of them context; T" in out
    assert "pages 1-2, characters 24-53; 31 tokens, 1 of them context; 3 characters shared" in out
    assert "    one two three four five six\n" in out


def test_nothing_shown_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters of a document are left out."""
    listing().show(chunks())
    assert "\x1b" not in capsys.readouterr().out


def test_a_program_gets_every_field_and_the_lengths() -> None:
    """The facts can be written as JSON and hold the chunk itself."""
    facts = json.loads(json.dumps(listing().facts(chunks())))
    assert [each["text"] for each in facts] == [chunk.text for chunk in chunks()]
    assert all(each["tokens"] <= each["max_tokens"] == 32 for each in facts)
    assert (facts[1]["page"], facts[1]["last_page"]) == (1, 2)


def test_the_summary_counts_all_documents(capsys: pytest.CaptureFixture[str]) -> None:
    """Lengths of all chunks shown, and how many of them are short."""
    shown = listing()
    shown.facts(chunks())
    shown.facts(chunks())
    shown.facts([])
    summary = shown.summary()
    assert (summary["documents"], summary["chunks"]) == (2, 6)
    assert summary["shortest"] <= summary["median"] <= summary["longest"] <= 32
    shown.show_summary()
    assert "chunks are filled to" in capsys.readouterr().out


def test_nothing_to_show_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """No document, no figures."""
    empty = listing()
    empty.show([])
    empty.show_summary()
    assert capsys.readouterr().out == ""
    assert empty.summary() == {"documents": 0, "chunks": 0}
