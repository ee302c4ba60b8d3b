"""The values that a text states: dates, times, sums, quantities, numbers, versions and codes.

    "up to 1,180 g since 9 April 2026" ─► quantity 1180 g, date 2026-04-09

Each in a normal form, with the place where it stands, so that two texts can be compared value by
value and the wrong one be shown.  Pure; knows neither questions nor passages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal

from esrag.evaluation.units import CURRENCIES, MONTHS, NUMBER_WORDS, SCALES, UNITS

ValueKind = Literal["date", "time", "money", "quantity", "percent", "number", "version", "code"]
Agreement = Literal["equal", "less exact", "without unit", "other"]

NUMERIC: frozenset[str] = frozenset({"money", "quantity", "percent", "number"})
LONGEST_DIGITS = 40  # no figure of a document is longer; what is longer is compared as a code

_MONTH = r"(?P<month>" + "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True)) + r")\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.|º|er)?"
_YEAR = r"(?P<year>\d{4})"
_OF = r"\s+(?:of\s+|de\s+|del\s+)?"
_DATES = (
    re.compile(rf"(?<![\w-]){_YEAR}[-/](?P<number>\d{{1,2}})[-/](?P<day>\d{{1,2}})(?![\w])"),
    re.compile(r"(?<![\w.])(?P<day>\d{1,2})\.\s?(?P<number>\d{1,2})\.\s?(?P<year>\d{4})(?!\w)"),
    re.compile(r"(?<!\d)(?P<year>\d{4})年(?P<number>\d{1,2})月(?P<day>\d{1,2})日"),
    re.compile(r"(?<![\w/])(?P<either>\d{1,2}/\d{1,2})/(?P<year>\d{4})(?![\w/])"),
    re.compile(rf"(?<!\w){_MONTH}\s+{_DAY},?\s+{_YEAR}(?!\w)", re.I),
    re.compile(rf"(?<!\w){_DAY}{_OF}{_MONTH},?{_OF}{_YEAR}(?!\w)", re.I),
    re.compile(rf"(?<!\w){_MONTH}\s+(?:of\s+|de\s+)?{_YEAR}(?!\w)", re.I),
    re.compile(rf"(?<!\w){_MONTH}\s+{_DAY}(?![\w:.]\d|\w)", re.I),
    re.compile(rf"(?<!\w){_DAY}{_OF}{_MONTH}(?!\w)", re.I),
    re.compile(r"(?<![\w-])(?P<year>\d{4})-(?P<number>\d{2})(?![\w-])"),
)
_TIME = re.compile(
    r"(?<![\w:.])(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s?([ap])\.?m\.?(?!\w))?(?![\w:])", re.I
)
_DIGITS = r"\d{1,3}(?:[,’'\u00a0\u202f\u2009 ]\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?"
_NUMBER = rf"(?P<sign>(?<![\w.)\]])[-−+±]|\b[Mm]inus\b)?\s?(?P<digits>{_DIGITS})"
_SCALE = rf"(?:\s?(?P<scale>{'|'.join(SCALES)})(?!\w))?"
_CURRENCY = "|".join(sorted(map(re.escape, CURRENCIES), key=len, reverse=True))
_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_MONEY_BEFORE = re.compile(
    rf"(?<!\w)(?P<currency>{_CURRENCY})\s?{_NUMBER}{_SCALE}(?!\w|[.,]\d)", re.I
)
_MONEY_AFTER = re.compile(rf"(?<![\w.,]){_NUMBER}{_SCALE}\s?(?P<currency>{_CURRENCY})(?!\w)", re.I)
_PERCENT = re.compile(rf"(?<![\w.,]){_NUMBER}\s?(?:%|percent\b|per cent\b|pct\b)", re.I)
# case counts: 5 M and 5 m, 3 Gb and 3 GB are not the same
_QUANTITY = re.compile(rf"(?<![\w.,]){_NUMBER}{_SCALE}[\s-]?(?P<unit>{_UNIT})(?![\w/])")
_WORD_QUANTITY = re.compile(
    rf"(?<!\w)(?P<word>{'|'.join(NUMBER_WORDS)})[\s-](?P<unit>{_UNIT})(?!\w)", re.I
)
_WORD_PERCENT = re.compile(rf"(?<!\w)(?P<word>{'|'.join(NUMBER_WORDS)}) per ?cent(?!\w)", re.I)
_VERSION = re.compile(r"(?<![\w.])[vV]?(\d+(?:\.\d+){2,}(?:[-+]?[a-z0-9]+)*)(?![\w])")
_SHORT_VERSION = re.compile(r"(?:\bv|\b[Vv]ersion\s+)(\d+(?:\.\d+)*)(?!\w|\.\d)")
# "Siltbase 5.1": a number behind a name is a version; an acronym has scores and ports
_NAMED_VERSION = re.compile(r"\b[A-Z][\w-]*[a-z][\w-]*\s(\d+\.\d+)(?![\w%]|\.\d)")
_CODE = re.compile(r"(?<!\w)(?=[\w/.:+#-]*\d)(?=[\w/.:+#-]*[^\W\d_])[^\W_][\w]*(?:[-/:.+#][\w]+)*")
_PLAIN = re.compile(rf"(?<![\w.,]){_NUMBER}{_SCALE}(?!\w|[.,]\d)")
_PARTS = {"half": 2, "halves": 2, "third": 3, "quarter": 4, "fifth": 5, "tenth": 10}
_PARTS |= {f"{name}s": part for name, part in _PARTS.items()}
_FRACTION = re.compile(  # "a third", "two-thirds", "half of"; not "the third", "half an hour"
    rf"(?<![\w-])(?:(?P<count>an?|{'|'.join(NUMBER_WORDS)})[\s-](?P<part>{'|'.join(_PARTS)})|half)"
    r"(?=\s(?:of|the|its|their)\b|\W*$)",
    re.I,
)
_WORDED = re.compile(rf"(?<![\w-])({'|'.join(NUMBER_WORDS)})(?![\w-])", re.I)


@dataclass(frozen=True, slots=True)
class Value:
    """``text[start:end]`` as a value.

    ``key`` is what is compared: an ISO date or a part of one ("2026-04", "--04-09"), a number in
    the base unit, a version, a code in lower case.  ``unit`` is the dimension or the currency, ""
    for none.  ``others`` are further readings of a date whose order is not clear.
    """

    kind: ValueKind
    key: str
    start: int
    end: int
    text: str
    unit: str = ""
    others: tuple[str, ...] = ()


def agreement(said: Value, wanted: Value) -> Agreement:
    """How ``said`` compares with ``wanted``; a part of a date that agrees is less exact."""
    if said.kind == wanted.kind == "date":
        return _dates_agree(said, wanted)
    if said.kind in NUMERIC and wanted.kind in NUMERIC:
        if said.key != wanted.key and not _same_written(said, wanted):
            return "other"
        if said.unit == wanted.unit:
            return "equal" if said.key == wanted.key else "other"
        return "without unit" if not said.unit or not wanted.unit else "other"
    if wanted.kind == "date" and said.kind == "number":  # a year alone
        return "less exact" if said.key == wanted.key[:4] else "other"
    if said.key == wanted.key:
        return "equal"
    return "other"


def comparable(said: Value, wanted: Value) -> bool:
    """Whether ``said`` could stand in the place of ``wanted``: both answer the same question."""
    if {said.kind, wanted.kind} == {"number"} and ("/" in said.key) != ("/" in wanted.key):
        return False  # a part and a count
    if said.kind == wanted.kind:
        return True
    if said.kind in NUMERIC and wanted.kind in NUMERIC:
        return True
    if wanted.kind == "date":
        return said.kind == "number" and re.fullmatch(r"[12]\d{3}", said.key) is not None
    if {said.kind, wanted.kind} == {"version", "number"}:  # 4.2 and 5, but not 4.2.1 and 3204
        return ("." in said.key) == ("." in wanted.key)
    return {said.kind, wanted.kind} == {"version", "code"}


@lru_cache(maxsize=8_192)
def values(text: str) -> tuple[Value, ...]:
    """The values of ``text`` in order; they do not overlap."""
    if not any(character.isdigit() for character in text) and not (
        _WORDED.search(text) or _FRACTION.search(text)
    ):
        return ()
    found: list[Value] = []
    for reader in (_dates, _times, _money, _measured, _versions, _codes, _fractions, _numbers):
        # what was read is blanked, of the same length, so that it is not read twice
        rest = _blanked(text, found)
        found += list(reader(rest, text))
    return tuple(sorted(found, key=lambda value: value.start))


def _blanked(text: str, found: list[Value]) -> str:
    if not found:
        return text
    characters = list(text)
    for value in found:
        characters[value.start : value.end] = "\x00" * (value.end - value.start)
    return "".join(characters)


def _dates(rest: str, text: str) -> Iterator[Value]:
    for form in _DATES:
        taken = []
        for match in form.finditer(rest):
            parts = match.groupdict()
            if (
                not parts.get("year")
                and (parts.get("month") or "").islower()
                and parts.get("month") in ("may", "mar", "sep", "set", "dec", "mai")
            ):
                continue  # "you may 5 times …" is no date
            keys = _date_keys(parts)
            if keys:
                taken.append(match.span())
                start, end = match.span()
                yield Value("date", keys[0], start, end, text[start:end], others=keys[1:])
        for start, end in taken:
            rest = rest[:start] + "\x00" * (end - start) + rest[end:]


def _date_keys(parts: dict[str, str | None]) -> tuple[str, ...]:
    """The ISO form; two for 3/4/2026; none when there is no such day."""
    year = parts.get("year") or "-"
    if parts.get("either"):
        one, two = (int(number) for number in str(parts["either"]).split("/"))
        found = [_iso(year, two, one), _iso(year, one, two)]
        return tuple(dict.fromkeys(each for each in found if each))
    month = parts.get("month")
    number = MONTHS[month.lower()] if month else int(parts.get("number") or 0)
    iso = _iso(year, number, int(parts.get("day") or 0) or None)
    return (iso,) if iso else ()


def _iso(year: str, month: int, day: int | None) -> str:
    if not 1 <= month <= 12 or (day is not None and not 1 <= day <= 31):
        return ""
    return f"{year}-{month:02d}" + (f"-{day:02d}" if day is not None else "")


def _times(rest: str, text: str) -> Iterator[Value]:
    for match in _TIME.finditer(rest):
        hour, minute, second = (int(part or 0) for part in match.groups()[:3])
        half = (match[4] or "").lower()
        if half:
            hour = hour % 12 + (12 if half == "p" else 0)
        if hour < 25 and minute < 60:
            key = f"{hour:02d}:{minute:02d}" + (f":{second:02d}" if match[3] else "")
            yield _value("time", key, match, text)


def _money(rest: str, text: str) -> Iterator[Value]:
    for form in (_MONEY_BEFORE, _MONEY_AFTER):
        taken = []
        for match in form.finditer(rest):
            amount = _amount(match)
            if amount is not None:
                unit = CURRENCIES[match["currency"].casefold()]
                taken.append(match.span())
                yield _value("money", _spelled(amount), match, text, unit)
        for start, end in taken:
            rest = rest[:start] + "\x00" * (end - start) + rest[end:]


def _measured(rest: str, text: str) -> Iterator[Value]:
    for match in _PERCENT.finditer(rest):
        amount = _amount(match)
        if amount is not None:
            yield _value("percent", _spelled(amount), match, text, "%")
    for match in _WORD_PERCENT.finditer(rest):
        yield _value("percent", str(NUMBER_WORDS[match["word"].lower()]), match, text, "%")
    for match in _QUANTITY.finditer(rest):
        amount = _amount(match)
        if amount is not None:
            dimension, factor = UNITS[match["unit"]]
            yield _value("quantity", _spelled(amount * factor), match, text, dimension)
    for match in _WORD_QUANTITY.finditer(rest):
        dimension, factor = UNITS.get(match["unit"]) or UNITS.get(
            match["unit"].lower(), ("", Decimal(0))
        )
        if dimension:
            amount = Decimal(NUMBER_WORDS[match["word"].lower()])
            yield _value("quantity", _spelled(amount * factor), match, text, dimension)


def _versions(rest: str, text: str) -> Iterator[Value]:
    taken = []
    for match in _VERSION.finditer(rest):
        taken.append(match.span(1))
        yield _value("version", match[1].lower(), match, text)
    for match in _SHORT_VERSION.finditer(rest):
        if match.span(1) in taken:
            continue
        taken.append(match.span(1))
        yield _value("version", match[1].lower(), match, text)
    for match in _NAMED_VERSION.finditer(rest):
        if match.span(1) not in taken:
            start, end = match.span(1)
            yield Value("version", match[1], start, end, text[start:end])


def _codes(rest: str, text: str) -> Iterator[Value]:
    for match in _CODE.finditer(rest):
        if not re.fullmatch(r"\d+(?:st|nd|rd|th|s|x)", match.group().lower()):
            yield _value("code", match.group().lower(), match, text)


def _fractions(rest: str, text: str) -> Iterator[Value]:
    for match in _FRACTION.finditer(rest):
        number = NUMBER_WORDS.get((match["count"] or "a").lower(), 1)
        part = (match["part"] or "half").lower()
        yield _value("number", f"{number}/{_PARTS[part]}", match, text)


def _numbers(rest: str, text: str) -> Iterator[Value]:
    for match in _PLAIN.finditer(rest):
        amount = _amount(match)
        if amount is not None:
            yield _value("number", _spelled(amount), match, text)
    for match in _WORDED.finditer(rest):
        if match[1].lower() != "one":  # it mostly stands for "a"
            yield _value("number", str(NUMBER_WORDS[match[1].lower()]), match, text)


def _value(kind: ValueKind, key: str, match: re.Match[str], text: str, unit: str = "") -> Value:
    start, end = match.span()
    while start < end and text[start].isspace():
        start += 1
    return Value(kind, key, start, end, text[start:end], unit)


def _amount(match: re.Match[str]) -> Decimal | None:
    digits = re.sub(r"[^\d.]", "", match["digits"])
    if len(digits) > LONGEST_DIGITS:
        return None
    try:
        amount = Decimal(digits)
    except InvalidOperation:
        return None
    scale = match.groupdict().get("scale")
    if scale:
        amount *= SCALES[scale]
    return -amount if (match["sign"] or "").lower() in ("-", "−", "minus") else amount


def _spelled(amount: Decimal) -> str:
    """An amount without an exponent and without zeros that say nothing."""
    spelled = f"{amount:f}"
    return (spelled.rstrip("0").rstrip(".") if "." in spelled else spelled) or "0"


def _same_written(said: Value, wanted: Value) -> bool:
    """Whether the bare numbers are the same, before units are taken into account."""
    return _bare(said) == _bare(wanted) and (not said.unit or not wanted.unit)


def _bare(value: Value) -> str:
    match = _PLAIN.search(" " + re.sub(r"[^\d.,\s−-]", " ", value.text) + " ")
    amount = _amount(match) if match else None
    return _spelled(amount) if amount is not None else value.key


def _dates_agree(said: Value, wanted: Value) -> Agreement:
    theirs = {wanted.key, *wanted.others}
    for key in (said.key, *said.others):
        if key in theirs:
            return "equal"
        for other in theirs:
            if _covers(key, other) or _covers(other, key):
                return "less exact"
    return "other"


def _covers(part: str, whole: str) -> bool:
    """Whether one date is a part of the other: its month, or its day without the year."""
    if part.startswith("--"):
        return whole.endswith(part[1:]) and not whole.startswith("--")
    return whole.startswith(f"{part}-")
