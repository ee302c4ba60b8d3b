"""Terms: one normal form per fact."""

import pytest

from esrag.terms import dates_normalised, terms


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
