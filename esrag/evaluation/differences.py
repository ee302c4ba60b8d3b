"""In what a unit of a passage says otherwise than a stretch of a reply with the same words.

    stretch, unit ─┬─ another value of the same kind ─► "the documents say 410 g, not 500 g"
                   ├─ another name in one place
                   └─ a negation more or less, or the opposite of a word

Pure; that both speak of the same thing, whoever asks has found out before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from esrag.evaluation.expected import content, is_negated, stems
from esrag.evaluation.values import Value, agreement, comparable, values
from esrag.sentences import Unit
from esrag.terms import stem
from esrag.verification.support import Ground, ground

LEAST_ALIKE = 0.75  # share of a unit's words in a stretch that it can negate
_OPPOSITES = (
    ("early", "late"), ("warm", "cold"), ("hot", "cold"), ("long", "short"), ("high", "low"),
    ("fast", "slow"), ("heavy", "light"), ("true", "false"), ("import", "export"),
    ("buy", "sell"), ("include", "exclude"), ("north", "south"), ("east", "west"),
    ("enabled", "disabled"), ("increase", "decrease"), ("increased", "decreased"),
    ("increased", "reduced"), ("rose", "fell"), ("added", "removed"), ("adds", "removes"),
    ("allowed", "forbidden"), ("available", "unavailable"), ("before", "after"),
    ("minimum", "maximum"), ("least", "most"), ("more", "less"), ("first", "last"),
    ("begins", "ends"), ("starts", "stops"), ("open", "closed"), ("required", "optional"),
    ("inside", "outside"), ("above", "below"), ("supported", "unsupported"), ("longer", "shorter"),
    ("higher", "lower"), ("larger", "smaller"), ("faster", "slower"), ("heavier", "lighter"),
    ("accepted", "rejected"), ("free", "paid"), ("public", "private"),
    ("won", "lost"), ("bought", "sold"),
)  # fmt: skip


def keys_of(text: str) -> frozenset[str]:
    """What ``text`` speaks of: its versions, codes and names (capitalised words behind the first).

    A first word is a name when it is written as no other word is: "iPhone", "G4".
    """
    said = values(text)
    found = {value.key for value in said if value.kind in ("version", "code")}
    for value in reversed(said):  # the name of a month or of a currency is none
        if value.kind not in ("version", "code"):
            text = f"{text[: value.start]} 0 {text[value.end :]}"
    row = content(text)
    first = text.lstrip(" \t*_`\"'“-•").split(None, 1)[:1]
    for token in row:
        if token.kind != "word" or not token.capital or token.raw.lower() in _NO_NAMES:
            continue
        if first and first[0].startswith(token.raw) and token is row[0]:
            continue
        found.add(token.key)
    return frozenset(found)


_NO_NAMES = frozenset(
    """january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday eur usd aud gbp chf answer yes no
    note the""".split()
)


def other_name(text: str, said: Sequence[Value], missing: frozenset[str], unit: Unit) -> str:
    """The name that ``unit`` has in the place of the only one it lacks; "" for none."""
    others = keys_of(unit.text) - keys_of(text)
    there = values(unit.text)
    agree = all(any(agreement(v, other) != "other" for other in there) for v in said)
    if len(missing) != 1 or not others or not agree or is_negated(text) != is_negated(unit.text):
        return ""
    if any(value.key in missing for value in values(text)):
        return ""  # a version or a code says what it is about
    names = [token.raw for token in content(text) if token.key in missing]
    return f"the documents have another name in the place of {names[0]}" if names else ""


def written_as(text: str, unit: str) -> str:
    """``text`` with its values as ``unit`` writes them, where they are equal."""
    there = values(unit)
    for value in reversed(values(text)):
        for other in there:
            if value.text != other.text and agreement(value, other) == "equal":
                text = f"{text[: value.start]}{other.text}{text[value.end :]}"
                break
    return text


def otherwise(text: str, said: Sequence[Value], unit: Unit, around: Ground, *, whole: bool) -> str:
    """In what ``unit`` says otherwise than ``text``; "" for in nothing."""
    there = values(unit.text)
    context_figures = around.figures
    missing = [
        value
        for value in said
        if value.kind not in ("version", "code")
        and not any(agreement(value, other) != "other" for other in there)
        and value.key not in context_figures
    ]
    if not missing:
        if not whole:
            return ""
        if is_negated(text) != is_negated(unit.text):
            words = ground(unit.text).words
            alike = len(words & ground(text).words) >= LEAST_ALIKE * len(words)
            return "the documents say the opposite" if alike else ""
        turned = opposite_in(text, unit.text)
        return f"the documents say the opposite of “{turned}”" if turned else ""
    if is_negated(text) != is_negated(unit.text):
        return ""
    for value in missing:
        for other in there:
            same_kind = comparable(value, other) and (
                value.kind == other.kind and value.unit == other.unit
            )
            if same_kind and not any(agreement(other, each) != "other" for each in said):
                return f"the documents say {other.text}, not {value.text}"
    return ""


def opposite_in(text: str, told: str) -> str:
    """A word of ``text`` that ``told`` has the opposite of, and not itself; "" for none."""
    said = {stem(token.raw.lower()) for token in ground(text).row}
    here = {stem(token.raw.lower()) for token in ground(told).row}
    for one, two in _both_ways():
        if one in said and two in here and one not in here and two not in said:
            return one
    return ""


def exchanged(text: str, told: str) -> bool:
    """Whether two values of ``text`` stand each behind the words of the other in ``told``."""
    said = _led_in(text, values(text))
    there = _led_in(told, values(told))
    found = [
        (words, [(other, lead) for other, lead in there if agreement(value, other) == "equal"])
        for value, words in said
    ]
    placed = [(words, places[0]) for words, places in found if len(places) == 1]
    return any(
        one is not two
        and words & two[1] - one[1]
        and others & one[1] - two[1]
        and not words & one[1] - two[1]
        and not others & two[1] - one[1]
        for words, one in placed
        for others, two in placed
    )


def _led_in(text: str, said: Sequence[Value]) -> list[tuple[Value, frozenset[str]]]:
    """Each value with the words between it and the one before."""
    before, found = 0, []
    for value in said:
        found.append((value, stems(text[before : value.start])))
        before = value.end
    return found


_BEGINNING = re.compile(r"\b(?:from|since|starting|beginning)(?: on| in| at)?(?: the)?\s*$", re.I)
_END = re.compile(r"\b(?:until|till|up to|by|through)(?: the)?\s*$", re.I)


def starts_where_it_ends(text: str, told: str) -> bool:
    """Whether ``text`` lets begin at a date what ends there in ``told``."""
    ends = [v for v in values(told) if v.kind == "date" and _END.search(told[: v.start])]
    return any(
        value.kind == "date" and agreement(value, end) == "equal"
        for value in values(text)
        if _BEGINNING.search(text[: value.start])
        for end in ends
    )


def _both_ways() -> Iterator[tuple[str, str]]:
    for one, two in _OPPOSITES:
        yield stem(one), stem(two)
        yield stem(two), stem(one)
