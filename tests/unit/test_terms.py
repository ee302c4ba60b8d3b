"""Terms: one normal form per fact."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from esrag.terms import dates_normalised, stem, terms

WORDS = """release connect authenticat generalis hope relation nation digitis condition valenc
hesitat organis stream passage citation configur establish measur threshold retriev""".split()


@pytest.mark.parametrize(
    "text",
    ["March 3, 2026", "Mar. 3rd, 2026", "3 March 2026", "on 2026-03-03"],
)
def test_every_way_to_write_a_date_is_one_figure(text: str) -> None:
    """A date is the same figures however it is written: day, month, and day of any year."""
    assert terms(text).figures == {"2026-03-03", "--03-03", "2026-03"}


def test_a_day_without_year_matches_the_same_day_only() -> None:
    """ "3 March" is found in a full date, and does not make a full date."""
    assert terms("on 3 March").figures == {"--03-03"}
    assert terms("you may 5 times").figures == {"5"}


def test_a_month_without_day_stays_a_month() -> None:
    """Month and year alone become YYYY-MM."""
    assert dates_normalised("in April 2026") == "in 2026-04"


def test_versions_lose_their_v_and_stay_apart() -> None:
    """v4.2.0 equals 4.2.0 and differs from 4.2.1."""
    assert terms("v4.2.0").figures == terms("4.2.0").figures
    assert not terms("4.2.0").figures & terms("4.2.1").figures


@pytest.mark.parametrize(("one", "other"), [("1,200", "1200"), ("64GB", "64 gb"), ("three", "3")])
def test_numbers_have_one_form(one: str, other: str) -> None:
    """Thousands separators, glued units and number words do not make another number."""
    assert terms(one).words >= terms(other).figures


def test_words_are_stemmed_and_stopwords_left_out() -> None:
    """Inflected forms meet in one stem; words without content do not count."""
    assert terms("The releases were released").words == {"releas"}


def test_a_hyphenated_word_counts_by_its_parts() -> None:
    """Compound words match their parts; codes with digits stay whole."""
    assert terms("read-only").words == {"read"}
    assert "qx-1042" in terms("error QX-1042").figures


def test_threads_do_not_disturb_each_other_while_stemming() -> None:
    """The stemmer keeps the word it works on, so two threads must not be in it at once."""
    words = [f"{word}{ending}" for word in WORDS for ending in ("s", "ing", "ed", "ations", "")]
    stem.cache_clear()
    alone = {word: stem(word) for word in words}
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(5):
                stem.cache_clear()
                found = list(pool.map(lambda _: [stem(word) for word in words], range(8)))
                assert all(dict(zip(words, stems, strict=True)) == alone for stems in found)
    finally:
        sys.setswitchinterval(interval)
