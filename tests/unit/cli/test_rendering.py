"""Rendering: footnotes, marks, and text from outside that cannot steer the terminal."""

from dataclasses import replace

import pytest

from esrag.answering.record import cited
from esrag.cli.rendering import (
    UNCHECKED,
    UNSUPPORTED,
    place,
    show_context,
    show_hits,
    show_label,
    show_sentence,
    show_sources,
)
from esrag.testing import make_hit
from esrag.types import Answer, Citation, Sentence

HIT = make_hit("a", "Port 7443 is open.", title="Ports\x1b]0;owned\x07")
ANSWER = Answer(
    "q",
    "quoted",
    (Sentence("Port 7443 is open.", (Citation(1, HIT, "Port 7443", 0, 9),)),),
    (HIT,),
)


def test_sources_show_title_and_link(capsys: pytest.CaptureFixture[str]) -> None:
    """Each cited passage is listed once, under its number, without its control characters."""
    show_sources(cited(ANSWER.sentences))
    shown = capsys.readouterr().out
    assert "[1]" in shown
    assert "https://docs.example/a" in shown
    assert "\x1b]" not in shown


def test_no_hits_are_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty result is not an empty screen."""
    show_hits(())
    assert "No passage" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("page", "last_page", "shown"),
    [(0, 0, "a.pdf"), (3, 3, "a.pdf, page 3"), (3, 5, "a.pdf, pages 3–5")],
)
def test_a_source_names_its_pages(page: int, last_page: int, shown: str) -> None:
    """A reader opens the document there; text without pages has none."""
    found = replace(HIT, source="a.pdf", url="", page=page, last_page=last_page)
    assert place(found) == shown


def test_a_link_that_cannot_be_followed_is_not_shown() -> None:
    """Then the path below the origin says where the words are from."""
    assert place(replace(HIT, url="javascript:alert(1)")) == "a.md"


def test_a_long_sentence_is_broken_between_words(capsys: pytest.CaptureFixture[str]) -> None:
    """With the numbers of its sources on the last line, each once."""
    citation = Citation(1, HIT, "Port 7443", 0, 9)
    show_sentence(Sentence("word " * 60, (citation, citation, replace(citation, number=2))))
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("  ") and len(line) <= 100 for line in lines)
    assert lines[-1].endswith("word [1][2]")


def test_numbers_of_a_passage_do_not_look_like_sources(capsys: pytest.CaptureFixture[str]) -> None:
    """Its own "[2]" stands in round brackets; indices in code stay."""
    show_sentence(Sentence("It is so [2] since a[1] = [7].", (Citation(1, HIT, "", 0, 0),)))
    assert capsys.readouterr().out == "  It is so (2) since a[1] = (7). [1]\n"


def test_what_no_passage_supports_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Also without colours; and the line above does not promise a check."""
    show_label("generated", "mark")
    show_sentence(Sentence("Nobody knows.", (), supported=False))
    shown = capsys.readouterr().out
    assert f"Nobody knows. {UNSUPPORTED}" in shown
    show_sentence(Sentence("Nobody knows.", (), supported=False), "off")
    assert f"Nobody knows. {UNCHECKED}" in capsys.readouterr().out
    assert "checked against" not in shown


@pytest.mark.parametrize("verify", ["remove", "mark", "off"])
def test_the_label_promises_what_was_done(verify: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A check that was switched off is not claimed; quotes are quotes however it is set."""
    show_label("generated", verify)
    assert ("each sentence checked" in capsys.readouterr().out) == (verify == "remove")
    show_label("quoted", verify)
    assert "own sentences" in capsys.readouterr().out


def test_cited_words_are_marked_in_their_passage(capsys: pytest.CaptureFixture[str]) -> None:
    """Where they stand, once, and the passage bears the number of its source."""
    one, same, two = (
        Citation(1, HIT, HIT.text[start:end], start, end)
        for start, end in ((0, 9), (0, 9), (10, 18))
    )
    show_context((HIT, make_hit("b", "Other.", rank=2)), (two, one, same))
    shown = capsys.readouterr().out
    assert "⟦Port 7443⟧ ⟦is open.⟧" in shown
    assert "1. [1]" in shown
    assert "Other." in shown
