"""The words of a text as evidence: normalised, stemmed, with dates, numbers and names apart.

Two texts agree when their terms do, so one normal form per fact matters: ``March 3, 2026``,
``3 March 2026`` and ``2026-03-03`` are one date, ``v4.2.0`` and ``4.2.0`` one version, ``1,200``
and ``1200`` one number.  Everything here is pure and works on one string at a time.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"), ("february", "feb"), ("march", "mar"), ("april", "apr"),
            ("may",), ("june", "jun"), ("july", "jul"), ("august", "aug"),
            ("september", "sept", "sep"), ("october", "oct"), ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip
_MONTH = r"(?P<month>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\.?"
_DATE_FORMS = (
    re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b"),
    re.compile(rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})\b", re.I),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH},?\s+(?P<year>\d{{4}})\b", re.I),
    re.compile(rf"\b{_MONTH}\s+(?P<year>\d{{4}})\b", re.I),
    re.compile(rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\s*[:.]\d)", re.I),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH}(?=\W|$)", re.I),
)
_DIGIT = re.compile(r"\d")
# what every date holds, so that most texts need not be searched for each form
_MAY_BE_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|" + "|".join({name[:3] for name in _MONTHS}), re.I)
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        # "one" is left out: it mostly stands for "a"
        "two three four five six seven eight nine ten eleven twelve".split(),
        start=2,
    )
}
_WORD = re.compile(r"(?:(?<!\w)--)?[^\W_]+(?:[._:/@+'’-][^\W_]+)*", re.UNICODE)
_LONGEST_KEPT = 40
_ONE_AT_A_TIME = threading.Lock()  # a stemmer keeps the word that it works on
_THOUSANDS = re.compile(r"(?<=\d)[,\u00a0\u202f](?=\d{3}\b)")
_VERSION = re.compile(r"^v?(\d+(?:\.\d+)+[a-z0-9-]*)$")
_UNIT = re.compile(r"^(\d+(?:\.\d+)?)([a-z%]+)$")
_INNER_NAME = re.compile(r"(?<=[\w,;:)] )[A-Z][\w-]*")

STOPWORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being
    below between both but by can could did do does doing down during each either else ever few
    for from further get gets give given had has have having he her here hers him his how i if in
    into is it its itself just let ll may me might more most much must my neither no nor not now
    of off on once one only or other our out over own per please re s same shall she should so
    some such t tell than that the their them then there these they this those through to too
    under until up upon us use used very was we were what when where which while who whom whose
    why will with within without would you your""".split()
)


@dataclass(frozen=True, slots=True)
class Terms:
    """The evidence in one text.

    ``words`` are stems of content words; ``figures`` are dates, versions, numbers and codes in
    normal form: the parts of a sentence that must not be changed.  A figure is also a word.
    """

    words: frozenset[str]
    figures: frozenset[str]


@lru_cache(maxsize=1)
def _stemmer() -> snowballstemmer.stemmer:
    return snowballstemmer.stemmer("english")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The Snowball (English) stem of one lower-case word; any thread may ask."""
    with _ONE_AT_A_TIME:
        return str(_stemmer().stemWord(word))


@lru_cache(maxsize=8_192)
def dates_normalised(text: str) -> str:
    """``text`` with its dates as ``YYYY-MM-DD``, ``YYYY-MM``, or ``--MM-DD`` without a year."""
    if not _DIGIT.search(text) or not _MAY_BE_DATE.search(text):
        return text

    def iso(match: re.Match[str]) -> str:
        parts = match.groupdict()
        if not parts.get("year") and parts["month"].islower():
            return match.group()  # "you may 5 times …" is no date
        month = parts["month"].lower()
        number = int(month) if month.isdigit() else _MONTHS[month]
        day, year = parts.get("day"), parts.get("year") or "-"
        return f"{year}-{number:02d}" + (f"-{int(day):02d}" if day else "")

    for form in _DATE_FORMS:
        text = form.sub(iso, text)
    return text


@lru_cache(maxsize=8_192)
def terms(text: str) -> Terms:
    """The terms of ``text``."""
    words: set[str] = set()
    figures: set[str] = set()
    prepared = _THOUSANDS.sub("", dates_normalised(text))
    for match in _WORD.finditer(prepared):
        raw = match.group()
        # words come again in other texts; a word of any length is not kept
        found = _kept_word(raw) if len(raw) <= _LONGEST_KEPT else _word(raw)
        words.update(found[0])
        figures.update(found[1])
    return Terms(frozenset(words), frozenset(figures))


def written_words(text: str) -> tuple[str, ...]:
    """The words of ``text`` in order, in lower case, small words too; a version is one word."""
    return tuple(match.group().lower() for match in _WORD.finditer(text))


def _word(written: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of one word as it is written, and the figures among them."""
    raw = written.lower().replace("’", "'").removesuffix("'s")
    figure = figure_forms(raw)
    if figure is not None:
        return figure, figure
    parts = re.split(r"[-/_:.'@+]", raw)
    return tuple(stem(part) for part in parts if part and part not in STOPWORDS), ()


_kept_word = lru_cache(maxsize=32_768)(_word)


def figure_forms(raw: str) -> tuple[str, ...] | None:
    """Normal forms when ``raw`` carries a number; None for a plain word.

    A full date also counts as its day without the year and as its month, and a number with a
    unit as the number.
    """
    if raw in _NUMBER_WORDS:
        return (_NUMBER_WORDS[raw],)
    if not any(character.isdigit() for character in raw):
        return None
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", raw):
        return (raw, f"-{raw[4:]}", raw[:7])
    if re.fullmatch(r"--\d{2}-\d{2}", raw):
        return (raw,)
    version = _VERSION.match(raw)
    if version:
        return (version.group(1),)
    unit = _UNIT.match(raw)
    if unit:
        return (_plain(unit.group(1)), unit.group(2))
    if re.fullmatch(r"\d+", raw):
        return (_plain(raw),)
    return (raw,)


def _plain(number: str) -> str:
    whole, _, fraction = number.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")


def names(text: str) -> frozenset[str]:
    """Stems of the capitalised words inside ``text``, without its first word, months, acronyms."""
    found = _INNER_NAME.findall(dates_normalised(text))
    parts = (
        part for name in found if not name.isupper() for part in name.lower().split("-") if part
    )
    return frozenset(stem(part) for part in parts if part.isalpha()) - STOPWORDS
