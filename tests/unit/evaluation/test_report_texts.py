"""What a report shows of texts, addresses and numbers that others wrote."""

from __future__ import annotations

import pytest

from esrag.evaluation.records import Measure
from esrag.evaluation.report.texts import (
    around,
    cut,
    in_words,
    interval_in_words,
    linkable,
    plain,
    probable,
    timed,
)

RIGHT = Measure("right", "Right", kind="yes/no")
SECONDS = Measure("seconds", "Seconds", unit="seconds")
F1 = Measure("f1", "F1")


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "blob:https://a.example/1",
        "file:///etc/passwd",
        "ftp://a.example/",
        "mailto:a@a.example",
        "//a.example/",
        "\\\\a.example\\x",
        "/relative",
        "",
        "http:",
        "http://",
        "http:///a",
        "http://[",
        "http://[::1",
        "http://user@a.example/",
        "https://user:secret@a.example/",
        "https://@a.example/",
        "http://a.example:99999/",
        "http://a.example:port/",
        "https://a.example/ b",
        "https://a.example/\nb",
        'https://a.example/"onmouseover=x',
        "https://a.example/<b>",
        "https://a.example\\@b.example/",
        "https://a..%00/",
        "https://-/",
        "https://" + "a" * 3000,
    ],
)
def test_only_plain_web_addresses_are_links(address: str) -> None:
    """Whatever else an address is, it stays text."""
    assert linkable(address) == ""


@pytest.mark.parametrize(
    ("written", "link"),
    [
        ("https://docs.example/a?b=c#d", "https://docs.example/a?b=c#d"),
        ("http://docs.example:8080/%C3%BC", "http://docs.example:8080/%C3%BC"),
        ("HTTPS://Docs.example/", "https://docs.example/"),
        ("https://docs.example/ü", "https://docs.example/%C3%BC"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("http://[::1]:9200/x", "http://[::1]:9200/x"),
        ("https://docs.example", "https://docs.example"),
    ],
)
def test_web_addresses_are_links(written: str, link: str) -> None:
    """In the form in which a browser would show them."""
    assert linkable(written) == link


def test_control_characters_are_seen_and_steering_ones_gone() -> None:
    """So that nothing is hidden and no line is turned round."""
    assert plain("a\x00b\x1b[0m\u202ec\x7f\x85\ud800") == "a␀b␛[0mc␡��"
    assert plain("a\tb\nc") == "a\tb\nc"


def test_a_cut_is_at_a_word_and_told() -> None:
    """And a text that fits is not touched."""
    assert cut("one two three", 100) == ("one two three", False)
    assert cut("one two three", 9) == ("one two", True)
    assert cut("x" * 50, 9) == ("x" * 9, True)


def test_a_passage_is_cut_around_its_evidence() -> None:
    """The words that matter are within what is shown."""
    text = "start " + "filler " * 200 + "the evidence is here " + "filler " * 200
    shown, before, behind = around(text, "the evidence is here", 120)
    assert "the evidence is here" in shown
    assert before
    assert behind
    assert len(shown) <= 120
    assert around(text, "not there", 20)[1:] == (False, True)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (in_words(0.615, RIGHT), "62 %"),
        (in_words(None, RIGHT), "–"),
        (in_words(-0.125, RIGHT, signed=True), "−12 points"),
        (in_words(0.001, RIGHT, signed=True), "0 points"),
        (in_words(0.61349, F1), "0.613"),
        (in_words(-0.25, F1, signed=True), "−0.250"),
        (in_words(1.25, SECONDS), "1.2 s"),
        (in_words(0.5, SECONDS, signed=True), "+0.5 s"),
        (interval_in_words(-0.125, 0.3, RIGHT, signed=True), "−12 to +30"),
        (interval_in_words(0.1, 0.3, RIGHT), "10 to 30"),
        (interval_in_words(-0.001, 0.3, F1, signed=True), "−0.001 to +0.300"),
        (interval_in_words(0.11, 1.5, SECONDS), "110 ms to 1.5 s"),
        (in_words(0.0, F1), "0"),
        (probable(0.0000001), "< 0.001"),
        (probable(0.0314), "0.031"),
        (timed(None), "–"),
        (timed(0.0123), "12 ms"),
        (timed(512), "8 min 32 s"),
        (timed(7260), "2 h 01 min"),
    ],
)
def test_numbers_are_written_for_people(shown: str, expected: str) -> None:
    """With their unit and as many digits as mean something."""
    assert shown == expected
