"""Forms of an answer: what people write for the same date, number or measure."""

from __future__ import annotations

import pytest

from esrag.evaluation.question_sets.answer_forms import forms_for


@pytest.mark.parametrize(
    ("question", "value", "wanted"),
    [
        ("When?", "9 April 2026", {"9 April 2026", "April 9, 2026", "2026-04-09"}),
        ("When?", "2026-04-09", {"9 April 2026", "April 9, 2026", "2026-04-09"}),
        ("How many points may it hold?", "8,000 points", {"8,000 points", "8000", "8000 points"}),
        ("How much is it?", "8,000 points", {"8,000 points", "8000 points"}),
        ("How heavy?", "1,180 g", {"1,180 g", "1180 g", "1180g"}),
        ("How long?", "ten working days", {"10 working days", "ten working days"}),
        ("How much?", "10 %", {"10 %", "10%", "10 percent"}),
        ("How many?", "6 million rows", {"6 million rows", "6 million"}),
        ("Which port?", "7345", {"7345"}),
        ("Coldest?", "−200", {"−200", "-200"}),
    ],
)
def test_forms(question: str, value: str, wanted: set[str]) -> None:
    """The forms that people use are among them, the given one first."""
    found = forms_for(question, (value,))
    assert found[0] == value
    assert wanted <= set(found)


@pytest.mark.parametrize(
    ("question", "value", "unwanted"),
    [
        ("How heavy is it?", "290 g", "290"),  # a bare number says no weight
        ("How many steps may it have?", "4 steps", "4"),  # one digit stands in too much
        ("Which port?", "7345", "7,345"),
        ("How much?", "10 %", "ten %"),
        ("When?", "30 February 2026", "2026-02-30"),
    ],
)
def test_what_is_no_form(question: str, value: str, unwanted: str) -> None:
    """What nobody writes, or would be found in wrong answers, is left out."""
    assert unwanted not in forms_for(question, (value,))
