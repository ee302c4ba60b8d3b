"""How found passages look on a terminal."""

from __future__ import annotations

import click
import pytest

from esrag.cli.search_view import LONGEST, excerpt, show_found
from esrag.types import Facet, Found, Hit

TEXT = "Nothing of note stands here. " * 20 + "The queue blocks on restart.\n" + "More words. " * 30


def hit(text: str, *marked: str) -> Hit:
    """A passage with these words marked, each where it stands first."""
    marks = tuple((text.index(word), text.index(word) + len(word)) for word in marked)
    return Hit("c", "d", 1, 0.5, text, "T", (), "a.md", "", 0, 0, len(text), highlights=marks)


def test_the_line_begins_shortly_before_what_matched() -> None:
    """At a word, and it is no longer than it may be."""
    line = click.unstyle(excerpt(hit(TEXT, "queue", "restart")))
    assert "The queue blocks on restart. More" in line
    assert line.startswith("…")
    assert line.endswith("…")
    assert len(line) <= LONGEST + 2


def test_a_short_passage_is_shown_whole_with_its_marks() -> None:
    """The words that matched are set apart."""
    shown = excerpt(hit("The queue\nblocks.", "queue", "blocks"))
    assert click.unstyle(shown) == "The queue blocks."
    assert click.style("queue", bold=True) in shown


@pytest.mark.parametrize("text", ["", "\x1b[2Jqueue \u202equeue", "q" * 1_000])
def test_any_text_is_one_harmless_line(text: str) -> None:
    """Control characters, nothing at all, and one endless word."""
    marked = ("queue",) if "queue" in text else ()
    line = click.unstyle(excerpt(hit(text, *marked)))
    assert "\x1b" not in line
    assert "\u202e" not in line
    assert "\n" not in line


def test_counts_scores_and_remarks_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Remarks are talk; all else is data."""
    one = Hit("c", "d", 1, 0.5, "t", "T", (), "a.md", "", 0, 0, 1, scores={"words": 2.5})
    show_found(Found((one,), facets=(Facet("source", (("a.md", 3),)),), notes=("1 left out",)))
    output, talk = capsys.readouterr()
    assert "words 2.5000" in output
    assert "source: a.md (3)" in output
    assert talk == "1 left out.\n"
