"""Values in their normal forms, and when two of them are one."""

import pytest

from esrag.evaluation.values import agreement, values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9 April 2026", [("date", "2026-04-09", "")]),
        ("April 9th, 2026", [("date", "2026-04-09", "")]),
        ("the 9th of April, 2026", [("date", "2026-04-09", "")]),
        ("2026-04-09 and 09.04.2026 and 2026/4/9", [("date", "2026-04-09", "")] * 3),
        ("9. April 2026", [("date", "2026-04-09", "")]),
        ("le 9 avril 2026", [("date", "2026-04-09", "")]),
        ("April 2026", [("date", "2026-04", "")]),
        ("9 April", [("date", "--04-09", "")]),
        ("2026-13-45", [("number", n, "") for n in ("2026", "13", "45")]),
        ("at 06:42 or 6:42 pm", [("time", "06:42", ""), ("time", "18:42", "")]),
        ("EUR 645.00, €645 and 645 euros", [("money", "645", "EUR")] * 3),
        ("$1,000.50", [("money", "1000.5", "USD")]),
        ("1,180 g", [("quantity", "1180", "mass")]),
        ("1.18 kg", [("quantity", "1180", "mass")]),
        ("−200 °C", [("quantity", "-200", "celsius")]),
        ("20s", [("quantity", "20", "time")]),
        ("ten days", [("quantity", "864000", "time")]),
        ("3.5 million", [("number", "3500000", "")]),
        ("5 000 points", [("number", "5000", "")]),
        ("8 percent and 8 %", [("percent", "8", "%")] * 2),
        ("4.2.1 and v4.2.1", [("version", "4.2.1", "")] * 2),
        ("CR2477, SLT-1077", [("code", "cr2477", ""), ("code", "slt-1077", "")]),
        ("you may 5 times", [("number", "5", "")]),
        ("no figure at all", []),
    ],
)
def test_values_have_one_form(text: str, expected: list[tuple[str, str, str]]) -> None:
    """Dates, sums, quantities, versions and codes, however they are written."""
    found = values(text)
    assert [(v.kind, v.key, v.unit) for v in found] == expected
    assert all(text[v.start : v.end] == v.text for v in found)


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("1.18 kg", "1,180 g", "equal"),
        ("1,180 kg", "1,180 g", "other"),
        ("1,180", "1,180 g", "without unit"),
        ("12 GB", "12 GiB", "other"),
        ("4/9/2026", "9 April 2026", "equal"),
        ("April 2026", "9 April 2026", "less exact"),
        ("9 April", "9 April 2026", "less exact"),
        ("2026", "9 April 2026", "less exact"),
        ("2025", "9 April 2026", "other"),
        ("EUR 60", "USD 60", "other"),
        ("45 seconds", "45 minutes", "other"),
        ("v4.2.1", "4.2.1", "equal"),
        ("200", "−200", "other"),
    ],
)
def test_values_agree_by_their_meaning(one: str, two: str, expected: str) -> None:
    """Units are converted, a part of a date is less exact, and nothing else is equal."""
    assert agreement(values(one)[0], values(two)[0]) == expected
