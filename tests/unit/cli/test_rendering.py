"""Rendering: text from outside cannot steer the terminal; a record has a stable shape."""

from dataclasses import replace

import pytest

from esrag.cli.rendering import place, printable, show_hits, show_sources
from esrag.testing import make_hit
from esrag.types import Answer, Citation, Sentence

HIT = make_hit("a", "Port 7443 is open.", title="Ports\x1b]0;owned\x07")
ANSWER = Answer(
    "q",
    "quoted",
    (Sentence("Port 7443 is open.", (Citation(1, HIT, "Port 7443", 0, 9),)),),
    (HIT,),
)


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x07", "\x9b31m", "\u202etxt.exe", "a\rb"])
def test_control_characters_do_not_reach_the_screen(hostile: str) -> None:
    """Escape sequences, bells and direction overrides are taken out."""
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in printable(hostile))
    assert "\u202e" not in printable(hostile)


def test_sources_show_title_and_link(capsys: pytest.CaptureFixture[str]) -> None:
    """Each cited passage is listed once, under its number, without its control characters."""
    show_sources(ANSWER)
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
