"""Cuts a reply into the stretches that get a verdict: sentences, and where need be their clauses.

Offsets are exact and count characters of the reply.  A sentence is one stretch; only when parts
of it deserve different verdicts is it cut, at a comma, colon, dash or joining word.  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from esrag.evaluation.values import values
from esrag.sentences import sentence_spans
from esrag.verification.statement import read_statement

LONGEST = 2_000  # characters; no document says so long a sentence, and no check reads it
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_RULE = re.compile(r"^[\s|:=*_\-–—]+$")
_COLUMNS_END = re.compile(r"\|?[ ]*:?-{2,}:?[ ]*(?:\||$)", re.M)  # the rule below a table's head
ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s")  # of a list
_NUMBER = re.compile(r"^\d{1,3}\.$")  # of a heading or an item, unless the reply begins with it
_NUMBERS = re.compile(r"^\d{1,3}[.)](?:\s+\d{1,3}[.)])+$")  # of items that do not come
_TARGET = r"\((?:\.{0,2}/|#|https?:)[^)\n]*\)"  # of a link; models put a blank before it
_LINK = rf"\[[^\]\n]*\](?:\([^)\n]*\)| {_TARGET})"
_LINKS = re.compile(rf"{_LINK}|\[[^\]\n]*\]")
_ONLY_LINKS = re.compile(
    rf"^\W*(?:(?:(?:the )?answer(?: is)?\W*)?(?:{_LINK}|{_TARGET})\W*)+$|^\W*\[[^\]\d\n]+\]\W*$",
    re.I,
)
_ONLY_CITATIONS = re.compile(
    r"^\s*(?:[\[(【][^\]\[()【】]{0,40}\d[^\]\[()【】]{0,20}[\])】]\s*)+[.!]?\s*$"
)
_MARKS = re.compile(
    r"^\s*(?:>\s*)*(?:[-*+•]|\d{1,3}[.)])?\s+|[*`#]+|(?<!\w)_+|_+(?!\w)"
    rf"|\[([^\]]*)\](?:\([^)]*\)| {_TARGET})"
)
_JOINT = re.compile(
    r"(?:\s*[,;:—–]\s+|\s+-\s+|\s+)(?:and|but|while|whereas|although|though|which|or|plus"
    r"|however|yet)\s+(?=\S)"
    r"|\s*[,;:—–]\s+(?=\S)|\s*\((?=[^)\s])|\s+-\s+(?=\S)",
    re.I,
)
_SHOWS_PASSAGE = re.compile(r"^\W*the passage is:? *</?passages? [0-9a-f]{4,12}> *(?=\S)", re.I)
_ENDS_IN_DIGIT = re.compile(r"\d\.$")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\U000e0000-\U000e007f]"
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """``reply[start:end]``; ``text`` is how it reads: no Markdown, citations, labels."""

    start: int
    end: int
    text: str
    heading: bool = False


def sentences_of(reply: str, quotations: Sequence[tuple[int, int]] = ()) -> Iterator[Stretch]:
    """The sentences of a reply, in order; nothing for rules, fences and lone citations.

    ``quotations`` are stretches that stay whole whatever marks are in them, in order.
    """
    places = list(_around(reply, quotations))
    following = [start for start, _ in (*places[1:], (len(reply), 0))]
    for (start, end), behind in zip(places, following, strict=False):
        raw = reply[start:end]
        if end - start > LONGEST:
            yield Stretch(start, end, raw)
            continue
        if _FENCE.match(raw) or _RULE.match(raw) or _ONLY_CITATIONS.match(raw):
            continue
        text = readable(raw)
        if any(character.isalnum() for character in text):
            columns = "|" in raw and bool(_COLUMNS_END.match(reply, behind))
            counts = _NUMBERS.match(raw) or (_NUMBER.match(raw) and bool(reply[:start].strip()))
            heading = columns or counts or raw.lstrip().startswith("#") or _ONLY_LINKS.match(raw)
            yield Stretch(start, end, text, heading=bool(heading))


def _around(reply: str, quotations: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The quotations, and the sentences of what lies between them."""
    done = 0
    for start, end in (*quotations, (len(reply), len(reply))):
        for first, last in _whole(reply[done:start]):
            yield done + first, done + last
        if start < end:
            yield start, end
        done = end


def _whole(reply: str) -> Iterator[tuple[int, int]]:
    """The spans of sentences; the full stop inside a value ("3. März 2026") ends none."""
    before: tuple[int, int] | None = None
    for start, end in sentence_spans(reply):
        if before and _ENDS_IN_DIGIT.search(reply, max(before[0], before[1] - 4), before[1]):
            joint = reply[max(before[0], before[1] - 12) : min(end, start + 24)]
            cut = before[1] - max(before[0], before[1] - 12)
            if "\n" not in joint and any(v.start < cut < v.end for v in values(joint)):
                before = before[0], end
                continue
        if before:
            yield before
        before = start, end
    if before:
        yield before


def clauses_of(reply: str, sentence: Stretch) -> tuple[Stretch, ...]:
    """The clauses of a sentence; a joint inside a value, as of "9 April, 2026", or a link is none.

    Each joint belongs to the clause behind it, so the clauses cover the sentence.
    """
    raw = reply[sentence.start : sentence.end]
    inside = [(value.start, value.end) for value in values(raw)]
    inside += [match.span() for match in _LINKS.finditer(raw)]
    cuts = [
        match.start()
        for match in _JOINT.finditer(raw)
        if match.start() > 0
        and not any(start < match.end() - 1 and match.start() < end for start, end in inside)
    ]
    found = []
    for begin, stop in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        text = readable(_without_joint(raw[begin:stop]))
        first, last = begin, stop
        while first < last and raw[first].isspace():
            first += 1
        if any(character.isalnum() for character in text):
            link = _ONLY_LINKS.match(raw[first:last]) is not None
            found.append(Stretch(sentence.start + first, sentence.start + last, text, link))
    return tuple(found)


def parts_of(reply: str, clauses: Sequence[Stretch]) -> Stretch:
    """Neighbouring clauses as one stretch."""
    start, end = clauses[0].start, clauses[-1].end
    return Stretch(start, end, readable(_without_joint(reply[start:end])))


def readable(raw: str) -> str:
    """``raw`` as it reads: without Markdown, signs that no reader sees, citations and labels."""
    seen = _SHOWS_PASSAGE.sub("", _UNSEEN.sub("", raw))
    plain = _MARKS.sub(lambda match: match.group(1) or "", seen)
    if "|" in plain:  # cells of a row stay apart: "Kestrel 3 | 630 kg" is not 3,630 kg
        plain = "; ".join(cell for cell in map(str.strip, plain.split("|")) if cell)
    return read_statement(" ".join(plain.split()), given=0).text.strip()


def _without_joint(raw: str) -> str:
    match = _JOINT.match(raw)
    return raw[match.end() :] if match else raw
