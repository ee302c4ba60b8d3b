"""The forms in which an answer may give a value: numbers, dates and units as people write them.

    "8,000 points", asked "how many points …" ─► 8,000 points, 8000 points, 8,000, 8000

``esrag.questions.holds`` reads dates in one form already and ignores case; what stands here is
what it takes literally.  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from esrag.terms import dates_normalised, terms

_MONTHS = (
    "January February March April May June July August September October November December".split()
)
_WORDS = "two three four five six seven eight nine ten eleven twelve".split()
_DIGITS = {word: str(number) for number, word in enumerate(_WORDS, start=2)}
_AS_WORDS = {digits: word for word, digits in _DIGITS.items()}
_THOUSANDS = re.compile(r"(?<=\d)[,\u00a0\u202f](?=\d{3}\b)")
_QUANTITY = re.compile(
    r"^(?P<number>[-−]?\d+(?:,\d{3})*(?:\.\d+)?|" + "|".join(_WORDS) + r")"
    r"(?P<space>\s?)(?P<unit>[^\W\d_°%][\w/°-]*(?: [a-z]+){0,3}|%|percent|°[CF])$"
)
_FULL_DATE = re.compile(r"^(\d{4})-(\d\d)-(\d\d)$")
_SCALES = frozenset(("thousand", "million", "billion"))
_WORD_UNIT = re.compile(r"[a-z]{3}")  # a symbol stands behind figures alone
_SHORT_UNIT = 3  # letters: what may stand right behind its number
_LONG_NUMBER = 4  # digits that are written with a comma or without


def forms_for(question: str, forms: Sequence[str]) -> tuple[str, ...]:
    """All forms of an answer, those that were given first; each once.

    A unit that the question names may be left out: "how many points" is answered by "8,000".
    """
    found = list(forms)
    for form in forms:
        if form.endswith(".") and " " in form:
            found.append(form[:-1])  # a sentence as a part of another
        found.extend(_dates(form))
        quantity = _QUANTITY.match(form.strip())
        if quantity:
            number, unit = quantity["number"], quantity["unit"]
            found.extend(_with_unit(number, unit))
            # a single digit without its unit would be found in too much
            if len(number) > 1 and terms(unit).words and terms(unit).words <= terms(question).words:
                found.extend(_numbers(number))
        elif _is_number(form):
            found.extend(_numbers(form, commas="," in form))
    return tuple(dict.fromkeys(" ".join(form.split()) for form in found if form.strip()))


def _dates(form: str) -> Iterator[str]:
    """A full date as people and as machines write it."""
    found = _FULL_DATE.match(dates_normalised(form.strip()))
    if not found:
        return
    try:
        day = date(*map(int, found.groups()))
    except ValueError:
        return
    month = _MONTHS[day.month - 1]
    yield f"{day.day} {month} {day.year}"
    yield f"{month} {day.day}, {day.year}"
    yield day.isoformat()


def _with_unit(number: str, unit: str) -> Iterator[str]:
    scale = unit.partition(" ")[0]
    for each in _numbers(number):
        written = each[-1].isdigit()
        if written or _WORD_UNIT.match(unit):
            yield f"{each} {unit}"
        if unit in ("%", "percent") and written:
            yield f"{each}%"
            yield f"{each} percent"
        elif len(unit) <= _SHORT_UNIT and written:
            yield f"{each}{unit}"
        if scale in _SCALES and scale != unit:
            yield f"{each} {scale}"


def _numbers(number: str, *, commas: bool = True) -> Iterable[str]:
    """A number with and without the commas of its thousands, and small ones as words.

    Without ``commas`` none are put in: a port or a year is not written so.
    """
    number = _DIGITS.get(number, number)
    plain = _THOUSANDS.sub("", number)
    yield plain
    whole, dot, rest = plain.partition(".")
    if commas and len(whole.lstrip("-−")) >= _LONG_NUMBER and whole.lstrip("-−").isdecimal():
        sign = whole[: len(whole) - len(whole.lstrip("-−"))]
        yield f"{sign}{int(whole.lstrip('-−')):,}{dot}{rest}"
    if plain in _AS_WORDS:
        yield _AS_WORDS[plain]
    if plain[:1] in "-−":
        yield f"-{plain[1:]}"
        yield f"−{plain[1:]}"


def _is_number(form: str) -> bool:
    return bool(re.fullmatch(r"[-−]?\d+(?:,\d{3})+(?:\.\d+)?|[-−]?\d+(?:\.\d+)?", form.strip()))
