"""Verification: what the passages do not support is not shown."""

import pytest

from esrag.testing import make_hit
from esrag.types import Verdict
from esrag.verification import Verifier

HITS = (
    make_hit(
        "1",
        "Aster 4.2.1 was released on March 3, 2026. It does not support TLS 1.1. "
        "The default port is 7443.",
        title="Aster 4.2.1 release notes",
    ),
    make_hit(
        "2", "| Plan | Price |\n|---|---|\n| Team | €49 |\n| Business | €99 |", title="Prices"
    ),
)


def check(sentence: str) -> Verdict:
    """The verdict about one sentence of an answer from the two passages."""
    return Verifier("When was it released?", HITS).verdict(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Aster 4.2.1 was released on 3 March 2026 [1].",
        "The default port is 7443.",
        "TLS 1.1 is not supported by Aster 4.2.1.",
        "The price of the Team plan is €49 [2].",
    ],
)
def test_a_supported_sentence_finds_its_words(sentence: str) -> None:
    """The support quotes the passage's own words."""
    claim = check(sentence)
    assert claim.support is not None
    text = claim.support.hit.text
    assert text[claim.support.start : claim.support.end] == claim.support.quote


@pytest.mark.parametrize(
    "sentence",
    [
        "Aster 4.2.1 was released on March 4, 2026 [1].",  # another date
        "Aster 4.2.2 was released on March 3, 2026.",  # another version
        "TLS 1.1 is supported by Aster 4.2.1.",  # the negation is gone
        "The default port is 8443.",  # another number
        "The price of the Team plan is €99.",  # a number of the neighbouring row
        "Aster 4.2.1 was released on March 3, 2026 by Borealis.",  # a name from nowhere
        "It was a sunny day in Paris.",  # nothing of it
        "When was Aster released?",  # a question is no answer
        "[1]",  # nothing is left
    ],
)
def test_an_unsupported_sentence_finds_nothing(sentence: str) -> None:
    """One changed fact is enough to lose support."""
    assert check(sentence).support is None


def test_a_wrong_citation_is_replaced_by_the_passage_that_supports() -> None:
    """The cited passage is tried first, then the others; numbers out of range are harmless."""
    claim = check("The default port is 7443 [2, 9].")
    assert (claim.cited, claim.invalid) == ((2,), (9,))
    assert claim.support is not None
    assert claim.support.hit.id == "1"
