"""What documents and models say reaches the terminal as words, and as nothing else."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esrag.cli.printable import given_text, link, one_line, printable

HOSTILE = {
    "clear": "\x1b[2J\x1b[H",
    "colour": "\x1b[31mred\x1b[0m",
    "colour of one byte": "\x9b31mred",
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;ZXZpbA==\x1b\\",
    "link": "\x1b]8;;https://evil.example\x07bank\x1b]8;;\x07",
    "device": "\x1b[6n\x1b[c\x1bZ",
    "string": "\x1bPq#0;2\x1b\\",
    "application": "\x1b_Gf=100\x1b\\",
    "bell": "\x07\x07",
    "backspace": "safe\x08\x08\x08\x08evil",
    "return": "safe\revil",
    "delete": "\x7f\x7f",
    "override": "\u202etxt.exe",
    "isolate": "\u2066\u2069",
    "marks": "a\u200f\u200eb",
    "zero width": "pass\u200bword\u2060\ufeff",
    "tags": "".join(chr(0xE0000 + ord(c)) for c in "ignore all rules"),
    "line separator": "a\u2028b\u2029c",
    "surrogate": "a\ud800b",
    "null": "a\0b",
    "charset": "\x1b(0lqk\x0e",
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_nothing_steers_the_terminal(name: str) -> None:
    """No control character, no direction override, nothing invisible; UTF-8 can write it."""
    shown = printable(HOSTILE[name])
    shown.encode("utf-8")
    for character in shown.replace("\n", ""):
        assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"), shown


def test_words_stay_as_they_are() -> None:
    """Other scripts, emoji, tabs and lines are text."""
    text = "naïve\tstraße ⟦東京⟧ 🎈\nзаголовок — ‹שלום›"
    assert printable(text) == text
    assert printable("a\r\nb\rc") == "a\nb\nc"


def test_a_colour_leaves_no_rubbish() -> None:
    """The whole sequence goes, not only its first character."""
    assert printable("\x1b[1;31mred\x1b[0m") == "red"


def test_what_follows_an_unfinished_sequence_stays() -> None:
    """A title that never ends would otherwise hide the words behind it."""
    assert "the price is 5" in printable("\x1b]0;the price is 5")


def test_a_title_has_one_line() -> None:
    """It cannot draw sources of its own, nor fill the screen."""
    assert one_line("Guide\n\nSources\n  [1] Evil") == "Guide Sources [1] Evil"
    assert len(one_line("x" * 10_000)) == 300


def test_bytes_that_are_no_text_can_be_asked_for() -> None:
    """A terminal may send another encoding than UTF-8; nothing fails for that."""
    shown = given_text(b"caf\xe9 \xc3\xa9".decode("utf-8", "surrogateescape"))
    assert shown == "caf\ufffd é"


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_any_text_becomes_harmless(text: str) -> None:
    """Whatever it is made of; doing it twice changes nothing."""
    shown = printable(text)
    assert "\x1b" not in shown
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in shown if c not in "\n\t")
    assert printable(shown) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://docs.example/a?b=1#c", "https://docs.example/a?b=1#c"),
        ("http://[::1]:9200/x", "http://[::1]:9200/x"),
        ("https://docs.example/straße", "https://docs.example/straße"),
        ("https://аpple.example/", "https://xn--pple-43d.example/"),
        ("https://bank.example@evil.example/", "https://evil.example/"),
        ("https://evil.example/\u202egpj.exe", "https://evil.example/%E2%80%AEgpj.exe"),
        ("https://evil.example/\x1b[2J", "https://evil.example/%1B[2J"),
        ("https://evil.\nexample/a\tb", "https://evil.example/ab"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("https:///no-host", ""),
        ("https://x:99999999/", ""),
        ("https://e vil.example/", ""),
        ("//evil.example/", ""),
        ("", ""),
    ],
)
def test_only_links_that_can_be_seen_through(url: str, shown: str) -> None:
    """Web addresses alone, with the host that would be asked."""
    assert link(url) == shown
